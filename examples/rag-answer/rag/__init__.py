"""A small application that answers visitors' questions from passages: it loads its prompts, and knows of no search."""
