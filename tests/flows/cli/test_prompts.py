"""`gpo prompt ...` from outside."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from flows.cli.app import app
from flows.cli.display.prompts import events, print_difference, print_history, print_version
from gpo.database.engine import open_database
from gpo.prompts.files import read_record
from gpo.prompts.loader import PromptLoader
from gpo.prompts.publishers import PUBLISHERS
from gpo.prompts.publishers.publisher import to_double_braces, version_facts
from gpo.prompts.registry import Registry
from gpo.records import Candidate, Interval, Score, Scored
from gpo.runs.history import History, RunRow
from gpo.runs.outcome import Outcome
from gpo.settings import user_name
from gpo.spec.file import load_spec
from gpo.template import render
from tests.gpo.prompts.test_registry import LINEAGE, content
from tests.support.webhook import webhook

NAME = "reviews"
SPEC: dict[str, Any] = {
    "name": NAME,
    "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{review}}\n{{instruction}}"}]},
    "dataset": {
        "path": "reviews.jsonl",
        "input": "review",
        "reference": "label",
        "split": {"train": 4, "dev": 4, "test": 4},
    },
    "models": {"task": "openai:task", "optimizer": "openai:optimizer", "embedding": "local:wordllama"},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    names = [name for name in os.environ if name.startswith("GPO_")]
    with patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture
def spec(folder: Path) -> Path:
    path = folder / "reviews.yaml"
    path.write_text(yaml.safe_dump(SPEC))
    return path


@pytest.fixture
def registry(folder: Path) -> Iterator[Registry]:
    engine = open_database(f"sqlite:///{folder}/.gpo/gpo.db")
    yield Registry(engine)
    engine.dispose()


@pytest.fixture
def two(registry: Registry) -> Registry:
    registry.register(NAME, content("Is it good?"))
    registry.register(NAME, content("Is it really good?"), lineage=LINEAGE, parent=1)
    registry.promote(NAME, 1, who="ada", why="start")
    registry.promote(NAME, 2, who="flow", why="+0.10")
    return registry


def gpo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["prompt", *map(str, arguments)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(result: Result, *fragments: str, code: int = 2) -> None:
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    for fragment in fragments:
        assert fragment in result.stderr


def test_a_spec_gives_something_in_production_on_the_first_day(spec: Path, folder: Path) -> None:
    result = gpo("register", spec)
    assert result.stdout == "Registered reviews version 1; production points to version 1\n"
    assert (folder / ".gpo" / "gpo.db").exists()
    again = told(gpo("register", spec, "--json"))
    assert (again["is_new"], again["version"], again["aliases"]) == (False, 1, {"production": 1})
    assert (again["lineage"]["task"], again["lineage"]["dataset"]["name"]) == (NAME, "reviews.jsonl")
    (move,) = told(gpo("history", NAME, "--json"))
    assert (move["who"], move["to_version"]) == (user_name(), 1)


def test_a_later_start_prompt_does_not_take_production_over(spec: Path) -> None:
    gpo("register", spec)
    changed = json.loads(json.dumps(SPEC))
    changed["prompt"]["instruction"] = "Good or bad?"
    spec.write_text(yaml.safe_dump(changed))
    result = gpo("register", spec, "--note", "by hand")
    assert result.stdout.splitlines() == [
        "Registered reviews version 2; production points to version 1",
        "Next: gpo prompt promote reviews 2 --why ...",
    ]


def test_demonstrations_are_part_of_what_is_registered(spec: Path, folder: Path) -> None:
    spec.write_text(yaml.safe_dump(SPEC | {"few_shot": 2}))
    rows = [{"review": f"Thing {number}", "label": ["yes", "no"][number % 2]} for number in range(20)]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    kept = told(gpo("register", spec, "--json"))["content"]
    assert [each["role"] for each in kept["demonstrations"]] == ["user", "assistant"] * 2
    assert kept["demonstrations"][0]["text"].endswith("\nIs it good?")


def test_what_a_prompt_was_proved_with_travels_with_it(spec: Path, folder: Path) -> None:
    task = {"model": "openai:task", "parameters": {"temperature": 0.2}}
    changed = {
        "few_shot": 1,
        "models": SPEC["models"] | {"task": task},
        "answer": {"where": {"after": "Answer:"}},
    }
    spec.write_text(yaml.safe_dump(SPEC | changed))
    rows = [{"review": f"Thing {number}", "label": ["yes", "no"][number % 2]} for number in range(20)]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gpo("register", spec)
    shown = gpo("show", NAME).stdout
    assert "asked    openai:task, temperature: 0.2\n" in shown
    assert 'where: {"after": "Answer:"' in shown

    prompt = PromptLoader(f"sqlite:///{folder}/.gpo/gpo.db", refresh_s=3600).load(NAME)
    assert [message.type for message in prompt.invoke({"review": "x"}).to_messages()] == ["human", "ai", "human"]
    assert prompt.metadata is not None
    assert (prompt.metadata["model"], prompt.metadata["parameters"]) == ("openai:task", {"temperature": 0.2})
    assert prompt.metadata["answer"]["where"]["after"] == "Answer:"

    gpo("export", "--to", folder / "prompts")
    record = read_record(next((folder / "prompts").iterdir()))
    version = record.versions[0]
    assert len(version.content.demonstrations) == 2
    assert version.lineage is not None
    assert version.lineage.asked is not None
    assert version.lineage.asked.model == "openai:task"
    assert version_facts(version)["gpo.parameters"] == '{"temperature":0.2}'
    assert [role for role, _ in to_double_braces(version)] == ["user", "assistant", "user"]


def finished(folder: Path, spec: Path, *, key: str = "k1", instruction: str = "Better?", day: int = 1) -> None:
    loaded = load_spec(spec)
    engine = open_database(f"sqlite:///{folder}/.gpo/gpo.db")
    history = History(engine)
    start = f"2026-01-{day:02}T00:00:00Z"
    history.begin(RunRow(key=key, task=NAME, scope="s", spec=loaded.fingerprint(), dataset="ba4", started_at=start))
    score = Score(values={"a": 1.0, "b": 0.0}, planned=2)
    outcome = Outcome(
        run_id=f"{NAME}-{key}",
        task=NAME,
        started_at=start,
        wall_s=1.0,
        stopped="plateau",
        steps=1,
        start=Scored(candidate=Candidate(instruction="Is it good?"), score=score),
        best=Scored(candidate=Candidate(instruction=instruction, step=1, parent="x"), score=score),
        start_test=score,
        best_test=score,
        gain=Interval(value=0.1, low=-0.1, high=0.3),
        proposed=1,
        rejected={},
        evaluated=1,
        calls={},
    )
    history.finish(key, outcome)
    engine.dispose()


def test_the_best_of_the_last_run_comes_with_its_lineage_and_waits(spec: Path, folder: Path) -> None:
    gpo("register", spec)
    refused(gpo("register", spec, "--best"), "no run of reviews has finished here; `gpo optimize SPEC`")
    finished(folder, spec)
    finished(folder, spec, key="k2", instruction="Best?")
    version = told(gpo("register", spec, "--best", "--json"))
    assert (version["version"], version["parent"], version["aliases"]) == (2, 1, {"production": 1})
    assert version["content"]["instruction"] == "Best?"
    lineage = version["lineage"]
    assert (lineage["run"], lineage["dataset"]["fingerprint"], lineage["metric"]) == (
        f"{NAME}-k2",
        "ba4",
        "exact_match",
    )
    assert (lineage["test"]["value"], lineage["test"]["n"], lineage["gain"]["low"]) == (0.5, 2, -0.1)
    assert lineage["models"] == {"task": "openai:task", "optimizer": "openai:optimizer", "embedding": "local:wordllama"}

    assert told(gpo("register", spec, "--best", "--promote", "--json"))["aliases"] == {"production": 2}
    spec.write_text(yaml.safe_dump(SPEC | {"seed": 7}))
    refused(gpo("register", spec, "--best"), "2 finished before the spec was changed")


def test_the_first_prompt_that_is_promoted_can_be_rolled_back_to_the_start(spec: Path, folder: Path) -> None:
    refused(gpo("register", spec, "--best", "--promote"), "no run of reviews has finished here")
    finished(folder, spec, instruction="Best?")
    assert told(gpo("register", spec, "--best", "--promote", "--json"))["aliases"] == {"production": 2}
    assert "run reviews-" in gpo("history", NAME).stdout
    assert told(gpo("rollback", NAME, "--json"))["to_version"] == 1
    assert told(gpo("show", NAME, "--json"))["content"]["instruction"] == "Is it good?"


def test_a_start_that_no_prompt_beat_is_promoted_as_the_one_version(spec: Path, folder: Path) -> None:
    finished(folder, spec, instruction="Is it good?")
    assert told(gpo("register", spec, "--best", "--promote", "--json"))["aliases"] == {"production": 1}


def test_what_is_registered_is_what_the_task_model_was_asked(spec: Path, registry: Registry) -> None:
    gpo("register", spec)
    loaded = load_spec(spec)
    kept = registry.resolve(NAME).content
    asked = render(loaded.prompt.template, loaded.prompt.instruction, {"review": "{x}"})
    assert kept.messages({"review": "{x}"}) == asked


def test_promote_and_rollback(two: Registry) -> None:
    assert told(gpo("list", "--json"))[0]["aliases"] == {"production": 2}
    move = told(gpo("rollback", NAME, "--why", "complaints", "--who", "eve", "--json"))
    assert (move["from_version"], move["to_version"], move["who"], move["why"]) == (2, 1, "eve", "complaints")
    refused(gpo("rollback", NAME), "there is none before it to go back to")
    result = gpo("promote", NAME, "2", "--alias", "challenger")
    assert result.stdout.startswith(f"{NAME}: challenger points to version 2 ({user_name()}, ")
    refused(gpo("promote", NAME, "2", "--expected", "2"), "expected to point to version 2", code=1)
    assert two.record(NAME).aliases == {"challenger": 2, "production": 1}


def test_show_and_diff_in_a_pipe(two: Registry) -> None:
    shown = gpo("show", NAME).stdout
    assert "reviews version 2" in shown
    assert "{{review}}\nIs it really good?\n" in shown
    assert "0.850 (0.80 to 0.90, n=144)" in shown
    assert told(gpo("show", NAME, "1", "--json"))["content"]["instruction"] == "Is it good?"
    assert "really" in gpo("diff", NAME, "1", "production").stdout
    assert "the same version" in gpo("diff", NAME, "2", "latest").stdout
    assert told(gpo("diff", NAME, "1", "2", "--json"))["template_differs"] is False


def test_lists_in_a_pipe_have_one_line_a_row_however_long(two: Registry) -> None:
    two.promote(NAME, 1, who="ada", why="x" * 300 + "\nsecond line\x1b[31m")
    lines = gpo("history", NAME).stdout.splitlines()
    assert lines[0].split("\t") == ["version", "created (UTC)", "parent", "test", "gain", "alias", "instruction"]
    assert lines[-1].split("\t")[-1] == "x" * 300 + " second line\\x1b[31m"
    (header, row) = gpo("list").stdout.splitlines()
    assert (header.split("\t")[0], row.split("\t")[:3]) == ("prompt", [NAME, "2", "production: 1"])


def test_tables_on_a_terminal(two: Registry) -> None:
    console = Console(width=100, force_terminal=True, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    with console.file:
        record = two.record(NAME)
        print_history(console, record, events(record.moves, []))
        print_version(console, record.versions[1], ["production"])
        print_difference(console, two.diff(NAME, 1, 2))
        text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    for fragment in ("1 -> 2", "+0.10", "really", "{{review}}"):
        assert fragment in text


def test_export_and_import(two: Registry, folder: Path) -> None:
    result = gpo("export", "--to", "out", "--format", "json")
    assert result.stdout == f"out/{NAME}.json\n"
    back = gpo("import", "out/reviews.json", "--home", "elsewhere")
    assert back.stdout == "reviews: 2 versions; production points to version 2\n"
    assert told(gpo("history", NAME, "--home", "elsewhere", "--json")) == told(gpo("history", NAME, "--json"))
    refused(gpo("import", "out/reviews.json", "--home", "elsewhere"), "is there already")
    refused(gpo("export", "--format", "toml"), "no format 'toml'; allowed: yaml, json")
    refused(gpo("export", "none"), "no prompt 'none'")
    assert not (folder / "prompts").exists()


def test_reading_where_nothing_is_makes_nothing(folder: Path) -> None:
    for command in (
        ["list"],
        ["show", NAME],
        ["history", NAME],
        ["promote", NAME, "1"],
        ["rollback", NAME],
        ["export"],
    ):
        refused(gpo(*command), ".gpo holds no gpo.db", "--home", "`gpo prompt register SPEC`")
    assert list(folder.iterdir()) == []


def test_a_state_folder_by_option_or_environment(two: Registry, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    os.chdir(folder / "elsewhere")
    refused(gpo("list"), "holds no gpo.db")
    assert told(gpo("list", "--home", folder / ".gpo", "--json"))[0]["name"] == NAME
    os.environ["GPO_HOME"] = str(folder / ".gpo")
    assert told(gpo("list", "--json"))[0]["name"] == NAME
    os.environ["GPO_HOME"] = str(folder / "none")
    os.environ["GPO_DATABASE_URL"] = f"sqlite:///{folder}/.gpo/gpo.db"
    assert told(gpo("list", "--json"))[0]["name"] == NAME


def test_wrong_input_is_refused(two: Registry, spec: Path) -> None:
    refused(gpo("show", "review"), "no prompt 'review'; did you mean 'reviews'?")
    refused(gpo("show", NAME, "v1"), "no alias 'v1'")
    refused(gpo("promote", NAME, "9"), "no version 9; allowed: 1 to 2")
    refused(gpo("promote", NAME, "1", "--alias", "A b"), "cannot name an alias")
    refused(gpo("promote", NAME, "1", "--who", " "), "`who` is blank")
    refused(gpo("register", spec, "--name", "A"), "cannot name a prompt")
    refused(gpo("register", "none.yaml"), "none.yaml: no such file")
    refused(gpo("publish", NAME, "--to", "mlfow"), "did you mean 'mlflow'?")
    unsaid = gpo("publish", NAME)
    assert (unsaid.exit_code, "--to" in unsaid.stderr) == (2, True)


def test_the_help_names_every_publisher_there_is() -> None:
    shown = gpo("publish", "--help").stdout
    assert all(name in shown for name in PUBLISHERS)


def test_automations_hear_of_a_prompt_that_is_moved_by_hand(
    spec: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpo("register", spec)
    with webhook() as (url, told_of):
        monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
        assert gpo("promote", NAME, "1", "--alias", "beta", "--why", "tried").exit_code == 0
    ((path, [event]),) = told_of
    assert (path, event["event"]) == ("/api/events", "gpo.prompt.promoted")
    assert event["resource"]["prefect.resource.id"] == f"gpo.prompt.{NAME}"
    assert {"alias": "beta", "version": 1, "before": None, "why": "tried"}.items() <= event["payload"].items()
    away = gpo("promote", NAME, "1", "--alias", "gamma")
    assert (away.exit_code, "was not told of gpo.prompt.promoted" in away.stderr) == (0, True)
