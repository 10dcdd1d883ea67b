"""Scores put together: of several blocks of examples, and of labels for a measure of the whole set."""

from collections.abc import Iterable, Sequence

from gpo.records import Example, Labels, Sample, Score, total_usage
from gpo.set_metrics import Labelled
from gpo.spec.task import TaskSpec


def join_scores(one: Score, other: Score, kept: int) -> Score:
    """The score of two blocks of one list of examples, with `kept` raw answers, the worst first."""
    joined = add_scores(one, other)
    samples = sorted(joined.samples, key=lambda sample: sample.value)
    return joined.model_copy(update={"samples": tuple(samples[:kept])})


def add_scores(one: Score, other: Score) -> Score:
    """The score of two parts of one list of examples, with all of their raw answers in their order."""
    return Score(
        values={**one.values, **other.values},
        planned=one.planned,
        labels=_join_labels(one.labels, other.labels),
        unparsed=one.unparsed + other.unparsed,
        weak=one.weak + other.weak,
        failed=one.failed + other.failed,
        cut=one.cut + other.cut,
        samples=(*one.samples, *other.samples),
        failures={**one.failures, **other.failures},
        failed_calls={**one.failed_calls, **other.failed_calls},
        usage=total_usage([one.usage, other.usage]),
        timing=one.timing + other.timing,
    )


def collect_labels(spec: TaskSpec, examples: Iterable[Example], samples: Iterable[Sample]) -> Labels | None:
    """Right and given labels, where the metric is a measure of the set; of several right ones, the one that was met."""
    if (metric := spec.metric.of_set) is None:
        return None
    right = {example.id: example.references for example in examples}
    pairs = {each.example: met_label(right[each.example], each.answer) for each in samples}
    return Labels(metric=metric, pairs=pairs, are_sets=spec.answer.has_sets)


def met_label(right: Sequence[str], given: str | None) -> Labelled:
    """A right answer and the given one; any right answer that was given stands for the first.

    >>> met_label(("a", "b"), "b"), met_label(("a", "b"), "c")
    (('a', 'a'), ('a', 'c'))
    """
    return right[0], right[0] if given in right else given


def _join_labels(one: Labels | None, other: Labels | None) -> Labels | None:
    if one is None or other is None:
        return one or other
    return one.model_copy(update={"pairs": {**one.pairs, **other.pairs}})
