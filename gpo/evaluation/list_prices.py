"""List prices of models, for a forecast where the spec names none: those of `genai-prices`, which holds them itself.

They are in US dollars, of the day when that package was made. Nothing is asked over a network. What a run has cost is
never computed with them.
"""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from gpo.records import Usage
from gpo.spec.models import ModelRole, ModelSpec, ModelsSpec, PriceSpec

_PROVIDERS: Mapping[str, str] = {
    "anthropic": "anthropic",
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "google_genai": "google",
    "google_vertexai": "google",
    "groq": "groq",
    "mistralai": "mistral",
    "openai": "openai",
    "together": "together",
    "xai": "x-ai",
}
"""What the table calls the providers of LangChain."""

_FEW, _MANY = 1000, 1_000_000


def has_list() -> bool:
    """Whether there is a table."""
    return find_spec("genai_prices") is not None


def list_price(spec: ModelSpec) -> PriceSpec | None:
    """The list price of a model; None where it is served by somebody else, or the table does not know it."""
    provider, _, name = spec.model.partition(":")
    if spec.base_url is not None or provider not in _PROVIDERS or not has_list():
        return None
    from genai_prices import Usage as ListUsage  # noqa: PLC0415 - a second, and an extra
    from genai_prices import calc_price  # noqa: PLC0415 - likewise

    # Of few tokens: long contexts may cost more.
    usage = ListUsage(input_tokens=_FEW, output_tokens=_FEW)
    try:
        found = calc_price(usage, model_ref=name, provider_id=_PROVIDERS[provider])
    except LookupError:
        return None
    scale = _MANY / _FEW
    return PriceSpec(input=float(found.input_price) * scale, output=float(found.output_price) * scale)


def list_cost(models: ModelsSpec, usage: Mapping[str, Usage], roles: Iterable[ModelRole]) -> float | None:
    """What calls cost by the list; None where a model that sends a bill is not on it."""
    billed = [role for role in roles if role in usage and not models.of(role).is_free]
    prices = {role: list_price(models.of(role)) for role in billed}
    known = {role: price for role, price in prices.items() if price is not None}
    if not billed or len(known) < len(billed):
        return None
    return sum(price.of(usage[role]) for role, price in known.items())
