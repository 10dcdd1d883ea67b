"""A task of 48 examples whose model is a server that a test lets fail, and what its evaluation leaves behind."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from gpo.progress import Event, Note, listen
from gpo.runs.score import InstructionScore, score_instruction
from tests.support.fault_server import Call, FaultServer, Sent, completion

Spec = Callable[..., Path]
EXAMPLES = 48
CONCURRENCY = 8
GOOD = 12
"""Calls that are answered well before a fault begins: the check before the start is among them."""


def answered(call: Call) -> Sent:
    """Right for every other example."""
    number = int(call.text.split()[0])
    return completion(f"The answer is {number if number % 2 else number + 1}.")


def write(folder: Path, server: FaultServer, **changes: Any) -> Path:
    """A spec for a server: 48 dev examples, of which two may fail."""
    rows = [{"q": f"{number} is which number?", "a": str(number)} for number in range(EXAMPLES + 12)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = {
        "model": "openai:m",
        "base_url": server.url,
        "max_retries": 2,
        "timeout_s": 4,
        "max_concurrency": CONCURRENCY,
    }
    split = {"train": 6, "dev": EXAMPLES, "test": 6}
    content = {
        "name": "numbers",
        "prompt": {"instruction": "Say it.", "messages": [{"user": "{{q}}\n{{instruction}}"}]},
        "dataset": {"path": "rows.jsonl", "input": "q", "reference": "a", "split": split},
        "answer": {"kind": "number"},
        "metric": "exact_match",
        "models": {"task": {**model, **changes.pop("task", {})}},
        **changes,
    }
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def evaluated(path: Path, notes: list[str] | None = None, *, fresh: bool = False) -> InstructionScore:
    def hear(event: Event) -> None:
        if notes is not None and isinstance(event, Note):
            notes.append(event.text)

    with listen(hear):
        return asyncio.run(asyncio.wait_for(score_instruction(path, None, "dev", fresh=fresh), 60))


def kept(path: Path) -> list[str]:
    """The texts in the ledger."""
    database = path.parent / ".gpo" / "gpo.db"
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM calls")]
