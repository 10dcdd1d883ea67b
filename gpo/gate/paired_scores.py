"""The scores of two prompts on the examples that both have one for, and how they are compared: singly or in groups."""

from collections.abc import Collection, Mapping, Sequence

from gpo.errors import InputError
from gpo.gate.group_statistics import compare_in_groups, compare_sets_in_groups, has_groups
from gpo.gate.set_statistics import compare_sets
from gpo.gate.statistics import PairedResult, compare_paired
from gpo.records import Example, Score

Groups = Mapping[str, str]
"""The group of each example that is of one, by the example's id."""


def groups_of(examples: Sequence[Example]) -> dict[str, str]:
    """The groups of examples, as the rows have them."""
    return {example.id: example.group for example in examples if example.group is not None}


def in_groups(examples: Sequence[Example]) -> Sequence[Example]:
    """The examples with those of a group beside each other, so that a part of them holds whole groups."""
    places: dict[str, int] = {}
    return sorted(examples, key=lambda each: places.setdefault(each.group or each.id, len(places)))


class PairedScores:
    """The differences, challenger minus champion, by example in the order of their ids.

    Raises:
        InputError: a score outside 0..1.
    """

    def __init__(self, challenger: Score, champion: Score, groups: Groups) -> None:
        """Pair the scores of both prompts."""
        self.differences = _paired_differences(challenger, champion)
        self._groups = groups
        self._labels = challenger.labels, champion.labels

    def compare(self, confidence: float = 0.95, null: float = 0.0) -> PairedResult:
        """By the mean difference, or by the measure of the set where both scores have their labels."""
        ours, theirs = self._labels
        examples = list(self.differences)
        if ours is None or theirs is None or ours.metric != theirs.metric:
            return self.compare_some(examples, confidence, null)
        if has_groups(examples, self._groups):
            return compare_sets_in_groups((ours, theirs), examples, self._groups, confidence, null)
        return compare_sets(ours, theirs, examples, confidence, null)

    def compare_some(self, examples: Collection[str], confidence: float = 0.95, null: float = 0.0) -> PairedResult:
        """By the mean difference on some of the examples."""
        some = {each: self.differences[each] for each in sorted(set(examples) & self.differences.keys())}
        if has_groups(list(some), self._groups):
            return compare_in_groups(some, self._groups, confidence, null)
        return compare_paired(list(some.values()), confidence, null)


def _paired_differences(challenger: Score, champion: Score) -> dict[str, float]:
    for name, score in (("challenger", challenger), ("champion", champion)):
        for example, value in score.values.items():
            if not 0 <= value <= 1:
                raise InputError(f"{name}, example {example}: the score {value} is not in 0..1, as the gate needs it")
    shared = sorted(challenger.values.keys() & champion.values.keys())
    return {example: challenger.values[example] - champion.values[example] for example in shared}
