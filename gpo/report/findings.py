"""What the numbers of a run say, in words: the headline, the hints and the texts that every form of the report shows.

Nothing here is escaped: each form of the report escapes for itself. The only text of the user's is the instruction of a
`CandidateRow`. Names of settings stand in backticks.
"""

import re
from collections.abc import Mapping
from typing import Literal

from gpo.formatting import count, duration, signed
from gpo.records import Record, Score, Scored
from gpo.report.gate import advice, confidence_of, is_promoted
from gpo.runs.outcome import Outcome, all_scored
from gpo.search.plan import UNBOUNDED_STEPS
from gpo.search.step import RejectionReason
from gpo.spec.models import ModelSpec
from gpo.spec.task import TaskSpec

Status = Literal["best", "current", "scored", "dropped"]

Tone = Literal["better", "worse", "unclear", "same"]

MANY_UNPARSED = 0.1
"""The report says so when at least this share of the answers could not be read."""

MANY_CUT = 0.1
"""The report says so when more than this share of the answers was ended by the token limit."""

ONE_REASON = 0.5
"""The report names a cure when one reason turned away at least this share of the proposals."""

_CURES: Mapping[RejectionReason, str] = {
    "empty": "the optimizer model writes nothing between the markers: use a larger model, or `optimizer.style: "
    "continuation` for a very small one.",
    "truncated": "the answers end before the proposal does: raise the optimizer model's `max_tokens`, or ask for "
    "something shorter in `prompt.description`.",
    "refused": "the optimizer model declines to write one: say in `prompt.description` what the prompt is for, or use "
    "another optimizer model.",
    "duplicate": "the optimizer model repeats itself: raise its `temperature`, or widen `optimizer.budget_start`.",
    "leak": "the proposals copy dev or test examples: use fewer `optimizer.examples`, or look for near-duplicates "
    "across the splits.",
    "copy": "the proposals copy training examples: use fewer `optimizer.examples`, or show examples as demonstrations "
    "by `few_shot`.",
    "contract": "the proposals bring variables of their own: say in `prompt.description` that only an instruction is "
    "wanted.",
    "too_long": "the proposals are too long: ask for something short in `prompt.description`, or cap the optimizer "
    "model's `max_tokens`.",
    "budget": "not even one sentence of the proposals fits into the word budget: widen `optimizer.budget_start` and "
    "`optimizer.budget_end`, or start from a prompt of several short sentences.",
    "label": "the proposals leave out labels that the current prompt lists: name the labels in `prompt.messages`, "
    "where nothing can change them.",
    "unchanged": "the proposals do not differ from the current prompt: raise the optimizer model's `temperature`, or "
    "widen `optimizer.budget_start`.",
}


class CandidateRow(Record):
    """One row of the table of candidates. Scores are fractions of 1, of `n` examples; distances are in words.

    `proposed` is what the optimizer model wrote, where the instruction was shortened from that. `shown` are the ids of
    the examples before each question, where the search chooses them.
    """

    step: int
    candidate: str
    score: float
    low: float
    high: float
    n: int
    planned: int
    distance: int
    proposed_distance: int
    budget: int | None
    unparsed: int
    failed: int
    status: Status
    instruction: str
    proposed: str | None
    shown: tuple[str, ...] = ()


class Headline(Record):
    """The run in one sentence: `claim` is the part to stress, `detail` goes on from it."""

    tone: Tone
    claim: str
    detail: str


def best_is_start(outcome: Outcome) -> bool:
    """Whether the search ended where it began."""
    return outcome.best.candidate.id == outcome.start.candidate.id


def candidate_rows(outcome: Outcome) -> list[CandidateRow]:
    """One row a candidate, the start among them, in the order of the run.

    A prompt that a step started from is `current`; the best is `best`, although it was current too.
    """
    best = outcome.best.candidate.id
    currents = {step.current_id for step in outcome.history}
    return [_row(scored, best, currents) for scored in all_scored(outcome)]


def rank_candidates(rows: list[CandidateRow]) -> list[CandidateRow]:
    """The rows, the best first; ties keep their order. Dropped ones come last: their scores are of fewer examples."""
    return sorted(rows, key=lambda row: (row.status == "dropped", -row.score))


def _row(scored: Scored, best: str, currents: set[str]) -> CandidateRow:
    candidate, score = scored.candidate, scored.score
    low, high = score.interval()
    status: Status = "scored"
    if candidate.id == best:
        status = "best"
    elif candidate.id in currents:
        status = "current"
    elif not score.complete:
        status = "dropped"
    return CandidateRow(
        step=candidate.step,
        candidate=candidate.label,
        score=score.mean,
        low=low,
        high=high,
        n=score.n,
        planned=score.planned,
        distance=candidate.distance,
        proposed_distance=candidate.proposed_distance,
        budget=candidate.budget,
        unparsed=score.unparsed,
        failed=score.failed,
        status=status,
        instruction=candidate.instruction,
        proposed=candidate.proposed,
        shown=candidate.shown,
    )


def headline(outcome: Outcome) -> Headline:
    """What happened, in one sentence: the gain on the test split. The tone is that of the gate's decision."""
    gain, examples = outcome.gain, count(count_compared(outcome), "unseen example")
    spread = f"{confidence_of(outcome)} {signed(gain.low)} to {signed(gain.high)}"
    if outcome.verdict is not None and outcome.verdict.set_metric:
        examples = f"{examples} by {outcome.verdict.set_metric}"
    if best_is_start(outcome):
        return Headline(tone="same", claim="No better prompt was found", detail=f": {_why_none(outcome)}.")
    if not count_compared(outcome):
        return Headline(tone="unclear", claim="The gain is unknown", detail=": no test example was scored.")
    promoted = is_promoted(outcome)
    if gain.low > 0:
        tone: Tone = "better" if promoted or outcome.verdict is None else "unclear"
        return Headline(tone=tone, claim=f"Better by {signed(gain.value)}", detail=f" on {examples} ({spread}).")
    if gain.high < 0:
        claim, end = f"Worse by {signed(-gain.value)[1:]}", "." if promoted else ": keep the start."
        return Headline(tone="better" if promoted else "worse", claim=claim, detail=f" on {examples} ({spread}){end}")
    detail = f": {signed(gain.value)} on {examples} ({spread}, which includes 0)."
    return Headline(tone="better" if promoted else "unclear", claim="No clear gain", detail=detail)


def gain_interval(outcome: Outcome) -> str:
    """The interval of the gain under a heading that promises 95%, marked where it is another."""
    name = confidence_of(outcome)
    mark = "" if name.startswith("95%") else f" ({name})"
    return f"{signed(outcome.gain.low)} to {signed(outcome.gain.high)}{mark}"


def _why_none(outcome: Outcome) -> str:
    tried = len(all_scored(outcome)) - 1
    if tried:
        return f"none of {count(tried, 'scored candidate')} beat the start on the dev examples"
    if outcome.proposed:
        return f"none of {count(outcome.proposed, 'proposal')} passed the checks before scoring"
    return "no candidate was proposed"


def count_compared(outcome: Outcome) -> int:
    """Test examples that both the start and the best were scored on."""
    return len(outcome.start_test.values.keys() & outcome.best_test.values.keys())


def hints(spec: TaskSpec, outcome: Outcome) -> list[str]:
    """What to do next; empty where the numbers call for nothing."""
    found = [
        _unparsed_hint(spec, outcome),
        _cut_hint(outcome),
        advice(outcome),
        _rejection_hint(outcome),
        _budget_hint(spec, outcome),
    ]
    return [hint for hint in found if hint]


def _unparsed_hint(spec: TaskSpec, outcome: Outcome) -> str | None:
    score = outcome.best_test if outcome.best_test.n else outcome.best.score
    if not score.n or score.unparsed / score.n < MANY_UNPARSED:
        return None
    return (
        f"{score.unparsed} of {count(score.n, 'answer')} to the best prompt could not be read as "
        f"`{spec.answer.kind}` and count as wrong: say in the prompt's messages how to answer, or check `answer.kind`."
    )


def _cut_hint(outcome: Outcome) -> str | None:
    score = outcome.best_test if outcome.best_test.n else outcome.best.score
    if score.cut <= MANY_CUT * score.n:
        return None
    return (
        f"{score.cut} of {count(score.n, 'answer')} to the best prompt were cut off by the token limit: raise "
        "`max_tokens` in `models.task.parameters`."
    )


def _rejection_hint(outcome: Outcome) -> str | None:
    for reason, cure in _CURES.items():
        rejected = outcome.rejected.get(reason, 0)
        if rejected and rejected >= ONE_REASON * outcome.proposed:
            return f"{rejected} of {count(outcome.proposed, 'proposal')} were rejected as `{reason}`: {cure}"
    return None


def _budget_hint(spec: TaskSpec, outcome: Outcome) -> str | None:
    if outcome.stopped != "budget":
        return None
    caps = [f"`budget.{name}`" for name, cap in spec.budget if cap is not None] or ["`budget.max_calls`"]
    calls = spec.budget.max_calls
    limit = f"limit of {count(calls, 'call')}" if calls is not None and len(caps) == 1 else "limit"
    return (
        f"The {limit} ended the search after {_steps_of(spec, outcome)}: "
        f"raise {' or '.join(caps)} and run again; answers that were paid for are not bought twice."
    )


def _steps_of(spec: TaskSpec, outcome: Outcome) -> str:
    """How many steps were taken; of how many, where their number and not the calls would have ended the search."""
    most, caps = spec.optimizer.max_steps, (spec.budget.max_task_calls, spec.budget.max_calls)
    by_calls = "max_steps" not in spec.optimizer.model_fields_set and any(cap is not None for cap in caps)
    is_open = by_calls or most == UNBOUNDED_STEPS
    return count(outcome.steps, "step") if is_open else f"{outcome.steps} of {count(most, 'step')}"


def stop_reason(spec: TaskSpec, outcome: Outcome) -> str:
    """Why the search ended, in words."""
    match outcome.stopped:
        case "plateau" if outcome.best.score.mean >= 1:
            return "the dev score cannot get better"
        case "plateau":
            return f"no better prompt in {count(spec.optimizer.patience, 'step')}"
        case "max_steps":
            return "all steps done"
        case "budget":
            return "call limit reached" if _only_calls(spec) else "limit reached"


def _only_calls(spec: TaskSpec) -> bool:
    return spec.budget.max_tokens is None and spec.budget.max_cost is None


def settings_rows(spec: TaskSpec, outcome: Outcome) -> list[tuple[str, str]]:
    """Names and values of what the run was made with."""
    models = [(f"{role} model", model_name(getattr(spec.models, role))) for role in ("task", "optimizer", "embedding")]
    return [
        *models,
        ("seed", str(spec.seed)),
        ("steps", _steps_of(spec, outcome)),
        ("stopped", stop_reason(spec, outcome)),
        ("wall time", duration(outcome.wall_s)),
    ]


def model_name(model: ModelSpec) -> str:
    """The model's name; of a file, its last part, as a report may be sent where paths mean nothing."""
    return re.split(r"[/\\]", model.model)[-1] if model.model.endswith(".gguf") else model.model


def describe_counts(score: Score) -> str:
    """How many examples a score is of, and what was wrong with them: `n 160, 3 unparsed`.

    A measure of the set is named first: `macro_f1, n 160`.
    """
    size = f"n {score.n}" if score.complete else f"n {score.n} of {score.planned}"
    counted = ((score.unparsed, "unparsed"), (score.weak, "weakly read"), (score.failed, "failed"), (score.cut, "cut"))
    notes = [f"{number} {name}" for number, name in counted if number]
    measure = [score.labels.metric] if score.labels else []
    return ", ".join([*measure, size, *notes])


def describe_size(row: CandidateRow) -> str:
    """Of how many examples a score is: `48`, or `16 of 48` where the race ended it."""
    return str(row.n) if row.n == row.planned else f"{row.n} of {row.planned}"


def describe_distance(row: CandidateRow) -> str:
    """The distance to the parent, and what it was before projection: `10 (34 proposed)`."""
    if row.budget is None and row.distance == 0:
        return "-"
    return str(row.distance) + (f" ({row.proposed_distance} proposed)" if row.proposed_distance > row.distance else "")
