"""Champion and challenger: where a prompt stands, what is decided about a better one, and who has to agree."""
