"""`gpo results`: what it lists and refuses; `gpo evaluate --results`."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gpo.database.engine import open_database
from tests.support.commands import gpo, refused, right, rows, spec_content, write
from tests.support.endpoint import Request, serving
from tests.support.results import BEST, RUN, START, Value, keep_run

BEFORE: Sequence[Value] = [1.0, 0.0, 1.0, -1.0, 1.0, None]
AFTER: Sequence[Value] = [0.0, 1.0, 1.0, -1.0, -1.0, 1.0]


@pytest.fixture
def state(folder: Path) -> Path:
    """A working folder with a finished run in its state folder."""
    engine = open_database(f"sqlite:///{folder / '.gpo' / 'gpo.db'}")
    keep_run(engine, BEFORE, AFTER)
    engine.dispose()
    return folder


def lines(*options: str) -> list[dict[str, Any]]:
    result = gpo("results", RUN, *options, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--broken"], ["r0", "r4"]),
        (["--fixed"], ["r1"]),
        (["--wrong"], ["r0", "r3", "r4"]),
        (["--unread"], ["r3", "r4"]),
        (["--failed"], []),
        (["--failed", "--prompt", "start"], ["r5"]),
        (["--broken", "--unread"], ["r4"]),
        (["--all"], ["r0", "r1", "r2", "r3", "r4", "r5"]),
        (["--limit", "2"], ["r0", "r1"]),
        (["--slice", "language=de"], ["r0", "r3"]),
        (["--slice", "language=de", "--broken"], ["r0"]),
        (["--all", "--split", "dev", "--prompt", "s0c00"], ["r0", "r1"]),
    ],
)
def test_a_list_is_one_object_a_line(state: Path, options: list[str], names: list[str]) -> None:
    assert [line["example"] for line in lines(*options)] == names


def test_a_call_that_failed_says_why(state: Path) -> None:
    (line,) = lines("--failed", "--prompt", "start")
    assert (line["score"], line["feedback"]) == (None, "openai:m: HTTP 503: overloaded")
    shown = gpo("results", RUN, "--failed", "--prompt", "start").stdout
    assert "openai:m: HTTP 503: overloaded" in shown


def test_a_line_says_all_of_an_example(state: Path) -> None:
    (line,) = lines("--fixed")
    assert line == {
        "run": RUN,
        "split": "test",
        "prompt": BEST.id,
        "place": 1,
        "example": "r1",
        "slices": {"language": "en"},
        "input": {"review": "Review number 1."},
        "expected": ["negative"],
        "text": "= I say negative.",
        "answer": "negative",
        "rule": "statement",
        "score": 1.0,
        "feedback": "",
        "seconds": 0.25,
        "input_tokens": 12,
        "output_tokens": 3,
        "steps": [],
        "before_text": "= I say positive.",
        "before_answer": "positive",
        "before_score": 0.0,
        "before_feedback": "wanted negative",
        "change": "fixed",
    }


def test_the_summary_as_an_object(state: Path) -> None:
    (summary,) = lines()
    assert (summary["before"], summary["after"]) == (START.id, BEST.id)
    assert summary["changes"] == {"fixed": 1, "broken": 2, "both_right": 1, "both_wrong": 1}
    assert summary["uncompared"] == 1
    assert (summary["before_score"]["score"], summary["before_score"]["failed"]) == (0.6, 1)
    assert (summary["after_score"]["score"], summary["after_score"]["unread"]) == (0.5, 2)
    assert summary["confusion"]["counts"] == [[1, 1], [0, 2]]
    assert summary["confusion"]["unread"] == [1, 1]
    assert [each["example"] for each in summary["broken"]] == ["r0", "r4"]
    assert summary["broken"][0]["input"] == {"review": "Review number 0."}


def test_the_summary_in_words_with_the_changed_examples_in_full(state: Path) -> None:
    shown = gpo("results", RUN).stdout
    assert "1 fixed, 2 broken, 1 both right, 1 both wrong, 1 not compared" in shown
    assert "positive\t3\t1.000\t0.333\t0.500\tnegative 1, unread 1" in shown
    broken = shown[shown.index("r0  broken") :].splitlines()[:8]
    assert [line.split(maxsplit=1) for line in broken[1:7:1]][:2] == [
        ["review", "Review number 0."],
        ["expected", "positive"],
    ]
    assert "  before    1, read as positive" in broken
    assert "  after     0, read as negative" in broken
    assert "  feedback  wanted positive" in broken
    assert "  after     0, unread" in shown.splitlines()


def test_a_list_in_a_pipe_has_tabs(state: Path) -> None:
    head, *found = gpo("results", RUN, "--broken").stdout.splitlines()
    assert head.split("\t")[:4] == ["example", "change", "before_score", "score"]
    assert [line.split("\t")[:4] for line in found] == [["r0", "broken", "1", "0"], ["r4", "broken", "1", "0"]]


def test_nothing_found_is_no_error(state: Path) -> None:
    result = gpo("results", RUN, "--failed", "--json")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No such example.\n")


def test_a_sheet_has_every_example_and_no_formula(state: Path) -> None:
    result = gpo("results", RUN, "--csv", "all.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "6 examples written to all.csv" in result.stderr
    with (state / "all.csv").open(encoding="utf-8", newline="") as file:
        sheet = list(csv.DictReader(file))
    assert [row["example"] for row in sheet] == ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert sheet[0]["text"] == "'= I say negative."
    gpo("results", RUN, "--broken", "--limit", "1", "--csv", "broken.csv")
    assert len((state / "broken.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_a_run_goes_by_its_spec(state: Path) -> None:
    path = write(state, spec_content("http://127.0.0.1:9/v1"))
    result = gpo("results", path, "--fixed", "--json")
    assert [json.loads(line)["example"] for line in result.stdout.splitlines()] == ["r1"]
    assert gpo("results", "reviews-5ca", "--home", state / ".gpo", "--all").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "fragments"),
    [
        (["reviewz-5ca1ab1e"], ("no run 'reviewz-5ca1ab1e'", "did you mean 'reviews-5ca1ab1e'?")),
        ([RUN, "--prompt", "s9c09"], ("'s9c09'", "s1c02")),
        ([RUN, "--split", "validation"], ("'validation'", "train, dev, test")),
        ([RUN, "--split", "train"], ("train",)),
        ([RUN, "--slice", "language"], ("FIELD=VALUE", "'language'")),
        ([RUN, "--slice", "language=fr"], ("language=fr", "de, en")),
        ([RUN, "--right-from", "2"], ("got 2",)),
        ([RUN, "--json", "--csv", "x.csv"], ("--json", "--csv", "choose one")),
        ([RUN, "--csv", "x.xlsx"], (".csv", "x.xlsx")),
        (["missing.yaml"], ("missing.yaml",)),
        ([RUN, "--home", "elsewhere"], ("elsewhere", "gpo.db", "--home")),
    ],
)
def test_results_refuses(state: Path, arguments: list[str], fragments: tuple[str, ...]) -> None:
    refused(gpo("results", *arguments), *fragments)


def hesitant(request: Request) -> str:
    """The right answer, but for two reviews."""
    if "Thing 4 " in request.text:
        return "I cannot say."
    return "positive" if "Thing 6 " in request.text else right(request)


@pytest.mark.slow
def test_evaluate_writes_each_example_and_shows_the_labels(folder: Path) -> None:
    content = spec_content("")
    content["dataset"]["split"] = {"train": 0, "dev": 20, "test": 10}
    with serving(hesitant) as endpoint:
        for model in ("task", "optimizer"):
            content["models"][model]["base_url"] = endpoint.url
        path = write(folder, content)
        measured = json.loads(gpo("evaluate", path, "--results", "each.jsonl", "--json").stdout)
        shown = gpo("evaluate", path, "--results", "each.csv").stdout
    each = [json.loads(line) for line in (folder / "each.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(each) == 20
    assert "before_score" not in each[0]
    assert measured["score"] == pytest.approx(sum(line["score"] for line in each) / 20)
    by_id = {row["id"]: row for row in rows()}
    for line in each:
        assert line["input"] == {"review": by_id[line["example"]]["review"]}
        assert line["expected"] == [by_id[line["example"]]["label"]]
        assert line["seconds"] is not None
        assert line["input_tokens"] == 10
    confusion = measured["confusion"]
    assert sum(map(sum, confusion["counts"])) + sum(confusion["unread"]) == 20
    assert sum(confusion["unread"]) == measured["unparsed"]
    assert measured["histogram"] is None
    assert "label\tn\tprecision\trecall\tF1\ttaken for" in shown.splitlines()
    with (folder / "each.csv").open(encoding="utf-8", newline="") as file:
        assert [row["example"] for row in csv.DictReader(file)] == [line["example"] for line in each]


def test_evaluate_refuses_a_file_of_another_form_before_it_asks(folder: Path) -> None:
    with serving(right) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        refused(gpo("evaluate", path, "--results", "each.txt"), ".jsonl", ".csv", "each.txt")
        assert endpoint.calls == 0
