"""The local stack of a state folder: Prefect server, Chroma, worker and prompt endpoint as processes."""

POOL = "gpo-process"
"""The Prefect work pool that the workers of a stack serve."""
