"""Examples scored in other processes: a block is cut into chunks, and each is scored with models that are opened there.

Answers, claims and limits are in the database, which all processes share; so an answer is bought once, and what a
process has bought that dies is not lost. What a run comes to does not depend on who has scored what.
"""

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import pairwise
from pathlib import Path

from gpo.database.engine import open_state
from gpo.errors import GpoError, TooManyFailures
from gpo.evaluation.evaluate import score_block
from gpo.evaluation.scores import add_scores
from gpo.models.ask import BlockOfCalls
from gpo.models.clients.call_notes import calls_about, current_subject
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models, with_target
from gpo.models.sharing import Tally, anew_since, ask_anew, current_shared, share_answers, share_tallies, tallies
from gpo.progress import Answered, Event, Note, emit, listen
from gpo.records import Example, Score
from gpo.runs.job import Job
from gpo.settings import Settings
from gpo.spec.task import TaskSpec

LEAST = 8
"""Examples of a chunk, if a block has as many: to Prefect, each is a task run."""
MOST = 64
"""Examples of a chunk at most: when a run is stopped, chunks that are out have seconds to come home."""
HOME_S = 60.0
"""How long a step that has failed waits for its chunks that are out."""


@dataclass(frozen=True)
class Chunk:
    """All that another process needs to score an instruction on some examples."""

    spec: TaskSpec
    settings: Settings
    home: Path
    instruction: str
    demonstrations: tuple[Example, ...]
    block: tuple[Example, ...]
    offset: int
    allowed: int
    since: str
    subject: Mapping[str, str | int]
    sets: frozenset[frozenset[str]]


@dataclass(frozen=True)
class ScoredChunk:
    """What came of it; with an `error` there is no score, but what it took has to be counted all the same."""

    score: Score | None
    error: GpoError | None
    asked: int
    failures: tuple[GpoError, ...]
    counts: Mapping[str, Tally]
    events: tuple[Event, ...]
    sets: frozenset[frozenset[str]]


async def score_sent(sent: bytes) -> bytes:
    """Score a chunk that another process has sent; the answer is for that process."""
    return pickle.dumps(await score_chunk(pickle.loads(sent)))  # noqa: S301 - our own; the way is its sender's alone


async def score_chunk(chunk: Chunk) -> ScoredChunk:
    """Score a chunk with models that are opened for it."""
    inquiry = BlockOfCalls(chunk.block, offset=chunk.offset, allowed=chunk.allowed)
    heard, sets = _Heard(), chunk.sets
    score = error = None
    with ask_anew(fresh=False, since=chunk.since), share_answers(), share_tallies(), listen(heard):
        counts = tallies()
        try:
            async with AsyncExitStack() as stack:
                engine = stack.enter_context(open_state(chunk.settings, chunk.home))
                ledger = await stack.enter_async_context(aclosing(Ledger(engine)))
                opened = await stack.enter_async_context(open_models(chunk.spec.models, chunk.settings, ledger))
                models = await stack.enter_async_context(with_target(opened, chunk.spec))
                if models.target is not None:
                    models.target.sets |= chunk.sets
                with calls_about(**chunk.subject):
                    score = await score_block(models, chunk.spec, chunk.instruction, chunk.demonstrations, inquiry)
                sets = frozenset(models.target.sets) if models.target is not None else sets
        except GpoError as caught:
            error = caught
    return ScoredChunk(score, error, inquiry.asked, tuple(inquiry.failures), counts, heard.events, sets)


@dataclass
class _Heard:
    """What was told in a process, in few words: numbers of answers, and each note once."""

    answers: dict[bool, int] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Answered):
            self.answers[event.paid] = self.answers.get(event.paid, 0) + event.count
        elif isinstance(event, Note):
            self.notes[event.text] = event

    @property
    def events(self) -> tuple[Event, ...]:
        return (*(Answered(paid=paid, count=count) for paid, count in self.answers.items()), *self.notes.values())


class ChunkSender:
    """Scores blocks of a run elsewhere: `send` brings a pickled chunk to another process, and its answer back."""

    def __init__(self, send: Callable[[bytes], Awaitable[bytes]], job: Job, models: Models, workers: int) -> None:
        """For a run's job and models; each worker has a chunk and one that waits for it, and none more is out."""
        self._send, self._job, self._models, self._workers = send, job, models, workers
        self._slots = asyncio.Semaphore(2 * workers)
        self._told: set[str] = set()

    async def __call__(
        self, spec: TaskSpec, instruction: str, demonstrations: Sequence[Example], inquiry: BlockOfCalls
    ) -> Score:
        """The score of an instruction on a block, put together of its chunks.

        Raises:
            TooManyFailures: more failed than the inquiry allows.
            WorkerError: a process died more than once on the same chunk, or none can be reached.
        """
        target = self._models.target
        whole = Chunk(
            spec=spec,
            settings=self._job.settings,
            home=self._job.home,
            instruction=instruction,
            demonstrations=tuple(demonstrations),
            block=tuple(inquiry.block),
            offset=inquiry.offset,
            allowed=inquiry.allowed - len(inquiry.failures),
            since=anew_since(),
            subject=current_subject(),
            sets=frozenset() if target is None else frozenset(target.sets),
        )
        scores = await self._score_all(cut(whole, self._workers), inquiry)
        joined = reduce(add_scores, scores)
        return joined.model_copy(update={"planned": len(inquiry.block)})

    async def _score_all(self, chunks: Sequence[Chunk], inquiry: BlockOfCalls) -> list[Score]:
        """The scores of all chunks; after a failure none more is sent, and those that are out come home first.

        What they have bought is paid for, and has to be counted.
        """
        failed = asyncio.Event()
        tasks = [asyncio.create_task(self._score(each, inquiry, failed)) for each in chunks]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            failed.set()
            await asyncio.wait(tasks, timeout=HOME_S)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
        if errors:
            raise errors[0]
        return [score for task in tasks if (score := task.result()) is not None]

    async def _score(self, chunk: Chunk, inquiry: BlockOfCalls, failed: asyncio.Event) -> Score | None:
        """The score of a chunk; None where another one has failed before this one was sent."""
        sent = await asyncio.to_thread(pickle.dumps, chunk)
        async with self._slots, current_shared().in_flight.call():
            if failed.is_set():
                return None
            scored: ScoredChunk = pickle.loads(await self._send(sent))  # noqa: S301 - as above
        self._count(scored)
        inquiry.asked += scored.asked
        inquiry.failures.extend(scored.failures)
        if isinstance(scored.error, TooManyFailures) or len(inquiry.failures) > inquiry.allowed:
            raise inquiry.too_many() from scored.error
        if scored.score is None:
            raise scored.error or ValueError("a chunk came back with neither a score nor an error")
        return scored.score

    def _count(self, scored: ScoredChunk) -> None:
        """Count what another process has paid as if it had been paid here, and tell what was told there."""
        for model in (self._models.task, self._models.judge):
            model.tally.add(scored.counts[model.role])
        if self._models.target is not None:
            self._models.target.sets |= scored.sets
        for event in scored.events:
            if isinstance(event, Note):
                if event.text in self._told:
                    continue
                self._told.add(event.text)
            emit(event)


def cut(whole: Chunk, workers: int) -> list[Chunk]:
    """A chunk in even parts: one for each worker, or more where these were too large, or fewer where too small."""
    total = len(whole.block)
    parts = max(1, min(max(workers, -(-total // MOST)), total // LEAST))
    edges = [total * number // parts for number in range(parts + 1)]
    return [replace(whole, block=whole.block[begin:end], offset=whole.offset + begin) for begin, end in pairwise(edges)]
