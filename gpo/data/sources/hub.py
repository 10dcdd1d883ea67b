"""The source `hub`: datasets of the Hugging Face hub.

They are downloaded once; the cache folder is that library's own.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gpo.data.sources.files import FileReading, NumberedRow, check_columns
from gpo.data.sources.frames import number_rows
from gpo.data.sources.registry import Table, Tables, source
from gpo.errors import DatasetError, SourceUnreachableError
from gpo.records import Split
from gpo.spec.dataset import DatasetSpec

_NAMES: dict[str, Split] = {"train": "train", "validation": "dev", "dev": "dev", "test": "test"}


@source("hub")
def hub_source(dataset: DatasetSpec, reading: FileReading) -> Tables:
    """The hub's own splits where there is a test split among them; else all its labelled rows, to be split here.

    Raises:
        DatasetError: the dataset cannot be loaded, or its tables have other names than splits.
    """
    found = hub_tables(dataset)

    def table(name: str) -> Table:
        where = f"{dataset.hub} {name}"
        return Table(where, where, rows_of_table(found[name], where, reading))

    if splits := own_splits(found):
        return Tables(splits={split: table(name) for split, name in splits.items()})
    return Tables(whole=tuple(table(name) for name in _labelled(found, dataset)))


def _labelled(found: Mapping[str, Any], dataset: DatasetSpec) -> list[str]:
    usual = [name for name in found if name in ("train", "validation", "dev", "test")]
    if not usual and len(found) != 1:
        raise DatasetError(
            f"{dataset.hub}: holds the tables {', '.join(sorted(found))}, and none is named train, validation or test;"
            " choose a dataset.config that has them, or save the rows as a file"
        )
    return usual or list(found)


def hub_tables(dataset: DatasetSpec) -> Mapping[str, Any]:
    """The hub's tables by the names it gives them, as `train`, `validation` and `test`.

    Raises:
        DatasetError: the package is missing, or the hub has no such dataset, configuration or revision, or no answer.
    """
    try:
        import datasets  # noqa: PLC0415 - an extra, slow to import
    except ImportError:
        raise DatasetError(
            f"{dataset.hub}: the hub needs a package that is not installed; `pip install 'gpo-pipeline[hub]'`"
        ) from None
    try:
        return dict(datasets.load_dataset(dataset.hub, dataset.config, revision=dataset.revision))
    except (OSError, ValueError, ImportError) as error:
        first = str(error).strip().partition("\n")[0]
        # What is not there is said by a FileNotFoundError.
        is_away = isinstance(error, OSError) and not isinstance(error, FileNotFoundError)
        raise (SourceUnreachableError if is_away else DatasetError)(
            f"{dataset.hub}: cannot be loaded from the hub: {first}; check dataset.hub, config and revision, the"
            " network, and HF_TOKEN for a private dataset"
        ) from None


def own_splits(names: Iterable[str]) -> dict[Split, str] | None:
    """Which table of the hub is which split; None when there is no test among them, and all rows are split here.

    Without a validation table, dev has none here: it is cut off train.

    >>> own_splits(["train", "validation", "test"]), own_splits(["train", "test"]), own_splits(["train"])
    ({'train': 'train', 'dev': 'validation', 'test': 'test'}, {'train': 'train', 'test': 'test'}, None)
    """
    found: dict[Split, str] = {}
    for name in names:
        if name in _NAMES:
            found.setdefault(_NAMES[name], name)
    return found if "test" in found and {"train", "dev"} & found.keys() else None


def rows_of_table(table: Any, where: str, reading: FileReading) -> Iterator[NumberedRow]:
    """The rows of a `datasets.Dataset`, with the names of its class labels in place of their numbers."""
    check_columns(list(table.column_names), where, reading)
    chosen = table.select_columns(reading.columns_of(list(table.column_names)))
    names = {field: kind.names for field, kind in chosen.features.items() if hasattr(kind, "names")}
    yield from number_rows(with_class_names(row, names) for row in chosen)


def with_class_names(row: Mapping[str, Any], names: Mapping[str, list[str]]) -> dict[str, Any]:
    """A row with class numbers replaced by names; -1 is the hub's mark for an unknown class.

    >>> with_class_names({"text": "Fine.", "label": 1}, {"label": ["neg", "pos"]})
    {'text': 'Fine.', 'label': 'pos'}
    """
    labels = {
        field: classes[row[field]] if isinstance(row[field], int) and row[field] >= 0 else None
        for field, classes in names.items()
    }
    return {**row, **labels}
