"""A prompt that is shorter, cheaper or faster is promoted when it is not worse by more than a margin."""

import numpy as np
import pytest

from gpo.errors import SpecError
from gpo.gate.rule import apply_gate
from gpo.gate.statistics import interval_bounds
from gpo.gate.verdict import GateVerdict, Measure
from gpo.records import Score
from gpo.spec.file import load_spec
from gpo.spec.gate import GateSpec, NonInferiorSpec

RULES = GateSpec(non_inferior=NonInferiorSpec(margin=0.05))


def judged(wins: int, losses: int, n: int, words: tuple[float, float], rules: GateSpec = RULES) -> GateVerdict:
    ours = {f"e{place}": float(place >= losses) for place in range(n)}
    theirs = {f"e{place}": float(place < losses or place >= losses + wins) for place in range(n)}
    challenger, champion = (Score(values=each, planned=n) for each in (ours, theirs))
    before, after = words
    return apply_gate(challenger, champion, rules, measures={"words": Measure(champion=before, challenger=after)})


def test_a_shorter_prompt_that_is_as_good_is_promoted_in_plain_words() -> None:
    verdict = judged(6, 6, 500, (40, 12))
    assert verdict.decision == "promote"
    assert verdict.is_merely_not_worse
    assert verdict.reasons[0] == (
        "The new prompt is shorter (12 words in place of 40, 70% less) and not worse by more than 0.05."
    )
    assert "all of it above the accepted -0.05." in verdict.reasons[1]


def test_one_that_is_not_shorter_has_to_be_better() -> None:
    for words in ((40, 40), (40, 38), (12, 40)):
        verdict = judged(6, 6, 500, words)
        assert (verdict.decision, verdict.non_inferior) == ("not enough evidence", None)


def test_a_gain_that_is_proved_needs_no_excuse() -> None:
    verdict = judged(60, 10, 500, (40, 12))
    assert verdict.decision == "promote"
    assert not verdict.is_merely_not_worse
    assert verdict.reasons[0].startswith("The gain is +0.10")
    assert "all of it above 0." in verdict.reasons[0]


def test_a_small_loss_that_is_proved_is_accepted_and_said() -> None:
    verdict = judged(0, 12, 1000, (40, 12))
    assert verdict.decision == "promote"
    assert verdict.gain.high < 0
    assert verdict.reasons[0].endswith("It is worse, by less than that.")


def test_too_few_examples_or_too_large_a_loss_keep_the_champion() -> None:
    assert judged(1, 1, 30, (40, 12)).decision == "not enough evidence"
    assert "which includes the accepted -0.05" in judged(1, 1, 30, (40, 12)).reasons[0]
    assert judged(0, 100, 500, (40, 12)).decision == "keep"


def test_a_loss_of_the_margin_is_seldom_promoted() -> None:
    rng = np.random.default_rng(0)
    samples = rng.choice([1.0, -1.0, 0.0], p=[0.05, 0.10, 0.85], size=(400, 300))
    assert (interval_bounds(samples, null=-0.05)[0] > -0.05).mean() <= 0.05


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ("{non_inferior: {margin: 0}}", "greater than 0"),
        ("{non_inferior: {margin: 0.02, when: smaller}}", "'shorter', 'cheaper' or 'faster'"),
        ("{non_inferior: {margin: 0.02, when: cheaper}}", "`models.task` has no price"),
        ("{non_inferior: {margin: 0.02}, min_gain: -0.01}", "leave one of the two out"),
        ("{when_worn: never}", "'ask', 'stop' or 'warn'"),
        ("{stop_erly: true}", "stop_early"),
    ],
)
def test_what_cannot_be_kept_is_an_error_of_the_spec(tmp_path: object, gate: str, message: str) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "spec.yaml"
    path.write_text(
        "name: t\nprompt: {instruction: Decide., question: '{{text}}'}\n"
        f"dataset: {{path: rows.jsonl, input: text, reference: label}}\ngate: {gate}\n",
        encoding="utf-8",
    )
    with pytest.raises(SpecError, match=message):
        load_spec(path)
