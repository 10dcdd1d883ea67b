"""Conversations of rows: every form of messages that tools write, and what a text cannot hold."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.data.conversations import is_conversation, plain_calls, read_conversation
from gpo.data.identity import identity_of
from gpo.data.inputs import input_text
from gpo.data.splits import load_splits
from gpo.data.starter import write_starter
from gpo.errors import DatasetError
from gpo.messages.message import Message, shown_value
from gpo.spec.task import TaskSpec

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TALK = (Message(role="user", text="Hello"), Message(role="assistant", text="Yes?"))


def said(role: str, text: str, *, by: str = "role", what: str = "content") -> dict[str, Any]:
    return {by: role, what: text}


@pytest.mark.parametrize(
    "value",
    [
        [said("user", "Hello"), said("assistant", "Yes?")],
        [said("human", "Hello", by="type"), said("ai", "Yes?", by="type")],
        [said("human", "Hello", by="from", what="value"), said("gpt", "Yes?", by="from", what="value")],
        [{"role": "user", "parts": [{"text": "Hello"}]}, {"role": "model", "parts": [{"text": "Yes?"}]}],
        [{"type": "human", "data": {"content": "Hello"}}, {"type": "ai", "data": {"content": "Yes?"}}],
        [
            {"lc": 1, "type": "constructor", "id": ["HumanMessage"], "kwargs": {"type": "human", "content": "Hello"}},
            {"lc": 1, "type": "constructor", "id": ["AIMessage"], "kwargs": {"type": "ai", "content": "Yes?"}},
        ],
        [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}, said("Assistant ", "Yes?")],
        {"messages": [said("user", "Hello"), said("assistant", "Yes?")]},
    ],
)
def test_the_messages_of_other_tools_are_read(value: Any) -> None:
    assert read_conversation(value, "chat") == TALK


def test_a_text_or_parts_are_one_message_of_the_user() -> None:
    assert read_conversation("Hello", "chat") == TALK[:1]
    assert read_conversation([{"type": "text", "text": "Hello"}], "chat") == TALK[:1]


def test_tools_keep_their_calls() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}
    openai = {"role": "assistant", "content": None, "tool_calls": [call]}
    langchain = {"type": "ai", "content": "", "tool_calls": [{"id": "c1", "name": "weather", "args": {"city": "Oslo"}}]}
    reply = {"role": "tool", "tool_call_id": "c1", "content": "cold"}
    one, other = (read_conversation([each, reply], "chat") for each in (openai, langchain))
    assert one == other
    assert shown_value(one) == 'assistant: [calls weather({"city": "Oslo"})]\ntool: cold'


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": "pictures/one.png"}},
        {"type": "image_url", "image_url": "pictures/one.png"},
        {"type": "image", "path": "pictures/one.png"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"},
        {"type": "image", "base64": base64.b64encode(PIXEL).decode(), "mime_type": "image/png"},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PIXEL).decode()},
        },
    ],
)
def test_an_image_is_its_content_wherever_it_lies(block: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "one.png").write_bytes(PIXEL)
    (message,) = read_conversation([{"role": "user", "content": [block]}], "chat", tmp_path)
    reference = {"type": "image", "base64": base64.b64encode(PIXEL).decode(), "mime_type": "image/png"}
    (same,) = read_conversation([{"role": "user", "content": [reference]}], "chat", tmp_path)
    assert message.identity()[2] == same.identity()[2]
    assert message.text.startswith("[image: ")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (3, "must be a list of messages"),
        ([{"role": "narrator", "content": "x"}], "role 'narrator' is not known; allowed are system, developer, user"),
        ([{"role": "user", "content": [{"type": "image", "path": "no.png"}]}], "'no.png' cannot be read in "),
        ([{"role": "user", "content": [{"type": "image", "path": "../key"}]}], "is not in "),
        ([{"role": "user", "content": [{"type": "image", "url": "file:///etc/hosts"}]}], "cannot be read in "),
        ([{"role": "user", "content": [{"type": "image", "path": "/etc/hosts"}]}], "is not in "),
        ([{"role": "user", "content": [{"type": "image", "base64": "?"}]}], "is not base64"),
        ([{"role": "user", "content": [{"type": "image"}]}], "the image has no url, base64 data or path"),
        ([{"role": "user", "content": [{"type": "hologram"}]}], "a list of blocks of the types text, image, file"),
    ],
)
def test_what_is_no_conversation_is_said(value: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="field `chat`: ") as caught:
        read_conversation(value, "chat", tmp_path)
    assert problem in str(caught.value)


def test_rows_without_a_folder_hold_no_files() -> None:
    with pytest.raises(DatasetError, match="rows without a folder hold no files: give its URL"):
        read_conversation([{"type": "image", "path": "a.png"}], "chat")


def test_an_image_is_never_put_into_a_text() -> None:
    image = [{"role": "user", "content": [{"type": "image", "url": "https://example.org/a.png"}]}]
    with pytest.raises(DatasetError, match="holds an image or a file, which no text shows"):
        input_text(image, "chat")


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXTS), min_size=1, max_size=4)


@given(TURNS)
def test_conversations_are_the_same_question_but_for_case_and_white_space(turns: list[tuple[str, str]]) -> None:
    value = [{"role": role, "content": text} for role, text in turns]
    other = [{"role": role, "content": f" {text}\u200b  "} for role, text in turns]
    assert is_conversation(value)
    one, same = read_conversation(value, "chat"), read_conversation(other, "chat")
    assert identity_of([one]) == identity_of([same])
    assert identity_of([one]) != identity_of([(*one, Message(role="user", text="And?"))])


def spec(folder: Path, *messages: dict[str, str], **changes: Any) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "name": "chats",
            "prompt": {"instruction": "Judge.", "messages": messages},
            "dataset": {
                "path": folder / "rows.jsonl", "input": "chat", "reference": "label",
                "split": {"train": 2, "dev": 2, "test": 2},
            },
            **changes,
        }
    )  # fmt: skip


PLACED = ({"system": "{{instruction}}"}, {"placeholder": "{{chat}}"})


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        (({"placeholder": "Chat: {{chat}}"}, {"user": "{{instruction}}"}), "must be one variable and nothing else"),
        (({"placeholder": "{{instruction}}"},), "the instruction is a text"),
        (({"placeholder": "{{chat}}"}, {"user": "{{chat}} {{instruction}}"}), "it cannot stand in a text as well"),
    ],
)
def test_a_placeholder_is_one_variable_of_its_own(messages: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        spec(tmp_path, *messages)


def test_a_completion_model_takes_no_roles(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is a completion model, which knows no roles, and \{\{chat\}\} holds messages"
    ):
        spec(tmp_path, *PLACED, models={"task": {"model": "openai:x", "completion": True}})


def write(folder: Path, rows: list[Any]) -> None:
    lines = (json.dumps({"chat": chat, "label": f"label {number}"}) + "\n" for number, chat in enumerate(rows))
    (folder / "rows.jsonl").write_text("".join(lines))


def test_messages_in_a_text_are_told(tmp_path: Path) -> None:
    write(tmp_path, [[{"role": "user", "content": f"Question {number}"}] for number in range(6)])
    shown = load_splits(spec(tmp_path, {"user": "{{chat}} {{instruction}}"}))
    assert shown.notes[0].startswith(
        "{{chat}} holds messages, which the prompt shows as lines of text: `- placeholder:"
    )
    assert not load_splits(spec(tmp_path, *PLACED)).notes


def test_an_image_is_another_question_and_a_blank_conversation_is_no_row(tmp_path: Path) -> None:
    def image(number: int) -> list[Any]:
        return [{"type": "text", "text": "What is it?"}, {"type": "image", "url": f"https://example.org/{number}.png"}]

    write(tmp_path, [*map(image, range(6))])
    splits = load_splits(spec(tmp_path, *PLACED))
    assert len({example.inputs_hash for example in (*splits.train, *splits.dev, *splits.test)}) == 6
    write(tmp_path, [*map(image, range(6)), [{"role": "user", "content": " "}]])
    with pytest.raises(DatasetError, match=r"row 7: field `chat`: must not be blank"):
        load_splits(spec(tmp_path, *PLACED))


def test_calls_of_tools_in_every_form_are_the_answer_that_a_model_gives() -> None:
    function = {"name": "look_up", "arguments": {"city": "Rome"}}
    written = {"name": "look_up", "arguments": '{"city": "Rome"}'}
    for value in (
        function,
        [function],
        json.dumps([function]),
        [{"id": "c1", "type": "function", "function": written}],
    ):
        assert plain_calls(value) == function
    assert plain_calls([function, function]) == [function, function]
    assert plain_calls("Rome") == "Rome"


def test_a_row_without_tools_asks_without(tmp_path: Path) -> None:
    tool = {"name": "look_up", "parameters": {}}
    (tmp_path / "rows.jsonl").write_text(
        "".join(
            json.dumps({"question": f"Where is {i}?", "tools": [tool] * (i % 2), "label": "ab"[i % 2]}) + "\n"
            for i in range(24)
        )
    )
    starter = write_starter("task", tmp_path / "rows.jsonl", tmp_path, force=False)
    assert not starter.splits.left_out
    assert {len(example.inputs["tools"]) for example in starter.splits.test} == {0, 1}
