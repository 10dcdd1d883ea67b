"""Registers the start prompt of a spec, or the best prompt of a run, with its lineage: task, data, models, scores."""

from collections.abc import Sequence
from contextlib import suppress

from gpo.data.splits import load_splits
from gpo.errors import AliasMovedError, PromptError
from gpo.evaluation import few_shot
from gpo.names import PRODUCTION
from gpo.production.contender import with_live_shown
from gpo.prompts.moves import NO_VERSION
from gpo.prompts.registry import Registry
from gpo.prompts.version import (
    AskedWith,
    DatasetReference,
    Lineage,
    Measurement,
    PromptContent,
    Registered,
    program_content,
    prompt_content,
)
from gpo.records import Example, Score
from gpo.runs.history import History, RunRow
from gpo.runs.outcome import Outcome
from gpo.spec.models import ModelSpec, ModelsSpec
from gpo.spec.task import TaskSpec


def lineage_of_spec(spec: TaskSpec, dataset: str = "") -> Lineage:
    """The lineage of a prompt that was not scored; `dataset` is the fingerprint of the data."""
    # The folder of a file is this machine's.
    data = spec.dataset
    name = data.name or (data.path.name if data.path else data.source)
    version = None if data.version is None else str(data.version)
    return Lineage(
        task=spec.name,
        spec=spec.fingerprint(),
        metric=spec.metric.identity,
        models={role: model.model for role, model in spec.models if _is_asked(spec, role, model)},
        dataset=DatasetReference(name=name, version=version, fingerprint=dataset),
        # Of a program it is not known how its models were asked.
        asked=None
        if spec.target
        else AskedWith(
            model=spec.models.task.model,
            parameters=spec.models.task.parameters,
            completion=spec.models.task.completion,
            base_url=spec.models.task.base_url,
            api_key_env=spec.models.task.api_key_env,
            answer=spec.answer.model_dump(mode="json", exclude_defaults=True) | {"kind": spec.answer.kind},
        ),
    )


def _is_asked(spec: TaskSpec, role: str, model: object) -> bool:
    """Whether a model is asked in a run; with a program, a task model that the spec does not name is not."""
    is_named = spec.target is None or role != "task" or model != ModelsSpec().task
    return isinstance(model, ModelSpec) and is_named


def lineage_of_run(spec: TaskSpec, outcome: Outcome, dataset: str) -> Lineage:
    """The lineage of the best prompt of a run, with its scores; `dataset` is the fingerprint of the data."""
    measured = {
        "run": outcome.run_id,
        "dev": measurement(outcome.best.score),
        "test": measurement(outcome.best_test),
        "gain": outcome.gain,
        "proposed": outcome.best.candidate.proposed,
    }
    return lineage_of_spec(spec, dataset).model_copy(update=measured)


def measurement(score: Score) -> Measurement | None:
    """The mean of a score with its interval; None when nothing was scored."""
    if not score.n:
        return None
    low, high = score.interval()
    return Measurement(value=score.mean, low=low, high=high, n=score.n)


def find_last_finished(history: History, spec: TaskSpec) -> tuple[RunRow, Outcome]:
    """The spec's run that finished last, and what it came to.

    Raises:
        PromptError: none has finished, or only of a spec of this name that was different.
    """
    finished = [run for run in history.runs() if run.task == spec.name and run.finished_at is not None]
    same = [run for run in finished if run.spec == spec.fingerprint()]
    if not same:
        changed = f"; {len(finished)} finished before the spec was changed" if finished else ""
        raise PromptError(f"no run of {spec.name} has finished here{changed}; `gpo optimize SPEC` makes one")
    run = max(same, key=lambda each: (each.finished_at or "", each.key))
    outcome = history.outcome(run.key)
    if outcome is None:
        raise PromptError(f"run {run.key} has no outcome any more; `gpo optimize SPEC` makes it anew")
    return run, outcome


def register_start(
    registry: Registry,
    spec: TaskSpec,
    demonstrations: Sequence[Example],
    *,
    who: str,
    name: str | None = None,
    alias: str = PRODUCTION,
    note: str = "",
) -> Registered:
    """Keep the prompt that a spec starts from; it goes into production, or another alias, if nothing is there.

    Of a program, those of its prompts that have the alias stay what they are: they are in production.

    Raises:
        PromptError: the name is malformed.
    """
    lineage = lineage_of_spec(spec)
    known = registry.names()
    live = {part: registry.record(part).find(alias) for part in spec.program if part in known}
    texts = spec.texts_of(spec.start_text) | {part: each.content.instruction for part, each in live.items() if each}
    content = _content(registry, spec.with_texts(texts), demonstrations, lineage)
    registered = registry.register(name or spec.name, content, lineage=lineage, note=note)
    version = registered.version
    if alias not in registry.record(version.name).aliases:
        with suppress(AliasMovedError):
            why = f"the first version in {alias}"
            registry.promote(version.name, version.version, alias, who=who, why=why, expected=NO_VERSION)
    return registered


def begin_with_start(
    registry: Registry,
    history: History,
    spec: TaskSpec,
    demonstrations: Sequence[Example],
    *,
    who: str,
    name: str | None = None,
) -> None:
    """Before the best prompt of a run is promoted: where nothing is in production, the start is, for a rollback.

    Raises:
        PromptError: the name is malformed, or no run has finished.
    """
    find_last_finished(history, spec)
    wanted, alias = name or spec.name, spec.production.alias
    if wanted not in registry.names() or alias not in registry.record(wanted).aliases:
        register_start(registry, spec, demonstrations, who=who, name=name, alias=alias)


def register_best(
    registry: Registry,
    history: History,
    spec: TaskSpec,
    demonstrations: Sequence[Example],
    *,
    name: str | None = None,
    note: str = "",
) -> Registered:
    """`register_outcome` of the spec's last finished run.

    Raises:
        PromptError: the name is malformed, or no run has finished.
    """
    run, outcome = find_last_finished(history, spec)
    return register_outcome(registry, spec, outcome, run.dataset, demonstrations, name=name, note=note)


def register_outcome(
    registry: Registry,
    spec: TaskSpec,
    outcome: Outcome,
    dataset: str,
    demonstrations: Sequence[Example],
    *,
    name: str | None = None,
    note: str = "",
) -> Registered:
    """Keep the best prompt of a run; `dataset` is the fingerprint of the data. No alias is moved.

    Its parent is the version of the prompt that the run started from, if that is registered.

    Raises:
        PromptError: the name is malformed.
    """
    lineage = lineage_of_run(spec, outcome, dataset)
    start, best = (
        _content(
            registry,
            spec.with_text(each.candidate.instruction),
            few_shot.demonstrations_of(spec, each.candidate, demonstrations, outcome.shown),
            lineage,
        )
        for each in (outcome.start, outcome.best)
    )
    known = name or spec.name
    versions = registry.record(known).versions if known in registry.names() else ()
    parent = next((each.version for each in versions if each.digest == start.digest != best.digest), None)
    return registry.register(known, best, lineage=lineage, parent=parent, note=note)


def _content(registry: Registry, spec: TaskSpec, demonstrations: Sequence[Example], lineage: Lineage) -> PromptContent:
    """The content that a spec starts from; the prompts of a program are kept first, as versions of their own."""
    if not spec.program:
        return prompt_content(spec.prompt.template, spec.prompt.instruction, demonstrations)
    versions = {
        name: registry.register(name, _part_content(spec, name), lineage=lineage).version.version
        for name in spec.program
    }
    return program_content(spec.start_text, versions)


def _part_content(spec: TaskSpec, name: str) -> PromptContent:
    part = spec.program[name]
    return prompt_content(part.template, part.instruction, is_text=name in spec.texts)


def read_demonstrations(spec: TaskSpec) -> tuple[Example, ...]:
    """The demonstrations of a spec; its data is read only if it wants some.

    Raises:
        DatasetError: the data cannot be read, or has too few examples.
    """
    return few_shot.demonstrations(spec, load_splits(spec)) if spec.few_shot or spec.optimizer.shown else ()


def read_start(registry: Registry, spec: TaskSpec, name: str | None = None) -> tuple[Example, ...]:
    """The demonstrations that the prompt of a spec is kept with, as `gpo check` compares it.

    Where a search has chosen those that are live, they stay, unless the spec itself names others.

    Raises:
        DatasetError: the data cannot be read, or has too few examples.
    """
    known, wanted, options = registry.names(), name or spec.name, spec.optimizer
    live = registry.record(wanted).find(spec.production.alias) if wanted in known else None
    if live is None or options.shown is not None or not options.searches_demonstrations:
        return read_demonstrations(spec)
    splits = load_splits(spec)
    return few_shot.demonstrations(with_live_shown(spec, live, splits), splits)
