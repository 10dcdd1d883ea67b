"""Exports of other tools that are no rows as they are: which format `gpo dataset import` reads them by."""

import json
import shlex
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from gpo.data.sources.encodings import detect_encoding
from gpo.data.sources.files import FileReading, ending_of, open_text
from gpo.data.sources.folders import read_file
from gpo.errors import DatasetError

_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("squad", ("title", "paragraphs")),
    ("openai-evals", ("item",)),
    ("openai-evals", ("datasource_item",)),
    ("mlflow", ("info", "data")),
    ("mlflow", ("trace_id", "assessments")),
    ("langsmith", ("run_type", "inputs")),
    ("langsmith", ("inputs", "outputs")),
    ("langfuse", ("input", "expectedOutput")),
    ("braintrust", ("input", "expected")),
    ("openai-chat", ("messages",)),
    ("openai-chat", ("conversations",)),
)
"""Formats by fields that a row of theirs has, the surest first."""

_NESTED = ("promptfoo", "squad")
"""Formats whose questions are no rows, however many of those there are."""

_MMLU_FIELDS = 6


def import_command(data: Path, name: str, *, has_rows: bool) -> str | None:
    """The commands that read a file which is the export of a tool; None where it is none that is known.

    Where it `has_rows` that could be read as they are, it is not for its format that it was refused.
    """
    form = _format_of(data) if data.is_file() else None
    if form is None or (has_rows and form not in _NESTED):
        return None
    rows = f"{name}-rows.jsonl"
    return f"gpo dataset import {form} {shlex.quote(str(data))} {rows} && gpo spec init {name} --data {rows}"


def _format_of(data: Path) -> str | None:
    try:
        reading = FileReading(detect_encoding(data).encoding)
        if ending_of(data) in (".yaml", ".yml", ".json") and _is_promptfoo(_whole(data, reading)):
            return "promptfoo"
        rows = [row for _, row in islice(read_file(data, reading), 1) if isinstance(row, Mapping)]
    except (DatasetError, OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    if not rows:
        return None
    first = rows[0]
    if ending_of(data) == ".csv" and len(first) == _MMLU_FIELDS and list(first)[-1].strip() in "ABCD":
        return "mmlu"
    return next((form for form, fields in _ROWS if all(field in first for field in fields)), None)


def _whole(data: Path, reading: FileReading) -> Any:
    with open_text(data, reading, newline="") as file:
        return json.load(file) if ending_of(data) == ".json" else yaml.safe_load(file)


def _is_promptfoo(content: Any) -> bool:
    if not isinstance(content, Mapping):
        return False
    results = content.get("results")
    return ("tests" in content and "prompts" in content) or (isinstance(results, Mapping) and "results" in results)
