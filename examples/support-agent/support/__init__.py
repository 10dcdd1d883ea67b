"""A small agent that answers customers with two tools: it loads its texts, and knows of no search."""
