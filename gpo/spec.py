"""The task spec: one YAML file that says what to improve, on which data, by which measure, with which models.

Unknown keys are errors with a suggestion, so that a misspelt option never falls back to its default in silence.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, field_validator, model_validator

from gpo.errors import suggestion
from gpo.method import OptimizerSpec
from gpo.metrics import METRICS
from gpo.model_spec import ModelsSpec
from gpo.records import Record, canonical_json, content_hash
from gpo.template import INSTRUCTION, Message, Role, variables_in

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]


class PromptSpec(Record):
    """The prompt: messages with `{{variables}}` and one `{{instruction}}`, and the instruction to start from.

    Only the instruction is optimised. All other text, the variables and the roles stay as written.
    """

    instruction: str = Field(min_length=1, description="The instruction to start from.")
    messages: tuple[Mapping[Role, str], ...] = Field(
        min_length=1, description="Messages in order, each `role: text`, with exactly one {{instruction}} in all."
    )
    description: str = Field(
        default="",
        description="What an instruction asks for, as a noun phrase; shown to the optimizer model.",
    )

    @field_validator("instruction")
    @classmethod
    def _instruction_is_plain(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the starting instruction is blank")
        if found := variables_in(value):
            raise ValueError(f"the instruction holds {{{{{found[0]}}}}}: put variables into `messages` instead")
        return value.strip()

    @model_validator(mode="after")
    def _one_instruction(self) -> Self:
        for number, message in enumerate(self.messages, start=1):
            if len(message) != 1:
                raise ValueError(f"message {number} must be one `role: text` pair, found {len(message)}")
        found = [name for message in self.template for name in variables_in(message.text)]
        if (count := found.count(INSTRUCTION)) != 1:
            raise ValueError(f"messages must hold {{{{instruction}}}} exactly once, found {count} times")
        return self

    @property
    def template(self) -> tuple[Message, ...]:
        """The messages as records."""
        return tuple(Message(role=role, text=text) for message in self.messages for role, text in message.items())

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the messages, in order of first use, without `instruction`."""
        found = (name for message in self.template for name in variables_in(message.text))
        return tuple(dict.fromkeys(name for name in found if name != INSTRUCTION))


class SplitSpec(Record):
    """How many examples go where. `test` is locked: only the final comparison reads it."""

    train: int = Field(default=48, ge=0, description="Examples that may be shown to the optimizer model.")
    dev: int = Field(default=48, ge=1, description="Examples that candidates are scored on.")
    test: int = Field(default=144, ge=1, description="Locked examples that prove the gain.")


class DatasetSpec(Record):
    """A JSONL file, or a folder with `train.jsonl`, `eval.jsonl` or `dev.jsonl`, and `test.jsonl`."""

    path: Path = Field(description="File or folder, relative to the spec.")
    input: tuple[str, ...] = Field(description="Field or fields that fill the prompt's variables.")
    reference: str = Field(description="Field that holds the right answer.")
    id: str | None = Field(default=None, description="Field with a unique id; by default the row's content is hashed.")
    split: SplitSpec = SplitSpec()
    seed: int = Field(default=0, description="Which examples go to which split.")

    @field_validator("input", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class AnswerSpec(Record):
    """How an answer is read from what the task model writes."""

    kind: Literal["choice", "number", "boolean", "exact", "free"] = "exact"
    labels: tuple[str, ...] = Field(default=(), description="For `choice`: the allowed answers.")

    @model_validator(mode="after")
    def _labels_for_choice(self) -> Self:
        if self.kind == "choice" and len(self.labels) < 2:
            raise ValueError("kind `choice` needs at least two labels")
        if self.kind != "choice" and self.labels:
            raise ValueError(f"labels belong to kind `choice`, not `{self.kind}`")
        if len({label.casefold() for label in self.labels}) != len(self.labels):
            raise ValueError("labels must differ by more than case")
        return self


class MetricSpec(Record):
    """A metric by name, and its parameters. A bare name is short for `{name: ...}`."""

    name: str
    parameters: Mapping[str, JsonValue] = {}

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": value}
        if isinstance(value, dict) and "parameters" not in value:
            return {
                "name": value.get("name"),
                "parameters": {key: each for key, each in value.items() if key != "name"},
            }
        return value

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"unknown metric '{value}'{suggestion(value, METRICS)}")
        return value

    @property
    def identity(self) -> str:
        """Name and parameters as one text: scores of different identities cannot be compared."""
        return f"{self.name} {canonical_json(dict(self.parameters))}" if self.parameters else self.name


class BudgetSpec(Record):
    """What a run may use. Answers from the ledger count, so that a resumed run ends where a whole one would."""

    max_calls: int | None = Field(default=None, ge=1, description="Calls of all models together.")
    max_task_calls: int | None = Field(
        default=None, ge=1, description="Calls of the task model in the search; the final comparison is not among them."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Input and output tokens of all models together.")
    max_cost: float | None = Field(default=None, gt=0, description="In the currency of the models' prices.")


class TaskSpec(Record):
    """One task: a prompt, a dataset, a metric, the models and the optimizer."""

    name: Name
    prompt: PromptSpec
    dataset: DatasetSpec
    answer: AnswerSpec = AnswerSpec()
    metric: MetricSpec = MetricSpec(name="exact_match")
    few_shot: int = Field(default=0, ge=0, le=64, description="Demonstrations before each question.")
    models: ModelsSpec = ModelsSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    budget: BudgetSpec = BudgetSpec()
    max_failure_rate: Fraction = 0.05
    max_unparsed_rate: Fraction = Field(
        default=0.9, description="Stop before the start when more answers than this cannot be read."
    )
    seed: int = 0

    @model_validator(mode="after")
    def _variables_are_inputs(self) -> Self:
        for name in self.prompt.variables:
            if name not in self.dataset.input:
                raise ValueError(
                    f"the prompt uses {{{{{name}}}}}, which dataset.input does not list"
                    f"{suggestion(name, self.dataset.input)}"
                )
        return self

    def fingerprint(self) -> str:
        """Hash of everything that decides a run's course; machine limits, paths and names of presets are left out."""
        content = self.model_dump(mode="json", exclude={"models": True, "dataset": {"path"}, "optimizer": {"preset"}})
        content["models"] = {role: model and model.identity() for role, model in self.models}
        return content_hash(content)
