"""What is pushed, read and checked as a run would: rows that cannot be used or contradict each other are refused."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from gpo.data.guess import guess, sample
from gpo.data.rows import label_row
from gpo.data.sources.files import NumberedRow
from gpo.datasets.lines import SortedLines, Spool, canonical_line, row_of
from gpo.datasets.version import DatasetFields
from gpo.errors import DatasetError
from gpo.records import canonical_json, content_hash
from gpo.scoring.spec import AnswerSpec
from gpo.spec.dataset import DatasetSpec
from gpo.spec.prompt import PromptSpec
from gpo.spec.task import TaskSpec

MOST_LABELS = 50
"""References with more different values are no labels, and are not counted."""

_SHORT_ANSWER = 60
"""As `gpo.data.guess` has it: longer or multi-line references are free text, of which one input may have several."""
_SHOWN = 5
_TOLD_EVERY = 10_000

OnProgress = Callable[[str, int], None]
"""Hears how far it is: what is done, and for how many rows."""


class Said(NamedTuple):
    """What one row says: the hash of its inputs, its reference as text, its id."""

    inputs: str
    reference: str
    id: str | None
    is_list: bool

    @property
    def is_short(self) -> bool:
        """Whether the reference may be a label."""
        return len(self.reference) <= _SHORT_ANSWER and len(self.reference.splitlines()) <= 1


class FieldReader:
    """Reads rows by the fields of a dataset."""

    def __init__(self, fields: DatasetFields) -> None:
        self._fields = fields
        self._free, self._structured = (_task(fields, AnswerSpec(kind=kind)) for kind in ("free", "json"))

    def said(self, row: Mapping[str, Any]) -> Said:
        """What a row says.

        Raises:
            DatasetError: a field is missing or cannot be used; the message names it.
        """
        value = row.get(self._fields.reference)
        is_list = isinstance(value, list) and all(isinstance(item, str | bool) for item in value)
        task = self._structured if isinstance(value, dict | list) and not is_list else self._free
        found = label_row(row, task)
        several = canonical_json(sorted(found.references)) if len(found.references) > 1 else found.references[0]
        return Said(found.inputs_hash, several, found.id, is_list)


def _task(fields: DatasetFields, answer: AnswerSpec) -> TaskSpec:
    """A task of which only the fields matter."""
    return TaskSpec(
        name="dataset",
        prompt=PromptSpec(instruction="-", question="-"),
        dataset=DatasetSpec(name="dataset", input=fields.input, reference=fields.reference, id=fields.id),
        answer=answer,
    )


class Content:
    """All rows of a push, checked; `lines` are in the order that is stored."""

    def __init__(self, fields: DatasetFields) -> None:
        self.fields = fields
        self.lines = SortedLines()
        self.rows = 0
        self.columns: tuple[str, ...] = ()
        self.labels: Mapping[str, int] | None = None

    def __enter__(self) -> Self:
        self.lines.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.lines.__exit__(kind, error, trace)


def read_content(rows: Iterator[NumberedRow], where: str, fields: DatasetFields | None, told: OnProgress) -> Content:
    """Read and check rows; `where` names their source. Without `fields`, they are guessed.

    Raises:
        DatasetError: there are no rows, some cannot be used or contradict each other, or the fields cannot be told.
    """
    with Spool() as spool:
        for count, (number, line) in enumerate(_readable(rows, where), start=1):
            spool.add(number, line)
            if count % _TOLD_EVERY == 0:
                told("read", count)
        content = Content(fields or _guessed(spool, where))
        try:
            _check(content, spool, where, told)
        except BaseException:
            content.__exit__(None, None, None)
            raise
        return content


def _readable(rows: Iterator[NumberedRow], where: str) -> Iterator[tuple[int, bytes]]:
    problems = ContentProblems(where)
    for number, row in rows:
        try:
            if isinstance(row, DatasetError):
                raise row
            yield number, canonical_line(row)
        except DatasetError as problem:
            problems.add(f"row {number}: {problem}")
    problems.fail()


def _guessed(spool: Spool, where: str) -> DatasetFields:
    rows = sample(row_of(line) for _, line in spool)
    if not rows:
        raise DatasetError(f"{where}: holds no rows; add labelled rows")
    try:
        found = guess(Path(where), rows)
    except DatasetError as error:
        raise DatasetError(f"{error}; or name the fields with --input and --reference") from None
    return DatasetFields(input=found.inputs, reference=found.reference, id=found.id)


def _check(content: Content, spool: Spool, where: str, told: OnProgress) -> None:
    reader, seen, problems = FieldReader(content.fields), _Seen(content.fields, where), ContentProblems(where)
    columns: dict[str, None] = {}
    labels: Counter[str] | None = Counter()
    for number, line in spool:
        row = row_of(line)
        columns.update(dict.fromkeys(row))
        try:
            said = reader.said(row)
        except DatasetError as problem:
            problems.add(f"row {number}: {problem}")
            continue
        seen.add(number, said)
        if labels is not None:
            labels[said.reference] += 1
            labels = labels if len(labels) <= MOST_LABELS and said.is_short else None
        content.lines.add(line)
        content.rows += 1
        if content.rows % _TOLD_EVERY == 0:
            told("checked", content.rows)
    problems.fail()
    seen.check()
    if not content.rows:
        raise DatasetError(f"{where}: holds no rows; add labelled rows")
    content.columns = tuple(sorted(columns))
    content.labels = None if labels is None else dict(sorted(labels.items(), key=lambda item: (-item[1], item[0])))


class ContentProblems:
    """Rows that are refused for one reason: the first few, and how many."""

    def __init__(self, where: str, what: str = "rows that cannot be used") -> None:
        self._title = f"{where}: {what}; correct them, nothing was stored:"
        self._shown: list[str] = []
        self._count = 0

    def add(self, problem: str) -> None:
        """Count one."""
        self._count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(problem)

    def fail(self) -> None:
        """Raise DatasetError if there are any."""
        if self._count:
            more = [f"and {self._count - _SHOWN} more"] if self._count > _SHOWN else []
            raise DatasetError("\n  ".join([self._title, *self._shown, *more]))


class _Seen:
    """Where each input and id was first, as numbers of a few bytes; and which rows do not go together.

    Of one input, references that are lists, or free text, are further right answers; others contradict each other.
    """

    def __init__(self, fields: DatasetFields, where: str) -> None:
        self._inputs: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._has_ids = fields.id is not None
        self._is_free = False
        self._same_input = ContentProblems(where, "rows with the same input that contradict each other")
        self._same_id = ContentProblems(where, f"field `{fields.id}` must be unique, and these rows share it")

    def add(self, number: int, said: Said) -> None:
        """Take a row into account."""
        self._is_free = self._is_free or not (said.is_short or said.is_list)
        if said.id is not None and (first := self._ids.setdefault(_short_hash(said.id), number)) != number:
            self._same_id.add(f"rows {first} and {number}: {said.id!r}")
        reference = _short_hash(said.reference.casefold())
        packed = number << 65 | reference << 1 | said.is_list
        earlier = self._inputs.setdefault(int(said.inputs[:22], 16), packed)
        if earlier == packed or (earlier & 1 and said.is_list):
            return
        if self._has_ids or earlier >> 1 & (1 << 64) - 1 != reference:
            self._same_input.add(f"rows {earlier >> 65} and {number}")

    def check(self) -> None:
        """Raise DatasetError for rows that do not go together."""
        self._same_id.fail()
        if not self._is_free:
            self._same_input.fail()


def _short_hash(text: str) -> int:
    return int(content_hash(text, length=16), 16)


def chosen_fields(
    known: DatasetFields | None, inputs: tuple[str, ...], reference: str | None, identifier: str | None
) -> DatasetFields | None:
    """The fields that are known of a dataset with those that were given; None where they have to be guessed.

    An empty `identifier` says that there is none.

    Raises:
        DatasetError: at a first push, only one of input and reference was given.
    """
    if known is not None:
        return DatasetFields(
            input=inputs or known.input,
            reference=reference or known.reference,
            id=known.id if identifier is None else identifier or None,
        )
    if inputs and reference:
        return DatasetFields(input=inputs, reference=reference, id=identifier or None)
    if inputs or reference or identifier:
        raise DatasetError("name both with the first push: --input and --reference; or neither, and they are guessed")
    return None
