"""Where the instruction and the variables sit in the messages, and how they are filled.

Prompt text is a value, never a template string: `{{name}}` is replaced once, from left to right, and what is put in
is not looked at again. Braces, quotes and `{{...}}` in data or in an instruction stay as they are.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from gpo.records import Record

Role = Literal["system", "user", "assistant"]
INSTRUCTION = "instruction"
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


class Message(Record):
    """One chat message."""

    role: Role
    text: str


def variables_in(text: str) -> list[str]:
    """Names of the `{{variables}}` of `text`, in order, with repetitions.

    >>> variables_in("{{review}} - {{ instruction }} {not one}")
    ['review', 'instruction']
    """
    return _VARIABLE.findall(text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace every variable of `text` once; a variable without a value raises KeyError.

    >>> fill("{{a}} and {{b}}", {"a": "{{b}}", "b": "x"})
    '{{b}} and x'
    """
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def render(template: Sequence[Message], instruction: str, inputs: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages that are sent for one example."""
    values = {**inputs, INSTRUCTION: instruction}
    return tuple(Message(role=message.role, text=fill(message.text, values)) for message in template)


def breaks_contract(instruction: str) -> bool:
    """Whether a proposed instruction tries to bring variables of its own."""
    return bool(variables_in(instruction))
