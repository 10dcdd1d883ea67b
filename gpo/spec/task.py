"""The task spec: one YAML file that says what to improve, on which data, by which measure, with which models.

Unknown keys are errors with a suggestion, so that a misspelt option never falls back to its default in silence.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from gpo.errors import suggestion
from gpo.names import Name
from gpo.records import Record, content_hash
from gpo.scoring.spec import AnswerSpec, MetricSpec
from gpo.spec.dataset import PLACES, DatasetSpec
from gpo.spec.execution import ExecutionSpec
from gpo.spec.gate import GateSpec
from gpo.spec.method import OptimizerSpec
from gpo.spec.models import ModelsSpec
from gpo.spec.production import ProductionSpec
from gpo.spec.program_text import join_texts, split_texts
from gpo.spec.prompt import PromptSpec, TextSpec
from gpo.spec.search.objectives import check_objectives
from gpo.spec.target import TargetSpec

Fraction = Annotated[float, Field(ge=0, le=1)]

_LABELLED = ("choice", "boolean")
"""Kinds of answers with labels, which measures of the whole set need."""

_NEWER = (
    ("dataset", "group"), ("dataset", "feedback"), ("dataset", "split_field"), ("answer", "where"),
    ("answer", "allow_none"),
)  # fmt: skip
"""Options that are no part of the fingerprint where they are not used: what older versions decided stays decided."""

_NEWER_METHOD: dict[str, tuple[Any, ...]] = {
    "ways": ([],), "accept": ("none", "race"), "current": ("best",), "restart": (False,), "parts": ("in_turn",),
    "grounding": (False,), "length_penalty": (0.0,), "demonstrations": ("fixed",), "max_demonstrations": (4,),
    "shown": (None,), "objectives": ({},),
}  # fmt: skip
"""The same for choices of the method, with the values that mean what was done before they could be chosen."""


class BudgetSpec(Record):
    """What a run may use. Answers from the ledger count, so that a resumed run ends where a whole one would."""

    max_calls: int | None = Field(default=None, ge=1, description="Calls of all models together.")
    max_task_calls: int | None = Field(
        default=None, ge=1, description="Calls of the task model in the search; the final comparison is not among them."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Input and output tokens of all models together.")
    max_cost: float | None = Field(default=None, gt=0, description="In the currency of the models' prices.")

    @property
    def is_set(self) -> bool:
        """Whether any limit is given."""
        return any(limit is not None for _, limit in self)


class TaskSpec(Record):
    """One task: a prompt, a dataset, a metric, the models and the optimizer."""

    name: Name = Field(description="The task's name: lower case letters, digits, - and _.")
    prompt: PromptSpec = Field(
        default=None,  # type: ignore[assignment]  # there is always one: the first of `prompts` where these are given
        description="The prompt that is improved.",
    )
    prompts: Mapping[Name, PromptSpec] = Field(
        default={},
        description="In place of `prompt`, the prompts of a program, by the names under which it loads them. They are "
        "improved, proved and promoted together.",
    )
    texts: Mapping[Name, TextSpec] = Field(
        default={},
        description="Texts of a program that are no prompts, as the descriptions of its tools, by the names under "
        "which it reads them with `load_text`. They are improved, proved and promoted with the prompts.",
    )
    target: TargetSpec | None = Field(
        default=None,
        description="The program that answers, and reads its prompt by `load_prompt`, as in production. Without one, "
        "the prompt is sent to the task model.",
    )
    dataset: DatasetSpec
    answer: AnswerSpec = AnswerSpec()
    metric: MetricSpec = MetricSpec(name="exact_match")
    few_shot: int = Field(default=0, ge=0, le=64, description="Demonstrations before each question.")
    models: ModelsSpec = ModelsSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    budget: BudgetSpec = BudgetSpec()
    execution: ExecutionSpec = Field(default=ExecutionSpec(), description="Where examples are scored.")
    gate: GateSpec = Field(default=GateSpec(), description="What a better prompt has to show before it is promoted.")
    production: ProductionSpec = Field(
        default=ProductionSpec(), description="What becomes of a better prompt: alias, approval, notifications."
    )
    max_failure_rate: Fraction = Field(
        default=0.05, description="Stop when more of the examples than this get no answer, because their calls failed."
    )
    max_unparsed_rate: Fraction = Field(
        default=0.9, description="Stop when more answers than this to the spec's own prompt cannot be read."
    )
    seed: int = Field(default=0, description="Another seed, another search, on the same splits.")

    @model_validator(mode="after")
    def _has_prompts(self) -> Self:
        given: PromptSpec | None = self.prompt
        if not self.program:
            if given is None:
                raise ValueError("`prompt` is missing")
            return self
        option = "prompts" if self.prompts else "texts"
        if given is None:
            self.__dict__["prompt"] = next(iter(self.program.values()))
        elif given not in self.program.values():
            raise ValueError("give either `prompt`, or `prompts` for a program of several, found both")
        if self.target is None:
            raise ValueError(f"`{option}` are those of a program: name it in `target`, or give one `prompt`")
        if both := self.prompts.keys() & self.texts.keys():
            raise ValueError(f"`prompts` and `texts` both hold '{min(both)}'; give one of the two another name")
        if self.prompt_name in self.program:
            raise ValueError(
                f"`{option}` holds '{self.prompt_name}', which is the name of the whole program in the registry; "
                "give `production.prompt` another one"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_first(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields; of a program, `prompt` is one of its parts, which are there already."""
        content: dict[str, Any] = handler(self)
        if self.program:
            content.pop("prompt", None)
        return content

    @model_validator(mode="after")
    def _variables_are_inputs(self) -> Self:
        # The variables of a program's prompts are what the program fills in.
        for name in self.prompt.variables if self.target is None else ():
            if name not in self.dataset.input:
                raise ValueError(
                    f"the prompt uses {{{{{name}}}}}, which dataset.input does not list"
                    f"{suggestion(name, self.dataset.input)}"
                )
        return self

    @model_validator(mode="after")
    def _program_answers(self) -> Self:
        if self.target is not None and self.answer.extract is not None:
            raise ValueError("`answer.extract` asks the task model once more; a `target` gives its whole answer itself")
        if self.target is not None and (self.few_shot or self.optimizer.searches_demonstrations):
            raise ValueError("`few_shot` and `demonstrations` are for a task model; a `target` shows examples itself")
        return self

    @model_validator(mode="after")
    def _roles_can_be_sent(self) -> Self:
        if self.target is None and self.prompt.conversations and self.models.task.completion:
            raise ValueError(
                "`models.task` is a completion model, which knows no roles, and "
                f"{{{{{self.prompt.conversations[0]}}}}} holds messages: ask a chat model, or show them as "
                "text in a `user` message"
            )
        return self

    @model_validator(mode="after")
    def _gate_can_be_kept(self) -> Self:
        self.gate.check(priced=self.models.task.price is not None)
        check_objectives(self.optimizer.objectives, priced=self.models.task.price is not None)
        return self

    @model_validator(mode="after")
    def _set_has_labels(self) -> Self:
        # Of sets, the share of each label that is found is best where every answer names all labels.
        allowed = _LABELLED if self.metric.of_set == "balanced_accuracy" else (*_LABELLED, "labels")
        if self.metric.of_set and self.answer.kind not in allowed:
            kinds = ", ".join(f"`{kind}`" for kind in allowed)
            raise ValueError(
                f"metric `{self.metric.name}` is for answers with labels, of the kinds {kinds}; "
                f"`answer.kind` is `{self.answer.kind}`"
            )
        return self

    @property
    def unused_inputs(self) -> tuple[str, ...]:
        """Fields that `dataset.input` lists and no message uses."""
        if self.target is not None:
            return ()
        return tuple(name for name in self.dataset.input if name not in self.prompt.variables)

    @property
    def calls_of_target(self) -> int:
        """Model calls that one run of the program is planned with."""
        return (self.target and self.target.calls) or len(self.parts)

    @property
    def prompt_name(self) -> str:
        """The name under which the registry knows the prompt."""
        return self.production.prompt or self.name

    @property
    def program(self) -> Mapping[str, PromptSpec]:
        """The prompts of a program, and its texts as prompts, by their names; empty for a prompt that stands alone."""
        return {**self.prompts, **{name: text.as_prompt() for name, text in self.texts.items()}}

    @property
    def parts(self) -> Mapping[str, PromptSpec]:
        """The prompts by the names under which an application loads them."""
        return self.program or {self.prompt_name: self.prompt}

    @property
    def start_text(self) -> str:
        """The instruction to start from; of several prompts, all of them as one text (`gpo.spec.program_text`)."""
        texts = {name: part.instruction for name, part in self.program.items()}
        return join_texts(texts) if texts else self.prompt.instruction

    @property
    def conversations(self) -> tuple[str, ...]:
        """The variables of all prompts that hold messages."""
        return tuple(name for part in self.parts.values() for name in part.conversations)

    def texts_of(self, instruction: str) -> dict[str, str]:
        """The text of each prompt, of a candidate's instruction.

        Raises:
            ValueError: it is no text of these prompts.
        """
        return split_texts(instruction, self.program) if self.program else {self.prompt_name: instruction}

    def with_text(self, instruction: str) -> Self:
        """The spec with another text to start from.

        Raises:
            ValueError: it is no text of these prompts.
        """
        return self.with_texts(self.texts_of(instruction))

    def with_texts(self, texts: Mapping[str, str]) -> Self:
        """The spec with other texts to start from, by the names of the prompts."""
        if not self.program:
            (text,) = (texts[name] for name in self.parts)
            return self.model_copy(update={"prompt": self.prompt.model_copy(update={"instruction": text})})
        prompts = {name: part.model_copy(update={"instruction": texts[name]}) for name, part in self.prompts.items()}
        plain = {name: part.model_copy(update={"text": texts[name]}) for name, part in self.texts.items()}
        changed = self.model_copy(update={"prompts": prompts, "texts": plain})
        return changed.for_part(next(iter(self.program)))

    @property
    def registered(self) -> Mapping[str, str]:
        """The parts that the registry has, by name: how the spec names each, until it is read."""
        alone = {} if self.program else {self.prompt_name: self.prompt}
        every: Mapping[str, PromptSpec | TextSpec] = {**alone, **self.prompts, **self.texts}
        return {name: part.registry for name, part in every.items() if part.registry}

    def with_registered(self, parts: Mapping[str, PromptSpec | TextSpec]) -> Self:
        """The spec with what the registry has of these parts in the place of their names there.

        Raises:
            ValidationError: it is no spec with them.
        """
        content = {name: getattr(self, name) for name in self.model_fields_set}
        if self.program:
            content.pop("prompt", None)
            for section, own in (("prompts", self.prompts), ("texts", self.texts)):
                content[section] = {name: parts.get(name, part) for name, part in own.items()}
        else:
            content["prompt"] = parts[self.prompt_name]
        return self.model_validate(content)

    def for_part(self, name: str) -> Self:
        """The spec as it is for one of several prompts: what is said of the prompt is said of that one."""
        return self.model_copy(update={"prompt": self.program[name]}) if self.program else self

    def fingerprint(self) -> str:
        """Hash of everything that decides a run's course; machine limits, paths and names of presets are left out."""
        elsewhere: dict[str, Any] = {"models": True, "dataset": PLACES, "optimizer": {"preset"}}
        elsewhere["metric"] = {"folder", "timeout_s"}
        # What happens to the result, and where it is computed; not what it is.
        elsewhere |= {"gate": True, "production": True, "execution": True}
        content = self.model_dump(mode="json", exclude=elsewhere)
        for part, option in _NEWER:
            if content[part][option] is None:
                del content[part][option]
        for option, values in _NEWER_METHOD.items():
            if content["optimizer"][option] in values:
                del content["optimizer"][option]
        del content["prompts"], content["texts"]
        if self.program:
            # A list, as they are changed in their order.
            every = (*self.prompts.items(), *self.texts.items())
            content["prompt"] = [[name, part.model_dump(mode="json")] for name, part in every]
        if self.target is None:
            del content["target"]
        else:
            content["target"] = {**self.target.identity(), "calls": self.target.calls}
        content["models"] = {role: model and model.identity() for role, model in self.models}
        if self.budget.max_cost is not None:
            content["prices"] = {role: model.price.model_dump() for role, model in self.models if model and model.price}
        return content_hash(content)
