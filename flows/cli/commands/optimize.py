"""`gpo optimize` and `gpo demo`: improve the prompt of a task spec, or of the example that comes with the package."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from flows.cli.console import exit_on_error, print_error, print_json, stderr_console, stdout_console
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
    seed: Seed = None, as_json: AsJson = False, ui: WithUi = False, verbose: Verbose = False, debug: Debug = False
) -> None:
    """Improve the prompt of the bundled example, with models that need no key and no network.

    Takes a few minutes on two cores. Killed at any moment, the same command goes on where it stopped.
    """
    with exit_on_error(debug=debug, pays=True):
        run_optimization(
            find_example("review-sentiment"), Overrides(seed=seed), as_json=as_json, ui=ui, verbose=verbose
        )


@commands.command(rich_help_panel=IMPROVE)
def optimize(
    spec: SpecPath,
    *,
    seed: Seed = None,
    calls: SearchCalls = None,
    fresh: Fresh = False,
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
    from gpo.data.splits import load_splits
    from gpo.report.run_html import report_path
    from gpo.report.run_json import summary_json
    from gpo.runs.job import load_job
    from gpo.runs.repetition import find_outcome

    job = load_job(spec, given.seed, calls=given.calls)
    may_have_ended = job.settings.has_database(job.home) and not given.fresh and not ui
    splits = load_splits(job.spec) if may_have_ended else None
    outcome = None if splits is None else find_outcome(job, splits)
    if outcome is not None and report_path(job.home, outcome.run_id).exists():
        stderr_console().print("This run has ended before; --fresh asks anew.", style="dim")
    else:
        outcome = _run(job, splits, spec, given, ui=ui, verbose=verbose)
    report = str(report_path(job.home, outcome.run_id))
    if as_json:
        print_json(summary_json(outcome, report))
    else:
        print_outcome(stdout_console(), job.spec, outcome, report)


def _run(job: "Job", splits: "Splits | None", spec: Path, given: Overrides, *, ui: bool, verbose: bool) -> "Outcome":
    from flows.cli.display.run import Display
    from flows.cli.interrupts import run_interruptibly
    from flows.stack.environment import prepare_prefect
    from flows.stack.ui import run_server
    from gpo.models.sharing import ask_anew, share_answers, share_tallies
    from gpo.progress import listen

    prepare_prefect(job.home, verbose=verbose)
    with (
        ask_anew(given.fresh),
        share_tallies(),
        share_answers(),
        run_server(job.home, keep=ui) as server,
        Display(stderr_console()) as display,
        listen(display),
    ):
        return run_interruptibly(lambda: _check_and_optimize(job, splits, spec, given, server), display.tell)


async def _check_and_optimize(
    job: "Job", splits: "Splits | None", spec: Path, given: Overrides, server: "RunServer"
) -> "Outcome":
    """The check and the run in one event loop: model clients are shared in a process, and bound to their first loop."""
    from httpx import HTTPError

    from flows.cli.starting import start_prefect
    from gpo.models.sharing import current_shared
    from gpo.progress import Note, emit
    from gpo.runs.outcome import Outcome
    from gpo.runs.preflight import preflight

    await preflight(job, splits=splits, hands_on=True)
    flow = await start_prefect(server, "flows.optimize")
    try:
        result: Outcome = await flow.optimize_prompt(spec, given.seed, calls=given.calls)
    except HTTPError as error:
        outcome = current_shared().take(flow.OUTCOME)
        if not isinstance(outcome, Outcome):
            raise
        emit(Note(f"the Prefect server could not be told of the end of the run ({type(error).__name__})"))
        return outcome
    return result


def find_example(name: str) -> Path:
    """The spec of a bundled example: in place in a clone, else copied to the working folder once.

    Raises:
        InputError: no such example.
    """
    from gpo.errors import InputError

    here = Path(__file__).resolve().parents[3]
    for folder, in_place in ((here / "examples" / name, True), (here / "gpo" / "examples" / name, False)):
        if not (folder / "spec.yaml").exists():
            continue
        if in_place:
            return folder / "spec.yaml"
        target = Path.cwd() / name
        if not target.exists():
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".gpo"))
            print_error(f"Copied the example to {target}")
        return target / "spec.yaml"
    raise InputError(f"no example named {name} is installed")
