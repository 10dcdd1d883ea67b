from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gpo.database.engine import utc_now
from gpo.errors import DecisionError, PromptError
from gpo.messages.message import Message
from gpo.production.decision import Decision
from gpo.production.decision_log import Production, open_production
from gpo.prompts.version import DatasetReference, Lineage, PromptContent
from gpo.report.decision import approval_text, decision_markdown
from gpo.settings import Settings

NAME = "review-sentiment"
TEMPLATE = (Message(role="user", text="{{review}}\n{{instruction}}"),)


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    with open_production(Settings(), tmp_path) as opened:
        for text in ("Is it good?", "Is it <good> or bad?", "Good?"):
            opened.registry.register(NAME, PromptContent(template=TEMPLATE, instruction=text))
        opened.registry.promote(NAME, 1, who="ada", why="the first")
        yield opened


def decision(run: str = "run-1", **changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "run": run,
        "prompt": NAME,
        "alias": "production",
        "basis": "b1",
        "champion": 1,
        "challenger": 2,
        "status": "waiting",
        "dataset": DatasetReference(name="reviews", version="3", fingerprint="f"),
        "dev": (0.5, 0.75),
        "reason": "The gain is +0.25.",
        "flow_run": "11111111-1111-1111-1111-111111111111",
        "created_at": utc_now(),
        "expires_at": "2999-01-01T00:00:00+00:00",
    }
    return Decision(**{**fields, **changes})


def points_to(production: Production, alias: str = "production") -> int:
    return production.registry.record(NAME).aliases[alias]


def test_what_is_kept_comes_back_whole(production: Production) -> None:
    kept = production.decisions.keep(decision())
    assert production.decisions.find(decision().id) == kept == decision(created_at=kept.created_at)
    assert production.decisions.find_by_flow_run(str(kept.flow_run)) == kept
    assert production.decisions.list_decisions(NAME) == [kept]
    assert production.decisions.list_decisions("other") == []


def test_an_approval_promotes_and_says_who_and_why(production: Production) -> None:
    production.decisions.keep(decision())
    done = production.decisions.settle(decision().id, approved=True, who="grace", why="looks right")
    assert (done.status, done.who, done.why) == ("promoted", "grace", "looks right")
    move = production.registry.history(NAME)[-1]
    assert (move.from_version, move.to_version, move.who, move.why) == (1, 2, "grace", "looks right (run run-1)")
    assert done.sentence == "review-sentiment: version 2 promoted by grace: looks right"


def test_a_rejection_leaves_the_champion(production: Production) -> None:
    production.decisions.keep(decision())
    done = production.decisions.settle(decision().id, approved=False, who="grace", why="too curt")
    assert done.status == "rejected"
    assert points_to(production) == 1


@pytest.mark.parametrize("first", [True, False])
def test_the_first_answer_counts(production: Production, first: bool) -> None:
    production.decisions.keep(decision())
    done = production.decisions.settle(decision().id, approved=first, who="grace", why="")
    again = production.decisions.settle(decision().id, approved=not first, who="heidi", why="no")
    assert again == done
    assert points_to(production) == (2 if first else 1)
    assert production.decisions.keep(decision()) == done


def test_answers_at_the_same_time_agree_with_the_alias(production: Production) -> None:
    for number in range(6):
        production.registry.promote(NAME, 1, who="ada", why="again")
        identity = production.decisions.keep(decision(f"run-{number}")).id
        with ThreadPoolExecutor(4) as threads:
            answers = [
                threads.submit(production.decisions.settle, identity, approved=approved, who=f"w{place}", why="")
                for place, approved in enumerate((True, False, True, False))
            ]
        (status,) = {answer.result().status for answer in answers}
        assert len({answer.result().who for answer in answers}) == 1
        assert points_to(production) == (2 if status == "promoted" else 1)


def test_an_alias_that_someone_has_moved_is_left_alone(production: Production) -> None:
    production.decisions.keep(decision())
    production.registry.promote(NAME, 3, who="ada", why="by hand")
    done = production.decisions.settle(decision().id, approved=True, who="grace", why="")
    assert done.status == "superseded"
    assert "moved by ada" in str(done.why)
    assert points_to(production) == 3


def test_what_needs_no_approval_is_promoted_once(production: Production) -> None:
    done = production.decisions.promote(decision(status="kept"), who="gpo")
    assert done.status == "promoted"
    production.registry.rollback(NAME, who="ada", why="complaints")
    assert production.decisions.promote(decision(status="kept"), who="gpo").status == "promoted"
    assert points_to(production) == 1


def test_nobody_can_approve_what_has_expired(production: Production) -> None:
    production.decisions.keep(decision(expires_at="2020-01-01T00:00:00+00:00"))
    assert production.decisions.settle(decision().id, approved=True, who="grace", why="").status == "expired"
    assert points_to(production) == 1


def test_what_has_expired_can_be_asked_again(production: Production) -> None:
    production.decisions.keep(decision(expires_at="2020-01-01T00:00:00+00:00"))
    assert production.decisions.keep(decision()).is_open
    assert production.decisions.settle(decision().id, approved=True, who="grace", why="").status == "promoted"


def test_a_later_run_supersedes_what_waits(production: Production) -> None:
    production.decisions.keep(decision("run-1"))
    production.decisions.keep(decision("other", alias="staging"))
    production.decisions.keep(decision("run-2"))
    first = production.decisions.find(decision().id)
    assert first is not None
    assert (first.status, first.why) == ("superseded", "run run-2 came later")
    assert production.decisions.find_waiting("run-2").run == "run-2"
    assert production.decisions.find_waiting("other").is_open


def test_what_one_run_found_is_decided_on_for_each_alias(production: Production) -> None:
    live = production.decisions.promote(decision(status="kept"), who="gpo")
    staged = production.decisions.keep(decision(alias="staging"))
    assert (live.status, staged.status) == ("promoted", "waiting")
    production.decisions.keep(decision(alias="review"))
    with pytest.raises(DecisionError, match=f"has several that wait; name one: .*{staged.id} .run run-1, staging"):
        production.decisions.find_waiting("run-1")
    assert production.decisions.find_waiting(staged.id) == staged


def test_other_grounds_make_another_decision_about_the_same_run(production: Production) -> None:
    first = production.decisions.keep(decision())
    second = production.decisions.keep(decision(basis="b2", status="kept", challenger=None))
    assert second.status == "kept"
    superseded = production.decisions.find(first.id)
    assert superseded is not None
    assert superseded.status == "superseded"
    with pytest.raises(DecisionError, match="does not wait"):
        production.decisions.find_waiting("run-1")


def test_what_waits_is_found_by_run_or_by_prompt(production: Production) -> None:
    with pytest.raises(DecisionError, match=r"no run or prompt 'run-1' waits for approval; none waits"):
        production.decisions.find_waiting("run-1")
    production.decisions.keep(decision("run-1"))
    assert production.decisions.find_waiting(NAME).run == production.decisions.find_waiting("run-1").run == "run-1"
    with pytest.raises(DecisionError, match="did you mean"):
        production.decisions.find_waiting("run-11")
    production.decisions.settle(decision().id, approved=False, who="grace", why="no")
    with pytest.raises(DecisionError, match=r"does not wait for an answer: .*rejected by grace"):
        production.decisions.find_waiting("run-1")


def test_a_version_that_is_not_there_is_not_promoted(production: Production) -> None:
    production.decisions.keep(decision(challenger=9))
    with pytest.raises(PromptError, match="no version 9"):
        production.decisions.settle(decision().id, approved=True, who="grace", why="")
    assert production.decisions.find_waiting("run-1").is_open


def test_a_decision_can_be_read_in_the_ui(production: Production) -> None:
    difference = production.registry.diff(NAME, 1, 2)
    page = decision_markdown(decision(reason="<b>bold</b>"), difference)
    assert page.startswith("# review-sentiment: waits for approval\n\n&lt;b&gt;bold")
    assert "| data | reviews version 3 |" in page
    assert "Is it <del>good?</del> <ins>&lt;good&gt; or bad?</ins>" in page
    asked = approval_text(decision(), difference)
    assert "Promote version 2 of review-sentiment to `production`, in place of version 1?" in asked
    assert "`gpo approve run-1`" in asked


def test_who_approves_sees_what_a_shortened_prompt_was_shortened_from(production: Production) -> None:
    lineage = Lineage(
        task=NAME,
        spec="s",
        metric="exact_match",
        models={},
        dataset=DatasetReference(name="reviews"),
        proposed="Good or <b>not</b>? Say why, at length.",
    )
    short = PromptContent(template=TEMPLATE, instruction="Good or <b>not</b>?")
    production.registry.register(NAME, short, lineage=lineage)
    difference = production.registry.diff(NAME, 1, 4)
    for text in (decision_markdown(decision(), difference), approval_text(decision(), difference)):
        assert "not the model's own text. Shortened from: Good or &lt;b&gt;not&lt;/b&gt;? Say why, at length." in text
    assert "Shortened" not in approval_text(decision(), production.registry.diff(NAME, 1, 2))
