"""One run: the job, its check, what it has open, its history, its outcome."""
