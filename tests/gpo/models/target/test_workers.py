"""A program in processes of its own: whatever becomes of one, it is one failed call, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpo.errors import SpecError
from gpo.models.target import workers
from gpo.progress import Event, Note, listen
from gpo.records import Example, Score
from tests.gpo.models.target.test_target import EXAMPLES, Asked, spec_of
from tests.support.fakes import in_time
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow]

PATIENCE_S = 120

STARTED = """
import os, pathlib, subprocess, sys, time
PLACE = pathlib.Path(__file__).parent
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
for pid in (os.getpid(), child.pid):
    (PLACE / f"{pid}.pid").touch()
"""

FAULTY = (
    STARTED
    + """
import ctypes, gpo
def answer(question):
    print("by the way", input_is_empty := sys.stdin.read() == "")
    if question == "q1":
        os._exit(3)
    if question == "q2":
        ctypes.string_at(0)
    if question == "q3":
        gpo.record("tool", name="look", output="x")
        raise ValueError("no such page")
    gpo.record("model", input=seen(), output=question, input_tokens=5)
    return question
"""
)

HANGS = STARTED + "def answer(question):\n    time.sleep(1000)"

RUN = """
import signal, sys
from pathlib import Path
from tests.gpo.models.target.test_workers import score_of
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background is born deaf to it
score_of(Path(sys.argv[1]), open(sys.argv[2]).read(), timeout_s=900, max_concurrency=1)
"""


def isolated(folder: Path, code: str, **options: Any) -> Asked:
    target = {"isolate": True, "max_concurrency": 2, "timeout_s": 100, **options}
    return Asked(spec_of(folder, code, target=target, max_failure_rate=1.0))


def score_of(folder: Path, code: str, examples: Sequence[Example] = EXAMPLES, **options: Any) -> Score:
    asked = isolated(folder, code, **options)
    assert asked.target is not None

    async def scored() -> Score:
        try:
            return await asked.score(examples=examples)
        finally:
            await asked.target.aclose()  # type: ignore[union-attr]

    return in_time(scored(), 1000)


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody asks for is none."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()[:1] not in ("", "Z")


def started(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob("*.pid")]


def all_end(folder: Path) -> bool:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if not any(map(is_running, started(folder))):
            return True
    return False


def test_a_process_that_crashes_is_one_failed_call_and_another_goes_on(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    score = score_of(tmp_path, FAULTY)
    assert dict(score.values) == {"0": 1.0, "4": 1.0, "5": 1.0}
    said = dict(score.failures)
    assert "program:answer` failed: its process ended: it left with status 3" in said["1"]
    assert "it was ended by signal 11 (SIGSEGV)" in said["2"]
    assert "it raised ValueError: no such page" in said["3"]
    assert [call.name for call in score.failed_calls["3"]] == ["look"]
    sample = next(each for each in score.samples if each.example == "4")
    assert [(call.part, call.input, call.input_tokens) for call in sample.calls] == [("asks", "Say it.\n\n?", 5)]
    assert len(started(tmp_path)) >= 2 * 3, "two that crashed, and those that went on"
    assert all_end(tmp_path)
    shown = capfd.readouterr()
    assert (shown.out, "by the way True" in shown.err) == ("", True)


def test_one_that_hangs_is_ended_after_its_time(tmp_path: Path) -> None:
    score = score_of(tmp_path, HANGS, EXAMPLES[:2], timeout_s=0.2)
    assert score.failed == 2
    assert all("it took longer than `target.timeout_s`, 0.2 s" in reason for reason in score.failures.values())
    assert all_end(tmp_path)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_behind_when_the_run_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "code").write_text(HANGS, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(tmp_path), str(tmp_path / "code")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        end = time.monotonic() + PATIENCE_S
        while len(started(tmp_path)) < 2 and process.poll() is None and time.monotonic() < end:
            process.poll()
        assert len(started(tmp_path)) == 2
        process.send_signal(how)
        process.wait(PATIENCE_S)
        assert all_end(tmp_path)
    finally:
        process.kill()
        process.wait()


def test_one_that_takes_ever_more_memory_is_replaced_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "MOST_GROWTH", 50 * 1024**2)
    code = "import os\nKEPT = []\ndef answer(question):\n    KEPT.append(b'x' * 120_000_000)\n    return question"
    told: list[Event] = []
    # A process that is started by a large one has no part in its memory.
    assert bytearray(b"x") * 300_000_000
    with listen(told.append):
        score = score_of(tmp_path, code, EXAMPLES[:2], max_concurrency=1)
    assert score.mean == 1.0
    notes = [event.text for event in told if isinstance(event, Note)]
    assert [note.partition(" has taken ")[0] for note in notes] == ["A process of `program:answer`"]


def test_a_program_that_cannot_be_loaded_is_told_and_is_not_loaded_here(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"module `program` cannot be imported: ModuleNotFoundError: .*nowhere_at_all"):
        score_of(tmp_path, "import nowhere_at_all")
