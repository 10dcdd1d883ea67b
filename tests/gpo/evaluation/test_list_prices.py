"""List prices, where the spec names none."""

import pytest

from gpo.evaluation.list_prices import list_cost, list_price
from gpo.records import Usage
from gpo.spec.models import ModelSpec, ModelsSpec

USAGE = {"task": Usage(calls=1000, input_tokens=1_000_000, output_tokens=100_000)}


@pytest.mark.parametrize(
    "model", ["openai:gpt-4o-mini", "anthropic:claude-haiku-4-5", "bedrock_converse:amazon.nova-lite-v1:0"]
)
def test_a_model_that_is_listed_has_a_price_for_a_million_tokens(model: str) -> None:
    price = list_price(ModelSpec(model=model))
    assert price is not None
    assert 0 < price.input < price.output < 100


def test_a_model_that_is_not_listed_or_is_served_elsewhere_has_none() -> None:
    assert list_price(ModelSpec(model="openai:no-such-model")) is None
    assert list_price(ModelSpec(model="openai:gpt-4o-mini", base_url="http://localhost:1/v1")) is None
    assert list_price(ModelSpec(model="local:smollm2-135m")) is None


def test_a_cost_is_told_only_where_every_bill_is_known() -> None:
    models = ModelsSpec(task=ModelSpec(model="openai:gpt-4o-mini"), optimizer=ModelSpec(model="openai:no-such-model"))
    cost = list_cost(models, USAGE, ("task", "optimizer"))
    assert cost is not None
    assert 0.01 < cost < 10
    assert list_cost(models, {**USAGE, "optimizer": Usage(calls=1)}, ("task", "optimizer")) is None
    assert list_cost(ModelsSpec(), USAGE, ("task",)) is None
