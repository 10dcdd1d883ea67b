"""What happens in which order: the loop, and the command line."""
