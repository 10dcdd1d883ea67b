"""Claims in the database, by which processes that do not know each other share work: calls, and slots to call in."""
