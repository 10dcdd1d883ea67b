"""What stands behind a mean: which labels are taken for which others, and how graded scores are spread."""

from collections import Counter
from collections.abc import Iterable, Sequence

from gpo.records import Record
from gpo.set_metrics import Labelled

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
    seen = {label for pair in cells for label in pair if label is not None}
    names = (*dict.fromkeys(labels), *sorted(seen - set(labels)))
    return ConfusionMatrix(
        labels=names,
        counts=tuple(tuple(cells[right, given] for given in names) for right in names),
        unread=tuple(cells[right, None] for right in names),
        measures=tuple(_measures(label, cells) for label in names),
    )


def _measures(label: str, cells: Counter[Labelled]) -> LabelMeasures:
    hits = cells[label, label]
    right = sum(number for (name, _), number in cells.items() if name == label)
    given = sum(number for (_, name), number in cells.items() if name == label)
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
