"""What is pushed, read and checked as a run would: rows that no run could use together are refused.

A run knows how answers are read. A push does not, for several tasks may use a dataset. So a push asks the same rules,
those of `gpo.data.rows` and `gpo.data.validation`, for every kind of answer, and one that can use all rows will do.

They differ on purpose, and only so:

- A push does not take two short answers to one input for free text, though a run of that kind would: of two labels one
  is wrong, most often. Who means both pushes them as a list.
- A push keeps whole rows as UTF-8, so it refuses what no file can hold also in fields that no run reads.
- A run may refuse what was pushed, for it knows more: the labels of the spec, the fields of solutions and slices, and
  how many examples it needs. With `on_bad_row: skip` it may do with less, and leaves out what a push refuses.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from gpo.data.guessing.answers import is_short
from gpo.data.guessing.guess import guess, sample
from gpo.data.relations import Related, Relation, RowChecks, RowProblems
from gpo.data.rows import Labelled, label_row
from gpo.data.sources.files import NumberedRow
from gpo.datasets.fields import FieldReader, reference_text, task_of_kind
from gpo.datasets.lines import SortedLines, Spool, canonical_line, row_of
from gpo.datasets.version import DatasetFields
from gpo.errors import DatasetError
from gpo.scoring.kinds import KINDS, AnswerKind
from gpo.scoring.spec import AnswerSpec
from gpo.spec.task import TaskSpec

MOST_COUNTED = 50
"""References with more different values are no labels, and are not counted. Fewer may be guessed to be labels."""

_TOLD_EVERY = 10_000

OnProgress = Callable[[str, int], None]
"""Hears how far it is: what is done, and for how many rows."""


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
    problems = _unusable(where)
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
    return DatasetFields(input=tuple(found.inputs.values()), reference=found.reference, id=found.id)


def _check(content: Content, spool: Spool, where: str, told: OnProgress) -> None:
    """Take all rows into the content.

    Raises:
        DatasetError: there are none, or no kind of answer can use them together.
    """
    reader, seen = FieldReader(content.fields), _References()
    checks, unusable = _checks(content.fields, where), _unusable(where)
    columns: dict[str, None] = {}
    for number, line in spool:
        row = row_of(line)
        columns.update(dict.fromkeys(row))
        try:
            labelled = reader.label(row)
        except DatasetError as problem:
            unusable.add(f"row {number}: {problem}")
            continue
        seen.add(labelled, checks.relate(number, labelled), is_structured=reader.is_structured(row))
        content.lines.add(line)
        content.rows += 1
        if content.rows % _TOLD_EVERY == 0:
            told("checked", content.rows)
    unusable.fail()
    checks.same_id.fail()
    if content.fields.id:
        checks.same_input.fail()
    if not content.rows:
        raise DatasetError(f"{where}: holds no rows; add labelled rows")
    if not seen.fit_as_read:
        _check_kinds(content.fields, seen.kinds(), spool, where)
    content.columns = tuple(sorted(columns))
    content.labels = seen.label_counts()


class _References:
    """What the references of all rows look like, read without a kind."""

    def __init__(self) -> None:
        self._counts: Counter[str] | None = Counter()
        self._spellings: dict[str, str] = {}
        self._some_structured = self._some_plain = self._is_long = False
        self._relations: set[Relation] = set()

    def add(self, row: Labelled, related: Related, *, is_structured: bool) -> None:
        """Take a row into account."""
        self._some_structured = self._some_structured or is_structured
        self._some_plain = self._some_plain or not is_structured
        self._relations.add(related.relation)
        self._is_long = self._is_long or not all(map(is_short, row.references))
        if self._counts is not None:
            text = reference_text(row)
            self._counts[text] += 1
            if len(self._counts) > MOST_COUNTED or not is_short(text):
                self._counts = None
        if len(self._spellings) <= MOST_COUNTED:
            for reference in row.references:
                self._spellings.setdefault(reference.casefold(), reference)

    @property
    def fit_as_read(self) -> bool:
        """Whether a run can use all rows as they were read: as JSON, or as free text, which short texts are not."""
        if self._some_structured:
            return not self._some_plain and "repeated" not in self._relations
        return self._is_long or "joined" not in self._relations

    def kinds(self) -> list[AnswerSpec]:
        """All kinds of answers, the likeliest first, whose problems are told where none fits; but not free text."""
        likeliest: AnswerKind = "json" if self._some_structured else "exact"
        labels = tuple(self._spellings.values())
        choice = [AnswerSpec(kind="choice", labels=labels)] if 1 < len(labels) <= MOST_COUNTED else []
        # Sets of labels are lists, which others can use as well.
        known = (likeliest, "choice", "labels")
        others = (kind for kind in KINDS if kind not in known and not KINDS[kind].is_worded)
        return [AnswerSpec(kind=likeliest), *choice, *(AnswerSpec(kind=kind) for kind in others)]

    def label_counts(self) -> Mapping[str, int] | None:
        """How often each label is there, the most frequent first; None where references are no labels."""
        counts = self._counts
        return None if counts is None else dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _check_kinds(fields: DatasetFields, kinds: Sequence[AnswerSpec], spool: Spool, where: str) -> None:
    """Raise DatasetError with what is wrong by the first kind, unless one of them can use all rows."""
    first, *others = kinds
    unusable, checks = _unusable(where), _checks(fields, where)
    # `min` reads to the end, to count all problems; `all` stops at the first.
    if min(_usable(spool, task_of_kind(fields, first), unusable, checks)):
        return
    for kind in others:
        if all(_usable(spool, task_of_kind(fields, kind), _unusable(where), _checks(fields, where))):
            return
    unusable.fail()
    checks.fail()


def _usable(spool: Spool, task: TaskSpec, unusable: RowProblems, checks: RowChecks) -> Iterator[bool]:
    """Row by row, whether a run of the task can use it with all before it; what is wrong is put into the last two."""
    for number, line in spool:
        try:
            row = label_row(row_of(line), task)
        except DatasetError as problem:
            unusable.add(f"row {number}: {problem}")
            yield False
        else:
            yield checks.relate(number, row).relation != "repeated"


def _unusable(where: str) -> RowProblems:
    return RowProblems(f"{where}: rows that cannot be used; correct them, nothing was stored")


def _checks(fields: DatasetFields, where: str) -> RowChecks:
    same_id = f"{where}: field `{fields.id}` must be unique, and these rows share it"
    same_input = f"{where}: rows with the same input that contradict each other"
    checks = RowChecks(*(RowProblems(f"{title}; correct them, nothing was stored") for title in (same_id, same_input)))
    checks.begin_table("", "all")
    return checks
