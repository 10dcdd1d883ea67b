"""What a check of a prompt against production came to: in words, for a pull request, and as a file of test results."""
