"""Functions of one's own as metrics: what they may ask for, return, print and raise."""

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.errors import MetricError
from gpo.records import Example
from gpo.scoring.functions.calling import Marked, ToScore, mark, mark_soon, row_of, score
from gpo.scoring.functions.printing import printing_to_stderr
from gpo.scoring.functions.signature import asks_of
from gpo.scoring.metric_registry import function_source
from gpo.scoring.spec import MetricSpec

EXAMPLE = Example(
    id="e1", inputs={"question": "2 + 2?"}, reference="4", also=("four",), solution="Count.", slices={"kind": "sum"}
)
GIVEN = ToScore("4", EXAMPLE.references, text="It is 4.", row=row_of(EXAMPLE, {"reference": "right"}))


def metric(folder: Path, source: str, **parameters: Any) -> MetricSpec:
    (folder / "scoring.py").write_text(source)
    given = {"function": "scoring:f", **parameters}
    return MetricSpec(name="python", parameters=given, folder=folder, source=function_source("scoring:f", folder))


def test_a_row_has_its_fields_by_their_names_and_what_is_right() -> None:
    assert GIVEN.row == {
        "id": "e1",
        "reference": "4",
        "references": ["4", "four"],
        "solution": "Count.",
        "kind": "sum",
        "right": "4",
        "question": "2 + 2?",
    }


@pytest.mark.parametrize(
    "signature",
    [
        "answer, reference",
        "got, wanted",
        "got, wanted, /",
        "reference, answer",
        "answer, row",
        "row, answer",
        "text, row",
        "row, *, answer",
        "answer, *, row, text",
        "answer, reference, row",
        "answer, reference, *, row=None, text=None",
        "answer, reference, strict=False",
    ],
)
def test_what_a_function_asks_for_is_given_by_name(signature: str, tmp_path: Path) -> None:
    body = (
        f"def f({signature}):\n"
        "    given = dict(locals())\n"
        "    expected = {'answer': '4', 'reference': '4', 'got': '4', 'wanted': '4', 'text': 'It is 4.'}\n"
        "    assert all(given[name] == expected[name] for name in given if name in expected), given\n"
        "    assert 'row' not in given or given['row']['question'] == '2 + 2?'\n"
        "    return 1\n"
    )
    assert mark(metric(tmp_path, body), GIVEN._replace(references=("4",))) == Marked(1.0)


@pytest.mark.parametrize("signature", ["", "answer", "text", "reference", "row", "reference, row", "a, b, c"])
def test_a_function_has_to_look_at_an_answer_and_at_what_it_should_be(signature: str) -> None:
    function: Callable[..., float] = eval(f"lambda {signature}: 1.0")
    with pytest.raises(TypeError, match=r"must take \(answer, reference\), and parameters by keyword only"):
        asks_of(function)


def test_a_function_that_asks_for_the_row_alone_is_called_once(tmp_path: Path) -> None:
    body = "calls = []\ndef f(answer, row):\n    calls.append(row)\n    return 1 / len(calls)\n"
    assert mark(metric(tmp_path, body), GIVEN).value == 1


def test_parameters_stand_beside_what_is_asked_for(tmp_path: Path) -> None:
    body = "def f(answer, reference, *, row, limit: int = 3): return len(row['question']) <= limit"
    assert mark(metric(tmp_path, body), GIVEN).value == 0
    assert mark(metric(tmp_path, body, limit=6), GIVEN).value == 1


def test_the_feedback_is_that_of_the_best_reference(tmp_path: Path) -> None:
    body = (
        "def f(answer, reference):\n"
        "    return {'score': answer == reference, 'feedback': f'wanted {reference}', 'more': 1}"
    )
    assert mark(metric(tmp_path, body), GIVEN) == Marked(1.0, "wanted 4")
    assert mark(metric(tmp_path, body), GIVEN._replace(answer="four")) == Marked(1.0, "wanted four")
    assert mark(metric(tmp_path, "def f(answer, reference): return {'score': 0.5, 'feedback': None}"), GIVEN) == (
        0.5,
        "",
    )


@given(st.floats(-1e-7, 1 + 1e-7))
def test_rounding_is_no_fault_of_the_metric(value: float) -> None:
    given_value = MetricSpec(name="python", parameters={"function": f"{__name__}:returned", "value": value})
    assert score(given_value, "a", ["b"]) == min(1.0, max(0.0, value))


def returned(answer: str, reference: str, *, value: float) -> float:
    return value


@pytest.mark.parametrize("value", [1.001, -0.001, float("nan"), float("inf")])
def test_what_is_no_score_is_refused(value: float) -> None:
    given_value = MetricSpec(name="python", parameters={"function": f"{__name__}:returned", "value": value})
    with pytest.raises(MetricError, match="it must return a number from 0 to 1, or"):
        score(given_value, "a", ["b"])


def test_a_dict_without_a_score_says_what_it_has(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"function 'scoring:f' returned a dict without 'score' .*it has: 'value'"):
        mark(metric(tmp_path, "def f(answer, reference): return {'value': 1}"), GIVEN)


def test_an_exception_names_the_function_its_error_and_the_answer(tmp_path: Path) -> None:
    with pytest.raises(MetricError, match=r"metric function 'scoring:f' raised KeyError: 'x' for text 'It is 4\.'"):
        mark(metric(tmp_path, "def f(text, row): return {}['x']"), GIVEN)


ASYNC = """
import asyncio
async def f(answer, reference):
    print("checking", answer)
    await asyncio.sleep(0)
    if answer == "bad":
        raise RuntimeError("no")
    return {"score": answer == reference, "feedback": "checked"}
"""


def test_a_coroutine_function_is_run_to_its_end_inside_a_loop_and_outside(tmp_path: Path) -> None:
    checked = metric(tmp_path, ASYNC)
    assert mark(checked, GIVEN) == Marked(1.0, "checked")
    assert asyncio.run(mark_soon(checked, GIVEN)) == Marked(1.0, "checked")

    async def called_without_await() -> Marked:
        return mark(checked, GIVEN)

    assert asyncio.run(called_without_await()) == Marked(1.0, "checked")
    with pytest.raises(MetricError, match="'scoring:f' raised RuntimeError: no for answer 'bad'"):
        asyncio.run(mark_soon(checked, GIVEN._replace(answer="bad")))


def test_what_a_function_prints_goes_to_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loud = metric(tmp_path, "print('imported')\ndef f(answer, reference):\n    print('scoring')\n    return 1")
    mark(loud, GIVEN)
    asyncio.run(mark_soon(metric(tmp_path, ASYNC), GIVEN._replace(answer="four")))
    print("{}")  # noqa: T201
    assert capsys.readouterr() == ("{}\n", "imported\nscoring\nscoring\nchecking four\nchecking four\n")


def test_other_tasks_go_on_printing_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    stdout = sys.stdout

    async def inside(begun: asyncio.Event, end: asyncio.Event) -> None:
        with printing_to_stderr():
            begun.set()
            await end.wait()
            print("inside")  # noqa: T201

    async def run() -> None:
        first, second, begun, again = (asyncio.Event() for _ in range(4))
        one = asyncio.create_task(inside(begun, first))
        two = asyncio.create_task(inside(again, second))
        await begun.wait()
        await again.wait()
        print("outside")  # noqa: T201
        # The one that began first ends first.
        first.set()
        await one
        print("still outside")  # noqa: T201
        second.set()
        await two

    asyncio.run(run())
    assert sys.stdout is stdout
    assert capsys.readouterr() == ("outside\nstill outside\n", "inside\ninside\n")


def test_threads_that_score_at_once_leave_stdout_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    stdout = sys.stdout
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for _ in range(50):
            with printing_to_stderr():
                print("x")  # noqa: T201

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.stdout is stdout
    out, err = capsys.readouterr()
    assert (out, err.count("x")) == ("", 200)


def test_an_expression_that_takes_too_long_fails_and_says_so() -> None:
    slow = MetricSpec(name="regex", parameters={"pattern": "(a|aa)+$"})
    with pytest.raises(
        MetricError, match=r"`regex` gave up on the expression '\(a\|aa\)\+\$' after 0\.5 s, for answer 'a"
    ):
        score(slow, "a" * 60 + "b", ["x"])
    assert score(MetricSpec(name="regex", parameters={"pattern": "(a+)+$"}), "a" * 26 + "b", ["x"]) == 0
