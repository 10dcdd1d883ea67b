"""The spec of a metric: its name and its parameters, checked against the function."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, GetJsonSchemaHandler, JsonValue, ValidationError, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

import gpo.metrics  # noqa: F401 - fills the registry
from gpo.custom_metric import function_source, load_function
from gpo.errors import MetricError, SpecError, suggestion
from gpo.metric_registry import METRICS, check_options, options_of
from gpo.records import Record, canonical_json


class MetricSpec(Record):
    """A metric by name, and its parameters. A bare name is short for `{name: ...}`.

    `module:function` is short for `{name: python, function: "module:function"}`; see `gpo.custom_metric`.
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
