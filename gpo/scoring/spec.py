"""The spec of a metric: its name and its parameters, checked against the function."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

import gpo.scoring.metrics  # noqa: F401 - fills the registry
from gpo.errors import MetricError, SpecError, suggestion
from gpo.records import Record, canonical_json
from gpo.scoring.functions.given import hash_callable, name_callable
from gpo.scoring.functions.printing import printing_to_stderr
from gpo.scoring.kinds import AnswerKind
from gpo.scoring.metric_registry import (
    METRICS,
    Scoring,
    check_options,
    function_source,
    load_function,
    options_of,
)
from gpo.scoring.rules.place import WhereSpec
from gpo.set_metrics import SetMetric


class MetricSpec(Record):
    """A metric by name, and its parameters. A bare name is short for `{name: ...}`.

    `module:function` is short for `{name: python, function: "module:function"}`; see `gpo.scoring.metric_registry`.
    """

    name: str
    parameters: Mapping[str, JsonValue] = {}
    folder: Path | None = Field(default=None, description="For `python`: where its module is; the spec's folder.")
    source: str = Field(default="", description="For `python`: hash of its module's file.")
    timeout_s: float = Field(default=60, gt=0, le=3600, description="For `python`: seconds that one call may take.")
    _function: Scoring | None = PrivateAttr(default=None)

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": "python", "parameters": {"function": value}} if ":" in value else {"name": value}
        if isinstance(value, dict) and "parameters" not in value:
            own = ("name", "timeout_s") if value.get("name") == "python" else ("name",)
            given = {key: each for key, each in value.items() if key not in own}
            return {**{key: value[key] for key in own if key in value}, "parameters": given}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What a spec may hold: a name, a name with its parameters side by side, or the record itself."""
        flat = []
        for name, metric in METRICS.items():
            options = metric.options.model_json_schema()
            own = {"timeout_s": {"type": "number"}} if name == "python" else {}
            options["properties"] = {"name": {"const": name}, **own, **options.get("properties", {})}
            options["required"] = ["name", *options.get("required", [])]
            flat.append({**options, "title": name})
        return {"anyOf": [{"type": "string"}, *flat, handler.resolve_ref_schema(handler(schema))]}

    @field_validator("name")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"unknown metric '{value}'{suggestion(value, METRICS)}")
        return value

    @model_validator(mode="after")
    def _parameters_fit(self) -> Self:
        check_options(self.name, METRICS[self.name].options, self.parameters)
        return self

    def beside(self, folder: Path) -> Self:
        """The metric as a spec in `folder` means it: a function of the user's is found, and its source hashed.

        Raises:
            SpecError: the function cannot be used, or not with these parameters.
        """
        if self.name != "python" or self._function is not None:
            return self
        given = dict(self.parameters)
        name, folder = str(given.pop("function")), self.folder or folder
        try:
            with printing_to_stderr():
                source = function_source(name, folder)
                function = load_function(name, folder, source)
            check_options(name, options_of(function), given)
        except ValidationError as error:
            problems = "; ".join(f"`metric.{item['loc'][0]}`: {item['msg']}" for item in error.errors())
            raise SpecError(problems) from None
        except (MetricError, TypeError) as error:
            raise SpecError(f"`metric`: function '{name}': {error}") from error
        return self.model_copy(update={"folder": folder, "source": source})

    @classmethod
    def of_function(cls, function: Scoring) -> Self:
        """The metric that a function is which is given in Python; it is in no dump of the spec.

        Raises:
            SpecError: it cannot be called as a metric is.
        """
        name = name_callable(function)
        try:
            options_of(function)
        except TypeError as error:
            raise SpecError(f"`metric`: function '{name}': {error}") from None
        found = cls(name="python", parameters={"function": name}, source=hash_callable(function))
        found._function = function  # its own class
        return found

    @property
    def function(self) -> Scoring | None:
        """The function that was given in Python; None for metrics that are found by their name."""
        return self._function

    @property
    def of_set(self) -> SetMetric | None:
        """The measure of the whole set that is the score; None where the score is the mean over the examples."""
        return METRICS[self.name].of_set

    @property
    def identity(self) -> str:
        """Name and parameters as one text: scores of different identities cannot be compared."""
        parts = [self.name, canonical_json(dict(self.parameters)) if self.parameters else "", self.source]
        return " ".join(part for part in parts if part)


class ExtractSpec(Record):
    """A second call that asks for the answer of the first, which may then think freely. A text is its prompt."""

    prompt: str = Field(min_length=1, description="What is asked after the answer: `Therefore, the answer is`.")
    when: Literal["always", "unparsed"] = Field(
        default="always", description="After every answer, or only where none could be read: cheaper, less even."
    )
    max_tokens: int = Field(default=64, ge=1, description="Length of what is extracted, thinking included.")

    @model_validator(mode="before")
    @classmethod
    def _bare_prompt(cls, value: object) -> object:
        return {"prompt": value} if isinstance(value, str) else value


_LABELLED = frozenset({"choice", "labels"})


class AnswerSpec(Record):
    """How an answer is read from what the task model writes."""

    kind: AnswerKind = Field(
        default="exact", description="What is looked for in the text; `exact` is one line, `free` the whole text."
    )
    labels: tuple[str, ...] = Field(default=(), description="For `choice` and `labels`: the allowed answers.")
    allow_none: bool | None = Field(default=None, description="For `labels`: whether no label at all is an answer.")
    where: WhereSpec | None = Field(
        default=None, description="The one place of the text that holds the answer; else rules look for it."
    )
    extract: ExtractSpec | None = Field(default=None, description="A second call that asks for the answer alone.")

    @property
    def choices(self) -> tuple[str, ...] | None:
        """The labels that an answer is one of, or, for kind `labels`, a set of; None where there are none."""
        return ("true", "false") if self.kind == "boolean" else self.labels or None

    @property
    def has_sets(self) -> bool:
        """Whether an answer is a set of labels."""
        return self.kind == "labels"

    @model_validator(mode="after")
    def _labels_for_choice(self) -> Self:
        if self.kind in _LABELLED and len(self.labels) < 2:
            raise ValueError(f"kind `{self.kind}` needs at least two labels")
        if self.kind not in _LABELLED and self.labels:
            raise ValueError(f"labels belong to the kinds `choice` and `labels`, not to `{self.kind}`")
        if self.kind != "labels" and self.allow_none is not None:
            raise ValueError(f"`allow_none` belongs to kind `labels`, not to `{self.kind}`")
        if self.kind == "labels" and (listed := [label for label in self.labels if label.startswith("[")]):
            raise ValueError(f"a label must not begin with `[`, as sets of labels do; received {listed[0]!r}")
        if len({label.casefold() for label in self.labels}) != len(self.labels):
            raise ValueError("labels must differ by more than case")
        return self


def is_judged(metric: MetricSpec) -> bool:
    """Whether a model scores the answers."""
    return METRICS[metric.name].needs_model
