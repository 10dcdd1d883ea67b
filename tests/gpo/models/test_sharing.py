import asyncio
from pathlib import Path

from gpo.models.journal import Journal
from gpo.models.ledger import Answer
from gpo.models.sharing import HeldAnswers, share_tallies, tallies
from tests.support.fakes import chat_model, scripted
from tests.support.keys import key


def test_the_outermost_counts() -> None:
    with share_tallies():
        outer = tallies()
        with share_tallies():
            assert tallies() is outer
            tallies()["task"].paid += 1
        assert tallies() is outer
        assert outer["task"].paid == 1


def test_afterwards_nothing_counts_together() -> None:
    with share_tallies():
        first = tallies()
    assert tallies() is not first
    with share_tallies():
        assert tallies() is not first


def test_what_a_killed_check_paid_for_is_found_by_the_next(tmp_path: Path) -> None:
    model, path = chat_model(scripted()), tmp_path / "state" / "check.jsonl"
    held = HeldAnswers()
    killed = held.journaling(Journal(path))
    killed.__enter__()  # and never left
    asyncio.run(held.keep(key(model, "a"), Answer(text="half an emoji \ud83d"), "task"))
    asyncio.run(held.keep(key(model, "b"), Answer(text="b"), "task"))
    path.write_bytes(path.read_bytes()[:-9])  # the last one was being written
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0

    following = HeldAnswers()
    with following.journaling(Journal(path)):
        found = asyncio.run(following.find([key(model, "a"), key(model, "b")]))
        assert [answer.text for answer in found.values()] == ["half an emoji \ufffd"]
    assert list(tmp_path.iterdir()) == [path.parent]
    assert list(path.parent.iterdir()) == []


def test_a_check_that_fails_leaves_no_journal_and_no_folder(tmp_path: Path) -> None:
    model, held = chat_model(scripted()), HeldAnswers()
    with held.journaling(Journal(tmp_path / "state" / "check.jsonl")):
        asyncio.run(held.keep(key(model), Answer(text="paid"), "task"))
        assert list(tmp_path.iterdir()) != []
    assert list(tmp_path.iterdir()) == []
