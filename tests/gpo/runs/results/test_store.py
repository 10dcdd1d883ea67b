"""Results in the database: what is put comes back, filtered as a recomputation from the scores says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from gpo.database.engine import open_database, read_transaction
from gpo.database.tables import result_examples, results
from gpo.records import Candidate, Example, Sample, Score, TracedCall
from gpo.runs.history import History, RunRow
from gpo.runs.results.result import ExampleResult, results_of
from gpo.runs.results.shown import read_proved
from gpo.runs.results.steps import steps_of
from gpo.runs.results.store import Kind, ResultQuery, Results
from tests.support.results import BEST, KEY, RUN, START, Value, example, keep_results, keep_run, score_of

QUERY = ResultQuery(run_key=KEY, split="test", prompt=BEST.id, before=START.id, run=RUN)
VALUES = st.lists(
    st.tuples(st.sampled_from([None, -1.0, 0.0, 0.3, 0.5, 1.0]), st.sampled_from([None, -1.0, 0.0, 0.3, 0.5, 1.0])),
    min_size=1,
    max_size=12,
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@contextmanager
def fresh_database() -> Iterator[Engine]:
    with TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'gpo.db'}")
        try:
            yield engine
        finally:
            engine.dispose()


def listed(engine: Engine, query: ResultQuery = QUERY, *kinds: Kind) -> list[ExampleResult]:
    return list(Results(engine).each(replace(query, kinds=frozenset(kinds))))


def names(found: list[ExampleResult]) -> list[str]:
    return [each.example for each in found]


def count_rows(engine: Engine) -> tuple[int, int]:
    with read_transaction(engine) as connection:
        one, other = (
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (results, result_examples)
        )
    return one, other


def test_a_result_comes_back_whole(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    assert listed(engine) == [
        ExampleResult(
            run=RUN,
            split="test",
            prompt=BEST.id,
            place=0,
            example="r0",
            slices={"language": "de"},
            input={"review": "Review number 0."},
            expected=("positive",),
            text="= I say negative.",
            answer="negative",
            rule="statement",
            score=0.0,
            feedback="wanted positive",
            seconds=0.25,
            input_tokens=12,
            output_tokens=3,
            before_text="= I say positive.",
            before_answer="positive",
            before_score=1.0,
            before_feedback="",
            change="broken",
        )
    ]


def test_the_steps_of_a_program_come_back(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    (kept,) = listed(engine)
    steps = steps_of([TracedCall(text='"Ä"', kind="tool", name="look", seconds=0.5), TracedCall(text="", error="no")])
    Results(engine).put(QUERY.run_key, QUERY.split, QUERY.prompt, [kept._replace(steps=steps)])
    assert listed(engine)[0].steps == steps


@pytest.mark.slow
@given(VALUES)
def test_what_was_fixed_and_broken_is_what_the_scores_say(values: list[tuple[Value, Value]]) -> None:
    def places(passes: Callable[[Value, Value], bool]) -> list[str]:
        return [f"r{place}" for place, pair in enumerate(values) if passes(*pair)]

    def is_right(value: Value) -> bool:
        return value is not None and value >= 0.5

    def is_wrong(value: Value) -> bool:
        return value is not None and value < 0.5

    with fresh_database() as engine:
        keep_run(engine, [before for before, _ in values], [after for _, after in values])
        assert names(listed(engine)) == places(lambda _before, _after: True)
        assert names(listed(engine, QUERY, "fixed")) == places(lambda a, b: is_wrong(a) and is_right(b))
        assert names(listed(engine, QUERY, "broken")) == places(lambda a, b: is_right(a) and is_wrong(b))
        assert names(listed(engine, QUERY, "wrong")) == places(lambda _, b: is_wrong(b))
        assert names(listed(engine, QUERY, "unread")) == places(lambda _, b: b == -1.0)
        assert names(listed(engine, QUERY, "failed")) == places(lambda _, b: b is None)
        assert names(listed(engine, QUERY, "wrong", "unread")) == places(lambda _, b: b == -1.0)
        for each in listed(engine, QUERY, "broken"):
            assert each.change == "broken"
        for each in listed(engine, QUERY, "fixed"):
            assert each.change == "fixed"


def test_what_counts_as_right_can_be_said(engine: Engine) -> None:
    keep_run(engine, [0.3, 1.0], [0.5, 0.5])
    assert names(listed(engine, QUERY, "fixed")) == ["r0"]
    assert names(listed(engine, replace(QUERY, right_from=1.0), "broken")) == ["r1"]
    assert names(listed(engine, replace(QUERY, right_from=0.3), "fixed")) == []


def test_results_that_are_put_again_take_the_place_of_the_first(engine: Engine) -> None:
    keep_run(engine, [1.0, 0.0, 1.0], [0.0, 0.0, 1.0])
    before = count_rows(engine)
    keep_run(engine, [1.0, 0.0, 1.0], [0.0, 0.0, 1.0])
    assert count_rows(engine) == before == (2 * 2 + 2 * 3, 3)
    keep_results(engine, BEST, [1.0, None])
    assert [(each.example, each.score) for each in listed(engine)] == [("r0", 1.0), ("r1", None)]
    assert len(listed(engine, replace(QUERY, prompt=START.id))) == 3


def test_an_example_that_runs_share_is_kept_once(engine: Engine) -> None:
    keep_run(engine, [1.0], [0.0])
    keep_run(engine, [0.0], [1.0], key="another0another0")
    assert count_rows(engine) == (2 * (2 * 2 + 2), 2)
    assert [each.score for each in listed(engine)] == [0.0]
    (other,) = listed(engine, replace(QUERY, run_key="another0another0"))
    assert (other.score, other.before_score) == (1.0, 0.0)


def test_a_slice_is_listed_alone_and_known_by_name(engine: Engine) -> None:
    keep_run(engine, [1.0] * 7, [0.0] * 7)
    assert names(listed(engine, replace(QUERY, slices={"language": "de"}), "broken")) == ["r0", "r3", "r6"]
    assert Results(engine).slices(QUERY) == {"language": {"de", "en"}}


def test_results_are_counted_by_split_and_prompt(engine: Engine) -> None:
    keep_run(engine, [1.0] * 3, [0.0] * 3)
    assert Results(engine).counts(KEY) == {"dev": {START.id: 2, BEST.id: 2}, "test": {START.id: 3, BEST.id: 3}}
    assert Results(engine).counts("never") == {}


def test_a_listing_may_end_early_and_others_may_write_meanwhile(engine: Engine) -> None:
    keep_run(engine, [1.0] * 50, [0.0] * 50)
    listing = Results(engine).each(QUERY)
    assert names(list(islice(listing, 2))) == ["r0", "r1"]
    keep_results(engine, BEST, [1.0] * 50)
    listing.close()  # type: ignore[attr-defined]
    assert listed(engine, QUERY, "broken") == []


@given(st.text(st.characters(), max_size=8), st.text(st.characters(), max_size=8))
def test_any_text_can_be_kept(text: str, name: str) -> None:
    odd = Example(id=text or "-", inputs={"review": text}, reference=text, also=(name,), slices={"of": name})
    given = Sample(example=odd.id, text="said", answer=None, value=0.5, feedback=text)
    score = Score(values={odd.id: 0.5}, planned=1, samples=(given,))
    with fresh_database() as engine:
        History(engine).begin(RunRow(key=KEY, task="t", scope="s", started_at="2026"))
        put = results_of(score, [odd], "test", BEST, RUN)
        Results(engine).put(KEY, "test", BEST.id, put)
        assert listed(engine) == put
        if "\x00" not in text and not any("\ud800" <= each <= "\udfff" for each in text):
            assert put[0].input == {"review": text}


def test_examples_that_the_race_left_out_have_no_result() -> None:
    examples = [example(number) for number in range(5)]
    tried = score_of(examples[:3], [1.0, None, 0.0])
    found = results_of(tried.model_copy(update={"planned": 5}), examples, "dev", Candidate(instruction="Judge."))
    assert [(each.example, each.score) for each in found] == [("r0", 1.0), ("r1", None), ("r2", 0.0)]
    assert {each.prompt for each in found} == {Candidate(instruction="Judge.").id}


def test_a_report_is_shown_all_examples_broken_ones_first(engine: Engine) -> None:
    keep_run(engine, [0.0, 1.0] * 5, [1.0, 0.0] * 5)
    outcome = History(engine).outcome(KEY)
    assert outcome is not None
    results = Results(engine)
    found = read_proved(results, KEY, outcome)
    assert names(list(found.shown)) == ["r1", "r3", "r5", "r7", "r9", "r0", "r2", "r4", "r6", "r8"]
    assert (found.counts["broken"], found.counts["fixed"], found.total) == (5, 5, 10)
    assert read_proved(results, "never", outcome).total == 0
