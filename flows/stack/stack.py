"""The local stack of a state folder, without containers: `gpo up` starts what does not run, `gpo down` stops it.

The parts are started side by side, and each is written down as soon as it has a process: whoever is killed in between,
the next `up` goes on and `down` finds everything. What runs and works is left alone.
"""

from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from flows.stack.environment import api_auth, find_key, prepare_prefect
from flows.stack.parts import SERVER, WORKER, PrefectApi
from flows.stack.process import find_run_processes, is_alive, stop
from flows.stack.record import archive_stack, read_stack
from flows.stack.start import PartState, PartStatus, StackStart, StartReport, part_status
from flows.stack.ui import forget_server
from flows.stack.waiting import STOP_S, STOP_WORKER_S
from gpo.errors import StateError
from gpo.files import make_private


class StopReport(NamedTuple):
    """The names of the parts that were stopped, and how many runs were interrupted and begin again at the next `up`."""

    parts: tuple[str, ...]
    resumed: int


def up(home: Path, workers: int | None, port: int | None) -> StartReport:
    """Start what does not run of the stack of `home`; `workers` processes, by default as many as there were, or one.

    `port` is wanted for the Prefect server, the next ones for Chroma and the prompts; by default those of last time.
    The deployments of the `prefect.yaml` in the working folder are made when it, or one of its flows, has changed.

    Raises:
        StateError: a part did not start; the message names its log. The others are left running.
    """
    try:
        make_private(home)
        with FileLock(home / "stack.lock"):
            prepare_prefect(home, verbose=True)
            return StackStart(home).start_all(workers, port)
    except OSError as error:
        raise StateError(
            f"the stack cannot be kept in {home} ({error.strerror or error}); make room there, or set GPO_HOME"
        ) from error


def down(home: Path) -> StopReport:
    """Stop what `up` started for `home`. Runs get time to end by themselves, and begin again at the next `up`.

    Raises:
        StateError: a part is still there after a kill.
    """
    if read_stack(home) is None:
        return StopReport((), 0)
    with FileLock(home / "stack.lock"):
        stack = read_stack(home)
        if stack is None:
            return StopReport((), 0)
        owned = {name: process for name, process in stack.processes.items() if process.owned}
        ran = tuple(name for name, process in owned.items() if is_alive(process))
        runs = find_run_processes(home)
        stop([process for name, process in owned.items() if name.startswith(WORKER)], STOP_WORKER_S)
        stop({**runs, **find_run_processes(home)}.values(), STOP_S)
        with PrefectApi(stack.api_url, find_key(home) or api_auth()) as api:
            resumed = sum(api.resume(run) for run in runs)
        stop(owned.values(), STOP_S)
        if left := [f"{name} (pid {each.pid})" for name, each in owned.items() if is_alive(each)]:
            raise StateError(f"still there after a kill: {', '.join(left)}")
        if SERVER in owned:
            forget_server(home)
        archive_stack(home)
        return StopReport(ran, resumed)


def status(home: Path) -> tuple[PartStatus, ...]:
    """What runs of the stack of `home`, as it is now; nothing without a stack."""
    stack = read_stack(home)
    if stack is None:
        return ()
    states: dict[str, PartState] = {
        name: "runs" if is_alive(process) else "stopped" for name, process in stack.processes.items()
    }
    return tuple(part_status(stack, name, state) for name, state in states.items())
