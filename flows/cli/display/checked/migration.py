"""A migration in the terminal: what it is going to take, what came of it, or the latter as JSON."""

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from flows.cli.console import print_table, program
from gpo import formatting
from gpo.formatting import count, money
from gpo.migration.forecast import MigrationForecast, ModelForecast
from gpo.migration.pairs import Migration, MigrationOutcome
from gpo.report.checks import migration as told
from gpo.report.gate import verdict_facts

_TONES: Mapping[MigrationOutcome, str] = {"passes": "bold green", "worse": "bold red", "not proven": "bold yellow"}


def print_migration(console: Console, found: Migration, spec: str, home: str) -> None:
    """The verdict, the rule, the table of pairs, the reasons for each, what it took, and what to do next."""
    _print(console, f"{found.prompt}: {told.claim(found)}", _TONES[found.outcome])
    _print(console, told.rule_line(found))
    _print(console, told.search_line(found))
    head, *rows = told.pair_rows(found)
    console.print()
    print_table(console, head, rows)
    console.print()
    for text in told.reason_lines(found):
        _print(console, text)
    for text in told.warning_lines(found):
        _print(console, f"warning: {text}", "yellow")
    best = found.best
    if best is not None and best.verdict is not None:
        _print(console, verdict_facts(best.verdict), "dim")
        if best.prompt == "new":
            _print(console, f"\n{best.instruction}\n")
    for text in (told.paid_line(found), told.use_line(found), *told.next_lines(found, spec, home)):
        _print(console, text.replace(" gpo prompt promote ", f" {program()} prompt promote "))


def migration_json(found: Migration) -> Mapping[str, object]:
    """The migration as JSON."""
    return {
        "outcome": found.outcome,
        "exit_code": told.EXIT_CODES[found.outcome],
        "claim": told.claim(found),
        **found.model_dump(mode="json", exclude={"against"}),
        "against": {"version": found.against.version, "alias": found.alias},
    }


def migration_forecast_lines(found: MigrationForecast) -> list[str]:
    """Calls and cost of each model and of all, and how sure they are."""
    basis = f"Tokens go by {count(found.known, 'kept answer')} of these models"
    if not found.known:
        basis = "Tokens go by the length of the texts, and may be off by half"
    cost = "" if found.cost is None else f"; about {money(found.cost)}"
    return [
        *map(_forecast_line, found.models),
        f"all: at most {count(found.calls, 'call')}{cost}",
        f"{basis}; what the ledger has already is not paid for again.",
        "Nothing was called or written.",
    ]


def _forecast_line(part: ModelForecast) -> str:
    scores, search = (sum(usage.calls for usage in each.values()) for each in (part.scores, part.search))
    searched = f", and {search:,} in a search with its own proof" if search else ""
    cost = "" if part.cost is None else f"; about {money(part.cost)}"
    return f"{part.model}: at most {count(scores, 'call')} for dev and test{searched}{cost}"


def _print(console: Console, text: str, style: str = "") -> None:
    console.print(Text(formatting.printable(text), style=style), soft_wrap=True)
