"""What a check against production, of a prompt or of models, came to: in words, for a pull request, as test results."""
