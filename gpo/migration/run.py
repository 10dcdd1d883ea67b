"""Carries out a migration: every model on dev, searches where they are worth it, the survivors on the test split.

It takes its steps as given: plain calls, or tasks and flows of Prefect. Models are asked one after the other, so that
their times compare. What was answered is in the ledger: a migration that was killed goes on from there.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from gpo.migration.keep import ask_within_margin, asks_alike, keep_decision, keep_version, use_of_alias
from gpo.migration.pairs import Migration, ModelPair, recommend, times_of
from gpo.migration.plan import MigrationPlan
from gpo.migration.score import PairScore, check_model, examples_of, score_pair
from gpo.migration.verdicts import cost_of_calls, dev_gain, is_worth_search, judge_family, may_reach
from gpo.models.sharing import anew_since, count_apart
from gpo.production.contender import Contender
from gpo.production.decision_log import Production
from gpo.production.register import lineage_of_spec, measurement
from gpo.progress import Event, Note, current_listener, emit, listen
from gpo.records import Interval, Score, Split, Splits, Usage, UsageByRole, total_usage
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from gpo.runs.results.repetition import find_outcome
from gpo.spec.models import ModelsSpec

PRESENT = 0
"""The place of the present model."""

ScorePair = Callable[[MigrationPlan, str, Contender, Split], Coroutine[Any, Any, PairScore]]
Search = Callable[[Job, Splits | None], Coroutine[Any, Any, Outcome]]


@dataclass(frozen=True)
class MigrationSteps:
    """How a pair is scored, and how a better prompt is searched for."""

    search: Search
    score: ScorePair = score_pair


@dataclass
class _Course:
    """A migration under way: its scores on dev and test by place, what was searched, and what it all took.

    `timed` are the last scores of each model that keep all answers.
    """

    plan: MigrationPlan
    production: Production
    steps: MigrationSteps
    contenders: dict[int, Contender] = field(default_factory=dict)
    dev: dict[int, Score] = field(default_factory=dict)
    timed: dict[int, Score] = field(default_factory=dict)
    test: dict[int, Score] = field(default_factory=dict)
    runs: dict[int, Outcome] = field(default_factory=dict)
    paid: list[tuple[ModelsSpec, UsageByRole]] = field(default_factory=list)
    used: list[tuple[ModelsSpec, UsageByRole]] = field(default_factory=list)

    async def score(self, place: int, split: Split) -> Score:
        contender = self.contenders[place]
        found = await self.steps.score(self.plan, self.plan.names[place], contender, split)
        self._count(contender.spec.models, found.paid, found.score.usage)
        self.timed[place] = found.score
        return found.score

    def _count(self, models: ModelsSpec, paid: UsageByRole, used: UsageByRole) -> None:
        self.paid.append((models, paid))
        self.used.append((models, used))

    async def check(self) -> None:
        """Check every model before one is scored: what is wrong with the last is told before the first is paid for."""
        for place in range(len(self.plan.models)):
            self.contenders[place] = self.plan.contender(place)
            searches = place != PRESENT and self.plan.optimize != "none"
            paid = await check_model(self.plan, place, searches=searches)
            self._count(self.contenders[place].spec.models, paid, {})

    async def search(self, place: int) -> None:
        """Search for a prompt that does better with a model; where one is found, it is what the model brings."""
        plan = self.plan
        spec = self.contenders[place].spec
        job = plan.job_of(spec, searches=True)
        outcome = None if anew_since() else await asyncio.to_thread(find_outcome, job, plan.splits)
        if outcome is None:
            emit(Note(f"{plan.names[place]}: searching for a better prompt"))
            with count_apart():
                outcome = await self.steps.search(job, plan.splits)
        paid = {
            role: Usage(calls=each.paid, input_tokens=each.input_tokens, output_tokens=each.output_tokens)
            for role, each in outcome.calls.items()
            if role != "embedding"
        }
        self._count(spec.models, paid, outcome.usage)
        self.runs[place] = outcome
        if outcome.best.candidate != outcome.start.candidate:
            self.contenders[place] = plan.found(place, outcome)
            self.dev[place] = outcome.best.score

    def total(self) -> dict[str, Any]:
        """Calls and costs of all that was done."""
        paid = sum(usage.calls for _, part in self.paid for usage in part.values())
        answers = sum(usage.calls for _, part in self.used for usage in part.values())
        cost, cost_paid = _cost(self.used), _cost(self.paid)
        return {
            "paid": paid,
            "cached": max(0, answers - paid),
            "cost": cost,
            "cost_paid": None if cost is None else cost_paid or 0.0,
        }


async def migrate(plan: MigrationPlan, production: Production, steps: MigrationSteps) -> Migration:
    """Which pair of model and prompt may replace the present one, by the gate on the locked test split.

    Each model brings one pair: with the prompt of production, or with the new one where a search has found one that
    does better on dev. Pairs that provably fall behind on dev are not tested. Nothing is promoted.

    Raises:
        InputError: what is wrong with the models or the data; nothing was scored.
        GpoError: calls failed, or the state cannot be used; what was paid for is kept.
    """
    course = _Course(plan, production, steps)
    others = range(1, len(plan.models))
    with _each_note_once():
        await course.check()
        for place in range(len(plan.models)):
            course.dev[place] = await course.score(place, "dev")
        first = {place: dev_gain(plan, course.dev[place], course.dev[PRESENT]) for place in others}
        for place in filter(lambda each: is_worth_search(plan, first[each]), others):
            await course.search(place)
        gains = {place: dev_gain(plan, course.dev[place], course.dev[PRESENT]) for place in others}
        tested = [place for place in others if may_reach(plan, gains[place])]
        for place in [PRESENT, *tested] if tested else []:
            course.test[place] = await course.score(place, "test")
    return await asyncio.to_thread(_conclude, course, gains, tested)


def _conclude(course: _Course, gains: dict[int, Interval], tested: Sequence[int]) -> Migration:
    plan, production = course.plan, course.production
    earlier, use = 0, use_of_alias(plan, production)
    if tested:
        looked_at = [each.inputs_hash for each in examples_of(plan, "test")]
        earlier = production.history.note_test_use(plan.key, looked_at)
    family = {place: (course.contenders[place], course.test[place]) for place in tested}
    present = course.test.get(PRESENT, course.dev[PRESENT])
    judged = judge_family(plan, present, family, earlier_uses=earlier, use=use)
    verdicts = {place: ask_within_margin(plan, production, verdict) for place, verdict in judged.items()}
    pairs = []
    for place in range(1, len(plan.models)):
        left_out = "" if place in tested else "on dev, all of its interval lies below what is required"
        more = {"dev_gain": gains[place], "verdict": verdicts.get(place), "left_out": left_out}
        pairs.append(_keep(course, place, _pair(course, place).model_copy(update=more)))
    return Migration(
        id=plan.id,
        task=plan.job.spec.name,
        prompt=plan.live.name,
        alias=plan.alias,
        against=plan.live,
        optimize=plan.optimize,
        required=plan.required,
        present=_pair(course, PRESENT),
        pairs=tuple(pairs),
        recommended=recommend(pairs, accepts_worse=plan.required < 0),
        warnings=tuple(_warnings(plan)),
        **course.total(),
    )


def _keep(course: _Course, place: int, pair: ModelPair) -> ModelPair:
    """Keep what was decided about a pair, and the pair as a version where it passes, or a person may let it pass."""
    version = keep_version(course.plan, course.production, pair, course.contenders[place]) if pair.is_good else None
    keep_decision(course.plan, course.production, pair, version)
    is_live = version is not None and version.version == course.plan.live.version
    return pair.model_copy(update={"version": version and version.version, "is_live": is_live})


def _pair(course: _Course, place: int) -> ModelPair:
    contender, run = course.contenders[place], course.runs.get(place)
    asked = lineage_of_spec(contender.spec).asked
    if asked is None:
        raise ValueError("a program is asked with no model of the spec")
    whole = [score for score in (course.dev[place], course.test.get(place)) if score is not None]
    is_new = contender.candidate != course.plan.contender(place).candidate
    return ModelPair(
        model=course.plan.names[place],
        asked=asked,
        prompt="new" if is_new else "production",
        instruction=contender.spec.start_text,
        is_present=place == PRESENT,
        run=None if run is None else run.run_id,
        dev=measurement(course.dev[place]),
        test=None if place not in course.test else measurement(course.test[place]),
        cost=cost_of_calls(contender, whole),
        times=times_of(course.timed[place], "test" if place in course.test else "dev"),
    )


def _warnings(plan: MigrationPlan) -> Iterator[str]:
    known = plan.live.lineage.asked if plan.live.lineage else None
    asked = lineage_of_spec(plan.contender(PRESENT).spec).asked
    if known is not None and asked is not None and not asks_alike(known, asked):
        yield (
            f"Version {plan.live.version} is kept for {known.model} asked in another way than {plan.names[PRESENT]}, "
            "the spec's `models.task`, with which it was compared."
        )
    if plan.listed:
        yield (
            f"The cost of {', '.join(plan.listed)} is by list prices, in US dollars; a `price` of the spec, or in "
            "`--to`, goes first."
        )


def _cost(parts: Sequence[tuple[ModelsSpec, UsageByRole]]) -> float | None:
    known = [cost for models, usage in parts if (cost := models.cost(total_usage([usage]))) is not None]
    return sum(known) if known else None


@contextmanager
def _each_note_once() -> Iterator[None]:
    """Of what is told of the data and the spec for each model, the first is enough."""
    outer, told = current_listener(), set[str]()

    def hear(event: Event) -> None:
        if isinstance(event, Note):
            if event.text in told:
                return
            told.add(event.text)
        if outer is not None:
            outer(event)

    with listen(hear):
        yield
