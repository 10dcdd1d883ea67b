"""A finished run with results, written by hand: no model is asked."""

from collections.abc import Sequence

from sqlalchemy import Engine

from gpo.records import Candidate, Example, Interval, Sample, Score, Scored
from gpo.runs.history import History, RunRow
from gpo.runs.outcome import Outcome
from gpo.runs.results.result import results_of
from gpo.runs.results.store import Results

KEY = "5ca1ab1e00c0ffee"
RUN = "reviews-5ca1ab1e"
LABELS = ("positive", "negative")
START = Candidate(instruction="Judge.")
BEST = Candidate(instruction="Judge the review.", step=1, number=2, parent=START.id)

Value = float | None
"""A score; None where the call failed."""


def example(number: int) -> Example:
    """A review; every third is German."""
    return Example(
        id=f"r{number}",
        inputs={"review": f"Review number {number}."},
        reference=LABELS[number % 2],
        slices={"language": "en" if number % 3 else "de"},
    )


def sample(each: Example, value: float) -> Sample:
    """An answer with this score: the right label, the wrong one, or below 0 one that cannot be read."""
    right = LABELS.index(each.reference)
    answer = None if value < 0 else LABELS[right if value else 1 - right]
    text = f"= I say {answer}." if answer else "I cannot say."
    feedback = "" if value > 0 else f"wanted {each.reference}"
    return Sample(
        example=each.id,
        text=text,
        answer=answer,
        value=max(value, 0.0),
        rule="statement",
        feedback=feedback,
        seconds=0.25,
        input_tokens=12,
        output_tokens=3,
    )


def score_of(examples: Sequence[Example], values: Sequence[Value]) -> Score:
    """The score whose examples have these values; below 0 stands for an unread answer."""
    samples = [sample(each, value) for each, value in zip(examples, values, strict=True) if value is not None]
    return Score(
        values={each.example: each.value for each in samples},
        planned=len(examples),
        failed=len(examples) - len(samples),
        unparsed=sum(each.answer is None for each in samples),
        failures={
            each.id: "openai:m: HTTP 503: overloaded"
            for each, value in zip(examples, values, strict=True)
            if value is None
        },
        samples=tuple(samples),
    )


def keep_results(
    engine: Engine, candidate: Candidate, values: Sequence[Value], split: str = "test", key: str = KEY
) -> Score:
    """Keep the results of one prompt of a run that has begun."""
    examples = [example(number) for number in range(len(values))]
    score = score_of(examples, values)
    Results(engine).put(key, split, candidate.id, results_of(score, examples, split, candidate))
    return score


def keep_run(
    engine: Engine, before: Sequence[Value], after: Sequence[Value], *, key: str = KEY, task: str = "reviews"
) -> None:
    """Keep a run whose start and best prompt got these values on test, the start worse on dev."""
    history = History(engine)
    history.begin(RunRow(key=key, task=task, scope="s", started_at="2026-01-01T00:00:00+00:00", labels=LABELS))
    start, best = (
        Scored(candidate=candidate, score=keep_results(engine, candidate, values, "dev", key))
        for candidate, values in ((START, [0.0, 1.0]), (BEST, [1.0, 1.0]))
    )
    history.record(key, "s", [start, best])
    tests = [keep_results(engine, each, values, key=key) for each, values in ((START, before), (BEST, after))]
    outcome = Outcome(
        run_id=f"{task}-{key[:8]}",
        task=task,
        started_at="2026-01-01T00:00:00+00:00",
        wall_s=1.0,
        stopped="plateau",
        steps=1,
        start=start,
        best=best,
        start_test=tests[0],
        best_test=tests[1],
        gain=Interval(value=0.1, low=-0.1, high=0.3),
        proposed=1,
        rejected={},
        evaluated=1,
        calls={},
    )
    history.finish(key, outcome)
