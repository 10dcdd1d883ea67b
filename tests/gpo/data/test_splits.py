"""Loading, checking and splitting of datasets."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpo.data.splits import load_splits
from gpo.errors import DatasetError
from gpo.records import Example, Splits
from gpo.spec.task import TaskSpec

YES_NO = {"kind": "choice", "labels": ["yes", "no"]}
Load = Callable[..., Splits]


def spec_for(path: Path, sizes: Sequence[int] = (2, 2, 2), answer: Any = None, **dataset: Any) -> TaskSpec:
    train, dev, test = sizes
    fields = {"input": "question", "reference": "label", "split": {"train": train, "dev": dev, "test": test}, **dataset}
    return TaskSpec.model_validate(
        {
            "name": "task",
            "prompt": {"instruction": "Answer.", "messages": [{"user": "{{instruction}}"}]},
            "dataset": {"path": path, **fields},
            "answer": answer or {},
        }
    )


def write(path: Path, rows: Iterable[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(count: int, label: Callable[[int], object] = str) -> list[dict[str, object]]:
    return [{"question": f"question {number}", "label": label(number)} for number in range(count)]


def ids(examples: Iterable[Example]) -> set[str]:
    return {example.id for example in examples}


def questions(examples: Iterable[Example]) -> set[str]:
    return {example.inputs["question"] for example in examples}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load splits of rows (objects, or text or bytes as they are), written to one file."""

    def _load(rows: Any, sizes: Sequence[int] = (2, 2, 2), **options: Any) -> Splits:
        path = tmp_path / "data.jsonl"
        if isinstance(rows, bytes | str):
            path.write_bytes(rows if isinstance(rows, bytes) else rows.encode())
        else:
            write(path, rows)
        return load_splits(spec_for(path, sizes, **options))

    return _load


# Splits of one file


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sizes=st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(1, 12)),
    spare=st.integers(0, 20),
    seed=st.integers(0, 3),
    data=st.data(),
)
def test_splits_are_disjoint_exact_deterministic_and_balanced(
    load: Load, sizes: tuple[int, int, int], spare: int, seed: int, data: st.DataObject
) -> None:
    labels = ["a", "b", "c"][: data.draw(st.integers(2, 3))]
    count = sum(sizes) + spare
    drawn = data.draw(st.lists(st.sampled_from(labels), min_size=count, max_size=count))
    rows = rows_of(count, lambda number: drawn[number])
    options: dict[str, Any] = {"answer": {"kind": "choice", "labels": labels}, "seed": seed}
    splits = load(rows, sizes, **options)

    parts = (splits.train, splits.dev, splits.test)
    assert tuple(len(part) for part in parts) == sizes
    assert len(ids(example for part in parts for example in part)) == sum(sizes)

    random.Random(seed).shuffle(rows)
    assert load(rows, sizes, **options) == splits

    shares = {label: drawn.count(label) / count for label in labels}
    for part in parts:
        for length in range(1, len(part) + 1):
            found = Counter(example.reference for example in part[:length])
            assert all(abs(found[label] - shares[label] * length) <= 1 + len(labels) / 2 for label in labels)


def test_labels_interleave(load: Load) -> None:
    splits = load(rows_of(80, lambda number: ["yes", "no"][number >= 40]), (10, 30, 40), answer=YES_NO)
    for part in (splits.train, splits.dev, splits.test):
        for start in range(0, len(part), 2):
            assert {example.reference for example in part[start : start + 2]} == {"yes", "no"}


def test_booleans_are_balanced_however_they_are_spelled(load: Load) -> None:
    splits = load(
        rows_of(40, lambda number: ["Yes", "true", "No", False][number % 4]), (0, 10, 10), answer={"kind": "boolean"}
    )
    assert Counter(example.reference for example in splits.dev) == {"true": 5, "false": 5}


def test_another_seed_splits_otherwise(load: Load) -> None:
    rows = rows_of(60)
    assert questions(load(rows, (20, 20, 20), seed=0).test) != questions(load(rows, (20, 20, 20), seed=1).test)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(added=st.integers(1, 10), seed=st.integers(0, 5))
def test_added_rows_move_few_examples_and_only_outwards(load: Load, added: int, seed: int) -> None:
    sizes = (15, 15, 15)
    old, new = load(rows_of(60), sizes, seed=seed), load(rows_of(60 + added), sizes, seed=seed)
    assert len(questions(old.test) - questions(new.test)) <= added
    assert not questions(new.test) & questions(old.dev + old.train)
    assert not questions(new.dev) & questions(old.train)
    # Dev lies between: what leaves the test split goes there, and never to where it is shown to a model.
    assert not questions(new.train) & questions(old.test)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(added=st.integers(1, 10), seed=st.integers(0, 5))
def test_added_rows_with_labels_move_few_examples(load: Load, added: int, seed: int) -> None:
    options: dict[str, Any] = {"sizes": (15, 15, 15), "answer": YES_NO, "seed": seed}
    old = load(rows_of(60, lambda number: ["yes", "no"][number % 2]), **options)
    new = load(rows_of(60 + added, lambda number: ["yes", "no"][number < 60 and number % 2]), **options)
    assert len(questions(old.test) - questions(new.test)) <= added + 2


def test_a_corrected_reference_stays_in_its_split(load: Load) -> None:
    rows = rows_of(30)
    old = load(rows, (10, 10, 10))
    for row in rows[:15]:
        row["label"] = "corrected"
    new = load(rows, (10, 10, 10))
    assert questions(old.test) == questions(new.test)
    assert ids(old.test) != ids(new.test)


def test_too_few_rows(load: Load) -> None:
    with pytest.raises(DatasetError) as caught:
        load(rows_of(5), (1, 2, 3))
    assert "5 different rows, but dataset.split asks for 1 train + 2 dev + 3 test = 6;" in str(caught.value)
    assert "lower the sizes in dataset.split or add 1 rows" in str(caught.value)


# Rows


def test_values_become_text_as_they_are_written(load: Load) -> None:
    text = (
        '\ufeff{"question": 0.10, "label": "1,000", "n": 7, "more": 1}\r\n\n   \n'
        '{"question": 123456789012345678901234567890, "label": 2.50, "n": 8}\r\n'
        '{"question": true, "label": -3, "n": "nine"}'
    )
    splits = load(text, (1, 1, 1), answer={"kind": "number"}, id="n")
    found = {example.id: (example.inputs["question"], example.reference) for part in _parts(splits) for example in part}
    assert found == {
        "7": ("0.10", "1000"),
        "8": ("123456789012345678901234567890", "2.5"),
        "nine": ("true", "-3"),
    }


def _parts(splits: Splits) -> tuple[tuple[Example, ...], ...]:
    return splits.train, splits.dev, splits.test


def test_only_a_line_feed_ends_a_row(load: Load) -> None:
    rows = [{"question": f"one\u2028two\x85{number}", "label": "a\x0cb" if number else "c"} for number in range(1)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*rows, *rows_of(5)])
    assert "one\u2028two\x850" in {example.inputs["question"] for part in _parts(load(text)) for example in part}


def test_several_inputs_and_canonical_labels(load: Load) -> None:
    rows = [{"a": str(number), "b": "same", "label": "YES"} for number in range(6)]
    example = load(rows, answer=YES_NO, input=["a", "b"]).dev[0]
    assert set(example.inputs) == {"a", "b"}
    assert example.reference == "yes"
    assert example.id


GOOD = '{"question": "q", "label": "yes"}\n'


@pytest.mark.parametrize(
    ("row", "options", "message"),
    [
        ("{'question': 1}", {}, "row 2: not valid JSON: Expecting property name enclosed in double quotes at column 2"),
        ('{"question": NaN, "label": "yes"}', {}, "row 2: not valid JSON: NaN is not a JSON number"),
        ("[" * 100_000, {}, "row 2: not valid JSON: nested too deeply"),
        ("[1, 2]", {}, "row 2: must be a JSON object"),
        ('{"questions": "q", "label": "yes"}', {}, "row 2: no field `question` in this row; did you mean 'questions'?"),
        ('{"question": "q"}', {}, "row 2: no field `label` in this row; allowed: question"),
        (
            '{"question": null, "label": "yes"}',
            {},
            "row 2: field `question`: must be text, a number, true or false, received null",
        ),
        (
            '{"question": "q", "label": {"is": "yes"}}',
            {},
            "row 2: field `label`: must be text, a number, true or false, received {'is': 'yes'}",
        ),
        ('{"question": "q", "label": []}', {}, "row 2: field `label`: holds no right answer, but an empty list"),
        (
            '{"question": "q", "label": ["yes", "maybe"]}',
            {"answer": YES_NO},
            "row 2: field `label`: must be one of the labels yes, no, received 'maybe'",
        ),
        (
            '{"question": ["q"], "label": "yes"}',
            {},
            "row 2: field `question`: must be text, a number, true or false, received ['q']",
        ),
        ('{"question": "\\ud800", "label": "yes"}', {}, "row 2: field `question`: '\\ud800' is half a character"),
        ('{"question": "q", "label": "  "}', {}, "row 2: field `label`: must not be blank"),
        (
            '{"question": "q", "label": "maybe"}',
            {"answer": YES_NO},
            "row 2: field `label`: must be one of the labels yes, no, received 'maybe'",
        ),
        (
            '{"question": "q", "label": "maybe"}',
            {"answer": {"kind": "boolean"}},
            "row 2: field `label`: must be one of true/false",
        ),
        (
            '{"question": "q", "label": "yes"}',
            {"answer": {"kind": "number"}},
            "row 2: field `label`: must be a number, received 'yes'",
        ),
        (
            '{"question": "q", "label": "a\\nb"}',
            {},
            "row 2: field `label`: must be a single line for answer kind `exact`",
        ),
        ('{"question": "q", "label": "yes", "n": " "}', {"id": "n"}, "row 2: field `n`: an id must not be blank"),
    ],
)
def test_a_row_that_cannot_be_used(load: Load, row: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(f"\n{row}\n{GOOD}", **options)
    assert message in str(caught.value)
    assert "data.jsonl: correct these rows, or the spec's `dataset` and `answer`, or set" in str(caught.value)


def test_five_bad_rows_are_shown_and_the_others_counted(load: Load) -> None:
    with pytest.raises(DatasetError) as caught:
        load(["not an object"] * 8)
    assert str(caught.value).count("must be a JSON object") == 5
    assert str(caught.value).endswith("\n  and 3 more")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "data.jsonl: holds no rows; add labelled rows"),
        (b"\xef\xbb\xbf\n \n", "data.jsonl: holds no rows"),
        (
            GOOD.encode() + b'{"question": "\xe9"}',
            "row 2: not UTF-8: byte 0xe9 at column 15; save the file as UTF-8, or set dataset.encoding (--enc",
        ),
        (b"\xef\xbb\xbf\xff", "row 1: not UTF-8: byte 0xff at column 1"),
        (GOOD.encode("utf-16"), "data.jsonl: not UTF-8 but UTF-16; set `encoding: utf-16` in the spec's `dataset`"),
    ],
)
def test_a_file_that_cannot_be_used(load: Load, content: bytes, message: str) -> None:
    with pytest.raises(DatasetError) as caught:
        load(content)
    assert message in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"none\.jsonl: no such file or folder; correct dataset\.path"):
        load_splits(spec_for(tmp_path / "none.jsonl"))


def test_repeated_ids(load: Load) -> None:
    rows = [{"question": str(number), "label": "yes", "n": number % 6} for number in range(8)]
    with pytest.raises(DatasetError) as caught:
        load(rows, id="n")
    assert "field `n` must be unique:" in str(caught.value)
    assert "data.jsonl: rows 1 and 7 have the same id '0'" in str(caught.value)


def test_equal_rows_without_ids_count_once(load: Load) -> None:
    rows = rows_of(9)
    assert load([*rows, *rows[::2], *rows]) == load(rows)
    with pytest.raises(DatasetError, match=r"9 different rows, but dataset\.split asks for"):
        load(rows * 2, (4, 4, 4))


def test_equal_rows_with_ids_of_their_own_are_refused(load: Load) -> None:
    rows = [{"question": "q", "label": "yes", "n": number} for number in range(8)]
    with pytest.raises(DatasetError, match="rows 1 and 2 have the same input"):
        load(rows, id="n")


@pytest.mark.parametrize("options", [{}, {"id": "n"}], ids=["no ids", "with ids"])
def test_repeated_inputs(load: Load, options: dict[str, Any]) -> None:
    rows = [{"question": str(number % 8), "label": str(number), "n": number} for number in range(15)]
    with pytest.raises(DatasetError) as caught:
        load(rows, **options)
    assert "data.jsonl: rows 1 and 9 have the same input" in str(caught.value)
    assert str(caught.value).endswith("\n  and 2 more")


@pytest.mark.parametrize(
    ("kind", "label"), [("free", str), ("exact", lambda text: [text]), ("list", lambda text: [[text]])]
)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=20)
def test_several_right_answers_to_one_input_become_one_example(
    load: Load, kind: str, label: Callable[[str], object], data: st.DataObject
) -> None:
    said = [(number % 8, f"answer{number}") for number in range(20)]
    rows = [{"question": f"question {asked}", "label": label(text)} for asked, text in said]
    shuffled = data.draw(st.permutations([*rows, *rows[5:12]]))
    splits = load(shuffled, (2, 2, 3), answer={"kind": kind})
    assert splits == load(rows, (2, 2, 3), answer={"kind": kind})
    assert not splits.left_out
    for example in [*splits.train, *splits.dev, *splits.test]:
        right = {text for asked, text in said if example.inputs["question"] == f"question {asked}"}
        assert set(example.references) == right
        assert len(example.references) == len(right)
    fewer = load(rows[:-1], (2, 2, 3), answer={"kind": kind})
    assert fewer.fingerprint != splits.fingerprint


@pytest.mark.parametrize(
    ("kind", "labels", "options"),
    [
        ({"kind": "exact"}, ("a", ["b"]), {}),
        ({"kind": "exact"}, (["a"], "b"), {}),
        ({"kind": "choice", "labels": ["a", "b"]}, (["a"], ["b"]), {}),
        ({"kind": "json"}, (["a"], ["b"]), {}),
        ({"kind": "free"}, ("a", "b"), {"id": "n"}),
    ],
    ids=["one is no list", "first is no list", "labels", "one array", "ids of their own"],
)
def test_other_answers_to_one_input_contradict_each_other(
    load: Load, kind: dict[str, Any], labels: tuple[object, object], options: dict[str, Any]
) -> None:
    others = [{"question": f"other {number}", "label": labels[0], "n": number} for number in range(6)]
    rows = [{"question": "q", "label": label, "n": number} for number, label in enumerate(labels, start=6)]
    with pytest.raises(DatasetError, match="rows 7 and 8 have the same input"):
        load([*others, *rows], answer=kind, **options)


# The fingerprint


def test_the_fingerprint_is_that_of_the_content(load: Load) -> None:
    rows = rows_of(9)
    first = load(rows).fingerprint
    assert load(rows[::-1], (1, 1, 1), seed=7).fingerprint == first
    assert load([{**row, "comment": "unused"} for row in rows]).fingerprint == first
    assert load(rows_of(10)).fingerprint != first
    for number in range(9):
        for field in ("question", "label"):
            changed = [{**row, field: "other"} if place == number else row for place, row in enumerate(rows)]
            assert load(changed).fingerprint != first


def test_ids_of_their_own_are_part_of_the_fingerprint(load: Load) -> None:
    rows = [{**row, "n": number} for number, row in enumerate(rows_of(9))]
    renamed = [{**row, "n": f"x{row['n']}"} for row in rows]
    assert load(rows, id="n").fingerprint != load(renamed, id="n").fingerprint
    assert load(rows).fingerprint == load(renamed).fingerprint


# Folders


def folder_of(folder: Path, **counts: int) -> Path:
    for name, count in counts.items():
        write(
            folder / f"{name}.jsonl", [{"question": f"{name} {n}", "label": ["yes", "no"][n % 2]} for n in range(count)]
        )
    return folder


@pytest.mark.parametrize("dev", ["dev", "eval", "validation"])
def test_a_folder_keeps_its_splits(tmp_path: Path, dev: str) -> None:
    folder = folder_of(tmp_path, train=3, test=20, other=3, **{dev: 10})
    splits = load_splits(spec_for(folder, (5, 4, 6), answer=YES_NO))
    assert questions(splits.train) == {"train 0", "train 1", "train 2"}
    assert [len(part) for part in _parts(splits)] == [3, 4, 6]
    assert all(question.startswith(dev) for question in questions(splits.dev))
    assert Counter(example.reference for example in splits.test) == {"yes": 3, "no": 3}
    assert load_splits(spec_for(folder, (5, 4, 6), answer=YES_NO, seed=1)).test != splits.test


def test_a_folder_may_lack_train(tmp_path: Path) -> None:
    assert load_splits(spec_for(folder_of(tmp_path, dev=1, test=1))).train == ()
    assert load_splits(spec_for(folder_of(tmp_path, train=0))).train == ()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train": 2, "test": 2}, "no dev or eval or validation file; a dataset folder holds train, dev, and test"),
        ({"train": 2, "dev": 2}, "no test file; a dataset folder holds"),
        ({"dev": 2, "eval": 2, "test": 2}, r"holds both dev\.jsonl and eval\.jsonl; keep one of them"),
        ({"dev": 0, "test": 2}, r"dev\.jsonl: holds no rows"),
        ({"dev": 2, "test": 0}, r"test\.jsonl: holds no rows"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        load_splits(spec_for(folder_of(tmp_path, **counts)))


def test_what_two_splits_have_in_common_stays_in_the_one_that_proves_the_gain(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=3, dev=3, test=3)
    shared = [{"question": "test 1", "label": "yes"}, {"question": "dev 0", "label": "another answer"}]
    write(folder / "dev.jsonl", [*rows_of(2), shared[1], shared[0]])
    write(folder / "train.jsonl", [shared[1], *rows_of(4)[2:], shared[0]])
    splits = load_splits(spec_for(folder, (9, 9, 9)))
    assert questions(splits.test) == {"test 0", "test 1", "test 2"}
    assert questions(splits.dev) == {"question 0", "question 1", "dev 0"}
    assert questions(splits.train) == {"question 2", "question 3"}
    assert splits.left_out == (
        (
            "dev.jsonl: left out 1 row with inputs that stand in another split as well; the first: row 4, which is"
            " test.jsonl row 2"
        ),
        (
            "train.jsonl: left out 2 rows with inputs that stand in another split as well; the first: row 1, which is"
            " dev.jsonl row 3"
        ),
    )


def test_equal_rows_of_a_file_count_once_and_a_split_must_not_be_all_in_another(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=2, dev=2, test=2)
    before = load_splits(spec_for(folder))
    lines = (folder / "dev.jsonl").read_text()
    (folder / "dev.jsonl").write_text(lines * 2)
    assert load_splits(spec_for(folder)) == before
    (folder / "test.jsonl").write_text(lines)
    with pytest.raises(DatasetError, match=r"dev\.jsonl: holds no rows that can be used(?s:.*)test\.jsonl row 1"):
        load_splits(spec_for(folder))


def test_one_input_with_two_answers_in_a_file_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=2, dev=2, test=2)
    write(folder / "dev.jsonl", [*rows_of(3), {"question": "question 1", "label": "another"}])
    with pytest.raises(DatasetError, match=r"inputs must differ(?s:.*)dev\.jsonl: rows 2 and 4 have the same input"):
        load_splits(spec_for(folder))


def test_the_fingerprint_of_a_folder_knows_the_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=2, dev=2, test=2)
    before = load_splits(spec_for(folder)).fingerprint
    (folder / "train.jsonl").rename(folder / "spare")
    (folder / "dev.jsonl").rename(folder / "train.jsonl")
    (folder / "spare").rename(folder / "dev.jsonl")
    assert load_splits(spec_for(folder)).fingerprint != before


# Demonstrations


def test_a_folder_brings_its_demonstrations_which_no_split_holds(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=2, dev=2, test=2)
    before = load_splits(spec_for(folder))
    assert before.few_shot == ()
    shown = [{"question": text, "label": "yes"} for text in ("of its own", "dev 1", "train 0", "of its own", "test 0")]
    write(folder / "few_shot_examples.jsonl", shown)
    splits = load_splits(spec_for(folder))
    assert [example.inputs["question"] for example in splits.few_shot] == ["of its own", "train 0"]
    assert _parts(splits) == _parts(before)
    assert splits.fingerprint != before.fingerprint
    assert splits.left_out == (
        (
            "few_shot_examples.jsonl: left out 2 rows with inputs that stand in dev or test as well; the first: row 2,"
            " which is dev.jsonl row 2"
        ),
    )


def test_worked_solutions_are_kept_where_rows_have_them(load: Load) -> None:
    rows: list[dict[str, object]] = [{**row, "why": f"Because of {row['label']}."} for row in rows_of(5)]
    rows += [{"question": "without", "label": "x", "why": None}, {"question": "neither", "label": "y"}]
    splits = load(rows, (2, 2, 3), solution="why")
    found = {example.inputs["question"]: example.solution for part in _parts(splits) for example in part}
    assert found["question 3"] == "Because of 3."
    assert found["without"] is found["neither"] is None
    assert splits.fingerprint != load(rows, (2, 2, 3)).fingerprint
    with pytest.raises(DatasetError, match=r"no row has a text in the field `whi`; did you mean 'why'\?"):
        load(rows_of(4) + [{**row, "why": "x"} for row in rows_of(9)[4:]], solution="whi")


# Several right answers


def test_a_list_holds_several_right_answers_once_each(load: Load) -> None:
    rows = [{"question": str(number), "label": ["Yes", "NO", "yes"]} for number in range(6)]
    example = load(rows, answer=YES_NO).dev[0]
    assert (example.reference, example.also) == ("yes", ("no",))
    assert load([{**row, "label": "Yes"} for row in rows], answer=YES_NO).dev[0].also == ()


def test_a_list_is_one_answer_where_answers_are_lists(load: Load) -> None:
    kind = {"kind": "list"}
    one = load([{"question": str(number), "label": ["pear", "fig"]} for number in range(6)], answer=kind).dev[0]
    two = load([{"question": str(number), "label": [["pear", "fig"], "fig, pear"]} for number in range(6)], answer=kind)
    assert (one.reference, one.also) == ("pear fig", ())
    assert two.dev[0].references == ("pear fig", "fig pear")


def test_structured_answers_are_taken_as_json(load: Load) -> None:
    rows = [{"question": str(number), "label": {"total": 1.50, "items": ["a", None, True]}} for number in range(3)]
    rows += [{**row, "question": f"{row['question']} again", "label": json.dumps(row["label"])} for row in rows]
    found = {example.reference for part in _parts(load(rows, answer={"kind": "json"})) for example in part}
    assert [json.loads(reference) for reference in found] == [{"total": 1.5, "items": ["a", None, True]}]


# Rows that cannot be used


def test_bad_rows_are_left_out_where_the_spec_says_so(load: Load) -> None:
    good = "".join(json.dumps(row) + "\n" for row in rows_of(8))
    bad = (
        '{"question": 1\n[]\n{"question": "x"}\n{"question": "question 3", "label": "another"}\n{"question": "x\xff"}\n'
    )
    splits = load((good + bad).encode("latin-1"), (2, 2, 4), on_bad_row="skip")
    assert _parts(splits) == _parts(load(good, (2, 2, 4)))
    assert splits.fingerprint == load(good).fingerprint
    assert splits.left_out == (
        (
            "data.jsonl: left out 5 rows that cannot be used; the first: row 9: not valid JSON: Expecting ',' delimiter"
            " at column 15; a row is one JSON object on one line"
        ),
    )
    with pytest.raises(DatasetError, match=r"holds no rows that can be used; add(?s:.*)left out 5 rows"):
        load(bad.encode("latin-1"), on_bad_row="skip", id="n")


def test_of_rows_with_one_id_or_one_input_the_first_is_kept(load: Load) -> None:
    rows = [{**row, "n": number} for number, row in enumerate(rows_of(6))]
    repeated = [{"question": "another", "label": "x", "n": 2}, {"question": "question 4", "label": "x", "n": 99}]
    splits = load([*rows, *repeated], id="n", on_bad_row="skip")
    assert _parts(splits) == _parts(load(rows, id="n"))
    assert splits.left_out == (
        "data.jsonl: left out 2 rows that cannot be used; the first: row 7: has the same id '2' as data.jsonl row 3",
    )
