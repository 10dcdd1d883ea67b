"""Formats questions, scores and long texts for the prompts that the optimizer model gets."""

from collections.abc import Sequence

from gpo.formatting import cut_middle
from gpo.messages.message import shown_inputs
from gpo.records import Example, Sample, Scored, TracedCall
from gpo.search.memory.neighbours import Neighbour
from gpo.spec.task import TaskSpec
from gpo.template import question_text

PLACEHOLDER = "<INSTRUCTION>"
"""Stands where the instruction goes."""

MAX_CASE_CHARS = 1200
"""Characters of a question or an answer that the optimizer model is shown."""

MAX_STEP_CHARS = 600
"""Characters of what one step of a program was given, and of what it gave, that the optimizer model is shown."""

MAX_STEPS = 12
"""Steps of a program that it is shown of one case: the last of them, and before these what failed, then the first."""

_LAST_STEPS = 6

MAX_FEEDBACK_CHARS = 600
"""Characters that are shown of what people said."""


def format_question(spec: TaskSpec, example: Example) -> str:
    """What the task model is asked, with `PLACEHOLDER` for the instruction; of a program, what it is given."""
    if spec.target is not None:
        return "\n".join(f"{name}: {text}" for name, text in shown_inputs(example.inputs).items())
    return question_text(spec.prompt.template, PLACEHOLDER, example.inputs)


def format_feedback(example: Example) -> str:
    """What people said of answers to a training example, on lines of its own; empty where nobody did."""
    said = example.feedback
    return f"\nWhat people said of an answer: {cut_middle(said, MAX_FEEDBACK_CHARS)}" if said else ""


def list_examples(spec: TaskSpec, examples: Sequence[Example]) -> str:
    """Training examples with their right answers, and what people said of answers to them."""
    return "\n\n".join(
        f"{format_question(spec, example)}\nAnswer: {example.reference}{format_feedback(example)}"
        for example in examples
    )


def describe_case(spec: TaskSpec, title: str, example: Example, sample: Sample) -> str:
    """One example with the answer given and the right one, and what the metric or the judge said about the answer."""
    judged = f"\nWhat was said about the answer: {cut_middle(sample.feedback, MAX_CASE_CHARS)}"
    feedback = f"{judged if sample.feedback else ''}{format_feedback(example)}"
    inside = f"{format_calls(sample.calls)}\n" if sample.calls else ""
    who = "model" if spec.target is None else "program"
    return (
        f"{title}\n{cut_middle(format_question(spec, example), MAX_CASE_CHARS)}\n"
        f"{inside}The {who}'s answer: {cut_middle(sample.text.strip(), MAX_CASE_CHARS)}\n"
        f"The right answer: {cut_middle(' or '.join(example.references), MAX_CASE_CHARS)}{feedback}"
    )


def format_calls(calls: Sequence[TracedCall]) -> str:
    """What happened in a program, a call on lines of its own: those that failed first, then in their order.

    >>> print(format_calls([TracedCall(text="Paris", part="plan", input="Where?"), TracedCall(text="", error="no")]))
    What happened in the program:
    Step 2, a model, failed: no
    Step 1, a model with the prompt `plan`, was given:
    Where?
    It gave: Paris
    """
    numbered = [(call.number or place, call) for place, call in enumerate(calls, start=1)]
    shown = sorted(_few_steps(numbered), key=lambda item: not item[1].error)
    steps = "\n".join(f"Step {number}, {_describe_call(call)}" for number, call in shown)
    left = numbered[-1][0] - len(shown) if numbered else 0
    more = f"\n({left} more steps)" if left else ""
    return f"What happened in the program:\n{steps}{more}"


def _few_steps(numbered: list[tuple[int, TracedCall]]) -> list[tuple[int, TracedCall]]:
    """As many steps as are shown, in their order."""
    if len(numbered) <= MAX_STEPS:
        return numbered
    before, last = numbered[:-_LAST_STEPS], numbered[-_LAST_STEPS:]
    failed_first = sorted(before, key=lambda item: not item[1].error)
    return sorted([*failed_first[: MAX_STEPS - _LAST_STEPS], *last], key=lambda item: item[0])


def _describe_call(call: TracedCall) -> str:
    named = f" `{call.name}`" if call.name and call.kind != "model" else ""
    who = f"a {call.kind}{named}" + (f" with the prompt `{call.part}`" if call.part else "")
    given = f"was given:\n{cut_middle(call.input, MAX_STEP_CHARS)}\n" if call.input else ""
    if call.error:
        return f"{who}, {given}{'It ' if given else ''}failed: {cut_middle(call.error, MAX_STEP_CHARS)}"
    return f"{who}, {given}It gave: {cut_middle(call.text, MAX_STEP_CHARS)}"


def format_score(prompt: Scored | Neighbour) -> str:
    """The score of a prompt from 0 to 100; one that the race ended early says of how many examples it is.

    >>> format_score(Neighbour(instruction="Judge.", percent=62.5, step=1, number=2, n=16, planned=48, complete=False))
    'Score: 62.5 (on 16 of 48 examples)'
    """
    score = prompt.score if isinstance(prompt, Scored) else prompt
    part = "" if score.complete else f" (on {score.n} of {score.planned} examples)"
    return f"Score: {prompt.percent:g}{part}"
