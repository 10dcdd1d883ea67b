"""What a run is going to take: by the ledger where it has answers, else by the length of the texts."""

from pathlib import Path

import yaml
from sqlalchemy import insert

from gpo.database.engine import open_state, write_transaction
from gpo.database.tables import calls
from gpo.runs.forecast import forecast
from gpo.runs.job import load_job
from tests.support.paths import EXAMPLES

SPEC = EXAMPLES / "synthetic" / "demo.yaml"


def test_calls_are_those_of_the_cap_and_nothing_is_written(tmp_path: Path) -> None:
    found = forecast(load_job(SPEC, home=tmp_path / "state"))
    assert (found.search["task"], found.proof["task"]) == (700, 288)
    assert found.usage["task"].calls == 988
    # A question has about ninety characters.
    assert 15 * 988 < found.usage["task"].input_tokens < 40 * 988
    assert (found.known, found.seconds, found.cost) == (0, None, None)
    assert "until 700 task-model calls are spent" in found.told
    assert not (tmp_path / "state").exists()


def test_a_search_without_a_cap_is_as_long_as_its_steps(tmp_path: Path) -> None:
    found = forecast(load_job(EXAMPLES / "synthetic" / "spec.yaml", home=tmp_path))
    assert (found.steps, found.search["task"]) == (8, 48 + 8 * 6 * 48)
    assert found.search["optimizer"] == 1 + 8 * 6
    assert found.told == ""


def test_kept_answers_of_these_models_tell_tokens_and_time(tmp_path: Path) -> None:
    job = load_job(SPEC, home=tmp_path)
    row = {
        "repeat": 0,
        "messages": "[]",
        "text": "",
        "output_tokens": 10,
        "created_at": "2026-01-01T00:00:00.000+00:00",
    }
    kept = [("task", "synthetic:task", 90, 0.25), ("task", "synthetic:task", 110, 0.75)]
    kept += [("optimizer", "synthetic:optimizer", 400, 2.0), ("task", "another", 9000, 90.0)]
    with open_state(job.settings, job.home) as engine, write_transaction(engine) as connection:
        for number, (role, model, tokens, seconds) in enumerate(kept):
            given = {"digest": str(number), "role": role, "model": model, "input_tokens": tokens, "seconds": seconds}
            connection.execute(insert(calls).values(row | given))
    found = forecast(job)
    assert (found.usage["task"].input_tokens, found.usage["task"].output_tokens) == (98_800, 9_880)
    assert found.known == 3
    models, optimizer = job.spec.models, found.usage["optimizer"].calls
    expected = 988 * 0.5 / models.task.max_concurrency + optimizer * 2.0 / models.optimizer.max_concurrency
    assert found.seconds == expected


def test_a_limit_of_a_minute_is_the_least_time(tmp_path: Path) -> None:
    spec = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    for role in ("task", "optimizer"):
        spec["models"][role] = {"model": "openai:x", "requests_per_minute": 60}
    spec["dataset"]["path"] = str(SPEC.parent / "questions.jsonl")
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = forecast(load_job(path, home=tmp_path / "state"))
    # Both roles wait for one limit together, and what a minute allows goes out at once.
    total = sum(usage.calls for usage in found.usage.values())
    assert (found.seconds, found.least_seconds) == (None, total - 60)

    # Of two servers, the time of the slower one alone is certain.
    spec["models"]["optimizer"]["base_url"] = "http://127.0.0.1:9/v1"
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = forecast(load_job(path, home=tmp_path / "state"))
    assert found.least_seconds == max(usage.calls for usage in found.usage.values()) - 60
