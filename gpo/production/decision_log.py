"""Stores the decisions about challengers in the database, and settles one that waits for a person.

`Production` holds this log, the prompt registry and the history of runs of one database.

The methods block: asynchronous code calls them through `asyncio.to_thread`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine, RowMapping, select, update

from gpo.database.engine import open_state, read_transaction, utc_now, write_transaction
from gpo.database.statements import upsert
from gpo.database.tables import decisions
from gpo.errors import AliasMovedError, DecisionError, suggestion
from gpo.formatting import printable
from gpo.production.decision import Decision, Status
from gpo.prompts.registry import Registry
from gpo.records import canonical_json
from gpo.runs.history import History
from gpo.settings import Settings

_COLUMNS = (
    *("run", "prompt", "alias", "basis", "champion", "challenger", "status"),
    *("flow_run", "who", "why", "created_at", "decided_at"),
)


class DecisionLog:
    """The decisions of one database. Every method raises StateError when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        """Keep decisions in `engine`, which the caller opens and disposes of."""
        self._engine = engine

    def keep(self, decision: Decision) -> Decision:
        """Keep what became of a run; on the same grounds, what a person or the gate has answered already stays.

        One that waits or was promoted supersedes those of the same prompt and alias that still wait; any other
        supersedes what its own run had waiting on other grounds.
        """
        with write_transaction(self._engine) as connection:
            found = _lock_row(connection, decision.id)
            known = None if found is None else _from_row(found)
            if known is not None and known.status in ("promoted", "rejected", "waiting"):
                return known  # one that waits belongs to the run that waits with it
            self._write(connection, decision)
        return decision

    def find(self, identity: str) -> Decision | None:
        """A decision by its `id`."""
        with read_transaction(self._engine) as connection:
            row = connection.execute(select(decisions).where(decisions.c.id == identity)).mappings().one_or_none()
        return None if row is None else _from_row(row)

    def find_by_flow_run(self, flow_run: str) -> Decision | None:
        """The decision that a Prefect run made, by the id of that run; None when it made none."""
        query = select(decisions).where(decisions.c.flow_run == flow_run).order_by(decisions.c.created_at.desc())
        with read_transaction(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _from_row(row)

    def list_decisions(self, prompt: str | None = None, alias: str | None = None) -> list[Decision]:
        """The decisions about a prompt's alias, or about all, the latest first."""
        query = select(decisions).order_by(decisions.c.created_at.desc(), decisions.c.id)
        if prompt is not None:
            query = query.where(decisions.c.prompt == prompt)
        if alias is not None:
            query = query.where(decisions.c.alias == alias)
        with read_transaction(self._engine) as connection:
            return [_from_row(row) for row in connection.execute(query).mappings()]

    def find_waiting(self, reference: str) -> Decision:
        """The decision that waits for a person, by the id of its run or the name of its prompt.

        Raises:
            DecisionError: there is none, or several of that prompt.
        """
        known = self.list_decisions()
        found = [each for each in known if reference in (each.run, each.prompt, each.flow_run, each.id)]
        waiting = [each for each in found if each.is_open]
        if len(waiting) == 1:
            return waiting[0]
        if waiting:
            several = ", ".join(f"{each.id} (run {each.run}, {each.alias})" for each in waiting)
            raise DecisionError(f"{reference} has several that wait; name one: {several}")
        if found:
            raise DecisionError(f"{reference} does not wait for an answer: {found[0].sentence}")
        names = [each.run for each in known if each.is_open]
        hint = suggestion(reference, names) if names else "; none waits for approval"
        raise DecisionError(f"no run or prompt '{reference}' waits for approval{hint}")

    def settle(self, identity: str, *, approved: bool, who: str, why: str) -> Decision:
        """Promote or reject what waits, once; a decision that is settled already is returned as it is.

        If the alias was moved elsewhere meanwhile, nothing is promoted and the decision is superseded.

        Raises:
            DecisionError: there is no such decision.
        """
        with write_transaction(self._engine) as connection:
            row = _lock_row(connection, identity)
            if row is None:
                raise DecisionError(f"there is no decision {identity}")
            decision = _from_row(row)
            who, why = _storable_text(who) or "someone", _storable_text(why)
            if decision.status == "expired" and row["status"] == "waiting":
                done = decision
            elif not decision.is_open:
                return decision
            elif not approved:
                done = _with_answer(decision, "rejected", who, why)
            else:
                done = self._promoted(connection, decision, who, why)
            connection.execute(update(decisions).where(decisions.c.id == identity).values(_to_row(done)))
        return done

    def promote(self, decision: Decision, *, who: str) -> Decision:
        """Keep a decision that needs no approval and move the alias, both or neither."""
        with write_transaction(self._engine) as connection:
            found = _lock_row(connection, decision.id)
            if found is not None and found["status"] in ("promoted", "rejected"):
                return _from_row(found)
            done = self._promoted(connection, decision, who, "")
            self._write(connection, done)
        return done

    def _promoted(self, connection: Connection, decision: Decision, who: str, why: str) -> Decision:
        version = decision.challenger
        if version is None:
            raise DecisionError(f"run {decision.run} has no challenger that could be promoted")
        evidence = f"{why or decision.reason} (run {decision.run})"
        move = partial(
            Registry(self._engine).promote_within,
            *(connection, decision.prompt, version, decision.alias),
            who=who,
            why=evidence,
        )
        try:
            move(expected=decision.champion)
        except AliasMovedError as moved:
            try:
                move(expected=version)  # someone was faster, and of the same mind
            except AliasMovedError:
                return _with_answer(decision, "superseded", who, str(moved))
        return _with_answer(decision, "promoted", who, why)

    def _write(self, connection: Connection, decision: Decision) -> None:
        """Keep a decision; those of its alias that it supersedes wait no longer."""
        mine = (decisions.c.prompt == decision.prompt) & (decisions.c.alias == decision.alias)
        late = mine & (decisions.c.status == "waiting") & (decisions.c.id != decision.id)
        if decision.status not in ("waiting", "promoted"):
            late &= decisions.c.run == decision.run
        later = {"status": "superseded", "why": f"run {decision.run} came later", "decided_at": utc_now()}
        connection.execute(update(decisions).where(late).values(later))
        row = _to_row(decision)
        changed = {name: value for name, value in row.items() if name != "id"}
        connection.execute(
            upsert(connection, decisions)
            .values(row)
            .on_conflict_do_update(index_elements=[decisions.c.id], set_=changed)
        )


def _lock_row(connection: Connection, identity: str) -> RowMapping | None:
    """The row of a decision, locked against other writers until the transaction ends; None when there is none."""
    query = select(decisions).where(decisions.c.id == identity).with_for_update()
    return connection.execute(query).mappings().one_or_none()


def _with_answer(decision: Decision, status: Status, who: str | None, why: str | None) -> Decision:
    return decision.model_copy(update={"status": status, "who": who, "why": why, "decided_at": utc_now()})


def _to_row(decision: Decision) -> dict[str, object]:
    plain = decision.model_dump(mode="json")
    columns = {name: plain.pop(name) for name in _COLUMNS}
    return {"id": decision.id, **columns, "content": canonical_json(plain)}


def _from_row(row: RowMapping) -> Decision:
    """The decision of a row; one that has waited for too long is expired, whether or not that was noted yet."""
    kept = Decision.model_validate({**json.loads(row["content"]), **{name: row[name] for name in _COLUMNS}})
    if not kept.is_expired(utc_now()):
        return kept
    return kept.model_copy(update={"status": "expired", "decided_at": kept.expires_at})


def _storable_text(text: str) -> str:
    """A person's words as a database takes them."""
    return printable(text).strip()


class Production:
    """The registry of prompts, the decisions about challengers and the history of runs, in one database."""

    def __init__(self, engine: "Engine") -> None:
        """Use `engine`, which the caller disposes of."""
        self.engine = engine
        self.registry = Registry(engine)
        self.decisions = DecisionLog(engine)
        self.history = History(engine)


@contextmanager
def open_production(settings: Settings, home: Path) -> Iterator[Production]:
    """Production in the database of a state folder, open until the context ends.

    Raises:
        StateError: the database cannot be used.
    """
    with open_state(settings, home) as engine:
        yield Production(engine)
