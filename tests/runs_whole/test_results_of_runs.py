"""The results of whole runs on the task with a known answer: complete, once each, and never told to a model."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from benchmarks.control_study import Sizes, write_spec
from gpo.data.splits import load_splits
from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import calls, results
from gpo.records import Scored
from gpo.runs.history import History
from gpo.runs.job import Job, load_job, run_key
from gpo.runs.optimize import Steps, optimize
from gpo.runs.outcome import Outcome, all_scored
from gpo.runs.results.lookup import Wanted, find_results
from gpo.runs.results.result import ExampleResult
from gpo.runs.results.store import Results
from gpo.runs.run import Run
from gpo.runs.steps import record

SMALL = Sizes(steps=3, candidates=3, dev=16, budget_start=11, budget_end=3)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Job:
    return load_job(write_spec(tmp_path_factory.mktemp("results"), {"preset": "gpo"}, SMALL, seed=3))


@pytest.fixture(scope="module")
def outcome(place: Job) -> Outcome:
    return asyncio.run(optimize(place))


@pytest.fixture
def engine(place: Job, outcome: Outcome) -> Iterator[Engine]:
    engine = open_database(place.settings.database_for(place.home))
    yield engine
    engine.dispose()


def listed(engine: Engine, wanted: Wanted) -> list[ExampleResult]:
    kept = Results(engine)
    return list(kept.each(find_results(History(engine), kept, wanted).query))


def everything(engine: Engine, place: Job) -> Sequence[Any]:
    """All results of the run of a place, as they are kept. Runs that begin within one second have no order."""
    key = run_key(place.spec, load_splits(place.spec))
    with read_transaction(engine) as connection:
        query = select(results).where(results.c.run_key == key).order_by(*results.primary_key.columns)
        return connection.execute(query).all()


def test_the_results_are_those_behind_every_score(engine: Engine, outcome: Outcome) -> None:
    for item in all_scored(outcome):
        found = listed(engine, Wanted(outcome.run_id, "dev", item.candidate.label))
        assert {each.example: each.score for each in found} == item.score.values
        assert sum(each.is_unread for each in found) == item.score.unparsed
        assert sum(each.input_tokens for each in found) == item.score.usage["task"].input_tokens
    for name, score in (("start", outcome.start_test), ("best", outcome.best_test)):
        found = listed(engine, Wanted(outcome.run_id, "test", name))
        assert {each.example: each.score for each in found} == score.values


def test_what_travels_with_a_score_stays_small(outcome: Outcome) -> None:
    assert all(len(item.score.samples) <= 3 for item in all_scored(outcome))


def test_a_result_has_input_and_right_answer_of_its_example(engine: Engine, place: Job, outcome: Outcome) -> None:
    examples = {each.id: each for each in load_splits(place.spec).test}
    found = listed(engine, Wanted(outcome.run_id))
    assert [each.example for each in found] == [each.id for each in load_splits(place.spec).test]
    for each in found:
        assert each.input == examples[each.example].inputs
        assert each.expected == examples[each.example].references
        assert (each.score == 1.0) == (each.answer in each.expected)


def test_a_run_that_is_repeated_has_each_result_once(engine: Engine, place: Job, outcome: Outcome) -> None:
    before = everything(engine, place)
    again = asyncio.run(optimize(place))
    assert again.run_id == outcome.run_id
    assert again.calls["task"].paid == 0
    assert everything(engine, place) == before


def test_no_model_that_proposes_is_told_of_a_result(engine: Engine, place: Job, outcome: Outcome) -> None:
    """Another run in the same state folder, which holds the results of the first, asks without a word of them."""
    longer = place.spec.optimizer.model_copy(update={"max_steps": SMALL.steps + 1})
    later = replace(place, spec=place.spec.model_copy(update={"optimizer": longer}))
    assert asyncio.run(optimize(later)).run_id != outcome.run_id
    locked = {text for each in load_splits(place.spec).test for text in each.inputs.values()}
    kept = {each.input["question"] for each in listed(engine, Wanted(outcome.run_id))}
    assert kept == locked
    with read_transaction(engine) as connection:
        asked = connection.execute(select(calls.c.messages).where(calls.c.role == "optimizer")).scalars().all()
    assert len(asked) > SMALL.steps
    shown = ["\n".join(message["text"] for message in json.loads(messages)) for messages in asked]
    assert not any(text in request for request in shown for text in locked)


class DiedError(Exception):
    """The end of a process in the middle of a step."""


async def die_in_step_2(run: Run, step: int, scored: Sequence[Scored]) -> None:
    """Its candidates are scored, and not recorded."""
    if step == 2:
        raise DiedError
    await record(run, step, scored)


def test_a_run_that_died_goes_on_with_its_results(place: Job, engine: Engine, tmp_path: Path) -> None:
    job = replace(place, home=tmp_path)
    with pytest.raises(DiedError):
        asyncio.run(optimize(job, Steps(record=die_in_step_2)))
    asyncio.run(optimize(job))
    other = open_database(job.settings.database_for(tmp_path))
    assert untimed(everything(other, job)) == untimed(everything(engine, place))
    other.dispose()


def untimed(rows: Sequence[Any]) -> list[Any]:
    """Rows of results without how long each answer took, and without the numbers of their examples."""
    return [
        {name: value for name, value in row._mapping.items() if name not in ("seconds", "example_id")} for row in rows
    ]
