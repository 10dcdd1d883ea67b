"""What a cell of a notebook shows of a run, a score, a comparison or a text; `cell.html.j2` escapes all of it."""

from collections.abc import Sequence

from gpo import formatting
from gpo.comparison.results import ALL_TASKS, Comparison
from gpo.comparison.statistics import Spread
from gpo.jinja import Templates
from gpo.records import Score
from gpo.report import findings
from gpo.report.gate import DECISIONS, reasons_beyond
from gpo.runs.outcome import Outcome
from gpo.runs.score import InstructionScore

_TEMPLATES = Templates("gpo.api", filters={})


def run_cell(outcome: Outcome, lines: Sequence[str]) -> str:
    """A run: what it came to, scores, the best prompt, and further `lines`."""
    headline, verdict = findings.headline(outcome), outcome.verdict
    rows = [("start", *_cells(outcome.start.score), *_cells(outcome.start_test))]
    if not findings.best_is_start(outcome):
        rows.append(("best", *_cells(outcome.best.score), *_cells(outcome.best_test)))
    gate = [] if verdict is None else [f"gate: {DECISIONS[verdict.decision]}", *reasons_beyond(verdict)]
    return _fill(
        headline.claim,
        headline.detail,
        head=("", "dev", "95% interval", "test", "95% interval"),
        rows=rows,
        text=outcome.best.candidate.instruction,
        lines=[*gate, *lines],
    )


def score_cell(measured: InstructionScore, lines: Sequence[str]) -> str:
    """The score of a prompt on a split."""
    score = measured.score
    rows = [(measured.split, *_cells(score), formatting.count(score.n, "example"))]
    return _fill(
        f"{measured.task}: ",
        findings.describe_counts(score),
        head=("", "score", "95% interval", ""),
        rows=rows,
        text=measured.instruction,
        lines=[*measured.warnings, *lines],
    )


def comparison_cell(comparison: Comparison, lines: Sequence[str]) -> str:
    """The methods of a comparison with their means over the seeds."""
    found = [each for each in comparison.summary if each.task != ALL_TASKS]
    rows = [(each.task, each.arm, str(each.seeds), _spread(each.test), _spread(each.gain)) for each in found]
    return _fill(comparison.title, head=("task", "method", "seeds", "test", "gain"), rows=rows, lines=lines)


def text_cell(text: str, lines: Sequence[str] = ()) -> str:
    """A text as it stands."""
    return _fill(text=text, lines=lines)


def progress_cell(phase: str, detail: str, lines: Sequence[str]) -> str:
    """How far a run is."""
    return _fill(phase, f" {detail}", lines=lines)


def _fill(
    title: str = "",
    detail: str = "",
    *,
    head: Sequence[str] = (),
    rows: Sequence[Sequence[str]] = (),
    text: str = "",
    lines: Sequence[str] = (),
) -> str:
    return _TEMPLATES.fill("cell.html.j2", title=title, detail=detail, head=head, rows=rows, text=text, lines=lines)


def _cells(score: Score) -> tuple[str, str]:
    return (formatting.fraction(score.mean), formatting.interval(*score.interval())) if score.n else ("-", "-")


def _spread(found: Spread | None) -> str:
    return "-" if found is None else formatting.fraction(found.mean)
