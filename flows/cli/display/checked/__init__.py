"""What a person sees of the check of a prompt."""
