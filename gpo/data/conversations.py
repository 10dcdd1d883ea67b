"""Conversations of rows: lists of messages as OpenAI, LangChain, ShareGPT and others write them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from gpo.data.content_blocks import is_content, is_image, read_content, read_image
from gpo.data.sources.files import Number, parse_json, typed_json
from gpo.errors import DatasetError
from gpo.formatting import shorten_value
from gpo.messages.message import Conversation, Message, Role

_ROLES: Mapping[str, Role] = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user",
    "assistant": "assistant", "ai": "assistant", "model": "assistant", "gpt": "assistant", "chatbot": "assistant",
    "tool": "tool", "function": "tool", "observation": "tool",
}  # fmt: skip
_SPEAKERS = ("role", "from", "type")
_SAID = ("content", "value", "parts", "text")
_MORE = ("tool_calls", "tool_call_id", "name")


def is_conversation(value: object) -> bool:
    """Whether a value is a list of messages, each with who speaks and what is said."""
    return isinstance(value, list) and bool(value) and all(_is_message(item) for item in value)


def is_shown_as_messages(value: object) -> bool:
    """Whether a value loses something where it is put into a text: a list of messages, or of parts of one."""
    return is_conversation(value) or is_content(value)


def is_tools(value: object) -> bool:
    """Whether a value is a list of definitions of tools, or its JSON text.

    >>> is_tools('[{"name": "search", "parameters": {}}]'), is_tools([{"role": "user", "content": "Hello"}])
    (True, False)
    """
    return bool(_tools(value))


def _tools(value: object) -> list[dict[str, Any]]:
    """The definitions in the form of OpenAI's API; empty where the value is something else."""
    if isinstance(value, str) and '"name"' in value:
        value = _parsed(value)
    items = value if isinstance(value, list) else []
    found = [_tool(item) for item in items]
    return [tool for tool in found if tool] if all(found) else []


def _tool(item: object) -> dict[str, Any] | None:
    if not isinstance(item, Mapping):
        return None
    function = item.get("function") if item.get("type") == "function" else item
    parameters = function.get("parameters", function.get("input_schema")) if isinstance(function, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or "role" in item:
        return None
    if parameters is None and function is item:
        return None
    told = {name: typed_json(function[name]) for name in ("name", "description", "strict") if name in function}
    return {"type": "function", "function": {**told, "parameters": typed_json(parameters or {})}}


def read_conversation(value: object, field: str, folder: Path | None = None) -> Conversation:
    """The messages of a value; a text, a list of blocks, or an image, is one message of the user.

    A list of tools is a message that is not said: it brings what the model may call.

    Files that messages name are looked for in `folder`.

    Raises:
        DatasetError: it is none of these; or a file is not there.
    """
    if isinstance(value, Mapping) and isinstance(value.get("messages"), list):
        value = value["messages"]
    items = [value] if isinstance(value, Mapping) else value
    if is_conversation(items):
        assert isinstance(items, list)  # noqa: S101 - for the type checker
        return tuple(_message(_unwrapped(item), field, folder) for item in items)
    if tools := _tools(value):
        names = ", ".join(tool["function"]["name"] for tool in tools)
        return (Message(role="system", text=f"[tools: {names}]", more={"tools": [*tools]}),)
    if is_image(value):
        text, blocks = read_image(value, field, folder)
        return (Message(role="user", text=text, blocks=blocks),)
    if (isinstance(value, str) and not isinstance(value, Number)) or is_content(value):
        text, blocks = read_content(value, field, folder)
        return (Message(role="user", text=text, blocks=blocks),)
    raise DatasetError(
        f"field `{field}`: must be a list of messages such as {{'role': 'user', 'content': 'Hello'}}, or a text, "
        f"received {shorten_value(value)}"
    )


def last_role(value: object) -> Role | None:
    """Who speaks last; of what is no conversation, the user, and None for a role that is not known."""
    if not isinstance(value, list) or not is_conversation(value):
        return "user"
    return _ROLES.get(str(_speaker(_unwrapped(value[-1]))))


def plain_calls(value: object) -> object:
    """A right answer that is calls of tools, in whatever form, as an answer of a model is written; any other as it is.

    >>> plain_calls([{"type": "function", "function": {"name": "search", "arguments": '{"q": "x"}'}}])
    {'name': 'search', 'arguments': {'q': 'x'}}
    """
    found = _parsed(value) if isinstance(value, str) else value
    calls = [_plain_call(item) for item in (found if isinstance(found, list) else [found])]
    if not calls or not all(calls):
        return value
    return calls if len(calls) > 1 else calls[0]


def _plain_call(item: object) -> dict[str, Any] | None:
    if not isinstance(item, Mapping):
        return None
    function = item["function"] if isinstance(item.get("function"), Mapping) else item
    given = next((function[name] for name in ("arguments", "args", "parameters") if name in function), None)
    given = _parsed(given) if isinstance(given, str) else given
    is_call = isinstance(function.get("name"), str) and isinstance(given, Mapping)
    return {"name": function["name"], "arguments": given} if is_call else None


def _parsed(text: str) -> object:
    """A text as JSON; None where it is none."""
    try:
        return parse_json(text)
    except (ValueError, DatasetError):
        return None


def _is_message(item: object) -> bool:
    if not isinstance(item, Mapping):
        return False
    inner = _unwrapped(item)
    role = _speaker(inner)
    # Blocks have a type as well, but it says of what kind they are.
    return (
        role is not None
        and (role in _ROLES or "role" in inner)
        and any(name in inner for name in (*_SAID, "tool_calls"))
    )


def _unwrapped(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message out of what LangChain writes around it."""
    if isinstance(kwargs := item.get("kwargs"), Mapping) and "lc" in item:
        return kwargs
    if isinstance(data := item.get("data"), Mapping) and isinstance(item.get("type"), str):
        return {"type": item["type"], **data}
    return item


def _speaker(item: Mapping[str, Any]) -> str | None:
    found = next((item[name] for name in _SPEAKERS if isinstance(item.get(name), str)), None)
    return None if found is None else found.strip().casefold()


def _message(item: Mapping[str, Any], field: str, folder: Path | None) -> Message:
    role = _ROLES.get(str(_speaker(item)))
    if role is None:
        allowed = ", ".join(_ROLES)
        raise DatasetError(f"field `{field}`: role '{_speaker(item)}' is not known; allowed are {allowed}")
    text, blocks = read_content(next((item[name] for name in _SAID if name in item), None), field, folder)
    more = {name: typed_json(item[name]) for name in _MORE if item.get(name)}
    if isinstance(calls := more.get("tool_calls"), list):
        more["tool_calls"] = [_call(call) for call in calls]
    if role == "tool":
        # Without an id, it answers the call before it by its function's name.
        more.setdefault("tool_call_id", str(more.get("name", "")))
    return Message(role=role, text=text, blocks=blocks, more=more)


def _call(call: JsonValue) -> JsonValue:
    """A tool's call in the form of OpenAI's API; LangChain's has its arguments as an object."""
    if not isinstance(call, dict) or "function" in call:
        return call
    arguments = json.dumps(call.get("args", {}), ensure_ascii=False)
    return {"id": call.get("id"), "type": "function", "function": {"name": call.get("name"), "arguments": arguments}}
