"""Targets: the user's own program, loaded, run with the prompts of a candidate, watched, and its answers kept."""
