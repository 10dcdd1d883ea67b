"""What the pages of reports are for a browser and for its user."""
