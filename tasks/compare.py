"""The task `publish`, at the end of a comparison: writes its files and shows its report in the Prefect UI."""

import asyncio
import base64

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from gpo.comparison.plan import Plan
from gpo.comparison.results import Comparison
from gpo.comparison.tables import cells_table
from gpo.report.comparison import PICTURE, comparison_markdown, write_files
from gpo.report.curves import INSTALL

SHOWN = ["task", "arm", "seed", "dev", "test", "gain", "task_calls", "cost", "wall_s", "error"]
"""Columns of the table artifact: as many as its page shows without scrolling."""


@task(name="publish", task_run_name="publish {comparison.id}", cache_policy=NO_CACHE)
async def publish(plan: Plan, comparison: Comparison) -> str:
    """Write the files of a comparison and publish its report and its table; returns the folder of the files."""
    written = await asyncio.to_thread(write_files, plan.folder, comparison)
    picture = written.get(PICTURE)
    address = f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}" if picture else None
    key = f"comparison-{comparison.id}"
    text = comparison_markdown(comparison, address, note=INSTALL)
    await acreate_markdown_artifact(text, key=key, description=comparison.title)
    rows = (await asyncio.to_thread(cells_table, comparison))[SHOWN].astype(object)
    shown = [
        {str(name): value for name, value in row.items()}
        for row in rows.where(rows.notna(), None).to_dict(orient="records")
    ]
    await acreate_table_artifact(shown, key=f"{key}-runs", description=f"Runs of {comparison.title}")
    return str(plan.folder)
