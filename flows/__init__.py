"""What happens in which order: five Prefect flows, the command line `gpo`, and the local stack that runs them."""
