"""At the end of a comparison: its files, and what the Prefect UI shows of it."""

import asyncio
import base64

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE

from gpo.comparison import Comparison
from gpo.comparison_files import PICTURE, write_files
from gpo.comparison_page import comparison_markdown
from gpo.comparison_plan import Plan
from gpo.comparison_plot import INSTALL
from gpo.comparison_tables import cells_table

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
