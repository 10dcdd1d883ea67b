"""`gpo optimize` and `gpo demo`: the check, the flow, and what they print."""

import asyncio
import shutil
from pathlib import Path

from rich.console import Console

from flows.cli.console import print_error, print_json
from flows.cli.display.run import Display, print_outcome
from flows.stack.environment import prepare
from flows.stack.ui import start_prefect
from gpo.errors import InputError
from gpo.models.sharing import counting_together, paying_once
from gpo.progress import listening
from gpo.report.run_html import report_path
from gpo.report.run_json import summary_json
from gpo.runs.job import Job, load_job
from gpo.runs.outcome import Outcome
from gpo.runs.preflight import preflight


def run_optimization(spec: Path, seed: int | None, *, as_json: bool, ui: bool, verbose: bool) -> None:
    """Improve a spec's prompt and print what came of it; `ui` sends the run to a Prefect server with pages.

    Raises:
        InputError: what is wrong with the spec, the data or the models; nothing was run.
    """
    job = load_job(spec, seed)
    errors = Console(stderr=True)
    prepare(job.home, verbose=verbose)
    with counting_together(), paying_once(), Display(errors) as display, listening(display):
        outcome = asyncio.run(_checked_and_optimized(job, spec, seed, ui=ui))
    report = str(report_path(job.home, outcome.run_id))
    if as_json:
        print_json(summary_json(outcome, report))
    else:
        print_outcome(Console(), job.spec, outcome, report)


async def _checked_and_optimized(job: Job, spec: Path, seed: int | None, *, ui: bool) -> Outcome:
    """The check and the run in one event loop: model clients are shared in a process, and bound to their first loop."""
    await preflight(job)
    await start_prefect(job.home, ui=ui)
    # Prefect reads its environment, which is complete now, as it is imported.
    from flows.optimize import optimize_prompt

    return await optimize_prompt(spec, seed)


def example(name: str) -> Path:
    """The spec of a bundled example: in place in a clone, else copied to the working folder once.

    Raises:
        InputError: no such example.
    """
    here = Path(__file__).resolve().parents[3]
    for folder, in_place in ((here / "examples" / name, True), (here / "gpo" / "examples" / name, False)):
        if not (folder / "spec.yaml").exists():
            continue
        if in_place:
            return folder / "spec.yaml"
        target = Path.cwd() / name
        if not target.exists():
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".gpo"))
            print_error(f"Copied the example to {target}")
        return target / "spec.yaml"
    raise InputError(f"no example named {name} is installed")
