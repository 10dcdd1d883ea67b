"""Starts a Prefect server whose transactions wait for each other on SQLite.

`python -m flows.stack.prefect_server server start ...` starts it.

Prefect begins most transactions DEFERRED. On SQLite one that reads and then writes fails at once when another wrote in
between, whatever the time-out: a client is answered 503 and pauses, and a run that a trigger was to start is lost.
Begun IMMEDIATE, such transactions wait for each other. PostgreSQL has no such words and is not affected.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def queue_writers() -> None:
    """Let every transaction of this process that would begin DEFERRED begin IMMEDIATE."""
    if not event.contains(Engine, "before_cursor_execute", _begin_immediate):
        event.listen(Engine, "before_cursor_execute", _begin_immediate, retval=True)


def _begin_immediate(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    return ("BEGIN IMMEDIATE" if statement == "BEGIN DEFERRED" else statement), parameters


def main() -> None:
    """Run Prefect's command line."""
    queue_writers()
    import prefect.cli  # noqa: PLC0415 - seconds

    prefect.cli.app()


if __name__ == "__main__":
    main()
