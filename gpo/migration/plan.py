"""Plans a migration: the present pair of model and prompt, the models to move to, and the rules of the gate for it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from gpo.data.splits import load_splits
from gpo.errors import InputError, PromptError, SpecError
from gpo.evaluation.few_shot import demonstrations, demonstrations_of
from gpo.gate.guards import check_slices, group_by_slice
from gpo.migration.models import name_models, read_models, with_prices
from gpo.migration.pairs import Optimize
from gpo.models.sharing import anew_since
from gpo.production.contender import Contender, champion_of, with_shown, without_search
from gpo.production.decision_log import Production
from gpo.prompts.version import PromptVersion
from gpo.records import Splits, content_hash
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from gpo.spec.gate import GateSpec
from gpo.spec.models import ModelSpec
from gpo.spec.task import TaskSpec

_WIDEST = 0.5


@dataclass(frozen=True)
class MigrationPlan:
    """What is to be compared: the prompt that is `live`, with the present model and each of the others.

    `models` are all, the present one first, and `names` what they are called. `listed` are those with a list price.
    `unattended`: nobody looks at what comes of it before it goes live.
    """

    job: Job
    live: PromptVersion
    present: Contender
    models: tuple[ModelSpec, ...]
    names: tuple[str, ...]
    listed: tuple[str, ...]
    rules: GateSpec
    optimize: Optimize
    splits: Splits
    unattended: bool = False

    @property
    def alias(self) -> str:
        """What points to the live prompt."""
        return self.job.spec.production.alias

    @property
    def required(self) -> float:
        """The difference to the present pair above which the interval has to lie; less than 0 where worse will do."""
        accepted = self.rules.non_inferior
        return self.rules.min_gain if accepted is None else min(self.rules.min_gain, -accepted.margin)

    @cached_property
    def key(self) -> str:
        """Equal for the same models and prompt on the same data, asked and judged alike: the same migration.

        One that asks anew is another one: it draws other answers, and counts.
        """
        asked = [self.contender(place).spec.fingerprint() for place in range(len(self.models))]
        rules = self.rules.model_dump(mode="json")
        anew = [since] if (since := anew_since()) else []
        return content_hash(["migrate", asked, self.splits.fingerprint, self.optimize, rules, *anew], length=16)

    @property
    def id(self) -> str:
        """What the migration is called."""
        return f"{self.live.name}-migrate-{self.key[:8]}"

    def contender(self, place: int) -> Contender:
        """The model at this place with the prompt of production."""
        spec = self.present.spec
        models = spec.models.model_copy(update={"task": self.models[place]})
        return replace(self.present, spec=spec.model_copy(update={"models": models}))

    def found(self, place: int, outcome: Outcome) -> Contender:
        """The model at this place with the best prompt of a search: another instruction in the same messages."""
        before, best = self.contender(place), outcome.best.candidate
        shown = demonstrations_of(before.spec, best, before.demonstrations, outcome.shown)
        spec = before.spec.with_text(best.instruction)
        chosen = best.shown if spec.optimizer.searches_demonstrations else None
        return Contender(spec if chosen is None else with_shown(spec, chosen), shown)

    def job_of(self, spec: TaskSpec, *, searches: bool = False) -> Job:
        """The job that asks as a spec says; without a search, models that only a search asks need not be there."""
        return replace(self.job, spec=spec if searches else without_search(spec), path=None)


def plan_migration(
    job: Job,
    production: Production,
    to: Iterable[object],
    *,
    optimize: Optimize = "promising",
    margin: float | None = None,
    unattended: bool = False,
    splits: Splits | None = None,
) -> MigrationPlan:
    """What a migration compares; reads the data and the registry, and calls nothing.

    Raises:
        InputError: what is wrong with the spec, the data, the models or what is in production.
    """
    spec = job.spec
    if spec.target is not None:
        raise SpecError(
            f"{spec.name}: its program (`target`) asks models of its own, which cannot be exchanged from here; change "
            "them in the program, and let `gpo check` compare its prompts"
        )
    live = production.registry.resolve(spec.prompt_name, spec.production.alias)
    if live.content.parts or live.content.is_text:
        raise PromptError(f"prompt {live.name}: version {live.version} is of a program, and the spec has one prompt")
    splits = load_splits(spec) if splits is None else splits
    check_slices(spec.gate, group_by_slice(splits.test, spec.gate.slices))
    if not splits.dev or not splits.test:
        raise SpecError(f"{spec.dataset.source}: a migration needs dev and test examples; see `dataset.split`")
    models, listed = with_prices([spec.models.task, *read_models(to, spec.models.task)])
    present = champion_of(spec, live, demonstrations(spec, splits), splits)
    priced = present.spec.models.model_copy(update={"task": models[0]})
    return MigrationPlan(
        job=job,
        live=live,
        present=replace(present, spec=present.spec.model_copy(update={"models": priced})),
        models=models,
        names=name_models(models),
        listed=listed,
        rules=rules_with_margin(spec.gate, margin),
        optimize=optimize,
        splits=splits,
        unattended=unattended,
    )


def rules_with_margin(rules: GateSpec, margin: float | None) -> GateSpec:
    """The rules of the gate for a pair that may be worse by `margin`; None leaves what the spec says.

    >>> rules_with_margin(GateSpec(), 0.02).min_gain
    -0.02

    Raises:
        InputError: the margin is out of its range.
    """
    if margin is None:
        return rules
    if not 0 <= margin <= _WIDEST:
        raise InputError(f"--margin: received {margin:g}; give a number from 0 to {_WIDEST:g}, as 0.02")
    return rules.model_copy(update={"min_gain": -margin, "non_inferior": None})
