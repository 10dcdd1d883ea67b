"""Chunks of a block, sent and scored: together they come to what one process comes to, and cost what it would."""

import asyncio
import pickle
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpo.database.engine import open_database
from gpo.errors import GpoError, TooManyFailures, WorkerError
from gpo.evaluation.evaluate import evaluate
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models
from gpo.progress import Answered, Event, listen
from gpo.records import Example, Score
from gpo.runs.job import Job
from gpo.runs.spread.chunks import LEAST, MOST, Chunk, ChunkSender, cut, score_sent
from gpo.settings import Settings
from gpo.spec.task import TaskSpec
from tests.support.drawn import at_most
from tests.support.endpoint import Reply, Request, serving
from tests.support.fakes import in_time

EXAMPLES = [Example(id=f"e{i}", inputs={"text": f"thing {i % 30}"}, reference=("no", "yes")[i % 2]) for i in range(40)]
"""Ten of them ask what another asks."""
WORKERS = 3


def spec_of(url: str, **changes: Any) -> TaskSpec:
    model = {"model": "openai:x", "base_url": url, "max_retries": 0, "max_concurrency": 4}
    return TaskSpec.model_validate(
        {
            "name": "task",
            "prompt": {"instruction": "Is it?", "messages": [{"user": "{{text}} {{instruction}}"}]},
            "dataset": {"path": "none.jsonl", "input": "text", "reference": "label"},
            "answer": {"kind": "choice", "labels": ["yes", "no"]},
            "models": {"task": model, "optimizer": model, "embedding": "synthetic:words"},
            **changes,
        }
    )


def scored(
    home: Path,
    spec: TaskSpec,
    *,
    elsewhere: bool,
    examples: Sequence[Example] = EXAMPLES,
    send: Callable[[bytes], Awaitable[bytes]] = score_sent,
) -> tuple[Score | GpoError, Models]:
    """A score of a new prompt, or why there is none, and the models that were asked, with their tallies."""

    async def run() -> tuple[Score | GpoError, Models]:
        async with AsyncExitStack() as stack:
            engine = open_database(f"sqlite:///{home / 'gpo.db'}")
            stack.callback(engine.dispose)
            ledger = await stack.enter_async_context(aclosing(Ledger(engine)))
            models = await stack.enter_async_context(open_models(spec.models, Settings(), ledger))
            sender = ChunkSender(send, Job(spec, home, Settings()), models, WORKERS)
            try:
                found: Score | GpoError = await evaluate(
                    models.task,
                    spec,
                    "Is it?",
                    examples,
                    kept=len(examples),
                    elsewhere=sender if elsewhere else None,
                )
            except GpoError as error:
                found = error
            return found, models

    return in_time(run(), 60)


def right(request: Request) -> str:
    number = int(request.text.split()[1])
    return "what?" if number % 7 == 0 else ("no", "yes")[number % 2]


def untimed(score: object) -> dict[str, Any]:
    assert isinstance(score, Score), score
    samples = [sample.model_dump(exclude={"seconds"}) for sample in score.samples]
    return {**score.model_dump(exclude={"timing", "samples"}), "samples": samples}


@pytest.mark.slow
def test_other_processes_come_to_the_same_score_and_buy_each_answer_once(tmp_path: Path) -> None:
    heard = Counter[bool]()

    def hear(event: Event) -> None:
        if isinstance(event, Answered):
            heard[event.paid] += event.count

    with serving(right) as endpoint:
        spec = spec_of(endpoint.url)
        with listen(hear):
            there, models = scored(tmp_path / "there", spec, elsewhere=True)
        assert endpoint.calls == 30
        assert (models.task.tally.paid, models.task.tally.input_tokens) == (30, 300)
        assert heard.total() == len(EXAMPLES)
        here, _ = scored(tmp_path / "here", spec, elsewhere=False)
        assert untimed(there) == untimed(here)
        again, models = scored(tmp_path / "there", spec, elsewhere=True)
        assert untimed(again) == untimed(here)
        assert models.task.tally.paid == 0


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [0.05, 0.5])
def test_calls_that_fail_there_count_as_here(tmp_path: Path, allowed: float) -> None:
    def answer(request: Request) -> Reply | str:
        return Reply("no", status=400) if "thing 1" in request.text else right(request)

    with serving(answer) as endpoint:
        spec = spec_of(endpoint.url, max_failure_rate=allowed)
        (there, models), (here, _) = (
            scored(tmp_path / name, spec, elsewhere=name == "there") for name in ("there", "here")
        )
    if allowed == 0.5:
        assert untimed(there) == untimed(here)
        assert models.task.tally.failed == 12  # two chunks asked one of them: what failed is nobody's answer
    else:
        assert isinstance(there, TooManyFailures)
        assert f"of {len(EXAMPLES)} calls failed, more than max_failure_rate still allows (2)" in str(there)


@pytest.mark.slow
def test_what_others_have_bought_is_counted_though_one_fails(tmp_path: Path) -> None:
    out = asyncio.Event()
    sent_to: list[int] = []

    async def send(sent: bytes) -> bytes:
        chunk: Chunk = pickle.loads(sent)
        sent_to.append(chunk.offset)
        if len(sent_to) == WORKERS:
            out.set()
        await out.wait()
        if chunk.offset == 0:
            raise WorkerError("its process died")
        return await score_sent(sent)

    with serving(right) as endpoint:
        found, models = scored(tmp_path, spec_of(endpoint.url), elsewhere=True, send=send)
        assert isinstance(found, WorkerError)
        assert models.task.tally.paid == endpoint.calls > 0
    assert len(sent_to) == WORKERS


def chunk(examples: int) -> Chunk:
    return Chunk(
        spec=spec_of("http://127.0.0.1:9/v1"),
        settings=Settings(),
        home=Path("nowhere"),
        instruction="Is it?",
        demonstrations=(),
        block=tuple(EXAMPLES[0].model_copy(update={"id": str(number)}) for number in range(examples)),
        offset=100,
        allowed=0,
        since="",
        subject={},
        sets=frozenset(),
    )


@settings(max_examples=at_most(30))
@given(st.integers(1, 140), st.integers(1, 9))
def test_chunks_are_even_parts_of_the_whole_in_its_order(examples: int, workers: int) -> None:
    whole = chunk(examples)
    parts = cut(whole, workers)
    assert sum((part.block for part in parts), start=()) == whole.block
    assert [part.offset - 100 for part in parts] == [int(part.block[0].id) for part in parts]
    sizes = [len(part.block) for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= MOST
    assert min(sizes) >= min(LEAST, examples)
    assert len(parts) >= min(workers, examples // LEAST)
