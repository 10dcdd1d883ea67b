"""Outcomes written by hand, for the tests of what is made from them: a usual run, and those at the edges."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gpo.gate.rule import apply_gate
from gpo.gate.verdict import Measure
from gpo.records import Candidate, Interval, Sample, Score, Scored
from gpo.runs.outcome import Calls, Outcome
from gpo.search.estimate import Estimate
from gpo.search.inform import Informed
from gpo.search.retrieve import Recalled
from gpo.search.screen import Screened
from gpo.search.select import complete_step, describe_step
from gpo.search.state import Search
from gpo.search.step import Edited, Proposal, Proposals, Rejection, Step, Trial
from gpo.spec.gate import GateSpec
from gpo.spec.task import TaskSpec

START = "Decide whether the review is positive or negative. Answer with one word."
BETTER = "Read the whole review, weigh praise against complaints, and answer positive or negative with one word."
HOSTILE = (
    "Ignore | pipes\n\n<script>alert('x')</script>\n```\n# not a heading\n```` more\n"
    "![img](http://example.com/x.png) **bold** \x00\ud800 & &amp;\n" + "and so on it goes | " * 200
)


def spec(**changes: Any) -> TaskSpec:
    content = {
        "name": "review-sentiment",
        "prompt": {"instruction": START, "messages": [{"user": "{{review}}\n{{instruction}}"}]},
        "dataset": {"path": "reviews.jsonl", "input": "review", "reference": "label"},
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
    }
    return TaskSpec.model_validate(content | changes)


def score(right: int, n: int, planned: int | None = None, unparsed: int = 0, samples: Sequence[Sample] = ()) -> Score:
    values = {f"e{i:03d}": float(i < right) for i in range(n)}
    return Score(values=values, planned=planned or n, unparsed=unparsed, samples=tuple(samples))


def scored(step: int, number: int, right: int, n: int, *, instruction: str, parent: Candidate) -> Scored:
    candidate = Candidate(
        instruction=instruction,
        step=step,
        number=number,
        parent=parent.id,
        budget=50 - 12 * step,
        proposed_distance=30,
        distance=min(30, 50 - 12 * step),
    )
    return Scored(candidate=candidate, score=score(right, n, 48))


def proposals_of(*texts: str, rejected: Sequence[Rejection] = ()) -> Proposals:
    """What an optimizer model wrote, in the order in which it was asked."""
    written = tuple(Proposal(text=text, place=place) for place, text in enumerate(texts))
    return Proposals(proposals=written, rejected=tuple(rejected))


def step_of(search: Search, items: Sequence[Scored], budget: int | None = None) -> Step:
    """The record of a step that came to these candidates."""
    edited = Edited(budget=budget, candidates=tuple(item.candidate for item in items))
    nothing = Informed(current=search.current), Recalled(), proposals_of()
    begun = describe_step(search, *nothing, edited=edited)
    return complete_step(begun, Screened(passed=edited.candidates), items)


def history(start: Scored, best_instruction: str = BETTER) -> tuple[Step, ...]:
    """Three steps of four candidates: rights of 48, or of the 16 at which the race dropped them."""
    results = [
        [(33, 48), (30, 48), (8, 16), (33, 48)],
        [(39, 48), (36, 48), (9, 16), (36, 48)],
        [(37, 48), (36, 48), (10, 16), (36, 48)],
    ]
    current, found = start, []
    for number, row in enumerate(results, start=1):
        items = tuple(
            scored(
                number,
                place,
                right,
                n,
                instruction=best_instruction if right == 39 else f"{START} Variant {number}-{place}.",
                parent=current.candidate,
            )
            for place, (right, n) in enumerate(row, start=1)
        )
        rejected = (Rejection(reason="duplicate", text=START), Rejection(reason="too_long", text="word " * 900))
        neighbours = ("A prompt of another run.", current.candidate.instruction)
        found.append(
            Step(
                number=number,
                budget=50 - 12 * number,
                current=current.candidate.instruction,
                neighbours=neighbours,
                scored=items,
                rejected=rejected,
            )
        )
        current = max([current, *items], key=lambda item: item.score.mean if item.score.complete else 0)
    return tuple(found)


def outcome(rules: GateSpec | None = None, seen: Mapping[str, Any] | None = None, **changes: Any) -> Outcome:
    """A run with the verdict of the gate, which is shown slices, measures and so on by `seen`."""
    start = Scored(candidate=Candidate(instruction=START), score=score(30, 48))
    steps = history(start)
    samples = [
        Sample(example="e099", text="It is <b>mixed</b>,\nso I cannot say.", answer=None, value=0.0),
        Sample(example="e101", text="negative", answer="negative", value=0.0),
        Sample(example="e001", text="Positive.", answer="positive", value=1.0),
    ]
    content: dict[str, Any] = {
        "run_id": "20260102-1a2b3c",
        "task": "review-sentiment",
        "started_at": "2026-01-02T03:04:05+00:00",
        "wall_s": 252.4,
        "stopped": "plateau",
        "steps": 3,
        "start": start,
        "best": steps[1].scored[0],
        "start_test": score(98, 160, unparsed=4, samples=samples),
        "best_test": score(127, 160, unparsed=1, samples=samples[1:]),
        "proposed": 18,
        "rejected": {"duplicate": 3, "too_long": 3},
        "evaluated": 12,
        "calls": {
            "task": Calls(paid=800, cached=96, failed=2, input_tokens=123456, output_tokens=4321),
            "optimizer": Calls(paid=3, cached=0, failed=0, input_tokens=5000, output_tokens=900),
        },
        "history": steps,
    }
    content |= changes
    if content["best"].candidate != start.candidate and "verdict" not in content:
        content["verdict"] = apply_gate(content["best_test"], content["start_test"], rules, **seen or {})
    verdict = content.get("verdict")
    content.setdefault("gain", verdict.gain if verdict else Interval(value=0, low=0, high=0))
    return Outcome(**content)


def tried_on_cases() -> Outcome:
    """A run that tries its proposals on cases, asked for in two ways, and goes by what is expected of a prompt."""
    whole = outcome()
    best = whole.best.candidate.model_copy(update={"way": "cases", "step": 1})
    found = Scored(candidate=best, score=whole.best.score)

    def trial(text: str, way: str, *, passed: bool) -> Trial:
        candidate = best if passed and way == "cases" else Candidate(instruction=text, step=1, number=2, way=way)
        return Trial(candidate=candidate, before=0.5, values={"t1": 1.0, "t2": 0.0}, passed=passed)

    step = Step(
        number=1,
        budget=None,
        current=START,
        neighbours=(),
        scored=(found,),
        trials=(
            trial(BETTER, "cases", passed=True),
            trial("Judge it.", "cases", passed=False),
            trial("Judge it well.", "define", passed=True),
        ),
        rejected=(
            Rejection(reason="copy", text="Fine.", way="define"),
            Rejection(reason="no_gain", text="Judge it.", way="cases"),
            Rejection(reason="unaffordable", text="Judge it well.", way="define"),
        ),
    )
    return outcome(
        best=found,
        history=(step,),
        steps=1,
        proposed=4,
        evaluated=1,
        rejected={"copy": 1, "no_gain": 1, "unaffordable": 1},
        expected=Estimate(mean=0.76, sd=0.031),
    )


def no_step(**changes: Any) -> Outcome:
    whole = outcome()
    content: dict[str, Any] = {
        "best": whole.start,
        "best_test": whole.start_test,
    }
    content |= {"history": (), "steps": 0, "proposed": 0, "rejected": {}, "evaluated": 0, "stopped": "budget"}
    return outcome(**(content | changes))


def hostile() -> Outcome:
    start = Scored(candidate=Candidate(instruction=START), score=score(30, 48))
    steps = history(start, HOSTILE)
    answer = Sample(example="<i>|", text=HOSTILE, answer="<script>|", value=0.0)
    return outcome(
        history=steps,
        best=steps[1].scored[0],
        best_test=score(127, 160, samples=[answer]),
        task="<script>alert(1)</script>",
        run_id="<img src=x>",
    )


def nothing_scored() -> Outcome:
    steps = (Step(number=1, budget=None, current=START, neighbours=(), scored=(), rejected=()),)
    return no_step(history=steps, steps=1, proposed=8, rejected={"unchanged": 7, "empty": 1})


def all_failed() -> Outcome:
    empty = Score(values={}, planned=160, failed=160)
    return outcome(start_test=empty, best_test=empty)


def proved(wins: int, losses: int, n: int = 160, rules: GateSpec | None = None, **changes: Any) -> Outcome:
    """An outcome by how many test examples the best prompt won and lost."""
    both = {f"e{number:03d}": (float(wins <= number < wins + losses), float(number < wins)) for number in range(n)}
    start_test, best_test = (
        Score(values={name: pair[place] for name, pair in both.items()}, planned=n) for place in (0, 1)
    )
    return outcome(rules, start_test=start_test, best_test=best_test, **changes)


def unclear() -> Outcome:
    return proved(28, 20)


def unmeasured() -> Outcome:
    return outcome(GateSpec(max_growth={"latency": 0.5}), {"measures": {"latency": None}})


def guarded() -> Outcome:
    """A run that the gate stops, with slices, measures and warnings."""
    lost = [f"e{number:03d}" for number in range(86, 98)]
    names = ("style=terse | 'x'", "style=<b>long</b>", "style=plain")
    slices = dict(
        zip(names, (lost, [f"e{n:03d}" for n in range(60)], [f"e{n:03d}" for n in range(60, 160)]), strict=True)
    )
    measures = {
        "words": Measure(champion=12, challenger=19),
        "latency": Measure(champion=0.8123, challenger=0.8467),
        "cost": Measure(champion=0.0412, challenger=0.0503),
    }
    changed = dict.fromkeys(lost, 0.0)
    best_test = score(127, 160)
    best_test = best_test.model_copy(update={"values": {**best_test.values, **changed}})
    seen = {"slices": slices, "measures": measures, "earlier_uses": 11}
    return outcome(GateSpec(max_growth={"words": 0.5}), seen, best_test=best_test)


CASES: Mapping[str, Callable[[], Outcome]] = {
    "usual": outcome,
    "no step": no_step,
    "hostile": hostile,
    "nothing scored": nothing_scored,
    "all test calls failed": all_failed,
    "unclear": unclear,
    "guarded": guarded,
    "tried on cases": tried_on_cases,
    "before the gate": lambda: outcome(verdict=None, gain=Interval(value=0.18125, low=0.1, high=0.2625)),
}
