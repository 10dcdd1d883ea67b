"""The models that `--to` names, and what they are called."""

from typing import Any

import pytest

from gpo.errors import InputError
from gpo.migration.models import name_models, read_models, with_prices
from gpo.progress import Event, Note, listen
from gpo.spec.models import ModelSpec, PriceSpec

HERE = ModelSpec(
    model="openai:old",
    base_url="http://localhost:9/v1",
    api_key_env="KEY",
    parameters={"temperature": 0.2},
    price=PriceSpec(input=1, output=2),
)


def read(*given: object, present: ModelSpec = HERE) -> list[ModelSpec]:
    return list(read_models(given, present))


def test_names_with_commas_and_options_in_yaml_are_models() -> None:
    found = read("anthropic:a, local:b", '{model: "openai:c", price: {input: 3, output: 4}}', {"model": "groq:d"})
    assert [each.model for each in found] == ["anthropic:a", "local:b", "openai:c", "groq:d"]
    assert found[2].price == PriceSpec(input=3, output=4)
    assert [each.base_url for each in found] == [None] * 4


def test_a_name_of_the_same_provider_is_asked_as_the_present_model_and_that_is_told() -> None:
    told: list[str] = []

    def hear(event: Event) -> None:
        told.extend([event.text] if isinstance(event, Note) else [])

    with listen(hear):
        (found,) = read("openai:new")
    assert (found.base_url, found.api_key_env, dict(found.parameters)) == (HERE.base_url, "KEY", {"temperature": 0.2})
    assert found.price is None
    (text,) = told
    assert text.startswith("openai:new: `base_url` and `api_key_env` and `parameters` as of openai:old; give ")


@pytest.mark.parametrize(
    ("given", "fragment"),
    [
        ([" , "], "names no model"),
        (["openai:old"], "that is the present model"),
        (["openai:new", "openai:new"], "twice"),
        (["gpt"], "names no provider"),
        (["{model: [}"], "is no YAML"),
        (["{model: 'openai:x', temprature: 1}"], "temprature"),
        ([f"groq:m{number}" for number in range(21)], "at most 20"),
        ([7], "no chat model"),
    ],
)
def test_what_is_no_model_to_move_to_is_refused(given: list[Any], fragment: str) -> None:
    with pytest.raises(InputError, match=fragment):
        read(*given)


def test_models_of_one_name_are_told_apart_by_what_differs() -> None:
    one, other = (ModelSpec(model="synthetic:task", parameters={"seed": seed}) for seed in (1, 2))
    assert name_models([one, other, HERE]) == (
        'synthetic:task {"seed":1}',
        'synthetic:task {"seed":2}',
        "openai:old",
    )


def test_a_model_that_runs_here_costs_nothing_beside_one_that_has_a_price() -> None:
    here = ModelSpec(model="local:smollm2-135m")
    (priced, free), listed = with_prices([HERE, here])
    assert (priced, free.price, listed) == (HERE, PriceSpec(input=0, output=0), ())
    assert with_prices([here])[0] == (here,)
