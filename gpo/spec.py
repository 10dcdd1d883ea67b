"""The task spec: one YAML file that says what to improve, on which data, by which measure, with which models.

Unknown keys are errors with a suggestion, so that a misspelt option never falls back to its default in silence.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator

from gpo.edits import Decay
from gpo.errors import SpecError, suggestion
from gpo.metrics import METRICS
from gpo.records import content_hash
from gpo.secrecy import find_secret
from gpo.template import INSTRUCTION, Message, Role, variables_in

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNREPEATED = {"api_key_env", "base_url"}
"""Fields whose wrong value may hold a key."""

_NOT_SAMPLING = {"base_url": "base_url", "timeout": "timeout_s", "max_retries": "max_retries"}


class Part(BaseModel):
    """Base of every part of the spec: frozen, closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PromptSpec(Part):
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


class SplitSpec(Part):
    """How many examples go where. `test` is locked: only the final comparison reads it."""

    train: int = Field(default=48, ge=0, description="Examples that may be shown to the optimizer model.")
    dev: int = Field(default=48, ge=1, description="Examples that candidates are scored on.")
    test: int = Field(default=144, ge=1, description="Locked examples that prove the gain.")


class DatasetSpec(Part):
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


class AnswerSpec(Part):
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


class ModelSpec(Part):
    """A model by name, and how to call it. A bare string is short for `{model: name}`."""

    model: str = Field(
        min_length=1,
        description="`provider:name` as LangChain has it, `local:NAME` for an embedded model, or a .gguf file.",
    )
    base_url: str | None = Field(default=None, description="Endpoint of an OpenAI-compatible server.")
    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    parameters: Mapping[str, JsonValue] = Field(default={}, description="Sampling parameters, such as temperature.")
    max_concurrency: int = Field(default=8, ge=1, description="Calls in flight at once.")
    timeout_s: float = Field(default=120.0, gt=0, description="Time-out of one call, in seconds.")
    max_retries: int = Field(default=4, ge=0, description="Repetitions of a call that failed for the moment.")

    @model_validator(mode="before")
    @classmethod
    def _bare_name(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value

    @field_validator("model")
    @classmethod
    def _has_provider(cls, value: str) -> str:
        provider, colon, name = value.partition(":")
        if value.endswith(".gguf") or (provider and name.strip()):
            return value
        bare = (name if colon else value).strip()
        example = f"openai:{bare or 'gpt-4o-mini'}"
        raise ValueError(
            f"names no {'model' if provider and colon else 'provider'}; "
            f"write `provider:name`, such as `{example}`, `local:NAME`, or a path to a .gguf file"
        )

    @field_validator("api_key_env")
    @classmethod
    def _is_variable(cls, value: str | None) -> str | None:
        if value is not None and not _VARIABLE.fullmatch(value):
            raise ValueError(
                "must be the name of an environment variable, such as OPENAI_API_KEY; put the key into that variable"
            )
        return value

    @field_validator("base_url")
    @classmethod
    def _no_key_in_address(cls, value: str | None) -> str | None:
        authority = (value or "").rpartition("://")[2].partition("/")[0]
        if "@" in authority or "?" in (value or ""):
            raise ValueError(
                "must hold neither user and password nor a query; "
                "put keys into an environment variable and name it in `api_key_env`"
            )
        return value

    @field_validator("parameters")
    @classmethod
    def _only_sampling(cls, value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        if name := find_secret(value):
            raise ValueError(f"`{name}` looks like a secret; name its environment variable in `api_key_env`")
        if taken := next((name for name in value if name in _NOT_SAMPLING), None):
            raise ValueError(f"`{taken}` is no sampling parameter; set `{_NOT_SAMPLING[taken]}` of the model")
        return value

    @property
    def is_local(self) -> bool:
        """Whether the model is served by this machine."""
        return self.model.startswith("local:") or self.model.endswith(".gguf")

    def with_default(self, parameter: str, value: object) -> "ModelSpec":
        """The same model with a sampling parameter set, unless the spec sets it."""
        return self.model_copy(update={"parameters": {parameter: value, **self.parameters}})

    def identity(self) -> dict[str, Any]:
        """What decides the answer: name, endpoint and parameters; not limits, time-outs or keys.

        A .gguf file is named without its folder: it may lie elsewhere on another machine.
        """
        name = Path(self.model.removeprefix("local:")).name if self.model.endswith(".gguf") else self.model
        return {"model": name, "base_url": self.base_url, "parameters": dict(self.parameters)}


class ModelsSpec(Part):
    """The three models of a run."""

    task: ModelSpec = ModelSpec(model="local:smollm2-135m")
    optimizer: ModelSpec = ModelSpec(model="local:smollm2-135m")
    embedding: ModelSpec = ModelSpec(model="local:wordllama")


class OptimizerSpec(Part):
    """GPO's parameters (Tang et al., section 3), with the published defaults."""

    max_steps: int = Field(default=18, ge=1)
    patience: int = Field(default=6, ge=1, description="Stop after so many steps without a better best.")
    candidates: int = Field(default=8, ge=1, le=64, description="Proposals asked for in each step.")
    k: int = Field(default=3, ge=1, description="Scored prompts shown, the current one among them.")
    examples: int = Field(default=3, ge=0, description="Training examples in the meta-prompt.")
    decay: Decay = "cosine"
    budget_start: int = Field(default=50, ge=1, description="Words that the first step may change.")
    budget_end: int = Field(default=10, ge=1, description="Words that the last step may change.")
    style: Literal["paper", "continuation"] = Field(
        default="paper", description="Meta-prompt: the paper's, or a list to continue for very small models."
    )
    race_after: int | None = Field(
        default=None, ge=1, description="Drop a candidate that is behind the best after so many examples."
    )

    @model_validator(mode="after")
    def _decays(self) -> Self:
        if self.budget_end > self.budget_start:
            raise ValueError(f"budget_end ({self.budget_end}) must not exceed budget_start ({self.budget_start})")
        return self


class BudgetSpec(Part):
    """What a run may use. Calls answered from the ledger count, so that a resumed run ends where a whole one would."""

    max_calls: int | None = Field(default=None, ge=1, description="Calls of the task and the optimizer model together.")


class TaskSpec(Part):
    """One task: a prompt, a dataset, a metric, the models and the optimizer."""

    name: Name
    prompt: PromptSpec
    dataset: DatasetSpec
    answer: AnswerSpec = AnswerSpec()
    metric: str = "exact_match"
    models: ModelsSpec = ModelsSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    budget: BudgetSpec = BudgetSpec()
    max_failure_rate: Fraction = 0.05
    max_unparsed_rate: Fraction = Field(
        default=0.9, description="Stop before the start when more answers than this cannot be read."
    )
    seed: int = 0

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"unknown metric '{value}'{suggestion(value, METRICS)}")
        return value

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
        """Hash of everything that decides a run's course; machine limits and paths are left out."""
        content = self.model_dump(mode="json", exclude={"models": True, "dataset": {"path"}})
        content["models"] = {role: getattr(self.models, role).identity() for role in ("task", "optimizer", "embedding")}
        return content_hash(content)


def load_spec(path: Path) -> TaskSpec:
    """Read and check a spec file. The dataset path is made absolute, relative to the file.

    Raises:
        SpecError: the file is missing, not UTF-8, not YAML, or does not fit; the message names file and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SpecError(f"{path}: no such file; `gpo spec init NAME --data FILE` writes a starter") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: is a folder; name the spec file in it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SpecError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise SpecError(f"{path}: expected a mapping with keys such as {', '.join(list(TaskSpec.model_fields)[:4])}")
    try:
        spec = TaskSpec.model_validate(content)
    except ValidationError as error:
        raise SpecError(explain(error, source=str(path))) from None
    return anchored(spec, path.resolve().parent)


def anchored(spec: TaskSpec, folder: Path) -> TaskSpec:
    """The spec with its file paths made absolute, relative to `folder`."""
    dataset = spec.dataset.model_copy(update={"path": (folder / spec.dataset.path.expanduser()).resolve()})
    models = ModelsSpec.model_validate(
        {role: _anchored_model(getattr(spec.models, role), folder) for role in ModelsSpec.model_fields}
    )
    return spec.model_copy(update={"dataset": dataset, "models": models})


def _anchored_model(model: ModelSpec, folder: Path) -> ModelSpec:
    if not model.model.endswith(".gguf"):
        return model
    name = model.model.removeprefix("local:")
    return model.model_copy(update={"model": str((folder / Path(name).expanduser()).resolve())})


def explain(error: ValidationError, source: str) -> str:
    """A pydantic error as lines that name the field, what was received, and what was meant."""
    lines = [_explain_one(item, source) for item in error.errors()]
    return "\n".join(dict.fromkeys(lines))


def _explain_one(item: Mapping[str, Any], source: str) -> str:
    location = ".".join(str(part) for part in item["loc"]) or "spec"
    if item["type"] == "extra_forbidden":
        *parents, key = item["loc"]
        return f"{source}: unknown key `{location}`{suggestion(str(key), _fields_at(parents))}"
    if item["type"] == "missing":
        return f"{source}: `{location}` is missing"
    message = str(item["msg"]).removeprefix("Value error, ")
    silent = isinstance(item["input"], dict) or not _UNREPEATED.isdisjoint(item["loc"])
    received = "" if silent else f" (received {item['input']!r})"
    return f"{source}: `{location}`: {message}{received}"


def _fields_at(parents: Iterable[str | int]) -> list[str]:
    part: type[BaseModel] = TaskSpec
    for name in parents:
        field = part.model_fields.get(str(name))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        part = inner
    return list(part.model_fields)
