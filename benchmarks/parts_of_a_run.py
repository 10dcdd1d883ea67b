"""What the parts of a run cost in processor time, which other work hardly changes: a call, a chunk, a look at slots.

`python -m benchmarks.parts_of_a_run`: examples scored by a model server of this program and scored again from the
ledger; the same in chunks, each with a database and models of its own, as workers do; and looks at shared slots.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import NamedTuple

from benchmarks.tables import markdown_table
from benchmarks.throughput import SLOTS, serving
from flows.cli.entry import collect_seldom
from gpo.database.engine import open_database
from gpo.evaluation.evaluate import evaluate
from gpo.models.claims.slots import ShareOfSlots
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models
from gpo.records import Example
from gpo.runs.job import Job
from gpo.runs.spread.chunks import MOST, ChunkSender, score_sent
from gpo.settings import Settings
from gpo.spec.task import TaskSpec

CALLS = 1024
LOOKS = 200


class Cost(NamedTuple):
    """Processor time of the process, in milliseconds, for each of so many."""

    what: str
    milliseconds: float


def spec_of(url: str) -> TaskSpec:
    model = {"model": "openai:mock", "base_url": url, "max_concurrency": SLOTS}
    return TaskSpec.model_validate(
        {
            "name": "parts",
            "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{instruction}}\n\n{{text}}"}]},
            "dataset": {"path": "none.jsonl", "input": "text", "reference": "label"},
            "answer": {"kind": "choice", "labels": ["positive", "negative"]},
            "models": {"task": model, "optimizer": model, "embedding": "synthetic:words"},
        }
    )


def examples(first: int, count: int) -> list[Example]:
    text = "The room was clean, the breakfast was cold, and nobody could say when the bus leaves. " * 10
    return [
        Example(id=str(each), inputs={"text": f"Review {each}: {text}"}, reference="positive")
        for each in range(first, first + count)
    ]


async def of_calls(folder: Path, url: str) -> list[Cost]:
    spec, found = spec_of(url), []

    async def scored(models: Models, given: list[Example], sender: ChunkSender | None = None) -> None:
        score = await evaluate(models.task, spec, "Is it good?", given, elsewhere=sender)
        assert score.n == len(given)

    async def add(what: str, count: int, work: Callable[[], object]) -> None:
        began = time.process_time()
        await work()  # type: ignore[misc]
        found.append(Cost(what, 1000 * (time.process_time() - began) / count))
        print(found[-1], flush=True)

    async with AsyncExitStack() as stack:
        engine = open_database(f"sqlite:///{folder / 'gpo.db'}")
        stack.callback(engine.dispose)
        ledger = await stack.enter_async_context(aclosing(Ledger(engine)))
        models = await stack.enter_async_context(open_models(spec.models, Settings(), ledger))
        await scored(models, examples(0, 64))
        given = examples(64, CALLS)
        await add("an example, answered by a server", CALLS, lambda: scored(models, given))
        await add("the same again, from the ledger", CALLS, lambda: scored(models, given))
        # Each chunk in this process, so that its time is counted here.
        sender = ChunkSender(score_sent, Job(spec, folder, Settings()), models, 1)
        for size in (MOST, MOST // 4):
            chunks = CALLS // size
            what = f"a chunk of {size} examples, answered before"
            await add(what, chunks, lambda size=size: _in_chunks(models, spec, given, sender, size))  # type: ignore[misc]
        share, other = (ShareOfSlots(engine, "parts", SLOTS) for _ in range(2))
        other.hold(other.aim(SLOTS // 2))
        began = time.process_time()
        for _ in range(LOOKS):
            share.hold(share.aim(SLOTS // 2))
        found.append(Cost(f"a look at {SLOTS} slots that two share", 1000 * (time.process_time() - began) / LOOKS))
    size = (folder / "gpo.db").stat().st_size
    print(f"the database has {size / (CALLS + 64):.0f} bytes an answer, of messages of 900 characters")
    return found


async def _in_chunks(models: Models, spec: TaskSpec, given: list[Example], sender: ChunkSender, size: int) -> None:
    for begin in range(0, len(given), size):
        part = given[begin : begin + size]
        score = await evaluate(models.task, spec, "Is it good?", part, elsewhere=sender)
        assert score.n == size


def main() -> None:
    collect_seldom()  # as the command does
    rounds = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder, serving(0.02) as url:
            rounds.append(asyncio.run(of_calls(Path(folder), url)))
    rows = [
        [costs[0].what, f"{statistics.median(cost.milliseconds for cost in costs):.2f}"]
        for costs in zip(*rounds, strict=True)
    ]
    print(markdown_table(["what", "CPU ms"], rows))


if __name__ == "__main__":
    main()
