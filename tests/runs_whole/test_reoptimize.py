import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml

from gpo.models.synthetic.task import dataset
from gpo.production.decision_log import open_production
from gpo.settings import Settings
from tests.support.webhook import Told, webhook

pytestmark = [pytest.mark.slow]

Run = Callable[..., Any]
MODELS = {
    "task": {"model": "synthetic:task", "max_concurrency": 64, "parameters": {"noise": 0.05, "seed": 0}},
    "optimizer": {"model": "synthetic:optimizer", "parameters": {"drift": 0.1, "heed": 0.9, "seed": 0}},
    "embedding": "local:wordllama",
}


def write_task(folder: Path, rows: int = 120, **changes: Any) -> Path:
    (folder / "questions.jsonl").write_text(dataset(rows), encoding="utf-8")
    content = {
        "name": "sums",
        "prompt": {"instruction": "Solve the problem.", "messages": [{"user": "{{question}}\n{{instruction}}"}]},
        "dataset": {
            "path": "questions.jsonl", "input": "question", "reference": "answer",
            "split": {"train": 8, "dev": 24, "test": 60},
        },
        "answer": {"kind": "number"},
        "models": MODELS,
        "optimizer": {"max_steps": 3, "candidates": 4, "patience": 3, "budget_start": 20, "budget_end": 10},
        **changes,
    }  # fmt: skip
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


@pytest.fixture
def listener() -> Iterator[tuple[str, Told]]:
    with webhook() as listening:
        yield listening


def state_of(folder: Path) -> Any:
    return open_production(Settings(), folder)


def test_a_prompt_is_kept_good(
    tmp_path: Path, own_environment: None, reoptimized: Run, listener: tuple[str, Told]
) -> None:
    url, told = listener
    notify = {"when": ["promoted", "kept"], "webhook_env": "OPS_WEBHOOK"}
    spec = write_task(tmp_path, production={"notify": notify})
    with patch.dict("os.environ", {"OPS_WEBHOOK": url}):
        (first,) = reoptimized(spec)
        with state_of(tmp_path) as production:
            paid = len(production.history.runs())
            assert first.name == "Promoted"
            assert production.registry.record("sums").aliases == {"production": 2, "challenger": 2}
        assert [(each["status"], each["subject"]) for _, each in told] == [("promoted", "sums: promoted")]

        # Two at once, and nothing is new.
        for state in reoptimized(spec, times=2):
            assert (state.name, state.type.value) == ("Nothing to do", "COMPLETED")
            assert "nothing to do" in state.message
        with state_of(tmp_path) as production:
            assert len(production.history.runs()) == paid
        assert len(told) == 1

        # The data grows: the search starts from the champion and tries earlier prompts again.
        (tmp_path / "questions.jsonl").write_text(dataset(130), encoding="utf-8")
        (second,) = reoptimized(spec)
    assert second.name in ("Promoted", "Champion kept")
    with state_of(tmp_path) as production:
        last = production.history.runs()[0]
        outcome = production.history.outcome(last.key)
        champion = production.registry.record("sums").versions[1].content.instruction
        before = [each for each in production.history.scored(production.history.runs()[-1].key) if each.score.complete]
    assert outcome is not None
    assert outcome.start.candidate.instruction == champion
    assert len(outcome.earlier) == 4
    others = [each for each in before if each.candidate.instruction != champion]
    best = max(others, key=lambda each: each.score.mean)
    assert outcome.earlier[0].candidate.instruction == best.candidate.instruction
    assert outcome.best.score.mean >= outcome.start.score.mean


def test_runs_of_one_prompt_take_turns(tmp_path: Path, own_environment: None, reoptimized: Run) -> None:
    spec = write_task(tmp_path)
    states = reoptimized(spec, times=3)
    assert sorted(state.name for state in states) == ["Nothing to do", "Nothing to do", "Promoted"]
    with state_of(tmp_path) as production:
        assert len(production.history.runs()) == 1
        assert [move.to_version for move in production.registry.history("sums", "production")] == [1, 2]


def test_what_waits_for_approval_is_answered_from_the_terminal(
    tmp_path: Path, own_environment: None, reoptimized: Run
) -> None:
    from typer.testing import CliRunner

    from flows.cli.app import app

    def gpo(*arguments: str) -> Any:
        done = CliRunner().invoke(app, [*arguments, "--home", str(tmp_path)])
        assert done.exit_code in (0, 2), done.output
        return done

    spec = write_task(tmp_path, production={"approval": "required", "prompt": "adding"})
    (state,) = reoptimized(spec)
    assert state.name == "Waiting for approval"
    (again,) = reoptimized(spec)
    assert again.name == "Nothing to do"
    assert "waits for approval" in again.message

    (waiting,) = json.loads(gpo("decisions", "--waiting", "--json").stdout)
    assert (waiting["prompt"], waiting["champion"], waiting["challenger"]) == ("adding", 1, 2)
    assert "promoted by grace: sound" in gpo("approve", "adding", "--who", "grace", "--why", "sound").stdout
    gpo("prompt", "rollback", "adding", "--who", "ada", "--why", "no")
    assert gpo("decisions", "--waiting").stdout == "none waits for approval\n"
    unknown = gpo("decisions", "addin")
    assert (unknown.exit_code, "did you mean" in unknown.stderr) == (2, True)
    refused = gpo("reject", "adding")
    assert refused.exit_code == 2
    assert "does not wait for an answer" in refused.stderr
    history = json.loads(gpo("prompt", "history", "adding", "--alias", "production", "--json").stdout)
    assert [(each["action"], each["who"]) for each in history] == [
        ("promote", "gpo"),
        ("promote", "grace"),
        ("rollback", "ada"),
    ]

    # On the same data, the version that was rolled back does not come back by itself; a rejection is in the history.
    assert reoptimized(spec)[0].name == "Nothing to do"
    (forced,) = reoptimized(spec, force=True)
    if forced.name == "Waiting for approval":
        gpo("reject", "adding", "--who", "ada", "--why", "still no")
        history = json.loads(gpo("prompt", "history", "adding", "--alias", "production", "--json").stdout)
        assert (history[-1]["action"], history[-1]["who"], history[-1]["why"]) == ("reject", "ada", "still no")


def test_a_run_that_fails_tells_so_and_leaves_the_champion(
    tmp_path: Path, own_environment: None, reoptimized: Run, listener: tuple[str, Told]
) -> None:
    url, told = listener
    spec = write_task(tmp_path, production={"notify": {"webhook_env": "OPS_WEBHOOK"}})
    rows = (tmp_path / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "questions.jsonl").write_text("\n".join([*rows[:50], "{broken"]), encoding="utf-8")
    with patch.dict("os.environ", {"OPS_WEBHOOK": url}):
        (state,) = reoptimized(spec)
    assert state.is_failed()
    ((_, message),) = told
    assert message["status"] == "failed"
    assert "questions.jsonl" in message["text"]
