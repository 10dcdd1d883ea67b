"""Commands that write what ships beside the code."""
