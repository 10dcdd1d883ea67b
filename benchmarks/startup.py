"""How long commands take before they do something: to the first paid call, and where there is nothing to do.

`python -m benchmarks.startup --rounds 3`: `gpo optimize` on a model server of this program, with a fresh state folder,
with one whose Prefect server still runs, and once more with nothing left to do; then commands that read little.
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

from benchmarks import interruptions
from benchmarks.interruptions import Model, serving, write_spec
from benchmarks.tables import markdown_table

GPO = [sys.executable, "-m", "flows.cli.entry"]
READING = (["--help"], ["presets"], ["results", "--help"])


class Timed(Model):
    """Remembers when each call came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def answer(self, body: dict[str, object]) -> str:
        self.times.append(time.monotonic())
        return super().answer(body)


def took(command: list[str]) -> float:
    began = time.monotonic()
    subprocess.run([*GPO, *command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def optimize(spec: Path, seed: int, model: Timed) -> dict[str, float]:
    """Seconds to the first call of the check, to the first that is not the check's, and to the end."""
    began, before = time.monotonic(), len(model.times)
    end = took(["optimize", str(spec), "--seed", str(seed)])
    check = 8 + 1  # the start prompt on eight examples, and a word of the optimizer model
    times = [each - began for each in model.times[before:]]
    first = {"first call": times[0], "first call of the search": times[check]} if len(times) > check else {}
    return {**first, "end": end}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ |= {"OPENAI_API_KEY": "not-needed", "GPO_PREFECT_IDLE_S": "60", "NO_PROXY": "127.0.0.1"}
    interruptions.LATENCY_S = 0.0
    found: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        found.setdefault(what, []).append(seconds)
        print(f"{what}: {seconds:.2f}", file=sys.stderr, flush=True)

    model = Timed()
    with serving(model) as url, tempfile.TemporaryDirectory() as place:
        for number in range(rounds):
            (folder := Path(place) / str(number)).mkdir()
            spec = write_spec(folder, url)
            for name, seed in (("cold", 1), ("warm", 2), ("nothing to do", 2)):
                for what, seconds in optimize(spec, seed, model).items():
                    note(f"optimize, {name}: {what}", seconds)
            for command in READING:
                note(f"gpo {' '.join(command)}", took(command))
            stop(folder / ".gpo")
    print(markdown_table(["what", "seconds"], [[w, f"{statistics.median(s):.2f}"] for w, s in found.items()]))


def stop(home: Path) -> None:
    """End the Prefect server of a state folder."""
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(json.loads((home / "prefect-server.json").read_text())["pid"], signal.SIGTERM)


if __name__ == "__main__":
    main()
