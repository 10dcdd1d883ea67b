"""How much memory `gpo optimize` takes on many examples: `python -m benchmarks.memory [ROWS]`, by default 100,000.

The rows are those of `examples/synthetic`, made anew; the models are synthetic, one step of two proposals. Once with
splits of the usual size, so that the rows alone are many, and once with a test split of a tenth of them. Told is the
peak of the command's own process, without the Prefect server. A child's peak begins with that of its parent, so this
one loads nothing.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = 100_000
SPEC = Path(__file__).parents[1] / "examples" / "synthetic" / "spec.yaml"
MAKE = "import sys; from gpo.models.synthetic.task import dataset; print(dataset(int(sys.argv[1])), end='')"


def write_spec(folder: Path, test: int) -> Path:
    """The spec of the example with one step and another size of its test split."""
    text = SPEC.read_text()
    for old, new in (
        ("test: 144}", f"test: {test}}}"),
        ("max_steps: 8", "max_steps: 1"),
        ("candidates: 6", "candidates: 2"),
    ):
        if old not in text:
            raise SystemExit(f"{SPEC}: expected '{old}'")
        text = text.replace(old, new)
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def measure(folder: Path, *command: str) -> tuple[float, float]:
    """Peak of a command in MB, and its seconds."""
    begun = time.monotonic()
    environment = {**os.environ, "GPO_HOME": str(folder / "state"), "GPO_PREFECT_IDLE_S": "0"}
    child = subprocess.Popen(
        [sys.executable, "-m", "flows.cli.entry", *command],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"gpo {' '.join(command)} ended with {child.returncode}: {said.decode()[-2000:]}")
    return used.ru_maxrss / 1024, time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    rows = parser.parse_args().rows
    found = []
    for few, test in ((400, 144), (rows, 144), (rows, rows // 10)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with (folder / "questions.jsonl").open("wb") as out:
                subprocess.run([sys.executable, "-c", MAKE, str(few)], stdout=out, check=True)
            size = (folder / "questions.jsonl").stat().st_size / 1e6
            peak, seconds = measure(folder, "optimize", str(write_spec(folder, test)))
            found.append([f"{few:,}", f"{size:.0f}", f"{test:,}", f"{peak:.0f}", f"{seconds:.0f}"])
            print(found[-1], file=sys.stderr, flush=True)
    from benchmarks.tables import markdown_table  # noqa: PLC0415 - after the measurement

    print(markdown_table(["rows", "MB of the file", "test split", "peak MB", "seconds"], found))


if __name__ == "__main__":
    main()
