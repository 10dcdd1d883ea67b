"""The local stack of a state folder: Prefect server, Chroma, worker and prompt endpoint as processes."""
