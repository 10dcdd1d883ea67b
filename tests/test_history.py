import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from gpo.database import open_database, writing
from gpo.errors import StateError
from gpo.history import History, RunRow
from gpo.records import Calls, Candidate, Interval, Outcome, Sample, Score, Scored, Step
from gpo.tables import metadata, runs

RUN = RunRow(key="run-1", task="reviews", scope="scope-1", spec="f00", dataset="ba4", started_at="2026-01-01T00:00:00Z")


@pytest.fixture(params=["sqlite", *filter(None, [os.environ.get("GPO_TEST_POSTGRES")])], ids=lambda url: url[:10])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = f"sqlite:///{tmp_path / 'gpo.db'}" if request.param == "sqlite" else str(request.param)
    engine = open_database(url)
    yield engine
    if engine.dialect.name != "sqlite":
        metadata.drop_all(engine)
    engine.dispose()


@pytest.fixture
def history(engine: Engine) -> History:
    return History(engine)


def scored(instruction: str, step: int, number: int = 0, value: float = 0.5) -> Scored:
    return Scored(
        candidate=Candidate(instruction=instruction, step=step, number=number, parent="p", budget=9, distance=3),
        score=Score(
            values={"e1": value, "e2": 1.0},
            planned=3,
            failed=1,
            samples=(Sample(example="e1", text="Ja \x00!", answer=None, value=value),),
        ),
    )


def outcome(steps: int = 1) -> Outcome:
    best = scored("best", 1)
    return Outcome(
        run_id="run-1",
        task="reviews",
        started_at=RUN.started_at,
        wall_s=1.5,
        stopped="plateau",
        steps=steps,
        start=scored("start", 0),
        best=best,
        start_test=best.score,
        best_test=best.score,
        gain=Interval(value=0.1, low=-0.1, high=0.3),
        proposed=8,
        rejected={"leak": 1},
        evaluated=7,
        calls={"task": Calls(paid=3)},
        history=(Step(number=1, budget=9, current="start", neighbours=("start",), scored=(best,), rejected=()),),
    )


def test_a_run_that_goes_on_keeps_its_first_start_and_counts_attempts(history: History) -> None:
    assert history.begin(RUN) == RUN
    again = history.begin(RUN.model_copy(update={"started_at": "2026-02-02T00:00:00Z"}))
    assert again == RUN.model_copy(update={"attempts": 2})
    assert history.runs() == [again]


def test_runs_are_listed_latest_first(history: History) -> None:
    for key, day in (("a", "01"), ("b", "03"), ("c", "02")):
        history.begin(RUN.model_copy(update={"key": key, "started_at": f"2026-01-{day}T00:00:00Z"}))
    assert [run.key for run in history.runs()] == ["b", "c", "a"]


def test_scored_prompts_come_back_whole_and_in_order(history: History) -> None:
    history.begin(RUN)
    rows = [scored("c", 2, 0), scored("b", 1, 11), scored("a", 1, 2), scored("start ünï {{", 0, 0)]
    history.record("run-1", "scope-1", rows[:2])
    history.record("run-1", "scope-1", rows[2:])
    history.record("run-1", "scope-1", [])
    assert history.scored("run-1") == rows[::-1]
    assert history.scored("run-1", before_step=2) == rows[:0:-1]
    assert history.scored("run-1", before_step=0) == []
    assert history.scored("another") == []


def test_recording_again_changes_nothing(history: History) -> None:
    history.begin(RUN)
    history.record("run-1", "scope-1", [scored("a", 1, value=0.5)])
    history.record("run-1", "scope-1", [scored("a", 1, value=0.9), scored("a", 2, value=0.9)])
    assert history.scored("run-1") == [scored("a", 1, value=0.5), scored("a", 2, value=0.9)]


def test_a_scope_gathers_its_runs_and_no_others(history: History) -> None:
    for key in ("one", "two", "three"):
        history.begin(RUN.model_copy(update={"key": key}))
    history.record("one", "here", [scored("b", 1), scored("a", 0)])
    history.record("two", "here", [scored("a", 0)])
    history.record("three", "there", [scored("a", 0)])
    assert history.scored_in("here") == {"one": [scored("a", 0), scored("b", 1)], "two": [scored("a", 0)]}
    assert history.scored_in("nowhere") == {}


def test_an_outcome_comes_back_whole(history: History) -> None:
    history.begin(RUN)
    assert history.outcome("run-1") is None
    history.finish("run-1", outcome())
    history.finish("run-1", outcome(steps=2))
    assert history.outcome("run-1") == outcome(steps=2)
    (run,) = history.runs()
    assert run.finished_at is not None
    assert history.begin(RUN).finished_at == run.finished_at


def test_only_a_run_that_has_begun_can_finish(history: History) -> None:
    assert history.outcome("never") is None
    with pytest.raises(StateError, match="no run never"):
        history.finish("never", outcome())


def test_a_row_of_another_version_says_so(history: History, engine: Engine) -> None:
    history.begin(RUN)
    with writing(engine) as connection:
        connection.execute(update(runs).values(outcome='{"later": 1}'))
    with pytest.raises(StateError, match="run-1 was recorded by another version, whose Outcome differs"):
        history.outcome("run-1")


def test_threads_may_record_and_read_at_once(history: History) -> None:
    history.begin(RUN)

    def work(number: int) -> None:
        for step in range(10):
            history.record("run-1", "scope-1", [scored(f"{number}-{step}", step, number), scored("all", step)])
            assert len(history.scored("run-1", before_step=step)) >= 2 * step

    with ThreadPoolExecutor() as threads:
        list(threads.map(work, range(4)))
    assert len(history.scored("run-1")) == 4 * 10 + 10
