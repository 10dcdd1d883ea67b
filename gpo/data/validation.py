"""Reading a dataset's tables row by row: what can be used, what was there before, what is left out, and why.

`RowChecks` says how rows go together, and is the one rule for it: a run asks it through `RowValidation`, a push of a
dataset through `gpo.datasets.content`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from gpo.data.assignment import Order
from gpo.data.rows import Labelled, label_row, slice_values
from gpo.data.sources.registry import Table
from gpo.errors import DatasetError, suggestion
from gpo.records import Example, content_hash
from gpo.spec.task import TaskSpec

Part = Literal["all", "train", "dev", "test", "few_shot"]
Relation = Literal["new", "same", "joined", "repeated", "elsewhere"]

_SHOWN = 5
_MODULUS = 1 << 256


class RowProblems:
    """Rows that are not used for one reason: how many, and the first few."""

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


class Related(NamedTuple):
    """How a row relates to those before it, with the hash of its inputs and that of its part and all it says.

    `new`: its input was not there. `same`: it says what an earlier row says, and has no id that tells it from it.
    `joined`: it is a further right answer to an earlier row's input. `repeated`: its id or its input was there, and it
    says something else, or has an id of its own. `elsewhere`: its input stands in another part. Of the last two,
    `problem` names the earlier row.
    """

    relation: Relation
    inputs_hash: str
    digest: str
    problem: str = ""


class RowChecks:
    """How the rows of a dataset go together, from the first on; it holds a hundred bytes a row.

    What contradicts is put into `same_id` and `same_input`. With `keeps_first` it is not, and the row that came first
    counts.
    """

    def __init__(self, same_id: RowProblems, same_input: RowProblems, *, keeps_first: bool = False) -> None:
        self.same_id, self.same_input = same_id, same_input
        self._keeps_first = keeps_first
        self._tables: list[tuple[str, Part]] = []
        self._inputs, self._ids = _Seen(), _Seen()
        self._joined: set[str] = set()

    def begin_table(self, name: str, part: Part) -> None:
        """From here on rows are of another table; `name` is what messages call it, if there are several."""
        self._tables.append((name, part))

    def relate(self, number: int, row: Labelled) -> Related:
        """How a row of the table relates to all before it, which it is one of from now on."""
        _, part = self._tables[-1]
        inputs_hash, digest = row.inputs_hash, content_hash([part, row.content], length=64)
        place = _Place(len(self._tables) - 1, number, int(digest[:16], 16), row.joins)
        first = self._inputs.find(inputs_hash)
        if first and self._tables[first.table][1] != part:
            return Related("elsewhere", inputs_hash, digest, f"row {number}, which is {self._name(first)}")
        if first and not row.id and (first.content == place.content or digest in self._joined):
            return Related("same", inputs_hash, digest)
        if first and first.joins and row.joins:
            self._joined.add(digest)
            return Related("joined", inputs_hash, digest)
        if problem := self._repetition(row, place, first):
            return Related("repeated", inputs_hash, digest, problem)
        self._inputs.add(inputs_hash, place)
        return Related("new", inputs_hash, digest)

    def place_of(self, row: Labelled, parts: tuple[Part, ...]) -> str | None:
        """What messages call the row of these parts that has this row's input; None when there is none."""
        place = self._inputs.find(row.inputs_hash)
        return self._name(place) if place and self._tables[place.table][1] in parts else None

    def fail(self) -> None:
        """Raise DatasetError for rows that contradict each other, if there are any."""
        self.same_id.fail()
        self.same_input.fail()

    def _repetition(self, row: Labelled, place: "_Place", first: "_Place | None") -> str:
        """What of the row, its id or its input, was there before; empty when it is new.

        Ids name examples in every score, and of two answers to one question one is wrong.
        """
        id_hash = content_hash(row.id, length=64) if row.id else None
        same_id = self._ids.find(id_hash) if id_hash else None
        found = ""
        for earlier, what, problems in (
            (same_id, f"id {row.id!r}", self.same_id),
            (first, "input", self.same_input),
        ):
            if earlier and self._keeps_first:
                return f"row {place.number}: has the same {what} as {self._name(earlier)}"
            if earlier:
                found = f"{self._both(earlier, place)} have the same {what}"
                problems.add(found)
        if id_hash and not same_id:
            self._ids.add(id_hash, place)
        return found

    def _name(self, place: "_Place") -> str:
        return f"{self._tables[place.table][0]} row {place.number}".lstrip()

    def _both(self, first: "_Place", second: "_Place") -> str:
        if first.table == second.table:
            name = self._tables[first.table][0]
            return f"{name}{': ' if name else ''}rows {first.number} and {second.number}"
        return f"{self._name(first)} and {self._name(second)}"


class RowValidation:
    """What is known of the rows that a run read. `left_out` tells, a line each, what was not used and why."""

    def __init__(self, spec: TaskSpec) -> None:
        self.left_out: list[str] = []
        self._spec = spec
        self._sum = 0
        self._has_solution = spec.dataset.solution is None
        self._sliced: set[str] = set()
        self._fields: tuple[str, ...] = ()
        source, field = spec.dataset.source, spec.dataset.id
        # No row is left out for them: which slice a row is in must not change what is searched.
        self._unsliced = RowProblems(f"{source}: correct these rows, or take their field out of gate.slices")
        self._checks = RowChecks(
            RowProblems(f"{source}: field `{field}` must be unique"),
            RowProblems(f"{source}: inputs must differ; keep one row of each, which may hold a list of answers"),
            keeps_first=spec.dataset.on_bad_row == "skip",
        )

    def read(self, table: Table, part: Part, order: Order, *, may_be_empty: bool = False) -> None:
        """Read one part, or a table of it, and put into the order what can be used.

        Without ids of their own, equal rows say nothing new: the first is kept; rows of one input that are lists of
        right answers, or free text, become one example with all of them. A row whose input stands in another part is
        left out.

        Raises:
            DatasetError: with the first few rows that cannot be used, unless these are skipped; or there are none.
        """
        self._checks.begin_table(table.name, part)
        unusable, elsewhere = RowProblems(_title(table)), RowProblems("inputs that stand in another split as well")
        before = order.count
        for number, row in self._rows(table, unusable):
            related = self._checks.relate(number, row)
            if related.relation == "new":
                order.add(row, related.inputs_hash)
            elif related.relation == "joined":
                order.join(row, related.inputs_hash)
            elif related.relation == "elsewhere":
                elsewhere.add(related.problem)
            elif related.relation == "repeated" and self._spec.dataset.on_bad_row == "skip":
                unusable.add(related.problem)
            if related.relation in ("new", "joined"):
                self._sum += int(related.digest, 16)
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
            if place := self._checks.place_of(row, ("dev", "test")):
                elsewhere.add(f"row {number}, which is {place}")
            else:
                found.setdefault(content_hash(["few_shot", row.content], length=64), row.example())
        self._tell(table, unusable, elsewhere)
        self._sum += sum(int(digest, 16) for digest in found)
        return tuple(found.values())

    def check(self) -> None:
        """Raise DatasetError for rows that contradict each other, and for a solution or a slice that no row has."""
        self._checks.fail()
        self._unsliced.fail()
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

    def _rows(self, table: Table, unusable: RowProblems) -> Iterator[tuple[int, Labelled]]:
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

    def _tell(self, table: Table, unusable: RowProblems, elsewhere: RowProblems) -> None:
        if self._spec.dataset.on_bad_row == "stop":
            unusable.fail()
        for problems, why in ((unusable, "that cannot be used"), (elsewhere, f"with {elsewhere.title}")):
            if problems.count:
                rows = "1 row" if problems.count == 1 else f"{problems.count} rows"
                self.left_out.append(f"{table.name}: left out {rows} {why}; the first: {problems.shown[0]}")


def _title(table: Table) -> str:
    return f"{table.where}: correct these rows, or the spec's `dataset` and `answer`, or set dataset.on_bad_row to skip"


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
