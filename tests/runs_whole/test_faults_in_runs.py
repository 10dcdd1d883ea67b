"""Faults of a server in the middle of a run: what is lost, what is told, and what stays in any file."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prefect.settings import PREFECT_LOCAL_STORAGE_PATH

from gpo.runs.outcome import Outcome
from tests.support.fault_server import Call, FaultServer, Sent, completion, error, faulting
from tests.support.fault_task import answered, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

KEY = "odd0key0of0no0known0shape"


def spec(folder: Path, server: FaultServer) -> Path:
    model = {"base_url": server.url, "max_retries": 1}
    models = {
        "task": {"model": "openai:m", **model},
        "optimizer": {"model": "openai:o", "api_key_env": "OWN_API_KEY", **model},
    }
    return write(
        folder, server, models=models, optimizer={"preset": "gpo", "max_steps": 2, "candidates": 2, "patience": 2}
    )


@pytest.mark.parametrize("fault", ["key", "unicode"])
def test_a_run_survives_half_an_emoji_and_leaves_no_key_when_it_ends(
    fault: str, tmp_path: Path, optimized: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_API_KEY", KEY)
    proposed = 0

    def respond(call: Call) -> Sent:
        nonlocal proposed
        if call.body["model"] == "m":
            return answered(call)
        if "Reply with the word" in call.text:
            return completion("ready")
        proposed += 1
        if fault == "key" and proposed > 2:
            return error(401, error={"message": f"Incorrect API key provided: {KEY}"})
        return completion(f"<START>Say number {proposed} \ud83d now.<END>")

    with faulting(respond) as server:
        path = spec(tmp_path, server)
        if fault == "unicode":
            outcome = optimized(path)
            assert (outcome.steps, outcome.proposed) == (2, 4)
            assert "\ufffd" in outcome.history[0].scored[0].candidate.instruction
            return
        with pytest.raises(Exception, match=r"Incorrect API key provided: \*\*\*"):
            optimized(path)
    stored = PREFECT_LOCAL_STORAGE_PATH.value().parent
    files = [file for folder in (tmp_path, stored) for file in folder.rglob("*") if file.is_file()]
    assert any(b"Incorrect API key provided" in file.read_bytes() for file in files)
    assert not [file for file in files if KEY.encode() in file.read_bytes()]
