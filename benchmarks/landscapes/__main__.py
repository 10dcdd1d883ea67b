"""Compares methods where the true quality of every prompt is known: `run` adds results to a file, `table` shows them.

    python -m benchmarks.landscapes run --ours gpo='{"preset": "gpo"}' --seeds 0:40 --budget 400 --out results.jsonl
    python -m benchmarks.landscapes run --peer gepa --peers-python PATH --seeds 1000:1100 --out peers.jsonl
    python -m benchmarks.landscapes table results.jsonl peers.jsonl --reference gpo

Seeds 0 to 99 are for choosing, 1000 to 1099 for reporting. The code of the library is that of the working directory.
The peers' packages are in an environment of their own: `uv venv PATH; uv pip install --python PATH/bin/python -r
benchmarks/landscapes/peers.txt`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.landscapes.families import FAMILIES
from benchmarks.landscapes.runner import list_runs, read_lines, run_all
from benchmarks.landscapes.tables import make_tables, only_common

PEERS = ("gepa", "copro", "miprov2", "capo", "evoprompt", "opro")


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    given = _parser().parse_args(arguments)
    if given.command == "table":
        lines = read_lines(given.files)
        lines = [line for line in lines if not given.budget or line["budget"] in given.budget]
        print(make_tables(only_common(lines) if given.common else lines, given.reference, given.by), end="")
        return 0
    if given.inside:
        runs = list_runs(dict.fromkeys(given.peer), given.family, given.seeds, given.budget)
        run_all(runs, given.out, given.jobs, quick=given.quick)
        return 0
    if given.ours:
        runs = list_runs(dict(given.ours), given.family, given.seeds, given.budget)
        run_all(runs, given.out, given.jobs, quick=given.quick)
    return _run_peers(given.peers_python, arguments) if given.peer else 0


def _run_peers(python: Path | None, arguments: Sequence[str]) -> int:
    """The same command in the peers' environment."""
    if python is None or not python.exists():
        print(f"skipped: {python or 'no --peers-python'}; make it as `--help` says", file=sys.stderr)
        return 0
    command = [str(python), "-m", "benchmarks.landscapes", *arguments, "--inside"]
    return subprocess.run(command, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.landscapes",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run methods and keep their results")
    run.add_argument(
        "--ours", action="append", type=_named_options, default=[], metavar="NAME=JSON", help="options of `optimizer`"
    )
    run.add_argument("--peer", action="append", choices=PEERS, default=[], help="a method of another package")
    run.add_argument("--seeds", type=_seeds, default=range(40), metavar="FROM:TO")
    run.add_argument("--budget", type=_numbers, default=[400], metavar="N,N", help="calls of the task model")
    run.add_argument(
        "--family",
        type=_family,
        default="all",
        help=f"all (in turn), every (all for each seed), or some of {', '.join(FAMILIES)}",
    )
    run.add_argument("--jobs", type=int, default=1, help="processes")
    run.add_argument(
        "--out", type=Path, default=Path("landscapes.jsonl"), help="what is there already, is not run again"
    )
    run.add_argument("--quick", action="store_true", help="no server where none is needed: several times as fast")
    run.add_argument("--peers-python", type=Path, help="the Python of the environment with the peers' packages")
    run.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    table = commands.add_parser("table", help="show results as Markdown")
    table.add_argument("files", type=Path, nargs="+")
    table.add_argument("--reference", default="gpo")
    table.add_argument("--budget", type=_numbers, default=[])
    table.add_argument("--by", choices=("family", "skill"))
    table.add_argument("--common", action="store_true", help="only worlds in which every method has a result")
    return parser


def _named_options(text: str) -> tuple[str, dict[str, Any]]:
    name, _, options = text.partition("=")
    try:
        read = json.loads(options or json.dumps({"preset": name}))
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"{options!r} is no JSON: {error}") from None
    if not isinstance(read, dict):
        raise argparse.ArgumentTypeError(f"{options!r} must be an object of options")
    return name, read


def _seeds(text: str) -> range:
    first, colon, end = text.partition(":")
    return range(int(first), int(end) if colon else int(first) + 1)


def _family(text: str) -> str:
    if unknown := set(text.split(",")) - {"all", "every", *FAMILIES}:
        raise argparse.ArgumentTypeError(f"no such family: {', '.join(sorted(unknown))}; see --help")
    return text


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
