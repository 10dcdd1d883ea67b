"""`gpo dataset ...` from outside."""

import csv
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pandas as pd
import pytest
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from flows.cli.app import app
from flows.cli.display.datasets import print_datasets, print_difference, print_version
from flows.stack.environment import find_api_url
from flows.stack.record import Stack, write_stack
from gpo.datasets.registry import Datasets
from gpo.settings import Settings
from tasks.announce import EVENT, announce
from tests.conftest import without_leftovers_of_prefect

NAME = "review-sentiment"
Rows = list[dict[str, Any]]


def rows_of(count: int) -> Rows:
    return [
        {
            "id": f"r{i}",
            "review": f"Thing {i}, [bold]café[/].",
            "label": ["negative", "positive"][i % 2],
            "stars": i / 2,
        }
        for i in range(count)
    ]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with patch.dict(os.environ):
        for name in list(os.environ):
            if name.startswith(("GPO_", "PREFECT_")):
                del os.environ[name]
        os.environ |= {"PREFECT_HOME": str(tmp_path / "prefect"), "NO_PROXY": "127.0.0.1"}
        monkeypatch.chdir(tmp_path)
        yield tmp_path


def gpo(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dataset", *arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def found(*arguments: str) -> Any:
    return json.loads(gpo(*arguments, "--json").stdout)


def write(name: str, rows: Rows) -> str:
    Path(name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return name


def push(rows: Rows, *options: str) -> Any:
    return found("push", NAME, write("rows.jsonl", rows), *options)


@pytest.fixture
def versions(folder: Path) -> None:
    """Version 1 with 30 rows; version 2 with one row less, one more, and one relabelled."""
    rows = rows_of(31)
    push(rows[:30], "--note", "first", "--who", "ada")
    push([{**rows[1], "label": "negative"}, *rows[2:]])


def test_a_push_says_what_it_did(folder: Path) -> None:
    first = gpo("push", NAME, write("rows.jsonl", rows_of(30)))
    assert first.stdout == (
        f"{NAME} version 1: 30 rows (30 added)\n"
        "input `review`, reference `label`, id `id`\n"
        "labels: negative 15 (50.0%), positive 15 (50.0%)\n"
    )
    assert "No Prefect server is known here, so nothing was told; `gpo up` starts one" in first.stderr
    again = gpo("push", NAME, write("rows.jsonl", rows_of(30)[::-1]))
    assert again.stdout.startswith(f"{NAME}: nothing changed, version 1 of 20")
    assert again.stdout.endswith(" has exactly these 30 rows\n")
    assert again.stderr == first.stderr, "nobody was told yet"
    rows = [{**rows_of(30)[0], "label": "positive"}, *rows_of(32)[2:]]
    assert gpo("push", NAME, write("rows.jsonl", rows)).stdout == (
        f"{NAME} version 2: 31 rows (2 added, 1 removed, 1 relabelled)\n"
        "labels: positive 50.0% -> 51.6%, negative 50.0% -> 48.4%\n"
    )
    assert (folder / ".gpo" / "gpo.db").exists()


def test_a_push_in_json(folder: Path) -> None:
    pushed = push(rows_of(30), "--note", "n", "--who", "ada")
    assert (
        pushed.items() >= {"is_new": True, "event": "none", "name": NAME, "version": 1, "rows": 30, "note": "n"}.items()
    )
    assert pushed["changes"] == {"added": 30, "removed": 0, "relabelled": 0, "edited": 0}
    assert push(rows_of(30)).items() >= {"is_new": False, "event": "none", "version": 1, "who": "ada"}.items()


@pytest.mark.usefixtures("versions")
def test_list_show_and_diff(folder: Path) -> None:
    (listed,) = found("list")
    assert (listed["name"], listed["version"]) == (NAME, 2)
    shown = found("show", f"{NAME}@1", "--rows", "2")
    assert shown["labels"] == {"negative": 15, "positive": 15}
    assert shown["fields"] == {"input": ["review"], "reference": "label", "id": "id"}
    assert shown["columns"] == ["id", "label", "review", "stars"]
    assert [row["id"] in {f"r{i}" for i in range(30)} for row in shown["sample"]] == [True, True]
    assert (shown["note"], shown["who"]) == ("first", "ada")
    differing = found("diff", NAME, "1", "2")
    assert differing["changes"] == {"added": 1, "removed": 1, "relabelled": 1, "edited": 0}
    assert [row["id"] for row in (*differing["added"], *differing["removed"])] == ["r30", "r0"]
    assert differing["relabelled"][0].items() >= {"before": "positive", "after": "negative"}.items()


@pytest.mark.usefixtures("versions")
def test_what_a_person_sees(folder: Path) -> None:
    assert f"{NAME}\t2\t30\t1 added, 1 removed, 1 relabelled\t" in gpo("list").stdout
    shown = gpo("show", NAME).stdout
    for text in (
        "reference label",
        "labels    negative 16 (53.3%), positive 14 (46.7%)",
        "[bold]café[/]",
        "\tada\tfirst",
    ):
        assert text in shown
    assert "shift     negative 50.0% -> 53.3%, positive 50.0% -> 46.7%" in shown
    differing = gpo("diff", NAME, "1", "2").stdout
    assert '+ {"id": "r30"' in differing
    assert '- {"id": "r0"' in differing
    assert '~ positive -> negative  {"review": "Thing 1, [bold]café[/]."}' in differing
    datasets = Datasets(Settings(), folder / ".gpo")
    console = Console(force_terminal=True, width=60, record=True)
    print_datasets(console, datasets.all())
    print_version(console, datasets.get(NAME), [{"review": "\x1b[2J"}], datasets.history(NAME))
    print_difference(console, datasets.diff(NAME, 1, 2))
    assert "\x1b[2J" not in console.export_text()


@pytest.mark.slow
@pytest.mark.usefixtures("versions")
@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "tsv"])
def test_an_export_pushed_again_is_the_same_data(ending: str, folder: Path) -> None:
    file = f"out.{ending}"
    assert "Wrote 30 rows of dataset review-sentiment version 1" in gpo("export", f"{NAME}@1", file).stdout
    assert gpo("export", NAME, file, code=2).stderr == (
        f"Error: {file}: is there already; choose another name, or overwrite it with --force\n"
    )
    other = found("push", "other", file)
    assert (other["rows"], other["fields"]["reference"], other["labels"]) == (
        30,
        "label",
        {"negative": 15, "positive": 15},
    )
    if ending.startswith("json"):
        assert other["digest"] == found("show", f"{NAME}@1")["digest"]
    gpo("export", NAME, file, "--force")
    assert found("push", "other", file)["changes"] == {"added": 1, "removed": 1, "relabelled": 1, "edited": 0}
    assert sorted(path.name for path in folder.iterdir()) == [".gpo", file, "rows.jsonl"]


def test_an_export_for_spreadsheets_has_no_formulas(folder: Path) -> None:
    texts = ["=cmd|'/C calc'!A0", "@SUM(1+1)", "+1", "-5"]
    push([{**row, "review": text} for row, text in zip(rows_of(4), texts, strict=True)] + rows_of(30)[4:])
    gpo("export", NAME, "as-is.csv")
    gpo("export", NAME, "safe.csv", "--for-spreadsheets")

    def column(name: str) -> list[str]:
        with (folder / name).open(encoding="utf-8", newline="") as file:
            return sorted(row["review"] for row in csv.DictReader(file))[:4]

    assert column("as-is.csv") == sorted(texts)
    assert column("safe.csv") == ["'=cmd|'/C calc'!A0", "'@SUM(1+1)", "+1", "-5"]


def test_an_export_of_what_a_table_has_no_form_for(folder: Path) -> None:
    push([{**row, "tags": ["a", 1], "none": None, "yes": True} for row in rows_of(30)])
    gpo("export", NAME, "out.csv")
    with Path("out.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["tags"], row["none"], row["yes"]) == ('["a", 1]', "", "true")
    assert "cannot write the format of the ending '.xls'; allowed: .csv" in gpo("export", NAME, "o.xls", code=2).stderr


def test_a_version_goes_to_another_tool_and_comes_back_with_what_people_said(folder: Path) -> None:
    push(rows_of(30))
    gpo("export", NAME, "out.jsonl", "--format", "langfuse")
    items = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert items[0].keys() == {"id", "input", "expectedOutput", "metadata"}
    items[0]["comments"] = [{"content": "Wrong tone"}]
    Path("out.jsonl").write_text("".join(json.dumps(item) + "\n" for item in items))
    told = gpo("import", "langfuse", "out.jsonl", "back.jsonl").stdout
    assert told.startswith("Wrote 30 rows to back.jsonl, 1 of them with what people said: the field `feedback`\n")
    assert (
        "is no format that is written; did you mean 'langfuse'"
        in gpo("export", NAME, "new.jsonl", "--format", "langfus", code=2).stderr
    )


def as_csv(rows: Rows) -> str:
    pd.DataFrame(rows).to_csv("rows.csv", index=False, sep=";", encoding="cp1252")
    return "rows.csv"


def as_parquet(rows: Rows) -> str:
    pd.DataFrame(rows).assign(missing=float("nan")).to_parquet("rows.parquet", index=False)
    return "rows.parquet"


@pytest.mark.parametrize(("write_as", "options"), [(as_csv, ["--encoding", "cp1252"]), (as_parquet, [])])
def test_other_formats_and_encodings(write_as: Callable[[Rows], str], options: list[str]) -> None:
    pushed = found("push", NAME, write_as(rows_of(30)), *options)
    assert (pushed["rows"], pushed["labels"]) == (30, {"negative": 15, "positive": 15})
    sample = found("show", NAME, "--rows", "30")["sample"]
    assert {row["review"] for row in sample} == {row["review"] for row in rows_of(30)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", NAME, "none.jsonl"], "none.jsonl: no such file"),
        (["push", NAME, "."], ".: is a folder; name one file"),
        (["push", NAME, "bad.txt"], "bad.txt: cannot tell the format from the ending '.txt'"),
        (["push", NAME, "bad.csv"], "row 2: field `review`: not UTF-8: byte 0xe9"),
        (["push", NAME, "bad.csv", "--encoding", "utf-9"], "encoding 'utf-9' is not known here; allowed: utf-8"),
        (["push", NAME, "few.jsonl"], "3 different rows; a spec needs at least 20"),
        (["push", "No", "few.jsonl"], "'No' cannot name a dataset"),
        (
            ["push", NAME, "few.jsonl", "--input", "reviw", "--reference", "label"],
            "no field `reviw` in this row; did you",
        ),
        (["show", NAME], "has no datasets yet; `gpo dataset push NAME FILE` makes a first one"),
        (["diff", NAME, "1", "two"], "'two' is no version"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(arguments: list[str], message: str, folder: Path) -> None:
    write("few.jsonl", rows_of(3))
    Path("bad.txt").write_text("x")
    Path("bad.csv").write_bytes("review,label\ncaf\xe9,x\n".encode("latin-1"))
    assert message in gpo(*arguments, code=2).stderr
    assert not (folder / ".gpo").exists()


def test_a_store_that_cannot_be_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPO_DATASET_STORE", "nosuch://me:hunter2@bucket")
    result = gpo("push", NAME, write("rows.jsonl", rows_of(30)), code=1)
    assert "dataset store nosuch://bucket cannot be opened" in result.stderr
    assert "hunter2" not in result.output
    assert found("list") == []


# The event


@pytest.mark.slow
def test_a_version_is_kept_when_no_server_takes_the_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    result = gpo("push", NAME, write("rows.jsonl", rows_of(30)))
    assert result.stdout.startswith(f"{NAME} version 1")
    assert "Warning: the Prefect server at http://127.0.0.1:1/api did not take the event" in result.stderr
    assert f"the next push of {NAME} will, or `gpo dataset announce {NAME}`" in result.stderr
    assert "did not take the event" in gpo("announce", NAME, code=1).stderr
    assert push(rows_of(31))["event"] == "failed"


def events_of(api: str, name: str) -> list[dict[str, Any]]:
    wanted = {"event": {"name": [EVENT]}, "resource": {"id": [f"gpo.dataset.{name}"]}, "order": "ASC"}
    found = httpx.post(f"{api}/events/filter", json={"filter": wanted}).raise_for_status()
    return found.json()["events"]  # type: ignore[no-any-return]


def wait_for(api: str, name: str, count: int) -> list[dict[str, Any]]:
    """The events of a dataset, which the server has taken and writes down in a while."""
    deadline = time.monotonic() + 60
    while len(found := events_of(api, name)) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


@pytest.mark.slow
def test_the_server_has_the_event_when_the_command_ends(prefect_api: str, folder: Path) -> None:
    """Also that of the stack, when none is configured."""
    name = f"{NAME}-events"
    stack = Stack(api_url=prefect_api, ui_url="", chroma_url="", prompts_url="", processes={})
    (folder / ".gpo").mkdir()
    write_stack(folder / ".gpo", stack)
    with without_leftovers_of_prefect(prefect_api):
        # One that was killed before it told anybody, and the same command again.
        with patch("tasks.announce.announce", side_effect=KeyboardInterrupt):
            CliRunner().invoke(app, ["dataset", "push", name, write("rows.jsonl", rows_of(30))])
        assert found("push", name, "rows.jsonl").items() >= {"is_new": False, "version": 1, "event": "sent"}.items()
        assert found("push", name, "rows.jsonl").items() >= {"is_new": False, "version": 1, "event": None}.items()
        os.environ["PREFECT_API_URL"] = prefect_api
        assert found("push", name, write("rows.jsonl", rows_of(32)[1:]))["event"] == "sent"
        datasets = Datasets(Settings(), folder / ".gpo")
        assert announce(datasets.get(name, 1), find_api_url(folder / ".gpo")).status == "sent"
    first, second, again = wait_for(prefect_api, name, 3)
    assert first["resource"] == {"prefect.resource.id": f"gpo.dataset.{name}", "prefect.resource.name": name}
    digest = datasets.get(name, 2).digest
    assert second["payload"] == {
        "name": name,
        "version": 2,
        "digest": digest,
        "rows": 31,
        "added": 2,
        "removed": 1,
        "relabelled": 0,
    }
    assert again["payload"] == first["payload"]
