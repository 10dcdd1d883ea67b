"""Conversations on their way to a model: roles, images and files arrive, and each answer is paid for once."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gpo.data.conversations import read_conversation
from gpo.data.splits import load_splits
from gpo.errors import DatasetError, SpecError
from gpo.evaluation.judge import question_of
from gpo.messages.langchain import langchain_messages
from gpo.records import Example
from gpo.runs.job import Job
from gpo.runs.preflight import preflight
from gpo.search.edit import ProposalFilter
from gpo.search.requests.formatting import format_question
from gpo.settings import Settings
from gpo.spec.task import TaskSpec
from gpo.template import render
from tests.support.endpoint import Request, serving
from tests.support.fakes import in_time

LABELS = ("bug", "praise")


def rows(folder: Path, count: int = 24, *, images: bool = False) -> Path:
    def chat(number: int) -> list[dict[str, Any]]:
        asked: Any = f"Part {number} is {('broken', 'fine')[number % 2]}"
        if images:
            (folder / f"{number}.png").write_bytes(b"image %d" % number)
            asked = [{"type": "text", "text": asked}, {"type": "image_url", "image_url": {"url": f"{number}.png"}}]
        return [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "What is it?"},
            {"role": "user", "content": asked},
        ]

    path = folder / "chats.jsonl"
    lines = (json.dumps({"chat": chat(number), "label": LABELS[number % 2]}) + "\n" for number in range(count))
    path.write_text("".join(lines))
    return path


def task(path: Path, **changes: Any) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "name": "chats",
            "prompt": {
                "instruction": "Sort it.",
                "messages": [{"system": "{{instruction}}"}, {"placeholder": "{{chat}}"}],
            },
            "dataset": {
                "path": path, "input": "chat", "reference": "label", "split": {"train": 4, "dev": 8, "test": 12},
            },
            "answer": {"kind": "choice", "labels": LABELS},
            **changes,
        }
    )  # fmt: skip


def at(url: str) -> dict[str, Any]:
    return {"models": {"task": {"model": "openai:eyes", "base_url": url}}}


def answer(request: Request) -> str:
    return "bug" if "broken" in request.text else "praise"


@pytest.mark.slow
def test_messages_and_images_arrive_and_are_paid_for_once(tmp_path: Path) -> None:
    path = rows(tmp_path, images=True)
    with serving(answer) as endpoint:
        spec = task(path, **at(endpoint.url))
        job = Job(spec, tmp_path / "home", Settings())
        in_time(preflight(job, searches=False))
        assert endpoint.calls == 8
        in_time(preflight(job, searches=False))
        assert endpoint.calls == 8
        sent = endpoint.requests[0].body["messages"]
        assert [message["role"] for message in sent] == ["system", "user", "assistant", "user"]
        text, image = sent[-1]["content"]
        number = text["text"].split()[1]
        url = "data:image/png;base64," + base64.b64encode(b"image " + number.encode()).decode()
        assert image == {"type": "image_url", "image_url": {"url": url}}
        # Another image is another question.
        for each in tmp_path.glob("*.png"):
            each.write_bytes(each.read_bytes() + b"!")
        in_time(preflight(job, searches=False))
        assert endpoint.calls == 16


def test_an_embedded_model_takes_text_alone(tmp_path: Path) -> None:
    path = rows(tmp_path, images=True)
    with pytest.raises(SpecError, match=r"takes text alone, and \{\{chat\}\} of example \w+ holds more: 'user: Part"):
        in_time(preflight(Job(task(path), tmp_path / "home", Settings()), searches=False))
    assert not (tmp_path / "home").exists()


def test_a_file_that_was_changed_or_taken_away_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"one")
    messages = read_conversation([{"type": "image", "path": "a.png"}], "chat", tmp_path)
    picture.write_bytes(b"two")
    with pytest.raises(DatasetError, match=r"a\.png: was changed while it was in use"):
        langchain_messages(messages)
    picture.unlink()
    with pytest.raises(DatasetError, match=r"a\.png: cannot be read"):
        langchain_messages(messages)


def examples(tmp_path: Path) -> tuple[TaskSpec, tuple[Example, ...]]:
    spec = task(rows(tmp_path))
    return spec, load_splits(spec).test


def test_demonstrations_are_conversations_with_their_answers(tmp_path: Path) -> None:
    spec, (first, second, *_) = examples(tmp_path)
    sent = render(spec.prompt.template, "Sort.", first.inputs, [second])
    roles = [message.role for message in sent]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user", "assistant", "user"]
    assert (sent[0].text, sent[4].text) == ("Sort.", second.reference)
    assert sent[-1] == first.inputs["chat"][-1]


def test_what_is_said_in_a_conversation_does_not_leak(tmp_path: Path) -> None:
    said = "The parcel from Bergen came two weeks late and it was wet"
    chat = read_conversation([{"role": "user", "content": said}, {"role": "assistant", "content": "Oh"}], "chat")
    guard = ProposalFilter([Example(id="e", inputs={"chat": chat}, reference="bug")], allowed="")
    assert guard.leaks(f"Answer bug where it says: {said.lower()}")
    assert not guard.leaks("Answer bug where something is broken.")


def test_other_models_are_shown_the_conversation_with_its_roles(tmp_path: Path) -> None:
    spec, (first, *_) = examples(tmp_path)
    shown = "user: Hello\nassistant: What is it?\nuser: Part"
    assert question_of(first).startswith(shown)
    assert format_question(spec, first).startswith(f"<INSTRUCTION>\n{shown}")
