import json
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpo.data import starter_text
from gpo.data.guessing.guess import guess
from gpo.data.splits import load_splits
from gpo.data.starter import write_starter
from gpo.data.starter_text import spec_text
from gpo.errors import DatasetError, InputError, SpecError
from gpo.spec.file import load_spec
from gpo.spec.task import TaskSpec


def rows_of(count: int, **fields: Sequence[Any]) -> list[dict[str, Any]]:
    """`count` rows with a text of their own; the values of a field come again and again."""
    return [
        {"text": f"Text number {i}.", **{name: values[i % len(values)] for name, values in fields.items()}}
        for i in range(count)
    ]


def write(folder: Path, rows: Sequence[Any]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def started(folder: Path, rows: Sequence[Any]) -> TaskSpec:
    return load_spec(write_starter("task", write(folder, rows), folder, force=True).path)


@pytest.mark.parametrize(
    ("references", "kind", "metric", "instruction"),
    [
        (["b", "a", "a", "c"], "choice", "exact_match", "Answer with one of: a, b, c."),
        ([0, 1], "choice", "exact_match", "Answer with one of: 0, 1."),
        (["yes", "no", "no"], "boolean", "exact_match", "Answer with no or yes."),
        ([True, False], "boolean", "exact_match", "Answer with false or true."),
        (list(range(90)), "number", "numeric_match", "Answer with a number."),
        ([0.5 + i for i in range(90)], "number", "numeric_match", "Answer with a number."),
        ([f"Name {i}" for i in range(90)], "exact", "exact_match", "Answer in a few words, with nothing else."),
        (["A long answer. " * 9], "free", "token_f1", "Answer in one or two sentences."),
        ([f"Two\nlines {i}" for i in range(90)], "free", "token_f1", "Answer in one or two sentences."),
    ],
)
def test_the_answer_kind_is_read_from_the_references(
    references: list[Any], kind: str, metric: str, instruction: str, tmp_path: Path
) -> None:
    rows = rows_of(60, label=references)
    # A reference that is always the same is no reference, so one differs.
    rows[0]["label"] = references[0] if len(references) > 1 else f"Another {references[0]}"
    spec = started(tmp_path, rows)
    assert (spec.answer.kind, spec.metric.name, spec.prompt.instruction) == (kind, metric, instruction)


def test_labels_come_by_frequency_then_by_name_in_their_usual_spelling(tmp_path: Path) -> None:
    references = ["Good"] * 12 + ["good"] * 3 + ["bad"] * 10 + ["awful"] * 10
    rows = [{"text": f"Text {i}.", "label": label} for i, label in enumerate(references)]
    assert started(tmp_path, rows).answer.labels == ("Good", "awful", "bad")


def test_few_answers_to_few_questions_are_no_labels(tmp_path: Path) -> None:
    assert started(tmp_path, rows_of(20, answer=list(range(10)))).answer.kind == "number"


@pytest.mark.parametrize(
    ("fields", "reference"),
    [
        ({"category": ["x", "y"], "Label": ["a", "b"]}, "Label"),
        ({"category": ["x", "y"], "answer": ["a", "b"]}, "answer"),
        ({"verdict": ["for", "against"], "city": ["Rome", "Oslo", "Bern"]}, "verdict"),
        ({"label": ["same"], "verdict": ["for", "against"]}, "verdict"),
        ({"label": [None, "a"], "verdict": ["for", "against"]}, "verdict"),
    ],
)
def test_the_reference_is_found_by_name_else_by_few_short_values(
    fields: dict[str, list[Any]], reference: str, tmp_path: Path
) -> None:
    assert started(tmp_path, rows_of(40, **fields)).dataset.reference == reference


def test_usual_names_are_inputs_and_other_fields_are_not(tmp_path: Path) -> None:
    rows = [
        {"context": f"Story {i}", "source": "web", "question": f"Who is {i}?", "score": i, "answer": ["x", "y"][i % 2]}
        for i in range(40)
    ]
    spec = started(tmp_path, rows)
    assert spec.dataset.input == ("context", "question")
    assert spec.prompt.messages[0]["user"] == "context: {{context}}\nquestion: {{question}}\n\n{{instruction}}"


def test_without_usual_names_all_texts_are_inputs(tmp_path: Path) -> None:
    rows = [{"headline": f"News {i}", "lead": f"It was {i}", "n": i, "label": ["x", "y"][i % 2]} for i in range(40)]
    assert started(tmp_path, rows).dataset.input == ("headline", "lead")


def test_an_instruction_of_each_row_is_an_input_by_another_name_and_one_for_all_is_none(tmp_path: Path) -> None:
    rows = [{"instruction": f"Do {i}", "input": f"This {i}", "output": ["x", "y"][i % 2]} for i in range(40)]
    assert started(tmp_path, rows).dataset.input == {"instruction_text": "instruction", "input": "input"}
    same = [{**row, "instruction": "Do it"} for row in rows]
    assert started(tmp_path, same).dataset.input == ("input",)


def test_ids_are_used_when_they_are_unique(tmp_path: Path) -> None:
    rows = rows_of(40, label=["x", "y"])
    numbered = [{"id": i, **row} for i, row in enumerate(rows)]
    assert started(tmp_path, numbered).dataset.id == "id"
    assert started(tmp_path, [{"id": "same", **row} for row in rows]).dataset.id is None
    assert started(tmp_path, rows).dataset.id is None


@pytest.mark.parametrize(
    ("count", "sizes"),
    [(20, (4, 8, 8)), (40, (4, 12, 24)), (99, (9, 29, 61)), (300, (30, 64, 200)), (2000, (48, 64, 200))],
)
def test_the_splits_fit_the_data(count: int, sizes: tuple[int, int, int], tmp_path: Path) -> None:
    splits = load_splits(started(tmp_path, rows_of(count, label=["x", "y"])))
    assert (len(splits.train), len(splits.dev), len(splits.test)) == sizes


def test_rows_that_say_the_same_count_once(tmp_path: Path) -> None:
    rows = rows_of(30, label=["x", "y"])
    assert sum(started(tmp_path, [*rows, *rows]).dataset.split.model_dump().values()) == 30
    with pytest.raises(DatasetError, match="15 different rows"):
        started(tmp_path, [*rows[:15], *rows[:15]])


def test_hostile_labels_and_names_are_quoted(tmp_path: Path) -> None:
    labels = ["yes: no", "# none", "null", "'a' \"b\"", "[x, y]", "\u2028é"]
    data = write(tmp_path, rows_of(60, label=labels))
    odd = data.rename(tmp_path / "my data: #1 [new].jsonl")
    spec = load_spec(write_starter("0", odd, tmp_path, force=False).path)
    assert (spec.name, spec.dataset.path) == ("0", odd)
    assert {" ".join(label.split()) for label in labels} == set(spec.answer.labels)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=2, max_size=4),
    field=st.text(string.ascii_letters + "_", min_size=1, max_size=8),
)
def test_whatever_is_written_loads(labels: list[str], field: str, tmp_path: Path) -> None:
    rows = [{field: f"Text {i}", "answer": labels[i % len(labels)]} for i in range(24)]
    try:
        spec = started(tmp_path, rows)
    except DatasetError:
        return
    assert spec.dataset.input == (field,)
    assert load_splits(spec).dev


def test_the_path_is_relative_to_the_spec(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    data = write(tmp_path, rows_of(30, label=["x", "y"]))
    path = write_starter("task", data, tmp_path / "specs", force=False).path
    assert yaml.safe_load(path.read_text())["dataset"]["path"] == "../data.jsonl"
    assert load_spec(path).dataset.path == data


@pytest.mark.parametrize("installed", [True, False])
def test_models_are_local_where_the_extra_is_installed(
    *, installed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starter_text.importlib.util, "find_spec", lambda _name: object() if installed else None)
    spec = started(tmp_path, rows_of(30, label=["x", "y"]))
    assert spec.models.task.is_local == spec.models.embedding.is_local == installed
    assert (spec.models.task.api_key_env is None) == installed


def test_the_file_teaches(tmp_path: Path) -> None:
    starter = write_starter("task", write(tmp_path, rows_of(30, label=["x", "y"])), tmp_path, force=False)
    text = starter.path.read_text()
    for word in ("gpo spec schema", "api_key_env", "base_url", "token_f1", "max_calls", "locked"):
        assert word in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", ["", "My Task", "-x", "a/b", "../x", "é", "x" * 64])
def test_bad_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="lower case letters"):
        write_starter(name, write(tmp_path, rows_of(30, label=["x", "y"])), tmp_path, force=False)


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("mine")
    with pytest.raises(InputError, match="--force"):
        write_starter("task", write(tmp_path, rows_of(30, label=["x", "y"])), tmp_path, force=False)
    assert (tmp_path / "task.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 different rows; a spec needs at least 20"),
        (b'{"text": "a", "label": "x"}\n' * 19, "19 different rows"),
        (b"text,label\n", "row 1: not valid JSON"),
        (b'{"text": "a"}\n[1, 2]\n', "row 2: must be a JSON object"),
        (b"[" * 200_000, "row 1: not valid JSON"),
        (
            "日本語".encode("shift-jis") * 9,
            "not UTF-8: byte 0x93 in line 1, nor (.|\n)*--encoding shift_jis reads '日本語日",
        ),
        (b'{"a": "b", "c": "d"}\n' * 20, "which field holds the right answer.*`a` .the same value in every row: 'b'"),
        (b"".join(b'{"%d": 1}\n' % i for i in range(20)), "`0` .missing in 19 of 20 rows"),
        (b"".join(b'{"n": %d, "label": "%d"}\n' % (i, i % 2) for i in range(20)), "no field fits as input"),
    ],
)
def test_bad_data(content: bytes, message: str, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        write_starter("task", data, tmp_path, force=False)
    assert str(data) in str(caught.value)
    assert len(str(caught.value).replace(str(tmp_path), "")) < 500
    assert not (tmp_path / "task.yaml").exists()


def test_data_that_no_run_would_take_is_refused(tmp_path: Path) -> None:
    rows = [*rows_of(30, label=["x", "y"]), {"text": "Text number 1.", "label": "x"}]
    with pytest.raises(DatasetError, match=r"rows 2 and 31"):
        started(tmp_path, rows)
    assert not (tmp_path / "task.yaml").exists()


def test_a_folder_or_nothing_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a folder"):
        write_starter("task", tmp_path, tmp_path, force=False)
    with pytest.raises(DatasetError, match="no such file"):
        write_starter("task", tmp_path / "nowhere.jsonl", tmp_path, force=False)


@pytest.mark.parametrize(
    ("label", "is_named"), [(["b", "a"], True), (["A long answer. " * 9, "Another one. " * 9], False)]
)
def test_the_starter_of_a_model_that_keeps_to_forms_names_the_place_of_the_answer(
    label: list[str], is_named: bool, tmp_path: Path
) -> None:
    rows = rows_of(60, label=label)
    found = guess(write(tmp_path, rows), rows)
    remote, local = (spec_text("task", "data.jsonl", found, local=local) for local in (False, True))
    asked = TaskSpec.model_validate(yaml.safe_load(remote))
    assert (asked.answer.where is not None) is is_named
    assert ("`Answer:`" in remote) is is_named
    assert TaskSpec.model_validate(yaml.safe_load(local)).answer.where is None
    assert "# where:" in local


def test_what_people_said_is_no_input_but_customers_feedback_is(tmp_path: Path) -> None:
    said = rows_of(40, label=["a", "b", "b"], feedback=["Too short", None, None, "Wrong tone here", None])
    spec = started(tmp_path, said)
    assert (spec.dataset.input, spec.dataset.feedback) == (("text",), "feedback")
    splits = load_splits(spec)
    assert {example.feedback for example in splits.test} == {"Too short", "Wrong tone here", None}
    rows = [{"feedback": f"The lamp {number} is fine", "label": ["a", "b", "b"][number % 3]} for number in range(40)]
    spec = started(tmp_path, rows)
    assert (spec.dataset.input, spec.dataset.feedback) == (("feedback",), None)


def test_a_field_of_feedback_that_no_row_has_is_named(tmp_path: Path) -> None:
    started(tmp_path, rows_of(40, label=["a", "b", "b"], feedback=["Too short"]))
    spec = (tmp_path / "task.yaml").read_text().replace("feedback: feedback", "feedback: feedbak")
    (tmp_path / "task.yaml").write_text(spec)
    with pytest.raises(DatasetError, match="no row has a text in the field `feedbak`; did you mean 'feedback'"):
        load_splits(load_spec(tmp_path / "task.yaml"))


def test_a_first_row_that_is_data_is_no_header(tmp_path: Path) -> None:
    lines = [f"The lamp {number} is here,{'neg' if number % 2 else 'pos'}" for number in range(40)]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    with pytest.raises(DatasetError, match="the first row is no header: `pos` is a value of its own column"):
        write_starter("task", tmp_path / "data.csv", tmp_path, force=False)
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *lines]))
    assert write_starter("task", tmp_path / "data.csv", tmp_path, force=False).found.guess.reference == "label"


@pytest.mark.parametrize("names", [("triples", "text"), ("text", "triples")])
def test_of_two_texts_the_later_is_the_answer_and_the_other_is_told(names: tuple[str, str], tmp_path: Path) -> None:
    rows = [{names[0]: f"Oslo is in {number}", names[1]: f"{number} has a town, Oslo"} for number in range(40)]
    path = write(tmp_path, rows)
    found = write_starter("task", path, tmp_path, force=False).found.guess
    assert (list(found.inputs.values()), found.reference, found.others) == ([names[0]], names[1], (names[0],))
    asked = []

    def choose(question: Any) -> str:
        asked.append(question.answers)
        return names[0]

    assert write_starter("task", path, tmp_path, force=True, ask=choose).found.guess.reference == names[0]
    assert asked == [(names[1], names[0])]
