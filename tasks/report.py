"""The task at the end: write the outcome to the database, and the report to a file and to the Prefect UI."""

import asyncio
from typing import Any

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from gpo.report import findings
from gpo.report.page.gather import gather_material
from gpo.report.run_html import write_report
from gpo.report.run_markdown import markdown_report
from gpo.runs import steps
from gpo.runs.outcome import Outcome
from gpo.runs.results.shown import query_of_proof
from gpo.runs.run import Run
from tasks.policy import opaque
from tasks.record import show_progress, tell
from tasks.telling.events import emit_told, run_finished
from tasks.telling.links import link_page
from tasks.telling.log import log_outcome
from tasks.telling.names import artifact_key

SHOWN = ["step", "candidate", "score", "n", "distance", "budget", "status", "instruction"]
"""Columns of the table artifact: as many as its page shows without scrolling."""


async def finish(run: Run, outcome: Outcome) -> None:
    """Keep the outcome, write the HTML report and publish the artifacts."""
    await _report(run, opaque(outcome))


@task(name="report", task_run_name="report {run.id}", cache_policy=NO_CACHE)
async def _report(run: Run, outcome: Outcome) -> str:
    await steps.finish(run, outcome)
    material = await gather_material(run, outcome)
    query = query_of_proof(run.key, outcome)
    path = await asyncio.to_thread(write_report, run.home, run.spec, outcome, material, lambda: run.results.each(query))
    key, headline = artifact_key(run.spec.name, "report"), findings.headline(outcome)
    said = f"{headline.claim}{headline.detail} Run {run.id}; the whole report: {path}"
    await tell(acreate_markdown_artifact(markdown_report(run.spec, outcome), key=key, description=said))
    page = artifact_key(run.spec.name, "page")
    await tell(link_page(run.id, shown=f"The whole report of {run.id}", key=page, description=said))
    rows, key = _candidates(outcome), artifact_key(run.spec.name, "candidates")
    await tell(acreate_table_artifact(rows, key=key, description=f"Candidates of {run.id}"))
    await show_progress(run, 100.0)
    log_outcome(outcome, str(path))
    emit_told(run_finished(outcome, str(path)))
    return str(path)


def _candidates(outcome: Outcome) -> list[dict[str, Any]]:
    # Without pandas: nothing else of a run needs it, and importing it takes seconds.
    return [{name: _rounded(getattr(row, name)) for name in SHOWN} for row in findings.candidate_rows(outcome)]


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
