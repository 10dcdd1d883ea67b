"""The task spec: one YAML file that says what to improve, on which data, by which measure, with which models.

Unknown keys are errors with a suggestion, so that a misspelt option never falls back to its default in silence.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gpo.errors import suggestion
from gpo.names import Name
from gpo.records import Record, content_hash
from gpo.scoring.spec import AnswerSpec, MetricSpec
from gpo.spec.dataset import PLACES, DatasetSpec
from gpo.spec.gate import GateSpec
from gpo.spec.method import OptimizerSpec
from gpo.spec.models import ModelsSpec
from gpo.spec.production import ProductionSpec
from gpo.spec.prompt import PromptSpec
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
    "ways": ([],), "accept": ("none", "race"), "current": ("best",), "restart": (False,),
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
    prompt: PromptSpec
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
        if self.target is not None and self.few_shot:
            raise ValueError("`few_shot` shows demonstrations to the task model; a `target` shows what it wants itself")
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
    def parts(self) -> Mapping[str, PromptSpec]:
        """The prompts by the names under which an application loads them."""
        return {self.prompt_name: self.prompt}

    def texts_of(self, instruction: str) -> dict[str, str]:
        """The text of each prompt, of a candidate's instruction."""
        return {self.prompt_name: instruction}

    def fingerprint(self) -> str:
        """Hash of everything that decides a run's course; machine limits, paths and names of presets are left out."""
        elsewhere: dict[str, Any] = {
            "models": True,
            "dataset": PLACES,
            "metric": {"folder", "timeout_s"},
            "optimizer": {"preset"},
        }
        elsewhere |= {"gate": True, "production": True}  # what happens to the result, not what it is
        content = self.model_dump(mode="json", exclude=elsewhere)
        for part, option in _NEWER:
            if content[part][option] is None:
                del content[part][option]
        for option, values in _NEWER_METHOD.items():
            if content["optimizer"][option] in values:
                del content["optimizer"][option]
        if self.target is None:
            del content["target"]
        else:
            content["target"] = {**self.target.identity(), "calls": self.target.calls}
        content["models"] = {role: model and model.identity() for role, model in self.models}
        if self.budget.max_cost is not None:
            content["prices"] = {role: model.price.model_dump() for role, model in self.models if model and model.price}
        return content_hash(content)
