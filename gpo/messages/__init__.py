"""Chat messages: of a template, of a row, and on their way to a model."""
