"""Claims on calls: of several processes that need the same answer, one pays for it and the others wait.

A claim is a row of the database, and holds for some seconds; its owner renews it for as long as it lives. The claims of
a process of this machine that has died are free at once.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import Connection, update

from gpo.database.engine import utc_now
from gpo.database.statements import execute_plain, insert_or_update, parts_of, select_in
from gpo.database.tables import call_claims
from gpo.settings import machine_name

LEASE_S = 30.0
"""How long a claim holds that nobody renews. The clocks of machines that share a database differ by less."""

RENEW_S = 10.0
"""How often a living owner renews its claims."""

_TAKE = insert_or_update(call_claims, "call_claims.until < ? OR call_claims.owner = ?")
_OWNERS = "SELECT digest, owner FROM call_claims WHERE digest IN"


def new_owner() -> str:
    """A name for somebody in this process who claims calls, by which others see whether the process lives."""
    return f"{machine_name()}/{os.getpid()}/{uuid4().hex[:8]}"


def claim(connection: Connection, owner: str, digests: Sequence[str]) -> set[str]:
    """Claim calls that nobody pays for; which of them the owner holds now."""
    until, now = _until(), utc_now()
    taken = execute_plain(connection, _TAKE, [(digest, owner, until, now, "") for digest in sorted(digests)])
    if taken.rowcount == len(digests):
        return set(digests)
    owners = _owners(connection, digests)
    dead = {other for other in set(owners.values()) - {owner} if has_died(other)}
    if dead:
        left = [(each, owner, until, now, owners[each]) for each in sorted(digests) if owners.get(each) in dead]
        execute_plain(connection, _TAKE, left)
        owners = _owners(connection, digests)
    return {digest for digest, holder in owners.items() if holder == owner}


def drop(connection: Connection, owner: str, digests: Sequence[str], over_by: str = "") -> None:
    """Give claims up, which are their owner's no more; with `over_by`, a time, only those that are over by then."""
    also = " AND until < ?" if over_by else ""
    for part in parts_of(digests):
        listed = ", ".join("?" * len(part))
        given = (owner, *part, over_by) if over_by else (owner, *part)
        execute_plain(connection, f"DELETE FROM call_claims WHERE owner = ? AND digest IN ({listed}){also}", given)  # noqa: S608 - no value


def renew(connection: Connection, owner: str) -> None:
    """Let all of the owner's claims hold on."""
    connection.execute(update(call_claims).where(call_claims.c.owner == owner).values(until=_until()))


def _owners(connection: Connection, digests: Sequence[str]) -> dict[str, str]:
    return dict(map(tuple, select_in(connection, _OWNERS, digests)))


def _until() -> str:
    return utc_now(-timedelta(seconds=LEASE_S))


def has_died(owner: str) -> bool:
    """Whether the owner's process surely runs no more; of other machines nobody here knows."""
    machine, _, rest = owner.partition("/")
    if os.name != "posix" or machine != machine_name():
        return False
    try:
        os.kill(int(rest.partition("/")[0]), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        pass
    return False
