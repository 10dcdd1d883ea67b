"""`gpo evaluate`: the score of one instruction on one split. No flow: nothing here needs Prefect."""

import typer

from flows.cli.console import print_json
from gpo import formatting
from gpo.evaluation.readability import describe_reading
from gpo.report.findings import counts
from gpo.runs.score import Measured


def print_score(measured: Measured, *, as_json: bool) -> None:
    """The score to stdout: one JSON object, or a few lines."""
    if as_json:
        print_json(_as_json(measured))
    else:
        typer.echo(_as_text(measured))


def _as_json(measured: Measured) -> dict[str, object]:
    score = measured.score
    return {
        "task": measured.task,
        "split": measured.split,
        "instruction": measured.instruction,
        "score": round(score.mean, 4),
        "ci95": [round(bound, 4) for bound in score.interval()],
        "n": score.n,
        "unparsed": score.unparsed,
        "weak": score.weak,
        "failed": score.failed,
        "cut": score.cut,
        "calls": {"paid": measured.paid, "cached": measured.cached},
        "usage": {role: usage.model_dump() for role, usage in score.usage.items()},
        "cost": measured.cost,
    }


def _as_text(measured: Measured) -> str:
    score = measured.score
    unread = [sample.text for sample in score.samples if sample.answer is None]
    spread = f"95% interval {formatting.interval(*score.interval())}"
    lines = [
        f"{measured.split:<6}  {formatting.fraction(score.mean)}  ({spread}; {counts(score)})",
        f"calls   {measured.paid} paid, {measured.cached} from the ledger",
    ]
    if measured.cost is not None:
        lines.append(f"cost    {formatting.money(measured.cost)} in full")
    if told := describe_reading(score):
        lines.append(f"reading {told}")
    if unread:
        lines.append(f"unread  {formatting.shorten(formatting.printable(unread[0]))!r}")
    return "\n".join(lines)
