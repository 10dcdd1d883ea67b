"""Tables of results in Markdown: test scores of each task, and differences to a reference method, paired by seed."""

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Any

from benchmarks.tables import group_by_method, markdown_table, told_interval

Line = Mapping[str, Any]


def make_tables(lines: Sequence[Line], reference: str) -> str:
    """A table for each task and one for all, and the prompts that were found."""
    good = [line for line in lines if "error" not in line]
    parts = []
    for task in dict.fromkeys(line["task"] for line in good):
        parts += [f"## {task}", _table([line for line in good if line["task"] == task], reference)]
    parts += ["## All tasks", _table(good, reference), "## Prompts that were found"]
    for line in sorted(good, key=lambda line: (line["task"], line["method"], line["seed"])):
        prompt = " ".join(line["prompt"].split())
        parts.append(f"- {line['task']}, {line['method']}, seed {line['seed']}, {line['test']:.3f}: {prompt}")
    if failed := len(lines) - len(good):
        parts.append(f"{failed} runs ended with an error and are left out.")
    return "\n\n".join(parts) + "\n"


def _table(lines: Sequence[Line], reference: str) -> str:
    by_method = group_by_method(lines, "task", "seed")
    base = by_method.get(reference, {})
    rows = sorted((_row(method, own, base, reference) for method, own in by_method.items()), key=lambda row: row[2])
    heads = ["method", "runs", "test, mean", "median", "least", "most", f"less {reference} (95%)", "task calls"]
    return markdown_table(heads, rows[::-1])


def _row(method: str, own: Mapping[Any, Line], base: Mapping[Any, Line], reference: str) -> list[str]:
    scores = [line["test"] for line in own.values()]
    pairs = [line["test"] - base[key]["test"] for key, line in own.items() if key in base]
    difference = told_interval(pairs) if method != reference else ""
    found = [mean(scores), median(scores), min(scores), max(scores)]
    calls = mean(line["task_calls"] for line in own.values())
    return [method, str(len(own)), *(f"{score:.3f}" for score in found), difference, f"{calls:.0f}"]
