"""What a Dask process does first: it leaves Ctrl-C in the terminal, which reaches all, to the process of the run."""

import signal


def dask_setup(worker: object) -> None:
    """Called by Dask in each of its processes."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
