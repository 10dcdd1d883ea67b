"""`gpo reoptimize`, `gpo decisions`, `gpo approve` and `gpo reject`: keep a prompt that is in production good."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.console import exit_on_error, print_error, print_json, program, stderr_console, stdout_console
from flows.cli.options import AsJson, Debug, Home, SearchCalls, SpecPath, Verbose, Who, Why, WithUi
from flows.cli.panels import PRODUCTION
from flows.cli.state import open_state_folder, state_folder

if TYPE_CHECKING:
    from flows.stack.ui import RunServer
    from gpo.production.decision import Decision
    from gpo.production.decision_log import DecisionLog

commands = typer.Typer()

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run that waits, or its prompt's name.")]


@commands.command(rich_help_panel=PRODUCTION)
def reoptimize(
    spec: SpecPath,
    *,
    dataset_version: Annotated[
        int | None, typer.Option(help="Which version of the spec's stored dataset; by default the newest.", min=1)
    ] = None,
    calls: SearchCalls = None,
    force: Annotated[bool, typer.Option("--force", help="Search also when nothing has changed.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="As --force, and ask anew, whatever the ledger holds.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Improve the prompt that is in production, if its data, its spec or the prompt itself has changed.

    Starts from the production version, tries the best prompts of earlier runs again, and promotes a better one if the
    gate lets it through, at once or after `gpo approve`. Where nothing has changed it says so and calls no model.
    """
    with exit_on_error(debug=debug, pays=True):
        from flows.cli.display.run import Display
        from flows.cli.interrupts import run_interruptibly
        from flows.stack.environment import prepare_prefect
        from flows.stack.ui import run_server
        from gpo.database.writable import check_folder
        from gpo.models.sharing import share_answers
        from gpo.progress import listen
        from gpo.runs.job import load_job

        folder = state_folder(home)
        check_folder(folder)
        # What is wrong with the state or the spec is told before Prefect starts, which keeps its own state there.
        with open_state_folder(folder, made_if_missing=True):
            load_job(spec, home=folder, calls=calls, dataset_version=dataset_version)
        prepare_prefect(folder, verbose=verbose)
        with (
            share_answers(),
            run_server(folder, keep=ui) as server,
            Display(stderr_console()) as display,
            listen(display),
        ):
            work = partial(_reoptimize, spec, dataset_version, folder, server, force=force, fresh=fresh, calls=calls)
            result = run_interruptibly(work, display.tell)
        if as_json:
            print_json(result)
        else:
            typer.echo(f"{result['state']}: {result['message']}")
            if result["decision"] is not None and result["decision"]["status"] == "waiting":
                run = result["decision"]["run"]
                typer.echo(f"Next: {program()} approve {run}, or {program()} reject {run} --why ...")


async def _reoptimize(
    spec: Path, version: int | None, home: Path, server: "RunServer", **how: int | None
) -> dict[str, Any]:
    from flows.cli.starting import start_prefect

    flow = await start_prefect(server, "flows.reoptimize")
    state = await flow.reoptimize_here(spec, version, home, **how)
    decision = await state.aresult()
    return {
        "state": state.name,
        "message": state.message,
        "decision": None if decision is None else decision.model_dump(mode="json"),
    }


@commands.command(rich_help_panel=PRODUCTION)
def approve(run: Run, *, why: Why = "", who: Who = None, home: Home = None, debug: Debug = False) -> None:
    """Promote a challenger that waits for approval."""
    _answer(run, approved=True, why=why, who=who, home=home, debug=debug)


@commands.command(rich_help_panel=PRODUCTION)
def reject(run: Run, *, why: Why = "", who: Who = None, home: Home = None, debug: Debug = False) -> None:
    """Reject a challenger that waits for approval: the champion stays."""
    _answer(run, approved=False, why=why, who=who, home=home, debug=debug)


@commands.command(rich_help_panel=PRODUCTION)
def decisions(
    prompt: Annotated[str | None, typer.Argument(metavar="PROMPT", help="By default all prompts.")] = None,
    *,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only what waits for approval.")] = False,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List what became of the challengers: promoted, waiting, rejected or kept out, and why."""
    with exit_on_error(debug=debug), _decisions(home) as kept:
        from flows.cli.display.prompts import NO_DECISIONS, print_decisions
        from gpo.errors import DecisionError, suggestion

        known = kept.list_decisions(prompt)
        if prompt is not None and not known:
            names = sorted({each.prompt for each in kept.list_decisions()})
            raise DecisionError(f"there is no decision about a prompt '{prompt}'{suggestion(prompt, names)}")
        found = [each for each in known if each.is_open or not waiting]
        if as_json:
            print_json([each.model_dump(mode="json") for each in found])
        else:
            print_decisions(stdout_console(), found, "none waits for approval" if known else NO_DECISIONS)


def _answer(run: str, *, approved: bool, why: str, who: str | None, home: Path | None, debug: bool) -> None:
    with exit_on_error(debug=debug):
        from flows.stack.environment import prepare_prefect
        from gpo.settings import user_name

        folder = state_folder(home)
        with _decisions(home) as kept:
            decision = kept.settle(kept.find_waiting(run).id, approved=approved, who=who or user_name(), why=why)
        typer.echo(decision.sentence)
        if decision.flow_run is not None:
            prepare_prefect(folder)
            asyncio.run(_resume_run(decision))
        if decision.status not in ("promoted", "rejected"):
            raise typer.Exit(1)


async def _resume_run(decision: "Decision") -> None:
    """Let the Prefect run that waits for the answer end. The answer counts without it."""
    from flows.stack.environment import api_url

    if api_url() is None:
        return
    from tasks.decide import resume

    if (problem := await resume(decision)) is not None:
        print_error(f"The answer is kept; its run {decision.flow_run} could not be told: {problem}")


@contextmanager
def _decisions(home: Path | None) -> Iterator["DecisionLog"]:
    from gpo.production.decision_log import DecisionLog

    with open_state_folder(home) as engine:
        yield DecisionLog(engine)
