"""Finds what a new run on a prompt in production starts from: champion, data, earlier prompts, and if it is needed."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import takewhile

from gpo.data.splits import load_splits
from gpo.errors import PromptError
from gpo.evaluation.few_shot import demonstrations
from gpo.gate.error_budget import AliasLooks
from gpo.production.contender import with_live_shown
from gpo.production.decision import STATUS_WORDS, Decision
from gpo.production.decision_log import Production
from gpo.production.promotions import list_promotions
from gpo.production.register import lineage_of_spec, register_start
from gpo.prompts.registry import Registry
from gpo.prompts.version import DatasetReference, PromptVersion
from gpo.records import Record, Scored, Splits, content_hash
from gpo.runs.history import History
from gpo.runs.job import Job
from gpo.spec.gate import GateSpec
from gpo.spec.task import TaskSpec

_RUNS = 5
"""How many earlier runs are looked through for prompts to try again."""

_ANY_INSTRUCTION = "any"

_NEWER = {name: GateSpec.model_fields[name].default for name in ("when_worn", "stop_early", "non_inferior")}


class StartingPoint(Record):
    """What a run of `reoptimize_prompt` starts from.

    `settled` is the decision that still holds, because nothing has changed since. `newer` names a later
    version of the data that was decided on already.
    `earlier` are the instructions of earlier runs that are worth another try, the most promising first. `looks` are the
    decisions about the alias since its last promotion. `splits` is the data, which was read to find all this out; the
    run works with it.
    """

    prompt: str
    alias: str
    champion: PromptVersion
    dataset: DatasetReference
    basis: str
    settled: Decision | None
    newer: str | None
    earlier: tuple[str, ...]
    looks: AliasLooks
    splits: Splits


def prompt_name(spec: TaskSpec) -> str:
    """The name under which the registry knows the prompt of a spec."""
    return spec.prompt_name


def find_starting_point(
    job: Job, production: Production, *, triggered: bool = False, force: bool = False
) -> StartingPoint:
    """The starting point for the prompt of a spec. A prompt that was never registered becomes the first version.

    `triggered`: a new version of the data started the run, which may come too late. `force`: the user wants a run even
    if nothing has changed; it also tries the prompts of equal earlier runs again.

    Raises:
        PromptError: what is in production has other messages than the spec.
        DatasetError: the data cannot be read.
    """
    spec, name, alias = job.spec, prompt_name(job.spec), job.spec.production.alias
    splits = load_splits(spec)
    dataset = lineage_of_spec(spec, splits.fingerprint).dataset
    champion = _find_champion(production.registry, spec, splits)
    if (odd := odd_template(production.registry, spec, champion)) is not None:
        name, number = odd
        raise PromptError(
            f"prompt {name}: version {number}, which is in {alias}, has other messages than the spec; put "
            f"those of `gpo prompt show {name} {number}` into the spec, or take the spec's into {alias} with "
            "`gpo prompt register SPEC` and `gpo prompt promote`"
        )
    basis, known = basis_of(spec, dataset), production.decisions.list_decisions(name, alias)
    return StartingPoint(
        prompt=name,
        alias=alias,
        champion=champion,
        dataset=dataset,
        basis=basis,
        settled=_settled_decision(known, basis, champion.version),
        newer=_newer_decided_data(known, dataset) if triggered else None,
        earlier=_earlier_prompts(
            production.history, _spec_from_champion(spec, champion, splits), dataset, repeated=force
        ),
        looks=count_looks(production, name, alias),
        splits=splits,
    )


def why_nothing_to_do(starting_point: StartingPoint) -> str | None:
    """Why no run is needed, in a sentence; None when one is."""
    name, settled = starting_point.prompt, starting_point.settled
    data = (
        f"{starting_point.dataset.name} version {starting_point.dataset.version}"
        if starting_point.dataset.version
        else "the data"
    )
    if starting_point.newer is not None:
        return f"{name}: nothing to do: {starting_point.newer} has been decided on already, which is newer than {data}"
    if settled is None:
        return None
    if settled.is_open:
        return f"{name}: nothing to do: run {settled.run} waits for approval; `gpo approve {settled.run}` promotes"
    became = _describe_decision(settled)
    return f"{name}: nothing to do: {data}, the spec and the gate are those of run {settled.run} ({became})"


def _describe_decision(decision: Decision) -> str:
    version = f"version {decision.challenger} " if decision.challenger is not None else ""
    return f"{version}{STATUS_WORDS[decision.status]} on {(decision.decided_at or decision.created_at)[:10]}"


def count_looks(production: Production, prompt: str, alias: str) -> AliasLooks:
    """The runs and checks that have decided about an alias since its last promotion.

    One that found nothing to decide on is none of them.
    """
    decisions = production.decisions.list_decisions(prompt, alias)
    # A migration has a decision about each of its pairs, of which one was put live.
    promoted = {each.run for each in list_promotions(production, prompt, alias)}
    since = takewhile(lambda each: each.run not in promoted, decisions)
    runs = dict.fromkeys(each.run for each in since if each.verdict is not None)
    return AliasLooks(alias=alias, runs=tuple(reversed(runs)))


def basis_of(spec: TaskSpec, dataset: DatasetReference) -> str:
    """Hash of the spec without its start prompt, the gate and the data: equal for decisions on equal grounds."""
    anyhow = spec.with_texts(dict.fromkeys(spec.parts, _ANY_INSTRUCTION))
    gate = spec.gate.model_dump(mode="json")
    # What older versions decided stays decided: a rule that they did not have counts where it is used.
    gate = {name: value for name, value in gate.items() if name not in _NEWER or value != _NEWER[name]}
    return content_hash([anyhow.fingerprint(), gate, dataset.fingerprint], length=16)


def _find_champion(registry: Registry, spec: TaskSpec, splits: Splits) -> PromptVersion:
    name, alias = prompt_name(spec), spec.production.alias
    known = registry.record(name) if name in registry.names() else None
    if known is None or alias not in known.aliases:
        register_start(registry, spec, demonstrations(spec, splits), who="gpo", name=name, alias=alias)
    return registry.resolve(name, alias)


def odd_template(registry: Registry, spec: TaskSpec, champion: PromptVersion) -> tuple[str, int] | None:
    """The prompt, and its version in production, that has other messages than the spec; None where all have the same.

    Raises:
        PromptError: what is in production is of other prompts than those of the spec.
    """
    parts = champion.content.parts
    if parts.keys() != spec.program.keys():
        there = ", ".join(parts) or "a single prompt"
        raise PromptError(
            f"prompt {champion.name}: version {champion.version} in production is of {there}, and the spec has "
            f"{', '.join(spec.program) or 'a single prompt'}; give `production.prompt` another name"
        )
    if not spec.program:
        return None if champion.content.template == spec.prompt.template else (champion.name, champion.version)
    live = {name: registry.resolve(name, version) for name, version in parts.items()}
    odd = (each for name, each in live.items() if each.content.template != spec.program[name].template)
    return next(((each.name, each.version) for each in odd), None)


def _settled_decision(decisions: list[Decision], basis: str, champion: int) -> Decision | None:
    """The last decision on the same grounds, if it holds: the champion is one of the two that it was about.

    A challenger that was promoted and then rolled back is settled as well: a person has decided against it.
    """
    last = next((each for each in decisions if each.basis == basis and each.status != "superseded"), None)
    if last is None or champion not in (last.champion, last.challenger):
        return None
    return last


def _newer_decided_data(decisions: list[Decision], dataset: DatasetReference) -> str | None:
    """A later version of the same dataset that was decided on: a run that waited in a queue comes too late."""
    for each in decisions:
        then = each.dataset
        if (
            each.status != "checked"
            and then.name == dataset.name
            and _version_number(then) > _version_number(dataset) > 0
        ):
            return f"{then.name} version {then.version}"
    return None


def _version_number(dataset: DatasetReference) -> int:
    version = dataset.version or ""
    return int(version) if version.isascii() and version.isdigit() else 0


def _spec_from_champion(spec: TaskSpec, champion: PromptVersion, splits: Splits) -> TaskSpec:
    """The spec with the champion as its start, and what that shows where a search has chosen it."""
    return with_live_shown(spec.with_text(champion.content.instruction), champion, splits)


def _earlier_prompts(history: History, spec: TaskSpec, dataset: DatasetReference, *, repeated: bool) -> tuple[str, ...]:
    """The best prompts of the last runs: the best of each, the latest run first, then the second of each, and so on.

    Scores on other data are not comparable, so runs take turns. A run of the same spec on the same data is left out,
    unless it is `repeated` on purpose: it is this one, whose process died before the decision and which is resumed.
    """
    mine = (spec.fingerprint(), dataset.fingerprint)
    runs = [
        run
        for run in history.runs()
        if run.task == spec.name and run.finished_at is not None and (repeated or (run.spec, run.dataset) != mine)
    ]
    ranked = [_rank_by_score(history.scored(run.key)) for run in runs[:_RUNS]]
    rounds = range(max(map(len, ranked), default=0))
    turns = (texts[turn] for turn in rounds for texts in ranked if turn < len(texts))
    return tuple(text for text in dict.fromkeys(turns) if text != spec.start_text)[: spec.production.warm_start]


def _rank_by_score(scored: Iterable[Scored]) -> list[str]:
    whole = [item for item in scored if item.score.complete]
    return [item.candidate.instruction for item in sorted(whole, key=lambda item: -item.score.mean)]


def job_from_champion(job: Job, starting_point: StartingPoint, *, unattended: bool = False) -> Job:
    """The job of a run that starts from the champion and tries the prompts of earlier runs again.

    `unattended`: no person started it, so that it is held to the error budget of its alias.
    """
    return replace(
        job,
        spec=_spec_from_champion(job.spec, starting_point.champion, starting_point.splits),
        earlier=starting_point.earlier,
        looks=starting_point.looks.model_copy(update={"unattended": unattended}),
    )
