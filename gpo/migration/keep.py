"""Keeps what came of a migration: the decisions, the pairs that pass as versions, and the move of the alias."""

from gpo.database.engine import utc_now
from gpo.gate.error_budget import AliasUse
from gpo.gate.verdict import GateVerdict
from gpo.migration.models import whole_name
from gpo.migration.pairs import Migration, ModelPair
from gpo.migration.plan import MigrationPlan
from gpo.production.contender import Contender
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.production.promotions import why_margin_asks
from gpo.production.register import lineage_of_spec
from gpo.production.starting_point import basis_of, count_looks
from gpo.prompts.version import AskedWith, Move, PromptContent, PromptRecord, PromptVersion
from gpo.records import content_hash


def use_of_alias(plan: MigrationPlan, production: Production) -> AliasUse:
    """Which use of the alias the migration is, by what was decided about it so far."""
    looks = count_looks(production, plan.live.name, plan.alias)
    return looks.model_copy(update={"unattended": plan.unattended}).use_of(plan.id)


def ask_within_margin(plan: MigrationPlan, production: Production, verdict: GateVerdict) -> GateVerdict:
    """The verdict, which asks a person where what went live last was not worse by more than a margin, as is this."""
    why = why_margin_asks(production, plan.live.name, plan.alias, plan.id, verdict)
    if why is None or verdict.ask is not None:
        return verdict
    return verdict.model_copy(update={"ask": f"{why[0].upper()}{why[1:]}."})


def keep_version(plan: MigrationPlan, production: Production, pair: ModelPair, contender: Contender) -> PromptVersion:
    """A pair that passes as a version of its prompt, which carries the model that it was proven with.

    No alias is moved. A prompt that was kept for another model already is a version of its own for this one.
    """
    base = plan.live.content.model_copy(update={"instruction": pair.instruction, "model": ""})
    if contender.spec.optimizer.searches_demonstrations:
        base = base.model_copy(update={"demonstrations": contender.content.demonstrations})
    lineage = lineage_of_spec(contender.spec, plan.splits.fingerprint).model_copy(
        update={
            "spec": contender.spec.fingerprint(),
            "run": plan.id,
            "dev": pair.dev,
            "test": pair.test,
            "gain": pair.verdict.gain if pair.verdict else None,
        }
    )
    record = production.registry.record(plan.live.name)
    content = content_for_model(record, base, pair.asked, whole_name(contender.spec.models.task))
    found = production.registry.register(
        plan.live.name, content, lineage=lineage, parent=plan.live.version, note=f"migration {plan.id}: {pair.model}"
    )
    return found.version


def content_for_model(record: PromptRecord, content: PromptContent, asked: AskedWith, name: str) -> PromptContent:
    """The content as it is kept for a model: it names the model where the same was kept for another one."""
    known = next((each for each in record.versions if each.content == content), None)
    if known is None or (known.lineage is not None and asks_alike(known.lineage.asked, asked)):
        return content
    return content.model_copy(update={"model": name})


def asks_alike(known: AskedWith | None, asked: AskedWith) -> bool:
    """Whether two ways of asking a model are the same; how answers are read is no part of it."""
    options = {"model", "base_url", "parameters", "completion"}
    return known is not None and known.model_dump(include=options) == asked.model_dump(include=options)


def keep_decision(plan: MigrationPlan, production: Production, pair: ModelPair, version: PromptVersion | None) -> None:
    """Keep what was decided about a pair, by which the next decision about the alias knows it; again changes nothing.

    All pairs of a migration are one use of the alias. What passed and goes live after that begins a new budget.
    """
    if pair.verdict is None:
        return
    dataset = lineage_of_spec(plan.job.spec, plan.splits.fingerprint).dataset
    decision = Decision(
        run=plan.id,
        prompt=plan.live.name,
        alias=plan.alias,
        basis=content_hash(["migrate", pair.model, basis_of(plan.job.spec, dataset)], length=16),
        champion=plan.live.version,
        challenger=None if version is None else version.version,
        status="checked",
        dataset=dataset,
        dev=None,
        verdict=pair.verdict,
        reason=f"{pair.model} with the {pair.prompt} prompt: {pair.verdict.reasons[0]}",
        created_at=utc_now(),
        checked="" if version is None else version.digest,
        text=pair.instruction,
    )
    known = production.decisions.find(decision.id)
    if known is not None:
        decision = decision.model_copy(update={"created_at": known.created_at})
    production.decisions.keep(decision)


def promote_pair(production: Production, found: Migration, who: str) -> tuple[Migration, Move | None]:
    """Point the alias to the version that the recommended pair is kept as; a migration without one stays as it is.

    The move comes with it, where there was one.

    Raises:
        AliasMovedError: the alias points elsewhere by now.
    """
    best = found.best
    if best is None or best.version is None:
        return found, None
    why = f"migration {found.id}: {best.model}"
    promoted, before = found.model_copy(update={"promoted": True}), found.against.version
    if production.registry.resolve(found.prompt, found.alias).version == best.version:
        return promoted, None
    return promoted, production.registry.promote(
        found.prompt, best.version, found.alias, who=who, why=why, expected=before
    )
