"""`gpo read`: how texts are read and scored, and by which rule."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.cli.app import app
from tests.support.paths import ROOT

CHOICE = {"kind": "choice", "labels": ["positive", "negative"]}
SPEC = ROOT / "examples" / "review-sentiment" / "spec.yaml"


def gpo(*arguments: str | Path, stdin: str | None = None) -> Any:
    return CliRunner().invoke(app, ["read", *map(str, arguments)], input=stdin)


def lines_of(*cases: object) -> list[dict[str, Any]]:
    text = "".join(f"{case if isinstance(case, str) else json.dumps(case)}\n" for case in cases)
    result = gpo("--json", "-", stdin=text)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_cases_are_read_in_order() -> None:
    case = {"answer": CHOICE, "metric": "exact_match", "reference": "negative"}
    assert lines_of({**case, "text": "Label: negative"}, {**case, "text": "positive"}, {**case, "text": "Hm."}) == [
        {"answer": "negative", "rule": "field", "weak": False, "score": 1.0},
        {"answer": "positive", "rule": "whole", "weak": False, "score": 0.0},
        {"answer": None, "rule": "", "weak": False, "score": 0.0},
    ]


def test_a_case_may_list_options_or_have_nothing_to_be_scored_by() -> None:
    letters = {"kind": "choice", "labels": ["(A)", "(B)"]}
    question = "Which?\n(A) Paris\n(B) Rome"
    (found,) = lines_of({"answer": letters, "text": "It is Rome.", "question": question, "id": "more is no matter"})
    assert found == {"answer": "(B)", "rule": "option", "weak": False, "score": None}


def test_what_is_no_case_is_told_on_its_line_and_does_not_stop_the_others() -> None:
    good = {"answer": {"kind": "number"}, "metric": "numeric_match", "text": "5", "reference": 5}
    broken = [
        "no json",
        "[]",
        {"text": "5"},
        {**good, "answer": {"kind": "choice"}},
        {**good, "metric": "numeric"},
        {**good, "reference": "five or six"},
        {**good, "metric": {"name": "regex", "pattern": "("}},
    ]
    found = lines_of(*broken, good)
    assert [each["answer"] for each in found] == [None] * len(broken) + ["5"]
    assert found[-1]["score"] == 1.0
    assert all(each["error"] for each in found[:-1])
    assert "five or six" in found[5]["error"]


def test_one_text_is_shown_rule_by_rule() -> None:
    result = gpo(SPEC, "--text", "Verdict: negative\nNot positive.", "--reference", "negative")
    assert result.exit_code == 0
    assert result.stdout.startswith("answer  'negative'\nrule    field\nscore   1\n")
    assert "  boxed       -\n" in result.stdout


def test_a_text_may_be_a_file_or_come_from_stdin(tmp_path: Path) -> None:
    (tmp_path / "reply.txt").write_text("positive", encoding="utf-8")
    for result in (gpo(SPEC, "--file", tmp_path / "reply.txt", "--json"), gpo(SPEC, "--json", stdin="positive")):
        assert json.loads(result.stdout)["answer"] == "positive"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("-",), "goes with --json"),
        (("-", "--json", "--text", "x"), "goes with --json alone"),
        ((str(SPEC), "--text", "x", "--file", "y"), "not by both"),
        ((str(SPEC), "--file", "nowhere.txt"), "cannot be read"),
        (("nowhere.yaml", "--text", "x"), "no such file"),
    ],
)
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], problem: str) -> None:
    result = gpo(*arguments)
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize("arguments", [("-", "--json"), (str(SPEC),)])
def test_bytes_that_are_no_text_are_refused(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["read", *arguments], input=b"caf\xe9\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "stdin: cannot be read" in result.stderr


@pytest.mark.slow
def test_it_starts_without_what_it_does_not_need() -> None:
    code = (
        "import sys; import flows.cli.commands.read; "
        "print([name for name in ('prefect', 'langchain', 'pandas', 'chromadb', 'sqlalchemy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
