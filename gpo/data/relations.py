"""How the rows of a dataset go together: which say the same, which contradict each other, which stand in two parts.

`RowChecks` is the one rule for it: a run asks it through `gpo.data.validation`, a push of a dataset through
`gpo.datasets.content`. Rows ask the same when the normal forms of their inputs are equal: see `gpo.data.identity`.
"""

from typing import Literal, NamedTuple

from gpo.data.rows import Labelled
from gpo.errors import DatasetError
from gpo.formatting import shorten_value
from gpo.messages.message import shown_inputs
from gpo.records import content_hash

Part = Literal["all", "train", "dev", "test", "few_shot"]
Relation = Literal["new", "same", "joined", "repeated", "elsewhere"]

_SHOWN = 5
_MOST_ANSWERS = 1 << 16


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
    says something else, or has an id of its own. `elsewhere`: its input, or its group, stands in another part. But for
    `new` and `joined`, `problem` names the earlier row.
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
        self._inputs, self._ids, self._groups = _Seen(), _Seen(), _Seen()
        self._answers = _Answers()
        self._joined: set[str] = set()

    def begin_table(self, name: str, part: Part) -> None:
        """From here on rows are of another table; `name` is what messages call it, if there are several."""
        self._tables.append((name, part))

    def relate(self, number: int, row: Labelled) -> Related:
        """How a row of the table relates to all before it, which it is one of from now on."""
        _, part = self._tables[-1]
        inputs_hash, digest = row.inputs_hash, content_hash([part, row.content], length=64)
        said = content_hash([part, inputs_hash, row.references, row.solution, row.id], length=64)
        place = _Place(len(self._tables) - 1, number, int(said[:16], 16), row.joins, self._answers.index_of(row))
        if problem := self._group_elsewhere(row, place):
            return Related("elsewhere", inputs_hash, digest, problem)
        first = self._inputs.find(inputs_hash)
        if first and self._part(first) != part:
            return Related("elsewhere", inputs_hash, digest, f"row {number}, which is {self._name(first)}")
        if first and not row.id and (first.content == place.content or said in self._joined):
            return Related("same", inputs_hash, digest, f"row {number}, as {self._name(first)}")
        if first and first.joins and row.joins:
            self._joined.add(said)
            return Related("joined", inputs_hash, digest)
        if problem := self._repetition(row, place, first):
            return Related("repeated", inputs_hash, digest, problem)
        self._inputs.add(inputs_hash, place)
        return Related("new", inputs_hash, digest)

    def place_of(self, row: Labelled, parts: tuple[Part, ...]) -> str | None:
        """What messages call the row of these parts that has this row's input or group; None when there is none."""
        places = (self._inputs.find(row.inputs_hash), self._groups.find(_group_hash(row)) if row.group else None)
        return next((self._name(place) for place in places if place and self._part(place) in parts), None)

    def fail(self) -> None:
        """Raise DatasetError for rows that contradict each other, if there are any."""
        self.same_id.fail()
        self.same_input.fail()

    def _group_elsewhere(self, row: Labelled, place: "_Place") -> str:
        """Where else the row's group stands; empty when it is in this part only, or the row has none."""
        if not row.group:
            return ""
        first = self._groups.find(_group_hash(row))
        if first is None:
            self._groups.add(_group_hash(row), place)
            return ""
        if self._part(first) == self._part(place):
            return ""
        return f"row {place.number}, whose group {shorten_value(row.group)} is that of {self._name(first)}"

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
            answers = self._answers.of_both(earlier, row) if earlier and what == "input" else ""
            if earlier and self._keeps_first:
                return f"row {place.number}: has the same {what} as {self._name(earlier)}{answers}"
            if earlier:
                found = f"{self._both(earlier, place)} have the same {what}{answers}"
                problems.add(found)
        if id_hash and not same_id:
            self._ids.add(id_hash, place)
        return found

    def _part(self, place: "_Place") -> Part:
        return self._tables[place.table][1]

    def _name(self, place: "_Place") -> str:
        return f"{self._tables[place.table][0]} row {place.number}".lstrip()

    def _both(self, first: "_Place", second: "_Place") -> str:
        if first.table == second.table:
            name = self._tables[first.table][0]
            return f"{name}{': ' if name else ''}rows {first.number} and {second.number}"
        return f"{self._name(first)} and {self._name(second)}"


def _group_hash(row: Labelled) -> str:
    return content_hash(["group", row.group], length=64)


class _Place(NamedTuple):
    table: int
    number: int
    content: int
    """64 bits of the hash of what the row says."""
    joins: bool
    answer: int
    """Which of the answers it has; 0 where it is not known any more."""


class _Answers:
    """The first right answers of rows, by small numbers, so that a message can name both of two: labels are few.

    Of the texts of a large dataset, only the first are known.
    """

    def __init__(self) -> None:
        self._texts: list[str] = [""]
        self._numbers: dict[str, int] = {}

    def index_of(self, row: Labelled) -> int:
        """The number of the row's answer; 0 when there are too many."""
        text = shorten_value(row.written or row.references[0])
        if text not in self._numbers and len(self._texts) < _MOST_ANSWERS:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers.get(text, 0)

    def of_both(self, first: _Place, row: Labelled) -> str:
        """What to say of the answers of two rows with one input."""
        one, other = self._texts[first.answer], shorten_value(row.written or row.references[0])
        asked = shorten_value(next(iter(shown_inputs(row.inputs).values())))
        if not one:
            return f" {asked}"
        return f" {asked}, answered {one} and {other}" if one != other else f" {asked}, answered {one}"


class _Seen:
    """Where each hash was seen first, packed into integers: a hundred bytes a row, and millions of rows fit."""

    def __init__(self) -> None:
        self._places: dict[int, int] = {}

    def find(self, digest: str) -> _Place | None:
        """The place of a hash in hex; None when it is new."""
        packed = self._places.get(int(digest[:22], 16))
        if packed is None:
            return None
        number, answer, content = packed >> 5 & 0xFF_FFFF_FFFF, packed >> 45 & 0xFFFF, packed >> 61
        return _Place(packed & 0xF, number, content, joins=bool(packed & 0x10), answer=answer)

    def add(self, digest: str, place: _Place) -> None:
        """Remember the place of a new hash."""
        small = place.table | place.joins << 4 | place.number << 5 | place.answer << 45
        self._places[int(digest[:22], 16)] = small | place.content << 61
