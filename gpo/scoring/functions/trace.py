"""What led to an answer: the model calls behind it, as a metric's function may see them."""

import math

from gpo.records import Record, TracedCall


class Trace(Record):
    """How an answer came about: all that was written, and the calls in their order; of a program, how long it ran.

    >>> trace = Trace(text="4", calls=(TracedCall(text="4", seconds=0.5, input_tokens=9, output_tokens=1),))
    >>> trace.seconds, trace.input_tokens, trace.output_tokens
    (0.5, 9, 1)
    """

    text: str
    calls: tuple[TracedCall, ...] = ()
    wall_s: float | None = None

    @property
    def seconds(self) -> float | None:
        """Time of the whole run of a program, else on the wire of all calls; None where it is known of none."""
        if self.wall_s is not None:
            return self.wall_s
        known = [call.seconds for call in self.calls if call.seconds is not None]
        return math.fsum(known) if known else None

    @property
    def input_tokens(self) -> int:
        """Those of all calls."""
        return sum(call.input_tokens for call in self.calls)

    @property
    def output_tokens(self) -> int:
        """Those of all calls."""
        return sum(call.output_tokens for call in self.calls)
