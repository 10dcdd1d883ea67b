"""How many answers of real models can be read, and what is read: the numbers of docs/results/answers.md.

    python benchmarks/answer_extraction.py OUTPUTS DATA [--sample 100 --seed 1]

OUTPUTS is a folder of JSONL files, one model answer a line, with `task` (the folder of DATA that its question comes
from), `input`, `text` and `finish` ("length" where the token limit cut the answer off). DATA is a folder of datasets
in GPO's layout, `TASK/test.jsonl` with `input` and `target` or `output`. With --sample, parsed answers are drawn at
random and printed in full, to be judged by a reader.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from gpo.scoring.answers import parse_answer
from gpo.scoring.spec import AnswerSpec

KINDS = {
    "bbh/boolean_expressions": "boolean",
    "bbh/navigate": "boolean",
    "bbh/sports_understanding": "boolean",
    "bbh/object_counting": "number",
    "gsm8k": "number",
    "bbh/word_sorting": "list",
}
"""The tasks that are not a choice among lettered options."""
FREE_TEXT = {"webnlg"}


class Read(NamedTuple):
    row: dict[str, Any]
    answer: str | None

    @property
    def cut(self) -> bool:
        return bool(self.row["finish"] == "length")


def answer_spec(task: str, data: Path) -> AnswerSpec:
    if task in KINDS:
        return AnswerSpec(kind=KINDS[task])
    rows = [json.loads(line) for line in (data / task / "test.jsonl").read_text("utf-8").splitlines()]
    references = {row.get("target") or row["output"] for row in rows}
    labels = sorted(reference for reference in references if len(reference) == 3)
    return AnswerSpec(kind="choice", labels=tuple(labels))


def read_all(outputs: Path, data: Path) -> list[Read]:
    files = sorted(outputs.glob("*.jsonl"))
    rows = [json.loads(line) for file in files for line in file.read_text("utf-8").split("\n") if line]
    rows = [row for row in rows if row["task"] not in FREE_TEXT]
    specs = {task: answer_spec(task, data) for task in sorted({row["task"] for row in rows})}
    return [
        Read(row, parse_answer(row["text"], specs[row["task"]], row["input"], cut=row["finish"] == "length"))
        for row in rows
    ]


def rates(reads: Iterable[Read]) -> str:
    groups: dict[str, list[Read]] = {}
    for read in reads:
        groups.setdefault(read.row["task"], []).append(read)
        groups.setdefault("all", []).append(read)
    lines = ["| task | outputs | unparsed | cut off | whole outputs | unparsed of these |", "|---|---|---|---|---|---|"]
    for task, found in sorted(groups.items(), key=lambda group: (group[0] == "all", group[0])):
        whole = [read for read in found if not read.cut]
        lines.append(
            f"| {task} | {len(found)} | {_share(found)} | {len(found) - len(whole)} | {len(whole)} | {_share(whole)} |"
        )
    return "\n".join(lines)


def _share(reads: list[Read]) -> str:
    unparsed = sum(read.answer is None for read in reads)
    return f"{unparsed} ({unparsed / len(reads):.1%})" if reads else "0"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outputs", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sample", type=int, default=0, help="parsed answers to print in full")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--unparsed", action="store_true", help="print the whole outputs that could not be read")
    given = parser.parse_args()
    reads = read_all(given.outputs, given.data)
    sys.stdout.write(f"{rates(reads)}\n")
    shown = [read for read in reads if read.answer is None and not read.cut] if given.unparsed else []
    parsed = [read for read in reads if read.answer is not None]
    shown += random.Random(given.seed).sample(parsed, min(given.sample, len(parsed)))
    for read in shown:
        question = read.row["input"]
        sys.stdout.write(f"\n=== {read.row['task']} -> {read.answer}\n{question}\n---\n{read.row['text']}\n")


if __name__ == "__main__":
    main()
