"""Reading a dataset's tables row by row: what can be used, what was there before, what is left out, and why."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from gpo.data.assignment import Order
from gpo.data.rows import Labelled, label_row, slice_values
from gpo.data.sources.tables import Table
from gpo.errors import DatasetError, suggestion
from gpo.records import Example, content_hash
from gpo.spec.task import TaskSpec

Part = Literal["all", "train", "dev", "test", "few_shot"]

_SHOWN = 5
_MODULUS = 1 << 256


class RowValidation:
    """What is known of the rows that were read. `left_out` tells, a line each, what was not used and why."""

    def __init__(self, spec: TaskSpec) -> None:
        self.left_out: list[str] = []
        self._spec = spec
        self._tables: list[tuple[str, Part]] = []
        self._inputs, self._ids = _Seen(), _Seen()
        self._joined: set[str] = set()
        self._sum = 0
        self._has_solution = spec.dataset.solution is None
        self._sliced: set[str] = set()
        self._fields: tuple[str, ...] = ()
        source, field = spec.dataset.source, spec.dataset.id
        # No row is left out for them: which slice a row is in must not change what is searched.
        self._unsliced = RowProblems(f"{source}: correct these rows, or take their field out of gate.slices")
        self._same_id = RowProblems(f"{source}: field `{field}` must be unique")
        self._same_input = RowProblems(
            f"{source}: inputs must differ; keep one row of each, which may hold a list of answers"
        )

    def read(self, table: Table, part: Part, order: Order, *, may_be_empty: bool = False) -> None:
        """Read one part, or a table of it, and put into the order what can be used.

        Without ids of their own, equal rows say nothing new: the first is kept; rows of one input that are lists of
        right answers, or free text, become one example with all of them. A row whose input stands in another part is
        left out.

        Raises:
            DatasetError: with the first few rows that cannot be used, unless these are skipped; or there are none.
        """
        self._tables.append((table.name, part))
        unusable, elsewhere = RowProblems(_title(table)), RowProblems("inputs that stand in another split as well")
        before = order.count
        for number, row in self._rows(table, unusable):
            inputs_hash, digest = row.inputs_hash, content_hash([part, row.content], length=64)
            place = _Place(len(self._tables) - 1, number, int(digest[:16], 16), row.joins)
            first = self._inputs.find(inputs_hash)
            if first and self._tables[first.table][1] != part:
                elsewhere.add(f"row {number}, which is {self._name(first)}")
            elif first and not row.id and (first.content == place.content or digest in self._joined):
                continue
            elif first and first.joins and row.joins:
                self._joined.add(digest)
                self._sum += int(digest, 16)
                order.join(row, inputs_hash)
            elif not self._is_repeated(row, place, first, unusable):
                self._inputs.add(inputs_hash, place)
                self._sum += int(digest, 16)
                order.add(row, inputs_hash)
        self._tell(table, unusable, elsewhere)
        if order.count == before and not may_be_empty:
            found = " that can be used" if unusable.count or elsewhere.count else ""
            raise DatasetError("\n  ".join([f"{table.where}: holds no rows{found}; add labelled rows", *self.left_out]))

    def demonstrations(self, table: Table) -> tuple[Example, ...]:
        """The different rows of a few-shot file in their order, without those whose input is in dev or test.

        Raises:
            DatasetError: with the first few rows that cannot be used, unless these are skipped.
        """
        unusable, elsewhere = RowProblems(_title(table)), RowProblems("inputs that stand in dev or test as well")
        found: dict[str, Example] = {}
        for number, row in self._rows(table, unusable):
            place = self._inputs.find(row.inputs_hash)
            if place and self._tables[place.table][1] in ("dev", "test"):
                elsewhere.add(f"row {number}, which is {self._name(place)}")
            else:
                found.setdefault(content_hash(["few_shot", row.content], length=64), row.example())
        self._tell(table, unusable, elsewhere)
        self._sum += sum(int(digest, 16) for digest in found)
        return tuple(found.values())

    def check(self) -> None:
        """Raise DatasetError for rows that contradict each other, and for a solution or a slice that no row has."""
        for problems in (self._same_id, self._same_input, self._unsliced):
            problems.fail()
        source, field = self._spec.dataset.source, self._spec.dataset.solution
        if field and not self._has_solution:
            raise DatasetError(f"{source}: no row has a text in the field `{field}`{suggestion(field, self._fields)}")
        for name in self._spec.gate.slices:
            if name not in self._sliced:
                known = suggestion(name, self._fields)
                raise DatasetError(f"{source}: no row has a value in the field `{name}` of gate.slices{known}")

    def fingerprint(self) -> str:
        """Hash of the rows that were kept, whatever their order."""
        return content_hash(f"{self._sum % _MODULUS:x}")

    def _rows(self, table: Table, unusable: "RowProblems") -> Iterator[tuple[int, Labelled]]:
        for number, row in table.rows:
            try:
                if isinstance(row, DatasetError):
                    raise row
                found = label_row(row, self._spec)
            except DatasetError as problem:
                unusable.add(f"row {number}: {problem}")
                continue
            self._fields = tuple(row)
            self._has_solution = self._has_solution or found.solution is not None
            yield number, found._replace(slices=self._slices(number, row, table))

    def _slices(self, number: int, row: Mapping[str, Any], table: Table) -> dict[str, str]:
        try:
            found = slice_values(row, self._spec.gate.slices)
        except DatasetError as problem:
            self._unsliced.add(f"{table.name} row {number}: {problem}")
            return {}
        self._sliced |= found.keys()
        return found

    def _is_repeated(self, row: Labelled, place: "_Place", first: "_Place | None", unusable: "RowProblems") -> bool:
        """Whether the row's id or input was there before, which is an error, or a reason to leave it out.

        Ids name examples in every score, and of two answers to one question one is wrong.
        """
        skips = self._spec.dataset.on_bad_row == "skip"
        id_hash = content_hash(row.id, length=64) if row.id else None
        same_id = self._ids.find(id_hash) if id_hash else None
        for earlier, what, problems in (
            (same_id, f"id {row.id!r}", self._same_id),
            (first, "input", self._same_input),
        ):
            if earlier and skips:
                unusable.add(f"row {place.number}: has the same {what} as {self._name(earlier)}")
                return True
            if earlier:
                problems.add(f"{self._both(earlier, place)} have the same {what}")
        if id_hash and not same_id:
            self._ids.add(id_hash, place)
        return bool(same_id or first)

    def _tell(self, table: Table, unusable: "RowProblems", elsewhere: "RowProblems") -> None:
        if self._spec.dataset.on_bad_row == "stop":
            unusable.fail()
        for problems, why in ((unusable, "that cannot be used"), (elsewhere, f"with {elsewhere.title}")):
            if problems.count:
                rows = "1 row" if problems.count == 1 else f"{problems.count} rows"
                self.left_out.append(f"{table.name}: left out {rows} {why}; the first: {problems.shown[0]}")

    def _name(self, place: "_Place") -> str:
        return f"{self._tables[place.table][0]} row {place.number}"

    def _both(self, first: "_Place", second: "_Place") -> str:
        if first.table == second.table:
            return f"{self._tables[first.table][0]}: rows {first.number} and {second.number}"
        return f"{self._name(first)} and {self._name(second)}"


def _title(table: Table) -> str:
    return f"{table.where}: correct these rows, or the spec's `dataset` and `answer`, or set dataset.on_bad_row to skip"


class RowProblems:
    """Rows of one table that are not used for one reason: how many, and the first few."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.count = 0
        self.shown: list[str] = []

    def add(self, problem: str) -> None:
        """Count one."""
        self.count += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(problem)

    def fail(self) -> None:
        """Raise DatasetError with the first few, if there are any."""
        if self.count:
            more = [f"and {self.count - _SHOWN} more"] if self.count > _SHOWN else []
            raise DatasetError("\n  ".join([f"{self.title}:", *self.shown, *more]))


class _Place(NamedTuple):
    table: int
    number: int
    content: int
    """64 bits of the row's hash."""
    joins: bool


class _Seen:
    """Where each hash was seen first, packed into integers: a hundred bytes a row, and millions of rows fit."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def find(self, digest: str) -> _Place | None:
        """The place of a hash in hex; None when it is new."""
        packed = self._places.get(int(digest[:22], 16))
        if packed is None:
            return None
        number, content = packed >> 5 & 0xFF_FFFF_FFFF, packed >> 45
        return _Place(table=packed & 0xF, number=number, content=content, joins=bool(packed & 0x10))

    def add(self, digest: str, place: _Place) -> None:
        """Remember the place of a new hash."""
        self._places[int(digest[:22], 16)] = place.table | place.joins << 4 | place.number << 5 | place.content << 45
