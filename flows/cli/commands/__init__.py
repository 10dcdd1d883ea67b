"""One file a subject; each adds its commands to the app of `flows/cli/app.py`."""
