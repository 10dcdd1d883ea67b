"""The section `gate` of a spec: what a challenger has to show before it replaces the champion."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gpo.errors import suggestion
from gpo.records import Record

MEASURES: Mapping[str, str] = {
    "words": "words of the instruction",
    "latency": "seconds a call of the task model",
    "cost": "cost of 1,000 calls of the task model",
}
"""What a run measures of both prompts besides their scores, and what it is."""

_Margin = Annotated[float, Field(ge=0, le=1)]

WhenWorn = Literal["ask", "stop", "warn"]
Benefit = Literal["shorter", "cheaper", "faster"]

BENEFITS: Mapping[Benefit, str] = {"shorter": "words", "cheaper": "cost", "faster": "latency"}
"""What a prompt may be better in besides its score, and the measure that tells."""


class NonInferiorSpec(Record):
    """Promote a prompt that is shorter, cheaper or faster, if it is not worse by more than a margin."""

    margin: float = Field(
        gt=0, le=0.5, description="How much worse it may be, at the most; the interval has to exclude more."
    )
    when: Benefit = Field(
        default="shorter",
        description="What it has to be: `shorter` (words of the instruction), `cheaper` (cost of 1,000 calls) or "
        "`faster` (seconds a call).",
    )
    by: float = Field(default=0.1, ge=0, lt=1, description="By how much, at the least; 0.1 is 10% less.")


class GateSpec(Record):
    """What a challenger has to show. Gains and margins are differences of mean scores in 0..1.

    >>> GateSpec(min_gain=0.02, max_growth={"words": 0.5}).confidence
    0.95
    """

    min_gain: float = Field(
        default=0.0,
        ge=-1,
        le=1,
        description="The gain to be proved. Negative: so much worse is acceptable, as for a cheaper prompt.",
    )
    confidence: float = Field(default=0.95, ge=0.8, le=0.99, description="Of the interval that decides.")
    max_missing: float = Field(
        default=0.05, ge=0, lt=1, description="Share of the examples that may lack a score of one of the two."
    )
    slices: tuple[str, ...] = Field(
        default=(),
        description="Fields of the rows whose values make slices, which are guarded each for itself: `language` makes "
        "`language=de`, `language=fr` and so on. They need not be input.",
    )
    max_regression: _Margin = Field(default=0.0, description="How much worse each slice may get.")
    slice_margins: Mapping[str, _Margin] = Field(
        default={}, description="Other margins than `max_regression`, by the name of the slice: `language=de`."
    )
    max_growth: Mapping[str, Annotated[float, Field(ge=0)]] = Field(
        default={},
        description="By how much a measure may grow, 0.5 is at most 50% more: "
        + "; ".join(f"`{name}`, {meaning}" for name, meaning in MEASURES.items())
        + ".",
    )

    when_worn: WhenWorn = Field(
        default="ask",
        description="For unattended runs, which share an error budget over the uses of an alias: what becomes of a "
        "gain that passes for one use, but not for so many. `ask` waits for a person, `stop` keeps the champion, "
        "`warn` promotes and says so.",
    )
    stop_early: bool = Field(
        default=False,
        description="Look at the test split after each quarter, and end the proof on a clear result. Saves test calls; "
        "all looks together err as seldom as one.",
    )
    non_inferior: NonInferiorSpec | None = Field(
        default=None,
        description="Promote a prompt that is shorter, cheaper or faster, if it is not worse by more than a margin: "
        "`{margin: 0.02, when: shorter}`.",
    )

    @field_validator("slices", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def check(self, *, priced: bool) -> None:
        """Raise ValueError for what a run cannot measure, and for margins of fields that make no slices.

        `priced`: the task model has a price.
        """
        for name in self.max_growth:
            if name not in MEASURES:
                raise ValueError(f"`gate.max_growth` names '{name}', which no run measures{suggestion(name, MEASURES)}")
        if "cost" in self.max_growth and not priced:
            raise ValueError(
                "`gate.max_growth` limits `cost`, and `models.task` has no price: write `price: {input: ..., output: "
                "...}` at it, for a million tokens"
            )
        self._check_non_inferior(priced=priced)
        for name in self.slice_margins:
            field, equals, _ = name.partition("=")
            if not equals:
                raise ValueError(f"`gate.slice_margins` names '{name}'; slices are named `field=value`")
            if field not in self.slices:
                known = suggestion(field, self.slices) if self.slices else "; none are there"
                raise ValueError(f"`gate.slice_margins` names '{name}', and '{field}' is not in `gate.slices`{known}")

    def _check_non_inferior(self, *, priced: bool) -> None:
        if self.non_inferior is None:
            return
        if self.min_gain < 0:
            raise ValueError(
                f"`gate.min_gain` is {self.min_gain:g}, which accepts a worse prompt always, and `gate.non_inferior` "
                f"only one that is {self.non_inferior.when}: leave one of the two out"
            )
        if self.non_inferior.when == "cheaper" and not priced:
            raise ValueError(
                "`gate.non_inferior` is for a `cheaper` prompt, and `models.task` has no price: write `price: {input: "
                "..., output: ...}` at it, for a million tokens"
            )
