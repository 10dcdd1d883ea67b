"""Stores runs, their scored prompts and their outcomes in the database, and counts the uses of test examples.

The methods block: asynchronous code calls them through `asyncio.to_thread`.
"""

import json
from collections.abc import Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any, Literal, TypeVar

from pydantic import ValidationError, field_validator
from sqlalchemy import ColumnElement, Engine, RowMapping, func, select, text, update

from gpo.database.engine import database_label, read_transaction, utc_now, write_transaction
from gpo.database.statements import upsert
from gpo.database.tables import runs, scored_prompts, test_uses
from gpo.errors import StateError
from gpo.records import Candidate, Record, Score, Scored
from gpo.runs.outcome import Outcome

_Kept = TypeVar("_Kept", bound=Record)
_EXAMPLES_PER_QUERY = 500
_PAGE = 16


class RunRow(Record):
    """One run. `key` names its content: the same spec, data and seed give the same key, and go on where it stopped.

    `scope` names what its scores are comparable with: task, dataset, metric and task model. `spec` and `dataset` are
    fingerprints. `attempts` counts the starts; times are ISO text in UTC, `finished_at` is None until the outcome is
    there. `labels` are those that its answers choose among; None where answers are no choice.
    """

    key: str
    task: str
    scope: str
    spec: str = ""
    dataset: str = ""
    attempts: int = 1
    started_at: str
    finished_at: str | None = None
    labels: tuple[str, ...] | None = None

    @field_validator("labels", mode="before")
    @classmethod
    def _as_kept(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value

    @property
    def id(self) -> str:
        """The readable name: task and the start of the key."""
        return f"{self.task}-{self.key[:8]}"


class History:
    """The kept runs of one database. Every method raises StateError when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        """Keep runs in `engine`, which the caller opens and disposes of."""
        self._engine = engine

    def begin(self, run: RunRow) -> RunRow:
        """Note the start of a run, or one more attempt at it, and return it as kept.

        The time of the first start stays; the number of attempts grows by one each time.
        """
        labels = None if run.labels is None else json.dumps(run.labels)
        values = run.model_dump() | {"attempts": 1, "labels": labels}
        with write_transaction(self._engine) as connection:
            connection.execute(
                upsert(connection, runs)
                .values(values)
                .on_conflict_do_update(index_elements=[runs.c.key], set_={"attempts": runs.c.attempts + 1})
            )
            return _run(connection.execute(_RUNS.where(runs.c.key == run.key)).mappings().one())

    def runs(self) -> list[RunRow]:
        """All runs, the latest start first."""
        with read_transaction(self._engine) as connection:
            rows = connection.execute(_RUNS.order_by(runs.c.started_at.desc(), runs.c.key)).mappings()
            return [_run(row) for row in rows]

    def record(self, run_key: str, scope: str, scored: Sequence[Scored]) -> None:
        """Keep scored prompts of a run that has begun. What is there already stays as it is."""
        rows = [
            {
                "run_key": run_key,
                "candidate_id": each.candidate.id,
                "step": each.candidate.step,
                "number": each.candidate.number,
                "scope": scope,
                "percent": each.percent,
                "complete": int(each.score.complete),
                "candidate": each.candidate.model_dump_json(),
                "score": each.score.model_dump_json(),
            }
            for each in scored
        ]
        if rows:
            with write_transaction(self._engine) as connection:
                connection.execute(upsert(connection, scored_prompts).on_conflict_do_nothing(), rows)

    def scored(self, run_key: str, before_step: int | None = None) -> list[Scored]:
        """The scored prompts of a run by step and number; with `before_step`, only those of earlier steps."""
        wanted = scored_prompts.c.run_key == run_key
        if before_step is not None:
            wanted &= scored_prompts.c.step < before_step
        return [self._scored(row) for row in self._prompts(wanted)]

    def ranked(
        self, run_key: str, before_step: int, by: Literal["time", "score"], candidate: str | None = None
    ) -> Iterator[Scored]:
        """The scored prompts of the steps of a run before one: the latest first, or the best; or those of a candidate.

        A score that the race ended early ranks below every whole one. They are read a page at a time.
        """
        columns, names = scored_prompts.c, _RANKED_BY[by]
        order = [columns[name] for name in names]
        # The sum keeps SQLite from the index by time, whose rows it would then have to sort by score: all of them.
        wanted = (columns.run_key == run_key) & (columns.step + 0 < before_step)
        query = select(columns.candidate, columns.score, columns.run_key, *order)
        if candidate is not None:
            # Few, found by the key of the table: in an order, SQLite would look for them among all.
            with read_transaction(self._engine) as connection:
                own = connection.execute(query.where(wanted & (columns.candidate_id == candidate))).mappings().all()
            yield from map(self._scored, sorted(own, key=itemgetter(*names), reverse=True))
            return
        query = query.where(wanted).order_by(*(each.desc() for each in (*order, columns.candidate_id))).limit(_PAGE)
        offset = 0
        while True:
            with read_transaction(self._engine) as connection:
                rows = connection.execute(query.offset(offset)).mappings().all()
            yield from map(self._scored, rows)
            if len(rows) < _PAGE:
                return
            offset += _PAGE

    def scored_in(self, scope: str) -> dict[str, list[Scored]]:
        """The scored prompts of all runs of a scope, by run key; each run's by step and number."""
        found: dict[str, list[Scored]] = {}
        for row in self._prompts(scored_prompts.c.scope == scope):
            found.setdefault(row["run_key"], []).append(self._scored(row))
        return found

    def finish(self, run_key: str, outcome: Outcome) -> None:
        """Keep what a run came to; a run that is finished again keeps the later outcome.

        Raises:
            StateError: no such run has begun.
        """
        values = {"outcome": outcome.model_dump_json(), "finished_at": utc_now()}
        with write_transaction(self._engine) as connection:
            changed = connection.execute(update(runs).where(runs.c.key == run_key).values(values)).rowcount
        if not changed:
            raise StateError(f"database {database_label(self._engine.url)} has no run {run_key} that could be finished")

    def outcome(self, run_key: str) -> Outcome | None:
        """What a run came to; None when it has not finished or never begun."""
        with read_transaction(self._engine) as connection:
            found = connection.execute(select(runs.c.outcome).where(runs.c.key == run_key)).scalar_one_or_none()
        return None if found is None else self._parsed(Outcome, found, run_key)

    def note_test_use(self, run_key: str, examples: Collection[str]) -> int:
        """Note that a run decides on test examples, by the hashes of their inputs; returns how often they did before.

        That is the mean over the examples, rounded up: new ones in a split make it less worn. A run that is repeated
        counts once, and is told what it was told the first time, whatever has used the split since.
        """
        if not examples:
            return 0
        hashes = sorted(set(examples))
        with write_transaction(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # One after the other, as SQLite has it anyway: of two that decide at once, one is the later.
                connection.execute(text("LOCK TABLE test_uses IN EXCLUSIVE MODE"))
            own = select(func.min(test_uses.c.used_at)).where(test_uses.c.run_key == run_key)
            first = connection.execute(own).scalar_one()
            rows = [{"example": each, "run_key": run_key, "used_at": first or utc_now()} for each in hashes]
            connection.execute(upsert(connection, test_uses).on_conflict_do_nothing(), rows)
            earlier = select(func.count()).where(test_uses.c.run_key != run_key)
            if first is not None:
                earlier = earlier.where(test_uses.c.used_at <= first)
            uses = sum(
                connection.execute(
                    earlier.where(test_uses.c.example.in_(hashes[start : start + _EXAMPLES_PER_QUERY]))
                ).scalar_one()
                for start in range(0, len(hashes), _EXAMPLES_PER_QUERY)
            )
        return -(-uses // len(hashes))

    def _prompts(self, wanted: ColumnElement[bool]) -> Sequence[RowMapping]:
        order = (scored_prompts.c.run_key, scored_prompts.c.step, scored_prompts.c.number)
        with read_transaction(self._engine) as connection:
            query = select(scored_prompts).where(wanted).order_by(*order, scored_prompts.c.candidate_id)
            return connection.execute(query).mappings().all()

    def _scored(self, row: RowMapping) -> Scored:
        return Scored(
            candidate=self._parsed(Candidate, row["candidate"], row["run_key"]),
            score=self._parsed(Score, row["score"], row["run_key"]),
        )

    def _parsed(self, kind: type[_Kept], content: str, run_key: str) -> _Kept:
        try:
            return kind.model_validate_json(content)
        except ValidationError as error:
            raise StateError(
                f"database {database_label(self._engine.url)}: run {run_key} was recorded by another version, whose "
                f"{kind.__name__} differs ({error.error_count()} fields): use that version to read it"
            ) from None


_RANKED_BY = {"time": ("step", "number"), "score": ("complete", "percent", "step", "number")}

_RUNS = select(*(runs.c[name] for name in RunRow.model_fields))


def _run(row: RowMapping) -> RunRow:
    fields: dict[str, Any] = dict(row)
    return RunRow(**fields)
