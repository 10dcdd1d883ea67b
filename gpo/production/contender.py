"""The two prompts of a check as they are asked: that of the working tree, and that of the registry.

Each is asked with its own messages and its own demonstrations, so that a change of them is measured too. Models, data
and the reading of answers are those of the spec, for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from gpo.errors import PromptError, suggestion
from gpo.evaluation.few_shot import candidate_of, demonstrations, find_shown
from gpo.messages.message import Message
from gpo.prompts.version import PromptContent, PromptVersion, prompt_content
from gpo.records import Candidate, Example, Splits
from gpo.scoring.spec import is_judged
from gpo.spec.models import ModelSpec
from gpo.spec.prompt import PromptSpec
from gpo.spec.task import TaskSpec
from gpo.template import opening_of, variables_in


@dataclass(frozen=True)
class Contender:
    """One prompt of a check: the spec with its text and messages, and the examples that it shows."""

    spec: TaskSpec
    demonstrations: Sequence[Example] = ()

    @property
    def candidate(self) -> Candidate:
        """Its instruction, and what it shows where that is searched for."""
        return candidate_of(self.spec, self.spec.start_text, self.demonstrations)

    @property
    def content(self) -> PromptContent:
        """What an application would be given of a single prompt."""
        prompt = self.spec.prompt
        return prompt_content(prompt.template, prompt.instruction, self.demonstrations)


def champion_of(spec: TaskSpec, version: PromptVersion, shown: Sequence[Example], splits: Splits) -> Contender:
    """A version of the registry as it is in production; `shown` are the demonstrations of the spec.

    Where a search has chosen its own, they are found among the examples of `splits` again.

    Raises:
        PromptError: it cannot be asked with the data of the spec.
    """
    content = version.content
    if spec.program:
        return Contender(spec.with_text(content.instruction))
    plain = _with_messages(spec, content.template, version)
    own = Contender(plain, shown)
    if own.content.demonstrations == content.demonstrations:
        return own
    if spec.optimizer.searches_demonstrations:
        found = find_shown(plain.prompt.template, content.instruction, content.demonstrations, splits)
        if found is not None:
            named = with_shown(plain, found)
            return Contender(named, demonstrations(named, splits))
    bare = with_shown(plain, None).model_copy(update={"few_shot": 0})
    if not content.demonstrations:
        return Contender(bare)
    return Contender(_with_messages(bare, _with_fixed(spec, version), version))


def _with_fixed(spec: TaskSpec, version: PromptVersion) -> tuple[Message, ...]:
    """The messages with the version's own demonstrations among them, as they stand."""
    content = version.content
    where = f"prompt {version.name}: version {version.version} shows demonstrations"
    if spec.models.task.completion:
        raise PromptError(f"{where} that are not those of the spec, which a completion model cannot be compared on")
    if not all(each.is_plain and not variables_in(each.text) for each in content.demonstrations):
        raise PromptError(f"{where} that hold media, tools or variables, and are not those of the spec")
    opening = opening_of(content.template)
    return (*content.template[:opening], *content.demonstrations, *content.template[opening:])


def _with_messages(spec: TaskSpec, template: Sequence[Message], version: PromptVersion) -> TaskSpec:
    where = f"prompt {version.name}: version {version.version}"
    fields = spec.dataset.input
    for name in (each for each in version.content.variables if spec.target is None and each not in fields):
        raise PromptError(f"{where} uses {{{{{name}}}}}, which dataset.input does not list{suggestion(name, fields)}")
    try:
        prompt = PromptSpec.of_template(version.content.instruction, template, spec.prompt.description)
    except ValidationError as error:
        raise PromptError(f"{where} cannot be asked: {error.errors()[0]['msg']}") from None
    same = prompt.template == spec.prompt.template
    # Written as the spec has it where it is the same, so that the same calls are made.
    kept = spec.prompt.model_copy(update={"instruction": prompt.instruction}) if same else prompt
    return spec.model_copy(update={"prompt": kept})


def with_shown(spec: TaskSpec, shown: tuple[str, ...] | None) -> TaskSpec:
    """The spec with these examples shown at its start, by their ids; None: with none that a search could change."""
    how = "fixed" if shown is None else "searched"
    options = spec.optimizer.model_copy(update={"demonstrations": how, "shown": shown})
    return spec.model_copy(update={"optimizer": options})


def with_live_shown(spec: TaskSpec, live: PromptVersion, splits: Splits) -> TaskSpec:
    """The spec with the examples at its start that a version shows, where a search has chosen these."""
    if not spec.optimizer.searches_demonstrations:
        return spec
    content = live.content
    found = find_shown(content.template, content.instruction, content.demonstrations, splits)
    own = tuple(each.id for each in demonstrations(spec, splits))
    return spec if found is None or found == own else with_shown(spec, found)


def without_search(spec: TaskSpec) -> TaskSpec:
    """The spec with stand-ins for the models that only a search asks, so that they need not be installed."""
    unused = {"embedding": ModelSpec(model="synthetic:words")}
    if spec.models.judge is not None or not is_judged(spec.metric):
        unused["optimizer"] = ModelSpec(model="synthetic:optimizer")
    return spec.model_copy(update={"models": spec.models.model_copy(update=unused)})
