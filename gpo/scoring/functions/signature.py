"""What a scoring function asks for, by the names of its parameters.

    def polite(answer, reference): ...
    def cites(text, row): ...
    async def checked(answer, reference, *, row, limit: int = 3): ...
    def quick(row, answer, trace): ...

`answer`, `reference`, `row`, `text` and `trace` are given by name, wherever they stand. Of other names the first two
that are not keyword-only are the answer and the reference. What is left, keyword-only, is what a spec may set.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

GIVEN = ("answer", "reference", "row", "text", "trace")
"""What a scoring function may ask for: the answer that was read, one right answer, the whole row, the raw text, and
the model calls behind it (`gpo.scoring.functions.trace`)."""

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

_FORM = "must take (answer, reference), and parameters by keyword only; `row`, `text` and `trace` it may take by name"


class Asks(NamedTuple):
    """What of `GIVEN` a function takes: in the order of its positional parameters, and by keyword."""

    positional: tuple[str, ...]
    keywords: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """All that it takes."""
        return frozenset((*self.positional, *self.keywords))

    def arguments(self, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a call, from values by the names in `GIVEN`."""
        return [given[name] for name in self.positional], {name: given[name] for name in self.keywords}


@lru_cache(maxsize=256)
def asks_of(function: Callable[..., Any]) -> Asks:
    """What a scoring function asks for.

    Raises:
        TypeError: it cannot be called with these, or does not look at both an answer and what it should be.
    """
    signature = inspect.signature(function)
    parameters = list(signature.parameters.values())
    positional = [each for each in parameters if each.kind in _POSITIONAL]
    asks = Asks(
        positional=_in_order(positional, takes_more=any(each.kind is each.VAR_POSITIONAL for each in parameters)),
        keywords=tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.name in GIVEN),
    )
    options = {each.name: None for each in parameters if each.kind is each.KEYWORD_ONLY and each.name not in GIVEN}
    try:
        signature.bind(*asks.positional, **dict.fromkeys(asks.keywords), **options)
    except TypeError as error:
        raise TypeError(f"{_FORM}: {error}") from None
    if not ({"answer", "text", "trace"} & asks.names and {"reference", "row"} & asks.names):
        taken = ", ".join(each.name for each in parameters) or "nothing"
        raise TypeError(f"{_FORM}: it takes {taken}")
    return asks


def _in_order(positional: list[inspect.Parameter], *, takes_more: bool) -> tuple[str, ...]:
    """What is given to positional parameters; those after the second of another name keep their defaults."""
    named = {each.name for each in positional if each.name in GIVEN}
    unnamed = iter([name for name in ("answer", "reference") if name not in named])
    found: list[str] = []
    for each in positional:
        name = each.name if each.name in GIVEN else next(unnamed, None)
        if name is None:
            break
        found.append(name)
    return (*found, *unnamed) if takes_more else tuple(found)
