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
from gpo.records import Example, TracedCall
from gpo.scoring.functions.calling import Marked, ToScore, mark, mark_soon, row_of, score
from gpo.scoring.functions.printing import printing_to_stderr
from gpo.scoring.functions.signature import asks_of
from gpo.scoring.functions.trace import Trace
from gpo.scoring.metric_registry import function_source, load_function
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


def test_a_function_sees_the_calls_behind_an_answer(tmp_path: Path) -> None:
    body = (
        "def f(row, answer, trace):\n"
        "    assert [call.text for call in trace.calls] == ['Think.', '4'], trace\n"
        "    return {'score': trace.seconds < 1, 'feedback': f'{trace.output_tokens} tokens: {trace.text}'}\n"
    )
    calls = (TracedCall(text="Think.", seconds=0.2, output_tokens=7), TracedCall(text="4", output_tokens=1))
    seen = GIVEN._replace(trace=Trace(text="Think. 4", calls=calls))
    assert mark(metric(tmp_path, body), seen) == Marked(1.0, "8 tokens: Think. 4")
    # Where nothing was called, as for `gpo read`, there is the text alone.
    assert mark(metric(tmp_path, "def f(trace, row): return trace.text == 'It is 4.' and not trace.calls"), GIVEN) == (
        1.0,
        "",
    )


HANGS = {
    "sync": "import threading\ndef f(answer, reference): return answer != 'slow' or threading.Event().wait()",
    "async": "import asyncio\nasync def f(answer, reference): return answer != 'slow' or await asyncio.Event().wait()",
}


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS)
def test_a_function_that_hangs_is_left_behind_and_others_go_on(source: str, tmp_path: Path) -> None:
    hangs = metric(tmp_path, source).model_copy(update={"timeout_s": 0.05})
    slow = GIVEN._replace(answer="slow")
    told = r"metric function 'scoring:f' took longer than `metric\.timeout_s`, 0\.05 s, for answer 'slow'"
    with pytest.raises(MetricError, match=told):
        mark(hangs, slow)

    async def run() -> list[Marked | BaseException]:
        given_all = (slow, GIVEN, slow, GIVEN)
        return await asyncio.gather(*(mark_soon(hangs, each) for each in given_all), return_exceptions=True)

    first, second, third, fourth = asyncio.run(run())
    assert (second, fourth) == (Marked(1.0), Marked(1.0))
    assert isinstance(first, MetricError)
    assert isinstance(third, MetricError)
    assert mark(hangs, GIVEN) == Marked(1.0)


def test_the_event_loop_goes_on_while_a_function_or_an_expression_works(tmp_path: Path) -> None:
    # The function ends when the loop has set the event: a blocked loop would never do so.
    body = "import threading\nevent = threading.Event()\ndef f(answer, reference): return event.wait(20)"
    waits = metric(tmp_path, body)
    slow = MetricSpec(name="regex", parameters={"pattern": "(a|aa)+$"})

    async def run() -> list[Marked | BaseException]:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1
                if turns == 50:
                    loaded = load_function("scoring:f", waits.folder, waits.source)
                    loaded.__globals__["event"].set()

        turning = asyncio.create_task(turn())
        one = await mark_soon(waits, GIVEN)
        before = turns
        (other,) = await asyncio.gather(mark_soon(slow, GIVEN._replace(answer="a" * 60 + "b")), return_exceptions=True)
        turning.cancel()
        assert turns > before + 50
        return [one, other]

    one, other = asyncio.run(run())
    assert one == Marked(1.0)
    assert isinstance(other, MetricError)


def test_a_time_out_of_the_functions_own_is_told_as_its_own(tmp_path: Path) -> None:
    for define in ("def", "async def"):
        own = metric(tmp_path, f"{define} f(answer, reference): raise TimeoutError('the database')")
        with pytest.raises(MetricError, match="'scoring:f' raised TimeoutError: the database for answer '4'"):
            asyncio.run(mark_soon(own, GIVEN))
