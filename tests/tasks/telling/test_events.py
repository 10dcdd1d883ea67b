"""What automations are told: of decisions, and of prompts that moved."""

from pathlib import Path

import pytest

from gpo.production.decision import Decision, Status
from gpo.prompts.version import DatasetReference
from tasks.telling.events import decided, run_finished
from tests.support.outcomes import no_step, outcome
from tests.support.paths import ROOT

DOCS = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")


def decision(status: Status) -> Decision:
    return Decision(
        run="tickets-1a2b3c4d",
        prompt="tickets",
        alias="production",
        basis="b",
        champion=3,
        challenger=4,
        status=status,
        dataset=DatasetReference(name="tickets", version="7", fingerprint="f"),
        dev=(0.5, 0.7),
        reason="The gain is +0.19.",
        created_at="2026-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize("status", ["kept", "waiting", "promoted", "rejected", "expired", "superseded"])
def test_a_decision_is_told_and_a_promotion_moves_the_prompt(status: Status) -> None:
    first, *others = decided(decision(status))
    assert first.event == f"gpo.decision.{status}"
    assert first.resource["prefect.resource.id"] == "gpo.prompt.tickets"
    assert first.payload["why"] == "The gain is +0.19."
    assert [(each.event, each.payload["version"], each.payload["before"]) for each in others] == (
        [("gpo.prompt.promoted", 4, 3)] if status == "promoted" else []
    )
    for each in (first, *others):
        assert f"`{each.event}`" in DOCS
        assert not [name for name in each.payload if f"`{name}`" not in DOCS]


def test_the_end_of_a_run_is_told_with_its_verdict() -> None:
    told = run_finished(outcome(), "report.html")
    assert (told.payload["decision"], round(told.payload["gain"], 2)) == ("promote", 0.18)
    assert run_finished(no_step(), str(Path("r"))).payload["decision"] == "keep"
    assert not [name for name in told.payload if f"`{name}`" not in DOCS]
