"""Compares methods on real tasks with real local models, at equal calls of the task model.

    python -m benchmarks.real_models run DATA --task-model FILE.gguf --optimizer-model FILE.gguf --peers-python PATH \
        --methods minibatch,gepa,copro --tasks topic,desks --seeds 0:5 --out results.jsonl
    python -m benchmarks.real_models table results.jsonl

DATA is a folder of datasets in GPO's layout. A result that is in the file is not made again; `start` and `written`
are the prompt that all begin with and one that a person wrote. A preset of ours goes by its name.
The peers' packages: `uv venv PATH; uv pip install --python PATH/bin/python -r benchmarks/landscapes/peers.txt`.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_models.runner import run_all
from benchmarks.real_models.tables import make_tables
from benchmarks.real_models.tasks import TASKS


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    given = _parser().parse_args(arguments)
    if given.command == "table":
        lines = [json.loads(line) for file in given.files for line in file.read_text("utf-8").splitlines()]
        print(make_tables(lines, given.reference), end="")
        return
    asyncio.run(run_all(given))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real_models",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run methods and keep their results")
    run.add_argument("data", type=Path)
    run.add_argument("--task-model", required=True, help="a .gguf file, or local:NAME")
    run.add_argument("--optimizer-model", required=True)
    run.add_argument("--methods", type=_names, default=["minibatch"], metavar="NAME,NAME")
    run.add_argument("--tasks", type=_tasks, default=list(TASKS), metavar="NAME,NAME", help=f"of {', '.join(TASKS)}")
    run.add_argument("--seeds", type=_seeds, default=range(5), metavar="FROM:TO")
    run.add_argument("--budget", type=int, default=400, help="calls of the task model")
    run.add_argument("--out", type=Path, default=Path("real-models.jsonl"))
    run.add_argument("--kept", type=Path, help="answers of the task model; beside the results if not given")
    run.add_argument("--peers-python", type=Path, help="the Python of the environment with the peers' packages")
    table = commands.add_parser("table", help="show results as Markdown")
    table.add_argument("files", type=Path, nargs="+")
    table.add_argument("--reference", default="minibatch")
    return parser


def _names(text: str) -> list[str]:
    return text.split(",")


def _tasks(text: str) -> list[str]:
    if unknown := set(text.split(",")) - set(TASKS):
        raise argparse.ArgumentTypeError(f"no such task: {', '.join(sorted(unknown))}; there are {', '.join(TASKS)}")
    return text.split(",")


def _seeds(text: str) -> range:
    first, colon, end = text.partition(":")
    return range(int(first), int(end) if colon else int(first) + 1)


if __name__ == "__main__":
    main(sys.argv[1:])
