"""How long commands take before they do something: to the first paid call, and where there is nothing to do.

`python -m benchmarks.startup --rounds 3`: `gpo optimize` on a model server of this program, with a fresh state folder,
with one whose Prefect server still runs (of the same prompt, whose answers are there, and of another), and once more
with nothing left to do; then commands that read little. CPU is that of the command's own process, without the Prefect
server: on a busy machine it says more than the clock.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks import interruptions
from benchmarks.interruptions import Model, serving, write_spec
from benchmarks.tables import markdown_table

GPO = [sys.executable, "-m", "flows.cli.entry"]
READING = (["--help"], ["presets"], ["results", "--help"])
CHECK = 8 + 1
"""Calls of the check: the start prompt on eight examples, and a word of the optimizer model."""


ROWS = Path(__file__).parents[1] / "examples" / "synthetic" / "questions.jsonl"

FROM_PYTHON = """
import time
begun = time.perf_counter()
import json, sys
import gpo
from gpo.progress import Began, listen
rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
def heard(event):
    if isinstance(event, Began) and event.phase == "step 1/1":
        print(time.perf_counter() - begun, time.process_time(), flush=True)
with listen(heard):
    gpo.optimize(
        prompt="{{question}}\\n\\nSolve the problem.", data=rows, reference="answer", metric="exact_match",
        sizes=(40, 48, 200), task={"model": "synthetic:task", "max_concurrency": 64},
        optimizer="synthetic:optimizer", method={"preset": "minibatch", "max_steps": 1},
    )
"""


class Took(NamedTuple):
    """Seconds by the clock, and of the processor."""

    seconds: float
    cpu: float


class Timed(Model):
    """Notes when each call came, and what processor time the command had taken by then."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[Took] = []
        self.began, self.command = 0.0, 0

    def answer(self, body: dict[str, object]) -> str:
        self.times.append(Took(time.monotonic() - self.began, cpu_of(self.command)))
        return super().answer(body)


def cpu_of(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def took(command: list[str], model: Timed) -> Took:
    model.times.clear()
    model.began = time.monotonic()
    process = subprocess.Popen([*GPO, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    model.command = process.pid
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"gpo {' '.join(command)} ended with {process.returncode}")
    return Took(time.monotonic() - model.began, used.ru_utime + used.ru_stime)


def from_python(home: Path) -> Took:
    """From the start of Python to the first step of a search with synthetic models."""
    done = subprocess.run(
        [sys.executable, "-c", FROM_PYTHON, str(ROWS)],
        env={**os.environ, "GPO_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    seconds, cpu = map(float, done.stdout.split())
    return Took(seconds, cpu)


def optimize(spec: Path, seed: int, model: Timed) -> dict[str, Took]:
    """To the first call, to the first that is not the check's, and to the end."""
    end = took(["optimize", str(spec), "--seed", str(seed)], model)
    first = {}
    if len(model.times) > CHECK:
        first = {"first call": model.times[0], "first call of the search": model.times[CHECK]}
    return {**first, "end": end}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ |= {"OPENAI_API_KEY": "not-needed", "GPO_PREFECT_IDLE_S": "60", "NO_PROXY": "127.0.0.1"}
    interruptions.LATENCY_S = 0.0
    found: dict[str, list[Took]] = {}

    def note(what: str, spent: Took) -> None:
        found.setdefault(what, []).append(spent)
        print(f"{what}: {spent.seconds:.2f} s, {spent.cpu:.2f} s CPU", file=sys.stderr, flush=True)

    model = Timed()
    with serving(model) as url, tempfile.TemporaryDirectory() as place:
        for number in range(rounds):
            (folder := Path(place) / str(number)).mkdir()
            spec = write_spec(folder, url)
            other = folder / "other.yaml"
            other.write_text(spec.read_text().replace("Is it good?", "Is it fine?"))
            runs = {
                "cold": (spec, 1),
                "another seed": (spec, 2),
                "another prompt": (other, 2),
                "nothing to do": (spec, 2),
            }
            for name, (path, seed) in runs.items():
                for what, spent in optimize(path, seed, model).items():
                    note(f"optimize, {name}: {what}", spent)
            for command in READING:
                note(f"gpo {' '.join(command)}", took(command, model))
            note("gpo.optimize in Python: first step", from_python(folder / "python"))
            stop(folder / ".gpo")
    head = ["what", "seconds", "least", "CPU s", "least CPU s"]
    print(markdown_table(head, [[what, *summary(spent)] for what, spent in found.items()]))


def summary(spent: list[Took]) -> list[str]:
    """Medians and least values of some rounds."""
    return [f"{choose(part):.2f}" for part in zip(*spent, strict=True) for choose in (statistics.median, min)]


def stop(home: Path) -> None:
    """End the Prefect server of a state folder."""
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads((home / "prefect-server.json").read_text())["pid"], signal.SIGTERM)


if __name__ == "__main__":
    main()
