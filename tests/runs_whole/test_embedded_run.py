"""One whole run with the models that come in packages: no key, no network, no script."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from gpo.models.local.servers import status
from gpo.report.page.material import report_path
from gpo.runs.outcome import Outcome
from gpo.settings import load_settings
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

EXAMPLE = ROOT / "examples" / "review-sentiment"
DEV, TEST, CANDIDATES = 6, 6, 3


def write_small_example(folder: Path) -> Path:
    lines = (EXAMPLE / "reviews.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "reviews.jsonl").write_text("".join(lines[:40]), encoding="utf-8")
    content = yaml.safe_load((EXAMPLE / "spec.yaml").read_text(encoding="utf-8"))
    content["dataset"]["split"] = {"train": 4, "dev": DEV, "test": TEST}
    content["optimizer"] |= {"max_steps": 1, "candidates": CANDIDATES, "race_after": 2}
    assert content["optimizer"]["style"] == "continuation"
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def test_a_run_with_the_embedded_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimized: Callable[..., Outcome]
) -> None:
    monkeypatch.setenv("GPO_RUNTIME_DIR", str(tmp_path / "servers"))
    monkeypatch.setenv("GPO_LOCAL_IDLE_S", "1")
    path = write_small_example(tmp_path)

    outcome = optimized(path)

    assert (outcome.stopped, outcome.steps, len(outcome.history)) == ("max_steps", 1, 1)
    tests = [outcome.start_test] if outcome.best == outcome.start else [outcome.start_test, outcome.best_test]
    scores = [outcome.start.score, *(item.score for item in outcome.history[0].scored), *tests]
    assert all(0 <= score.mean <= 1 for score in scores)
    assert outcome.best.score.mean >= outcome.start.score.mean
    assert (outcome.start.score.n, outcome.start_test.n, outcome.best_test.n) == (DEV, TEST, TEST)
    assert 0 < outcome.evaluated <= outcome.proposed <= CANDIDATES
    task, optimizer = outcome.calls["task"], outcome.calls["optimizer"]
    assert (task.paid, task.cached, task.failed) == (sum(score.n for score in scores), 0, 0)
    assert (optimizer.paid, optimizer.cached, optimizer.failed) == (1 + CANDIDATES, 0, 0)
    assert task.input_tokens > 10 * task.paid
    page = report_path(tmp_path / ".gpo", outcome.run_id).read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert page.rstrip().endswith("</html>")

    again = optimized(path)
    own = {"started_at", "wall_s", "calls"}
    assert again.model_dump(exclude=own) == outcome.model_dump(exclude=own)
    assert [(calls.paid, calls.cached) for calls in (again.calls["task"], again.calls["optimizer"])] == [
        (0, task.paid),
        (0, optimizer.paid),
    ]

    settings, deadline = load_settings(), time.monotonic() + 30
    while status(settings):
        assert time.monotonic() < deadline, "the model server stays"
        time.sleep(0.1)
    assert list((tmp_path / "servers").glob("*/leases/*")) == []
