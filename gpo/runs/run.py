"""Opens a run: database, models and search index together, and the key under which its work is found again."""

import math
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import cached_property
from time import monotonic
from typing import NamedTuple
from uuid import UUID

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.evaluation.few_shot import candidate_of, demonstrations_of, showable
from gpo.gate.paired_scores import in_groups
from gpo.models.client import open_embedding
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models, with_target
from gpo.models.sharing import anew_since
from gpo.progress import Note, emit
from gpo.records import Candidate, Example, Split, Splits, content_hash
from gpo.runs.history import History
from gpo.runs.job import Checked, Job, run_id, run_key
from gpo.runs.results.store import Results
from gpo.search.edit import ProposalFilter, texts_of_example
from gpo.search.memory.trajectory import Scope, Trajectory, open_trajectory
from gpo.spec.search.objectives import bounds_of
from gpo.spec.task import TaskSpec


class Run:
    """What one run works with, open until its context ends.

    `key` is the same for the same spec, data and code: a run that died and its repetition share it. Not a dataclass:
    Prefect would walk through all examples of one at every task that it is passed to.
    """

    def __init__(
        self,
        *,
        key: str,
        checked: Checked,
        scope: Scope,
        models: Models,
        trajectory: Trajectory,
        history: History,
        results: Results,
    ) -> None:
        self.key = key
        self.checked = checked
        self.spec = checked.spec
        self.fingerprint = checked.job.spec.fingerprint()
        self.job = checked.job
        self.home = checked.job.home
        self.looks = checked.job.looks
        self.splits = checked.splits
        self.opened = monotonic()
        self.progress: UUID | None = None
        """The artifact that shows how far the run is, where there is one."""
        self.scope = scope
        self.models = models
        self.trajectory = trajectory
        self.history = history
        self.results = results
        self.screen = open_screen(self.spec, self.splits)
        self._tested = in_groups(self.splits.test)
        # What was train text once may be a test example now.
        safe = (text for text in checked.job.earlier if not (self.screen.leaks(text) or self.screen.copies(text)))
        self.earlier = tuple(
            self.start.model_copy(update={"instruction": text, "number": number})
            for number, text in enumerate(safe, start=1)
        )

    @property
    def id(self) -> str:
        """Readable name: task and the start of the key."""
        return run_id(self.spec, self.key)

    @property
    def start(self) -> Candidate:
        """The instruction that the spec starts from, and what it shows where that is searched for."""
        return candidate_of(self.spec, self.spec.start_text, self.checked.demonstrations)

    @cached_property
    def showable(self) -> Mapping[str, Example]:
        """The examples that may be shown before a question, by id."""
        return showable(self.splits)

    def shown(self, candidate: Candidate) -> tuple[Example, ...]:
        """The demonstrations of a candidate."""
        return demonstrations_of(self.spec, candidate, self.checked.demonstrations, self.showable)

    def may_show(self, example: Example) -> bool:
        """Whether an example repeats none of dev and test."""
        return may_show(self.screen, example)

    def may_change(self, candidate: Candidate) -> bool:
        """Whether a search may give a candidate other examples: it shows some, or there are some to show."""
        return self.spec.optimizer.searches_demonstrations and (bool(candidate.shown) or self._shows_any)

    @cached_property
    def _shows_any(self) -> bool:
        return any(map(self.may_show, self.showable.values()))

    def examples(self, split: Split) -> Sequence[Example]:
        """The examples of one split, in their fixed order; those of the test split by group, where they have groups."""
        return {"train": self.splits.train, "dev": self.splits.dev, "test": self._tested}[split]

    def rng(self, step: int, purpose: str) -> random.Random:
        """Randomness of one part of one step, from the spec's seed alone."""
        return step_rng(self.spec.seed, step, purpose)


def open_screen(spec: TaskSpec, splits: Splits) -> ProposalFilter:
    """What turns proposals away that repeat an example or break the contract of the spec."""
    return ProposalFilter(
        (*splits.dev, *splits.test),
        allowed=_known(spec),
        shown=splits.train,
        labels=spec.answer.labels,
        frame="\n".join(_messages(spec)),
        parts=tuple(spec.program),
        texts=spec.texts,
        most_words=bounds_of(spec.optimizer.objectives).get("words", math.inf),
    )


def may_show(screen: ProposalFilter, example: Example) -> bool:
    """Whether an example repeats none of those that a screen guards."""
    return not any(map(screen.leaks, texts_of_example(example)))


def _known(spec: TaskSpec) -> str:
    """What the spec itself says of the task, which every instruction may say as well."""
    starts = (part.instruction for part in spec.parts.values())
    return "\n".join([*starts, *_messages(spec), *spec.answer.labels])


def _messages(spec: TaskSpec) -> list[str]:
    """The texts of the messages around the instructions."""
    return [message.text for part in spec.parts.values() for message in part.template]


def step_rng(seed: int, step: int, purpose: str) -> random.Random:
    """Randomness of one part of one step, the same for every run with the seed."""
    return random.Random(f"{seed}/{step}/{purpose}")  # noqa: S311 - sampling, not secrets


class Opened(NamedTuple):
    """The models of a run and what its database holds: enough to score a prompt."""

    models: Models
    history: History
    results: Results


@asynccontextmanager
async def open_answers(checked: Checked) -> AsyncIterator[Opened]:
    """The models and the database of a run, without its trajectory.

    Raises:
        StateError: the database cannot be used.
    """
    job = checked.job
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(open_state(job.settings, job.home))
        ledger = await stack.enter_async_context(aclosing(Ledger(engine)))
        models = await stack.enter_async_context(open_models(checked.spec.models, job.settings, ledger))
        models = await stack.enter_async_context(with_target(models, checked.spec))
        yield Opened(models, History(engine), Results(engine))


@asynccontextmanager
async def open_run(checked: Checked) -> AsyncIterator[Run]:
    """Open database, ledger, models and trajectory; bring the trajectory up to what the database knows.

    Raises:
        StateError: the state folder or a shared service cannot be used.
    """
    job, spec, splits = checked.job, checked.spec, checked.splits
    key = run_key(job.spec, splits, job.earlier, anew_since())
    async with AsyncExitStack() as stack:
        models, history, results = await stack.enter_async_context(open_answers(checked))
        scope = trajectory_scope(spec, splits, models.embedding_identity)
        trajectory = await stack.enter_async_context(
            open_trajectory(
                scope,
                job.settings,
                job.home,
                models.embed,
                on_wait=lambda: emit(Note(WAITING)),
                parts=tuple(spec.program),
            )
        )
        known = history.scored(key)
        if await trajectory.count(key) < len(known):
            await trajectory.add(key, known)
        yield Run(
            key=key,
            checked=checked,
            scope=scope,
            models=models,
            trajectory=trajectory,
            history=history,
            results=results,
        )


WAITING = "another run holds the trajectory of this state folder; waiting for it to end"


def trajectory_scope(spec: TaskSpec, splits: Splits, embedding_identity: str) -> Scope:
    """What a trajectory belongs to: scores from other data, metrics or models are not comparable."""
    return Scope(
        task=spec.name,
        dataset=splits.fingerprint,
        metric=spec.metric.identity,
        task_model=content_hash(_answerer(spec)),
        embedding=embedding_identity,
    )


def _answerer(spec: TaskSpec) -> object:
    """What gives the answers: the task model, or a program with it."""
    model = spec.models.task.identity()
    return model if spec.target is None else [model, spec.target.identity()]


async def rebuild_trajectory(job: Job) -> int:
    """Make the index of a task anew from the database; returns how many scored prompts it then holds."""
    splits = load_splits(job.spec)
    with open_state(job.settings, job.home) as engine:
        embedding = open_embedding(job.spec.models.embedding)
        scope = trajectory_scope(job.spec, splits, embedding.identity)
        rows = History(engine).scored_in(scope.id)
        parts = tuple(job.spec.program)
        async with open_trajectory(
            scope, job.settings, job.home, embedding.embed, parts=parts, rebuilding=True
        ) as trajectory:
            await trajectory.rebuild(rows)
        return sum(len(scored) for scored in rows.values())
