"""A run that chooses the examples before each question with the instruction, and has two objectives, to production."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.control_study import EXAMPLE
from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.production.decide import decide
from gpo.production.decision_log import Production
from gpo.production.starting_point import find_starting_point, job_from_champion
from gpo.prompts.loader import PromptLoader
from gpo.report.run_html import html_report
from gpo.report.run_markdown import markdown_report
from gpo.runs import steps as plain
from gpo.runs.explain import explain
from gpo.runs.job import Job, load_job
from gpo.runs.optimize import PLAIN, Steps, optimize
from gpo.runs.outcome import Outcome
from gpo.runs.run import Run
from gpo.search.state import Search
from gpo.search.step import Step

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """The synthetic task with a model that learns from examples, whose start shows one."""
    content: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["dataset"] |= {
        "path": str(EXAMPLE.parent / "questions.jsonl"),
        "split": {"train": 32, "dev": 32, "test": 96},
    }
    content["models"]["task"]["parameters"] = {"noise": 0.05, "learns": 0.06}
    content["models"]["embedding"] = "synthetic:words"
    content["optimizer"] = {
        "demonstrations": "searched",
        "max_demonstrations": 3,
        "objectives": ["score", "words"],
        "max_steps": 5,
        "batch": 6,
    }
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(content | {"few_shot": 1, "seed": 4}), encoding="utf-8")
    return path


class KilledError(Exception):
    """The process is gone."""


def killed_after(number: int) -> Steps:
    """The steps of a run that dies when it has taken one, before that is recorded."""

    async def select(run: Run, search: Search, step: Step) -> Search:
        if step.number > number:
            raise KilledError
        return await plain.select(run, search, step)

    return replace(PLAIN, select=select)


def without_times(outcome: Outcome) -> Mapping[str, Any]:
    content = outcome.model_dump(mode="json", exclude={"started_at", "wall_s", "calls", "verdict", "cost_paid"})
    return json.loads(json.dumps(content), object_hook=lambda each: {k: v for k, v in each.items() if k != "timing"})


def test_examples_are_found_proven_and_given_to_the_application_also_after_a_kill(spec: Path, tmp_path: Path) -> None:
    job = load_job(spec, home=tmp_path / "home")
    outcome = asyncio.run(optimize(job))
    best = outcome.best.candidate
    assert len(outcome.start.candidate.shown) == 1
    assert 1 < len(best.shown) <= 3, "the model learns from each"
    assert outcome.gain.value > 0.1
    splits = load_splits(job.spec)
    assert outcome.shown.keys() <= {example.id for example in splits.train}
    ways = {item.candidate.way for step in outcome.history for item in step.scored}
    assert "demonstrations" in ways
    for trial in (trial for step in outcome.history for trial in step.trials):
        assert not trial.values.keys() & set(trial.candidate.shown), "tried on an example with its answer in view"

    page = html_report(job.spec, outcome)
    assert "Examples before each question" in page
    assert best.shown[0] in page
    assert best.shown[0] in markdown_report(job.spec, outcome)
    assert "Prompts that no other beats" in page
    assert "The front: dev score against words" in page
    assert best in [each.candidate for each in outcome.front]
    words = [each.values["words"] or 0 for each in outcome.front]
    assert len(words) > 1
    assert words == sorted(words, reverse=True), "less of one for more of the other"
    explained = asyncio.run(explain(job, 2))
    assert "worked example" in "\n".join(part.text for part in explained.parts)
    assert "1 change the examples before each question, for which nothing is asked" in explained.note

    _die_and_go_on(spec, tmp_path / "other", outcome)
    _promote(job, outcome)
    prompt = PromptLoader(f"sqlite:///{job.home}/gpo.db", refresh_s=3600).load("synthetic")
    texts = [message.text for message in prompt.invoke({"question": "How many?"}).to_messages()]
    assert len(texts) == 2 * len(best.shown) + 1
    for name, text in zip(best.shown, texts[::2], strict=False):
        assert str(outcome.shown[name].inputs["question"]) in text


def _promote(job: Job, outcome: Outcome) -> None:
    """Put the result into production, and start the next run from there: its start shows what is live."""
    with open_state(job.settings, job.home) as engine:
        production = Production(engine)
        decision = decide(job, find_starting_point(job, production), outcome, production, flow_run=None, report="")
        assert decision.status == "promoted", decision.reason
        following = job_from_champion(job, find_starting_point(job, production, force=True))
    assert following.spec.optimizer.shown == outcome.best.candidate.shown
    assert following.spec.start_text == outcome.best.candidate.instruction


def _die_and_go_on(spec: Path, home: Path, whole: Outcome) -> None:
    """A run that was killed goes on with the same examples, and pays for nothing twice."""
    job = load_job(spec, home=home)
    with pytest.raises(KilledError):
        asyncio.run(optimize(job, killed_after(1)))
    resumed = asyncio.run(optimize(job))
    assert without_times(resumed) == without_times(whole)
    for role in ("task", "optimizer"):
        assert resumed.calls[role].paid < whole.calls[role].paid
