"""The command line as a whole: which commands there are, how they are listed, what they import."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_group
from typer.testing import CliRunner

from flows.cli import commands
from flows.cli.app import app, build_app, command_files
from flows.cli.panels import FIRST, PANELS
from tests.support.commands import environment, gpo
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("folder")

HEAVY = {"prefect", "langchain", "langchain_core", "pandas", "numpy", "chromadb", "sqlalchemy", "pydantic", "httpx"}


def names_of(commands: typer.Typer) -> list[str]:
    """The commands as `--help` lists them."""
    group = get_group(commands)
    return group.list_commands(typer.Context(group))


@pytest.mark.parametrize("command", [[], ["optimize"], ["evaluate"], ["demo"], ["doctor"], ["spec"], ["spec", "init"]])
def test_help(command: list[str]) -> None:
    result = gpo(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    assert "Traceback" not in result.output


def test_every_file_of_the_folder_is_taken_in() -> None:
    files = {path.stem for path in Path(commands.__file__).parent.rglob("*.py")} - {"__init__"}
    offered = dict(command_files(commands))
    assert {name.rpartition(".")[2] for name in offered} == files
    listed = names_of(app)
    for name, own in offered.items():
        assert names_of(own), name
        assert set(names_of(own)) <= set(listed), name
    shown = gpo("--help").stdout
    assert all(f" {name} " in shown for name in listed)


def test_a_new_file_is_a_new_command_and_one_without_commands_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "more_commands").mkdir()
    (folder / "more_commands" / "__init__.py").touch()
    (folder / "more_commands" / "greet.py").write_text(
        "import typer\n\ncommands = typer.Typer()\ngroup = typer.Typer()\ncommands.add_typer(group, name='wave')\n\n"
        "@commands.command()\ndef greet(name: str) -> None:\n    typer.echo(f'Good day, {name}.')\n\n"
        "@group.command('back')\ndef wave_back() -> None:\n    typer.echo('waves')\n\n"
        "@group.command('first')\ndef wave_first() -> None:\n    typer.echo('waves first')\n"
    )
    monkeypatch.syspath_prepend(folder)
    package = importlib.import_module("more_commands")
    built = build_app(package)
    assert CliRunner().invoke(built, ["greet", "Ann"]).stdout == "Good day, Ann.\n"
    assert CliRunner().invoke(built, ["wave", "back"]).stdout == "waves\n"

    (folder / "more_commands" / "helper.py").write_text("VALUE = 1\n")
    with pytest.raises(TypeError, match=r"more_commands\.helper: .*define `commands = typer\.Typer\(\)`"):
        build_app(package)


def test_help_lists_the_commands_in_the_order_in_which_one_learns_them() -> None:
    shown = gpo("--help").stdout
    places = [shown.index(f" {panel} ") for panel in PANELS]
    assert places == sorted(places)
    listed = names_of(app)
    found = get_group(app).commands
    without = [name for name in listed if getattr(found[name], "rich_help_panel", None) not in PANELS]
    assert not without, "give each of them a `rich_help_panel` of flows/cli/panels.py"
    assert set(FIRST) <= set(listed)
    assert listed[:4] == ["demo", "spec", "optimize", "evaluate"]


def test_help_says_what_the_exit_codes_mean() -> None:
    shown = " ".join(gpo("--help").stdout.split())
    assert "Exit codes: 0 done, 1 failed, 2 the input was wrong, 130 interrupted" in shown


@pytest.mark.slow
def test_no_command_imports_what_takes_long_before_it_is_called() -> None:
    """`gpo --help` must not wait for Prefect."""
    program = f"import sys, flows.cli.app; print(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["presets"], ["presets", "--json"], ["spec", "schema"], ["doctor"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_nobody_reads_ends_a_command_without_a_word(arguments: list[str], unbuffered: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli.app", *arguments],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**environment(), "PYTHONUNBUFFERED": unbuffered},
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_version() -> None:
    result = gpo("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("gpo ")
    assert len(result.stdout.splitlines()) == 1


def test_an_unknown_option_is_refused() -> None:
    result = gpo("optimize", "spec.yaml", "--sed", "3")
    assert result.exit_code == 2
    assert "--seed" in result.stderr


@pytest.mark.slow
def test_the_installed_command_says_the_same(folder: Path) -> None:
    command = [sys.executable, "-m", "flows.cli.app", "optimize", "nowhere.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].startswith("Error: nowhere.yaml: no such file")
    assert len(done.stderr.splitlines()) == 1


def leaves(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    if not hasattr(command, "commands"):
        yield " ".join(path), command
    for name, inner in getattr(command, "commands", {}).items():
        yield from leaves(inner, *path, name)


def test_every_command_shows_an_example_that_it_takes_and_its_exit_codes() -> None:
    group = get_group(app)
    shown = {path: f"{command.help}\n{command.epilog}" for path, command in leaves(group)}
    for path, text in shown.items():
        assert "Exit codes: 0 done" in text, path
        for example in re.findall(r"Example: `(gpo .*?)`", text):
            command, words = group, shlex.split(example)[1:]
            context = typer.Context(group, info_name="gpo")
            while hasattr(command, "commands"):
                _, command, words = command.resolve_command(context, words)
            assert command is dict(leaves(group))[path], example
            # Ends the test with a usage error where the command does not take it.
            command.make_context(path, words, parent=context)
    assert len([path for path, text in shown.items() if "Example: `" in text]) > 40


@pytest.mark.slow
def test_a_command_whose_output_is_closed_ends_without_an_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m flows.cli.entry presets >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, cwd=ROOT, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
