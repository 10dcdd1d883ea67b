"""Scores one prompt on examples: demonstrations, calls, reading, metric or judge, and the race between candidates."""
