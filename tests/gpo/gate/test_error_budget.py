"""The uses of an alias share an error budget: a month of nights without a true gain seldom promotes."""

import numpy as np
import pytest

from gpo.gate.error_budget import BUDGET, USES, AliasLooks, AliasUse, spent, use_level
from gpo.gate.rule import apply_gate
from gpo.gate.verdict import GateVerdict
from gpo.records import Score
from gpo.spec.gate import GateSpec, WhenWorn


def both(wins: int, losses: int, level: int) -> tuple[Score, Score]:
    ours, theirs = [1.0] * wins + [0.0] * losses, [0.0] * wins + [1.0] * losses
    challenger, champion = (
        {f"e{place}": value for place, value in enumerate([*values, *[1.0] * level])} for values in (ours, theirs)
    )
    return Score(values=challenger, planned=len(challenger)), Score(values=champion, planned=len(champion))


def judged(use: int, *, when_worn: WhenWorn = "ask", unattended: bool = True) -> GateVerdict:
    """21 won and 7 lost of 150, which passes at 0.53%."""
    return apply_gate(
        *both(21, 7, 122),
        GateSpec(when_worn=when_worn),
        use=AliasUse(alias="production", number=use, unattended=unattended),
    )


def test_any_thirty_uses_in_a_row_spend_at_most_the_budget() -> None:
    numbers = [place % USES + 1 for place in range(3 * USES)]
    assert max(spent(numbers[begin : begin + USES]) for begin in range(2 * USES)) <= BUDGET
    assert all(use_level(number) >= use_level(number + 1) for number in range(1, USES))


def test_thirty_nights_without_a_gain_promote_in_one_series_of_twenty_at_most() -> None:
    rng, series, n = np.random.default_rng(0), 4000, 200
    chances = np.empty((series, USES))
    champion = rng.random((series, n)) < 0.7
    for night in range(USES):
        flips = rng.random((series, n)) < np.where(champion, 0.15 / 1.4, 0.15 / 0.6)
        won, lost = (flips & ~champion).sum(axis=1), (flips & champion).sum(axis=1)
        # By the normal approximation, which is less careful than the gate.
        distance = (won - lost) / np.sqrt(np.maximum(won + lost, 1))
        chances[:, night] = 0.5 - 0.5 * np.vectorize(erf)(distance / 2**0.5)
    levels = np.array([use_level(night + 1) for night in range(USES)])
    assert (chances <= levels).any(axis=1).mean() <= 0.055
    assert (chances <= 0.025).any(axis=1).mean() > 0.2


def erf(value: float) -> float:
    from math import erf as exact

    return exact(value)


def test_an_early_use_promotes_by_itself_and_says_nothing_of_the_budget() -> None:
    verdict = judged(1)
    assert (verdict.decision, verdict.ask, verdict.warnings) == ("promote", None, ())


@pytest.mark.parametrize("use", [2, 9, 30])
def test_a_gain_that_passes_for_one_use_alone_asks_a_person(use: int) -> None:
    verdict = judged(use)
    assert verdict.decision == "promote"
    assert verdict.ask is not None
    assert verdict.ask.startswith(f"This is use {use} of `production` since its last promotion, and 30 uses together")
    assert "passes at 0.53%: a person has to agree (`gate.when_worn: ask`)." in verdict.ask
    assert verdict.warnings == (verdict.ask,)


def test_or_it_keeps_the_champion_or_is_promoted_with_a_warning() -> None:
    stopped, warned = judged(9, when_worn="stop"), judged(9, when_worn="warn")
    assert (stopped.decision, stopped.ask) == ("not enough evidence", None)
    assert "the champion stays (`gate.when_worn: stop`)" in stopped.reasons[0]
    assert (warned.decision, warned.ask) == ("promote", None)
    assert "promoted all the same (`gate.when_worn: warn`)" in warned.warnings[0]


def test_a_run_by_hand_decides_by_itself_and_tells_what_it_spent() -> None:
    verdict = judged(9, when_worn="stop", unattended=False)
    assert (verdict.decision, verdict.ask) == ("promote", None)
    assert verdict.warnings[0].startswith("An unattended run would not have promoted by itself: this is use 9 of")


def test_what_is_no_gain_is_not_made_one_by_the_budget() -> None:
    for when_worn in ("ask", "stop", "warn"):
        verdict = apply_gate(
            *both(12, 8, 130),
            GateSpec.model_validate({"when_worn": when_worn}),
            use=AliasUse(alias="production", number=1, unattended=True),
        )
        assert (verdict.decision, verdict.ask) == ("not enough evidence", None)


def test_a_run_that_is_repeated_is_the_same_use_and_after_thirty_the_count_begins_anew() -> None:
    looks = AliasLooks(alias="production", runs=tuple(f"r{place}" for place in range(30)), unattended=True)
    assert looks.use_of("r4") == AliasUse(alias="production", number=5, unattended=True)
    assert looks.use_of("new").number == 1
    assert looks.model_copy(update={"runs": looks.runs[:7]}).use_of("new").number == 8


def test_a_stricter_spec_stays_stricter_than_the_budget() -> None:
    use = AliasUse(alias="production", number=1, unattended=True)
    verdict = apply_gate(*both(21, 7, 122), GateSpec(confidence=0.99), use=use)
    assert (verdict.decision, verdict.ask) == ("not enough evidence", None)
