"""What is known of a dataset's versions: their fields, labels, and what changed from one to the next."""

from collections.abc import Mapping

from pydantic import Field

from gpo.errors import DatasetError
from gpo.names import check_dataset_name
from gpo.records import Record

_LARGEST = 2**31 - 1


def parse_reference(text: str) -> tuple[str, int | None]:
    """Name and version of `NAME` or `NAME@VERSION`; None: the newest.

    Raises:
        DatasetError: it is neither.

    >>> parse_reference("reviews@3"), parse_reference("reviews")
    (('reviews', 3), ('reviews', None))
    """
    name, at, version = text.partition("@")
    return check_dataset_name(name), parse_version(version) if at else None


def parse_version(text: str) -> int:
    """The number of a version.

    Raises:
        DatasetError: it is no whole number from 1.
    """
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _LARGEST):
        raise DatasetError(f"'{text}' is no version; a version is a whole number from 1")
    return int(text)


class DatasetFields(Record):
    """Which fields of a dataset's rows are what."""

    input: tuple[str, ...] = Field(min_length=1)
    reference: str
    id: str | None = None


class Changes(Record):
    """How a version's rows differ from those of the version before; at the first, all are added.

    `relabelled`: the same input with another reference. `edited`: the same input and reference, another field differs.
    """

    added: int = 0
    removed: int = 0
    relabelled: int = 0
    edited: int = 0

    @property
    def total(self) -> int:
        """All of them together."""
        return self.added + self.removed + self.relabelled + self.edited


class DatasetVersion(Record):
    """One version: numbers count from 1, and what a number stands for never changes. Times are ISO text in UTC.

    `digest` is the SHA-256 of the rows in their stored form, whatever order they came in. `columns` are all fields that
    rows have. `labels` counts the rows of each reference, None when there are too many to be labels; `labels_before` is
    that of the version before. `stamp` tells whether the source changed without reading it, where it can be told.
    `announced_at` is when Prefect took the event of it; None as long as it has not.
    """

    name: str
    version: int
    digest: str
    rows: int
    fields: DatasetFields
    columns: tuple[str, ...]
    labels: Mapping[str, int] | None = None
    labels_before: Mapping[str, int] | None = None
    changes: Changes = Changes()
    stamp: str | None = None
    source: str = ""
    note: str = ""
    who: str = ""
    created_at: str = ""
    announced_at: str | None = None

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"dataset {self.name} version {self.version}"


class Pushed(Record):
    """The version that holds what was pushed, and whether it is new: content equal to the newest makes none."""

    version: DatasetVersion
    is_new: bool


class LabelShift(Record):
    """The share of one label, as a fraction of 1, in two versions."""

    label: str
    before: float
    after: float


def label_shift(before: Mapping[str, int] | None, after: Mapping[str, int] | None) -> tuple[LabelShift, ...]:
    """The shares of all labels in two versions, the most frequent first; empty where there are no labels.

    >>> [str(each) for each in label_shift({"a": 1, "b": 1}, {"a": 4})]
    ["label='a' before=0.5 after=1.0", "label='b' before=0.5 after=0.0"]
    """
    if not before or not after:
        return ()
    sums = sum(before.values()), sum(after.values())
    labels = sorted({*before, *after}, key=lambda label: (-after.get(label, 0), -before.get(label, 0), label))
    return tuple(
        LabelShift(label=label, before=before.get(label, 0) / sums[0], after=after.get(label, 0) / sums[1])
        for label in labels
    )
