"""What a run tells people and machines while it works: lines of its log, events for automations, names of runs."""
