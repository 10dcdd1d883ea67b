"""`gpo optimize` and `gpo demo`: the check, the flow, and what they print."""

import asyncio
import shutil
from pathlib import Path

from rich.console import Console

from flows.display import Display, print_outcome
from flows.environment import prepare
from flows.printing import print_json
from flows.speaking import say
from flows.starting import start_prefect
from gpo.conclusion import report_path
from gpo.errors import InputError
from gpo.outcome import Outcome
from gpo.preflight import preflight
from gpo.progress import listening
from gpo.report import summary_json
from gpo.run import Place, place_of
from gpo.tally import counting_together


def run_optimization(spec: Path, seed: int | None, *, as_json: bool, ui: bool, verbose: bool) -> None:
    """Improve a spec's prompt and print what came of it; `ui` sends the run to a Prefect server with pages.

    Raises:
        InputError: what is wrong with the spec, the data or the models; nothing was run.
    """
    place = place_of(spec, seed)
    errors = Console(stderr=True)
    prepare(place.home, verbose=verbose)
    with counting_together(), Display(errors) as display, listening(display):
        outcome = asyncio.run(_checked_and_optimized(place, spec, seed, ui=ui))
    report = str(report_path(place.home, outcome.run_id))
    if as_json:
        print_json(summary_json(outcome, report))
    else:
        print_outcome(Console(), place.spec, outcome, report)


async def _checked_and_optimized(place: Place, spec: Path, seed: int | None, *, ui: bool) -> Outcome:
    """The check and the run in one event loop: model clients are shared in a process, and bound to their first loop."""
    await preflight(place)
    await start_prefect(place.home, ui=ui)
    # Prefect reads its environment, which is complete now, as it is imported.
    from flows.optimize import optimize_prompt  # noqa: PLC0415

    return await optimize_prompt(spec, seed)


def example(name: str) -> Path:
    """The spec of a bundled example: in place in a clone, else copied to the working folder once.

    Raises:
        InputError: no such example.
    """
    here = Path(__file__).resolve().parent.parent
    for folder, in_place in ((here / "examples" / name, True), (here / "gpo" / "examples" / name, False)):
        if not (folder / "spec.yaml").exists():
            continue
        if in_place:
            return folder / "spec.yaml"
        target = Path.cwd() / name
        if not target.exists():
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns(".gpo"))
            say(f"Copied the example to {target}")
        return target / "spec.yaml"
    raise InputError(f"no example named {name} is installed")
