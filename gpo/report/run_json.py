"""A run as JSON for other programs, and its candidates as a pandas table."""

from typing import TYPE_CHECKING, Any

from gpo.gate.group_statistics import interval_at_95
from gpo.gate.rule import paired_gain
from gpo.records import Interval
from gpo.report import findings
from gpo.report.findings import CandidateRow
from gpo.report.proposals import count_by_way, count_proposals
from gpo.runs.outcome import Calls, Outcome

if TYPE_CHECKING:
    import pandas as pd


def candidates_table(outcome: Outcome) -> "pd.DataFrame":
    """A table with one row for each scored prompt, also the start, in the order of the run; columns: `CandidateRow`."""
    # Importing pandas takes longer than everything else here.
    import pandas as pd  # noqa: PLC0415

    rows = [row.model_dump() for row in findings.candidate_rows(outcome)]
    columns = {name: [row[name] for row in rows] for name in CandidateRow.model_fields}
    # As objects: "no limit" stays None and turns no whole number into a float, and any text is taken as it is.
    objects = ("budget", "candidate", "status", "instruction", "proposed", "shown")
    return pd.DataFrame(columns | {name: pd.Series(columns[name], dtype=object) for name in objects})


def summary_json(outcome: Outcome, report: str) -> dict[str, Any]:
    """The outcome for JSON. Scores are fractions of 1, rounded to four digits; `report` is the path of the page."""
    start, best, gain, verdict = outcome.start, outcome.best, _gain_at_95(outcome), outcome.verdict
    counts = count_proposals(outcome)
    return {
        "run_id": outcome.run_id,
        "task": outcome.task,
        "start": {
            "instruction": start.candidate.instruction,
            "dev": round(start.score.mean, 4),
            "test": round(outcome.start_test.mean, 4),
        },
        "best": {
            "instruction": best.candidate.instruction,
            "dev": round(best.score.mean, 4),
            "test": round(outcome.best_test.mean, 4),
            "step": best.candidate.step,
            "proposed": best.candidate.proposed,
            "shown": list(best.candidate.shown),
            "expected": outcome.expected and {name: round(value, 4) for name, value in outcome.expected},
        },
        "front": [
            {"candidate": each.candidate.label, "instruction": each.candidate.instruction, **_rounded(each.values)}
            for each in outcome.front
        ],
        "gain": {"test": round(gain.value, 4), "ci95": [round(gain.low, 4), round(gain.high, 4)]},
        "verdict": verdict and _rounded(verdict.model_dump()),
        "steps": outcome.steps,
        "stopped": outcome.stopped,
        "candidates": {
            "proposed": outcome.proposed,
            "tried": counts.tried,
            "accepted": counts.accepted,
            "rejected": sum(outcome.rejected.values()),
            "evaluated": outcome.evaluated,
        },
        "rejected": dict(outcome.rejected),
        "ways": {way: each.model_dump() for way, each in count_by_way(outcome).items() if way},
        "calls": {
            role: outcome.calls.get(role, Calls()).model_dump(include={"paid", "cached", "failed"})
            for role in dict.fromkeys(("task", "optimizer", *outcome.calls))
        },
        "usage": {role: usage.model_dump() for role, usage in outcome.usage.items()},
        "cost": outcome.cost,
        "cost_paid": outcome.cost_paid,
        "wall_s": round(outcome.wall_s, 3),
        "report": report,
    }


def _gain_at_95(outcome: Outcome) -> Interval:
    verdict = outcome.verdict
    if verdict is None or verdict.confidence == 0.95:
        return outcome.gain
    if verdict.effective_groups is not None:
        return interval_at_95(verdict.gain, verdict.confidence, verdict.effective_groups)
    return paired_gain(outcome.best_test, outcome.start_test)


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return round(content, 6)
    if isinstance(content, dict):
        return {name: _rounded(each) for name, each in content.items()}
    return [_rounded(each) for each in content] if isinstance(content, list | tuple) else content
