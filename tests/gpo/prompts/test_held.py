"""A prompt as plain messages: what the registry keeps is what is sent, without LangChain."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.prompts import ChatPromptTemplate

from gpo.database.engine import open_database
from gpo.errors import PromptError
from gpo.messages.message import Message
from gpo.prompts.candidate import CandidateRun, candidate_prompt, use_candidate
from gpo.prompts.files import write_record
from gpo.prompts.held import HeldPrompt, held_version
from gpo.prompts.load import load_messages, load_prompt
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent, PromptVersion

TEMPLATE = (Message(role="system", text="{{instruction}}"), Message(role="user", text="{{review}} {{ review }}"))
anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | st.text(
    st.sampled_from("{}a !:[].'\"\\%$\n"), max_size=30
)


def held(template: tuple[Message, ...], *shots: Message, instruction: str = "Go") -> HeldPrompt:
    content = PromptContent(template=template, instruction=instruction, demonstrations=shots)
    return held_version(PromptVersion(name="p", version=1, digest=content.digest, content=content, created_at="2026"))


@given(value=anything, instruction=anything.filter(lambda text: "{{" not in text))
def test_a_value_and_an_instruction_are_sent_as_they_are(value: str, instruction: str) -> None:
    prompt = held(TEMPLATE, Message(role="assistant", text=value), instruction=instruction)
    assert prompt.messages({"review": value, "other": 1}) == [
        {"role": "system", "content": instruction},
        {"role": "assistant", "content": value},
        {"role": "user", "content": f"{value} {value}"},
    ]


def test_messages_stand_at_a_placeholder_and_media_as_the_api_wants_them() -> None:
    blocks: tuple[dict[str, Any], ...] = (
        {"type": "text", "text": "See"},
        {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
        {"type": "image", "url": "https://example.org/a.png"},
        {"type": "audio", "base64": "aGk=", "mime_type": "audio/x-wav"},
        {"type": "file", "base64": "aGk=", "mime_type": "application/pdf", "filename": "a.pdf"},
        {"type": "file", "file_id": "file-1"},
    )
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    shots = (
        Message(role="user", text="See", blocks=blocks),
        Message(role="assistant", text="", more={"tool_calls": [call]}),
    )
    prompt = held(
        (Message(role="system", text="{{instruction}}"), Message(role="placeholder", text="{{chat}}")), *shots
    )
    said = [{"role": "user", "content": "{x}"}]
    assert prompt.messages({"chat": said}) == [
        {"role": "system", "content": "Go"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
                {"type": "file", "file": {"file_id": "file-1"}},
            ],
        },
        {"role": "assistant", "content": "", "tool_calls": [call]},
        *said,
    ]
    with pytest.raises(PromptError, match="messages stand at `chat`, received 'Hello'; give a list"):
        prompt.messages({"chat": "Hello"})
    video = held(TEMPLATE, Message(role="user", text="", blocks=({"type": "video", "url": "https://example.org/a"},)))
    with pytest.raises(PromptError, match="holds video that no message of OpenAI"):
        video.messages({"review": "x"})


@pytest.mark.parametrize("value", [HumanMessage("a"), [{"type": "text", "text": "a"}], {"role": "user"}])
def test_messages_never_become_text_in_silence(value: object) -> None:
    with pytest.raises(PromptError, match="prompt p: `review` stands in a text, and its value holds messages"):
        held(TEMPLATE).messages({"review": value})


def test_a_variable_without_a_value_is_named() -> None:
    with pytest.raises(PromptError, match="prompt p: no value for review; it has the variables review"):
        held(TEMPLATE).messages({"reviews": "x"})


def test_a_file_stands_in_for_a_database_and_a_candidate_for_what_is_in_production(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/gpo.db")
    registry = Registry(engine)
    kept = registry.register("p", PromptContent(template=TEMPLATE, instruction="Old")).version
    registry.promote("p", 1, who="ada", why="")
    file, nowhere = write_record(tmp_path, registry.record("p")), f"sqlite:///{tmp_path}/none.db"
    engine.dispose()
    assert load_messages("p", {"review": 3}, database=nowhere, default=file)[1] == {"role": "user", "content": "3 3"}
    new = kept.content.model_copy(update={"instruction": "New"})
    with use_candidate(CandidateRun({"p": candidate_prompt("p", new)})):
        assert load_messages("p", {"review": "x"}, database=nowhere)[0] == {"role": "system", "content": "New"}
    load_prompt("own", default=ChatPromptTemplate([("human", "{a}")]), database=nowhere)
    with pytest.raises(PromptError, match="prompt own: the default in use is a template of LangChain; give"):
        load_messages("own", {"a": "x"}, database=nowhere)
