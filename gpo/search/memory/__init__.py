"""The trajectory: all scored prompts of a task, in the index of Chroma, and the orders in which they are shown."""
