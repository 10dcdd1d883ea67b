"""Tables in Markdown, and shares in percent."""

from collections.abc import Sequence

from gpo.set_metrics import mean_interval


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}%"


def with_interval(hits: int, trials: int) -> str:
    low, high = mean_interval([1.0] * hits + [0.0] * (trials - hits))
    return f"{percent(hits / trials)} ({100 * low:.1f} to {100 * high:.1f})"
