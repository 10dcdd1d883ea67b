"""Formats questions, scores and long texts for the prompts that the optimizer model gets."""

from gpo.records import Example, Sample, Scored
from gpo.search.memory.neighbours import Neighbour
from gpo.spec.task import TaskSpec
from gpo.template import question_text

PLACEHOLDER = "<INSTRUCTION>"
"""Stands where the instruction goes."""

MAX_CASE_CHARS = 1200
"""Characters of a question or an answer that the optimizer model is shown."""

MAX_FEEDBACK_CHARS = 600
"""Characters that are shown of what people said."""


def format_question(spec: TaskSpec, example: Example) -> str:
    """What the task model is asked, with `PLACEHOLDER` for the instruction."""
    return question_text(spec.prompt.template, PLACEHOLDER, example.inputs)


def format_feedback(example: Example) -> str:
    """What people said of answers to a training example, on lines of its own; empty where nobody did."""
    said = example.feedback
    return f"\nWhat people said of an answer: {cut_middle(said, MAX_FEEDBACK_CHARS)}" if said else ""


def describe_case(spec: TaskSpec, title: str, example: Example, sample: Sample) -> str:
    """One example with the answer given and the right one, and what the metric or the judge said about the answer."""
    judged = f"\nWhat was said about the answer: {cut_middle(sample.feedback, MAX_CASE_CHARS)}"
    feedback = f"{judged if sample.feedback else ''}{format_feedback(example)}"
    return (
        f"{title}\n{cut_middle(format_question(spec, example), MAX_CASE_CHARS)}\n"
        f"The model's answer: {cut_middle(sample.text.strip(), MAX_CASE_CHARS)}\n"
        f"The right answer: {cut_middle(' or '.join(example.references), MAX_CASE_CHARS)}{feedback}"
    )


def format_score(prompt: Scored | Neighbour) -> str:
    """The score of a prompt from 0 to 100; one that the race ended early says of how many examples it is.

    >>> format_score(Neighbour(instruction="Judge.", percent=62.5, step=1, number=2, n=16, planned=48, complete=False))
    'Score: 62.5 (on 16 of 48 examples)'
    """
    score = prompt.score if isinstance(prompt, Scored) else prompt
    part = "" if score.complete else f" (on {score.n} of {score.planned} examples)"
    return f"Score: {prompt.percent:g}{part}"


def cut_middle(text: str, limit: int) -> str:
    """The text with its middle left out where it is longer than `limit` characters.

    >>> cut_middle("one two three", 9)
    'one … ree'
    """
    if len(text) <= limit:
        return text
    head = (limit - 3 + 1) // 2
    return f"{text[:head]} … {text[len(text) - (limit - 3 - head) :]}"
