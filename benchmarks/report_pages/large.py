"""The report of a large run, written without running one: 500 candidates, 1,000 test examples, half of them changed."""

import random
from collections import Counter
from pathlib import Path

from gpo.records import Candidate, Interval, Score, Scored
from gpo.report.page.material import RunMaterial
from gpo.report.run_html import write_report
from gpo.runs.outcome import Calls, Outcome
from gpo.runs.results.proved import ProvedExamples
from gpo.runs.results.result import Change, ExampleResult
from gpo.search.step import Rejection, Step
from gpo.spec.task import TaskSpec

CANDIDATES, EXAMPLES, STEPS, DEV = 500, 1_000, 50, 200
WORDS = ("answer", "weigh", "review", "praise", "complaint", "price", "screen", "battery", "never", "again", "read")
CHANGES: tuple[Change, ...] = ("fixed", "broken", "both_wrong", "both_right")


def write_large_report(home: Path) -> Path:
    """Write the report into a state folder and return its path."""
    rng = random.Random(0)

    def words(count: int) -> str:
        return " ".join(rng.choices(WORDS, k=count)).capitalize() + "."

    def scored(step: int, number: int, parent: str | None) -> Scored:
        candidate = Candidate(instruction=f"{words(60)} {step} {number}", step=step, number=number, parent=parent)
        values = {f"d{place}": float(rng.random() < 0.5 + step / 200) for place in range(DEV)}
        return Scored(candidate=candidate, score=Score(values=values, planned=DEV))

    start = scored(0, 0, None)
    steps, current = [], start
    for number in range(1, STEPS + 1):
        items = tuple(scored(number, place, current.candidate.id) for place in range(CANDIDATES // STEPS))
        shown = current.candidate.instruction
        rejected = tuple(Rejection(reason="duplicate", text=words(60)) for _ in range(5))
        steps.append(
            Step(number=number, budget=40, current=shown, neighbours=(shown,), scored=items, rejected=rejected)
        )
        current = max((current, *items), key=lambda each: each.score.mean)

    rows = [_example(place, words, CHANGES[place % 4]) for place in range(EXAMPLES)]
    tests = [
        Score(values={each.example: value(each) for each in rows}, planned=EXAMPLES)
        for value in (lambda each: each.before_score or 0.0, lambda each: each.score or 0.0)
    ]
    outcome = Outcome(
        run_id="large-1a2b3c4d",
        task="large",
        start=start,
        best=current,
        start_test=tests[0],
        best_test=tests[1],
        gain=Interval(value=0.0, low=-0.05, high=0.05),
        history=tuple(steps),
        stopped="max_steps",
        steps=STEPS,
        proposed=CANDIDATES + 5 * STEPS,
        rejected={"duplicate": 5 * STEPS},
        evaluated=CANDIDATES,
        calls={"task": Calls(paid=100_000), "optimizer": Calls(paid=STEPS)},
        started_at="2026-01-01T00:00:00+00:00",
        wall_s=3600.0,
    )
    vectors = {
        item.candidate.id: [rng.gauss(0, 1) for _ in range(256)]
        for item in (start, *(each for step in steps for each in step.scored))
    }
    examples = ProvedExamples(rows, Counter(each.change for each in rows if each.change), EXAMPLES)
    material = RunMaterial(examples=examples, vectors=vectors, dataset="d" * 16, code="c" * 16)
    return write_report(home, _spec(), outcome, material, lambda: iter(rows))


def _example(place: int, words, change) -> ExampleResult:
    return ExampleResult(
        run="large",
        split="test",
        prompt="best",
        place=place,
        example=f"t{place}",
        slices={},
        input={"review": words(60)},
        expected=("positive",),
        text=words(30),
        answer="positive",
        score=float(change in ("fixed", "both_right")),
        feedback=words(12),
        before_text=words(30),
        before_answer="negative",
        before_score=float(change in ("broken", "both_right")),
        change=change,
    )


def _spec() -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "name": "large",
            "prompt": {"instruction": "Judge.", "messages": [{"user": "{{review}}\n{{instruction}}"}]},
            "dataset": {"path": "reviews.jsonl", "input": "review", "reference": "label"},
            "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        }
    )
