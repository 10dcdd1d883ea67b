"""Claims on calls: of several processes that need the same answer, one pays for it and the others wait.

A claim is a row of the database, and holds for some seconds; its owner renews it for as long as it lives. The claims of
a process of this machine that has died are free at once.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, delete, select, update

from gpo.database.engine import utc_now
from gpo.database.statements import insert_or_update
from gpo.database.tables import call_claims

LEASE_S = 30.0
"""How long a claim holds that nobody renews. The clocks of machines that share a database differ by less."""

RENEW_S = 10.0
"""How often a living owner renews its claims."""

_TAKE = insert_or_update(call_claims, "call_claims.until < :now OR call_claims.owner = :dead")
_AT_ONCE = 500


def new_owner() -> str:
    """A name for somebody in this process who claims calls, by which others see whether the process lives."""
    return f"{_machine()}/{os.getpid()}/{uuid4().hex[:8]}"


def claim(connection: Connection, owner: str, digests: Sequence[str]) -> set[str]:
    """Claim calls that nobody pays for; which of them the owner holds now."""
    row = {"owner": owner, "until": _until(), "now": utc_now(), "dead": ""}
    mine = [{**row, "digest": digest} for digest in sorted(digests)]
    connection.execute(_TAKE, mine)
    owners = _owners(connection, digests)
    dead = {other for other in set(owners.values()) - {owner} if has_died(other)}
    if dead:
        left = [{**row, "dead": owners[row["digest"]]} for row in mine if owners.get(row["digest"]) in dead]
        connection.execute(_TAKE, left)
        owners = _owners(connection, digests)
    return {digest for digest, holder in owners.items() if holder == owner}


def drop(connection: Connection, owner: str, digests: Sequence[str]) -> None:
    """Give claims up, which are their owner's no more."""
    for part in _parts(digests):
        connection.execute(delete(call_claims).where(call_claims.c.digest.in_(part), call_claims.c.owner == owner))


def renew(connection: Connection, owner: str) -> None:
    """Let all of the owner's claims hold on."""
    connection.execute(update(call_claims).where(call_claims.c.owner == owner).values(until=_until()))


def _owners(connection: Connection, digests: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in _parts(digests):
        query = select(call_claims.c.digest, call_claims.c.owner).where(call_claims.c.digest.in_(part))
        found |= {row.digest: row.owner for row in connection.execute(query)}
    return found


def _parts(digests: Sequence[str]) -> list[Sequence[str]]:
    return [digests[start : start + _AT_ONCE] for start in range(0, len(digests), _AT_ONCE)]


def _until() -> str:
    return utc_now(-timedelta(seconds=LEASE_S))


def _machine() -> str:
    """The machine, and on Linux the space of its process numbers: containers may share a name, and not these."""
    space = ""
    with suppress(OSError):
        space = Path("/proc/self/ns/pid").readlink().name
    return f"{socket.gethostname()[:60]} {space}".strip()


def has_died(owner: str) -> bool:
    """Whether the owner's process surely runs no more; of other machines nobody here knows."""
    machine, _, rest = owner.partition("/")
    if os.name != "posix" or machine != _machine():
        return False
    try:
        os.kill(int(rest.partition("/")[0]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        pass
    return False
