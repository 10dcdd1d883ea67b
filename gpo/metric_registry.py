"""The registry of metrics: their names, and the parameters that a spec may give them.

A metric's parameters are its keyword-only arguments. What a spec says is checked against their annotations when the
spec is read, so that a metric with options is one function and nothing else.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, JsonValue, ValidationError, create_model
from pydantic_core import InitErrorDetails, PydanticCustomError

from gpo.errors import suggestion

Scoring = Callable[..., float]
"""`(answer, reference, *, parameters) -> score in 0..1`."""


class Metric(NamedTuple):
    """A registered metric."""

    function: Scoring
    options: type[BaseModel]
    """The metric's parameters as a model that checks them."""
    needs_model: bool
    """Scored by a model (`gpo.judge`), not by the function."""


METRICS: dict[str, Metric] = {}
"""Every metric by the name that a spec uses."""


def metric(name: str, *, needs_model: bool = False) -> Callable[[Scoring], Scoring]:
    """Register a function under the name that specs use; a name that is taken raises ValueError."""

    def register(function: Scoring) -> Scoring:
        if name in METRICS:
            raise ValueError(f"metric '{name}' is registered twice")
        METRICS[name] = Metric(function, options_of(function), needs_model)
        return function

    return register


def options_of(function: Scoring) -> type[BaseModel]:
    """A model of the keyword-only arguments of a scoring function.

    Raises:
        TypeError: it does not take two positional arguments, or an annotation is no type that can be checked.
    """
    signature = inspect.signature(function)
    arguments = list(signature.parameters.values())
    given = {each.name: None for each in arguments if each.kind is each.KEYWORD_ONLY}
    try:
        signature.bind("answer", "reference", **given)
    except TypeError as error:
        raise TypeError(f"must take (answer, reference), and parameters by keyword only: {error}") from None
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {
        each.name: (hints.get(each.name, JsonValue), ... if each.default is each.empty else each.default)
        for each in arguments
        if each.kind is each.KEYWORD_ONLY
    }
    others = any(each.kind is each.VAR_KEYWORD for each in arguments)
    return create_model("Options", __config__=ConfigDict(extra="allow" if others else "forbid", strict=True), **fields)


def check_options(name: str, options: type[BaseModel], parameters: Mapping[str, JsonValue]) -> None:
    """Check the parameters that a spec gives to a metric.

    Raises:
        pydantic.ValidationError: one is unknown, missing or of the wrong type; each problem is at the parameter's name.
    """
    try:
        options.model_validate(dict(parameters))
    except ValidationError as error:
        raise ValidationError.from_exception_data(name, list(_details(name, options, error))) from None


def _details(name: str, options: type[BaseModel], error: ValidationError) -> Iterator[InitErrorDetails]:
    for item in error.errors():
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            known = options.model_fields
            near = suggestion(str(item["loc"][0]), known) if known else "; it takes none"
            message = f"no parameter of metric `{name}`{near}"
        elif item["type"] == "missing":
            message = f"metric `{name}` needs it"
        # Passed as context, since the message itself is a template.
        yield InitErrorDetails(
            type=PydanticCustomError("metric_parameter", "{message}", {"message": message}),
            loc=item["loc"],
            input=item["input"],
        )


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiles)]
"""A regular expression."""
