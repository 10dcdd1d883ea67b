"""`gpo prompt ...`: what is in production, how it came there, and how it is moved."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.console import exit_on_error, print_json, stdout_console
from flows.cli.options import (
    Alias,
    AsJson,
    Debug,
    ExpectedVersion,
    Home,
    PromptName,
    PromptReference,
    SearchCalls,
    Seed,
    SpecHome,
    SpecPath,
    VersionNote,
    Who,
    Why,
)
from flows.cli.panels import PRODUCTION
from flows.cli.state import open_state_folder
from gpo.prompts.publishers import publisher_names

if TYPE_CHECKING:
    from gpo.prompts.registry import Registry

prompt_group = typer.Typer(help="Prompts in production: versions, aliases, history, rollback.", no_args_is_help=True)

commands = typer.Typer()
commands.add_typer(prompt_group, name="prompt", rich_help_panel=PRODUCTION)


@contextmanager
def _registry(home: Path | None) -> Iterator["Registry"]:
    from gpo.prompts.registry import Registry

    with open_state_folder(home) as engine:
        yield Registry(engine)


@prompt_group.command("list")
def list_prompts(home: Home = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """List all prompts and where their aliases point."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from flows.cli.display.prompts import print_prompts
        from gpo.prompts.server import prompt_json

        records = [registry.record(name) for name in registry.names()]
        if as_json:
            print_json([prompt_json(record) for record in records])
        else:
            print_prompts(stdout_console(), records)


@prompt_group.command("show")
def show(
    name: PromptName,
    reference: PromptReference = "production",
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show one version of a prompt whole, with what was measured of it."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from flows.cli.display.prompts import print_version

        version = registry.resolve(name, reference)
        if as_json:
            print_json(version.model_dump(mode="json"))
        else:
            aliases = [each for each, number in registry.record(name).aliases.items() if number == version.version]
            print_version(stdout_console(), version, aliases)


@prompt_group.command("history")
def history(
    name: PromptName,
    alias: Annotated[str | None, typer.Option(help="Only the moves of this alias.")] = None,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List a prompt's versions, and who moved which alias when and why."""
    with exit_on_error(debug=debug, light=True), open_state_folder(home) as engine:
        from flows.cli.display.prompts import events, print_history
        from gpo.production.decision_log import DecisionLog
        from gpo.prompts.registry import Registry

        record = Registry(engine).record(name)
        moves = [move for move in record.moves if alias in (None, move.alias)]
        happened = events(moves, DecisionLog(engine).list_decisions(name, alias))
        if as_json:
            print_json(happened)
        else:
            print_history(stdout_console(), record, happened)


@prompt_group.command("diff")
def diff(
    name: PromptName,
    a: Annotated[str, typer.Argument(metavar="A", help="An alias, a version's number, or `latest`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Likewise.")],
    *,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show what differs from version A to version B, word by word."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from flows.cli.display.prompts import print_difference

        difference = registry.diff(name, a, b)
        if as_json:
            print_json(difference.model_dump(mode="json"))
        else:
            print_difference(stdout_console(), difference)


@prompt_group.command("promote")
def promote(
    name: PromptName,
    version: Annotated[int, typer.Argument(metavar="VERSION", help="The version's number.")],
    *,
    alias: Alias = "production",
    why: Why = "",
    who: Who = None,
    expected: ExpectedVersion = None,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Point an alias, by default `production`, to a version. Applications see it at their next refresh."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from flows.cli.moves import show_move

        move = registry.promote(name, version, alias, who=who or _user(), why=why, expected=expected)
        show_move(move, home, as_json=as_json)


@prompt_group.command("rollback")
def rollback(
    name: PromptName,
    *,
    alias: Alias = "production",
    why: Why = "",
    who: Who = None,
    expected: ExpectedVersion = None,
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Point an alias back to the version that it had before. Once more goes further back."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from flows.cli.moves import show_move

        move = registry.rollback(name, alias, who=who or _user(), why=why, expected=expected)
        show_move(move, home, as_json=as_json)


@prompt_group.command("register")
def register(
    spec: SpecPath,
    *,
    best: Annotated[bool, typer.Option("--best", help="The best prompt of the spec's last finished run.")] = False,
    promote: Annotated[bool, typer.Option("--promote", help="Put it into production, whatever the gate said.")] = False,
    name: Annotated[str | None, typer.Option(help="The prompt's name; by default the spec's.")] = None,
    note: VersionNote = "",
    seed: Seed = None,
    calls: SearchCalls = None,
    home: SpecHome = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep the prompt that a spec starts from, or the best one of its last run, as a version.

    The start prompt goes into production if nothing is there. The best one waits for `gpo prompt promote`, or goes
    there with `--promote`; where nothing was, the start is kept as well, for a rollback to lead to. The run is found
    by the same `--seed` and `--calls`.
    """
    with exit_on_error(debug=debug):
        from flows.cli.display.prompts import print_registered
        from flows.cli.moves import tell_of_move
        from gpo.production.register import (
            begin_with_start,
            read_demonstrations,
            read_start,
            register_best,
            register_start,
        )
        from gpo.prompts.registry import Registry
        from gpo.runs.history import History
        from gpo.runs.job import load_job

        job = load_job(spec, seed, home, calls=calls)
        shown, alias = read_demonstrations(job.spec), job.spec.production.alias
        with open_state_folder(job.home, made_if_missing=True) as engine:
            registry = Registry(engine)
            if best:
                history = History(engine)
                if promote:
                    begin_with_start(registry, history, job.spec, shown, who=_user(), name=name)
                registered = register_best(registry, history, job.spec, shown, name=name, note=note)
            else:
                shown = read_start(registry, job.spec, name)
                registered = register_start(registry, job.spec, shown, name=name, note=note, who=_user())
            version = registered.version
            if promote:
                why = note or (f"run {version.lineage.run}" if version.lineage and version.lineage.run else "")
                move = registry.promote(version.name, version.version, alias, who=_user(), why=why)
                tell_of_move(move, job.home)
            aliases = registry.record(version.name).aliases
        if as_json:
            print_json({"is_new": registered.is_new, "aliases": aliases, **version.model_dump(mode="json")})
        else:
            print_registered(version, aliases, is_new=registered.is_new)


@prompt_group.command("export")
def export(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="By default all prompts.")] = None,
    to: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("prompts"),
    form: Annotated[str, typer.Option("--format", help="`yaml` or `json`.")] = "yaml",
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Write prompts with all versions and their history to files, one a prompt, for version control."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from gpo.errors import PromptError
        from gpo.prompts.files import FORMATS, write_record

        wanted = next((each for each in FORMATS if each == form), None)
        if wanted is None:
            raise PromptError(f"no format '{form}'; allowed: {', '.join(FORMATS)}")
        # All are read before the first is written.
        for record in [registry.record(name) for name in names or registry.names()]:
            typer.echo(str(write_record(to, record, wanted)))


@prompt_group.command("import")
def restore(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files that `gpo prompt export` wrote.")],
    home: Home = None,
    debug: Debug = False,
) -> None:
    """Bring prompts back from exported files, history and all, where there are none of these names."""
    with exit_on_error(debug=debug, light=True):
        from flows.cli.display.prompts import alias_text
        from gpo.prompts.files import read_record
        from gpo.prompts.registry import Registry

        records = [read_record(file) for file in files]
        with open_state_folder(home, made_if_missing=True) as engine:
            for record in records:
                Registry(engine).restore(record)
                typer.echo(f"{record.name}: {len(record.versions)} versions; {alias_text(record.aliases)}")


@prompt_group.command("publish")
def publish(
    name: PromptName,
    reference: PromptReference = "production",
    *,
    to: Annotated[str, typer.Option(help=f"{publisher_names()}.")],
    home: Home = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Send a version with its aliases to another prompt registry; addresses and keys are that one's own settings."""
    with exit_on_error(debug=debug, light=True), _registry(home) as registry:
        from gpo.prompts.publishers.publisher import open_publisher

        publisher = open_publisher(to)
        version = registry.resolve(name, reference)
        aliases = [each for each, number in registry.record(name).aliases.items() if number == version.version]
        published = publisher.publish(version, aliases)
        if as_json:
            print_json(published.model_dump(mode="json"))
        else:
            new = "Published" if published.is_new else "Already there:"
            typer.echo(f"{new} {name} version {version.version} as {published.where}")


def _user() -> str:
    from gpo.settings import user_name

    return user_name()
