"""Splits of a file and of a folder, and the demonstrations that a folder brings."""

import json
from collections import Counter
from pathlib import Path

import pytest

from gpo.data.splits import load_splits
from gpo.errors import DatasetError
from gpo.evaluation.few_shot import showable
from tests.support.labelled import YES_NO, Load, parts, questions, rows_of, spec_for, write_rows


def test_too_few_rows(load: Load) -> None:
    with pytest.raises(DatasetError) as caught:
        load(rows_of(5), (1, 2, 3))
    assert "5 different rows, but dataset.split asks for 1 train + 2 dev + 3 test = 6;" in str(caught.value)
    assert "lower the sizes in dataset.split or add 1 rows" in str(caught.value)


GOOD = '{"question": "q", "label": "yes"}\n'


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


def test_only_a_line_feed_ends_a_row(load: Load) -> None:
    rows = [{"question": f"one\u2028two\x85{number}", "label": "a\x0cb" if number else "c"} for number in range(1)]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*rows, *rows_of(5)])
    assert "one\u2028two\x850" in {example.inputs["question"] for part in parts(load(text)) for example in part}


# Folders


def folder_of(folder: Path, **counts: int) -> Path:
    for name, count in counts.items():
        write_rows(
            folder / f"{name}.jsonl", [{"question": f"{name} {n}", "label": ["yes", "no"][n % 2]} for n in range(count)]
        )
    return folder


@pytest.mark.parametrize("dev", ["dev", "eval", "validation"])
def test_a_folder_keeps_its_splits(tmp_path: Path, dev: str) -> None:
    folder = folder_of(tmp_path, train=3, test=20, other=3, **{dev: 10})
    splits = load_splits(spec_for(folder, (5, 4, 6), answer=YES_NO))
    assert questions(splits.train) == {"train 0", "train 1", "train 2"}
    assert [len(part) for part in parts(splits)] == [3, 4, 6]
    assert all(question.startswith(dev) for question in questions(splits.dev))
    assert Counter(example.reference for example in splits.test) == {"yes": 3, "no": 3}
    assert load_splits(spec_for(folder, (5, 4, 6), answer=YES_NO, seed=1)).test != splits.test


def test_a_folder_may_lack_train(tmp_path: Path) -> None:
    assert load_splits(spec_for(folder_of(tmp_path, dev=1, test=1))).train == ()
    assert load_splits(spec_for(folder_of(tmp_path, train=0))).train == ()


def test_dev_is_cut_off_train_where_a_folder_lacks_it(tmp_path: Path) -> None:
    splits = load_splits(spec_for(folder_of(tmp_path, train=9, test=4), (4, 3, 4)))
    assert [len(part) for part in parts(splits)] == [4, 3, 4]
    assert all(question.startswith("train") for question in questions(splits.dev))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"other": 2, "test": 2}, "no dev or eval or validation file; a dataset folder holds train, dev, and test"),
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
    write_rows(folder / "dev.jsonl", [*rows_of(2), shared[1], shared[0]])
    write_rows(folder / "train.jsonl", [shared[1], *rows_of(4)[2:], shared[0]])
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
    after = load_splits(spec_for(folder))
    assert after.notes == (
        "dev.jsonl: merged 2 rows that say the same as an earlier one; the first: row 3, as dev.jsonl row 1",
    )
    assert after.model_copy(update={"notes": ()}) == before
    (folder / "test.jsonl").write_text(lines)
    with pytest.raises(DatasetError, match=r"dev\.jsonl: holds no rows that can be used(?s:.*)test\.jsonl row 1"):
        load_splits(spec_for(folder))


def test_one_input_with_two_answers_in_a_file_of_a_folder_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, train=2, dev=2, test=2)
    write_rows(folder / "dev.jsonl", [*rows_of(3), {"question": "question 1", "label": "another"}])
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
    write_rows(folder / "few_shot_examples.jsonl", shown)
    splits = load_splits(spec_for(folder))
    assert [example.inputs["question"] for example in splits.few_shot] == ["of its own", "train 0"]
    assert parts(splits) == parts(before)
    assert splits.fingerprint != before.fingerprint
    assert splits.left_out == (
        (
            "few_shot_examples.jsonl: left out 2 rows with inputs that stand in dev or test as well; the first: row 2,"
            " which is dev.jsonl row 2"
        ),
    )


def test_a_demonstration_with_the_id_of_another_training_example_gets_one_of_its_own(tmp_path: Path) -> None:
    rows = [{"number": n, "question": f"question {n}", "label": "yes"} for n in range(7)]
    for name, part in {"train": rows[:2], "dev": rows[2:4], "test": rows[4:6]}.items():
        write_rows(tmp_path / f"{name}.jsonl", part)
    others = [{**rows[6], "number": 0, "label": label} for label in ("yes", "no")]
    write_rows(tmp_path / "few_shot_examples.jsonl", [others[0], rows[1], others[1]])
    splits = load_splits(spec_for(tmp_path, id="number"))
    by_id = showable(splits)
    assert {name: (example.inputs["question"], example.reference) for name, example in by_id.items()} == {
        "0": ("question 0", "yes"),
        "1": ("question 1", "yes"),
        "shown-0": ("question 6", "yes"),
        "shown-shown-0": ("question 6", "no"),
    }


@pytest.mark.parametrize("options", [{}, {"group": "customer"}], ids=["plain", "grouped"])
def test_a_demonstration_is_left_out_that_is_in_the_dev_that_was_cut_off_train(
    tmp_path: Path, options: dict[str, str]
) -> None:
    rows = [{"question": f"question {n}", "label": "yes", "customer": f"c{n}"} for n in range(20)]
    own = {"question": "of its own", "label": "no", "customer": "own"}
    write_rows(tmp_path / "test.jsonl", [{**own, "question": f"test {n}", "customer": "test"} for n in range(2)])
    write_rows(tmp_path / "train.jsonl", rows)
    known = load_splits(spec_for(tmp_path, (9, 6, 2), **options))
    written_otherwise = [{**row, "question": f" {str(row['question']).upper()}"} for row in rows]
    write_rows(tmp_path / "few_shot_examples.jsonl", [*written_otherwise, own])
    splits = load_splits(spec_for(tmp_path, (9, 6, 2), **options))
    assert parts(splits) == parts(known)
    asked = {question.casefold().strip() for question in questions(splits.few_shot)}
    assert asked == {*(str(row["question"]) for row in rows), "of its own"} - questions(splits.dev)
    [told] = splits.left_out
    start = f"few_shot_examples.jsonl: left out {len(splits.dev)} rows with inputs that stand in dev or test as well"
    assert told.startswith(start)
    assert told.endswith(", cut off for dev")
    assert load_splits(spec_for(tmp_path, (9, 5, 2), **options)).fingerprint == splits.fingerprint


def test_a_demonstration_of_a_customer_of_dev_is_left_out(tmp_path: Path) -> None:
    rows = [{"question": f"question {n}", "label": "yes", "customer": f"c{n // 2}"} for n in range(40)]
    write_rows(tmp_path / "test.jsonl", [{"question": "test", "label": "yes", "customer": "test"}])
    write_rows(tmp_path / "train.jsonl", rows)
    shown = [{"question": f"another {n}", "label": "yes", "customer": f"c{n}"} for n in range(20)]
    write_rows(tmp_path / "few_shot_examples.jsonl", shown)
    splits = load_splits(spec_for(tmp_path, (20, 20, 1), group="customer"))
    of_dev = {example.group for example in splits.dev}
    assert of_dev
    assert len(splits.few_shot) == 20 - len(of_dev)
    assert not of_dev & {example.group for example in splits.few_shot}
