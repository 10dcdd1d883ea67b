"""How commands end: messages, exit codes, and no keys in what is printed."""

import errno
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import typer

from flows.cli.console import as_typed, exit_on_error
from gpo.errors import InputError
from tests.support.commands import gpo

pytestmark = pytest.mark.usefixtures("folder")


def test_a_prefect_server_that_is_away_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, exit_on_error(debug=False, pays=True):
        raise httpx.ConnectError("All connection attempts failed")
    message = capsys.readouterr().err
    assert caught.value.exit_code == 1
    assert message.startswith("Error: the Prefect server cannot be used (ConnectError: All connection attempts failed)")
    for fragment in ("PREFECT_API_URL", "the same command goes on from here"):
        assert fragment in message


def test_debug_shows_the_traceback_with_the_same_exit_code(folder: Path) -> None:
    result = gpo("optimize", "nowhere.yaml", "--debug")
    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert "SpecError" in result.stderr
    assert result.stdout == ""


@pytest.fixture
def failing_examination(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `gpo doctor` fail with an error of any kind."""

    def prepared(error: BaseException) -> None:
        def fail(*_arguments: object) -> bool:
            raise error

        monkeypatch.setattr("flows.cli.commands.doctor.make_checks", fail)

    return prepared


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError("sk-very-secret-0123456789 refused\nand more"), "OSError: *** refused"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_an_unforeseen_error_is_one_line_without_keys(
    error: Exception, shown: str, failing_examination: Callable[[BaseException], None]
) -> None:
    failing_examination(error)
    result = gpo("doctor")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {shown}; --debug shows where.\n"
    assert result.stdout == ""

    result = gpo("doctor", "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "very-secret" not in result.stderr


def test_a_full_disk_is_told_with_what_to_do(failing_examination: Callable[[BaseException], None]) -> None:
    failing_examination(OSError(errno.ENOSPC, "No space left on device", "a/page.html"))
    result = gpo("doctor")
    assert result.exit_code == 1
    told = "a/page.html: No space left on device: free some space, then run the same command again."
    assert result.stderr == f"Error: {told}\n"


def test_an_endless_value_is_not_repeated_whole(failing_examination: Callable[[BaseException], None]) -> None:
    failing_examination(InputError(f"no such metric '{'x' * 5000}'; allowed: contains"))
    result = gpo("doctor")
    assert result.exit_code == 2
    assert len(result.stderr) < 200
    assert result.stderr.endswith("... allowed: contains\n")


def test_an_exit_passes(failing_examination: Callable[[BaseException], None]) -> None:
    failing_examination(typer.Exit(7))
    assert gpo("doctor").exit_code == 7


def test_only_a_command_that_pays_says_that_what_was_paid_for_is_kept(
    failing_examination: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_examination(KeyboardInterrupt())
    result = gpo("doctor")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")

    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.cli.commands.optimize.run_optimization", interrupted)
    result = gpo("demo")
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted. What was paid for is kept")


def test_commands_to_type_next_work_where_this_one_did(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = folder / ".venv" / "bin" / "gpo"
    ours.parent.mkdir(parents=True)
    ours.touch(mode=0o755)
    monkeypatch.chdir(folder)
    for path, called, typed in (
        ("/nowhere", ".venv/bin/gpo", ".venv/bin/gpo"),
        (str(ours.parent), str(ours), "gpo"),
        ("/nowhere", str(folder / "app.py"), "gpo"),
    ):
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr("sys.argv", [called, "demo"])
        assert as_typed("gpo report tickets --open") == f"{typed} report tickets --open"
