"""Calls of which a program tells itself, or its tracing does, are steps of the example like any other."""

from pathlib import Path

import pytest

import gpo
from gpo.models.target.recording import Recorder
from gpo.records import Sample
from tests.gpo.models.target.test_target import Asked, spec_of
from tests.support.fakes import in_time

HTTP = """
import gpo
def answer(question):
    text = seen()
    with gpo.record("model", model="mine", input=text) as step:
        step.output, step.input_tokens, step.output_tokens = {"answer": "4"}, 5, 2
    gpo.record("tool", name="look_up", input={"word": "a"}, output="b", seconds=0.5)
    try:
        with gpo.record("retriever", name="pages", input="a") as step:
            raise KeyError("no page")
    except KeyError:
        pass
    return question
"""

TRACED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
import gpo
if not isinstance(trace.get_tracer_provider(), TracerProvider):
    trace.set_tracer_provider(TracerProvider())
def answer(question):
    tracer = trace.get_tracer("app")
    with tracer.start_as_current_span("work"):
        with tracer.start_as_current_span("chat mine") as span:
            span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": "mine"})
            span.set_attributes({"gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 2})
            span.set_attribute("gen_ai.input.messages", seen())
        with tracer.start_as_current_span("execute_tool look_up") as span:
            span.set_attributes({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look_up"})
    if question == "q1":
        gpo.record("model", model="told", input=seen())
    return question
"""


def steps(sample: Sample) -> list[tuple[str, str, str, str]]:
    return [(call.kind, call.part, call.model or call.name, call.error) for call in sample.calls]


def test_what_a_program_tells_of_its_calls_is_part_of_the_trace_and_counts(tmp_path: Path) -> None:
    asked = Asked(spec_of(tmp_path, HTTP))
    score = in_time(asked.score(), 60)
    assert score.mean == 1.0
    first = score.samples[0]
    assert steps(first) == [
        ("model", "asks", "mine", ""),
        ("tool", "", "look_up", ""),
        ("retriever", "", "pages", "KeyError: 'no page'"),
    ]
    assert [(call.input, call.text) for call in first.calls[:2]] == [
        ("Say it.\n\n?", '{"answer": "4"}'),
        ('{"word": "a"}', "b"),
    ]
    assert first.calls[1].seconds == 0.5
    assert (score.usage["task"].calls, score.usage["task"].input_tokens) == (6, 30)


def test_spans_of_models_and_tools_are_steps_unless_the_program_tells_of_its_models_itself(tmp_path: Path) -> None:
    score = in_time(Asked(spec_of(tmp_path, TRACED)).score(), 60)
    samples = {sample.example: sample for sample in score.samples}
    assert steps(samples["0"]) == [("model", "asks", "mine", ""), ("tool", "", "look_up", "")]
    assert samples["0"].calls[0].input_tokens == 5
    assert steps(samples["1"]) == [("model", "asks", "told", "")]


class Unwritable:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kind", "chain"),
        ("input_tokens", "12 tokens"),
        ("output_tokens", -3),
        ("seconds", "soon"),
        ("part", "a\x00"),
        ("output", Unwritable()),
    ],
)
def test_what_is_wrong_in_a_step_costs_no_answer(field: str, value: object) -> None:
    step = gpo.record("model", input="x", output="y")
    setattr(step, field, value)
    (call,) = Recorder().calls({}, [step])
    assert (call.kind, call.input, call.input_tokens, call.output_tokens, call.seconds) == ("model", "x", 0, 0, None)
    assert "\x00" not in call.part


def test_a_key_in_what_a_call_was_given_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "hunter2hunter2")
    step = gpo.record("tool", input={"headers": {"X-Key": "hunter2hunter2"}}, output="hunter2hunter2, you said")
    (call,) = Recorder().calls({}, [step])
    assert (call.input, call.text) == ('{"headers": {"X-Key": "***"}}', "***, you said")


def test_elsewhere_it_does_nothing() -> None:
    with gpo.record("model", input="x") as step:
        step.output = "y"
    assert step.seconds is not None
    with pytest.raises(ValueError, match="unknown kind 'chain'; allowed: model, tool, retriever"):
        gpo.record("chain")  # type: ignore[arg-type]
