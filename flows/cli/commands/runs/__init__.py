"""Commands about runs that are there: how they go, and their reports."""
