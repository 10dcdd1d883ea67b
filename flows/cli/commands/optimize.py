"""`gpo optimize` and `gpo demo`: improve the prompt of a task spec, or of an example that comes with the package."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from flows.cli.console import as_typed, exit_on_error, print_json, stderr_console, stdout_console
from flows.cli.examples import copy_example, example_names, find_demo
from flows.cli.options import AsJson, Debug, Fresh, SearchCalls, Seed, SpecPath, Verbose, WithUi
from flows.cli.panels import IMPROVE

if TYPE_CHECKING:
    from flows.stack.ui import RunServer
    from gpo.records import Splits
    from gpo.runs.job import Job
    from gpo.runs.outcome import Outcome

commands = typer.Typer()


@commands.command(rich_help_panel=IMPROVE)
def demo(
    *,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Models with a known answer, which need no package and take seconds.")
    ] = False,
    seed: Seed = None,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Improve the prompt of a bundled example, with models that need no key and no network.

    Takes a few minutes on two cores with the embedded models. Where these are not installed, or with `--synthetic`, it
    takes seconds: the models are then synthetic ones with a known answer. Killed at any moment, the same command goes
    on where it stopped.

    Example: `gpo demo --synthetic`
    """
    with exit_on_error(debug=debug, pays=True):
        spec = find_demo(synthetic=synthetic)
        run_optimization(spec, Overrides(seed=seed), as_json=as_json, ui=ui, verbose=verbose)


@commands.command(rich_help_panel=IMPROVE)
def examples(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which one; without it they are listed.")] = None,
    to: Annotated[Path, typer.Option("--to", help="The folder to copy into.")] = Path(),
    debug: Debug = False,
) -> None:
    """List the bundled examples, or copy one: its spec and its data, to change as you like.

    `deployments` is a `prefect.yaml` with what it names, and the compose file of a team.

    Example: `gpo examples review-sentiment`
    """
    with exit_on_error(debug=debug, light=True):
        lines = example_names() if name is None else [str(copy_example(name, to))]
        typer.echo("\n".join(lines))


@commands.command(rich_help_panel=IMPROVE)
def optimize(
    spec: SpecPath,
    *,
    seed: Seed = None,
    calls: SearchCalls = None,
    fresh: Fresh = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would take, and how sure that is; call and write nothing.")
    ] = False,
    as_json: AsJson = False,
    ui: WithUi = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Improve the prompt of a task spec and prove the gain on its locked test split.

    Example: `gpo optimize tickets.yaml --calls 1500`

    State lives in `.gpo/` next to the spec, or in `GPO_HOME`. Run it again: nothing is paid for twice, unless with
    `--fresh`, which is a new run each time.
    """
    with exit_on_error(debug=debug, pays=True):
        search = Overrides(seed=seed, calls=calls, fresh=fresh)
        if dry_run:
            show_forecast(spec, search, as_json=as_json)
            return
        run_optimization(spec, search, as_json=as_json, ui=ui, verbose=verbose)


class Overrides(NamedTuple):
    """What a command says of the search in place of the spec; `fresh` asks anew what the ledger has."""

    seed: int | None = None
    calls: int | None = None
    fresh: bool = False


def run_optimization(spec: Path, given: Overrides, *, as_json: bool, ui: bool, verbose: bool) -> None:
    """Improve a spec's prompt and print what came of it; `ui` keeps the Prefect server up.

    A run that has ended before is not run again: what it came to is printed.

    Raises:
        InputError: what is wrong with the spec, the data or the models; nothing was run.
    """
    from flows.cli.display.run import print_outcome
    from gpo.data.splits import compare_splits, load_splits
    from gpo.report.page.facts import next_commands
    from gpo.report.page.material import RunMaterial, path_in_commands, report_path
    from gpo.report.run_json import summary_json
    from gpo.runs.job import load_job
    from gpo.runs.results.repetition import find_outcome

    job = load_job(spec, given.seed, calls=given.calls)
    may_have_ended = job.settings.has_database(job.home) and not given.fresh and not ui
    splits = load_splits(job.spec, compared=False) if may_have_ended else None
    outcome = None if splits is None else find_outcome(job, splits)
    if outcome is not None and report_path(job.home, outcome.run_id).exists():
        stderr_console().print("This run has ended before; --fresh asks anew.", style="dim")
    else:
        splits = None if splits is None else compare_splits(splits)
        outcome = _run(job, splits, spec, given, ui=ui, verbose=verbose)
    report = str(report_path(job.home, outcome.run_id))
    if as_json:
        print_json(summary_json(outcome, report))
    else:
        elsewhere = "" if job.home == job.settings.home_here().resolve() else str(job.home)
        material = RunMaterial(spec=path_in_commands(spec), home=elsewhere)
        commands = [as_typed(each) for each in next_commands(job.spec, outcome, material)]
        print_outcome(stdout_console(), job.spec, outcome, report, commands)


def _run(job: "Job", splits: "Splits | None", spec: Path, given: Overrides, *, ui: bool, verbose: bool) -> "Outcome":
    from flows.cli.display.run import Display
    from flows.cli.interrupts import run_interruptibly
    from flows.stack.environment import prepare_prefect
    from flows.stack.ui import run_server
    from gpo.models.sharing import ask_anew, share_answers, share_tallies
    from gpo.progress import listen
    from gpo.settings import load_settings

    prepare_prefect(job.home, verbose=verbose)
    job = replace(job, settings=load_settings())  # a stack that was joined has a Chroma
    with (
        ask_anew(given.fresh),
        share_tallies(),
        share_answers(),
        run_server(job.home, keep=ui) as server,
        Display(stderr_console()) as display,
        listen(display),
    ):
        return run_interruptibly(lambda: _check_and_optimize(job, splits, spec, given, server), display.tell)


def show_forecast(spec: Path, given: Overrides, *, as_json: bool) -> None:
    """Print what a run of the spec would take.

    Raises:
        InputError: what is wrong with the spec or the data.
    """
    from flows.cli.forecast import forecast_lines
    from gpo.database.writable import before_paying
    from gpo.runs.forecast import forecast
    from gpo.runs.job import load_job

    job = load_job(spec, given.seed, calls=given.calls)
    with before_paying():
        found = forecast(job)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        stdout_console().print("\n".join(forecast_lines(found)), soft_wrap=True, markup=False, highlight=False)


async def _check_and_optimize(
    job: "Job", splits: "Splits | None", spec: Path, given: Overrides, server: "RunServer"
) -> "Outcome":
    """The check and the run in one event loop: model clients are shared in a process, and bound to their first loop."""
    from flows.cli.starting import start_prefect
    from gpo.runs.preflight import preflight
    from gpo.runs.steps import begin_start

    checked = await preflight(job, splits=splits, hands_on=True)
    async with begin_start(checked):
        flow = await start_prefect(server, "flows.optimize")
        outcome: Outcome = await flow.optimize_file(spec, given.seed, calls=given.calls)
        return outcome
