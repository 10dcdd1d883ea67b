"""How a metric's function is called, and what its result is worth.

A function may be a user's: it may raise anything, print, be a coroutine function, and say why it scored as it did.
"""

import asyncio
import inspect
import math
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple

from gpo.errors import MetricError, SpecError
from gpo.messages.message import InputValue
from gpo.records import Example
from gpo.scoring.compare import by_value
from gpo.scoring.functions.printing import printing_to_stderr
from gpo.scoring.functions.signature import Asks, asks_of
from gpo.scoring.functions.thread import FunctionThread, TookTooLongError
from gpo.scoring.functions.trace import Trace
from gpo.scoring.kinds import AnswerKind
from gpo.scoring.metric_registry import METRICS, Scoring, load_function
from gpo.scoring.spec import MetricSpec

_ROUNDING = 1e-6
"""How far beyond 0 and 1 a score may lie: that much is rounding, and no fault of the metric."""


class Marked(NamedTuple):
    """The score of one answer, from 0 to 1, and what the metric said about it."""

    value: float
    feedback: str = ""


class ToScore(NamedTuple):
    """What a metric may see of one answer: what was read, what is right, what the model wrote, and the row.

    `trace` has the model calls behind it; None where there were none.
    """

    answer: str
    references: Sequence[str]
    text: str
    row: Mapping[str, Any]
    kind: AnswerKind = "free"
    trace: Trace | None = None


def row_of(example: Example, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An example as the row that a function sees: its inputs and slices by their fields, and what else is known.

    Always there are `id`, `reference`, `references` (all right answers) and `solution`. `fields` are names of fields
    by these, under which the values are there as well: {"reference": "label"}.

    >>> row_of(Example(id="e1", inputs={"review": "Fine."}, reference="positive"), {"reference": "label"})["label"]
    'positive'
    """
    known = {
        "id": example.id,
        "reference": example.reference,
        "references": list(example.references),
        "solution": example.solution,
    }
    named = {field: known[name] for name, field in (fields or {}).items()}
    return {**known, **example.slices, **named, **_as_rows_have(example.inputs)}


def _as_rows_have(inputs: Mapping[str, InputValue]) -> dict[str, Any]:
    """Inputs for a function: texts, and conversations as lists of `{"role": ..., "content": ...}`."""
    return {
        name: value if isinstance(value, str) else [{"role": each.role, "content": each.text} for each in value]
        for name, value in inputs.items()
    }


def takes_row(metric: MetricSpec) -> bool:
    """Whether a metric is a function that looks at the whole row.

    Raises:
        MetricError: the function cannot be had.
    """
    return asks_for(metric, "row")


def asks_for(metric: MetricSpec, name: str) -> bool:
    """Whether a metric is a function that asks for one of `GIVEN` of `gpo.scoring.functions.signature`.

    Raises:
        MetricError: the function cannot be had.
    """
    return metric.name == "python" and name in asks_of(_function(metric)).names


def is_quick(metric: MetricSpec) -> bool:
    """Whether a metric is one of ours that takes no time to speak of: nothing else has to go on meanwhile."""
    return metric.name not in _MAY_TAKE_LONG


def mark(metric: MetricSpec, given: ToScore) -> Marked:
    """The score of an answer by a spec's metric: the best over the references.

    A coroutine function is run to its end, in a loop of its own.

    Raises:
        MetricError: the metric is a model's to score, or its function failed or gave no score from 0 to 1.
    """
    return _best(metric, given, [_marked(call, _to_end(call)) for call in _calls(metric, given)])


async def mark_soon(metric: MetricSpec, given: ToScore) -> Marked:
    """The same for callers in an event loop, which goes on meanwhile: other functions of users run in a thread."""
    return _best(metric, given, [_marked(call, await _result_soon(call)) for call in _calls(metric, given)])


def score(metric: MetricSpec, answer: str, references: Sequence[str], kind: AnswerKind = "free") -> float:
    """The score of an answer by a spec's metric, where nothing else is known of the example.

    A function that asks for the row or the raw text gets the answer as the text, and a row of the references alone.

    >>> score(MetricSpec(name="exact_match"), "5", ["-5"], "number")
    0.0

    Raises:
        MetricError: the metric is a model's to score, or its function failed or gave no score from 0 to 1.
    """
    row = {"reference": references[0], "references": list(references)}
    return mark(metric, ToScore(answer, references, text=answer, row=row, kind=kind)).value


def check_metric(
    metric: MetricSpec,
    examples: Sequence[Example],
    kind: AnswerKind = "free",
    fields: Mapping[str, str] | None = None,
) -> None:
    """Score the examples' own references, so that a metric that cannot work is found before anything is paid for.

    `fields` are the names of the dataset's fields, as `row_of` takes them.

    Raises:
        SpecError: the metric fails on one of them.
    """
    if METRICS[metric.name].needs_model:
        return
    for example in examples:
        right = example.reference
        try:
            mark(metric, ToScore(right, example.references, text=right, row=row_of(example, fields), kind=kind))
        except MetricError as error:
            raise SpecError(
                f"`metric`: {error}; it was given the reference of example {example.id} as the answer: correct the "
                "metric or the dataset"
            ) from error


def _best(metric: MetricSpec, given: ToScore, marks: Sequence[Marked]) -> Marked:
    """The best of the marks; answers that have a canonical value are equal only if that value is."""
    best = max(marks, key=lambda each: each.value)
    return best._replace(value=by_value(best.value, metric.name, given.kind, given.answer, given.references))


class _Call(NamedTuple):
    """One call of a metric's function, not made yet."""

    metric: MetricSpec
    run: partial[Any]
    asks: Asks
    values: Mapping[str, Any]

    @property
    def about(self) -> str:
        """What it is called with, for messages."""
        shown = "answer" if "answer" in self.asks.names else "text"
        about = f"{shown} {self.values[shown][:80]!r}"
        by_reference = "reference" in self.asks.names
        return f"{about} and reference {self.values['reference'][:80]!r}" if by_reference else about

    @property
    def seconds(self) -> float:
        """How long it may take."""
        return self.metric.timeout_s


def _calls(metric: MetricSpec, given: ToScore) -> Iterator[_Call]:
    """The calls that score an answer: one for each reference, where the function looks at one."""
    function, parameters = _function(metric), dict(metric.parameters)
    if metric.name == "python":
        del parameters["function"]
    asks = asks_of(function)
    names = asks.names
    trace = given.trace or Trace(text=given.text) if "trace" in names else None
    by_reference = "reference" in names
    for reference in given.references if by_reference else given.references[:1]:
        values = {"answer": given.answer, "reference": reference, "row": given.row, "text": given.text, "trace": trace}
        positional, keywords = asks.arguments(values)
        yield _Call(metric, partial(function, *positional, **keywords, **parameters), asks, values)


def _function(metric: MetricSpec) -> Scoring:
    if metric.name != "python":
        return METRICS[metric.name].function
    if metric.function is not None:
        return metric.function
    with printing_to_stderr():
        return load_function(str(metric.parameters["function"]), metric.folder, metric.source)


_THREAD = FunctionThread()
_MAY_TAKE_LONG = frozenset({"python", "regex"})


def _to_end(call: _Call) -> Any:
    with _blaming(call):
        if call.metric.name != "python":
            return call.run()

        def run() -> Any:
            with printing_to_stderr():
                result = call.run()
                return asyncio.run(_awaited(result, call.seconds)) if inspect.isawaitable(result) else result

        return _THREAD.result(run, call.seconds)


async def _result_soon(call: _Call) -> Any:
    with _blaming(call):
        if is_quick(call.metric):
            return call.run()
        if inspect.iscoroutinefunction(call.run.func):
            return await _awaited(call.run(), call.seconds)

        def run() -> Any:
            with printing_to_stderr():
                return call.run()

        result = await _THREAD.result_soon(run, call.seconds)
        return await _awaited(result, call.seconds) if inspect.isawaitable(result) else result


async def _awaited(waiting: Awaitable[Any], seconds: float) -> Any:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            return await waiting
    except TimeoutError:
        if limit.expired():
            raise TookTooLongError from None
        raise


@contextmanager
def _blaming(call: _Call) -> Iterator[None]:
    """What a user's function prints goes to stderr, and what any raises names the metric."""
    try:
        with nullcontext() if is_quick(call.metric) else printing_to_stderr():
            yield
    except MetricError:
        raise
    except TookTooLongError:
        raise MetricError(
            f"{_named(call.metric)} took longer than `metric.timeout_s`, {call.seconds:g} s, for {call.about}"
        ) from None
    except Exception as error:  # a user's function may raise anything
        raise MetricError(f"{_named(call.metric)} raised {type(error).__name__}: {error} for {call.about}") from error


def _named(metric: MetricSpec) -> str:
    if metric.name == "python":
        return f"metric function '{metric.parameters['function']}'"
    return f"metric `{metric.name}`"


def _marked(call: _Call, result: Any) -> Marked:
    value, feedback = result, ""
    if isinstance(result, Mapping):
        if "score" not in result:
            known = ", ".join(map(repr, result)) or "nothing"
            raise MetricError(
                f"{_named(call.metric)} returned a dict without 'score' for {call.about}; it has: {known}"
            )
        value, feedback = result["score"], str(result.get("feedback") or "")
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not -_ROUNDING <= number <= 1 + _ROUNDING:
        raise MetricError(
            f"{_named(call.metric)} returned {str(value)[:80]!r} for {call.about}; it must return a number from 0 to 1"
            ', or {"score": number, "feedback": text}'
        )
    return Marked(min(1.0, max(0.0, number)), feedback)
