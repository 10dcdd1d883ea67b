"""What a run measures of both prompts: words, seconds and money; and limits on what cannot be measured."""

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from gpo.errors import SpecError
from gpo.evaluation.evaluate import evaluate
from gpo.gate.guards import check_tokens, measure_prompts
from gpo.gate.verdict import Measure
from gpo.models.ledger import Answer
from gpo.records import Candidate, Example, Score, Timing, Usage
from gpo.spec.task import TaskSpec
from tests.support.fakes import chat_model, scripted
from tests.support.outcomes import spec

PRICED = {"task": {"model": "openai:m", "price": {"input": 1, "output": 4}}}


def measured(seconds: float | None, tokens: int = 100) -> Score:
    timing = Timing() if seconds is None else Timing(calls=2, seconds=2 * seconds)
    return Score(values={}, planned=2, usage={"task": Usage(calls=2, input_tokens=tokens)}, timing=timing)


def test_words_seconds_and_money_of_both_prompts() -> None:
    champion = (Candidate(instruction="Judge the review."), measured(0.5, 1000))
    challenger = (Candidate(instruction="Judge the\nwhole review."), measured(0.75001, 3000))
    assert measure_prompts(spec(models=PRICED), champion, challenger) == {
        "words": Measure(champion=3, challenger=4),
        "latency": Measure(champion=0.5, challenger=0.75),
        "cost": Measure(champion=0.5, challenger=1.5),
    }


def test_what_is_not_known_of_both_is_no_measure() -> None:
    prompt = Candidate(instruction="Judge.")
    found = measure_prompts(spec(), (prompt, measured(None)), (prompt, measured(0.5)))
    assert found == {"words": Measure(champion=1, challenger=1), "latency": None}
    untold = measure_prompts(spec(models=PRICED), (prompt, measured(0.5, 0)), (prompt, measured(0.5)))
    assert untold["cost"] is None


def test_the_time_of_an_answer_is_that_of_when_it_was_paid_for() -> None:
    examples = [Example(id=f"e{n}", inputs={"review": f"review {n}"}, reference="positive") for n in range(4)]
    model = chat_model(scripted("positive"))

    def run() -> Score:
        return asyncio.run(evaluate(model, spec(), "Judge.", examples))

    first = run()
    assert first.timing.calls == 4
    assert first.timing.mean is not None
    assert first.timing.mean > 0
    assert run().timing == first.timing
    assert model.tally.paid == 4
    held: dict[str, Any] = model.answers._held  # type: ignore[attr-defined]
    for digest, each in list(held.items())[:3]:
        held[digest] = each.model_copy(update={"answer": each.answer.model_copy(update={"seconds": None})})
    assert run().timing.calls == 1


def test_an_answer_of_a_time_before_has_no_time() -> None:
    assert Answer(text="x").seconds is None
    assert Score(values={}, planned=0).timing.mean is None


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"max_growth": {"word": 0.5}}, "`gate.max_growth` names 'word', which no run measures; did you mean 'words'?"),
        ({"max_growth": {"cost": 0.5}}, "limits `cost`, and `models.task` has no price: write `price:"),
        ({"slice_margins": {"style": 0.1}}, "names 'style'; slices are named `field=value`"),
        ({"slice_margins": {"style=a": 0.1}}, "'style' is not in `gate.slices`; none are there"),
        ({"slices": "style", "slice_margins": {"styl=a": 0.1}}, "`gate.slices`; did you mean 'style'?"),
    ],
)
def test_a_spec_whose_gate_cannot_be_kept_is_refused(gate: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(gate=gate)
    assert message in str(caught.value)


def test_limits_on_what_can_be_measured_are_taken() -> None:
    limits = {"words": 0.5, "latency": 1, "cost": 0}
    made = spec(models=PRICED, gate={"slices": "style", "slice_margins": {"style=a=b": 0.1}, "max_growth": limits})
    assert made.gate.slices == ("style",)


def test_a_limit_on_the_cost_needs_a_model_that_counts_tokens() -> None:
    limited: TaskSpec = spec(models=PRICED, gate={"max_growth": {"cost": 0.5}})
    check_tokens(limited, measured(0.5))
    check_tokens(spec(models=PRICED), measured(0.5, 0))
    with pytest.raises(SpecError, match="openai:m does not say how many tokens its answers take: limit `words`"):
        check_tokens(limited, measured(0.5, 0))
