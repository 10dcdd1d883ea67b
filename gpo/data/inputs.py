"""The value of an input field as the text that fills a variable: also options, conversations and lists."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gpo.data.conversations import is_conversation, read_conversation
from gpo.data.sources.files import typed_json
from gpo.errors import DatasetError
from gpo.formatting import shorten_value
from gpo.messages.message import shown_value

_LONGEST_MARK = 4
"""Characters of a label that stands before an option, as `(A)`; longer ones are classes."""

_SPEAKERS, _SAID = ("speaker", "sender", "from", "author"), ("text", "utterance", "message", "content", "value")
_TITLES = ("title", "heading")
_OPTION_LABELS, _OPTION_TEXTS = ("label", "key", "id"), ("text", "content", "value")


def plain_text(value: object, field: str) -> str:
    """A text, a number, true or false as text.

    Raises:
        DatasetError: it is another value, or no model could take it.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise DatasetError(f"field `{field}`: must be text, a number, true or false, received {shorten_value(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DatasetError(
            f"field `{field}`: {shorten_value(value[error.start])} is half a character; no model takes it"
        ) from None
    return str(value)


def input_text(value: object, field: str, labels: Sequence[str] = ()) -> str:
    r"""An input as text. Options become lines such as `A) Rome`, messages lines such as `user: Hello`, tools JSON.

    Options are a list of texts, which get the `labels` of the answer in their order or, without enough of those, a
    dash; texts by their labels; or labels and texts side by side, as ARC has them.

    >>> print(input_text(["Rome", "Oslo"], "choices", ("A", "B")))
    A) Rome
    B) Oslo
    >>> input_text({"text": ["Rome"], "label": ["1"]}, "choices")
    '1) Rome'
    >>> input_text([{"role": "user", "content": "Hello"}], "messages")
    'user: Hello'

    Raises:
        DatasetError: the value has no such form.
    """
    if is_conversation(value):
        return _conversation_text(value, field)
    if isinstance(value, list) and value:
        return "\n".join(_lines_of_list(value, field, labels))
    if isinstance(value, Mapping) and value:
        return "\n".join(_labelled(*pair, field) for pair in _options_of_mapping(value, field))
    return plain_text(value, field)


def _conversation_text(value: object, field: str) -> str:
    messages = read_conversation(value, field)
    if any(message.blocks for message in messages):
        raise DatasetError(
            f"field `{field}`: holds an image or a file, which no text shows; send its messages as they are, with "
            '`- placeholder: "{{...}}"` in prompt.messages'
        )
    return shown_value(messages)


def _lines_of_list(items: Sequence[Any], field: str, labels: Sequence[str]) -> list[str]:
    if all(isinstance(item, str | bool) for item in items):
        is_marked = len(labels) >= len(items) and all(len(label) <= _LONGEST_MARK for label in labels)
        names = labels if is_marked else ()
        texts = [plain_text(item, field) for item in items]
        if names:
            return [_labelled(name, text, field) for name, text in zip(names, texts, strict=False)]
        return [f"- {text}" for text in texts]
    if all(isinstance(item, Mapping) for item in items):
        return [_line_of_mapping(item, field) for item in items]
    if all(map(_is_titled, items)):
        return [f"- {plain_text(title, field)}: {' '.join(said)}" for title, said in items]
    raise _no_input(items, field)


def _is_titled(item: object) -> bool:
    """Whether an item is a title with the sentences of a passage."""
    if not isinstance(item, list) or [type(each) for each in item] != [str, list]:
        return False
    return all(isinstance(each, str) for each in item[1])


def _line_of_mapping(item: Mapping[str, Any], field: str) -> str:
    """A block of a message, the definition of a tool, a turn of a talk, a titled passage, or one labelled option."""
    if item.get("type") == "text" and "text" in item:
        return plain_text(item["text"], field)
    if item.get("type") == "function" and isinstance(item.get("function"), Mapping):
        return json.dumps(typed_json(item), ensure_ascii=False)
    for names in (_SPEAKERS, _TITLES):
        first = next((item[name] for name in names if name in item), None)
        said = next((item[name] for name in _SAID if name in item), None)
        if isinstance(first, str) and isinstance(said, str):
            return f"{'- ' if names is _TITLES else ''}{plain_text(first, field)}: {plain_text(said, field)}"
    label = next((item[name] for name in _OPTION_LABELS if name in item), None)
    shown = next((item[name] for name in _OPTION_TEXTS if name in item), None)
    if label is None or shown is None:
        raise _no_input(item, field)
    return _labelled(label, shown, field)


def _options_of_mapping(value: Mapping[str, Any], field: str) -> list[tuple[Any, Any]]:
    sides = [value.get(name) for name in ("label", "text")]
    if all(isinstance(side, list) for side in sides):
        return list(zip(sides[0] or (), sides[1] or (), strict=False))
    if all(isinstance(each, str | bool) for each in value.values()):
        return list(value.items())
    raise _no_input(value, field)


def _labelled(label: object, text: object, field: str) -> str:
    name = plain_text(label, field)
    return f"{name}{'' if name.endswith(')') else ')'} {plain_text(text, field)}"


def _no_input(value: object, field: str) -> DatasetError:
    shown = shorten_value(json.dumps(value, ensure_ascii=False, default=str))
    return DatasetError(
        f"field `{field}`: must be text, a number, true or false, options or messages, received {shown}; a path such as"
        f" `{field}.NAME` or `{field}[0]` names a part of it"
    )
