"""What YAML can do that no spec should: refused in one message, soon, and without repeating it."""

import json
import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml import safe_dump

from gpo.errors import SpecError
from gpo.spec.file import load_spec
from gpo.spec.strict_yaml import StrictYamlError, read_yaml

NINE = ",".join(["x"] * 9)
BOMB = f"a0: &a0 [{NINE}]\n" + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9))

REFUSED = {
    "a date": ("name: 2024-01-31", "line 1, column 7: the date '2024-01-31'; put it into quotes"),
    "a day that is none": ("name: 2024-99-99", "the date '2024-99-99'"),
    "a time": ("name: 2024-01-31 10:00:00", "the date"),
    "lists in lists": (f"seed: {'[' * 5000}", "levels of lists and mappings"),
    "mappings in mappings": (f"seed: {'{a: ' * 3000}", "levels of lists and mappings"),
    "5,000 digits": (f"seed: {'9' * 5000}", "a whole number of more than 15 digits, '99999"),
    "5,000 digits of another base": (f"seed: 0x{'1' * 5000}", "a whole number of more than 15 digits"),
    "a billion values": (f"{BOMB}name: *a8", "line 2, column 10: an alias (*a0); write the value out"),
    "an alias alone": ("a: &a 1\nb: *a", "an alias (*a)"),
    "a merged mapping": ("a: &a {b: 1}\nc: {<<: *a}", "an alias (*a)"),
    "a key twice": ("gate: {}\nname: x\ngate: {}", "line 3, column 1: the key 'gate' for the second time"),
    "a key twice inside": ("models: {task: a, 'task': b}", "the key 'task' for the second time"),
    "a Python object": ("a: !!python/object/apply:os.system [id]", "not valid YAML"),
    "a cap without end": (
        "budget: {max_cost: .inf}",
        "column 20: a number without end, or none at all, '.inf'",
    ),
    "no number": ("gate: {min_gain: .NaN}", "a number without end, or none at all"),
    "a time of day": ("seed: 1:30", "a number that YAML counts in sixties, '1:30'; write a plain number"),
    "a length of time": ("seed: 1:30:00.5", "a number that YAML counts in sixties"),
    "a number with a zero before it": ("seed: 010", "a number that YAML counts in eights, '010'"),
    "a huge split": ("split: {train: 99999999999999999999}", "a whole number of more than 15 digits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_its_place(case: str, tmp_path: Path) -> None:
    text, fragment = REFUSED[case]
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert fragment in message
    assert len(message) < 600 + len(str(path))


def test_quotes_make_a_text_of_it() -> None:
    assert read_yaml("a: '2024-99-99'\nb: \"99999999999999999999\"\nc: 1.5\nd: -12\ne: [null, true, 0, '010']") == {
        "a": "2024-99-99",
        "b": "99999999999999999999",
        "c": 1.5,
        "d": -12,
        "e": [None, True, 0, "010"],
    }


def test_a_long_value_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(f"name: [{', '.join(['x'] * 5000)}]\nseed: {'x' * 5000}")
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert max(map(len, str(caught.value).splitlines())) < 300 + len(str(path))


@pytest.mark.parametrize("made", ["a pipe", "a device"])
def test_what_is_no_file_is_no_spec(made: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    if made == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(SpecError, match="no regular file"):
        load_spec(path)


def test_a_file_that_is_too_long_for_a_spec_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(SpecError, match="is longer than 500,000 bytes"):
        load_spec(path)


def test_a_dataset_that_is_a_link_to_itself_is_a_dataset_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    part = {"instruction": "Answer.", "question": "{{q}}"}
    split = {"train": 1, "dev": 1, "test": 1}
    dataset = {"path": "rows.jsonl", "input": "q", "reference": "a", "split": split}
    path.write_text(safe_dump({"name": "x", "prompt": part, "dataset": dataset, "answer": {"kind": "free"}}))
    (tmp_path / "rows.jsonl").symlink_to("rows.jsonl")
    assert load_spec(path).dataset.path == tmp_path / "rows.jsonl"
    path.write_text(path.read_text().replace("rows.jsonl", '"rows\\0.jsonl"'))
    with pytest.raises(SpecError, match=r"`dataset\.path`: a path holds no character U\+0000"):
        load_spec(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15) + 1, 10**15 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_plain_content_is_read_as_it_was_written(content: dict[str, object]) -> None:
    assert read_yaml(safe_dump(json.loads(json.dumps(content)))) == content


@given(st.text(max_size=60))
def test_no_text_has_another_end_than_a_value_or_a_refusal(text: str) -> None:
    with suppress(StrictYamlError):
        read_yaml(text)
