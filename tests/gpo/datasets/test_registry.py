"""Versions of datasets: what is kept, what changed, and splits that hold from one version to the next."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from gpo.comparison.arms import preset_arms
from gpo.comparison.plan import Design, plan_comparison, write_specs
from gpo.data.sources.files import FileReading
from gpo.data.sources.folders import read_file
from gpo.data.splits import load_splits
from gpo.datasets.changes import changes_of
from gpo.datasets.content import read_content
from gpo.datasets.lines import SortedLines, canonical_line
from gpo.datasets.registry import GUESSED, Datasets, FieldNames, Origin
from gpo.datasets.store import DatasetStore
from gpo.datasets.version import Changes, DatasetFields, Pushed, parse_reference
from gpo.errors import DatasetError, SpecError, StateError
from gpo.production.register import lineage_of_spec
from gpo.records import Splits
from gpo.runs.job import load_job, run_key
from gpo.settings import Settings
from gpo.spec.file import load_spec
from gpo.spec.task import TaskSpec
from tests.support.drawn import at_most
from tests.support.labelled import YES_NO, spec_for

Row = Mapping[str, Any]
FIELDS = DatasetFields(input=("question",), reference="label")
NAMED = FieldNames(("question",), "label")
NAME = "questions"


def rows_of(count: int, **changes: Any) -> list[Row]:
    return [{"question": f"question {i}", "label": ["yes", "no"][i % 2], **changes} for i in range(count)]


def pushed(
    datasets: Datasets, folder: Path, rows: Sequence[Row] | str, fields: FieldNames = NAMED, name: str = NAME
) -> Pushed:
    path = folder / "pushed.jsonl"
    path.write_text(
        rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    return datasets.push(name, read_file(path, FileReading()), Origin(path.name, "ada", "a note"), fields)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def datasets(home: Path, monkeypatch: pytest.MonkeyPatch) -> Datasets:
    monkeypatch.delenv("GPO_HOME", raising=False)
    monkeypatch.delenv("GPO_DATASET_STORE", raising=False)
    return Datasets(Settings(), home)


# Pushing


def test_versions_count_from_one_and_equal_content_makes_none(datasets: Datasets, tmp_path: Path) -> None:
    first, second = rows_of(30), rows_of(31)
    assert pushed(datasets, tmp_path, first).version.version == 1
    again = pushed(datasets, tmp_path, first[::-1])
    assert (again.is_new, again.version.version) == (False, 1)
    assert pushed(datasets, tmp_path, second).version.version == 2
    back = pushed(datasets, tmp_path, first)
    assert (back.is_new, back.version.version, back.version.changes) == (True, 3, Changes(removed=1))
    assert back.version.digest == datasets.get(NAME, 1).digest
    assert [each.version for each in datasets.history(NAME)] == [1, 2, 3]
    assert datasets.get(NAME) == back.version
    assert (back.version.who, back.version.note, back.version.source) == ("ada", "a note", "pushed.jsonl")
    assert (back.version.labels, back.version.labels_before) == ({"no": 15, "yes": 15}, {"yes": 16, "no": 15})


def test_rows_are_kept_with_all_fields_as_they_were_written(datasets: Datasets, tmp_path: Path) -> None:
    text = '{"z": 0.10, "question": "Größer\\u2028?", "label": "yes", "n": [1, {"b": null, "a": 1e5}]}\n'
    version = pushed(datasets, tmp_path, text).version
    assert datasets.rows(version).read_text(encoding="utf-8") == (
        '{"label":"yes","n":[1,{"a":1e5,"b":null}],"question":"Größer\u2028?","z":0.10}\n'
    )
    assert version.columns == ("label", "n", "question", "z")


def test_fields_are_guessed_at_first_and_remembered(datasets: Datasets, tmp_path: Path) -> None:
    rows = [{"id": str(i), **row} for i, row in enumerate(rows_of(30))]
    fields = DatasetFields(input=("question",), reference="label", id="id")
    assert pushed(datasets, tmp_path, rows, GUESSED).version.fields == fields
    # Alone these would show nothing.
    assert pushed(datasets, tmp_path, rows[:1], GUESSED).version.fields == fields
    other = pushed(datasets, tmp_path, rows[:1], FieldNames(id="")).version
    assert (other.version, other.fields, other.changes) == (3, FIELDS, Changes())
    with pytest.raises(DatasetError, match="--input and --reference; or neither"):
        pushed(datasets, tmp_path, rows, FieldNames(("question",)), name="other")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("", "pushed.jsonl: holds no rows; add labelled rows"),
        ('{"question": "a", "label": "x"}\n{"question"\n', "row 2: not valid JSON"),
        ('{"question": "a", "label": "x"}\n{"question": "b"}\n', "row 2: no field `label` in this row"),
        ('{"question": "a", "label": null}\n', "row 1: field `label`: must be text, a number, true or false"),
        (
            '{"question": "a", "label": "x"}\n{"question": "a", "label": "y"}\n',
            "contradict each other.*\n  rows 1 and 2",
        ),
        ('{"question": "a", "label": "x", "s": "\\ud800"}\n', "row 1: field `'s'`: .* is half a character"),
        ("[1]\n", r"row 1: must be a JSON object such as .*, received \[\"1\"\]"),
        ("".join(f'{{"question": "{i}"}}\n' for i in range(9)), "and 4 more"),
    ],
)
def test_rows_that_no_run_could_use_are_refused_and_nothing_is_kept(
    datasets: Datasets, home: Path, tmp_path: Path, rows: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        pushed(datasets, tmp_path, rows)
    assert not home.exists()


def test_ids_must_be_unique(datasets: Datasets, tmp_path: Path) -> None:
    rows = [{"id": "a", **row} for row in rows_of(2)]
    with pytest.raises(
        DatasetError, match=r"field `id` must be unique, and these rows share it.*\n  rows 1 and 2 have the same id 'a'"
    ):
        pushed(datasets, tmp_path, rows, FieldNames(("question",), "label", "id"))


@pytest.mark.parametrize(
    "references",
    [
        (["Paris"], ["Paris, France"]),
        ("A long answer, as translations are; " * 3, "Another one."),
        ("same", "same"),
        ({"city": "Paris"}, {"city": "Paris"}),
    ],
)
def test_one_input_may_have_several_right_answers(datasets: Datasets, tmp_path: Path, references: Any) -> None:
    rows = [{"question": "Which?", "label": reference} for reference in references]
    assert pushed(datasets, tmp_path, rows).version.rows == 2


@pytest.mark.parametrize(("name", "message"), [("Bad Name", "cannot name a dataset"), ("", "cannot name a dataset")])
def test_a_malformed_name_is_refused(datasets: Datasets, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        pushed(datasets, tmp_path, rows_of(30), name=name)


@pytest.mark.parametrize("text", ["a@", "a@0", "a@x", "a@-1", "a@2@3", "A", "a@99999999999"])
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(DatasetError, match=r"is no version|cannot name a dataset"):
        parse_reference(text)


def test_what_is_not_there_is_said_with_what_is(datasets: Datasets, tmp_path: Path, home: Path) -> None:
    with pytest.raises(DatasetError, match="has no datasets yet; `gpo dataset push NAME FILE`"):
        datasets.get(NAME)
    assert (datasets.all(), datasets.newest(NAME), home.exists()) == ([], None, False)
    pushed(datasets, tmp_path, rows_of(30))
    with pytest.raises(DatasetError, match="has no dataset 'question'; did you mean 'questions'"):
        datasets.get("question")
    with pytest.raises(DatasetError, match="dataset questions has no version 2; allowed: 1 to 1"):
        datasets.get(NAME, 2)


def test_pushes_at_once_make_a_version_each(database_url: str, tmp_path: Path) -> None:
    """Also on PostgreSQL, where two transactions may read the same newest version."""
    datasets = Datasets(Settings(database_url=SecretStr(database_url)), tmp_path / "home")
    contents = [rows_of(20 + number) for number in range(6)]
    folders = [tmp_path / str(number) for number in range(len(contents))]
    start = threading.Barrier(len(contents))

    def work(folder: Path, rows: list[Row]) -> None:
        folder.mkdir()
        start.wait()
        pushed(datasets, folder, rows)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(folders, contents, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = datasets.history(NAME)
    assert [each.version for each in history] == [1, 2, 3, 4, 5, 6]
    assert sorted(each.rows for each in history) == [20, 21, 22, 23, 24, 25]
    for before, after in pairwise(history):
        assert after.changes.added - after.changes.removed == after.rows - before.rows


def test_rows_that_are_lost_are_said(datasets: Datasets, tmp_path: Path, home: Path) -> None:
    version = pushed(datasets, tmp_path, rows_of(30)).version
    datasets.rows(version).unlink()
    with pytest.raises(StateError, match="has no object"):
        datasets.rows(version)
    assert not pushed(datasets, tmp_path, rows_of(30)).is_new
    assert datasets.rows(version).is_file()


# What changed

keys = st.integers(0, 6)
tables = st.dictionaries(keys, st.tuples(st.sampled_from("ab"), st.integers(0, 1)))


def stored(store: DatasetStore, rows: Iterator[Row]) -> Path:
    with SortedLines() as lines:
        for row in rows:
            lines.add(canonical_line(row))
        return store.path(store.add(lines))


@settings(max_examples=at_most(25))
@given(before=tables, after=tables, order=st.randoms())
def test_changes_are_those_of_the_inputs(
    tmp_path_factory: pytest.TempPathFactory, before: dict[int, Any], after: dict[int, Any], order: Any
) -> None:
    store = DatasetStore(tmp_path_factory.mktemp("store"))
    paths = []
    for table in (before, after):
        items = list(table.items())
        paths.append(stored(store, ({"question": f"q{k}", "label": a, "other": b} for k, (a, b) in items)))
        order.shuffle(items)
        assert stored(store, ({"other": b, "label": a, "question": f"q{k}"} for k, (a, b) in items)) == paths[-1]
    both = before.keys() & after.keys()
    assert changes_of(*paths, FIELDS) == Changes(
        added=len(after.keys() - both),
        removed=len(before.keys() - both),
        relabelled=sum(before[k][0] != after[k][0] for k in both),
        edited=sum(before[k][0] == after[k][0] and before[k][1] != after[k][1] for k in both),
    )


def test_rows_count_as_often_as_they_are_there(tmp_path: Path) -> None:
    store = DatasetStore(tmp_path)
    row, other = {"question": "q", "label": "a"}, {"question": "q", "label": "b"}
    three, one = stored(store, iter([row, row, row])), stored(store, iter([row]))
    assert changes_of(three, one, FIELDS) == Changes(removed=2)
    assert changes_of(one, stored(store, iter([row, other, other])), FIELDS) == Changes(added=2)
    assert changes_of(three, stored(store, iter([row, other, other])), FIELDS) == Changes(relabelled=2)


def test_a_difference_shows_rows_of_each_kind(datasets: Datasets, tmp_path: Path) -> None:
    rows = rows_of(30)
    pushed(datasets, tmp_path, rows)
    new = {"question": "new", "label": "yes"}
    pushed(datasets, tmp_path, [{**rows[0], "label": "no"}, *rows[2:], new])
    found = datasets.diff(NAME, 1, 2)
    assert found.changes == Changes(added=1, removed=1, relabelled=1)
    assert (found.added, found.removed) == ((new,), (rows[1],))
    (relabelled,) = found.relabelled
    assert (relabelled.inputs, relabelled.before, relabelled.after) == ({"question": "question 0"}, "yes", "no")
    assert {each.label: (each.before, each.after) for each in found.shift} == {"no": (0.5, 0.5), "yes": (0.5, 0.5)}
    back = datasets.diff(NAME, 2, 1)
    assert (back.added, back.removed) == ((rows[1],), (new,))


def test_sorted_lines_on_disk_are_those_in_memory() -> None:
    lines = [canonical_line({"question": "x" * 2000, "n": number % 700}) for number in range(10_000)]
    with SortedLines() as found:
        for line in lines:
            found.add(line)
        once, twice = list(found), list(found)
    assert once == twice
    assert Counter(once) == Counter(lines)


@pytest.mark.slow
def test_a_person_hears_how_far_it_is() -> None:
    heard: list[tuple[str, int]] = []
    rows = ((number, {"question": str(number), "label": "x"}) for number in range(1, 20_001))
    with read_content(rows, "here", FIELDS, lambda what, count: heard.append((what, count))):
        pass
    assert heard == [("read", 10_000), ("read", 20_000), ("checked", 10_000), ("checked", 20_000)]


# Splits


def splits_of(tmp_path: Path, rows: Sequence[Row], sizes: Sequence[int], **options: Any) -> Splits:
    """The splits of a stored version that holds the rows."""
    spec = spec_for(tmp_path / "unread", sizes, YES_NO, **options)
    dataset = spec.dataset.model_copy(update={"path": None, "name": NAME})
    store = DatasetStore(tmp_path / "store")
    named = dataset.with_stored_rows(1, stored(store, iter(rows)))
    return load_splits(spec.model_copy(update={"dataset": named}))


def places(splits: Splits) -> dict[str, str]:
    return {
        example.inputs["question"]: split for split in ("train", "dev", "test") for example in getattr(splits, split)
    }


steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "relabel"]), st.integers(0, 999), st.integers(1, 30)), max_size=4
)


@pytest.mark.slow
@settings(max_examples=at_most(20))
@given(steps=steps, seed=st.integers(0, 2))
def test_an_example_never_goes_from_one_split_to_another(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]], seed: int
) -> None:
    """Whatever is added, removed and relabelled; but it may be left out for a while, where a split is full."""
    folder = tmp_path_factory.mktemp("data")
    rows = {str(number): "yes" for number in range(40)}
    seen: dict[str, set[str]] = {}
    for kind, start, count in [("add", 0, 1), *steps]:
        chosen = [str(number) for number in range(start, start + count)]
        for question in chosen:
            if kind == "add":
                rows.setdefault(question, "yes")
            elif question in rows and (kind == "relabel" or len(rows) > 40):
                rows[question] = "no"
                if kind == "remove":
                    del rows[question]
        table = [{"question": question, "label": label} for question, label in rows.items()]
        for question, split in places(splits_of(folder, table, (5, 5, 8), seed=seed)).items():
            seen.setdefault(question, set()).add(split)
    assert all(len(splits) == 1 for splits in seen.values())


def test_sizes_are_caps_and_what_is_beyond_is_in_no_split(tmp_path: Path) -> None:
    splits = splits_of(tmp_path, rows_of(1000), (20, 30, 50))
    assert [len(part) for part in (splits.train, splits.dev, splits.test)] == [20, 30, 50]
    assert len(places(splits)) == 100
    assert splits.left_out == ()
    labels = Counter(example.reference for example in splits.test)
    assert 20 <= labels["yes"] <= 30
    # In proportion, the splits of any sizes are parts of the same.
    half = places(splits_of(tmp_path, rows_of(1000), (10, 15, 25)))
    assert half.items() <= places(splits).items()


def test_few_rows_are_told_and_too_few_refused(tmp_path: Path) -> None:
    (told,) = splits_of(tmp_path, rows_of(80), (20, 30, 50)).left_out
    assert told.startswith("dataset questions version 1: its 80 different rows gave ")
    assert "of 50 test" in told
    with pytest.raises(DatasetError, match=r"its 20 different rows gave \d+ of 50 test, .* examples, too few"):
        splits_of(tmp_path, rows_of(20), (20, 30, 50))


def test_the_same_rows_of_a_file_are_other_splits_with_another_fingerprint(tmp_path: Path) -> None:
    """Else a run of one would be taken for a run of the other."""
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows_of(100)))
    file, named = load_splits(spec_for(path, (10, 20, 30), YES_NO)), splits_of(tmp_path, rows_of(100), (10, 20, 30))
    assert file.fingerprint != named.fingerprint
    assert named.fingerprint == splits_of(tmp_path, rows_of(100)[::-1], (5, 10, 15)).fingerprint


# In a spec


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    content = {
        "name": "task",
        "prompt": {"instruction": "Answer.", "question": "{{question}}"},
        "dataset": {
            "name": NAME,
            "input": "question",
            "reference": "label",
            "split": {"train": 8, "dev": 16, "test": 16},
        },
        "answer": YES_NO,
    }
    path = tmp_path / "task.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_spec_names_a_dataset_and_the_newest_version_is_used(
    datasets: Datasets, spec: Path, tmp_path: Path, home: Path
) -> None:
    pushed(datasets, tmp_path, rows_of(100))
    before = load_job(spec, home=home).spec
    assert before.dataset.version == 1
    assert places(load_splits(before))
    pushed(datasets, tmp_path, rows_of(200))
    after = load_job(spec, seed=3, home=home).spec
    assert (after.dataset.version, after.seed) == (2, 3)
    assert load_splits(after).fingerprint != load_splits(before).fingerprint
    assert load_job(spec, home=home, dataset_version=1).spec == before
    assert before.fingerprint() == load_spec(spec).fingerprint()
    assert run_key(before, load_splits(before)) != run_key(before, load_splits(after))
    reference = lineage_of_spec(after, "f00").dataset
    assert (reference.name, reference.version, reference.fingerprint) == (NAME, "2", "f00")
    pinned = spec.read_text().replace(f"name: {NAME}", f"name: {NAME}\n  version: 1")
    spec.write_text(pinned)
    assert load_job(spec, home=home).spec.dataset.version == 1
    assert load_job(spec, home=home, dataset_version=2).spec.dataset.version == 2


def test_a_spec_cannot_have_what_is_not_there(datasets: Datasets, spec: Path, tmp_path: Path, home: Path) -> None:
    with pytest.raises(DatasetError, match="has no datasets yet"):
        load_job(spec, home=home)
    assert not home.exists()
    pushed(datasets, tmp_path, rows_of(100), name="others")
    with pytest.raises(DatasetError, match="has no dataset 'questions'; allowed: others"):
        load_job(spec, home=home)
    with pytest.raises(DatasetError, match=r"`gpo\.runs\.job\.load_job` reads a spec with them"):
        load_splits(load_spec(spec))
    file = spec_for(tmp_path / "data.jsonl")
    with pytest.raises(
        SpecError, match=r"version 2 of a dataset was asked for, but the spec's dataset is .*data.jsonl"
    ):
        datasets.resolved(file, 2)
    assert datasets.resolved(file) is file


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"path": "a.csv", "version": 2}, "`version` belongs to `name`; leave it out with `path`"),
        ({"path": "a.csv", "name": "a"}, "found path and name"),
        ({"name": "a", "delimiter": ";"}, "`delimiter` belongs to `path`; leave it out with `name`"),
        ({"name": "A b"}, "String should match pattern"),
        ({"name": "a", "version": 0}, "greater than or equal to 1"),
    ],
)
def test_name_and_version_go_together(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TaskSpec.model_validate(
            {
                "name": "task",
                "prompt": {"instruction": "Answer.", "question": "{{q}}"},
                "dataset": {"input": "q", "reference": "label", **fields},
            }
        )


def test_the_cells_of_a_comparison_keep_the_version_that_it_began_with(
    datasets: Datasets, spec: Path, tmp_path: Path, home: Path
) -> None:
    pushed(datasets, tmp_path, rows_of(100))
    design = Design(tasks=(spec,), arms=preset_arms("gpo"), seeds=(1,))
    laid = plan_comparison(design, home)
    write_specs(laid)
    pushed(datasets, tmp_path, rows_of(200))
    (cell,) = laid.cells
    spec_of_cell = load_job(cell.spec, cell.seed, home).spec
    assert spec_of_cell.dataset.version == 1
    assert run_key(spec_of_cell, load_splits(spec_of_cell)) == cell.key
