"""The command `gpo`: the only place that prints."""
