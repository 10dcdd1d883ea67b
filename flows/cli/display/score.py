"""What a person sees of the score of one instruction: a few lines, or JSON."""

import typer

from flows.cli.console import print_json
from gpo import formatting
from gpo.evaluation.readability import describe_reading
from gpo.report.findings import describe_counts
from gpo.runs.score import InstructionScore


def print_score(measured: InstructionScore, *, as_json: bool) -> None:
    """The score to stdout: one JSON object, or a few lines."""
    if as_json:
        print_json(_as_json(measured))
    else:
        typer.echo(_as_text(measured))


def _as_json(measured: InstructionScore) -> dict[str, object]:
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
    unread = [sample.text for sample in score.samples if sample.answer is None]
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
