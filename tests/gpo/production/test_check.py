"""What is made of a check: in words, for a pull request, and as a file of test results."""

from typing import Any
from xml.etree import ElementTree as Xml

from gpo.gate.error_budget import AliasUse
from gpo.gate.rule import apply_gate
from gpo.production.check import PromptCheck, repeats_example
from gpo.production.contender import Contender
from gpo.prompts.version import PromptVersion
from gpo.records import Example, Splits
from gpo.report.checks.junit import check_junit
from gpo.report.checks.markdown import check_markdown
from gpo.report.checks.told import claim, warnings_of
from gpo.runs.results.result import ExampleResult
from gpo.spec.gate import GateSpec
from tests.support import outcomes

REVIEW = "The soup was cold when it came, and the waiter laughed about it in front of all the other guests."


def made(
    before: int, after: int, rules: GateSpec | None = None, use: AliasUse | None = None, **more: Any
) -> PromptCheck:
    """A check on 200 examples, of which so many are right."""
    verdict = apply_gate(outcomes.score(after, 200), outcomes.score(before, 200), rules, use=use)
    results = [
        ExampleResult(
            *("c", "test", "p", place, f"e{place:03d}", {}, {"review": outcomes.HOSTILE}, ("positive",)),
            text="]]>\x00 & <b>negative</b>",
            answer="negative",
            score=float(place < after),
            before_text="positive",
            before_answer="positive",
            before_score=float(place < before),
            change="broken" if after <= place < before else "fixed" if before <= place < after else "both_right",
        )
        for place in range(200)
    ]
    content = Contender(outcomes.spec()).content
    live = PromptVersion(
        name="review-sentiment", version=3, digest=content.digest, content=content, created_at="2026-01-02T03:04:05Z"
    )
    fields = {
        "id": "c",
        "task": "t",
        "prompt": live.name,
        "alias": "production",
        "before": "Judge.",
        "max_missing": 0.05,
    }
    return PromptCheck(
        **{**fields, **more}, after=outcomes.HOSTILE, against=live, verdict=verdict, results=tuple(results)
    )


def test_files_of_many_broken_examples_are_bounded_and_hold_whatever_a_model_wrote() -> None:
    check = made(before=180, after=60)
    assert check.outcome == "worse"
    cases = Xml.fromstring(check_junit(check)).findall(".//testcase")
    failed = [each.get("name") for each in cases if each.find("failure") is not None]
    assert len(failed) == 2 + 50 + 1
    assert failed[-1] == "more"
    summary = check_markdown(check)
    assert "and 110 more examples" in summary
    assert "<script>" not in summary.split("````")[0]
    assert len(summary) < 60_000


def test_what_a_prompt_breaks_that_passes_is_no_failure() -> None:
    check = made(before=60, after=180)
    assert check.outcome == "passes"
    assert not Xml.fromstring(check_junit(check)).findall(".//failure")


def test_a_gain_that_is_too_small_for_the_number_of_uses_is_not_proven() -> None:
    use = AliasUse(alias="production", number=20, unattended=True)
    once, late = made(100, 108), made(100, 108, use=use)
    assert (once.outcome, late.outcome) == ("passes", "not proven")
    assert any("use 20" in text or "20" in text for text in warnings_of(late))
    failed = [
        each.get("name")
        for each in Xml.fromstring(check_junit(late)).iter("testcase")
        if each.find("failure") is not None
    ]
    assert failed == ["the gate lets it pass", "error budget of production"]


def test_a_prompt_that_stays_for_another_reason_than_its_scores_is_not_called_worse() -> None:
    assert claim(made(60, 180, GateSpec(min_gain=0.9))) == "Turned down: version 3 in production stays"


def test_a_prompt_that_repeats_a_test_example_proves_nothing() -> None:
    example = Example(id="a", inputs={"review": REVIEW}, reference="negative")
    splits = Splits(train=(), dev=(), test=(example,), fingerprint="f")
    live, new = (Contender(outcomes.spec().with_text(text)) for text in ("Judge.", f"Judge. As in: {REVIEW}"))
    assert repeats_example(live, new, splits)
    assert not repeats_example(new, live, splits)
    assert not repeats_example(new, new, splits)
    assert made(60, 180, repeats_example=True).outcome == "not proven"
