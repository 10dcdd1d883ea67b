"""What a person sees in a terminal: tables, progress and results, one file a subject."""
