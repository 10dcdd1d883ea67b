"""Where the command `gpo` begins: it hears Ctrl-C and SIGTERM before it has loaded anything."""

import atexit
import gc
import os
import sys

from flows.cli.signals import end_at_once, set_handlers


def collect_seldom() -> None:
    """Look for garbage in circles seldom: what a command makes is kept, and looking takes a fifth of its time.

    At the end Python would look through all there is once more, for a tenth of the time; the process ends anyway.
    """
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)


def _have_streams() -> None:
    """Where output was closed, as by `>&-`, what is written there is thrown away, and no file takes its place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - to the end


def main() -> None:
    """Run the command that the arguments of this process name."""
    collect_seldom()
    _have_streams()
    # Until a command has something to tidy up, and again when it has done so.
    set_handlers(end_at_once)
    from flows.cli.app import main as run  # noqa: PLC0415 - takes a while

    run()


if __name__ == "__main__":
    main()
