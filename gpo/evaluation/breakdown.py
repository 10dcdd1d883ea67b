"""What stands behind a mean: which labels are taken for which others, and how graded scores are spread."""

from collections import Counter
from collections.abc import Iterable, Sequence

from gpo.records import Record
from gpo.set_metrics import Labelled, labels_in

BINS = 10


class LabelMeasures(Record):
    """One label: of how many examples it is the right answer, and how well it is found.

    `precision` is None for a label that was never given, `recall` for one that is never right, `f1` where both are.
    """

    label: str
    n: int
    precision: float | None
    recall: float | None
    f1: float | None


class ConfusionMatrix(Record):
    """How often each label was given where each is right.

    `counts` has a row for each right label and a column for each given one, both in the order of `labels`; `unread`
    has, for each right label, how many answers could not be read.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    unread: tuple[int, ...]
    measures: tuple[LabelMeasures, ...]


class Histogram(Record):
    """How many scores lie in each of `BINS` equal parts of 0..1; an edge belongs to the part above it, 1 to the last.

    `edges` has one number more than `counts`.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


def confusion_matrix(pairs: Iterable[Labelled], labels: Sequence[str]) -> ConfusionMatrix:
    """The confusion of the right and the given labels; `labels` come first, in their order, then others that occur.

    >>> found = confusion_matrix([("a", "a"), ("a", "b"), ("b", "b"), ("b", None)], ["a", "b"])
    >>> found.counts, found.unread, [measures.precision for measures in found.measures]
    (((1, 1), (0, 1)), (0, 1), [1.0, 0.5])
    """
    cells = Counter(pairs)
    names = _names(cells, labels, are_sets=False)
    return ConfusionMatrix(
        labels=names,
        counts=tuple(tuple(cells[right, given] for given in names) for right in names),
        unread=tuple(cells[right, None] for right in names),
        measures=tuple(_measures(label, cells, are_sets=False) for label in names),
    )


def label_measures(pairs: Iterable[Labelled], labels: Sequence[str]) -> tuple[LabelMeasures, ...]:
    """How well each label of right and given sets of labels is found; `labels` first, then others that occur.

    >>> [(each.label, each.n, each.recall) for each in label_measures([('["a", "b"]', '["b"]')], ["a", "b"])]
    [('a', 1, 0.0), ('b', 1, 1.0)]
    """
    cells = Counter(pairs)
    return tuple(_measures(label, cells, are_sets=True) for label in _names(cells, labels, are_sets=True))


def _names(cells: Iterable[Labelled], labels: Sequence[str], *, are_sets: bool) -> tuple[str, ...]:
    seen = {label for pair in cells for each in pair for label in labels_in(each, are_sets=are_sets)}
    return (*dict.fromkeys(labels), *sorted(seen - set(labels)))


def _measures(label: str, cells: Counter[Labelled], *, are_sets: bool) -> LabelMeasures:
    hits = right = given = 0
    for pair, number in cells.items():
        is_right, is_given = (label in labels_in(each, are_sets=are_sets) for each in pair)
        right += number * is_right
        given += number * is_given
        hits += number * (is_right and is_given)
    return LabelMeasures(
        label=label,
        n=right,
        precision=hits / given if given else None,
        recall=hits / right if right else None,
        f1=2 * hits / (right + given) if right + given else None,
    )


def histogram(values: Iterable[float]) -> Histogram | None:
    """The histogram of scores; None where all are 0 or 1, and their mean says as much.

    >>> histogram([0.0, 0.05, 0.3, 1.0]).counts
    (2, 0, 0, 1, 0, 0, 0, 0, 0, 1)
    """
    found = Counter(values)
    if found.keys() <= {0.0, 1.0}:
        return None
    counts = [0] * BINS
    for value, number in found.items():
        # A tenth as a float may lie a little below its part.
        counts[min(BINS - 1, int(value * BINS + 1e-9))] += number
    return Histogram(edges=tuple(place / BINS for place in range(BINS + 1)), counts=tuple(counts))
