"""What a run came to: the numbers of the search and of the locked split, put together once at the end."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from gpo.budget import PROBES
from gpo.gate import paired_gain
from gpo.records import Calls, Outcome, Score, Stopped
from gpo.report import html_report
from gpo.run import Run
from gpo.screening import rejections_by_reason
from gpo.selection import Search
from gpo.spec import TaskSpec
from gpo.tally import Tally


def conclude(
    run: Run,
    search: Search,
    start_test: Score,
    best_test: Score,
    *,
    stopped: Stopped,
    started: datetime,
    wall_s: float,
) -> Outcome:
    """The outcome of a finished search, with champion and challenger scored once each on the test split."""
    scored = [item for step in search.steps for item in step.scored]
    rejected = [item for step in search.steps for item in step.rejected]
    return Outcome(
        run_id=run.id,
        task=run.spec.name,
        started_at=started.isoformat(timespec="seconds"),
        wall_s=round(wall_s, 1),
        stopped=stopped,
        steps=len(search.steps),
        start=search.start,
        best=search.best,
        start_test=start_test,
        best_test=best_test,
        gain=paired_gain(best_test, start_test, seed=run.spec.seed),
        proposed=len(scored) + len(rejected),
        rejected=rejections_by_reason(rejected),
        evaluated=len(scored),
        calls=_calls(run, search, start_test, best_test),
        history=search.steps,
    )


def report_path(home: Path, run_id: str) -> Path:
    """Where the HTML report of a run lies."""
    return home / "reports" / f"{run_id}.html"


def write_report(home: Path, spec: TaskSpec, outcome: Outcome) -> Path:
    """Write the HTML report, whole or not at all."""
    path = report_path(home, outcome.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(html_report(spec, outcome), encoding="utf-8")
    draft.replace(path)
    return path


def _calls(run: Run, search: Search, start_test: Score, best_test: Score) -> Mapping[str, Calls]:
    tests = [start_test] if search.best == search.start else [start_test, best_test]
    scores = [search.start.score, *(item.score for step in search.steps for item in step.scored), *tests]
    answered = sum(score.n for score in scores)
    asked = PROBES + run.spec.optimizer.candidates * len(search.steps)
    return {
        "task": _counted(run.models.task.tally, answered),
        "optimizer": _counted(run.models.optimizer.tally, asked),
    }


def _counted(tally: Tally, answered: int) -> Calls:
    """Answers that were not paid for now came from the ledger, or from a task that Prefect had cached."""
    return Calls(
        paid=tally.paid,
        cached=max(0, answered - tally.paid),
        failed=tally.failed,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
    )
