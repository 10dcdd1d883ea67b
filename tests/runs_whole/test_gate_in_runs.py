"""The gate at the end of a run: what it is shown, how a split wears, and what is refused before anything is paid."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.control_study import EXAMPLE, run_loop
from gpo.errors import SpecError
from gpo.progress import Event, Note, listen
from gpo.runs.job import load_job
from gpo.runs.outcome import Outcome
from gpo.runs.preflight import preflight

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a spec of the synthetic task, whose rows have a style: of the 400, 20 are odd."""
    rows = [json.loads(line) for line in (EXAMPLE.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row["style"] = "odd" if number % 20 == 0 else ("plain", "terse")[number % 2]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def _write(**gate: Any) -> Path:
        content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        content["dataset"] |= {"path": "rows.jsonl", "split": {"train": 48, "dev": 48, "test": 120}}
        content["optimizer"] |= {"max_steps": 5, "candidates": 6, "patience": 5}
        path = tmp_path / "spec.yaml"
        path.write_text(yaml.safe_dump(content | {"gate": gate}), encoding="utf-8")
        return path

    return _write


def judged(outcome: Outcome) -> dict[str, Any]:
    assert outcome.verdict is not None
    return outcome.verdict.model_dump()


def test_a_run_ends_with_a_verdict_on_all_that_its_spec_names(write: Write, tmp_path: Path) -> None:
    outcome = run_loop(write(slices=["style"], max_growth={"words": 50, "latency": 1e9}))
    verdict = outcome.verdict
    assert verdict is not None
    assert (verdict.decision, verdict.n, verdict.earlier_uses) == ("promote", 120, 0)
    assert outcome.gain == verdict.gain
    assert {part.name for part in verdict.slices} == {"style=plain", "style=terse"}
    assert sum(part.n for part in verdict.slices) < 120
    words, latency = verdict.measures
    assert (words.name, words.limit) == ("words", 50)
    assert words.challenger == len(outcome.best.candidate.instruction.split())
    assert (latency.name, latency.limit) == ("latency", 1e9)
    assert latency.champion > 0
    assert verdict.warnings[-1].startswith("Slices of fewer than 10 test examples are not guarded: `style=odd`")

    # The same again is the same run; it has decided once, and is told so by the next one.
    assert judged(run_loop(write(slices=["style"], max_growth={"words": 50, "latency": 1e9}))) == judged(outcome)
    assert judged(run_loop(tmp_path / "spec.yaml", seed=1))["earlier_uses"] == 1

    # The gate is no part of what is searched: other rules judge the same run anew, without a call.
    stricter = run_loop(write(max_growth={"words": 0}))
    assert (stricter.run_id, stricter.calls["task"].paid) == (outcome.run_id, 0)
    assert judged(stricter)["decision"] == "keep"
    assert judged(stricter)["earlier_uses"] == 0

    with closing(sqlite3.connect(tmp_path / ".gpo" / "gpo.db")) as connection, connection:
        connection.execute("UPDATE calls SET seconds = NULL")
    untimed = judged(run_loop(write(max_growth={"latency": 1})))
    assert (untimed["decision"], untimed["unmeasured"]) == ("not enough evidence", ("latency",))


def test_a_proof_that_stops_early_leaves_whole_groups_unasked_and_says_so(write: Write, tmp_path: Path) -> None:
    whole = run_loop(write())
    spec = yaml.safe_load(write(stop_early=True).read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = (json.dumps({**row, "document": f"d{number // 2}"}) for number, row in enumerate(rows))
    (tmp_path / "rows.jsonl").write_text("\n".join(texts), encoding="utf-8")
    spec["dataset"] |= {"group": "document"}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    early = run_loop(tmp_path / "spec.yaml")
    assert whole.verdict is not None
    assert early.verdict is not None
    look = early.verdict.look
    assert look is not None
    assert (early.verdict.decision, early.verdict.missing) == ("promote", 0)
    assert look.examples == early.verdict.n == early.best_test.n < look.of
    assert early.verdict.groups is not None
    assert early.verdict.n / 2 <= early.verdict.groups < early.verdict.n
    assert f"{look.saved_calls:,} calls saved" in early.verdict.reasons[-1]
    # Paid for once: the later look takes the answers of the first from the ledger.
    assert early.usage["task"].calls >= 2 * early.verdict.n
    again = run_loop(tmp_path / "spec.yaml")
    assert (again.verdict, again.calls["task"].paid) == (early.verdict, 0)


def test_what_the_gate_cannot_guard_is_refused_before_the_start(write: Write, tmp_path: Path) -> None:
    for name, message in (
        ("style=plane", "'style=plane', which no test example is in; did you mean 'style=plain'"),
        ("style=odd", r"'style=odd', of which the test split has \d examples?; 10 are needed"),
    ):
        with pytest.raises(SpecError, match=message):
            asyncio.run(preflight(load_job(write(slices=["style"], slice_margins={name: 0.1}))))
    assert not (tmp_path / ".gpo").exists()


def test_what_is_not_guarded_is_told_before_the_start(write: Write) -> None:
    heard: list[Event] = []
    with listen(heard.append):
        asyncio.run(preflight(load_job(write(slices=["style"]))))
    notes = [event.text for event in heard if isinstance(event, Note)]
    assert any("are not guarded: `style=odd`" in note for note in notes)
