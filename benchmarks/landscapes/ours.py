"""Runs our own search in a world: the library's plain loop, as `gpo optimize` has it, with any options."""

import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.landscapes.client import Client
from benchmarks.landscapes.world import World
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize


def run_ours(world: World, client: Client, seed: int, budget: int, options: Mapping[str, Any]) -> str:
    """The best prompt of a search with these options of `optimizer`, or of whole sections: `{"optimizer": {...}}`."""
    with tempfile.TemporaryDirectory() as folder:
        spec = write_spec(Path(folder), world, client, seed=seed, budget=budget, options=options)
        outcome = asyncio.run(optimize(load_job(spec, home=Path(folder) / "state")))
    return outcome.best.candidate.instruction


def write_spec(
    folder: Path, world: World, client: Client, *, seed: int, budget: int, options: Mapping[str, Any]
) -> Path:
    """The spec of a world and its data."""
    for part in ("train", "dev", "test"):
        rows = [{"id": f"{item.id}", "message": item.text, "label": item.reference} for item in world.part(part)]
        (folder / f"{part}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    sections = options if options.keys() & {"optimizer", "budget", "few_shot"} else {"optimizer": options}
    content: dict[str, Any] = {
        "name": "landscape",
        "seed": seed,
        "prompt": {
            "description": "the label of a message",
            "instruction": world.start,
            "messages": [{"system": "{{instruction}}"}, {"user": "{{message}}"}],
        },
        "dataset": {
            "path": ".",
            "input": "message",
            "reference": "label",
            "id": "id",
            "split": {part: len(world.part(part)) for part in ("train", "dev", "test")},
        },
        "answer": {"kind": "choice", "labels": list(world.labels)},
        "metric": "exact_match",
        "models": {
            role: {"model": f"openai:{role}", "base_url": client.base_url(role), "max_concurrency": 16}
            for role in ("task", "optimizer")
        },
        "budget": {"max_task_calls": budget},
    }
    content |= {name: {**content.get(name, {}), **dict(part)} for name, part in sections.items()}
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
