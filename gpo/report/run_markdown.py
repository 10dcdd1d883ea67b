"""The report of one run as Markdown, for an artifact of the Prefect UI.

`findings.py`, `gate.py` and `usage.py` say what the numbers mean, `chart.py` draws them, `markdown.py` escapes.
"""

from collections.abc import Iterable, Sequence

from gpo import formatting
from gpo.gate.verdict import GateVerdict
from gpo.records import Score
from gpo.report import findings, usage
from gpo.report.chart import chart_title, svg_data_uri, trajectory_svg
from gpo.report.gate import (
    DECISIONS,
    MEASURE_HEAD,
    SLICE_HEAD,
    Row,
    measure_rows,
    reasons_beyond,
    slice_rows,
    verdict_facts,
)
from gpo.report.markdown import as_markdown, escape, fence, inline, pipe_table
from gpo.report.page.front import describe_front, front_head, front_rows
from gpo.report.page.shown import SHOWN_HEAD, shown_examples
from gpo.report.proposals import (
    REJECTED_HEAD,
    WAY_HEAD,
    describe_counts_of_proposals,
    describe_promise,
    rejection_rows,
    way_rows,
)
from gpo.runs.outcome import Outcome
from gpo.spec.task import TaskSpec
from gpo.words import DiffPart, word_difference

SHOWN_CANDIDATES = 10
"""Candidates that the Markdown report lists."""


def markdown_report(spec: TaskSpec, outcome: Outcome) -> str:
    """The report as GitHub-flavoured Markdown with `<ins>` and `<del>`, and the chart as an embedded image."""
    headline = findings.headline(outcome)
    advice = findings.hints(spec, outcome)
    parts = [
        f"# {inline(outcome.task)}",
        f"**{headline.claim}**{headline.detail}",
        _decision(outcome.verdict) if outcome.verdict else "",
        "\n".join(["## What to do next", "", *(f"- {hint}" for hint in advice)]) if advice else "",
        "## Prompt",
        _prompts(spec, outcome),
        _shown(outcome),
        "## Results",
        _results(outcome),
        _ended(describe_promise(outcome)),
        *(_gate(outcome.verdict) if outcome.verdict else ()),
        "## Search",
        _front(outcome),
        f"![{inline(chart_title(outcome))}]({svg_data_uri(trajectory_svg(outcome))})",
        _candidates(outcome),
        _ended(describe_counts_of_proposals(outcome)),
        _ways(outcome),
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
        verdict_facts(verdict),
        table(SLICE_HEAD, slice_rows(verdict), range(1, 3)),
        table(MEASURE_HEAD, measure_rows(verdict), range(1, 5)),
    ]


def _results(outcome: Outcome) -> str:
    def cells(score: Score) -> list[str]:
        return [
            formatting.fraction(score.mean),
            formatting.interval(*score.interval()),
            findings.describe_counts(score),
        ]

    start, best, gain = outcome.start, outcome.best, outcome.gain
    rows = [
        ["Start", "dev", *cells(start.score)],
        ["Start", "test", *cells(outcome.start_test)],
    ]
    if not findings.best_is_start(outcome):
        name = f"Best ({best.candidate.label})"
        rows += [[name, "dev", *cells(best.score)], [name, "test", *cells(outcome.best_test)]]
        interval = findings.gain_interval(outcome)
        change = f"**{formatting.signed(gain.value)}**"
        rows.append(["**Gain**", "test", change, interval, f"n {findings.count_compared(outcome)}"])
    table = pipe_table(["Prompt", "Split", "Score", "95% interval", "Examples"], rows, numeric=(2,))
    return f"{table}\n\nThe search chose by dev; it never saw test."


def _prompts(spec: TaskSpec, outcome: Outcome) -> str:
    start, best = outcome.start.candidate.instruction, outcome.best.candidate.instruction
    if findings.best_is_start(outcome):
        return f"The start, which stays:\n\n{fence(start)}"
    before, after = spec.texts_of(start), spec.texts_of(best)
    lines = [
        (f"**{inline(name)}**: " if spec.program else "") + as_markdown(_escaped(word_difference(before[name], text)))
        for name, text in after.items()
    ]
    proposed = outcome.best.candidate.proposed
    origin = "" if proposed is None else f"\n\nShortened to the word budget from:\n\n{fence(proposed)}"
    # Not every page shows what is marked as removed or added, so both stand below as they are.
    marked = "\n>\n".join(f"> {line}" for line in lines)
    return f"{marked}\n\nStart:\n\n{fence(start)}\n\nBest, as it is:\n\n{fence(best)}{origin}"


def _front(outcome: Outcome) -> str:
    """The prompts that no other beats, where there are several objectives."""
    rows = [[inline(cell) for cell in row] for row in front_rows(outcome)]
    return f"{pipe_table(front_head(outcome), rows)}\n\n{describe_front(outcome)}." if rows else ""


def _shown(outcome: Outcome) -> str:
    """The examples before each question, where the search has chosen them."""
    rows = [[inline(cell) for cell in row] for row in shown_examples(outcome)]
    return f"Examples before each question:\n\n{pipe_table(SHOWN_HEAD, rows)}" if rows else ""


def _escaped(parts: Iterable[DiffPart]) -> list[DiffPart]:
    return [part.model_copy(update={"text": escape(part.text)}) for part in parts]


def _candidates(outcome: Outcome) -> str:
    rows = findings.rank_candidates(findings.candidate_rows(outcome))
    cells = [
        [
            row.candidate,
            formatting.fraction(row.score),
            formatting.interval(row.low, row.high),
            findings.describe_size(row),
            findings.describe_distance(row),
            row.status,
            inline(formatting.shorten(row.instruction)) + _origin(row.proposed),
        ]
        for row in rows[:SHOWN_CANDIDATES]
    ]
    head = ["Candidate", "Score", "95% interval", "n", "Words changed", "Status", "Instruction"]
    table = pipe_table(head, cells, numeric=(1, 3, 4))
    more = len(rows) - SHOWN_CANDIDATES
    return f"{table}\n\nand {more:,} more" if more > 0 else table


def _origin(proposed: str | None) -> str:
    return "" if proposed is None else f" (shortened from: {inline(formatting.shorten(proposed))})"


def _rejections(outcome: Outcome) -> str:
    rows = [[inline(cell) for cell in row] for row in rejection_rows(outcome)]
    return pipe_table(REJECTED_HEAD, rows, numeric=(2,)) if rows else "None."


def _ways(outcome: Outcome) -> str:
    rows = way_rows(outcome)
    return pipe_table(WAY_HEAD, rows, numeric=range(1, 5)) if rows else ""


def _ended(sentence: str) -> str:
    return f"{sentence}." if sentence else ""


def _calls(outcome: Outcome) -> str:
    rows = [[inline(role), *cells] for role, cells in usage.call_rows(outcome.calls)]
    return pipe_table(usage.CALL_HEAD, rows, numeric=range(1, 6)) if rows else "None."


def _usage(spec: TaskSpec, outcome: Outcome) -> str:
    """What the run takes with an empty ledger; empty for outcomes of versions that did not count it."""
    rows = [[inline(role), *cells] for role, cells in usage.usage_rows(spec, outcome.usage)]
    table = pipe_table(usage.USAGE_HEAD, rows, numeric=range(1, 5))
    line = usage.cost_line(outcome)
    cost = f"\n\nCost: {line}." if line else ""
    return f"In full, with what came from the ledger:\n\n{table}{cost}" if rows else ""
