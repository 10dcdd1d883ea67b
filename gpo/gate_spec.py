"""The rules of the gate: what a challenger has to show before it replaces the champion."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from gpo.records import Record

_Margin = Annotated[float, Field(ge=0, le=1)]


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
    max_regression: _Margin = Field(default=0.0, description="How much worse each slice may get.")
    slice_margins: Mapping[str, _Margin] = Field(
        default={}, description="Other margins than `max_regression`, by the name of the slice."
    )
    max_growth: Mapping[str, Annotated[float, Field(ge=0)]] = Field(
        default={},
        description="By how much measures such as words, latency or cost may grow: 0.5 is at most 50% more.",
    )
