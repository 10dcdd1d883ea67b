"""What a person sees in a terminal: how a run goes, and what it came to."""
