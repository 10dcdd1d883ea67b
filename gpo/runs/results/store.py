"""The results of runs in the database: written with each score, listed one by one however many there are.

The methods block: asynchronous code calls them through `asyncio.to_thread`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, CursorResult, Engine, Select, and_, delete, func, select

from gpo.database.engine import read_transaction, upsert, write_transaction
from gpo.database.tables import result_examples, results
from gpo.records import content_hash
from gpo.runs.results.result import RIGHT_FROM, ExampleResult, change_of
from gpo.runs.results.steps import StepResult

Kind = Literal["fixed", "broken", "wrong", "unread", "failed"]

_AT_ONCE = 1000
"""Rows that are fetched, or written, together."""

_GIVEN = ("text", "answer", "rule", "score", "feedback", "seconds", "input_tokens", "output_tokens", "steps")
_BEFORE = ("text", "answer", "score", "feedback")
_SCORE, _BEFORE_SCORE = _GIVEN.index("score"), len(_GIVEN) + _BEFORE.index("score")
_STEPS = _GIVEN.index("steps")


@dataclass(frozen=True)
class ResultQuery:
    """Which results are wanted: those of one prompt of a run on one split, compared with those of the prompt `before`.

    `prompt` and `before` are candidates' ids. Of several `kinds`, and of several `slices` by field and value, an
    example must be of all. It counts as right from the score `right_from`. `run` is the id that the results are given.
    """

    run_key: str
    split: str
    prompt: str
    before: str
    run: str = ""
    kinds: frozenset[Kind] = frozenset()
    slices: Mapping[str, str] = field(default_factory=dict)
    right_from: float = RIGHT_FROM


class Results:
    """The kept results of one database. Every method raises StateError when the database cannot be used."""

    def __init__(self, engine: Engine) -> None:
        """Keep results in `engine`, which the caller opens and disposes of."""
        self._engine = engine

    def put(
        self, run_key: str, split: str, prompt: str, found: Sequence[ExampleResult], *, is_part: bool = False
    ) -> None:
        """Keep what a prompt of a run that has begun got on a split, or a part of it, in the place of what was there.

        So a run that is repeated has each result once. An example that several prompts or runs share is kept once.
        """
        digests = [_digest(each) for each in found]
        owner = {"run_key": run_key, "split": split, "candidate_id": prompt}
        with write_transaction(self._engine) as connection:
            ids = _keep_examples(connection, dict(zip(digests, found, strict=True)))
            gone = [results.c[name] == value for name, value in owner.items()]
            if not is_part:
                connection.execute(delete(results).where(*gone, results.c.place >= len(found)))
            insert = upsert(connection, results)
            changed = {name: insert.excluded[name] for name in ("example_id", *_GIVEN)}
            insert = insert.on_conflict_do_update(index_elements=list(results.primary_key.columns), set_=changed)
            for start in range(0, len(found), _AT_ONCE):
                part = zip(found[start : start + _AT_ONCE], digests[start : start + _AT_ONCE], strict=True)
                rows = [{**owner, "place": each.place, "example_id": ids[name], **_given(each)} for each, name in part]
                connection.execute(insert, rows)

    def each(self, query: ResultQuery) -> Iterator[ExampleResult]:
        """The wanted results, in the order of the split's examples, fetched as they are taken."""
        fixed = (query.run, query.split, query.prompt)
        with read_transaction(self._engine) as connection, _stream(connection, query) as rows:
            for place, example, sliced, given, expected, *values in rows:
                slices = _read_slices(sliced)
                if query.slices and not query.slices.items() <= slices.items():
                    continue
                change = change_of(values[_BEFORE_SCORE], values[_SCORE], query.right_from)
                values[_STEPS] = _read_steps(values[_STEPS])
                row = (place, example, slices, from_json(given), _read_expected(expected), *values, change)
                yield ExampleResult._make((*fixed, *row))

    def slices(self, query: ResultQuery) -> dict[str, set[str]]:
        """The slices that the examples of a prompt's results are in: values by field."""
        found: dict[str, set[str]] = {}
        joined = results.join(result_examples, results.c.example_id == result_examples.c.id)
        wanted = [results.c[name] == getattr(query, name) for name in ("run_key", "split")]
        wanted.append(results.c.candidate_id == query.prompt)
        with read_transaction(self._engine) as connection:
            for text in connection.scalars(
                select(result_examples.c.slices).select_from(joined).where(*wanted).distinct()
            ):
                for name, value in json.loads(text).items():
                    found.setdefault(name, set()).add(value)
        return found

    def counts(self, run_key: str) -> dict[str, dict[str, int]]:
        """How many results are kept of a run, by split and by the prompt's candidate id."""
        found: dict[str, dict[str, int]] = {}
        grouped = (results.c.split, results.c.candidate_id)
        query = select(*grouped, func.count()).where(results.c.run_key == run_key).group_by(*grouped)
        with read_transaction(self._engine) as connection:
            for split, prompt, number in connection.execute(query):
                found.setdefault(split, {})[prompt] = number
        return found


def _stream(connection: Connection, query: ResultQuery) -> CursorResult[Any]:
    # Of this statement alone: PostgreSQL's other statements of the transaction are no streams.
    return connection.execute(_select(query), execution_options={"yield_per": _AT_ONCE})


def _digest(result: ExampleResult) -> str:
    """The hash of all that is kept of the example."""
    given = list(result.input.items())
    return content_hash([result.example, dict(result.slices), given, list(result.expected)], length=32)


def _keep_examples(connection: Connection, found: Mapping[str, ExampleResult]) -> dict[str, int]:
    """Keep examples by digest; their numbers."""
    # SQLite lists rows fastest in the order in which they came. PostgreSQL needs one order for all processes, so that
    # two transactions with the same examples cannot wait for each other.
    digests = list(found) if connection.dialect.name == "sqlite" else sorted(found)
    insert = upsert(connection, result_examples).on_conflict_do_nothing(index_elements=[result_examples.c.digest])
    columns = (result_examples.c.digest, result_examples.c.id)
    ids: dict[str, int] = {}
    for start in range(0, len(digests), _AT_ONCE):
        part = digests[start : start + _AT_ONCE]
        connection.execute(insert, [{"digest": digest, **_example(found[digest])} for digest in part])
        ids |= {row.digest: row.id for row in connection.execute(select(*columns).where(columns[0].in_(part)))}
    return ids


def _example(result: ExampleResult) -> dict[str, str]:
    return {
        "example": result.example,
        "slices": json.dumps(dict(result.slices)),
        "input": json.dumps(dict(result.input)),
        "expected": json.dumps(result.expected),
    }


def _given(result: ExampleResult) -> dict[str, Any]:
    given = {name: getattr(result, name) for name in _GIVEN}
    # What is of no program has none.
    return {**given, "steps": json.dumps(result.steps, ensure_ascii=False) if result.steps else None}


def _read_steps(text: str | None) -> tuple[StepResult, ...]:
    return tuple(from_json(text)) if text else ()


# A listing has few slices, and often few right answers.
@lru_cache(maxsize=1024)
def _read_slices(text: str) -> Mapping[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


@lru_cache(maxsize=1024)
def _read_expected(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def _select(query: ResultQuery) -> Select[Any]:
    before = results.alias("before")
    same = [before.c[name] == results.c[name] for name in ("run_key", "split", "place")]
    columns = [
        results.c.place,
        *(result_examples.c[name] for name in ("example", "slices", "input", "expected")),
        *(results.c[name] for name in _GIVEN),
        *(before.c[name].label(f"before_{name}") for name in _BEFORE),
    ]
    now, then, right = results.c.score, before.c.score, query.right_from
    kinds: Mapping[Kind, ColumnElement[bool]] = {
        "fixed": and_(then < right, now >= right),
        "broken": and_(then >= right, now < right),
        "wrong": now < right,
        "unread": and_(now.is_not(None), results.c.answer.is_(None)),
        "failed": now.is_(None),
    }
    source = results.join(result_examples, results.c.example_id == result_examples.c.id)
    return (
        select(*columns)
        .select_from(source.outerjoin(before, and_(*same, before.c.candidate_id == query.before)))
        .where(results.c.run_key == query.run_key, results.c.split == query.split)
        .where(results.c.candidate_id == query.prompt, *(kinds[kind] for kind in sorted(query.kinds)))
        .order_by(results.c.place)
    )
