"""What a person sees of the score of one instruction: a few lines, or JSON."""

from collections.abc import Mapping

import typer

from flows.cli.console import print_json, stdout_console
from flows.cli.display.breakdown import Breakdown, breakdown_json, print_breakdown
from gpo import formatting
from gpo.evaluation.breakdown import histogram
from gpo.evaluation.readability import describe_reading
from gpo.evaluation.scores import met_label
from gpo.report.findings import describe_counts
from gpo.runs.results.summary import break_down, has_sets
from gpo.runs.score import InstructionScore


def print_score(measured: InstructionScore, *, as_json: bool) -> None:
    """The score to stdout, with what stands behind it: one JSON object, or a few lines and a table."""
    found = _breakdown(measured)
    if as_json:
        print_json({**_as_json(measured), **breakdown_json(found)})
        return
    typer.echo(_as_text(measured))
    print_breakdown(stdout_console(), found)


def _breakdown(measured: InstructionScore) -> Breakdown:
    scored = [each for each in measured.results if each.score is not None]
    grades = histogram(measured.score.values.values())
    if not scored:
        return Breakdown(None, (), grades)
    pairs = [met_label(each.expected, each.answer) for each in scored]
    return Breakdown(*break_down(pairs, measured.labels, are_sets=has_sets(scored[0], measured.labels)), grades)


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
