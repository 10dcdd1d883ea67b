"""How the function of a metric is called, which may be a user's: what it may ask for, and what its result is worth."""
