"""The steps of the method as Prefect tasks: retries, caching and names; what they do is in `gpo/`."""
