"""The check of a prompt in the terminal: a few lines, or JSON."""

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from gpo import formatting
from gpo.production.check import PromptCheck
from gpo.report.checks import told
from gpo.report.gate import verdict_facts
from gpo.runs.results.files import as_json
from gpo.runs.results.result import Change, ExampleResult

_TONES = {"same": "bold", "passes": "bold green", "worse": "bold red", "not proven": "bold yellow"}

_SHOWN = 3


def print_check(console: Console, check: PromptCheck) -> None:
    """The verdict, the difference with its interval, what was broken and fixed, what it took and counts as."""
    lines = [Text(f"{check.prompt}: {told.claim(check)}", style=_TONES[check.outcome])]
    if check.verdict is not None:
        lines += [Text(told.gain_line(check.verdict)), *map(Text, check.verdict.reasons)]
        lines += [Text(f"warning: {text}", style="yellow") for text in told.warnings_of(check)]
        lines.append(Text(verdict_facts(check.verdict), style="dim"))
        for change in ("broken", "fixed"):
            lines += _examples(check, change)
    lines += [Text(text) for text in (*told.changes(check), f"{told.paid_line(check)}.", told.use_line(check))]
    for line in lines:
        console.print(Text(formatting.printable(line.plain), style=line.style), soft_wrap=True)


def _examples(check: PromptCheck, change: Change) -> list[Text]:
    found = check.examples(change)
    return [Text(f"{change}: {len(found):,}"), *map(_line, found[:_SHOWN])] if found else []


def _line(result: ExampleResult) -> Text:
    shown = formatting.shorten("; ".join(result.input.values()))
    before, after = (formatting.shorten(each or "-") for each in (result.before_answer, result.answer))
    return Text(f"  {result.example}: {shown}: {before} before, {after} now", style="dim")


def check_json(check: PromptCheck) -> Mapping[str, object]:
    """The check as JSON, with each example that was broken or fixed."""
    changed: dict[str, object] = {
        change: [as_json(each, compared=True) for each in check.examples(change)] for change in _CHANGES
    }
    return {
        "outcome": check.outcome,
        "exit_code": told.EXIT_CODES[check.outcome],
        "claim": told.claim(check),
        "id": check.id,
        "prompt": check.prompt,
        "against": {"version": check.against.version, "alias": check.alias},
        "before": check.before,
        "after": check.after,
        "messages_differ": check.messages_differ,
        "demonstrations_differ": check.demonstrations_differ,
        "repeats_example": check.repeats_example,
        "verdict": check.verdict and check.verdict.model_dump(mode="json"),
        **changed,
        "calls": {"paid": check.paid, "cached": check.cached},
        "cost": check.cost,
        "cost_paid": check.cost_paid,
    }


_CHANGES: tuple[Change, ...] = ("broken", "fixed")
