"""`gpo spec init` as a conversation: what it says, what it takes, what it asks, and how it refuses."""

import csv
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli.display.starter import starter_text
from gpo.data.starter import write_starter
from gpo.spec.file import load_spec
from tests.support.commands import environment, gpo, refused
from tests.support.endpoint import Reply, Request, serving
from tests.support.paths import ROOT

pytestmark = pytest.mark.usefixtures("folder")

LAYOUTS = ROOT / "tests" / "data"


def rows(count: int = 40) -> list[dict[str, Any]]:
    return [
        {
            "Ticket ID": f"T-{number}",
            "Customer": f"C{number // 4}",
            "Customer message": f"Message {number} is {['bad', 'good'][number % 2]}.",
            "Urgency": ["high", "low", "none"][number % 3],
            "Team": ["repairs", "sales"][number % 2],
        }
        for number in range(count)
    ]


def write_csv(folder: Path, content: list[dict[str, Any]], encoding: str = "utf-8") -> None:
    with (folder / "tickets.csv").open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, list(content[0]))
        writer.writeheader()
        writer.writerows(content)


def init(*options: str) -> Any:
    return gpo("spec", "init", "task", "--data", "tickets.csv", *options)


def test_it_says_what_it_found_guessed_and_left_out(folder: Path) -> None:
    write_csv(folder, [*rows(), rows()[3]])
    result = init()
    assert result.exit_code == 0, result.stderr
    for line in (
        "data      41 rows",
        "input     {{customer_message}} from `Customer message`",
        "answer    `Team`, kind choice: sales (21), repairs (20); could also be `Customer`, `Urgency`: --reference",
        "metric    exact_match",
        "splits    4 train, 12 dev, 24 test",
        "proof     24 test examples show a gain of ",
        "`Ticket ID` names rows, or what they belong to",
        "merged 1 row that says the same as an earlier one; the first: row 42, as tickets.csv row 5",
    ):
        assert any(line in shown for shown in result.stdout.splitlines()), (line, result.stdout)
    assert "gpo evaluate task.yaml" in result.stdout


def test_of_a_large_file_a_sample_is_looked_at_which_is_told_and_so_is_what_it_waits_for(folder: Path) -> None:
    (folder / "tickets.csv").write_text(
        "message,team\n" + "".join(f"Parcel {number} is late,{'ab'[number % 2]}\n" for number in range(20_500))
    )
    result = init()
    assert result.exit_code == 0, result.stderr
    assert result.stderr.splitlines() == [
        "tickets.csv: more than 20,000 rows; reading all of them takes a while",
        "tickets.csv: checking all 20,500 rows against what 20,000 of them show",
    ]
    assert "data      20,500 rows, of which 20,000, drawn at random, were looked at for what follows" in result.stdout


def test_what_options_say_is_not_guessed(folder: Path) -> None:
    write_csv(folder, rows(60))
    options = ["--input", "msg=Customer message", "--input", "Team", "--reference", "Urgency", "--kind", "exact"]
    options += ["--metric", "token_f1", "--split", "5,10,20", "--on-bad-row", "skip"]
    assert init(*options).exit_code == 0
    spec = load_spec(folder / "task.yaml")
    assert spec.dataset.input == {"msg": "Customer message", "Team": "Team"}
    assert (spec.dataset.reference, spec.answer.kind, spec.metric.name) == ("Urgency", "exact", "token_f1")
    assert spec.dataset.split.model_dump() == {"train": 5, "dev": 10, "test": 20}
    assert spec.dataset.on_bad_row == "skip"


def test_a_group_is_kept_together(folder: Path) -> None:
    write_csv(folder, rows(200))
    told = init().stdout
    assert "rows share 50 values of `Customer`: if rows of one value are alike, --group 'Customer' keeps" in told
    result = init("--group", "Customer", "--force")
    assert result.exit_code == 0, result.stderr
    assert "each value of `Customer` in one of them" in result.stdout
    assert load_spec(folder / "task.yaml").dataset.group == "Customer"


@pytest.mark.parametrize("option", [[], ["--encoding", "cp1252"]])
def test_an_encoding_is_found_by_trying_or_said(folder: Path, option: list[str]) -> None:
    write_csv(folder, [{"text": f"Caf\xe9 {n} \u2013 gut", "label": ["yes", "no"][n % 2]} for n in range(24)], "cp1252")
    result = init(*option)
    assert result.exit_code == 0, result.stderr
    assert load_spec(folder / "task.yaml").dataset.encoding == "cp1252"
    assert ("cp1252 (it is not UTF-8: byte 0xe9 in line 2)" in result.stdout) == (not option)


@pytest.mark.parametrize(
    ("option", "fragments"),
    [
        (["--reference", "team"], ["--reference team: no such field; did you mean 'Team'?"]),
        (["--input", "Message"], ["--input Message: no such field"]),
        (["--group", "x"], ["--group x: no such field"]),
        (["--split", "5,0,5"], ["--split 5,0,5: dev and test need at least one example"]),
        (["--split", "a,b"], ["--split a,b: no such field"]),
        (["--split", "90,90,90"], ["40 different rows, but dataset.split asks for 90 train"]),
        (["--kind", "label"], ["--kind label: unknown kind", "did you mean 'labels'"]),
        (["--metric", "exact"], ["--metric exact:", "unknown metric 'exact'"]),
        (["--kind", "number"], ["field `Team`: must be a number, received 'repairs'"]),
        (["--encoding", "utf8000"], ["encoding 'utf8000' is not known here"]),
    ],
)
def test_an_option_that_does_not_fit_is_refused(folder: Path, option: list[str], fragments: list[str]) -> None:
    write_csv(folder, rows())
    refused(init(*option), *fragments)
    assert not (folder / "task.yaml").exists()


def test_sets_of_labels_are_proposed_and_the_guess_is_told(folder: Path) -> None:
    topics = ["bug;docs", "docs", "bug;ui", "ui;docs", "bug"]
    write_csv(folder, [{"text": f"Ticket {n} has a text of its own.", "topics": topics[n % 5]} for n in range(40)])
    result = init()
    assert result.exit_code == 0, result.stderr
    assert "kind labels: bug (24), docs (24), ui (16)" in result.stdout
    assert "`topics` holds labels with `;` between them: all that apply are the answer" in result.stdout
    answer = load_spec(folder / "task.yaml").answer
    assert (answer.kind, answer.labels, answer.allow_none) == ("labels", ("bug", "docs", "ui"), None)
    refused(init("--kind", "labels", "--reference", "text", "--force"), "--kind labels: `text` holds no sets of a few")


def works(result: Any) -> None:
    """The command that a refusal offers does what it says."""
    (line,) = [line for line in result.stderr.splitlines() if "This works: gpo " in line]
    offered = gpo(*shlex.split(line.partition("This works: gpo ")[2]))
    assert offered.exit_code == 0, offered.stderr


def test_a_conflict_is_named_with_rows_and_labels_and_the_way_out_works(folder: Path) -> None:
    write_csv(folder, [*rows(), rows()[4] | {"Customer message": " MESSAGE 4 is bad.", "Team": "sales"}])
    result = init()
    refused(result, "rows 6 and 42 have the same input", "answered 'repairs' and 'sales'")
    works(result)
    assert load_spec(folder / "task.yaml").dataset.on_bad_row == "skip"


def test_two_columns_of_texts_need_a_word_and_the_word_works(folder: Path) -> None:
    content = [{"one": f"This is text {n} of them", "other": f"Another text of {n}"} for n in range(30)]
    write_csv(folder, content)
    result = init()
    refused(result, "cannot tell which field holds the right answer", "`one`, `other`", "--input one --reference other")
    works(result)


def test_a_column_that_always_says_the_same_is_named(folder: Path) -> None:
    write_csv(folder, [{"prompt": f"Ask {n}", "response": "ok"} for n in range(30)])
    refused(init(), "`response` (the same value in every row: 'ok')")


def test_a_column_that_gives_the_answer_away_is_no_input(folder: Path) -> None:
    content = [
        {
            "message": f"Message {n} of many",
            "code": ["x1", "x2"][n % 2],
            "note": f"Customer {n} is {['angry', 'happy'][n % 2]} today",
            "mood": ["angry", "happy"][n % 2],
        }
        for n in range(40)
    ]
    write_csv(folder, content)
    result = init("--reference", "mood")
    assert "{{message}}" in result.stdout
    assert "`code` tells the value of `mood`: each of its 2 values goes with one answer" in result.stdout
    assert "`note` names the answer" in result.stdout


@pytest.mark.parametrize("ending", [".csv", ".json", ".jsonl", ".parquet"])
@pytest.mark.parametrize("missing", [None, "", "  "], ids=["null", "empty", "blank"])
def test_nothing_means_the_same_in_every_format(folder: Path, ending: str, missing: str | None) -> None:
    import pandas as pd

    frame = pd.DataFrame([{"text": f"Text {n} here", "label": ["x", "y"][n % 2]} for n in range(30)])
    frame.loc[4, "text"], frame.loc[7, "label"] = missing, missing
    path = folder / f"data{ending}"
    if ending == ".csv":
        frame.to_csv(path, index=False)
    elif ending == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_json(path, orient="records", lines=ending == ".jsonl")
    result = gpo("spec", "init", "task", "--data", path.name)
    assert result.exit_code == 0, result.stderr
    assert "left out 2 rows that cannot be used; the first: row" in result.stdout
    assert "field `text`: must not be blank" in result.stdout
    assert "4 train, 8 dev, 16 test" in result.stdout
    spec = load_spec(folder / "task.yaml")
    assert (spec.dataset.on_bad_row, spec.dataset.input, spec.answer.labels) == ("skip", ("text",), ("x", "y"))


def test_rows_stop_it_where_one_says_so(folder: Path) -> None:
    write_csv(folder, [*rows(), rows()[2] | {"Team": ""}])
    refused(init("--on-bad-row", "stop"), "row 42: field `Team`: must not be blank")


def test_a_split_column_is_used_and_may_be_named(folder: Path) -> None:
    content = [{**row, "which": ["train", "Validation", "TEST"][n % 3]} for n, row in enumerate(rows(60))]
    write_csv(folder, content)
    result = init("--split", "which")
    assert "20 train, 20 dev, 20 test, as `which` says" in result.stdout, result.stderr
    assert load_spec(folder / "task.yaml").dataset.split_field == "which"


def asked(folder: Path, answers: bytes, *options: str) -> tuple[int, str]:
    """Exit code and output of the command on a terminal whose person types `answers`."""
    main, side = pty.openpty()
    program = "from flows.cli.app import main; main()"
    command = [sys.executable, "-c", program, "spec", "init", "task", "--data", "tickets.csv", *options]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdin=side, stdout=side, stderr=side)
    os.close(side)
    os.write(main, answers)
    output = b""
    try:
        while chunk := os.read(main, 4096):
            output += chunk
    except OSError:  # how Linux says that nobody writes any more
        pass
    os.close(main)
    return process.wait(timeout=60), output.decode()


@pytest.mark.slow
def test_on_a_terminal_it_asks_which_column_is_the_answer(folder: Path) -> None:
    write_csv(folder, [{name: row[name] for name in ("Customer message", "Urgency", "Team")} for row in rows()])
    (folder / "tickets.csv").write_text((folder / "tickets.csv").read_text().replace("Team", "Crew"))
    code, output = asked(folder, b"Urgency\n")
    assert code == 0, output
    assert "Which column is the right answer?" in output
    assert load_spec(folder / "task.yaml").dataset.reference == "Urgency"


@pytest.mark.slow
def test_on_a_terminal_it_asks_what_to_do_with_a_conflict(folder: Path) -> None:
    content = [{name: row[name] for name in ("Customer message", "Team")} for row in rows()]
    write_csv(folder, [*content, content[4] | {"Team": "sales"}])
    code, output = asked(folder, b"skip\n")
    assert code == 0, output
    assert "rows 6 and 42 have the same input" in output
    assert load_spec(folder / "task.yaml").dataset.on_bad_row == "skip"


@pytest.mark.slow
@pytest.mark.parametrize("file", ["tickets.csv", "arc.jsonl", "squad_flat.jsonl"])
def test_from_a_file_to_a_first_score_without_opening_the_spec(folder: Path, file: str) -> None:
    result = gpo("spec", "init", "task", "--data", LAYOUTS / file)
    assert result.exit_code == 0, result.stderr
    with serving(lambda _request: "bug" if file == "tickets.csv" else "The answer is A.") as endpoint:
        content = yaml.safe_load((folder / "task.yaml").read_text("utf-8"))
        content["models"] = {
            role: {"model": "openai:task", "base_url": endpoint.url, "max_retries": 0} for role in ("task", "optimizer")
        } | {"embedding": "local:wordllama"}
        (folder / "task.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
        scored = gpo("evaluate", "task.yaml", "--json")
    assert scored.exit_code == 0, scored.stderr
    assert 0 <= json.loads(scored.stdout)["score"] <= 1


@pytest.mark.slow
def test_tools_of_rows_are_bound_to_the_call_and_a_call_is_the_answer(folder: Path) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": name, "parameters": parameters}} for name in ("warn", "look_up")]
    with (folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for number in range(24):
            call = {"name": "look_up", "arguments": {"city": f"City {number}"}}
            row = {"question": f"What of City {number}?", "tools": tools[: 1 + number % 2], "answer": call}
            file.write(json.dumps(row) + "\n")
    result = gpo("spec", "init", "calls", "--data", "rows.jsonl")
    assert "{{tools}}, tools" in result.stdout, result.output
    assert "answer    `answer`, kind json" in result.stdout

    def called(request: Request) -> Reply:
        has_tool = any(each["function"]["name"] == "look_up" for each in request.body["tools"])
        assert "[tools:" not in request.text
        (city,) = re.findall(r"City \d+", request.text)
        return Reply(tool_calls=(("look_up" if has_tool else "warn", {"city": city}),), finish_reason="tool_calls")

    content = yaml.safe_load((folder / "calls.yaml").read_text("utf-8"))
    with serving(called) as endpoint:
        models = {
            role: {"model": "openai:task", "base_url": endpoint.url, "max_retries": 0} for role in ("task", "optimizer")
        }
        content["models"] = models | {"embedding": "local:wordllama"}
        (folder / "calls.yaml").write_text(yaml.safe_dump(content), "utf-8")
        scored = gpo("evaluate", "calls.yaml", "--json", "--split", "test")
    assert scored.exit_code == 0, scored.stderr
    # Where the tool is not at hand the name is wrong, and the arguments are right.
    assert 0.5 < json.loads(scored.stdout)["score"] < 1
    content["models"]["task"] = "local:smollm2-135m"
    (folder / "calls.yaml").write_text(yaml.safe_dump(content), "utf-8")
    refused(gpo("evaluate", "calls.yaml"), "takes text alone, and {{tools}} of example", "ask a model that takes it")


def test_a_column_of_explanations_is_named_as_no_input(tmp_path: Path) -> None:
    write_csv(
        tmp_path, [{"text": f"Is {i} even?", "answer": ["yes", "no"][i % 2], "rationale": f"{i}!"} for i in range(40)]
    )
    path = next(tmp_path.glob("*.csv"))
    assert "solution  `rationale`, no input" in starter_text(write_starter("task", path, tmp_path, force=False))
