"""The section `models` of a spec: each model by name, how to call it, and what it costs."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import Field, JsonValue, PrivateAttr, field_validator, model_validator

from gpo.records import Record, Usage, UsageByRole
from gpo.redaction import find_secret

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TAKE_MAX_TOKENS = frozenset(
    {"anthropic", "azure_openai", "deepseek", "fireworks", "groq", "mistralai", "openai", "together", "xai"}
)
ModelRole = Literal["task", "optimizer", "judge"]
GIVEN = "python:"
"""How the name of a model begins that is given as an object; its name tells what it is, and cannot bring it back."""

_NOT_SAMPLING = {"base_url": "base_url", "timeout": "timeout_s", "max_retries": "max_retries"}


class PriceSpec(Record):
    """What a model costs, in a currency of the user's choice for a million tokens."""

    input: float = Field(ge=0, description="For a million input tokens.")
    output: float = Field(ge=0, description="For a million output tokens.")

    def of(self, usage: Usage) -> float:
        """What some answers cost.

        >>> PriceSpec(input=1, output=10).of(Usage(calls=1, input_tokens=500_000, output_tokens=100_000))
        1.5
        """
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / 1_000_000


def _is_address(value: str) -> bool:
    """Whether an address of http leads somewhere."""
    try:
        parts = urlsplit(value)
        is_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    return bool(parts.hostname) and is_port and value.isprintable() and " " not in value


class ModelSpec(Record):
    """A model by name, and how to call it. A bare string is short for `{model: name}`."""

    model: str = Field(
        min_length=1,
        description="`provider:name` as LangChain has it, `local:NAME` for an embedded model, or a .gguf file.",
    )
    base_url: str | None = Field(default=None, description="Endpoint of an OpenAI-compatible server.")
    api_key_env: str | None = Field(default=None, description="Environment variable that holds the key.")
    parameters: Mapping[str, JsonValue] = Field(
        default={},
        description="Sampling parameters, such as temperature; null leaves one out, where a model does not take what "
        "would be set for it: `parameters: {temperature: null}`.",
    )
    completion: bool = Field(default=False, description="A plain completion model: one text in, its continuation out.")
    price: PriceSpec | None = Field(default=None, description="For a million tokens; `budget.max_cost` needs it.")
    max_concurrency: int = Field(
        default=8,
        ge=1,
        description="Most calls in flight at once, of all runs that share a database and give the same number for the "
        "model; fewer while the server is busy.",
    )
    requests_per_minute: int | None = Field(
        default=None,
        ge=1,
        description="Most requests in a minute, of all roles with the same server and key together, and of all runs "
        "that share a database.",
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, description="Most tokens in a minute, in and out, likewise; estimated until a reply tells."
    )
    timeout_s: float = Field(default=120.0, gt=0, description="Seconds that one whole call may take.")
    max_retries: int = Field(default=4, ge=0, description="Repetitions of a call that failed for now.")

    max_age_days: float | None = Field(
        default=None,
        gt=0,
        le=36500,
        description="Days after which a kept answer is asked for anew, as providers change models behind their names.",
    )
    _client: Any = PrivateAttr(default=None)

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
        if value is not None and not value.lower().startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        if value is not None and not _is_address(value):
            raise ValueError("must name a host, and a port from 1 to 65535 if any, without blanks")
        return value

    @field_validator("parameters")
    @classmethod
    def _only_sampling(cls, value: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
        if name := find_secret(value):
            raise ValueError(f"`{name}` looks like a secret; name its environment variable in `api_key_env`")
        if taken := next((name for name in value if name in _NOT_SAMPLING), None):
            raise ValueError(f"`{taken}` is no sampling parameter; set `{_NOT_SAMPLING[taken]}` of the model")
        return value

    @model_validator(mode="after")
    def _completes(self) -> Self:
        if self.completion and not (self.is_local or self.model.startswith("openai:")):
            raise ValueError(
                "`completion` is for `openai:NAME`, also at another server's `base_url`, `local:NAME` and .gguf "
                f"files; the provider '{self.model.partition(':')[0]}' is asked as a chat model only"
            )
        return self

    def with_client(self, client: object) -> "ModelSpec":
        """The same, asked through a client of LangChain that is there; it is in no dump of the spec."""
        found = self.model_copy()
        found._client = client  # noqa: SLF001 - its own class
        return found

    @property
    def client(self) -> Any:
        """The client that `with_client` has told; None for models that are reached by their name."""
        return self._client

    @property
    def is_given(self) -> bool:
        """Whether the model is an object of Python; then it has settings of its own, and none is set for it."""
        return self.model.startswith(GIVEN)

    @property
    def is_local(self) -> bool:
        """Whether the model is served by this machine."""
        return self.model.startswith("local:") or self.model.endswith(".gguf")

    @property
    def is_synthetic(self) -> bool:
        """Whether the model is a synthetic one, which needs no key, no network and no weights."""
        return self.model.startswith("synthetic:")

    @property
    def is_free(self) -> bool:
        """Whether nobody sends a bill: the model runs here."""
        return self.is_local or self.is_synthetic

    @property
    def takes_max_tokens(self) -> bool:
        """Whether a call may bring `max_tokens` of its own; other providers have other names for it."""
        return self.is_local or self.model.partition(":")[0] in _TAKE_MAX_TOKENS

    @property
    def sampling(self) -> dict[str, Any]:
        """The parameters to send; one that is null is left out, also where the library would set it."""
        return {name: value for name, value in self.parameters.items() if value is not None}

    def with_default(self, parameter: str, value: object) -> "ModelSpec":
        """The same model with a sampling parameter set, unless the spec sets it or it is given as an object."""
        if self.is_given:
            return self
        return self.model_copy(update={"parameters": {parameter: value, **self.parameters}})

    def identity(self) -> dict[str, Any]:
        """What decides the answer: name, endpoint and parameters; not limits, time-outs or keys.

        A .gguf file is named without its folder: it may lie elsewhere on another machine.
        """
        name = Path(self.model.removeprefix("local:")).name if self.model.endswith(".gguf") else self.model
        return {
            "model": name,
            "base_url": self.base_url,
            "parameters": dict(self.parameters),
            **({"completion": True} if self.completion else {}),
        }


class ModelsSpec(Record):
    """The models of a run. The judge is asked where the metric is one; it is the optimizer model unless it is named."""

    task: ModelSpec = Field(
        default=ModelSpec(model="local:smollm2-135m"), description="The model whose prompt is improved."
    )
    optimizer: ModelSpec = Field(
        default=ModelSpec(model="local:smollm2-135m"), description="The model that writes new instructions."
    )
    embedding: ModelSpec = Field(
        default=ModelSpec(model="local:wordllama"), description="The model that finds similar instructions."
    )
    judge: ModelSpec | None = Field(default=None, description="For `metric: judge`; by default the optimizer model.")

    def of(self, role: ModelRole) -> ModelSpec:
        """The model that plays a role."""
        models: Mapping[ModelRole, ModelSpec] = {
            "task": self.task,
            "optimizer": self.optimizer,
            "judge": self.judge or self.optimizer,
        }
        return models[role]

    def cost(self, usage: UsageByRole) -> float | None:
        """What answers cost at the models' prices; a model without one adds nothing. None: no model used has one."""
        used = [(self.of(role), usage[role]) for role in get_args(ModelRole) if role in usage and usage[role].calls]
        costs = [model.price.of(part) for model, part in used if model.price is not None]
        return math.fsum(costs) if costs else None
