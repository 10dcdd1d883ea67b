"""Files of OpenAI: samples of evals, data sets with annotations, conversations for fine-tuning."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpo.data.conversations import is_conversation, is_shown_as_messages, read_conversation
from gpo.data.inputs import input_text
from gpo.datasets.formats.plain import ANSWER, FEEDBACK, feedback_text, note_of, one_of, unpacked
from gpo.datasets.formats.registry import ExportedRow, Imported, Row, exporter, importer, rows_in

_ITEMS = ("item", "datasource_item")
_CRITIQUE, _RATING = "output_feedback", "rating"


@importer("openai-evals", "samples of OpenAI evals (input, ideal), or data sets of the platform (item, annotations)")
def import_openai_evals(path: Path) -> Iterator[Imported]:
    """Each sample with its system message, its input, and the ideal answer, of which there may be several.

    Rows of the platform keep their fields; what people wrote of an output is the field `feedback`.
    """
    yield from _as_one_form(map(_of_sample, rows_in(path)))


def _of_sample(row: Imported) -> Imported:
    if isinstance(row, str):
        return row
    item = next((unpacked(row[name]) for name in _ITEMS if name in row), row)
    if not isinstance(item, Mapping):
        return f"its `{_ITEMS[0]}` is no object"
    if "ideal" in item and "input" in item:
        asked = unpacked(item["input"])
        return {**(_conversation(asked) if isinstance(asked, list) else {"input": asked}), ANSWER: item["ideal"]}
    if item is row and _CRITIQUE not in row and _RATING not in row:
        return "has no `input` and `ideal`"
    kept = {name: value for name, value in item.items() if name not in (_CRITIQUE, _RATING)}
    notes = [note_of(_RATING, one_of(row, _RATING), one_of(row, _CRITIQUE))]
    said = feedback_text(notes, one_of(row, "output", "response"))
    return {**kept, FEEDBACK: said} if said else kept


@importer("openai-chat", "conversations for fine-tuning, also of ShareGPT: messages, the last of which is the answer")
def import_openai_chat(path: Path) -> Iterator[Imported]:
    """Each conversation with its system message, what was said, and the last answer of the assistant."""
    yield from _as_one_form(map(_of_chat, rows_in(path)))


def _of_chat(row: Imported) -> Imported:
    messages = row if isinstance(row, str) else row.get("messages") or _of_share_gpt(row)
    if not isinstance(messages, list) or not messages:
        return messages if isinstance(messages, str) else "has no `messages`"
    *before, last = messages
    if last.get("role") != "assistant" or not last.get("content"):
        called = "ends with a call of a tool, which is no text" if last.get("tool_calls") else ""
        return called or "does not end with a text of the assistant"
    return {**_conversation(before), ANSWER: last["content"]}


def _of_share_gpt(row: Row) -> list[Row] | None:
    """The messages of ShareGPT, which says `from` and `value`; None where there are none."""
    found = row.get("conversations")
    if not is_conversation(found):
        return None
    return [{"role": each.role, "content": each.text} for each in read_conversation(found, "conversations")]


def _conversation(messages: Sequence[Row]) -> dict[str, Any]:
    """The system message, if there is one, and the text of a single message; of several turns the messages."""
    system = [message for message in messages if message.get("role") in ("system", "developer")]
    said = [message for message in messages if message not in system]
    if len(said) != 1 or (is_shown_as_messages(said[0].get("content")) and not _is_text(said[0]["content"])):
        return {"messages": list(messages)}
    text = {"input": _content(said[0])}
    return ({"system": "\n".join(map(_content, system))} if system else {}) | text


def _is_text(content: Sequence[Row]) -> bool:
    return all(block.get("type") in ("text", "input_text") for block in content)


def _content(message: Row) -> str:
    content = message["content"]
    return input_text(content, "content") if isinstance(content, list) else str(content)


def _as_one_form(rows: Iterable[Imported]) -> Iterator[Imported]:
    """The rows; where some have several turns, all have `messages`, so that one column holds what is asked."""
    found = list(rows)
    if not any("messages" in row for row in found if not isinstance(row, str)):
        yield from found
        return
    for row in found:
        if isinstance(row, str) or "messages" in row or "input" not in row:
            yield row
            continue
        told = [{"role": "system", "content": row["system"]}] if "system" in row else []
        others = {name: value for name, value in row.items() if name not in ("system", "input")}
        yield {"messages": [*told, {"role": "user", "content": row["input"]}], **others}


@exporter("openai-evals")
def export_openai_evals(row: ExportedRow) -> Row:
    """A sample with its messages and the ideal answer."""
    return {"input": messages_of(row), "ideal": row.answer}


@exporter("openai-chat")
def export_openai_chat(row: ExportedRow) -> Row:
    """A conversation that ends with the right answer."""
    return {"messages": [*messages_of(row), {"role": "assistant", "content": row.answer}]}


def messages_of(row: ExportedRow) -> list[Row]:
    """The inputs of a row as messages: a conversation as it is, texts as one message of the user."""
    values = list(row.inputs.values())
    if len(values) == 1 and is_shown_as_messages(values[0]):
        return list(values[0])
    texts = {name: value if isinstance(value, str) else input_text(value, name) for name, value in row.inputs.items()}
    shown = (
        "\n".join(f"{name}: {text}" for name, text in texts.items()) if len(texts) > 1 else next(iter(texts.values()))
    )
    system = texts.pop("system", None) if len(texts) == 2 else None
    if system is not None:
        return [{"role": "system", "content": system}, {"role": "user", "content": next(iter(texts.values()))}]
    return [{"role": "user", "content": shown}]
