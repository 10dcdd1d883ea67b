"""How many values a property test draws."""

from hypothesis import settings


def at_most(examples: int) -> int:
    """So many as the profile says, and no more than these, for a test whose examples are dear."""
    return min(examples, settings().max_examples)
