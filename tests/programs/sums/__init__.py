"""An application of two prompts that knows nothing of this library but `load_prompt`."""
