"""`gpo ledger`: what is kept, and what is taken back."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.models.ledger import Answer, CallKey, Ledger
from gpo.models.ledger_admin import read_time

KEPT = [
    ("gpt-4o-mini", "task", "yes", "stop", "2026-01-01T00:00:00.000+00:00"),
    ("gpt-4o-mini", "task", "", "stop", "2026-01-02T00:00:00.000+00:00"),
    ("gpt-4o-mini", "task", " \u200b\n", "length", "2026-01-03T00:00:00.000+00:00"),
    ("gpt-4o-mini", "optimizer", "a prompt", "stop", "2026-02-01T00:00:00.000+00:00"),
    ("100%_own", "task", "no", None, "2999-01-01T00:00:00.000+00:00"),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder with five answers."""

    async def fill() -> None:
        engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
        ledger = Ledger(engine)
        for number, (model, role, text, reason, at) in enumerate(KEPT):
            key = CallKey(identity={}, messages=(Message(role="user", text=str(number)),))
            tokens = {"input_tokens": 10, "output_tokens": number}
            await ledger.keep(key, Answer(text=text, model=model, finish_reason=reason, created_at=at, **tokens), role)
        await ledger.aclose()
        engine.dispose()

    asyncio.run(fill())
    return tmp_path


def ledger(home: Path, *arguments: str) -> str:
    result = CliRunner().invoke(app, ["ledger", *arguments, "--home", str(home)])
    assert result.exit_code == 0, result.output
    return result.stdout


def left(home: Path) -> set[int]:
    with closing(sqlite3.connect(home / "gpo.db")) as connection:
        return {
            int(json.loads(messages)[0]["text"]) for (messages,) in connection.execute("SELECT messages FROM calls")
        }


def test_answers_are_counted_by_model_and_role(home: Path) -> None:
    shown = {(each["model"], each["role"]): each for each in json.loads(ledger(home, "show", "--json"))}
    assert {key: each["answers"] for key, each in shown.items()} == {
        ("100%_own", "task"): 1,
        ("gpt-4o-mini", "optimizer"): 1,
        ("gpt-4o-mini", "task"): 3,
    }
    task = shown["gpt-4o-mini", "task"]
    assert (task["empty"], task["cut"], task["input_tokens"], task["output_tokens"]) == (2, 1, 30, 3)
    assert (task["first"][:10], task["last"][:10]) == ("2026-01-01", "2026-01-03")
    assert "gpt-4o-mini\ttask\t3\t2\t1\t30\t3" in ledger(home, "show")


@pytest.mark.parametrize(
    ("chosen", "taken"),
    [
        (["--empty"], {1, 2}),
        (["--model", "GPT-4o"], {0, 1, 2, 3}),
        (["--model", "0%_o"], {4}),
        (["--model", "_"], {4}),
        (["--role", "optimizer"], {3}),
        (["--since", "2026-01-02", "--model", "mini"], {1, 2, 3}),
        (["--older-than", "0"], {0, 1, 2, 3}),
        (["--since", "2026-01-01T01:00:00+01:00", "--role", "task", "--empty"], {1, 2}),
        (["--all"], {0, 1, 2, 3, 4}),
    ],
)
def test_what_is_chosen_is_forgotten_once_it_is_confirmed(chosen: list[str], taken: set[int], home: Path) -> None:
    count = len(taken)
    assert ledger(home, "forget", *chosen) == f"{count} answers would be forgotten; --yes does it\n"
    assert json.loads(ledger(home, "forget", *chosen, "--json")) == {"found": count, "forgotten": 0}
    assert left(home) == set(range(5))
    assert json.loads(ledger(home, "forget", *chosen, "--yes", "--json")) == {"found": count, "forgotten": count}
    assert left(home) == set(range(5)) - taken


@pytest.mark.parametrize(
    "arguments",
    [
        ["--yes"],
        ["--all", "--empty"],
        ["--since", "yesterday"],
        ["--since", "0001-01-01T00:00+14:00"],
        ["--older-than", "1e300"],
        ["--older-than", "nan"],
    ],
)
def test_what_is_not_said_clearly_changes_nothing(arguments: list[str], home: Path) -> None:
    result = CliRunner().invoke(app, ["ledger", "forget", *arguments, "--yes", "--home", str(home)])
    assert result.exit_code == 2
    assert left(home) == set(range(5))


def test_a_time_without_a_zone_is_of_utc() -> None:
    assert read_time("2026-03-01T12:30") == read_time("2026-03-01T13:30+01:00") == "2026-03-01T12:30:00.000+00:00"
