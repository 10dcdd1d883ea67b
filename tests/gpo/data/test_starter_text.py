from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpo.data.guessing.answers import AnswerGuess
from gpo.data.guessing.guess import Guess
from gpo.data.starter_text import quote_yaml, spec_text
from gpo.scoring.spec import AnswerSpec
from gpo.spec.dataset import SplitSpec

TEXTS = st.text(st.characters(), max_size=20)
"""Any text, also with line breaks, control characters and halves of surrogate pairs."""

FIELDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)

# fmt: off
ODD = (
    "", " ", "\n", "a\n", "\r", "---", "...", "a: b", "a #b", "no", "null", "1e3", "0x1", "{{x}}", "{% if %}", "{#",
    "\u2028", "\x85", "\ufeff", "\x00", "\ud800", "'\"", "\\", "%", "- a", "?", "<b>&", "\t", "~", "=", "é", "😀",
)
# fmt: on


@given(TEXTS | st.lists(TEXTS), st.booleans())
def test_what_is_quoted_is_one_line_and_loads_back(value: str | list[str], always: bool) -> None:
    quoted = quote_yaml(value, always=always)
    assert len(quoted.splitlines()) == 1
    assert yaml.safe_load(f"a:\n  b: {quoted}   # a comment\n") == {"a": {"b": value}}


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_load_back(text: str) -> None:
    assert yaml.safe_load(f"a: {quote_yaml(text)}   # a comment") == {"a": text}
    assert yaml.safe_load(f"a: {quote_yaml([text, text])}") == {"a": [text, text]}


def guesses() -> st.SearchStrategy[Guess]:
    kind = st.just(AnswerSpec(kind="exact"))
    labels = st.lists(TEXTS, min_size=1, max_size=4).map(
        lambda labels: AnswerSpec.model_construct(kind="choice", labels=tuple(labels))
    )
    answer = st.builds(AnswerGuess, kind | labels, st.just("exact_match"), TEXTS, TEXTS)
    return st.builds(
        Guess,
        inputs=st.dictionaries(FIELDS, TEXTS, min_size=1, max_size=3)
        | st.lists(FIELDS, min_size=1, max_size=3).map(lambda fields: {field: field for field in fields}),
        reference=TEXTS,
        id=st.none() | TEXTS,
        answer=answer,
        split=st.builds(SplitSpec.model_construct, train=st.just(3), dev=st.just(4), test=st.just(5)),
        solution=st.none() | TEXTS,
        feedback=st.none() | TEXTS,
        encoding=st.sampled_from(["utf-8", "latin-1"]),
        delimiter=st.none() | st.characters(),
        sheet=st.none() | TEXTS,
        conversations=st.just(()),
        is_published=st.booleans(),
        option_labels=st.just({}),
        group=st.none() | TEXTS,
        split_field=st.none() | TEXTS,
        on_bad_row=st.sampled_from(["stop", "skip"]),
        seed=st.integers(0, 3),
        left_out=st.just(()),
        others=st.just(()),
    )


@given(guesses(), TEXTS, st.booleans())
def test_whatever_the_data_shows_is_in_the_spec_as_it_is(found: Guess, data: str, local: bool) -> None:
    text = spec_text("task", data, found, local=local)
    text.encode()
    spec: dict[str, Any] = yaml.safe_load(text)
    dataset, prompt, answer = spec["dataset"], spec["prompt"], spec["answer"]
    shown = dataset["input"]
    assert (dict(zip(shown, shown, strict=True)) if isinstance(shown, list) else shown) == found.inputs
    assert (dataset["path"], dataset["reference"]) == (data, found.reference)
    assert (dataset.get("group"), dataset.get("split_field")) == (found.group or None, found.split_field or None)
    assert (dataset.get("on_bad_row", "stop"), dataset.get("seed", 0)) == (found.on_bad_row, found.seed)
    assert (dataset.get("id"), dataset.get("solution")) == (found.id or None, found.solution or None)
    assert dataset.get("delimiter") == found.delimiter
    assert dataset.get("feedback") == (found.feedback or None)
    assert dataset.get("sheet") == (found.sheet or None)
    assert dataset["split"] == {"train": 3, "dev": 4, "test": 5}
    assert (prompt["description"], prompt["instruction"]) == (found.answer.description, found.answer.instruction)
    # A model that keeps to a form is asked for one, and the answer is read there alone.
    place = answer.pop("where", None)
    assert place in (None, {"after": "Answer:"})
    if place:
        assert "`Answer:`" in prompt["messages"][0]["user"]
    assert answer == {"kind": found.answer.spec.kind} | (
        {"labels": list(found.answer.spec.labels)} if found.answer.spec.labels else {}
    )
    sections = {"name", "prompt", "dataset", "answer", "metric", "models", "optimizer"}
    assert set(spec) == (sections if local else sections | {"budget"})
    assert spec["optimizer"]["preset"] == ("gpo" if local else "minibatch")
    asked = prompt["question"] if found.is_published else prompt["messages"][0]["user"]
    assert all(f"{{{{{field}}}}}" in asked for field in found.inputs)


@pytest.mark.parametrize("ends_with_user", [True, False])
def test_a_conversation_is_placed_with_its_roles(ends_with_user: bool) -> None:
    answer = AnswerGuess(AnswerSpec(kind="exact"), "exact_match", "Answer.", "an answer")
    found = Guess(
        inputs={"chat": "chat", "topic": "topic"},
        reference="label",
        id=None,
        answer=answer,
        split=SplitSpec(),
        conversations=("chat",),
        ends_with_user=ends_with_user,
    )
    messages = yaml.safe_load(spec_text("task", "rows.jsonl", found, local=True))["prompt"]["messages"]
    asked, placed = "{{topic}}\n\n{{instruction}}", {"placeholder": "{{chat}}"}
    # What waits for an answer comes last; what is only to be judged comes first.
    assert messages == ([{"system": asked}, placed] if ends_with_user else [placed, {"user": asked}])


@pytest.mark.parametrize(("kind", "length", "local", "remote"), [("choice", 6, 48, 1024), ("free", 900, 608, 1024)])
def test_answers_may_be_twice_as_long_as_the_right_ones(kind: Any, length: int, local: int, remote: int) -> None:
    labels = ("a", "b") if kind == "choice" else ()
    answer = AnswerGuess(AnswerSpec(kind=kind, labels=labels), "exact_match", "Answer.", "an answer", length)
    found = Guess(inputs={"text": "text"}, reference="label", id=None, answer=answer, split=SplitSpec())
    limits = [
        yaml.safe_load(spec_text("task", "rows.jsonl", found, local=each))["models"]["task"]["parameters"]["max_tokens"]
        for each in (True, False)
    ]
    assert limits == [local, remote]
