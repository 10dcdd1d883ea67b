"""One run of the search: its job, the check before it, the loop, what it writes to the database, and its outcome."""
