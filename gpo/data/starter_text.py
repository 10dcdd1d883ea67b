"""The text of a starter spec: what the data shows, with comments that teach the rest, laid out by `starter.yaml.j2`."""

import importlib.util
from collections.abc import Sequence

import yaml

from gpo.data.guess import Guess
from gpo.jinja import Templates


def spec_text(name: str, data: str, found: Guess, *, local: bool | None = None) -> str:
    """A spec as YAML for the task `name` and the file or folder `data`, relative to where the spec will be.

    `found.inputs` are names of variables, all else may be any text. Models are the embedded ones if `local`, by default
    where they are installed.
    """
    is_local = _has_local() if local is None else local
    return _TEMPLATES.fill(
        "starter.yaml.j2",
        name=name,
        data=data,
        found=found,
        question=_question(found.inputs),
        local=is_local,
        asks_for_place=_asks_for_place(found, is_local=is_local),
    )


def _asks_for_place(found: Guess, *, is_local: bool) -> bool:
    """Whether the messages ask for the answer in one place, where alone it is read.

    The embedded model does not keep to a form, published benchmarks are asked as the paper does it, and texts and JSON
    are answers as a whole.
    """
    return not (is_local or found.is_published or found.answer.spec.kind in {"free", "json"})


def quote_yaml(value: str | Sequence[str], *, always: bool = False) -> str:
    """A text, or a list of texts, as YAML on one line, in quotes where it must be.

    >>> print(quote_yaml(["plain", "no", "a: b", "#"]))
    [plain, 'no', 'a: b', '#']
    """
    if not isinstance(value, str):
        return f"[{', '.join(quote_yaml(text, always=always) for text in value)}]"
    # Line breaks have escapes in double quotes only.
    has_breaks = value.splitlines() not in ([], [value])
    style = '"' if always or has_breaks else None
    # As a list of one: a text alone would be followed by a mark for the end of the document.
    line = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, default_style=style, width=float("inf"))
    return line.strip()[1:-1]


_TEMPLATES = Templates("gpo.data", filters={"quote": quote_yaml})


def _question(inputs: Sequence[str]) -> list[str]:
    """The lines of a message with all fields, named where there are several."""
    if len(inputs) == 1:
        return [f"{{{{{inputs[0]}}}}}"]
    return [f"{field}: {{{{{field}}}}}" for field in inputs]


def _has_local() -> bool:
    return importlib.util.find_spec("xllamacpp") is not None
