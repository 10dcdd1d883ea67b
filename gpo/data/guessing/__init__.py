"""What rows show of a task: which fields are inputs, which is the right answer, of what kind answers are, and why."""
