"""The fields of a dataset: which of them are meant, and what a row says in them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from gpo.data.rows import Labelled, label_row
from gpo.datasets.version import DatasetFields
from gpo.errors import DatasetError
from gpo.records import canonical_json
from gpo.scoring.spec import AnswerSpec
from gpo.spec.dataset import DatasetSpec
from gpo.spec.prompt import PromptSpec
from gpo.spec.task import TaskSpec


class Said(NamedTuple):
    """What one row says: the hash of its inputs, and its reference as text, a list of several as JSON."""

    inputs: str
    reference: str


class FieldReader:
    """Reads rows by the fields of a dataset, whose kind of answers is not known."""

    def __init__(self, fields: DatasetFields) -> None:
        self._fields = fields
        self._free, self._structured = (task_of_kind(fields, AnswerSpec(kind=kind)) for kind in ("free", "json"))

    def is_structured(self, row: Mapping[str, Any]) -> bool:
        """Whether the row's reference has parts, and is no list of right answers: it holds none, or more than texts."""
        value = row.get(self._fields.reference)
        if isinstance(value, list):
            return not (value and all(isinstance(item, bool) or _is_text(item) for item in value))
        return isinstance(value, dict)

    def label(self, row: Mapping[str, Any]) -> Labelled:
        """The row's parts, its reference as free text, or as JSON where it is structured.

        Raises:
            DatasetError: a field is missing or cannot be used; the message names it.
        """
        return label_row(row, self._structured if self.is_structured(row) else self._free)

    def said(self, row: Mapping[str, Any]) -> Said:
        """What a row says.

        Raises:
            DatasetError: a field is missing or cannot be used; the message names it.
        """
        found = self.label(row)
        return Said(found.inputs_hash, reference_text(found))


def _is_text(item: object) -> bool:
    return isinstance(item, str) and bool(item.strip())


def reference_text(row: Labelled) -> str:
    """The reference of a row as one text; several right answers are a JSON array, sorted."""
    return row.references[0] if len(row.references) == 1 else canonical_json(sorted(row.references))


def task_of_kind(fields: DatasetFields, answer: AnswerSpec) -> TaskSpec:
    """A task of which only the fields and how answers are read matter."""
    return TaskSpec(
        name="dataset",
        prompt=PromptSpec(instruction="-", question="-"),
        dataset=DatasetSpec(name="dataset", input=fields.input, reference=fields.reference, id=fields.id),
        answer=answer,
    )


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
