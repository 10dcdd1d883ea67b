"""The spec of a metric: its name and its parameters, checked against the function."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

import gpo.scoring.metrics  # noqa: F401 - fills the registry
from gpo.errors import MetricError, SpecError, suggestion
from gpo.records import Example, Record, canonical_json
from gpo.scoring.comparing import AnswerKind, by_value
from gpo.scoring.metric_registry import (
    METRICS,
    Scoring,
    check_options,
    function_source,
    load_function,
    options_of,
)
from gpo.scoring.metrics import _named
from gpo.scoring.rules.place import WhereSpec


class MetricSpec(Record):
    """A metric by name, and its parameters. A bare name is short for `{name: ...}`.

    `module:function` is short for `{name: python, function: "module:function"}`; see `gpo.scoring.metric_registry`.
    """

    name: str
    parameters: Mapping[str, JsonValue] = {}
    folder: Path | None = Field(default=None, description="For `python`: where its module is; the spec's folder.")
    source: str = Field(default="", description="For `python`: hash of its module's file.")

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, value: object) -> object:
        if isinstance(value, str):
            return {"name": "python", "parameters": {"function": value}} if ":" in value else {"name": value}
        if isinstance(value, dict) and "parameters" not in value:
            given = {key: each for key, each in value.items() if key != "name"}
            return {"name": value.get("name"), "parameters": given}
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What a spec may hold: a name, a name with its parameters side by side, or the record itself."""
        flat = []
        for name, metric in METRICS.items():
            options = metric.options.model_json_schema()
            options["properties"] = {"name": {"const": name}, **options.get("properties", {})}
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
        if self.name != "python":
            return self
        given = dict(self.parameters)
        name, folder = str(given.pop("function")), self.folder or folder
        try:
            source = function_source(name, folder)
            check_options(name, options_of(load_function(name, folder, source)), given)
        except ValidationError as error:
            problems = "; ".join(f"`metric.{item['loc'][0]}`: {item['msg']}" for item in error.errors())
            raise SpecError(problems) from None
        except (MetricError, TypeError) as error:
            raise SpecError(f"`metric`: function '{name}': {error}") from error
        return self.model_copy(update={"folder": folder, "source": source})

    @property
    def identity(self) -> str:
        """Name and parameters as one text: scores of different identities cannot be compared."""
        parts = [self.name, canonical_json(dict(self.parameters)) if self.parameters else "", self.source]
        return " ".join(part for part in parts if part)


def score(metric: "MetricSpec", answer: str, references: Sequence[str], kind: AnswerKind = "free") -> float:
    """The score of an answer by a spec's metric: the best over the references, from 0 to 1.

    Answers of a kind with a canonical value are equal only if that value is: `C` is never `C++`, whatever their words.

    >>> score(MetricSpec(name="exact_match"), "5", ["-5"], "number")
    0.0

    Raises:
        MetricError: the metric is a model's to score, or its function failed or gave no number from 0 to 1.
    """
    function = _bound(metric)
    value = max(_value(metric, function, answer, reference) for reference in references)
    return by_value(value, metric.name, kind, answer, references)


def check_metric(metric: "MetricSpec", examples: Sequence[Example], kind: AnswerKind = "free") -> None:
    """Score the examples' own references, so that a metric that cannot work is found before anything is paid for.

    Raises:
        SpecError: the metric fails on one of them.
    """
    if METRICS[metric.name].needs_model:
        return
    for example in examples:
        try:
            score(metric, example.reference, example.references, kind)
        except MetricError as error:
            raise SpecError(
                f"`metric`: {error}; it was given the reference of example {example.id} as the answer: correct the "
                "metric or the dataset"
            ) from error


def _bound(metric: "MetricSpec") -> Scoring:
    """The metric's function with the spec's parameters."""
    given = dict(metric.parameters)
    if metric.name == "python":
        name = str(given.pop("function"))
        return partial(load_function(name, metric.folder, metric.source), **given)
    return partial(METRICS[metric.name].function, **given)


def _value(metric: "MetricSpec", function: Scoring, answer: str, reference: str) -> float:
    try:
        value: Any = function(answer, reference)
    except MetricError:
        raise
    except Exception as error:  # a user's function may raise anything
        raise MetricError(
            f"{_named(metric)} raised {type(error).__name__}: {error} for answer {answer[:80]!r} and reference "
            f"{reference[:80]!r}"
        ) from error
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise MetricError(
            f"{_named(metric)} returned {str(value)[:80]!r} for answer {answer[:80]!r} and reference "
            f"{reference[:80]!r}; it must return a number from 0 to 1"
        )
    return number


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


class AnswerSpec(Record):
    """How an answer is read from what the task model writes."""

    kind: AnswerKind = Field(
        default="exact", description="What is looked for in the text; `exact` is one line, `free` the whole text."
    )
    labels: tuple[str, ...] = Field(default=(), description="For `choice`: the allowed answers.")
    where: WhereSpec | None = Field(
        default=None, description="The one place of the text that holds the answer; else rules look for it."
    )
    extract: ExtractSpec | None = Field(default=None, description="A second call that asks for the answer alone.")

    @model_validator(mode="after")
    def _labels_for_choice(self) -> Self:
        if self.kind == "choice" and len(self.labels) < 2:
            raise ValueError("kind `choice` needs at least two labels")
        if self.kind != "choice" and self.labels:
            raise ValueError(f"labels belong to kind `choice`, not `{self.kind}`")
        if len({label.casefold() for label in self.labels}) != len(self.labels):
            raise ValueError("labels must differ by more than case")
        return self
