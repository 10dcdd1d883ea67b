"""Published benchmarks as tasks: each folder is known, and all of it loads."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gpo.data.guessing.benchmarks import BBH, START
from gpo.data.splits import load_splits
from gpo.data.starter import task_of, write_starter
from gpo.errors import DatasetError
from gpo.records import Splits
from gpo.spec.file import load_spec
from gpo.template import render
from tests.support.published import PUBLISHED, needs_published_data

BOOLEAN, NUMBER, FREE, LIST = (("boolean", 0), ("number", 0), ("free", 0), ("list", 0))
TWO, FOUR, FIVE = (("choice", count) for count in (2, 4, 5))
# Train, dev, test and demonstrations; kind and number of labels; metric; lines on what was left out.
FOLDERS: dict[str, tuple[tuple[int, int, int, int], tuple[str, int], str, int]] = {
    "bbh/boolean_expressions": ((48, 48, 144, 5), BOOLEAN, "exact_match", 0),
    "bbh/hyperbaton": ((48, 48, 144, 5), TWO, "exact_match", 0),
    "bbh/movie_recommendation": ((48, 48, 143, 5), FIVE, "exact_match", 1),
    "bbh/navigate": ((48, 48, 144, 5), BOOLEAN, "exact_match", 0),
    "bbh/object_counting": ((48, 48, 144, 5), NUMBER, "numeric_match", 0),
    "bbh/snarks": ((33, 33, 102, 5), TWO, "exact_match", 0),
    "bbh/sports_understanding": ((47, 47, 144, 5), BOOLEAN, "exact_match", 2),
    "bbh/word_sorting": ((48, 48, 144, 5), LIST, "exact_match", 0),
    "gsm8k": ((100, 100, 300, 5), NUMBER, "numeric_match", 0),
    "mmlu/abstract_algebra": ((20, 20, 59, 4), FOUR, "exact_match", 0),
    "mmlu/anatomy": ((20, 20, 60, 4), FOUR, "exact_match", 0),
    "mmlu/college_physics": ((17, 16, 57, 4), FOUR, "exact_match", 2),
    "mmlu/high_school_geography": ((20, 20, 60, 4), FOUR, "exact_match", 0),
    "mmlu/professional_law": ((20, 20, 60, 4), FOUR, "exact_match", 0),
    "mmlu/sociology": ((20, 20, 60, 4), FOUR, "exact_match", 0),
    "webnlg": ((100, 100, 290, 5), FREE, "rouge_l", 0),
    "wsc": ((50, 50, 150, 10), TWO, "exact_match", 0),
}


def sizes(splits: Splits) -> tuple[int, int, int, int]:
    return len(splits.train), len(splits.dev), len(splits.test), len(splits.few_shot)


def folder_of(folder: Path, rows: list[dict[str, Any]], names: tuple[str, ...] = ("train", "eval", "test")) -> Path:
    folder.mkdir(parents=True)
    for number, name in enumerate(names):
        text = "".join(json.dumps(row) + "\n" for row in rows[number :: len(names)])
        (folder / f"{name}.jsonl").write_text(text)
    return folder


@needs_published_data
def test_every_folder_is_tried() -> None:
    assert {str(path.parent.relative_to(PUBLISHED)) for path in PUBLISHED.rglob("test.jsonl")} == FOLDERS.keys()


@needs_published_data
@pytest.mark.parametrize("name", FOLDERS)
def test_a_published_folder_loads_as_the_paper_has_it(name: str) -> None:
    counts, (kind, labels), metric, left_out = FOLDERS[name]
    spec = task_of(PUBLISHED / name)
    splits = load_splits(spec)
    assert sizes(splits) == counts
    assert len(splits.left_out) == left_out
    assert (spec.answer.kind, len(spec.answer.labels), spec.metric.name) == (kind, labels, metric)
    examples = [*splits.train, *splits.dev, *splits.test]
    assert len({example.id for example in examples}) == len(examples)
    assert not {tuple(example.inputs.values()) for example in splits.test} & {
        tuple(example.inputs.values()) for example in [*splits.train, *splits.dev, *splits.few_shot]
    }
    *_, message = render(spec.prompt.template, spec.prompt.instruction, examples[0].inputs)
    assert message.text == f"{examples[0].inputs['input']}\n{START}"
    assert spec.models.task.is_local
    assert load_splits(spec) == splits


@needs_published_data
def test_what_is_left_out_is_told() -> None:
    assert load_splits(task_of(PUBLISHED / "bbh/movie_recommendation")).left_out == (
        (
            "test.jsonl: left out 1 row that cannot be used; the first: row 58: field `target`: must be one of the"
            " labels (A), (B), (C), (D), (E), received 'Monsters, Inc'"
        ),
    )
    assert load_splits(task_of(PUBLISHED / "bbh/sports_understanding")).left_out == (
        (
            "eval.jsonl: left out 1 row with inputs that stand in another split as well; the first: row 33, which is"
            " test.jsonl row 122"
        ),
        (
            "train.jsonl: left out 1 row with inputs that stand in another split as well; the first: row 28, which is"
            " test.jsonl row 50"
        ),
    )


@needs_published_data
def test_solutions_and_several_references_are_kept() -> None:
    arithmetic = load_splits(task_of(PUBLISHED / "gsm8k"))
    assert all(example.solution and "####" in example.solution for example in [*arithmetic.few_shot, *arithmetic.dev])
    texts = load_splits(task_of(PUBLISHED / "webnlg"))
    assert max(Counter(len(example.references) for example in texts.test)) > 2


@needs_published_data
def test_the_sizes_can_be_cut() -> None:
    splits = load_splits(task_of(PUBLISHED / "bbh/navigate", train=4, dev=5, test=6))
    assert sizes(splits) == (4, 5, 6, 5)


@needs_published_data
@pytest.mark.parametrize("name", ["bbh/movie_recommendation", "gsm8k", "webnlg"])
def test_the_same_task_is_written_as_a_file_that_teaches(name: str, tmp_path: Path) -> None:
    starter = write_starter("task", PUBLISHED / name, tmp_path, force=False)
    path = starter.path
    spec, known = load_spec(path), task_of(PUBLISHED / name)
    assert (spec.prompt, spec.dataset, spec.answer, spec.metric) == (
        known.prompt,
        known.dataset,
        known.answer,
        known.metric,
    )
    assert starter.splits == load_splits(known)
    assert "on_bad_row: skip" in path.read_text()
    assert "position: end" in path.read_text()


@pytest.mark.parametrize(
    ("task", "target", "kind"),
    [
        ("causal_judgement", "Yes", "boolean"),
        ("formal_fallacies", "invalid", "boolean"),
        ("web_of_lies", "No", "boolean"),
        ("multistep_arithmetic_two", "-123", "number"),
        ("dyck_languages", "] ) }", "exact"),
        ("word_sorting", "fig pear", "list"),
        ("geometric_shapes", "(B)", "choice"),
        *((task, "(B)", "choice") for task in sorted(BBH) if task.endswith("_objects")),
    ],
)
def test_tasks_of_big_bench_hard_are_known_by_name(task: str, target: str, kind: str, tmp_path: Path) -> None:
    rows = [{"input": f"Question {i}:\n(A) one (Z)\n(K) two", "target": target} for i in range(9)]
    spec = task_of(folder_of(tmp_path / task, rows))
    assert spec.answer.kind == kind
    assert len(spec.answer.labels) == (11 if kind == "choice" else 0)
    assert spec.prompt.description
    assert sizes(load_splits(spec)) == (3, 3, 3, 0)


def test_big_bench_hard_has_27_tasks() -> None:
    # The objects of logical deduction and of shuffling come in three sizes each.
    assert len(BBH) == 27


def test_a_subject_of_mmlu_is_known_by_its_folder(tmp_path: Path) -> None:
    rows = [{"input": f"Question {i}?\r\n(A) one\r\n(B) two\n(C) x\n(D) y", "output": "(A)"} for i in range(9)]
    spec = task_of(folder_of(tmp_path / "mmlu" / "Moral Scenarios", rows))
    assert spec.name == "mmlu-moral_scenarios"
    assert spec.answer.labels == ("(A)", "(B)", "(C)", "(D)")
    assert "\r\n(B)" in load_splits(spec).test[0].inputs["input"]


def test_a_known_name_with_other_fields_and_an_unknown_one_are_guessed(tmp_path: Path) -> None:
    rows = [{"question": f"Question {i}?", "label": ["good", "bad"][i % 5 > 2]} for i in range(30)]
    for name in ("navigate", "My own (data)"):
        spec = task_of(folder_of(tmp_path / name, rows))
        assert (spec.dataset.input, spec.dataset.reference) == (("question",), "label")
        assert spec.answer.labels == ("good", "bad")
        assert spec.dataset.on_bad_row == "stop"
        assert sizes(load_splits(spec)) == (10, 10, 10, 0)


def test_lists_of_answers_and_solutions_are_guessed(tmp_path: Path) -> None:
    rows = [
        {"question": f"Who is {i}?", "answers": [f"Name {i}", f"N. {i}"], "explanation": "Known."} for i in range(30)
    ]
    spec = task_of(folder_of(tmp_path / "people", rows))
    assert (spec.dataset.reference, spec.dataset.solution, spec.answer.kind) == ("answers", "explanation", "exact")
    example = load_splits(spec).test[0]
    assert example.also
    assert example.solution == "Known."


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("data",), "is a folder without splits, .* it holds data.json"),
        (("train", "eval"), "no test file; a dataset folder holds"),
    ],
)
def test_a_folder_that_is_no_dataset(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    rows = [{"question": f"Question {i}?", "label": ["good", "bad"][i % 2]} for i in range(30)]
    folder = folder_of(tmp_path / "some", rows, names)
    with pytest.raises(DatasetError, match=message):
        load_splits(task_of(folder))


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file or folder"):
        task_of(tmp_path / "none")
