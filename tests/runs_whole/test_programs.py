"""An application that knows only `load_prompt`: optimised, promoted, read while it runs, rolled back; and killed."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from gpo.production.decide import decide
from gpo.production.decision_log import open_production
from gpo.production.starting_point import find_starting_point, job_from_champion
from gpo.runs.job import Job, load_job
from gpo.runs.optimize import optimize
from gpo.runs.outcome import Outcome, all_scored
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow]

PATIENCE_S = 300
AT_ONCE = 8
APPLICATION = ROOT / "tests" / "programs"

COUNTED = """
from pathlib import Path
from sums.pipeline import answer as unchanged

async def answer(question):
    with Path(__file__).with_name("log").open("a") as log:
        log.write(question + "\\n")
    return await unchanged(question)
"""

RUN = (
    "import sys; from tests.runs_whole.test_programs import run_of; from pathlib import Path; run_of(Path(sys.argv[1]))"
)

RUNNING = """
import sys
from gpo import load_prompt
for _ in sys.stdin:
    print(repr([load_prompt(name).format(question="") for name in ("sums-solve", "sums-check")]), flush=True)
"""


def part(instruction: str) -> dict[str, str]:
    return {"instruction": instruction, "question": "{{question}}", "description": "the number that is left"}


def task(folder: Path, target: object) -> Path:
    spec = {
        "name": "sums",
        "target": target,
        "prompts": {"sums-solve": part("Solve the problem."), "sums-check": part("Solve the problem.")},
        "dataset": {
            "path": str(ROOT / "examples" / "synthetic" / "questions.jsonl"),
            "input": "question",
            "reference": "answer",
            "split": {"train": 16, "dev": 24, "test": 72},
        },
        "answer": {"kind": "number"},
        "models": {"optimizer": "synthetic:optimizer", "embedding": "local:wordllama"},
        "optimizer": {"max_steps": 4, "candidates": 3, "parts": "all"},
        "seed": 8,
    }
    folder.mkdir(exist_ok=True)
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
    return folder / "spec.yaml"


def counted_task(folder: Path) -> Path:
    """A task whose program notes each of its runs."""
    path = task(folder, "counted:answer")
    shutil.copytree(APPLICATION / "sums", folder / "sums")
    (folder / "counted.py").write_text(COUNTED, encoding="utf-8")
    return path


def ran(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


def run_of(spec: Path) -> Outcome:
    return asyncio.run(optimize(load_job(spec, home=spec.parent / "state")))


def course(outcome: Outcome) -> list[tuple[str, float]]:
    """Every scored candidate in order, with its score; how long the answers took is another thing each time."""
    return [(item.candidate.instruction, item.score.mean) for item in all_scored(outcome)]


def texts(job: Job, outcome: Outcome) -> dict[str, str]:
    return job.spec.texts_of(outcome.best.candidate.instruction)


@dataclass
class Running:
    """The application in a process of its own."""

    process: "subprocess.Popen[str]"

    def prompts(self) -> str:
        """Both prompts as it would send them now."""
        assert self.process.stdin
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        return self.process.stdout.readline()

    def comes_to(self, wanted: dict[str, str]) -> bool:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if all(text in self.prompts() for text in wanted.values()):
                return True
        return False


@contextmanager
def running(home: Path) -> Iterator[Running]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GPO_HOME": str(home), "GPO_PROMPT_REFRESH_S": "0.1"}
    with subprocess.Popen(
        [sys.executable, "-c", RUNNING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield Running(process)
        finally:
            process.kill()


def test_an_application_is_optimised_promoted_and_rolled_back_without_a_changed_line(tmp_path: Path) -> None:
    job = load_job(
        task(tmp_path, {"call": "sums.pipeline:answer", "folder": str(APPLICATION)}), home=tmp_path / "state"
    )
    with open_production(job.settings, job.home) as production:
        beginning = find_starting_point(job, production)
        begun = job_from_champion(job, beginning)
        with running(job.home) as application:
            before = dict.fromkeys(job.spec.prompts, "Solve the problem.")
            assert application.comes_to(before)
            outcome = asyncio.run(optimize(begun, splits=beginning.splits))
            assert outcome.best_test.mean > outcome.start_test.mean
            decision = decide(begun, beginning, outcome, production, flow_run=None, report="")
            assert decision.status == "promoted"
            assert application.comes_to(texts(job, outcome))
            production.registry.rollback("sums", who="ada", why="complaints")
            assert application.comes_to(before)
        assert find_starting_point(job, production).settled is not None, "a person has decided against it"


def test_a_run_of_a_program_that_is_killed_pays_nothing_twice(tmp_path: Path) -> None:
    whole, killed = (counted_task(tmp_path / name) for name in ("whole", "killed"))
    undisturbed = run_of(whole)
    all_runs = ran(whole.parent)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", RUN, str(killed)], env=environment, start_new_session=True)
    try:
        end = time.monotonic() + PATIENCE_S
        while ran(killed.parent) < all_runs // 2 and process.poll() is None and time.monotonic() < end:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = ran(killed.parent)
    resumed = run_of(killed)
    assert course(resumed) == course(undisturbed)
    assert all_runs <= ran(killed.parent) <= all_runs + AT_ONCE
    assert before < all_runs, "it was killed too late to show anything"
