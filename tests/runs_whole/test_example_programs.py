"""The examples of programs, each on its whole course: improved, proved, promoted, read while it runs, taken back."""

import asyncio
import runpy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from gpo.models.target.load import load_program
from gpo.production.decide import decide
from gpo.production.decision_log import open_production
from gpo.production.starting_point import find_starting_point, job_from_champion
from gpo.prompts import load as loader
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.spec.file import load_spec
from tests.support.paths import EXAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


class Asked(NamedTuple):
    """What somebody asks an example's program, and what stands in a right answer."""

    example: str
    question: str
    right: str


ASKED = [
    Asked("rag-answer", "The Clock Tower was lovely. So: what do I pay to get in at the Bell Foundry?", "16"),
    Asked("support-agent", "My customer number is 20177. In how many days will my order 6092 be here?", "30."),
    Asked("ticket-triage", "The parcel came in time. The chair wobbles. Could you mend it? I paid by card.", "fault"),
]
"""Nothing of it stands in the data."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder from which `load_prompt` reads."""
    monkeypatch.setenv("GPO_HOME", str(tmp_path / "state"))
    held = loader._LOADERS.pop(None, None)
    yield tmp_path / "state"
    if (used := loader._LOADERS.pop(None, None)) is not None:
        used.close()
    if held is not None:
        loader._LOADERS[None] = held


def answer(example: Path, question: str) -> str:
    """What the application says now, in this process, which has its prompts in memory."""
    if (held := loader._LOADERS.get(None)) is not None:
        assert held.refresh()
    spec = load_spec(example / "spec.yaml")
    assert spec.target
    given = dict.fromkeys(spec.dataset.input, question)
    program = load_program(spec.target, list(given))
    said = program.run(**given) if program.by_name else program.run(given)
    return str(asyncio.run(said)) if asyncio.iscoroutine(said) else str(said)


@pytest.mark.parametrize("asked", ASKED, ids=[each.example for each in ASKED])
def test_an_example_is_improved_promoted_read_and_taken_back(asked: Asked, tmp_path: Path, state: Path) -> None:
    example = tmp_path / asked.example
    shutil.copytree(EXAMPLES / asked.example, example, ignore=shutil.ignore_patterns(".gpo", "__pycache__"))
    job = load_job(example / "spec.yaml", home=state)
    with open_production(job.settings, job.home) as production:
        beginning = find_starting_point(job, production)
        begun = job_from_champion(job, beginning)
        before = answer(example, asked.question)
        assert asked.right not in before
        outcome = asyncio.run(optimize(begun, splits=beginning.splits))
        assert outcome.gain.low > 0, "on the locked split"
        assert decide(begun, beginning, outcome, production, flow_run=None, report="").status == "promoted"
        assert asked.right in answer(example, asked.question)
        production.registry.rollback(job.spec.prompt_name, who="ada", why="complaints")
        assert answer(example, asked.question) == before


@pytest.mark.parametrize("example", [each.example for each in ASKED])
def test_the_data_of_an_example_is_what_its_script_makes(example: str, tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / example / "make_data.py", tmp_path)
    runpy.run_path(str(tmp_path / "make_data.py"), run_name="__main__")
    made = {path.name: path.read_bytes() for path in tmp_path.glob("*.jsonl")}
    assert made
    assert made == {path.name: path.read_bytes() for path in (EXAMPLES / example).glob("*.jsonl")}
