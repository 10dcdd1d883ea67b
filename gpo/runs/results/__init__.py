"""Every example behind the number: what a prompt was asked, what it answered, how that was read and scored.

Results are for people. No part of a search reads them, so a test example stays locked however often it is looked at.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpo.runs.results.frame import results_frame

__all__ = ["results_frame"]


def __getattr__(name: str) -> Any:
    # A run writes results and needs no table of pandas.
    if name == "results_frame":
        from gpo.runs.results.frame import results_frame  # noqa: PLC0415

        globals()[name] = results_frame
        return results_frame
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
