"""The examples of the test split that were read for a report: those that are held, and numbers of all."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gpo.evaluation.breakdown import ConfusionMatrix, LabelMeasures
from gpo.runs.results.result import Change, ExampleResult


class LabelTable(NamedTuple):
    """What labels were taken for which others or, of sets of labels, how well each is found."""

    confusion: ConfusionMatrix | None = None
    per_label: tuple[LabelMeasures, ...] = ()


class ProvedExamples(NamedTuple):
    """The examples of the test split with what the start and the best prompt got for each.

    `shown` are those that are held, broken ones first; `counts` and `total` are of all. `before` and `after` are of the
    start and of the best, empty where answers are no labels.
    """

    shown: Sequence[ExampleResult] = ()
    counts: Mapping[Change, int] = {}
    total: int = 0
    before: LabelTable = LabelTable()
    after: LabelTable = LabelTable()
