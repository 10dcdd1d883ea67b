"""An example for each command whose own text has none, and what its exit code says: the last lines of its `--help`."""

from collections.abc import Iterator

import typer

EXIT_CODES = "Exit codes: 0 done, 1 failed, 2 the input was wrong, 130 interrupted, 143 terminated."

_OF_CHECK = (
    "Exit codes: 0 done, and the gate lets it pass or it is in production; 3 turned down; 4 not proven; 1 failed, "
    "2 the input was wrong, 130 interrupted, 143 terminated."
)

_OF_MIGRATE = (
    "Exit codes: 0 done, and a pair may replace the present one; 3 all are turned down; 4 none is proven; 1 failed, "
    "2 the input was wrong, 130 interrupted, 143 terminated."
)

_CODES_OF = {"check": _OF_CHECK, "migrate": _OF_MIGRATE}

_EXAMPLES = {
    "approve": "gpo approve tickets-1a2b3c4d --why 'read by Ann'",
    "dataset announce": "gpo dataset announce tickets@7",
    "dataset diff": "gpo dataset diff tickets 6 7",
    "dataset export": "gpo dataset export tickets@7 tickets.jsonl",
    "dataset import": "gpo dataset import promptfoo promptfooconfig.yaml tickets.jsonl",
    "dataset list": "gpo dataset list --json",
    "dataset push": "gpo dataset push tickets tickets.jsonl --note 'answers of June'",
    "dataset show": "gpo dataset show tickets@7 --rows 5",
    "decisions": "gpo decisions tickets --waiting",
    "deploy": "gpo deploy tickets.yaml --cron '0 3 * * *' --timezone Europe/Berlin",
    "doctor": "gpo doctor tickets.yaml",
    "down": "gpo down",
    "evaluate": "gpo evaluate tickets.yaml --split test --results each.csv",
    "ledger forget": "gpo ledger forget --model gpt-4o-mini --since 2026-03-01",
    "ledger show": "gpo ledger show --role task",
    "presets": "gpo presets",
    "prompt diff": "gpo prompt diff tickets 3 production",
    "prompt export": "gpo prompt export tickets --to prompts",
    "prompt history": "gpo prompt history tickets",
    "prompt import": "gpo prompt import prompts/tickets.yaml",
    "prompt list": "gpo prompt list",
    "prompt promote": "gpo prompt promote tickets 4 --why 'better on refunds'",
    "prompt publish": "gpo prompt publish tickets production --to mlflow",
    "prompt register": "gpo prompt register tickets.yaml --best --promote",
    "prompt rollback": "gpo prompt rollback tickets --why complaints",
    "prompt show": "gpo prompt show tickets production",
    "read": "gpo read tickets.yaml --text 'It is a refund.' --reference refund",
    "reject": "gpo reject tickets-1a2b3c4d --why 'too long'",
    "reoptimize": "gpo reoptimize tickets.yaml --calls 1500",
    "results": "gpo results tickets --broken --csv broken.csv",
    "serve-prompts": "gpo serve-prompts --port 4300",
    "spec init": "gpo spec init tickets --data tickets.csv",
    "spec schema": "gpo spec schema",
    "status": "gpo status --json",
    "trajectory rebuild": "gpo trajectory rebuild tickets.yaml",
    "ui start": "gpo ui start",
    "ui stop": "gpo ui stop",
    "up": "gpo up --workers 2",
    "upgrade": "gpo upgrade --home .gpo",
    "watch": "gpo watch tickets",
}


def complete_help(app: typer.Typer) -> None:
    """Give every command its example, where it brings none, and the exit codes."""
    for path, command in _commands(app, ()):
        text = (command.callback.__doc__ or "") if command.callback else ""
        example = _EXAMPLES.get(path)
        given = f"Example: `{example}`\n\n" if example and "Example:" not in text else ""
        command.epilog = f"{given}{_CODES_OF.get(path, EXIT_CODES)}"


def _commands(app: typer.Typer, path: tuple[str, ...]) -> Iterator[tuple[str, typer.models.CommandInfo]]:
    for command in app.registered_commands:
        name = command.name or (command.callback.__name__ if command.callback else "")
        yield " ".join([*path, name]), command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance, (*path, str(group.name)))
