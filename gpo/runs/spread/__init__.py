"""Scoring in other processes: what is sent there and comes back, and whether that can be done."""
