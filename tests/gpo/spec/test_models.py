"""The models of a spec: which there are, and what they cost."""

import pytest
from pydantic import ValidationError

from gpo.records import Usage
from gpo.spec.models import ModelSpec, ModelsSpec, PriceSpec


def test_other_providers_have_no_completion_models() -> None:
    with pytest.raises(ValidationError, match=r"`completion` is for `openai:NAME`.*the provider 'anthropic' is asked"):
        ModelSpec(model="anthropic:x", completion=True)
    assert ModelSpec(model="local:smollm2-135m", completion=True).completion


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/v1", "//host/v1"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must begin with http:// or https://"):
        ModelSpec(model="openai:x", base_url=address)


@pytest.mark.parametrize(
    "address", ["http:///v1", "http://host:99999/v1", "http://host:0/v1", "http://[::1/v1", "http://a b"]
)
def test_an_address_that_leads_nowhere_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="must name a host, and a port from 1 to 65535"):
        ModelSpec(model="openai:x", base_url=address)
    with pytest.raises(ValidationError, match="without blanks"):
        ModelSpec(model="openai:x", base_url="https://host/v1\n")
    assert ModelSpec(model="openai:x", base_url="http://[::1]:11434/v1").base_url == "http://[::1]:11434/v1"


def test_a_run_costs_what_its_priced_models_cost() -> None:
    usage = {
        "task": Usage(calls=10, input_tokens=1_000_000, output_tokens=100_000),
        "optimizer": Usage(calls=1, input_tokens=500_000, output_tokens=500_000),
        "judge": Usage(calls=2, input_tokens=1_000_000),
    }
    price = PriceSpec(input=2, output=10)
    optimizer = ModelSpec(model="openai:y", price=price)
    assert ModelsSpec().cost(usage) is None
    # The optimizer model judges too.
    assert ModelsSpec(optimizer=optimizer).cost(usage) == 6 + 2
    assert ModelsSpec(task=optimizer).cost(usage) == 3
    assert ModelsSpec(optimizer=optimizer).cost({"task": usage["task"], "optimizer": Usage()}) is None
