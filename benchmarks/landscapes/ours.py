"""Runs our own search in a world: the library's plain loop, as `gpo optimize` has it, with any options."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import yaml

from benchmarks.landscapes.client import Client
from benchmarks.landscapes.world import World
from gpo.models.client import Connection
from gpo.models.ledger import Answer
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.template import Message


def run_ours(world: World, client: Client, *, seed: int, budget: int, options: Mapping[str, Any], quick: bool) -> str:
    """The best prompt of a search with these options of `optimizer`, or of whole sections: `{"optimizer": {...}}`.

    Examples that it shows stand behind its instruction.

    `quick`: what the library sends to a model goes to the client one call after the other, past LangChain and the SDK
    of OpenAI, which take most of the time of a run where answers come at once. All else is the same.
    """
    wire = patch.object(Connection, "invoke", _ask_by(client)) if quick else nullcontext()
    with tempfile.TemporaryDirectory() as folder, wire:
        spec = write_spec(Path(folder), world, client, seed=seed, budget=budget, options=options)
        outcome = asyncio.run(optimize(load_job(spec, home=Path(folder) / "state")))
    best = outcome.best.candidate
    examples = [outcome.shown[name] for name in best.shown]
    shown = [text for each in examples for text in (str(each.inputs["message"]), each.reference)]
    return "\n".join([best.instruction, *shown])


def _ask_by(client: Client) -> Callable[..., Awaitable[Answer]]:
    async def invoke(connection: Any, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Answer:
        del parameters
        sent = [{"role": message.role, "content": message.text} for message in messages]
        [text] = client.ask(connection.client.model, sent)
        asked = sum(len(message.text) for message in messages)
        return Answer(text=text, input_tokens=asked // 4, output_tokens=len(text) // 4 + 1, seconds=0.0)

    return invoke


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
    for name, part in sections.items():
        content[name] = {**content.get(name, {}), **part} if isinstance(part, Mapping) else part
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
