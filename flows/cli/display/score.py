"""What a person sees of the score of one instruction: a few lines, or JSON."""

from collections.abc import Mapping

import typer

from flows.cli.console import print_json, stdout_console
from flows.cli.display.breakdown import breakdown_json, print_confusion, print_histogram
from gpo import formatting
from gpo.evaluation.breakdown import ConfusionMatrix, Histogram, confusion_matrix, histogram
from gpo.evaluation.readability import describe_reading
from gpo.report.findings import describe_counts
from gpo.runs.results.summary import labels_of
from gpo.runs.score import InstructionScore


def print_score(measured: InstructionScore, *, as_json: bool) -> None:
    """The score to stdout, with what stands behind it: one JSON object, or a few lines and a table."""
    confusion, grades = _confusion(measured), histogram(measured.score.values.values())
    if as_json:
        print_json({**_as_json(measured), **breakdown_json(confusion, grades)})
        return
    typer.echo(_as_text(measured))
    _print_breakdown(confusion, grades)


def _confusion(measured: InstructionScore) -> ConfusionMatrix | None:
    if measured.labels is None or not measured.score.n:
        return None
    return confusion_matrix((labels_of(each) for each in measured.results if each.score is not None), measured.labels)


def _print_breakdown(confusion: ConfusionMatrix | None, grades: Histogram | None) -> None:
    console = stdout_console()
    if confusion:
        console.print()
        print_confusion(console, confusion)
    if grades:
        console.print()
        print_histogram(console, grades)


def _as_json(measured: InstructionScore) -> Mapping[str, object]:
    score = measured.score
    return {
        "task": measured.task,
        "split": measured.split,
        "instruction": measured.instruction,
        "score": round(score.mean, 4),
        "set_metric": score.labels.metric if score.labels else None,
        "ci95": [round(bound, 4) for bound in score.interval()],
        "n": score.n,
        "unparsed": score.unparsed,
        "weak": score.weak,
        "failed": score.failed,
        "cut": score.cut,
        "calls": {"paid": measured.paid, "cached": measured.cached},
        "usage": {role: usage.model_dump() for role, usage in score.usage.items()},
        "cost": measured.cost,
        "warnings": list(measured.warnings),
    }


def _as_text(measured: InstructionScore) -> str:
    score = measured.score
    unread = [result.text for result in measured.results if result.is_unread]
    spread = f"95% interval {formatting.interval(*score.interval())}"
    lines = [
        f"{measured.split:<6}  {formatting.fraction(score.mean)}  ({spread}; {describe_counts(score)})",
        f"calls   {measured.paid} paid, {measured.cached} from the ledger",
    ]
    if measured.cost is not None:
        lines.append(f"cost    {formatting.money(measured.cost)} in full")
    if told := describe_reading(score):
        lines.append(f"reading {told}")
    if unread:
        lines.append(f"unread  {formatting.shorten(formatting.printable(unread[0]))!r}")
    lines.extend(f"warning {text}" for text in measured.warnings)
    return "\n".join(lines)
