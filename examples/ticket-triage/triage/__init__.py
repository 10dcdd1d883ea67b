"""A small application that sends tickets to teams: it loads its prompts, and knows of no search."""
