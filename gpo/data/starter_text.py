"""The text of a starter spec: what the data shows, with comments that teach the rest, laid out by `starter.yaml.j2`."""

import importlib.util
from collections.abc import Mapping, Sequence

import yaml

from gpo.data.guessing.guess import Guess
from gpo.formatting import printable
from gpo.jinja import Templates
from gpo.scoring.kinds import AnswerKind

_TOKENS_OF_KIND: Mapping[AnswerKind, int] = {
    "choice": 48, "boolean": 48, "labels": 64, "exact": 48, "number": 128, "list": 96, "json": 192, "free": 96,
}  # fmt: skip
"""Tokens that a small model gets at least: a number is often worked out first."""

_TOLD_OF = {
    "": "A conversation, with the roles that its messages have.",
    "images": "An image: a model is needed that takes them.",
    "tools": "The tools that the model may call; a call is its answer, as JSON with `name` and `arguments`.",
}
"""What stands above a placeholder, by what fills it."""

_TOKENS_TO_REASON = 256
_STEP = 16


def spec_text(name: str, data: str, found: Guess, *, local: bool | None = None) -> str:
    """A spec as YAML for the task `name` and the file or folder `data`, relative to where the spec will be.

    The variables of `found.inputs` are names, all else may be any text. Models are the embedded ones if `local`, by
    default where they are installed.
    """
    # An embedded model takes text alone.
    is_local = _has_local() and not found.special if local is None else local
    return _TEMPLATES.fill(
        "starter.yaml.j2",
        name=name,
        data=data,
        found=found,
        question=question_lines(found),
        input=tuple(found.inputs) if found.has_own_names else found.inputs,
        local=is_local,
        asks_for_place=_asks_for_place(found, is_local=is_local),
        # A conversation that ends with the user has its task above it; images and tools have theirs beside them.
        awaits_answer=found.ends_with_user and len(found.conversations) > len(found.special),
        told_of=_TOLD_OF,
        max_tokens=_max_tokens(found, is_local=is_local),
    )


def _max_tokens(found: Guess, *, is_local: bool) -> int:
    """How long an answer may be: twice the right ones, at three bytes a token, and room for what is said around them.

    A small model that is not stopped goes on until its context is full; a large one may reason first, and so is every
    model asked to by the paper.
    """
    short = _TOKENS_TO_REASON if found.is_published else _TOKENS_OF_KIND[found.answer.spec.kind]
    least, most = (short, 1024) if is_local else (1024, 4096)
    twice = -(-2 * found.answer.length // (3 * _STEP)) * _STEP
    return min(max(least, twice), most)


def _asks_for_place(found: Guess, *, is_local: bool) -> bool:
    """Whether the messages ask for the answer in one place, where alone it is read.

    The embedded model does not keep to a form, published benchmarks are asked as the paper does it, and texts and JSON
    are answers as a whole.
    """
    return not (is_local or found.is_published or found.answer.spec.kind in {"free", "json"})


def quote_yaml(value: str | Sequence[str] | Mapping[str, str], *, always: bool = False) -> str:
    """A text, a list of texts, or texts by names, as YAML on one line, in quotes where it must be.

    >>> print(quote_yaml(["plain", "no", "a: b", "#"]), quote_yaml({"text": "Customer: text"}))
    [plain, 'no', 'a: b', '#'] {text: 'Customer: text'}
    """
    if isinstance(value, Mapping):
        pairs = (f"{quote_yaml(name)}: {quote_yaml(text, always=always)}" for name, text in value.items())
        return f"{{{', '.join(pairs)}}}"
    if not isinstance(value, str):
        return f"[{', '.join(quote_yaml(text, always=always) for text in value)}]"
    # Line breaks have escapes in double quotes only.
    has_breaks = value.splitlines() not in ([], [value])
    # What nobody would see is written as an escape.
    is_hidden = printable(value) != value
    style = '"' if always or has_breaks or is_hidden else None
    # As a list of one: a text alone would be followed by a mark for the end of the document.
    line = yaml.safe_dump(
        [value], default_flow_style=True, allow_unicode=not is_hidden, default_style=style, width=float("inf")
    )
    return line.strip()[1:-1]


_TEMPLATES = Templates("gpo.data", filters={"quote": quote_yaml})


def question_lines(found: Guess) -> list[str]:
    """The lines of a message with all inputs that are texts, named where there are several; options by their labels."""
    asked = [variable for variable in found.inputs if variable not in (*found.option_labels, *found.conversations)]
    lines = [f"{{{{{asked[0]}}}}}"] if len(asked) == 1 else [f"{name}: {{{{{name}}}}}" for name in asked]
    return lines + [f"{_mark(label)}{{{{{variable}}}}}" for variable, label in found.option_labels.items()]


def _mark(label: str) -> str:
    """What stands before an option; nothing where its text brings it along."""
    return f"{label} " if label.endswith((")", "-")) else f"{label}) " if label else ""


def _has_local() -> bool:
    return importlib.util.find_spec("xllamacpp") is not None
