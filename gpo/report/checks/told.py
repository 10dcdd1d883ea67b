"""A check in words, the same in the terminal, in a pull request and in a file of test results. Nothing is escaped."""

from gpo.formatting import count, fraction, money, signed
from gpo.gate.verdict import GateVerdict
from gpo.production.check import CheckOutcome, PromptCheck

EXIT_CODES: dict[CheckOutcome, int] = {"same": 0, "passes": 0, "worse": 3, "not proven": 4}
"""The exit code of `gpo check` by what it came to; 1 and 2 are errors."""

REPEATS = "The new prompt repeats a dev or test example: what it scores there proves nothing."


def champion_name(check: PromptCheck) -> str:
    """The prompt that was compared with: `version 3 in production`."""
    return f"version {check.against.version}" + (f" in {check.alias}" if check.alias else "")


def claim(check: PromptCheck) -> str:
    """What the check came to, in a few words."""
    verdict, live = check.verdict, champion_name(check)
    if verdict is None:
        return f"The same as {live}: nothing to check"
    if check.outcome == "passes":
        return f"Not worse than {live}, and better otherwise" if verdict.is_merely_not_worse else f"Better than {live}"
    if check.outcome == "worse":
        return f"Turned down: worse than {live}" if verdict.gain.high < 0 else f"Turned down: {live} stays"
    return f"Not proven to be better than {live}"


def gain_line(verdict: GateVerdict) -> str:
    """The difference with its interval, and both scores."""
    low, high = signed(verdict.gain.low), signed(verdict.gain.high)
    scores = f"{fraction(verdict.champion)} before, {fraction(verdict.challenger)} after"
    measure = f" in {verdict.set_metric}" if verdict.set_metric else ""
    examples = count(verdict.n, "test example")
    return f"{signed(verdict.gain.value)}{measure} ({scores}) on {examples}, {interval_name(verdict)} {low} to {high}"


def interval_name(verdict: GateVerdict) -> str:
    """What the interval is called: `95% interval`."""
    return f"{100 * verdict.confidence:.3g}% interval"


def warnings_of(check: PromptCheck) -> list[str]:
    """What a person should know besides the reasons of the gate."""
    verdict = check.verdict
    if verdict is None:
        return []
    told = [REPEATS] if check.repeats_example else []
    told += [verdict.ask] if verdict.ask and verdict.ask not in verdict.warnings else []
    return [*told, *verdict.warnings]


def changes(check: PromptCheck) -> list[str]:
    """What differs from the prompt that was compared with, besides its text."""
    told = ["The messages around the instruction differ, too."] if check.messages_differ else []
    return [*told, *(["The demonstrations differ, too."] if check.demonstrations_differ else [])]


def use_line(check: PromptCheck) -> str:
    """What the check counts as."""
    if check.verdict is None:
        return "No model was asked, and nothing counts."
    if check.alias is None:
        return "It counts as a use of the test split, and of no alias, since the version was named by its number."
    return f"It counts as a use of the test split and of `{check.alias}`; the same check again is the same use."


def paid_line(check: PromptCheck) -> str:
    """What was paid for, and what it would have cost without the ledger."""
    if check.verdict is None:
        return "Paid now: nothing"
    calls = f"Paid now: {count(check.paid, 'call')}, {check.cached:,} answers from the ledger"
    if check.cost is None:
        return calls
    return f"{calls}; cost {money(check.cost_paid or 0.0)} now, {money(check.cost)} in full"
