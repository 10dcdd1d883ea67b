"""Reading a dataset's tables row by row: what can be used, what was there before, what is left out, and why."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpo.data.assignment import Order
from gpo.data.identity import identity_of
from gpo.data.relations import Part, RowChecks, RowProblems
from gpo.data.rows import Labelled, flattened, label_row, slice_values
from gpo.data.sources.registry import Table
from gpo.errors import DatasetError, suggestion
from gpo.records import Example, content_hash
from gpo.spec.task import TaskSpec

_MODULUS = 1 << 256
_ELSEWHERE = "inputs that stand in another split as well"


class RowValidation:
    """What is known of the rows that a run read.

    `left_out` tells, a line each, what was not used and why; `notes` tell of rows that count once.
    """

    def __init__(self, spec: TaskSpec) -> None:
        self.left_out: list[str] = []
        self.notes: list[str] = []
        self._spec = spec
        self._sum = 0
        self._has_solution = spec.dataset.solution is None
        self._has_feedback = spec.dataset.feedback is None
        self._sliced: set[str] = set()
        self._fields: tuple[str, ...] = ()
        self._flattened: dict[str, None] = {}
        source, field = spec.dataset.source, spec.dataset.id
        # No row is left out for them: which slice a row is in must not change what is searched.
        self._unsliced = RowProblems(f"{source}: correct these rows, or take their field out of gate.slices")
        self._checks = RowChecks(
            RowProblems(f"{source}: field `{field}` must be unique"),
            RowProblems(
                f"{source}: inputs must differ, by more than white space and case; keep the row with the right answer"
                " (an answer may be a list of several), or set dataset.on_bad_row to skip, which keeps the first"
            ),
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
        unusable, elsewhere = RowProblems(_title(table)), RowProblems(_ELSEWHERE)
        same = RowProblems("")
        before = order.count
        for number, row in self._rows(table, unusable):
            related = self._checks.relate(number, row)
            if related.relation == "new":
                order.add(row, related.inputs_hash)
            elif related.relation == "joined":
                order.join(row, related.inputs_hash)
            elif related.relation == "elsewhere":
                elsewhere.add(related.problem)
            elif related.relation == "same":
                same.add(related.problem)
            elif self._spec.dataset.on_bad_row == "skip":
                unusable.add(related.problem)
            if related.relation in ("new", "joined"):
                self._sum += int(related.digest, 16)
        self._tell(table, unusable, elsewhere)
        if same.count:
            rows = "1 row that says" if same.count == 1 else f"{same.count} rows that say"
            self.notes.append(f"{table.name}: merged {rows} the same as an earlier one; the first: {same.shown[0]}")
        if order.count == before and not may_be_empty:
            found = " that can be used" if unusable.count or elsewhere.count else ""
            raise DatasetError("\n  ".join([f"{table.where}: holds no rows{found}; add labelled rows", *self.left_out]))

    def demonstrations(self, table: Table, cut_off: Sequence[Example]) -> tuple[Example, ...]:
        """The different rows of a few-shot file in their order, without those whose input or group is in dev or test.

        `cut_off` are the examples of dev that were read as train.

        Raises:
            DatasetError: with the first few rows that cannot be used, unless these are skipped.
        """
        unusable, elsewhere = RowProblems(_title(table)), RowProblems("inputs that stand in dev or test as well")
        inputs = {identity_of(example.inputs.values()) for example in cut_off}
        groups = {example.group for example in cut_off if example.group}
        found: dict[str, Example] = {}
        digests: set[str] = set()
        for number, row in self._rows(table, unusable):
            is_cut_off = row.inputs_hash in inputs or row.group in groups
            place = self._checks.place_of(row, ("train", "dev", "test") if is_cut_off else ("dev", "test"))
            digest = content_hash(["few_shot", row.content], length=64)
            if place is None or is_cut_off:  # the fingerprint does not depend on what was cut off
                digests.add(digest)
            if place is None:
                found.setdefault(digest, row.example())
            else:
                elsewhere.add(f"row {number}, which is {place}{', cut off for dev' if is_cut_off else ''}")
        self._tell(table, unusable, elsewhere)
        self._sum += sum(int(digest, 16) for digest in digests)
        return tuple(found.values())

    def check(self) -> None:
        """Raise DatasetError for rows that contradict each other, and for fields that no row has a value of."""
        self._checks.fail()
        self._unsliced.fail()
        self.notes += map(_flattened_note, self._flattened)
        source, dataset = self._spec.dataset.source, self._spec.dataset
        seen = ((dataset.solution, self._has_solution), (dataset.feedback, self._has_feedback))
        if field := next((field for field, is_seen in seen if field and not is_seen), None):
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
            self._flattened.update(dict.fromkeys(flattened(row, self._spec)))
            self._has_solution = self._has_solution or found.solution is not None
            self._has_feedback = self._has_feedback or found.feedback is not None
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


def _flattened_note(variable: str) -> str:
    return (
        f"{{{{{variable}}}}} holds messages, which the prompt shows as lines of text: `- placeholder: "
        f'"{{{{{variable}}}}}"` in prompt.messages sends them with their roles'
    )
