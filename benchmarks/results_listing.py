"""How long it takes to keep and to list many results: `python -m benchmarks.results_listing [ROWS]`.

Rows are as those of a classification of reviews: an input of 400 characters, an answer of 200. Each listing is a
process of its own, as a person starts it: with the time that Python and its imports take.
"""

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gpo.database.engine import open_database
from gpo.records import Candidate, Example, Sample, Score, Scored
from gpo.runs.history import History, RunRow
from gpo.runs.results.result import results_of
from gpo.runs.results.store import Results

ROWS = 100_000
LABELS = ("positive", "negative")
LISTINGS = (
    ("--all", "--json"),
    ("--all",),
    ("--broken",),
    ("--wrong", "--limit", "20"),
    ("--json",),
    ("--csv", "results.csv"),
)


def fill(folder: Path, rows: int) -> float:
    """Keep the results of two prompts on `rows` test examples in the state folder; the seconds that this took."""
    rng = random.Random(0)
    words = ["good", "bad", "screen", "battery", "price", "never", "again", "service", "really", "light"]
    examples = [
        Example(id=f"r{n}", inputs={"review": " ".join(rng.choices(words, k=70))}, reference=rng.choice(LABELS))
        for n in range(rows)
    ]
    engine = open_database(f"sqlite:///{folder / 'gpo.db'}")
    history, results = History(engine), Results(engine)
    history.begin(RunRow(key="a" * 16, task="reviews", scope="s", started_at="2026-01-01T00:00:00", labels=LABELS))
    begun = time.perf_counter()
    for number, instruction in enumerate(("Judge.", "Judge the review.")):
        samples = [sample(each, rng) for each in examples]
        score = Score(values={each.example: each.value for each in samples}, planned=rows, samples=tuple(samples))
        candidate = Candidate(instruction=instruction, step=number)
        dev = Score(values={"d": float(number)}, planned=1)
        history.record("a" * 16, "s", [Scored(candidate=candidate, score=dev)])
        found = results_of(score, examples, "test", instruction)
        results.put("a" * 16, "test", candidate.id, found)
    taken = time.perf_counter() - begun
    engine.dispose()
    return taken


def sample(example: Example, rng: random.Random) -> Sample:
    """An answer that is right four times of five."""
    answer = example.reference if rng.random() < 0.8 else rng.choice(LABELS)
    text = f"The review speaks of several things, and on the whole I take it to be {answer}. " * 2 + f"Answer: {answer}"
    return Sample(example=example.id, text=text, answer=answer, value=float(answer == example.reference), seconds=0.5)


def cpu_seconds() -> float:
    """What the processes that have ended used: on a busy machine the time that passes says little."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS, help=f"results of each prompt, by default {ROWS:,}")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds, size = fill(folder, rows), (folder / "gpo.db").stat().st_size / 1e6
        print(f"kept {2 * rows:,} results in {seconds:.1f} s, {size:.0f} MB")
        environment = {**os.environ, "GPO_HOME": str(folder), "PYTHONPATH": str(Path(__file__).parents[1])}
        for options in LISTINGS:
            command = [sys.executable, "-m", "flows.cli.entry", "results", "reviews", *options]
            begun, used = time.perf_counter(), cpu_seconds()
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=True)
            taken, used = time.perf_counter() - begun, cpu_seconds() - used
            lines, size = done.stdout.count(b"\n"), len(done.stdout) / 1e6
            print(f"{taken:6.2f} s, {used:5.2f} s of CPU  {lines:>8,} lines, {size:6.1f} MB  {' '.join(options)}")


if __name__ == "__main__":
    main()
