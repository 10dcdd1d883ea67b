"""What a person sees of checks: one line each, and whether a run can work."""

from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from flows.cli.checks.check import Check, CheckState

_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}
_STATE_WIDTH = 8
_NAME_WIDTH = 18


def print_checks(console: Console, checks: Iterable[Check]) -> bool:
    """Print one line for each check as it is made; True when none failed."""
    states = []
    for check in checks:
        states.append(check.state)
        console.print(_line(check), soft_wrap=True)
    console.print(_summary(states))
    return "failed" not in states


def _line(check: Check) -> Text:
    line = Text(f"{check.state:<{_STATE_WIDTH}}", style=_STYLES[check.state])
    # A message of several lines stays in its column.
    text = check.text.replace("\n", "\n" + " " * (_STATE_WIDTH + _NAME_WIDTH))
    line.append(f"{check.name:<{_NAME_WIDTH}}{text}", style="default")
    return line


def _summary(states: list[CheckState]) -> Text:
    failed, warnings = states.count("failed"), states.count("warning")
    if failed:
        return Text(f"\n{failed} failed: a run will not work before this is put right.", style=_STYLES["failed"])
    if warnings:
        return Text(f"\nReady, with {warnings} to know about.", style=_STYLES["warning"])
    return Text("\nAll is well.", style=_STYLES["ok"])
