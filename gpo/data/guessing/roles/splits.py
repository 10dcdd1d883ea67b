"""Which field says the split of a row, and how large splits are."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from gpo.data.guessing.choices import Choices, UndecidedError
from gpo.data.guessing.columns import Column
from gpo.data.guessing.roles.names import is_split
from gpo.data.sources.folders import split_named
from gpo.errors import suggestion
from gpo.spec.dataset import SplitSpec


def find_split_field(columns: Mapping[str, Column], choices: Choices) -> str | None:
    """The field whose values name splits, test among them."""
    if choices.split is not None:
        return None if _sizes_of(choices.split) else known_field(choices.split, columns, "--split")
    for name, column in columns.items():
        if (
            is_split(name)
            and column.is_text
            and not column.missing
            and column.distinct <= 2 * len(SplitSpec.model_fields)
        ):
            named = {split_named(value) for value in column.present}
            if "test" in named and None not in named and len(named) > 1:
                return name
    return None


def known_field(field: str, columns: Mapping[str, Column], option: str) -> str:
    """The field that an option names.

    Raises:
        UndecidedError: there is none of that name, or it cannot be what it is named for.
    """
    if field not in columns:
        raise UndecidedError(f"{option} {field}: no such field{suggestion(field, columns)}")
    if option == "--reference" and columns[field].distinct < 2:
        raise UndecidedError(f"{option} {field}: cannot be the right answer, for it says the same in every row")
    return field


def sizes_for(rows: int, given: str | None = None) -> SplitSpec:
    """About 10% train, 30% dev, and the rest up to 200 test; or the three sizes that are given."""
    if given is not None and (sizes := _sizes_of(given)):
        return SplitSpec(train=sizes[0], dev=sizes[1], test=sizes[2])
    train = min(max(rows // 10, 4), 48)
    dev = min(max(3 * rows // 10, 8), 64)
    return SplitSpec(train=train, dev=dev, test=min(rows - train - dev, 200))


def _sizes_of(given: str) -> tuple[int, int, int] | None:
    """The sizes of `40,60,200`; None for the name of a field."""
    parts = [part.strip() for part in given.split(",")]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    train, dev, test = map(int, parts)
    if not dev or not test:
        raise UndecidedError(f"--split {given}: dev and test need at least one example; write TRAIN,DEV,TEST")
    return train, dev, test


def own_sizes(column: Column) -> SplitSpec:
    """The sizes of the splits that the values of a column name."""
    return sizes_of_splits(Counter(split_named(value) for value in column.present))


def sizes_of_splits(counts: Mapping[Any, int]) -> SplitSpec:
    """The sizes of splits with so many rows; dev is cut off train where there is none of it."""
    train, dev, test = (counts.get(split, 0) for split in ("train", "dev", "test"))
    if not dev:
        dev = min(max(train // 4, 1), 64)
        train -= dev
    return SplitSpec(train=max(train, 0), dev=dev, test=test)
