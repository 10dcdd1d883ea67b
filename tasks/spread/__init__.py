"""Prefect task runners that score examples in other processes."""
