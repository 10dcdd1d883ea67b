"""A task with a known answer, and models that answer it: for tests and studies without a language model."""
