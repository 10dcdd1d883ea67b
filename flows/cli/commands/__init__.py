"""The commands of `gpo`, one file a subject. A new file with `commands = typer.Typer()` is taken in by itself."""
