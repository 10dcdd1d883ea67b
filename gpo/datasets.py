"""Labelled data: JSONL files in, disjoint and stable splits of examples out.

A single file is split here. Its examples are put in an order that depends on the seed and on each example alone, and
cut: the first are the test split, then comes dev, then train. With few rows added, most examples stay where they are;
the dev split lies between test and train, so that what is pushed over a border seldom goes from one to the other. It
is no guarantee: the sizes are exact, so a new row that enters a split pushes another out.

A folder brings its own splits, which are only cut to the sizes that the spec asks for.

For answers with labels the order interleaves them, so that each split, and each beginning of one, has nearly the same
share of every label as the data.
"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from gpo.answers import canonical_reference
from gpo.errors import DatasetError, suggestion
from gpo.records import Example, Split, Splits, content_hash
from gpo.spec import AnswerSpec, DatasetSpec, TaskSpec

_BYTE_ORDER_MARK = "\ufeff"
_SHOWN = 5
_ID_LENGTH = 16
_STRATIFIED = ("choice", "boolean")
_FILES: dict[Split, tuple[str, ...]] = {
    "train": ("train.jsonl",),
    "dev": ("dev.jsonl", "eval.jsonl"),
    "test": ("test.jsonl",),
}
_EXPECTED = {
    "number": "must be a number",
    "boolean": "must be one of true/false, yes/no, valid/invalid, plausible/implausible",
    "exact": "must be a single line for answer kind `exact`; use kind `free` for longer texts",
}


class _Row(NamedTuple):
    file: Path
    number: int
    """Line of the file, counted from 1."""
    example: Example


def load_splits(spec: TaskSpec) -> Splits:
    """Read the spec's dataset and split it; the same rows and seed give the same splits, in the same order.

    No input text is in two splits. References are in the canonical form of `gpo.answers`. The fingerprint depends on
    the content of all rows (for a folder, also on the files they are in), not on their order, the sizes or the seed.

    Raises:
        DatasetError: a file is missing, empty or unreadable, rows are malformed or contradict each other, or there
            are too few.
    """
    path = spec.dataset.path
    if path.is_dir():
        return _predefined_splits(path, spec)
    rows = _read(path, spec)
    _check_distinct(rows, spec.dataset)
    sizes = spec.dataset.split
    train, dev, test = sizes.train, sizes.dev, sizes.test
    if (wanted := train + dev + test) > len(rows):
        raise DatasetError(
            f"{path}: {len(rows)} different rows, but dataset.split asks for {train} train + {dev} dev + {test} test ="
            f" {wanted}; lower the sizes in dataset.split or add {wanted - len(rows)} rows"
        )
    ordered = _in_order(rows, spec)
    return Splits(
        test=ordered[:test],
        dev=ordered[test : test + dev],
        train=ordered[test + dev : wanted],
        fingerprint=_fingerprint([("all", rows)], spec.dataset),
    )


def _predefined_splits(folder: Path, spec: TaskSpec) -> Splits:
    """The splits of a folder, each cut to the spec's size. Only train may be missing or empty."""
    rows: dict[Split, list[_Row]] = {}
    for split, names in _FILES.items():
        found = [folder / name for name in names if (folder / name).is_file()]
        if len(found) > 1:
            raise DatasetError(f"{folder}: holds both {' and '.join(names)}; keep one of them as the {split} split")
        if not found and split != "train":
            raise DatasetError(
                f"{folder}: no {' or '.join(names)}; a dataset folder holds train.jsonl, dev.jsonl or eval.jsonl, and"
                " test.jsonl"
            )
        rows[split] = _read(found[0], spec, may_be_empty=split == "train") if found else []
    _check_distinct([row for split in rows.values() for row in split], spec.dataset)
    sizes = spec.dataset.split
    return Splits(
        train=_in_order(rows["train"], spec)[: sizes.train],
        dev=_in_order(rows["dev"], spec)[: sizes.dev],
        test=_in_order(rows["test"], spec)[: sizes.test],
        fingerprint=_fingerprint(rows.items(), spec.dataset),
    )


def _in_order(rows: Sequence[_Row], spec: TaskSpec) -> tuple[Example, ...]:
    """The examples in seeded order; with labels, interleaved in proportion.

    The i-th of the m examples with one label stands at the fraction (i + 1/2) / m of the whole, so that every stretch
    of the order holds that label's share of it, but for rounding.
    """
    ranked = [(_rank(row.example, spec.dataset), row.example) for row in rows]
    groups: dict[str, list[tuple[str, Example]]] = {}
    for rank, example in sorted(ranked, key=itemgetter(0)):
        label = example.reference if spec.answer.kind in _STRATIFIED else ""
        groups.setdefault(label, []).append((rank, example))
    placed = [
        ((place + 0.5) / len(group), rank, example)
        for group in groups.values()
        for place, (rank, example) in enumerate(group)
    ]
    return tuple(example for *_, example in sorted(placed, key=itemgetter(0, 1)))


def _rank(example: Example, dataset: DatasetSpec) -> str:
    # Without ids of its own, an example is known by its inputs: correcting a reference must not move it elsewhere.
    name = example.id if dataset.id else content_hash(_inputs(example), length=64)
    return hashlib.sha256(f"{dataset.seed}:{name}".encode()).hexdigest()


def _fingerprint(splits: Iterable[tuple[str, Sequence[_Row]]], dataset: DatasetSpec) -> str:
    hashes = []
    for split, rows in splits:
        for row in rows:
            content = row.example.model_dump(mode="json", exclude=set() if dataset.id else {"id"})
            hashes.append(content_hash([split, content], length=64))
    return content_hash(sorted(hashes))


def _check_distinct(rows: Sequence[_Row], dataset: DatasetSpec) -> None:
    """Ids name examples in every score, and an input in two splits would let the search see what proves the gain."""
    if dataset.id:
        same_id = [f"{_both(*pair)} have the same id {pair[1].example.id!r}" for pair in _pairs(rows, _id)]
        _fail(f"{dataset.path}: field `{dataset.id}` must be unique", same_id)
    same_input = [f"{_both(*pair)} have the same input" for pair in _pairs(rows, _inputs)]
    _fail(f"{dataset.path}: inputs must differ; keep one row of each", same_input)


def _pairs(rows: Sequence[_Row], key: Callable[[Example], Hashable]) -> list[tuple[_Row, _Row]]:
    """Each row with the first one that has the same key."""
    first: dict[Hashable, _Row] = {}
    return [(other, row) for row in rows if (other := first.setdefault(key(row.example), row)) is not row]


def _id(example: Example) -> str:
    return example.id


def _inputs(example: Example) -> tuple[str, ...]:
    return tuple(example.inputs.values())


def _both(first: _Row, second: _Row) -> str:
    if first.file == second.file:
        return f"{first.file.name}: rows {first.number} and {second.number}"
    return f"{first.file.name} row {first.number} and {second.file.name} row {second.number}"


def _fail(title: str, problems: Sequence[str]) -> None:
    """Raise DatasetError with the first few problems, if there are any."""
    if not problems:
        return
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    raise DatasetError("\n  ".join([f"{title}:", *problems[:_SHOWN], *more]))


def _read(path: Path, spec: TaskSpec, *, may_be_empty: bool = False) -> list[_Row]:
    """All rows of a file; raises DatasetError with the first few rows that cannot be used.

    Without ids of their own, equal rows say nothing new: the first is kept.
    """
    rows, problems = [], []
    for number, line in _lines(path):
        try:
            rows.append(_Row(path, number, _example(line, spec)))
        except DatasetError as problem:
            problems.append(f"row {number}: {problem}")
    _fail(f"{path}: correct these rows, or the spec's `dataset` and `answer`", problems)
    if not rows and not may_be_empty:
        raise DatasetError(f"{path}: holds no rows; write one JSON object a line")
    if spec.dataset.id:
        return rows
    distinct: dict[str, _Row] = {}
    for row in rows:
        distinct.setdefault(row.example.id, row)
    return list(distinct.values())


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers from 1.

    Only a line feed ends a line. Texts may hold other line separators, such as U+2028, which `splitlines` would cut at.
    """
    offset = 0
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                text = raw.decode("utf-8")
                offset += len(raw)
                if line := (text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text).strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{path}: not UTF-8: byte {error.object[error.start]:#04x} at offset {offset + error.start}, row {number};"
            " save the file as UTF-8"
        ) from None
    except FileNotFoundError:
        raise DatasetError(
            f"{path}: no such file or folder; correct dataset.path, which is relative to the spec"
        ) from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None


def _example(line: str, spec: TaskSpec) -> Example:
    row = _object(line)
    dataset = spec.dataset
    inputs = {field: _text(row, field) for field in dataset.input}
    received = _text(row, dataset.reference)
    reference = canonical_reference(received, spec.answer)
    if reference is None:
        raise DatasetError(
            f"field `{dataset.reference}`: {_expected(received, spec.answer)}, received {_short(received)}"
        )
    if dataset.id is None:
        content = {"inputs": inputs, "reference": reference}
        return Example(id=content_hash(content, _ID_LENGTH), inputs=inputs, reference=reference)
    if not (name := _text(row, dataset.id).strip()):
        raise DatasetError(f"field `{dataset.id}`: an id must not be blank")
    return Example(id=name, inputs=inputs, reference=reference)


def _object(line: str) -> dict[str, Any]:
    try:
        # Numbers stay as they are written: 0.10 must not become 0.1.
        row = json.loads(line, parse_int=str, parse_float=str, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise DatasetError(
            f"not valid JSON: {error.msg} at column {error.colno}; a row is one JSON object on one line"
        ) from None
    except RecursionError:
        raise DatasetError("not valid JSON: nested too deeply") from None
    if not isinstance(row, dict):
        raise DatasetError(f'must be a JSON object such as {{"input": ...}}, received {_short(row)}')
    return row


def _no_constant(name: str) -> NoReturn:
    raise DatasetError(f"not valid JSON: {name} is not a JSON number")


def _text(row: Mapping[str, Any], field: str) -> str:
    if field not in row:
        raise DatasetError(f"no field `{field}` in this row{suggestion(field, row)}")
    value = row[field]
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        raise DatasetError(f"field `{field}`: must be text, a number, true or false, received {_short(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise DatasetError(
            f"field `{field}`: {_short(value[error.start])} is half a character; no model takes it"
        ) from None
    return value


def _expected(received: str, answer: AnswerSpec) -> str:
    if not received.strip():
        return "must not be blank"
    if answer.kind == "choice":
        return f"must be one of the labels {', '.join(answer.labels)}"
    return _EXPECTED[answer.kind]


def _short(value: object) -> str:
    shown = "null" if value is None else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
