"""Finds which pair of model and prompt may replace the one in production: scores, searches, and the gate over all."""
