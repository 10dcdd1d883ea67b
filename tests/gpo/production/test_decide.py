from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gpo.gate.error_budget import AliasLooks, AliasUse
from gpo.gate.verdict import Measure
from gpo.production.decide import decide
from gpo.production.decision import Decision
from gpo.production.decision_log import Production, open_production
from gpo.production.starting_point import StartingPoint
from gpo.prompts.version import DatasetReference
from gpo.records import Example, Splits
from gpo.runs.job import Job
from gpo.runs.outcome import Outcome
from gpo.settings import Settings, load_settings
from gpo.spec.gate import GateSpec, NonInferiorSpec
from tests.support import outcomes

NAME = "review-sentiment"


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    with open_production(Settings(), tmp_path) as opened:
        yield opened


def about(
    outcome: Outcome,
    production: Production,
    home: Path,
    basis: str = "b",
    *,
    train: tuple[Example, ...] = (),
    asked: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Decision:
    spec = outcomes.spec(production=changes, **(asked or {}))
    from gpo.production.register import register_start

    champion = register_start(production.registry, spec, (), who="ada").version
    standing = StartingPoint(
        prompt=NAME,
        alias="production",
        champion=champion,
        dataset=DatasetReference(name="reviews", version="2", fingerprint="f"),
        basis=basis,
        settled=None,
        newer=None,
        earlier=(),
        looks=AliasLooks(alias="production"),
        splits=Splits(train=train, dev=(), test=(), fingerprint="f"),
    )
    place = Job(spec=spec, home=home, settings=load_settings())
    return decide(place, standing, outcome, production, flow_run="f-1", report="report.html")


def aliases(production: Production) -> dict[str, int]:
    return dict(production.registry.record(NAME).aliases)


def test_a_proved_gain_goes_live_with_its_evidence(production: Production, tmp_path: Path) -> None:
    decision = about(outcomes.outcome(), production, tmp_path)
    assert (decision.status, decision.champion, decision.challenger, decision.who) == ("promoted", 1, 2, "gpo")
    assert aliases(production) == {"production": 2, "challenger": 2}
    version = production.registry.resolve(NAME)
    assert version.content.instruction == outcomes.BETTER
    assert version.parent == 1
    assert version.lineage is not None
    assert version.lineage.run == decision.run
    assert version.lineage.dataset.fingerprint == "f"
    assert decision.run in production.registry.history(NAME, "production")[-1].why
    assert about(outcomes.outcome(), production, tmp_path) == decision.model_copy(
        update={"decided_at": decision.decided_at}
    )


def test_with_approval_required_the_champion_stays_until_someone_answers(
    production: Production, tmp_path: Path
) -> None:
    decision = about(outcomes.outcome(), production, tmp_path, approval="required", approval_days=2)
    assert decision.is_open
    assert str(decision.expires_at) > decision.created_at
    assert aliases(production) == {"production": 1, "challenger": 2}


@pytest.mark.parametrize(("outcome", "challenger"), [(outcomes.no_step(), None), (outcomes.unclear(), 2)])
def test_without_proof_the_champion_stays(
    production: Production, tmp_path: Path, outcome: Outcome, challenger: int | None
) -> None:
    decision = about(outcome, production, tmp_path)
    assert (decision.status, decision.challenger) == ("kept", challenger)
    assert aliases(production)["production"] == 1
    assert decision.reason


def test_the_original_of_a_shortened_prompt_is_kept_with_its_version(production: Production, tmp_path: Path) -> None:
    whole = outcomes.outcome()
    candidate = whole.best.candidate.model_copy(update={"proposed": "What the model wrote."})
    about(outcomes.outcome(best=whole.best.model_copy(update={"candidate": candidate})), production, tmp_path)
    lineage = production.registry.resolve(NAME, 2).lineage
    assert lineage is not None
    assert lineage.proposed == "What the model wrote."


def test_a_proved_loss_is_not_registered(production: Production, tmp_path: Path) -> None:
    decision = about(outcomes.proved(2, 40), production, tmp_path)
    assert (decision.status, decision.challenger) == ("kept", None)
    assert len(production.registry.record(NAME).versions) == 1


def test_another_gate_decides_anew_on_what_the_same_run_found(production: Production, tmp_path: Path) -> None:
    first = about(outcomes.outcome(), production, tmp_path)
    production.registry.rollback(NAME, who="ada", why="complaints")
    second = about(outcomes.outcome(), production, tmp_path, basis="another gate")
    assert (first.status, second.status, second.run) == ("promoted", "waiting", first.run)
    assert "version 2 was rolled back" in second.reason
    assert aliases(production)["production"] == 1
    assert production.decisions.find(first.id) == first


def test_what_a_person_rolled_back_needs_a_person_to_come_back(production: Production, tmp_path: Path) -> None:
    about(outcomes.outcome(), production, tmp_path)
    production.registry.rollback(NAME, who="ada", why="complaints")
    decision = about(outcomes.outcome(run_id="later"), production, tmp_path)
    assert decision.is_open
    assert "version 2 was rolled back" in decision.reason
    assert "by ada" in decision.reason
    production.decisions.settle(decision.id, approved=False, who="ada", why="no")
    production.registry.promote(NAME, 1, who="ada", why="again")
    third = about(outcomes.outcome(run_id="third"), production, tmp_path)
    assert third.is_open


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("fixed", "version 2 also has other demonstrations, which both prompts were scored with; "),
        ("searched", "version 2 has the examples of a search that started with others than those that are live; "),
    ],
)
def test_a_run_whose_start_shows_other_examples_than_are_live_needs_a_person(
    production: Production, tmp_path: Path, how: str, told: str
) -> None:
    example = Example(id="e", inputs={"review": "It was fine."}, reference="positive")
    found = outcomes.outcome()
    if how == "searched":
        start, best = (
            each.model_copy(update={"candidate": each.candidate.model_copy(update={"shown": ("e",)})})
            for each in (found.start, found.best)
        )
        found = found.model_copy(update={"start": start, "best": best, "shown": {"e": example}})
    asked = {"few_shot": 1, "optimizer": {"demonstrations": how}}
    decision = about(found, production, tmp_path, train=(example,), asked=asked)
    assert decision.is_open
    assert decision.reason.startswith(told)


def use(number: int, *, unattended: bool = True) -> dict[str, AliasUse]:
    return {"use": AliasUse(alias="production", number=number, unattended=unattended)}


def test_a_late_use_of_an_unattended_alias_waits_for_a_person(production: Production, tmp_path: Path) -> None:
    # 21 won and 7 lost: enough for one use, and not for the ninth of thirty.
    by_hand = outcomes.proved(21, 7, seen=use(9, unattended=False), run_id="by-hand")
    unattended = outcomes.proved(21, 7, seen=use(9), run_id="nightly")
    decision = about(unattended, production, tmp_path)
    assert decision.is_open
    assert decision.reason.startswith("This is use 9 of `production` since its last promotion")
    assert "; The gain is" in decision.reason
    assert aliases(production)["production"] == 1
    assert about(by_hand, production, tmp_path).status == "promoted"


@pytest.mark.parametrize("rules", [GateSpec(non_inferior=NonInferiorSpec(margin=0.2)), GateSpec(min_gain=-0.2)])
def test_a_second_prompt_in_a_row_that_is_merely_not_worse_waits_for_a_person(
    rules: GateSpec, production: Production, tmp_path: Path
) -> None:
    seen = {**use(1), "measures": {"words": Measure(champion=40, challenger=10)}}
    first = about(outcomes.proved(3, 3, rules=rules, seen=seen, run_id="first"), production, tmp_path)
    assert (first.status, first.verdict is not None and first.verdict.is_within_margin) == ("promoted", True)
    production.registry.promote(NAME, 1, who="ada", why="to try again")
    second = about(outcomes.proved(3, 3, rules=rules, seen=seen, run_id="second"), production, tmp_path)
    assert second.is_open
    assert second.reason.startswith("the last promotion was of a prompt that is not worse by more than a margin")
