"""The steps of a run as Prefect tasks, with their retries, caching and names; what a step does is in `gpo/`."""
