"""Checks a prompt of the working tree against the one in production, on the locked test split, without a search."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Literal

from pydantic import Field

from gpo.data.splits import load_splits
from gpo.database.engine import utc_now
from gpo.errors import PromptError
from gpo.evaluation.evaluate import KEPT_SAMPLES, evaluate
from gpo.evaluation.few_shot import as_shown, demonstrations
from gpo.gate.error_budget import AliasUse
from gpo.gate.guards import check_slices, group_by_slice
from gpo.gate.paired_scores import in_groups
from gpo.gate.verdict import GateVerdict
from gpo.models.clients.call_notes import calls_about
from gpo.models.ledger import Ledger
from gpo.models.models import Models, open_models, with_target
from gpo.models.sharing import Tally, share_tallies
from gpo.production.contender import Contender, champion_of, with_live_shown, without_search
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.production.register import lineage_of_spec
from gpo.production.starting_point import basis_of, count_looks, odd_template
from gpo.prompts.version import PromptVersion
from gpo.records import Example, Record, Score, Splits, Usage, content_hash, total_usage
from gpo.runs.job import Job
from gpo.runs.preflight import preflight
from gpo.runs.proof import Pair, Proof, judge_pair, prove_pair
from gpo.runs.results.result import Change, ExampleResult, compare_results, results_of, with_few_samples
from gpo.search.edit import ProposalFilter
from gpo.spec.task import TaskSpec

CheckOutcome = Literal["same", "passes", "worse", "not proven"]


class PromptCheck(Record):
    """What the check of a prompt came to.

    `against` is the version that it was compared with, and `alias` the alias that it counts as a use of; None: it was
    named by its number. `verdict` is None where the two are the same, and no model was asked. `repeats_example`: the
    new prompt repeats a dev or test example, which then proves nothing. `results` has each test example with the
    answers of both. `paid` counts the calls that were paid for now, and `cached` the answers that were known; costs are
    in the currency of the prices, None without any.
    """

    id: str
    task: str
    prompt: str
    against: PromptVersion
    alias: str | None
    before: str
    after: str
    messages_differ: bool = False
    demonstrations_differ: bool = False
    verdict: GateVerdict | None = None
    max_missing: float = 0.0
    repeats_example: bool = False
    results: tuple[ExampleResult, ...] = Field(default=(), repr=False)
    paid: int = 0
    cached: int = 0
    cost: float | None = None
    cost_paid: float | None = None

    def examples(self, change: Change) -> list[ExampleResult]:
        """The test examples that the new prompt has fixed, or broken."""
        return [each for each in self.results if each.change == change]

    @property
    def outcome(self) -> CheckOutcome:
        """Whether the prompt may replace the one in production by the word of the gate."""
        if self.verdict is None:
            return "same"
        if self.verdict.decision == "keep":
            return "worse"
        passes = self.verdict.decision == "promote" and self.verdict.ask is None and not self.repeats_example
        return "passes" if passes else "not proven"


async def check_prompt(job: Job, production: Production, reference: str) -> PromptCheck:
    """Ask the gate whether the prompt of a job may replace the one that an alias, a number or `latest` stands for.

    It counts as a use of the test split, and of the alias, by which it is held to the error budget: nobody looks on.
    The same check again is the same use, and pays for nothing.

    Raises:
        InputError: what is wrong with the spec, the data, the models or what is in production.
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    spec = without_search(job.spec)
    live = production.registry.resolve(spec.prompt_name, reference)
    if spec.program and odd_template(production.registry, spec, live) is not None:
        raise PromptError(f"prompt {live.name}: version {live.version} has other messages than the spec's prompts")
    splits = load_splits(spec)
    if spec.optimizer.shown is None:  # what a search has chosen stays, unless the spec itself says what is shown
        spec = with_live_shown(spec, live, splits)
    job = replace(job, spec=spec)
    challenger = Contender(spec, demonstrations(spec, splits))
    champion = champion_of(spec, live, challenger.demonstrations, splits)
    would_show = as_shown(live.content.template, live.content.instruction, challenger.demonstrations)
    is_alias = reference in production.registry.record(live.name).aliases
    found = PromptCheck(
        id=f"{live.name}-check-{_key(champion, challenger, splits)[:8]}",
        task=spec.name,
        prompt=live.name,
        against=live,
        alias=reference if is_alias else None,
        before=champion.spec.start_text,
        after=challenger.spec.start_text,
        messages_differ=not spec.program and live.content.template != spec.prompt.template,
        max_missing=spec.gate.max_missing,
        demonstrations_differ=not spec.program and live.content.demonstrations != would_show,
    )
    if not (found.messages_differ or found.demonstrations_differ) and found.before == found.after:
        return found
    check_slices(spec.gate, group_by_slice(splits.test, spec.gate.slices))
    with share_tallies(), calls_about(run=found.id):
        await preflight(job, splits, searches=False)
        return await _Check(job, production, splits, champion, challenger, found).run()


@dataclass(frozen=True)
class _Check:
    """One check with what it works with; `results` are those of champion and challenger."""

    job: Job
    production: Production
    splits: Splits
    champion: Contender
    challenger: Contender
    found: PromptCheck
    results: dict[int, Sequence[ExampleResult]] = field(default_factory=dict)

    @cached_property
    def tested(self) -> Sequence[Example]:
        return in_groups(self.splits.test)

    async def run(self) -> PromptCheck:
        job = self.job
        async with (
            aclosing(Ledger(self.production.engine)) as ledger,
            open_models(job.spec.models, job.settings, ledger) as models,
        ):
            probed = sum(tally.paid for tally in _tallies_of(models).values())
            pair = await asyncio.to_thread(self._pair)
            sides = (self.champion, self.challenger)
            scorers = [partial(self._score, models, place, side) for place, side in enumerate(sides)]
            proof = await prove_pair(pair, scorers)
            proof = await asyncio.to_thread(self._note_use, proof)
            # Another check may have ended meanwhile: what is kept is the number of the use by the order of the ends.
            pair = replace(pair, use=await asyncio.to_thread(self._use))
            checked = self._measured(models, proof, probed).model_copy(
                update={
                    "verdict": judge_pair(pair, proof),
                    "repeats_example": repeats_example(self.champion, self.challenger, self.splits),
                    "results": tuple(compare_results(self.results[0], self.results[1])),
                }
            )
            await asyncio.to_thread(self._keep, checked)
            return checked

    def _pair(self) -> Pair:
        champion, challenger = self.champion.candidate, self.challenger.candidate
        return Pair(self.job.spec, champion, challenger, self.tested, self._use())

    def _use(self) -> AliasUse | None:
        """The use of the alias that the check is, by what was decided about it so far."""
        if self.found.alias is None:
            return None
        looks = count_looks(self.production, self.found.prompt, self.found.alias)
        return looks.model_copy(update={"unattended": True}).use_of(self.found.id)

    async def _score(self, models: Models, place: int, side: Contender, first: int | None) -> Score:
        examples = self.tested[:first]
        async with with_target(models, side.spec) as asked:
            score = await evaluate(
                asked.task,
                side.spec,
                side.candidate.instruction,
                examples,
                demonstrations=side.demonstrations,
                judge=asked.judge,
                target=asked.target,
                kept=len(examples),
            )
        self.results[place] = results_of(score, examples, "test", side.candidate, self.found.id)
        return with_few_samples(score, KEPT_SAMPLES)

    def _note_use(self, proof: Proof) -> Proof:
        key = _key(self.champion, self.challenger, self.splits)
        earlier = self.production.history.note_test_use(key, proof.examples_of(self.tested))
        return replace(proof, earlier_uses=earlier)

    def _measured(self, models: Models, proof: Proof, probed: int) -> PromptCheck:
        """What it took: all answers behind the two scores, and what was paid for now, `probed` calls before them."""
        usage, prices = total_usage([proof.start.usage, proof.best.usage]), self.job.spec.models
        paid = {role: _paid(tally) for role, tally in _tallies_of(models).items()}
        calls = sum(each.calls for each in paid.values())
        cost = prices.cost(usage)
        return self.found.model_copy(
            update={
                "paid": calls,
                "cached": max(0, sum(each.calls for each in usage.values()) - (calls - probed)),
                "cost": cost,
                "cost_paid": None if cost is None else (prices.cost(paid) or 0.0),
            }
        )

    def _keep(self, checked: PromptCheck) -> None:
        """Keep the decision, by which the next one about the alias knows that it was decided about."""
        verdict, spec = checked.verdict, self.job.spec
        if verdict is None or checked.alias is None:
            return
        dataset = lineage_of_spec(spec, self.splits.fingerprint).dataset
        decision = Decision(
            run=checked.id,
            prompt=checked.prompt,
            alias=checked.alias,
            basis=content_hash(["check", basis_of(spec, dataset)], length=16),
            champion=checked.against.version,
            status="checked",
            dataset=dataset,
            dev=None,
            verdict=verdict,
            reason=verdict.reasons[0],
            created_at=utc_now(),
            checked="" if spec.program else self.challenger.content.digest,
            text=checked.after,
            repeats_example=checked.repeats_example,
        )
        known = self.production.decisions.find(decision.id)
        if known is not None:
            decision = decision.model_copy(update={"created_at": known.created_at})
        self.production.decisions.keep(decision)


def _tallies_of(models: Models) -> dict[str, Tally]:
    return {model.role: model.tally for model in (models.task, models.judge)}


def _paid(tally: Tally) -> Usage:
    return Usage(calls=tally.paid, input_tokens=tally.input_tokens, output_tokens=tally.output_tokens)


def _key(champion: Contender, challenger: Contender, splits: Splits) -> str:
    """Equal for the same two prompts on the same data, asked alike: the same check."""
    return content_hash(["check", champion.spec.fingerprint(), challenger.spec.fingerprint(), splits.fingerprint])


def repeats_example(champion: Contender, challenger: Contender, splits: Splits) -> bool:
    """Whether the new prompt repeats a dev or test example, which the one in production does not."""
    known = [*_texts(champion.spec), *challenger.spec.answer.labels]
    guard = ProposalFilter((*splits.dev, *splits.test), "\n".join(known), shown=splits.train)
    return any(map(guard.leaks, _texts(challenger.spec)))


def _texts(spec: TaskSpec) -> list[str]:
    parts = spec.parts.values()
    return [text for part in parts for text in (part.instruction, *(each.text for each in part.template))]
