"""What differs from one stored content to another: rows added, removed, relabelled, edited, with examples."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpo.data.sources.paths import value_at
from gpo.datasets.fields import FieldReader, Said
from gpo.datasets.lines import only_in_one, row_hash, row_of
from gpo.datasets.version import Changes, DatasetFields, LabelShift
from gpo.errors import DatasetError
from gpo.records import Record

SHOWN = 3


class Relabelled(Record):
    """One input whose reference changed."""

    inputs: Mapping[str, Any]
    before: str
    after: str


class DatasetDifference(Record):
    """What differs from version `a` to version `b`: all of it counted, of each kind a few rows shown."""

    name: str
    a: int
    b: int
    changes: Changes
    added: tuple[Mapping[str, Any], ...] = ()
    removed: tuple[Mapping[str, Any], ...] = ()
    relabelled: tuple[Relabelled, ...] = ()
    shift: tuple[LabelShift, ...] = ()


def changes_of(before: Path, after: Path, fields: DatasetFields) -> Changes:
    """What differs, counted."""
    return _compared(before, after, fields).changes()


def difference_of(
    name: str, versions: tuple[int, int], paths: tuple[Path, Path], fields: DatasetFields, shift: tuple[LabelShift, ...]
) -> DatasetDifference:
    """What differs, counted and with examples; reads the differing rows twice."""
    found = _compared(*paths, fields)
    return DatasetDifference(
        name=name, a=versions[0], b=versions[1], changes=found.changes(), shift=shift, **found.examples(*paths)
    )


class _Compared:
    """Of the rows that only one of two contents has: for each input, which references it had and has."""

    def __init__(self, fields: DatasetFields) -> None:
        self._reader = FieldReader(fields)
        self._fields = fields
        self._references: dict[int, tuple[Counter[str], Counter[str]]] = {}

    def read(self, before: Path, after: Path) -> None:
        """Take all differing rows into account."""
        for line, is_new in only_in_one(before, after):
            said = self._said(line)
            self._references.setdefault(_key(said), (Counter(), Counter()))[is_new][said.reference] += 1

    def changes(self) -> Changes:
        """All of them, counted."""
        total: Counter[str] = Counter()
        for old, new in self._references.values():
            edited = (old & new).total()
            relabelled = min(old.total(), new.total()) - edited
            total["edited"] += edited
            total["relabelled"] += relabelled
            total["added"] += new.total() - edited - relabelled
            total["removed"] += old.total() - edited - relabelled
        return Changes(**total)

    def examples(self, before: Path, after: Path) -> dict[str, Any]:
        """A few rows of each kind."""
        added: list[Mapping[str, Any]] = []
        removed: list[Mapping[str, Any]] = []
        relabelled: list[Relabelled] = []
        for line, is_new in only_in_one(before, after):
            said, row = self._said(line), row_of(line)
            old, new = self._references[_key(said)]
            if is_new and old.total() == 0 and len(added) < SHOWN:
                added.append(row)
            elif not is_new and new.total() == 0 and len(removed) < SHOWN:
                removed.append(row)
            elif is_new and old.total() and old != new and len(relabelled) < SHOWN:
                inputs = {field: value_at(row, field) for field in self._fields.input}
                is_before = next(iter(old - new), "")
                relabelled.append(Relabelled(inputs=inputs, before=is_before, after=said.reference))
        return {"added": tuple(added), "removed": tuple(removed), "relabelled": tuple(relabelled)}

    def _said(self, line: bytes) -> Said:
        try:
            return self._reader.said(row_of(line))
        except DatasetError:
            # Of a version with other fields: the row as a whole stands for its input.
            return Said(row_hash(line).hex(), "")


def _compared(before: Path, after: Path, fields: DatasetFields) -> _Compared:
    found = _Compared(fields)
    found.read(before, after)
    return found


def _key(said: Said) -> int:
    return int(said.inputs[:22], 16)
