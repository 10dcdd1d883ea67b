"""Answers that are sets of labels, from a data file to a verdict and the table of its labels."""

import asyncio
import json
import random
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.cli.app import app
from gpo.data.starter import write_starter
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from tests.support.endpoint import Request, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

LABELS = ("bug", "docs", "ui")
BETTER = "Name every topic of the ticket."


def rows() -> list[dict[str, object]]:
    rng = random.Random(0)
    found = (sorted(rng.sample(LABELS, number % 4)) for number in range(120))
    return [{"ticket": f"Ticket {number}: {' and '.join(each)}.", "topics": each} for number, each in enumerate(found)]


def improving(request: Request) -> str:
    if request.model == "o":
        return "ready" if "Reply with the word" in request.text else f"<START>{BETTER}<END>"
    named = [label for label in LABELS if f" {label}" in request.text.partition("\n")[0]]
    return f"Answer: {', '.join(named if BETTER in request.text else named[:1]) or 'none'}"


@pytest.mark.parametrize("metric", ["jaccard", "micro_f1", "exact_match"])
def test_sets_of_labels_are_found_in_data_searched_and_shown(metric: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    path = write_starter("topics", tmp_path / "rows.jsonl", tmp_path, force=False).path
    content = yaml.safe_load(path.read_text())
    assert content["answer"]["kind"] == "labels"
    assert content["answer"]["allow_none"]
    with serving(improving) as endpoint:
        models = {
            "task": {"model": "openai:m", "base_url": endpoint.url},
            "optimizer": {"model": "openai:o", "base_url": endpoint.url},
        }
        content |= {"metric": metric, "models": models, "optimizer": {"preset": "gpo", "max_steps": 1, "candidates": 1}}
        path.write_text(yaml.safe_dump(content))
        outcome = asyncio.run(optimize(load_job(path)))
    assert (outcome.best.candidate.instruction, outcome.best_test.mean) == (BETTER, 1.0)
    assert outcome.start_test.mean < 0.8
    assert outcome.verdict is not None
    assert (outcome.verdict.decision, outcome.verdict.set_metric) == (
        "promote",
        metric if metric == "micro_f1" else None,
    )
    shown = CliRunner().invoke(app, ["results", str(path), "--prompt", "start", "--json"])
    summary = json.loads(shown.stdout)
    assert summary["confusion"] is None
    assert [each["label"] for each in summary["per_label"]] == content["answer"]["labels"]
    assert [each["recall"] for each in summary["per_label"] if each["label"] == "bug"] == [1.0]
    assert all(each["recall"] < 1 for each in summary["per_label"] if each["label"] != "bug")
    assert "label" in CliRunner().invoke(app, ["results", str(path)]).stdout
