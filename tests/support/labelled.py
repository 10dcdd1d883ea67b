"""Rows, specs of datasets, and splits, for tests."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gpo.records import Example, Splits
from gpo.spec.task import TaskSpec

YES_NO = {"kind": "choice", "labels": ["yes", "no"]}
Load = Callable[..., Splits]


def spec_for(path: Path, sizes: Sequence[int] = (2, 2, 2), answer: Any = None, **dataset: Any) -> TaskSpec:
    """A spec for a file of rows with the fields `question` and `label`; `sizes` are of train, dev and test."""
    train, dev, test = sizes
    fields = {"input": "question", "reference": "label", "split": {"train": train, "dev": dev, "test": test}, **dataset}
    return TaskSpec.model_validate(
        {
            "name": "task",
            "prompt": {"instruction": "Answer.", "messages": [{"user": "{{instruction}}"}]},
            "dataset": {"path": path, **fields},
            "answer": answer or {},
        }
    )


def write_rows(path: Path, rows: Iterable[Any]) -> Path:
    """Write a JSONL file."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(count: int, label: Callable[[int], object] = str) -> list[dict[str, object]]:
    """Rows that differ."""
    return [{"question": f"question {number}", "label": label(number)} for number in range(count)]


def ids(examples: Iterable[Example]) -> set[str]:
    """The ids of examples."""
    return {example.id for example in examples}


def questions(examples: Iterable[Example]) -> set[str]:
    """What examples ask."""
    return {example.inputs["question"] for example in examples}


def parts(splits: Splits) -> tuple[tuple[Example, ...], ...]:
    """Train, dev and test."""
    return splits.train, splits.dev, splits.test
