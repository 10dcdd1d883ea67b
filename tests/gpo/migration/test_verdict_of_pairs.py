"""What is made of the pairs of a migration: the rules, the recommendation, the words, and the version that is kept."""

from pathlib import Path
from typing import Any

import pytest

from gpo.errors import InputError
from gpo.gate.error_budget import AliasUse
from gpo.gate.rule import apply_gate
from gpo.migration.keep import content_for_model
from gpo.migration.pairs import Migration, ModelPair, recommend, times_of
from gpo.migration.plan import rules_with_margin
from gpo.production.contender import Contender
from gpo.production.register import lineage_of_spec
from gpo.prompts.files import read_record, write_record
from gpo.prompts.version import AskedWith, PromptRecord, PromptVersion
from gpo.records import Sample, Score
from gpo.report.checks.migration import (
    EXIT_CODES,
    claim,
    migration_markdown,
    next_lines,
    pair_rows,
    reason_lines,
    rule_line,
)
from gpo.spec.gate import GateSpec
from tests.support import outcomes

ASKED = AskedWith(model="openai:old", answer={})


def version(number: int, content: Any, asked: AskedWith | None = ASKED) -> PromptVersion:
    lineage = lineage_of_spec(outcomes.spec()).model_copy(update={"asked": asked})
    at = "2026-01-02T03:04:05Z"
    return PromptVersion(
        name="reviews", version=number, digest=content.digest, content=content, lineage=lineage, created_at=at
    )


def pair(
    model: str,
    right: int,
    *,
    present: int = 120,
    margin: float | None = None,
    of: int = 1,
    use: AliasUse | None = None,
    **more: Any,
) -> ModelPair:
    """A pair with a verdict on 200 examples, of which it has so many right."""
    verdict = apply_gate(
        outcomes.score(right, 200),
        outcomes.score(present, 200),
        rules_with_margin(GateSpec(), margin),
        challengers=of,
        use=use,
    )
    return ModelPair(model=model, asked=ASKED, prompt="production", instruction="Judge.", verdict=verdict, **more)


def migration(*pairs: ModelPair, required: float = 0.0) -> Migration:
    present = ModelPair(model="openai:old", asked=ASKED, prompt="production", instruction="Judge.", is_present=True)
    return Migration(
        id="reviews-migrate-1",
        task="reviews",
        prompt="reviews",
        alias="production",
        against=version(1, Contender(outcomes.spec()).content),
        optimize="none",
        required=required,
        present=present,
        pairs=pairs,
        recommended=recommend(pairs, accepts_worse=required < 0),
    )


def test_more_pairs_widen_each_interval() -> None:
    alone, one_of_ten = pair("a", 128), pair("a", 128, of=10)
    assert alone.verdict is not None
    assert one_of_ten.verdict is not None
    assert alone.passes
    assert not one_of_ten.passes
    assert one_of_ten.verdict.confidence == pytest.approx(0.995)


def test_a_margin_lets_a_pair_pass_that_is_as_good_within_it_and_is_tested_at_a_part_of_the_level() -> None:
    assert rules_with_margin(GateSpec(min_gain=0.1), None) == GateSpec(min_gain=0.1)
    rules = rules_with_margin(GateSpec(min_gain=0.1), 0.0)
    assert (rules.min_gain, rules.confidence) == (0.0, 0.95)
    good = pair("a", 120, margin=0.05)
    assert good.passes
    assert good.verdict is not None
    assert good.verdict.confidence == pytest.approx(0.97)
    assert not pair("a", 120).passes
    found = migration(pair("a", 120, margin=0.05), required=-0.05)
    assert claim(found) == "a with the prompt of production may replace openai:old: not worse by more than 0.05"
    assert "above -0.05: as good within a margin of 0.05." in rule_line(found)
    for wrong in (-0.1, 0.6):
        with pytest.raises(InputError, match="--margin"):
            rules_with_margin(GateSpec(), wrong)


def test_the_largest_gain_is_recommended_and_with_a_margin_the_cheapest() -> None:
    pairs = [pair("dear", 160, cost=2.0), pair("cheap", 140, cost=0.1), pair("worse", 60, cost=0.0)]
    assert recommend(pairs, accepts_worse=False) == 0
    assert recommend(pairs, accepts_worse=True) == 1
    assert recommend([*pairs, pair("unknown", 150)], accepts_worse=True) == 0
    assert recommend(pairs[2:], accepts_worse=True) is None


def test_exit_codes_are_those_of_a_check() -> None:
    left_out = ModelPair(model="b", asked=ASKED, prompt="production", instruction="Judge.", left_out="behind")
    found = [migration(pair("a", 160), left_out), migration(pair("a", 60)), migration(left_out)]
    found.append(migration(pair("a", 121), pair("b", 60)))
    assert [(each.outcome, EXIT_CODES[each.outcome]) for each in found] == [
        ("passes", 0),
        ("worse", 3),
        ("worse", 3),
        ("not proven", 4),
    ]
    assert claim(found[1]) == "No pair may replace openai:old: each is turned down on the test split"
    assert claim(found[2]) == "No pair may replace openai:old: each is turned down on dev already"
    assert list(reason_lines(found[2])) == ["b with the prompt of production: not tested, behind."]
    assert next_lines(found[1]) == []


def test_what_is_shown_has_a_cell_for_each_column_and_escapes_names() -> None:
    found = migration(pair("<b>|a", 160, cost=0.5, version=2), pair("b", 150, version=3))
    rows = pair_rows(found)
    assert {len(row) for row in rows} == {len(rows[0])}
    text = migration_markdown(found)
    assert text.startswith("### reviews: &lt;b&gt;\\|a with the prompt of production may replace openai:old: better\n")
    assert "as well: version 3" in text
    assert "gpo prompt promote reviews 2 --alias production --why 'migration reviews-migrate-1'" in text


def test_times_are_those_that_were_measured() -> None:
    samples = [Sample(example=str(at), text="", answer="a", value=1.0, seconds=at / 10) for at in range(1, 21)]
    samples.append(Sample(example="cached", text="", answer="a", value=1.0))
    found = times_of(Score(values={}, planned=0, samples=tuple(samples)), "dev")
    assert found is not None
    assert (found.median, found.p95, found.n) == (1.0, 1.9, 20)
    assert times_of(Score(values={}, planned=0), "dev") is None
    left_out = ModelPair(model="b", asked=ASKED, prompt="production", instruction="Judge.", times=found)
    tested = left_out.model_copy(update={"times": found.model_copy(update={"split": "test"})})
    assert [row[7:9] for row in pair_rows(migration(left_out, tested))[2:]] == [
        ("1.00 (dev)", "1.90 (dev)"),
        ("1.00", "1.90"),
    ]


def test_a_pair_that_a_person_has_to_agree_to_comes_with_the_command_that_does_it() -> None:
    late = AliasUse(alias="production", number=20, unattended=True)
    found = migration(pair("a", 129, use=late, version=2), pair("b", 128, use=late, version=3), pair("c", 60))
    assert [each.asks for each in found.pairs] == [True, True, False]
    assert (found.outcome, found.best) == ("not proven", None)
    assert claim(found) == "a with the prompt of production may replace openai:old if a person agrees: better"
    first, command, *_, last = next_lines(found)
    assert first.startswith("Nothing was put live: a person has to agree")
    assert command.startswith("Next: gpo prompt promote reviews 2 --alias production")
    assert "version 3 (b" in last


def test_a_pair_that_is_live_already_is_not_recommended() -> None:
    found = migration(pair("live", 140, version=1, is_live=True), pair("better", 160, version=2))
    # Neither is another one, which was not compared with it.
    assert (found.outcome, found.best, found.asking) == ("passes", None, None)
    assert claim(found) == "live with the prompt of production is in production already, as version 1"
    assert next_lines(found, "reviews.yaml")[0].startswith("Name its model in reviews.yaml: `models: {task: ")


def test_an_unattended_margin_has_the_same_part_of_the_level_of_its_use() -> None:
    """Docs say 0.6 of it: 0.6% in place of 1% for the first use."""
    first = AliasUse(alias="production", number=1, unattended=True)
    asking = next(each for right in range(100, 130) if (each := pair("a", right, margin=0.05, use=first)).asks)
    assert asking.verdict is not None
    assert "this one has to pass at 0.6%" in (asking.verdict.ask or "")
    gain = next(each for right in range(120, 160) if (each := pair("a", right, use=first)).asks)
    assert gain.verdict is not None
    assert "this one has to pass at 1%" in (gain.verdict.ask or "")


def test_a_prompt_that_was_kept_for_one_model_is_another_version_for_another(tmp_path: Path) -> None:
    content = Contender(outcomes.spec()).content
    record = PromptRecord(
        name="reviews", created_at="2026-01-02T03:04:05Z", versions=(version(1, content),), aliases={}, moves=()
    )
    new = AskedWith(model="openai:new", answer={})
    assert content_for_model(record, content, ASKED, "openai:old") == content
    kept = content_for_model(record, content, new, "openai:new")
    assert (kept.model, kept.digest != content.digest) == ("openai:new", True)
    assert kept.messages({"review": "x"}) == content.messages({"review": "x"})
    other = content.model_copy(update={"instruction": "Other."})
    assert content_for_model(record, other, new, "openai:new") == other

    whole = record.model_copy(update={"versions": (version(1, content), version(2, kept, new))})
    assert read_record(write_record(tmp_path, whole)) == whole
