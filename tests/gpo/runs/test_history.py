from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest
from sqlalchemy import Engine, event, update

from gpo.database.engine import open_database, write_transaction
from gpo.database.tables import runs
from gpo.errors import StateError
from gpo.gate.rule import apply_gate
from gpo.gate.verdict import Measure
from gpo.records import Candidate, Interval, Sample, Score, Scored
from gpo.runs.history import History, RunRow
from gpo.runs.outcome import Calls, Outcome
from gpo.search.step import Step
from tests.gpo.search.test_ranking import in_order

RUN = RunRow(key="run-1", task="reviews", scope="scope-1", spec="f00", dataset="ba4", started_at="2026-01-01T00:00:00Z")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
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
    with write_transaction(engine) as connection:
        connection.execute(update(runs).values(outcome='{"later": 1}'))
    with pytest.raises(StateError, match="run-1 was recorded by another version, whose Outcome differs"):
        history.outcome("run-1")


def test_an_outcome_from_before_the_gate_is_read_without_a_verdict(history: History, engine: Engine) -> None:
    history.begin(RUN)
    old = outcome().model_dump_json(exclude={"verdict": True, "start_test": {"timing"}, "best_test": {"timing"}})
    assert "verdict" not in old
    with write_transaction(engine) as connection:
        connection.execute(update(runs).values(outcome=old))
    assert history.outcome("run-1") == outcome()


def test_an_outcome_comes_back_with_its_verdict(history: History) -> None:
    history.begin(RUN)
    best = scored("best", 1).score
    judged = apply_gate(
        best, scored("start", 0, value=0.25).score, measures={"words": Measure(champion=1, challenger=2)}
    )
    history.finish("run-1", outcome().model_copy(update={"verdict": judged}))
    kept = history.outcome("run-1")
    assert kept is not None
    assert kept.verdict == judged


def test_a_test_split_wears_by_the_runs_that_decided_on_it(history: History) -> None:
    split = [f"{number:064x}" for number in range(1200)]
    assert history.note_test_use("run-1", []) == 0
    assert [history.note_test_use(f"run-{number}", split) for number in (1, 2, 3)] == [0, 1, 2]


def test_a_run_that_is_repeated_counts_once_and_is_told_the_same(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = iter(f"2026-01-01T00:{minute:02}:00Z" for minute in range(60))
    monkeypatch.setattr("gpo.runs.history.utc_now", lambda: next(minutes))
    first = [history.note_test_use(f"run-{number}", ["a", "b"]) for number in range(4)]
    assert [history.note_test_use(f"run-{number}", ["a", "b"]) for number in range(4)] == first == [0, 1, 2, 3]
    assert history.note_test_use("later", ["a", "b"]) == 4


def test_new_examples_make_a_test_split_less_worn(history: History) -> None:
    for number in range(4):
        history.note_test_use(f"run-{number}", ["a", "b"])
    assert history.note_test_use("more", ["a", "b", "c", "d", "e"]) == 2  # 8 uses of 5 examples
    assert history.note_test_use("other", ["x", "y"]) == 0


def test_of_runs_that_decide_at_once_one_is_the_later(history: History) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda number: history.note_test_use(f"run-{number}", ["a", "b", "c"]), range(24)))
    assert sorted(found) == list(range(24))


def test_threads_may_record_and_read_at_once(history: History) -> None:
    history.begin(RUN)

    def work(number: int) -> None:
        for step in range(10):
            history.record("run-1", "scope-1", [scored(f"{number}-{step}", step, number), scored("all", step)])
            assert len(history.scored("run-1", before_step=step)) >= 2 * step

    with ThreadPoolExecutor() as threads:
        list(threads.map(work, range(4)))
    assert len(history.scored("run-1")) == 4 * 10 + 10


def test_prompts_of_earlier_steps_are_ranked_by_time_and_by_score(history: History) -> None:
    history.begin(RUN)
    rows = [scored(f"p{n}", n // 4, n % 4, [0.0, 0.5, 1.0][n * 7 % 3]) for n in range(50)]
    ended = Scored(candidate=Candidate(instruction="ended", step=3, number=9), score=Score(values={"a": 1}, planned=9))
    history.record(RUN.key, RUN.scope, [*rows, ended])
    history.begin(RUN.model_copy(update={"key": "other"}))
    history.record("other", RUN.scope, rows[:3])
    seen = [row for row in (*rows, ended) if row.candidate.step < 11]
    for by in ("time", "score"):
        assert list(history.ranked(RUN.key, 11, by)) == list(in_order(seen, by))
    assert [row.candidate.label for row in history.ranked(RUN.key, 99, "score", rows[7].candidate.id)] == ["s1c03"]
    assert list(history.ranked(RUN.key, 1, "score", rows[7].candidate.id)) == []


@pytest.mark.parametrize("by", ["time", "score"])
@pytest.mark.parametrize("candidate", [None, "c"])
def test_no_ranking_looks_at_all_prompts(
    by: Literal["time", "score"], candidate: str | None, history: History, engine: Engine
) -> None:
    if engine.dialect.name != "sqlite":
        return  # whose plan is told in other words
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _k, text, values, *_: asked.append((text, values)))
    assert list(history.ranked(RUN.key, 5, by, candidate)) == []
    text, values = next(each for each in asked if each[0].startswith("SELECT"))
    with engine.connect() as connection:
        (plan,) = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)]
    if candidate is None:
        assert plan == f"SEARCH scored_prompts USING INDEX scored_prompts_by_{by} (run_key=?)"
    else:
        assert plan.endswith("(run_key=? AND candidate_id=?)")
