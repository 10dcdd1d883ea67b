"""The models that a prompt may move to, as a person names them, each with a name that tells it from the others."""

import re
from collections.abc import Iterable, Mapping, Sequence

import yaml
from pydantic import ValidationError

from gpo.errors import ModelConfigError, SpecError
from gpo.evaluation.list_prices import list_price
from gpo.formatting import shorten_value
from gpo.progress import Note, emit
from gpo.records import canonical_json
from gpo.spec.file import explain_validation
from gpo.spec.models import ModelSpec, PriceSpec

MOST_MODELS = 20
"""More pairs than 25 fit at no interval of 95%."""

_SHARED = (
    "base_url", "api_key_env", "parameters", "completion", "max_concurrency", "requests_per_minute",
    "tokens_per_minute", "timeout_s", "max_retries", "max_age_days",
)  # fmt: skip
"""What a model that is named alone has in common with the present one, where both are of one provider."""

_MODEL = re.compile(r"^\s*\{.*?model[\"']?\s*:\s*[\"']?([^\"',}\s]+).*$", re.DOTALL)
"""The options of a model in YAML, and its name among them."""

_FREE = PriceSpec(input=0, output=0)


def read_models(given: Iterable[object], present: ModelSpec) -> tuple[ModelSpec, ...]:
    """The models that are meant: names, several with commas, or the options of a model in YAML or as a mapping.

    A name of the present model's provider is asked at the same address and in the same way, which is told.

    Raises:
        InputError: one is no model, is the present one, or there are none or too many.
    """
    found = [model for each in given for model in _read(each, present)]
    if not found:
        raise SpecError("--to names no model; give `provider:name`, several with commas")
    if len(found) > MOST_MODELS:
        raise SpecError(f"--to names {len(found)} models, at most {MOST_MODELS} can be compared at once")
    seen: list[Mapping[str, object]] = []
    for model in found:
        if model.identity() == present.identity():
            raise SpecError(f"--to names {model.model}, asked as now: that is the present model, `models.task`")
        if model.identity() in seen:
            raise SpecError(f"--to names {model.model} twice")
        seen.append(model.identity())
    return tuple(found)


def _read(given: object, present: ModelSpec) -> list[ModelSpec]:
    if isinstance(given, ModelSpec):
        return [given]
    if isinstance(given, Mapping):
        return [_of_options(given)]
    if not isinstance(given, str):
        from gpo.models.given import read_model  # noqa: PLC0415 - LangChain takes a second, and names need none of it

        return [read_model(given, "to")]
    if given.lstrip().startswith("{"):
        try:
            content = yaml.safe_load(given)
        except yaml.YAMLError as error:
            raise SpecError(f"--to {shorten_value(given)}: is no YAML: {str(error).splitlines()[0]}") from None
        return [_of_options(content)]
    return [_of_name(name.strip(), present) for name in given.split(",") if name.strip()]


def _of_options(content: object) -> ModelSpec:
    try:
        return ModelSpec.model_validate(content)
    except ValidationError as error:
        raise SpecError(explain_validation(error, source="--to")) from None


def _of_name(name: str, present: ModelSpec) -> ModelSpec:
    model = _of_options(name)
    provider, other = model.model.partition(":")[0], present.model.partition(":")[0]
    if provider != other or model.is_free or present.is_given:
        return model
    shared = {option: getattr(present, option) for option in _SHARED}
    told = [f"`{option}`" for option in ("base_url", "api_key_env", "parameters") if shared[option]]
    if told:
        emit(Note(f"{name}: {' and '.join(told)} as of {present.model}; give `{{model: {name}, ...}}` for others"))
    return model.model_copy(update=shared)


def title_of(given: Iterable[str]) -> str:
    """The models that are named, for a title; what is wrong with one is told elsewhere.

    >>> title_of(["openai:a, local:b", "{model: 'openai:c', price: {input: 1, output: 2}}"])
    'openai:a, local:b, openai:c'
    """
    return ", ".join(_MODEL.sub(r"\1", text) for text in given)


def name_models(models: Sequence[ModelSpec]) -> tuple[str, ...]:
    """A name for each: the model's own, with what else tells it from another of that name.

    >>> name_models([ModelSpec(model="openai:a"), ModelSpec(model="openai:b")])
    ('openai:a', 'openai:b')
    """
    names = [model.model for model in models]
    return tuple(
        name if names.count(name) == 1 else whole_name(model) for name, model in zip(names, models, strict=True)
    )


def whole_name(model: ModelSpec) -> str:
    """The name of a model with its address and parameters, where it has any."""
    address = f" at {model.base_url}" if model.base_url else ""
    return f"{model.model}{address}{f' {canonical_json(model.parameters)}' if model.parameters else ''}"


def with_prices(models: Sequence[ModelSpec]) -> tuple[tuple[ModelSpec, ...], tuple[str, ...]]:
    """The same with a price where one can be known, and the names of those that have theirs from a list.

    A model that runs here sends no bill: where others have a price, its own is nothing.

    Raises:
        ModelConfigError: the price list cannot be read.
    """
    try:
        listed = [None if model.price or model.is_free else list_price(model) for model in models]
    except (ValueError, ArithmeticError) as error:
        raise ModelConfigError(f"the price list cannot be read: {error}; write `price:` at the models") from error
    any_priced = any(model.price or price for model, price in zip(models, listed, strict=True))
    found = [
        model.price or price or (_FREE if any_priced and model.is_free else None)
        for model, price in zip(models, listed, strict=True)
    ]
    priced = tuple(
        model if price is model.price else model.model_copy(update={"price": price})
        for model, price in zip(models, found, strict=True)
    )
    return priced, tuple(model.model for model, price in zip(models, listed, strict=True) if price is not None)
