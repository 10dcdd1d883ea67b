"""Labelled data: rows of any source in, disjoint and stable splits of examples out.

A single table is split here. Its examples are put in an order that depends on the seed and on each example alone, and
cut: the first are the test split, then comes dev, then train. With few rows added, most examples stay where they are;
the dev split lies between test and train, so that what is pushed over a border seldom goes from one to the other. It
is no guarantee: the sizes are exact, so a new row that enters a split pushes another out.

A dataset that has versions (`dataset.name`) gives that guarantee, and its sizes are not exact: a hash of an example's
inputs says which split it belongs to, whatever other rows there are. With `dataset.group`, for a file too, it is a hash
of the group, which so stays in one split.

Inputs with the same normal form are one question: see `identity.py`. Nearly equal ones in two splits are told.

A folder or a dataset of the hub may bring its own splits, which are only cut to the sizes that the spec asks for. What
they have in common belongs to test, then to dev: such rows are left out of the others, and that is told.

For answers with labels the order interleaves them, so that each split, and each beginning of one, has nearly the same
share of every label as the data.

Rows are read once, one by one. Kept are those that may still enter a split, and of the others a digest.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gpo.data.assignment import HashedSplits, SeededOrder
from gpo.data.near_duplicates import near_duplicates
from gpo.data.sources.frames import RowList
from gpo.data.sources.registry import Table, Tables
from gpo.data.sources.tables import table_of_frame, tables_of
from gpo.data.validation import RowValidation
from gpo.errors import DatasetError
from gpo.records import Example, Split, Splits, content_hash
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

_IN_ORDER: tuple[Split, ...] = ("test", "dev", "train")


def load_splits(spec: TaskSpec, *, compared: bool = True) -> Splits:
    """Read the spec's dataset and split it; the same rows and seed give the same splits, in the same order.

    No input is in two splits, nor is a group where the spec names one. References are canonical, see
    `scoring/answers.py`. The fingerprint depends on the content of all usable rows (for a folder, also on the files
    they are in), not on their order, the sizes or the seed. With `on_bad_row: skip`, of rows that contradict each other
    the first is kept; of rows that differ by nothing but white space, case and the like, the first counts too. Its
    notes tell of inputs that nearly equal those of another split, unless they are not to be `compared`.

    Raises:
        DatasetError: the source is missing, empty or unreadable, rows are malformed or contradict each other, or there
            are too few.
    """
    found = _splits(tables_of(spec.dataset, spec.gate.slices), spec)
    return compare_splits(found) if compared else found


def compare_splits(splits: Splits) -> Splits:
    """The same, and its notes tell of inputs that nearly equal those of another split."""
    return splits.model_copy(update={"notes": (*splits.notes, *near_duplicates(splits))})


def splits_of(frame: "pd.DataFrame | RowList", spec: TaskSpec) -> Splits:
    """The same for the rows of a pandas frame; what the spec names as its source is not read.

    Raises:
        DatasetError: as for `load_splits`; rows are named by their position from 1.
    """
    return compare_splits(_splits(table_of_frame(frame, spec.dataset, spec.gate.slices), spec))


def _splits(tables: Tables, spec: TaskSpec) -> Splits:
    if tables.splits:
        return _own_splits(tables, spec)
    if spec.dataset.name is not None or spec.dataset.group is not None:
        return _hashed(tables.whole, spec)
    return _cut(tables.whole, spec)


def _hashed(tables: Sequence[Table], spec: TaskSpec) -> Splits:
    intake, found = RowValidation(spec), HashedSplits(spec)
    for table in tables:
        intake.read(table, "all", found)
    intake.check()
    test, dev, train = (found.examples(split) for split in _IN_ORDER)
    few = _few({"test": len(test), "dev": len(dev), "train": len(train)}, found.count, spec)
    return Splits(
        test=test,
        dev=dev,
        train=train,
        # The same rows cut otherwise are other splits, with scores that do not compare.
        fingerprint=content_hash(["hashed", "normal form", spec.dataset.group, intake.fingerprint()]),
        left_out=(*intake.left_out, *few),
        notes=tuple(intake.notes),
    )


def _few(found: Mapping[Split, int], rows: int, spec: TaskSpec) -> list[str]:
    """What to tell where a split came out smaller than its size.

    Raises:
        DatasetError: dev or test have less than half of what was asked for, or train nothing.
    """
    sizes = spec.dataset.split
    wanted: Mapping[Split, int] = {"test": sizes.test, "dev": sizes.dev, "train": sizes.train}
    short = [f"{found[split]} of {wanted[split]} {split}" for split in _IN_ORDER if found[split] < wanted[split]]
    if not short:
        return []
    told = f"{spec.dataset.source}: its {rows} different rows gave {', '.join(short)} examples"
    least = {split: (size + 1) // 2 for split, size in wanted.items()} | {"train": min(1, wanted["train"])}
    if any(found[split] < least[split] for split in _IN_ORDER):
        raise DatasetError(
            f"{told}, too few to decide on; which split an example belongs to is drawn by a hash, in the proportions of"
            " dataset.split: add rows, or lower its sizes"
        )
    return [f"{told}; add rows, or lower the sizes of dataset.split in proportion"]


def _cut(tables: Sequence[Table], spec: TaskSpec) -> Splits:
    sizes = spec.dataset.split
    train, dev, test = sizes.train, sizes.dev, sizes.test
    wanted = train + dev + test
    intake, order = RowValidation(spec), SeededOrder(wanted, spec)
    for table in tables:
        intake.read(table, "all", order)
    intake.check()
    if wanted > order.count:
        raise DatasetError(
            f"{tables[0].where}: {order.count} different rows, but dataset.split asks for {train} train + {dev} dev +"
            f" {test} test = {wanted}; lower the sizes in dataset.split or add {wanted - order.count} rows"
        )
    ordered = order.examples()
    return Splits(
        test=ordered[:test],
        dev=ordered[test : test + dev],
        train=ordered[test + dev : wanted],
        fingerprint=intake.fingerprint(),
        left_out=tuple(intake.left_out),
        notes=tuple(intake.notes),
    )


def _own_splits(tables: Tables, spec: TaskSpec) -> Splits:
    """The splits of a folder or of the hub, each cut to the spec's size. Only train may be missing or empty.

    Where dev is missing, it is cut off train: by groups where there are any.
    """
    sizes = spec.dataset.split
    from_train = "dev" not in tables.splits
    intake = RowValidation(spec)
    test, dev = SeededOrder(sizes.test, spec), SeededOrder(sizes.dev, spec)
    by_group = HashedSplits(spec, {"dev": sizes.dev, "train": sizes.train})
    rest = SeededOrder(sizes.train + sizes.dev if from_train else sizes.train, spec)
    is_grouped = from_train and spec.dataset.group is not None
    # What is in two of them stays in the one that is read first.
    intake.read(tables.splits["test"], "test", test)
    if not from_train:
        intake.read(tables.splits["dev"], "dev", dev)
    if "train" in tables.splits:
        order = by_group if is_grouped else rest
        intake.read(tables.splits["train"], "train", order, may_be_empty=not from_train)
    ordered, cut = rest.examples(), sizes.dev if from_train else 0
    cut_off = by_group.examples("dev") if is_grouped else ordered[:cut]
    few_shot = intake.demonstrations(tables.few_shot, cut_off) if tables.few_shot else ()
    intake.check()
    train = by_group.examples("train") if is_grouped else ordered[cut:]
    return Splits(
        train=train,
        dev=(*dev.examples(), *cut_off),
        test=test.examples(),
        fingerprint=intake.fingerprint(),
        few_shot=_with_own_ids(few_shot, train),
        left_out=tuple(intake.left_out),
        notes=tuple(intake.notes),
    )


def _with_own_ids(few_shot: Sequence[Example], train: Sequence[Example]) -> tuple[Example, ...]:
    """Demonstrations, none with the id of another one or of a training example: a prompt names by ids what it shows."""
    taken, found = {example.id: example for example in train}, list[Example]()
    for example in few_shot:
        while taken.setdefault(example.id, example) != example:
            example = example.model_copy(update={"id": f"shown-{example.id}"})  # noqa: PLW2901 - the same with a new id
        found.append(example)
    return tuple(found)
