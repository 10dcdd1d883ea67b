"""Reads YAML as a person would read it: what YAML has beyond plain texts, numbers, lists and mappings is refused.

Aliases let a line stand for a billion; of two equal keys one would win in silence; dates, very long numbers, 1:30
(ninety) and 010 (eight) become something that nobody wrote; a cap of .inf is none.
"""

import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from gpo.formatting import shorten_value

MOST_DEEP = 40
"""Levels of lists and mappings: a spec has six."""

MOST_DIGITS = 15
"""Of a whole number; of longer ones, other programs lose the last digits."""

_DATE = "tag:yaml.org,2002:timestamp"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"

_ODD_NUMBERS = {
    "endless": "a number without end, or none at all",
    "sixties": "a number that YAML counts in sixties",
    "eights": "a number that YAML counts in eights",
}
_ODD_NUMBER = re.compile(
    r"(?i)(?P<endless>[-+]?\.inf|\.nan)|(?P<sixties>[-+]?[\d_]+(:\d+)+(\.[\d_]*)?)|(?P<eights>[-+]?0[0-7_]+)"
)


class StrictYamlError(ValueError):
    """What is not allowed, and where."""


def read_yaml(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        StrictYamlError: it is no YAML, or holds an alias, a key twice, a date, a whole number of over `MOST_DIGITS`
            digits, a number that is not written plainly, or lists and mappings deeper than `MOST_DEEP`; the message
            says where, and what to do.
    """
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - it makes nothing but plain values
    except yaml.YAMLError as error:
        raise StrictYamlError(f"not valid YAML: {error}") from None
    except RecursionError:
        raise StrictYamlError("lists and mappings are nested too deep to be read") from None


class _StrictLoader(yaml.SafeLoader):
    """Refuses while it composes: before an alias is followed or a value made."""

    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """One node and what is in it."""
        if self.check_event(yaml.AliasEvent):
            event: Any = super().peek_event()  # type: ignore[no-untyped-call]
            raise _refusal(event.start_mark, f"an alias (*{event.anchor}); write the value out")
        self._depth += 1
        if self._depth > MOST_DEEP:
            event = super().peek_event()  # type: ignore[no-untyped-call]
            raise _refusal(event.start_mark, f"more than {MOST_DEEP} levels of lists and mappings")
        node: Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping, whose keys are all different."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, ScalarNode):
                if key.value in seen:
                    what = f"the key {shorten_value(key.value)} for the second time; keep one of them"
                    raise _refusal(key.start_mark, what)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: ScalarNode | MappingNode) -> Any:
        """One value, no date and no number of twenty digits."""
        if isinstance(node, MappingNode):
            return super().construct_scalar(node)
        if node.tag == _DATE:
            what = f"the date {shorten_value(node.value)}; put it into quotes, if it is a text"
            raise _refusal(node.start_mark, what)
        if node.tag == _INT and len(re.sub(r"\D", "", node.value)) > MOST_DIGITS:
            what = f"a whole number of more than {MOST_DIGITS} digits, {shorten_value(node.value)}"
            raise _refusal(node.start_mark, f"{what}; put it into quotes, if it is a text")
        if node.tag in (_INT, _FLOAT) and (found := _ODD_NUMBER.fullmatch(node.value)):
            what = f"{_ODD_NUMBERS[str(found.lastgroup)]}, {shorten_value(node.value)}"
            raise _refusal(node.start_mark, f"{what}; write a plain number, or put it into quotes, if it is a text")
        return super().construct_scalar(node)


def _refusal(mark: Any, what: str) -> StrictYamlError:
    return StrictYamlError(f"line {mark.line + 1}, column {mark.column + 1}: {what}")
