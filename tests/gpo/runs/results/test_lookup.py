"""Which run and which results a person means, and what is said where there are none."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from gpo.database.engine import open_database
from gpo.errors import InputError
from gpo.runs.history import History, RunRow
from gpo.runs.results.frame import results_frame
from gpo.runs.results.lookup import Wanted, find_prompt, find_results, find_run
from gpo.runs.results.store import Results
from tests.support.results import BEST, KEY, RUN, START, keep_run


@pytest.fixture
def engine(tmp_path: Any) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
    yield engine
    engine.dispose()


def row(key: str, task: str = "reviews", started: str = "2026-01-01", finished: str | None = None) -> RunRow:
    return RunRow(key=key, task=task, scope="s", started_at=started, finished_at=finished)


RUNS = [row("aaaa1111bbbb", started="2026-01-03"), row("aaaa2222bbbb"), row("cccc", "sums")]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("reviews-aaaa1111", "aaaa1111bbbb"),
        ("aaaa2222bbbb", "aaaa2222bbbb"),
        ("reviews-aaaa2", "aaaa2222bbbb"),
        ("cc", "cccc"),
        ("reviews", "aaaa1111bbbb"),
        ("su", "cccc"),
    ],
)
def test_a_run_goes_by_id_key_their_beginning_or_task(name: str, key: str) -> None:
    assert find_run(RUNS, name).key == key


def test_the_last_run_of_a_task_is_the_one_that_ended_last() -> None:
    repeated = row("aaaa2222bbbb", finished="2026-01-09")
    assert find_run([RUNS[0], repeated], "reviews") == repeated


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reviews-aaab2222", "no run 'reviews-aaab2222'; did you mean 'reviews-aaaa2222'"),
        ("zzz", "no run 'zzz'; allowed: reviews-aaaa1111, reviews-aaaa2222, sums-cccc"),
        ("aaaa", r"'aaaa' begins several runs: reviews-aaaa1111 \(2026-01-03\), reviews-aaaa2222 \(2026-01-01\)"),
        ("", "no run ''"),
    ],
)
def test_a_run_that_is_not_there_is_told_with_those_that_are(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_run(RUNS, name)


def test_without_any_run_it_says_how_to_make_one() -> None:
    with pytest.raises(InputError, match="gpo optimize SPEC"):
        find_run([], "reviews")


def test_a_prompt_goes_by_role_label_or_id(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    history = History(engine)
    (run,) = history.runs()
    found = {name: find_prompt(history, run, name) for name in ("start", "best", "s0c00", "s1c02", BEST.id[:6])}
    assert found == {"start": START, "best": BEST, "s0c00": START, "s1c02": BEST, BEST.id[:6]: BEST}
    with pytest.raises(InputError, match=r"'s1c03' is none of its prompts; did you mean 's1c02'\?"):
        find_prompt(history, run, "s1c03")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(RUN, split="validation"), "unknown split 'validation'; allowed: train, dev, test"),
        (
            Wanted(RUN, split="train"),
            "no results on train: prompts are scored on training examples only where a step",
        ),
        (Wanted(RUN, right_from=0.0), "from a score above 0, up to 1, got 0"),
        (Wanted(RUN, slices={"tongue": "de"}), "no slice by 'tongue'; allowed: language"),
        (Wanted(RUN, slices={"language": "dee"}), "no slice 'language=dee'; did you mean 'de'"),
    ],
)
def test_what_is_not_kept_is_told(engine: Engine, wanted: Wanted, message: str) -> None:
    keep_run(engine, [1.0, 1.0], [0.0, 1.0])
    with pytest.raises(InputError, match=message):
        find_results(History(engine), Results(engine), wanted)


def test_a_run_under_way_has_dev_results_and_a_best_so_far(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    history, results = History(engine), Results(engine)
    history.begin(row("under0way0under0", "sums"))
    with pytest.raises(InputError, match="run sums-under0wa has scored no prompt yet"):
        find_results(history, results, Wanted("sums"))
    history.record("under0way0under0", "s", history.scored(KEY))
    assert find_prompt(history, find_run(history.runs(), "sums"), "best") == BEST
    with pytest.raises(InputError, match="run sums-under0wa has no results: it was made before they were kept"):
        find_results(history, results, Wanted("sums"))


def test_a_prompt_without_results_on_test_is_told_where_it_has_some(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    Results(engine).put(KEY, "test", BEST.id, [])
    with pytest.raises(InputError, match=r"no results of s1c02 on test: .*--split dev"):
        find_results(History(engine), Results(engine), Wanted(RUN))


def test_the_results_as_a_table(engine: Engine) -> None:
    keep_run(engine, [1.0, 0.0, None], [0.0, -1.0, 1.0])
    frame = results_frame(engine, "reviews")
    assert list(frame["example"]) == ["r0", "r1", "r2"]
    assert list(frame["change"]) == ["broken", "both_wrong", None]
    assert list(frame["input.review"]) == [f"Review number {n}." for n in range(3)]
    assert list(frame["slice.language"]) == ["de", "en", "en"]
    assert list(frame["expected"]) == [("positive",), ("negative",), ("positive",)]
    assert frame["score"].mean() == pytest.approx(1 / 3)
    assert results_frame(engine, RUN, split="dev", prompt="start")["score"].tolist() == [0.0, 1.0]
