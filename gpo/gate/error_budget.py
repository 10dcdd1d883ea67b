"""How strict a use of an alias has to be, so that a series of unattended runs seldom ends in a wrong promotion.

Each decision about an alias is another chance to promote by luck, on the same test examples or on new ones. So the uses
share one budget: in thirty of them, without a true gain, at most 5% of all series promote. The first may spend 1%, the
k-th 1% / k, and each at least 0.1%, which together is 4.93%; the bound holds whatever the uses have in common. After a
promotion, and after thirty uses, the count begins anew. docs/gate.md has the rules that this one was chosen from.
"""

from collections.abc import Sequence

from gpo.records import Record

USES = 30
"""Uses that share one budget."""

BUDGET = 0.05
"""The most that they spend together."""

_FIRST, _LEAST = 0.01, 0.001


class AliasUse(Record):
    """Which use of an alias since its last promotion a run is, from 1; `unattended`: no person started it."""

    alias: str
    number: int
    unattended: bool

    @property
    def level(self) -> float:
        """The chance that this use may promote by luck."""
        return use_level(self.number)


class AliasLooks(Record):
    """The runs that have decided about an alias since its last promotion, the earliest first."""

    alias: str
    runs: tuple[str, ...] = ()
    unattended: bool = False

    def use_of(self, run: str) -> AliasUse:
        """Which use a run is; one that is repeated is the same use.

        >>> AliasLooks(alias="production", runs=("a", "b")).use_of("b").number
        2
        """
        known = self.runs.index(run) if run in self.runs else len(self.runs)
        return AliasUse(alias=self.alias, number=known % USES + 1, unattended=self.unattended)


def use_level(number: int) -> float:
    """The chance that the use `number`, from 1, may promote by luck.

    >>> [use_level(number) for number in (1, 2, 10, 30)]
    [0.01, 0.005, 0.001, 0.001]
    """
    return max(_LEAST, _FIRST / number)


def spent(numbers: Sequence[int]) -> float:
    """What these uses spend together.

    >>> round(spent(range(1, 31)), 4)
    0.0493
    """
    return sum(use_level(number) for number in numbers)
