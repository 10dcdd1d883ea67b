"""The report of one run: a pandas table, Markdown for an artifact, an HTML page, and JSON for other programs.

`gpo.findings` says what the numbers mean, `gpo.chart` draws them, `gpo.page` lays out the HTML.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpo import bill, findings, wording
from gpo.chart import chart_title, svg_data_uri, trajectory_svg
from gpo.edits import as_markdown, word_difference
from gpo.findings import CandidateRow
from gpo.gate import paired_gain
from gpo.gate_findings import DECISIONS, MEASURE_HEAD, SLICE_HEAD, Row, facts, measure_rows, reasons_beyond, slice_rows
from gpo.markdown import escaped, fenced, inline, pipe_table
from gpo.outcome import Calls, Outcome
from gpo.page import html_report
from gpo.records import Interval, Score
from gpo.spec import TaskSpec
from gpo.verdict import GateVerdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["candidates_table", "html_report", "markdown_report", "summary_json", "svg_data_uri", "trajectory_svg"]

SHOWN_CANDIDATES = 10
"""Candidates that the Markdown report lists."""


def candidates_table(outcome: Outcome) -> "pd.DataFrame":
    """One row a scored prompt, the start among them, in the order of the run; the columns of `CandidateRow`."""
    # Importing pandas takes longer than everything else here.
    import pandas as pd  # noqa: PLC0415

    rows = [row.model_dump() for row in findings.candidate_rows(outcome)]
    columns = {name: [row[name] for row in rows] for name in CandidateRow.model_fields}
    # As objects: "no limit" stays None and turns no whole number into a float, and any text is taken as it is.
    objects = ("budget", "candidate", "status", "instruction")
    return pd.DataFrame(columns | {name: pd.Series(columns[name], dtype=object) for name in objects})


def summary_json(outcome: Outcome, report: str) -> dict[str, Any]:
    """The outcome for other programs. Scores are fractions of 1 with four digits; `report` says where the report is."""
    start, best, gain, verdict = outcome.start, outcome.best, _gain_at_95(outcome), outcome.verdict
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
        },
        "gain": {"test": round(gain.value, 4), "ci95": [round(gain.low, 4), round(gain.high, 4)]},
        "verdict": verdict and _rounded(verdict.model_dump()),
        "steps": outcome.steps,
        "stopped": outcome.stopped,
        "candidates": {
            "proposed": outcome.proposed,
            "rejected": sum(outcome.rejected.values()),
            "evaluated": outcome.evaluated,
        },
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
    if outcome.verdict is None or outcome.verdict.confidence == 0.95:
        return outcome.gain
    return paired_gain(outcome.best_test, outcome.start_test)


def _rounded(content: Any) -> Any:
    if isinstance(content, float):
        return round(content, 6)
    if isinstance(content, dict):
        return {name: _rounded(each) for name, each in content.items()}
    return [_rounded(each) for each in content] if isinstance(content, list | tuple) else content


def markdown_report(spec: TaskSpec, outcome: Outcome) -> str:
    """The report as GitHub-flavoured Markdown with `<ins>` and `<del>`, and the chart as an embedded image."""
    verdict = findings.verdict(outcome)
    advice = findings.hints(spec, outcome)
    parts = [
        f"# {inline(outcome.task)}",
        f"**{verdict.claim}**{verdict.detail}",
        _decision(outcome.verdict) if outcome.verdict else "",
        "\n".join(["## What to do next", "", *(f"- {hint}" for hint in advice)]) if advice else "",
        "## Results",
        _results(outcome),
        *(_gate(outcome.verdict) if outcome.verdict else ()),
        "## Prompt",
        _prompts(outcome),
        "## Search",
        f"![{inline(chart_title(outcome))}]({svg_data_uri(trajectory_svg(outcome))})",
        _candidates(outcome),
        "## Rejected proposals",
        _rejections(outcome),
        "## Model calls",
        _calls(outcome),
        _usage(spec, outcome),
        "## Settings",
        " · ".join(f"{name}: {inline(value)}" for name, value in findings.settings_rows(spec, outcome)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _decision(verdict: GateVerdict) -> str:
    """The decision with its reasons and warnings, whose names of slices stand between backticks already."""
    lines = [*reasons_beyond(verdict), *(f"Warning: {warning}" for warning in verdict.warnings)]
    return "\n".join([f"Gate: **{DECISIONS[verdict.decision]}**", "", *(f"- {line}" for line in lines)]).rstrip()


def _gate(verdict: GateVerdict) -> list[str]:
    def table(head: Sequence[str], rows: Sequence[Row], numeric: range) -> str:
        cells = [[inline(row.cells[0]), *row.cells[1:]] for row in rows]
        return pipe_table(head, cells, numeric=numeric) if rows else ""

    return [
        "## Gate",
        facts(verdict),
        table(SLICE_HEAD, slice_rows(verdict), range(1, 3)),
        table(MEASURE_HEAD, measure_rows(verdict), range(1, 5)),
    ]


def _results(outcome: Outcome) -> str:
    def cells(score: Score) -> list[str]:
        return [wording.fraction(score.mean), wording.interval(*score.interval()), findings.counts(score)]

    start, best, gain = outcome.start, outcome.best, outcome.gain
    rows = [
        ["Start", "dev", *cells(start.score)],
        ["Start", "test", *cells(outcome.start_test)],
    ]
    if not findings.best_is_start(outcome):
        name = f"Best ({best.candidate.label})"
        rows += [[name, "dev", *cells(best.score)], [name, "test", *cells(outcome.best_test)]]
        interval = findings.gain_interval(outcome)
        change = f"**{wording.signed(gain.value)}**"
        rows.append(["**Gain**", "test", change, interval, f"n {findings.compared(outcome)}"])
    table = pipe_table(["Prompt", "Split", "Score", "95% interval", "Examples"], rows, numeric=(2,))
    return f"{table}\n\nThe search chose by dev; it never saw test."


def _prompts(outcome: Outcome) -> str:
    start, best = outcome.start.candidate.instruction, outcome.best.candidate.instruction
    if findings.best_is_start(outcome):
        return f"The start, which stays:\n\n{fenced(start)}"
    parts = [part.model_copy(update={"text": escaped(part.text)}) for part in word_difference(start, best)]
    # Not every page shows what is marked as removed or added, so both stand below as they are.
    return f"> {as_markdown(parts)}\n\nStart:\n\n{fenced(start)}\n\nBest, as it is:\n\n{fenced(best)}"


def _candidates(outcome: Outcome) -> str:
    rows = findings.ranked(findings.candidate_rows(outcome))
    cells = [
        [
            row.candidate,
            wording.fraction(row.score),
            wording.interval(row.low, row.high),
            str(row.n) if row.n == row.planned else f"{row.n} of {row.planned}",
            findings.words_changed(row),
            row.status,
            inline(wording.shortened(row.instruction)),
        ]
        for row in rows[:SHOWN_CANDIDATES]
    ]
    head = ["Candidate", "Score", "95% interval", "n", "Words changed", "Status", "Instruction"]
    table = pipe_table(head, cells, numeric=(1, 3, 4))
    more = len(rows) - SHOWN_CANDIDATES
    return f"{table}\n\nand {more:,} more" if more > 0 else table


def _rejections(outcome: Outcome) -> str:
    rows = [[inline(reason), f"{number:,}"] for reason, number in outcome.rejected.items() if number]
    return pipe_table(["Reason", "Proposals"], rows, numeric=(1,)) if rows else "None."


def _calls(outcome: Outcome) -> str:
    rows = [[inline(role), *map("{:,}".format, numbers)] for role, numbers in bill.call_rows(outcome.calls)]
    head = ["Role", "Paid", "From the ledger", "Failed", "Tokens in", "Tokens out"]
    return pipe_table(head, rows, numeric=range(1, 6)) if rows else "None."


def _usage(spec: TaskSpec, outcome: Outcome) -> str:
    """What the run takes alone; nothing for outcomes of versions that did not count it."""
    rows = [[inline(role), *cells] for role, cells in bill.usage_rows(spec, outcome.usage)]
    head = ["Role", "Calls", "Tokens in", "Tokens out", "Cost"]
    table = pipe_table(head, rows, numeric=range(1, 5))
    line = bill.cost_line(outcome)
    cost = f"\n\nCost: {line}." if line else ""
    return f"In full, with what came from the ledger:\n\n{table}{cost}" if rows else ""
