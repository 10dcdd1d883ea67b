"""`gpo migrate`: which model, with which prompt, may replace the pair in production, by the word of the gate."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.cli.console import exit_on_error, print_error, print_json, stderr_console, stdout_console
from flows.cli.options import AsJson, Debug, Fresh, SearchCalls, Seed, SpecHome, Verbose, WithUi, with_options
from flows.cli.panels import PRODUCTION
from flows.cli.state import open_state_folder

if TYPE_CHECKING:
    from flows.stack.ui import RunServer
    from gpo.migration.pairs import Migration, Optimize

commands = typer.Typer()


@dataclass(frozen=True)
class MigrationOptions:
    """What is compared, how, and what becomes of it."""

    to: Annotated[
        list[str],
        typer.Option(
            metavar="MODEL", help="Names with commas, or a model's options in YAML: `{model: ..., base_url: ...}`."
        ),
    ]
    optimize: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="With which models a better prompt is searched for: `promising`, those that may come within 0.2 of "
            "the present pair on dev and are not clearly ahead of it; `all`; or `none`.",
        ),
    ] = "promising"
    margin: Annotated[
        float | None,
        typer.Option(help="How much worse a pair may be, as 0.02; by default what the spec's gate says."),
    ] = None
    promote: Annotated[bool, typer.Option("--promote", help="Put the pair live that may replace the present one.")] = (
        False
    )
    seed: Seed = None
    calls: SearchCalls = None
    fresh: Fresh = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take; call and write nothing.")] = False
    home: SpecHome = None
    as_json: AsJson = False
    ui: WithUi = False
    verbose: Verbose = False
    debug: Debug = False

    @property
    def which(self) -> "Optimize":
        """With which models a search is made.

        Raises:
            InputError: there is no such choice.
        """
        from typing import get_args

        from gpo.errors import InputError, suggestion
        from gpo.migration.pairs import Optimize

        for known in get_args(Optimize):
            if known == self.optimize:
                found: Optimize = known
                return found
        allowed = get_args(Optimize)
        raise InputError(f"--optimize: received '{self.optimize}'{suggestion(self.optimize, allowed)}")


@commands.command(rich_help_panel=PRODUCTION)
@with_options(MigrationOptions)
def migrate(
    spec: Annotated[
        str, typer.Argument(metavar="SPEC", help="The task spec, a YAML file; or NAME, for NAME.yaml in this folder.")
    ],
    *,
    options: MigrationOptions,
) -> None:
    """Find out which model, with which prompt, may replace the pair that is in production.

    Scores the production prompt with each model on dev, searches for a better prompt where that is worth it, and asks
    the gate about the pairs on the locked test split, corrected for their number. Tells cost and times of each pair.
    With `--margin 0.02` a pair passes that is not worse by more. Each pair that passes is kept as a version, and put
    live by the command that is printed, or by `--promote`. Killed at any moment, the same command goes on.

    Example: `gpo migrate tickets --to openai:gpt-4.1-mini,anthropic:claude-haiku-4-5 --margin 0.02`
    """
    with exit_on_error(debug=options.debug, pays=True):
        from flows.cli.display.checked.migration import migration_forecast_lines, migration_json, print_migration
        from gpo.database.writable import before_paying
        from gpo.migration.forecast import forecast_migration
        from gpo.migration.plan import plan_migration
        from gpo.production.decision_log import Production
        from gpo.report.checks.migration import EXIT_CODES
        from gpo.report.page.material import path_in_commands
        from gpo.runs.job import load_job

        path = find_spec(spec)
        job = load_job(path, options.seed, options.home, calls=options.calls)
        # What is wrong is told before Prefect starts, which keeps its own state in the folder.
        with open_state_folder(job.home) as engine:
            chosen: Any = {"optimize": options.which, "margin": options.margin}
            plan = plan_migration(job, Production(engine), options.to, **chosen)
        if options.dry_run:
            with before_paying():
                forecast = forecast_migration(plan)
            if options.as_json:
                print_json(forecast.model_dump(mode="json"))
            else:
                typer.echo("\n".join(migration_forecast_lines(forecast)))
            return
        found = _run(path, job.home, options)
        if options.as_json:
            print_json(migration_json(found))
        else:
            elsewhere = "" if job.home == job.settings.home_here().resolve() else str(job.home)
            print_migration(stdout_console(), found, path_in_commands(path), elsewhere)
        raise typer.Exit(EXIT_CODES[found.outcome])


def find_spec(given: str) -> Path:
    """The file that is meant: a path, or the name of a prompt or task whose spec lies in this folder under that name.

    Raises:
        SpecError: there is none, or it is about another prompt.
    """
    from gpo.errors import SpecError
    from gpo.spec.file import load_spec

    path = Path(given)
    if path.suffix or path.exists():
        return path
    found = Path(f"{given}.yaml")
    if not found.exists():
        raise SpecError(f"{given}: there is no such file, and no {found} in this folder; name the spec of the prompt")
    spec = load_spec(found)
    if given not in (spec.prompt_name, spec.name):
        raise SpecError(f"{found} is about prompt {spec.prompt_name}, and {given} was asked for; name the spec")
    print_error(f"The spec of {given} is {found}.")
    return found


def _run(spec: Path, home: Path, options: MigrationOptions) -> "Migration":
    from flows.cli.display.run import Display
    from flows.cli.interrupts import run_interruptibly
    from flows.stack.environment import prepare_prefect
    from flows.stack.ui import run_server
    from gpo.models.sharing import share_answers
    from gpo.progress import listen

    prepare_prefect(home, verbose=options.verbose)
    with (
        share_answers(),
        run_server(home, keep=options.ui) as server,
        Display(stderr_console()) as display,
        listen(display),
    ):
        return run_interruptibly(partial(_migrate, spec, home, options, server), display.tell)


async def _migrate(spec: Path, home: Path, options: MigrationOptions, server: "RunServer") -> "Migration":
    from flows.cli.starting import start_prefect

    flow = await start_prefect(server, "flows.migrate")
    given: Any = {
        "optimize": options.which,
        "margin": options.margin,
        "seed": options.seed,
        "calls": options.calls,
        "promote": options.promote,
        "home": home,
        "fresh": options.fresh,
    }
    state: Any = await flow.migrate_prompt(spec, options.to, **given, return_state=True)
    found: Migration = await state.aresult()
    return found
