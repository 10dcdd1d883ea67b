import httpx
import pytest
import typer

from flows.cli.console import exit_on_error


def test_a_prefect_server_that_is_away_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as caught, exit_on_error(debug=False, pays=True):
        raise httpx.ConnectError("All connection attempts failed")
    message = capsys.readouterr().err
    assert caught.value.exit_code == 1
    assert message.startswith("Error: the Prefect server cannot be used (ConnectError: All connection attempts failed)")
    for fragment in ("PREFECT_API_URL", "the same command goes on from here"):
        assert fragment in message
