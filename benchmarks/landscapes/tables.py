"""Tables of results in Markdown: means, and differences to a reference method, paired by world."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.tables import group_by_method, markdown_table, told_interval

Line = Mapping[str, Any]


def make_tables(lines: Sequence[Line], reference: str, by: str | None = None) -> str:
    """A table for each budget, best first; `by` has one for each family or skill as well."""
    good = [line for line in lines if "error" not in line]
    parts = []
    for budget in sorted({line["budget"] for line in good}):
        own = [line for line in good if line["budget"] == budget]
        parts += [f"## {budget:,} calls", _table(own, reference)]
        for value in sorted({line[by] for line in own}) if by else []:
            parts += [f"### {by}: {value}", _table([line for line in own if line[by] == value], reference)]
    if len(versions := {line["study"] for line in good}) > 1:
        parts.append(f"These results are of {len(versions)} versions of the study and do not belong together.")
    if failed := len(lines) - len(good):
        parts.append(f"{failed} runs ended with an error and are left out.")
    return "\n\n".join(parts) + "\n"


def _table(lines: Sequence[Line], reference: str) -> str:
    by_method = group_by_method(lines, "family", "seed")
    base = by_method.get(reference, {})
    rows = [_row(method, own, base if method != reference else {}) for method, own in by_method.items()]
    heads = [
        "method",
        "worlds",
        "true quality",
        f"less {reference} (95%)",
        "pairs",
        "best tried",
        "start",
        "calls",
        "prompts",
        "words",
    ]
    return markdown_table(heads, sorted(rows, key=lambda row: row[2], reverse=True))


def _row(method: str, own: Mapping[Any, Line], base: Mapping[Any, Line]) -> list[str]:
    pairs = [own[world]["quality"] - base[world]["quality"] for world in own if world in base]

    def mean_of(name: str) -> float:
        return float(np.mean([line[name] for line in own.values()]))

    return [
        method,
        str(len(own)),
        f"{mean_of('quality'):.3f}",
        told_interval(pairs),
        str(len(pairs) or ""),
        f"{mean_of('best_tried'):.3f}",
        f"{mean_of('start'):.3f}",
        f"{mean_of('task_calls'):,.0f}",
        f"{mean_of('tried'):.0f}",
        f"{mean_of('words'):.0f}",
    ]


def only_common(lines: Iterable[Line]) -> list[Line]:
    """The lines of worlds in which every method of the same budget has a result."""
    given = [line for line in lines if "error" not in line]
    methods: dict[int, set[str]] = {}
    done: dict[tuple[int, str, int], set[str]] = {}
    for line in given:
        methods.setdefault(line["budget"], set()).add(line["method"])
        done.setdefault((line["budget"], line["family"], line["seed"]), set()).add(line["method"])
    return [line for line in given if done[line["budget"], line["family"], line["seed"]] == methods[line["budget"]]]
