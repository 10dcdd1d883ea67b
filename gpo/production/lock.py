"""A lock on a prompt, kept in the database: at most one run at a time works on it, on whatever machine.

The holder renews its claim while it lives. A claim that a waiting run has not seen renewed for `DEAD_S` belongs to a
process that was killed, and is taken over. Only the waiting run's own clock counts.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sqlalchemy import Engine, delete, select, update

from gpo.database.engine import utc_now, write_transaction
from gpo.database.statements import upsert
from gpo.database.tables import claims
from gpo.errors import StateError
from gpo.progress import Note, emit
from gpo.records import Record

RENEW_S = 10.0
"""Seconds between two renewals of a claim."""

DEAD_S = 60.0
"""Seconds without a renewal after which a claim is taken over."""

LOOK_S = 1.0
"""Seconds between two looks of a run that waits."""


class PromptLock(Record):
    """Who works on a prompt: `what` is its run in words; times are ISO text in UTC."""

    prompt: str
    holder: str
    what: str
    since: str
    renewed_at: str


@asynccontextmanager
async def lock_prompt(
    engine: Engine, prompt: str, holder: str, what: str, on_wait: Callable[[PromptLock], None]
) -> AsyncIterator[None]:
    """Hold the claim on a prompt, waiting for whoever holds it; `on_wait` is called once, with that one's claim.

    The same holder may claim again: its run was resumed.

    Raises:
        StateError: the database cannot be used.
    """
    claim = {"prompt": prompt, "holder": holder, "what": what, "since": utc_now()}
    seen: PromptLock | None = None
    since = 0.0
    while True:
        dead = seen if time.monotonic() - since > DEAD_S else None
        other = await asyncio.to_thread(_take, engine, PromptLock(**claim, renewed_at=utc_now()), dead)
        if other is None:
            break
        if seen is None:
            on_wait(other)
        if other != seen:
            seen, since = other, time.monotonic()
        await asyncio.sleep(LOOK_S)
    ended = threading.Event()
    # A thread, since the event loop may be busy for long.
    renewal = threading.Thread(target=_renew, args=(engine, prompt, holder, ended), daemon=True)
    renewal.start()
    try:
        yield
    finally:
        ended.set()
        renewal.join()
        _release(engine, prompt, holder)


def tell_of_wait(other: PromptLock) -> None:
    """Tell whoever listens what a run waits for."""
    emit(Note(f"{other.what} has worked on prompt {other.prompt} since {other.since}; waiting for it to end"))


def _release(engine: Engine, prompt: str, holder: str) -> None:
    with suppress(StateError), write_transaction(engine) as connection:  # it dies by itself
        connection.execute(delete(claims).where(claims.c.prompt == prompt, claims.c.holder == holder))


def _take(engine: Engine, claim: PromptLock, dead: PromptLock | None) -> PromptLock | None:
    """Take the claim, also from a `dead` one; the one that stands in the way, if any."""
    row = claim.model_dump()
    free = claims.c.holder == claim.holder
    if dead is not None:
        free |= (claims.c.holder == dead.holder) & (claims.c.renewed_at == dead.renewed_at)
    with write_transaction(engine) as connection:
        taken = upsert(connection, claims).values(row)
        connection.execute(taken.on_conflict_do_update(index_elements=[claims.c.prompt], set_=row, where=free))
        found = connection.execute(select(claims).where(claims.c.prompt == claim.prompt)).mappings().one()
    return None if found["holder"] == claim.holder else PromptLock.model_validate(dict(found))


def _renew(engine: Engine, prompt: str, holder: str, ended: threading.Event) -> None:
    while not ended.wait(RENEW_S):
        with suppress(StateError), write_transaction(engine) as connection:
            mine = (claims.c.prompt == prompt) & (claims.c.holder == holder)
            connection.execute(update(claims).where(mine).values(renewed_at=utc_now()))
