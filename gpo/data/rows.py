"""A row of a source becomes a labelled example, or the reason why it cannot."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gpo.data.conversations import is_shown_as_messages, plain_calls, read_conversation
from gpo.data.identity import identity_of, is_blank, visible_form
from gpo.data.inputs import input_text, plain_text
from gpo.data.sources.files import Number, typed_json
from gpo.data.sources.paths import is_there, value_at, value_or_none
from gpo.errors import DatasetError
from gpo.formatting import one_line, shorten_value
from gpo.messages.message import InputValue, json_inputs, tools_of
from gpo.records import Example, content_hash
from gpo.scoring.answers import canonical_reference
from gpo.scoring.kinds import KINDS, ReferenceKind
from gpo.scoring.spec import AnswerSpec
from gpo.spec.task import TaskSpec

_ID_LENGTH = 16


class Labelled(NamedTuple):
    """What one row says. `id` is the row's own, if the spec names a field for it.

    `joins`: rows of the same input are further right answers to it, and no contradiction. `slices` say nothing of what
    is asked and what is right: they are no part of the `content`.
    """

    inputs: dict[str, InputValue]
    references: tuple[str, ...]
    solution: str | None
    id: str | None
    joins: bool = False
    slices: Mapping[str, str] = {}
    group: str | None = None
    feedback: str | None = None
    written: str = ""
    """The right answer as it is written, where its canonical form is another word: `sí` is read as `true`."""

    @property
    def inputs_hash(self) -> str:
        """By which rows that ask the same are known: the hash of the inputs' normal form."""
        return identity_of(self.inputs.values())

    @property
    def exact_hash(self) -> str:
        """The hash of the inputs as they are written."""
        return content_hash(tuple(json_inputs(self.inputs).values()), length=64)

    @property
    def content(self) -> tuple[object, ...]:
        """All of it as it is written, for the fingerprint."""
        said = json_inputs(self.inputs), self.references, self.solution, self.id
        known = said if self.group is None else (*said, self.group)
        return known if self.feedback is None else (*known, {"feedback": self.feedback})

    def joined(self, other: "Labelled") -> "Labelled":
        """This row with the right answers of another one of the same input; which came first does not matter."""
        solutions = {each for each in (self.solution, other.solution) if each is not None}
        references = {*self.references, *other.references}
        values = sorted([*self.slices.items(), *other.slices.items()], reverse=True)
        return self._replace(
            references=tuple(sorted(references)), solution=min(solutions, default=None), slices=dict(values)
        )

    def example(self) -> Example:
        """The row as an example."""
        reference, *also = self.references
        return Example(
            id=self.id or content_hash({"inputs": json_inputs(self.inputs), "reference": reference}, _ID_LENGTH),
            inputs=self.inputs,
            reference=reference,
            also=tuple(also),
            solution=self.solution,
            slices=self.slices,
            group=self.group,
            feedback=self.feedback,
        )


def label_row(row: Mapping[str, Any], spec: TaskSpec) -> Labelled:
    """The parts of a row that the spec names, as text; references in the canonical form of `gpo.scoring.answers`.

    Raises:
        DatasetError: a field is missing or cannot be used; the message names it.
    """
    dataset = spec.dataset
    inputs = _inputs(row, spec)
    answer = value_at(row, dataset.reference)
    if any(tools_of(value) for value in inputs.values() if not isinstance(value, str)):
        answer = plain_calls(answer)
    references = _references(answer, dataset.reference, spec.answer)
    solution = value_or_none(row, dataset.solution) if dataset.solution else None
    worked = None if solution is None else plain_text(solution, str(dataset.solution))
    group = _group(row, dataset.group) if dataset.group else None
    feedback = _feedback(row, dataset.feedback) if dataset.feedback else None
    written = answer if spec.answer.kind == "boolean" and isinstance(answer, str) else ""
    if dataset.id is None:
        joins = _joins(answer, KINDS[spec.answer.kind])
        return Labelled(inputs, references, worked, None, joins=joins, group=group, feedback=feedback, written=written)
    if not (name := plain_text(value_at(row, dataset.id), dataset.id).strip()):
        raise DatasetError(f"field `{dataset.id}`: an id must not be blank")
    return Labelled(inputs, references, worked, name, group=group, feedback=feedback, written=written)


def _inputs(row: Mapping[str, Any], spec: TaskSpec) -> dict[str, InputValue]:
    """The inputs by their variables. One of several may be missing, and is an empty text; not all of them."""
    values = {variable: (field, value_at(row, field)) for variable, field in spec.dataset.columns.items()}
    found: dict[str, InputValue] = {}
    for variable, (field, value) in values.items():
        if variable in spec.conversations:
            is_empty = not is_there(value) or value == []
            found[variable] = () if is_empty else read_conversation(value, field, spec.dataset.folder)
        else:
            found[variable] = input_text(value, field, spec.answer.labels) if is_there(value) else ""
    if all(map(is_blank, found.values())):
        field, value = next(iter(values.values()))
        raise DatasetError(f"field `{field}`: must not be blank, received {shorten_value(value)}")
    return found


def flattened(row: Mapping[str, Any], spec: TaskSpec) -> tuple[str, ...]:
    """The variables whose messages a row's text shows without their roles being sent."""
    texts = {name: field for name, field in spec.dataset.columns.items() if name not in spec.conversations}
    return tuple(name for name, field in texts.items() if is_shown_as_messages(value_or_none(row, field)))


def _group(row: Mapping[str, Any], field: str) -> str | None:
    """The group of a row; a row without one is on its own."""
    value = value_at(row, field)
    return (plain_text(value, field).strip() or None) if is_there(value) else None


def _feedback(row: Mapping[str, Any], field: str) -> str | None:
    """What people said of a row, a line each; None where nobody did."""
    value = value_or_none(row, field)
    return (input_text(value, field).strip() or None) if is_there(value) and value not in ([], {}) else None


def slice_values(row: Mapping[str, Any], fields: Iterable[str]) -> dict[str, str]:
    """The values of the fields whose values make slices, on one line each; a row without one is in no slice of it.

    Raises:
        DatasetError: a value is neither text nor a number, true or false; the message names its field.
    """
    # Messages and reports put the names of slices between backticks.
    texts = {field: plain_text(row[field], field).replace("`", "'") for field in fields if is_there(row.get(field))}
    values = {field: one_line(text) for field, text in texts.items()}
    return {field: value for field, value in values.items() if value}


def _references(value: object, field: str, answer: AnswerSpec) -> tuple[str, ...]:
    """One right answer, or the different ones of a list; of kinds that have lists themselves, a list of lists."""
    kind = KINDS[answer.kind]
    several = value if isinstance(value, list) and kind.is_several(value) else [value]
    if not several:
        raise DatasetError(f"field `{field}`: holds no right answer, but an empty list")
    found: dict[str, None] = {}
    for each in several:
        text = plain_text(each, field) if kind.form == "text" else _structured(each, field, answer)
        reference = canonical_reference(text, answer)
        if reference is None and kind.has_labels:
            # Composed or decomposed letters and invisible characters make no other label.
            reference = canonical_reference(visible_form(text), answer)
        if reference is None:
            raise DatasetError(f"field `{field}`: {_expected(text, answer)}, received {shorten_value(each)}")
        found[reference] = None
    return tuple(found)


def _joins(value: object, kind: ReferenceKind) -> bool:
    """Whether other rows may bring more right answers: texts of any form, or a list of several; never labels."""
    return kind.is_worded or (not kind.has_labels and isinstance(value, list) and kind.is_several(value))


def _structured(value: object, field: str, answer: AnswerSpec) -> str:
    """A value as JSON text; what is text already stays as it is."""
    if not is_there(value):
        raise DatasetError(f"field `{field}`: {_expected('null', answer)}, received {shorten_value(value)}")
    if isinstance(value, str) and not isinstance(value, Number):
        return value
    typed = typed_json(value) if KINDS[answer.kind].form == "json" else value
    return json.dumps(typed, ensure_ascii=False, default=str)


def _expected(received: str, answer: AnswerSpec) -> str:
    if not received.strip():
        return "must not be blank"
    return KINDS[answer.kind].expected.format(labels=", ".join(answer.labels))
