"""The results of runs in the database: written with each score, listed one by one however many there are.

The methods block: asynchronous code calls them through `asyncio.to_thread`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Select, and_, delete, func, select

from gpo.database.engine import reading, upsert, writing
from gpo.database.tables import result_examples, results
from gpo.records import content_hash
from gpo.runs.results.result import RIGHT_FROM, ExampleResult, change_of

Kind = Literal["fixed", "broken", "wrong", "unread", "failed"]

_AT_ONCE = 1000
"""Rows that are fetched, or written, together."""

_GIVEN = ("text", "answer", "rule", "score", "feedback", "seconds", "input_tokens", "output_tokens")
_BEFORE = ("text", "answer", "score", "feedback")


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

    def put(self, run_key: str, split: str, prompt: str, found: Sequence[ExampleResult]) -> None:
        """Keep what a prompt of a run that has begun got on a split, in the place of what was there.

        So a run that is repeated has each result once. An example that several prompts or runs share is kept once.
        """
        named = [(each, _example(each)) for each in found]
        examples = {example["digest"]: example for _, example in named}
        owner = {"run_key": run_key, "split": split, "candidate_id": prompt}
        rows = [
            {**owner, "place": each.place, "digest": example["digest"], **each.model_dump(include=set(_GIVEN))}
            for each, example in named
        ]
        with writing(self._engine) as connection:
            # One order for all processes, so that two transactions with the same examples cannot wait for each other.
            ordered = [examples[digest] for digest in sorted(examples)]
            for start in range(0, len(ordered), _AT_ONCE):
                insert = upsert(connection, result_examples).on_conflict_do_nothing()
                connection.execute(insert, ordered[start : start + _AT_ONCE])
            gone = [results.c[name] == value for name, value in owner.items()]
            connection.execute(delete(results).where(*gone, results.c.place >= len(rows)))
            for start in range(0, len(rows), _AT_ONCE):
                insert = upsert(connection, results)
                changed = {name: insert.excluded[name] for name in ("digest", *_GIVEN)}
                insert = insert.on_conflict_do_update(index_elements=list(results.primary_key.columns), set_=changed)
                connection.execute(insert, rows[start : start + _AT_ONCE])

    def each(self, query: ResultQuery) -> Iterator[ExampleResult]:
        """The wanted results, in the order of the split's examples, fetched as they are taken."""
        fixed = {"run": query.run, "split": query.split, "prompt": query.prompt}
        with reading(self._engine) as connection:
            stream = connection.execution_options(yield_per=_AT_ONCE).execute(_select(query))
            for found in stream.mappings():
                row: dict[str, Any] = {**fixed, **found}
                row["slices"] = json.loads(row["slices"])
                if any(row["slices"].get(name) != value for name, value in query.slices.items()):
                    continue
                row["input"] = json.loads(row["input"])
                row["expected"] = tuple(json.loads(row["expected"]))
                row["change"] = change_of(row["before_score"], row["score"], query.right_from)
                # Not validated: whatever is there was when it was kept.
                yield ExampleResult.model_construct(**row)

    def slices(self, query: ResultQuery) -> dict[str, set[str]]:
        """The slices that the examples of a prompt's results are in: values by field."""
        found: dict[str, set[str]] = {}
        joined = results.join(result_examples, results.c.digest == result_examples.c.digest)
        wanted = [results.c[name] == getattr(query, name) for name in ("run_key", "split")]
        wanted.append(results.c.candidate_id == query.prompt)
        with reading(self._engine) as connection:
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
        with reading(self._engine) as connection:
            for split, prompt, number in connection.execute(query):
                found.setdefault(split, {})[prompt] = number
        return found


def _example(result: ExampleResult) -> dict[str, str]:
    """The row of an example, under the hash of all that it holds."""
    slices, given, expected = dict(result.slices), dict(result.input), list(result.expected)
    return {
        "digest": content_hash([result.example, slices, list(given.items()), expected], length=32),
        "example": result.example,
        "slices": json.dumps(slices),
        "input": json.dumps(given),
        "expected": json.dumps(expected),
    }


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
    source = results.join(result_examples, results.c.digest == result_examples.c.digest)
    return (
        select(*columns)
        .select_from(source.outerjoin(before, and_(*same, before.c.candidate_id == query.before)))
        .where(results.c.run_key == query.run_key, results.c.split == query.split)
        .where(results.c.candidate_id == query.prompt, *(kinds[kind] for kind in sorted(query.kinds)))
        .order_by(results.c.place)
    )
