"""What a preset and a spec say together, before it is read: fields that are given replace those of the preset."""

from collections.abc import Mapping
from typing import Any

RACE_AFTER = 16
"""Examples of the first block of a race, where a spec asks for a race alone."""


def continuable(merged: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset and a spec say together; a list to continue has room for less of the preset."""
    if merged.get("style") != "continuation":
        return merged
    plain = {"information": "prompt+score", "ways": ()} if merged["information"] == "cases" else {}
    return {**merged, **{name: value for name, value in plain.items() if name not in given}}


def usual_preset(given: Mapping[str, Any]) -> str | None:
    """The preset where none is named: a spec that sets what only GPO has was written for it; None: the default."""
    only_gpo = {"budget_start", "budget_end", "warmup", "race_after"}
    is_gpo = given.get("style") == "continuation" or not only_gpo.isdisjoint(given)
    return "gpo" if is_gpo else None


def with_race(merged: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The same, where `race_after` alone asks for a race, and a race alone has its usual first block."""
    if given.get("race_after") is not None and "accept" not in given:
        return {**merged, "accept": "race"}
    if merged["accept"] == "race" and merged.get("race_after") is None:
        return {**merged, "race_after": RACE_AFTER}
    return merged
