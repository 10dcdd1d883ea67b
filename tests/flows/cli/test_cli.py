"""The command line from outside: exit codes, one clear message, nothing on stdout and nothing written when it fails."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import typer
import yaml
from click.testing import Result
from typer.testing import CliRunner

from flows.cli.app import app
from gpo.spec.file import load_spec
from tests.support.endpoint import Endpoint, Reply, Request, serving
from tests.support.paths import ROOT

Rows = list[dict[str, Any]]
Content = dict[str, Any]


def right(request: Request) -> str:
    if request.model == "optimizer":
        return "ready"
    return "positive" if "is good." in request.text else "negative"


def rows(count: int = 30) -> Rows:
    return [
        {
            "id": f"r{i}",
            "review": f"Thing {i} is {'good' if i % 2 else 'bad'}.",
            "label": ["negative", "positive"][i % 2],
        }
        for i in range(count)
    ]


def jsonl(content: Rows) -> str:
    return "".join(json.dumps(row) + "\n" for row in content)


def spec_content(url: str, **changes: Any) -> Content:
    content = {
        "name": "reviews",
        "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{review}}\n{{instruction}}"}]},
        "dataset": {
            "path": "reviews.jsonl",
            "input": "review",
            "reference": "label",
            "id": "id",
            "split": {"train": 6, "dev": 10, "test": 12},
        },
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "models": {
            "task": {"model": "openai:task", "base_url": url, "max_retries": 0},
            "optimizer": {"model": "openai:optimizer", "base_url": url, "max_retries": 0},
            "embedding": "local:wordllama",
        },
    }
    return content | changes


def task_model(**changes: Any) -> Callable[[Content], None]:
    """A change of the spec's task model; None removes a key."""

    def change(content: Content) -> None:
        model = content["models"]["task"] | changes
        content["models"]["task"] = {key: value for key, value in model.items() if value is not None}

    return change


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} | {
        str(path.relative_to(folder)): b"a folder" for path in folder.rglob("*") if path.is_dir()
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder, and an environment of one's own: the command line tells Prefect where it lives."""
    names = [name for name in os.environ if name.startswith(("GPO_", "OPENAI_", "PREFECT_"))]
    with patch.dict(os.environ):
        for name in names:
            del os.environ[name]
        os.environ["NO_PROXY"] = "127.0.0.1"
        monkeypatch.chdir(tmp_path)
        yield tmp_path


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving(right) as running:
        yield running


def write(folder: Path, content: Content, data: bytes | str | None = None) -> Path:
    raw = jsonl(rows()) if data is None else data
    (folder / "reviews.jsonl").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    path = folder / "reviews.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


def gpo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def refused(result: Result, *fragments: str) -> None:
    """Exit code 2, one message that holds the fragments, and nothing on stdout."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 2, result.stderr
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert [line for line in result.stderr.splitlines() if line.startswith("Error")] == [result.stderr.splitlines()[0]]
    assert "Traceback" not in result.stderr
    assert len(result.stderr) < 1500
    for fragment in fragments:
        assert fragment in result.stderr


Change = Callable[[Content], object]

BAD_SPECS: Mapping[str, tuple[Change, tuple[str, ...]]] = {
    "unknown key": (lambda c: c.update(metrik="contains"), ("reviews.yaml", "`metrik`", "did you mean 'metric'?")),
    "unknown nested key": (
        lambda c: c["dataset"].update(refrence="label"),
        ("`dataset.refrence`", "did you mean 'reference'?"),
    ),
    "no instruction in the messages": (
        lambda c: c["prompt"].update(messages=[{"user": "{{review}}"}]),
        ("{{instruction}} exactly once", "found 0"),
    ),
    "a variable that the inputs lack": (
        lambda c: c["prompt"].update(messages=[{"user": "{{reveiw}}\n{{instruction}}"}]),
        ("{{reveiw}}", "did you mean 'review'?"),
    ),
    "a variable that the data lacks": (
        lambda c: c.update(
            prompt=c["prompt"] | {"messages": [{"user": "{{title}}\n{{instruction}}"}]},
            dataset=c["dataset"] | {"input": "title"},
        ),
        ("reviews.jsonl", "row 1", "`title`"),
    ),
    "missing data file": (lambda c: c["dataset"].update(path="nowhere.jsonl"), ("nowhere.jsonl", "no such file")),
    "too few rows": (lambda c: c["dataset"].update(split={"train": 9, "dev": 9, "test": 90}), ("30 ", "= 108")),
    "a cap below one step": (lambda c: c.update(budget={"max_calls": 5}), ("`budget.max_calls` is 5", "need")),
    "a cap on task calls below one step": (
        lambda c: c.update(budget={"max_task_calls": 50}),
        ("`budget.max_task_calls` is 50", "the start and one step need 90"),
    ),
    "a cap on tokens that the first answers rule out": (
        lambda c: c.update(budget={"max_tokens": 500}),
        ("`budget.max_tokens` is 500", "going by the first 8 answers", "dataset.split.test"),
    ),
    "a cap on cost without a price": (lambda c: c.update(budget={"max_cost": 1.0}), ("`budget.max_cost`", "price")),
    "a cap on cost with a price missing": (
        lambda c: (c.update(budget={"max_cost": 1.0}), c["models"]["task"].update(price={"input": 1, "output": 1})),
        ("`models.optimizer` has no price", "zeros where it costs nothing"),
    ),
    "too few demonstrations": (lambda c: c.update(few_shot=7), ("`few_shot` asks for 7", "6 training examples")),
    "a judge that gives no grade": (
        lambda c: c.update(answer={"kind": "free"}, metric={"name": "judge", "rubric": "Polite?"}),
        ("openai:optimizer: gave no grade", "'ready'"),
    ),
    "unknown provider": (task_model(model="nosuch:model", base_url=None), ("nosuch:model",)),
    "key variable that is not set": (
        task_model(api_key_env="MY_KEY_TODAY"),
        ("openai:task", "MY_KEY_TODAY", "not set"),
    ),
    "no OpenAI key": (task_model(base_url=None), ("openai:task", "OPENAI_API_KEY")),
    "unreachable endpoint": (
        task_model(base_url=f"http://127.0.0.1:{closed_port()}/v1"),
        ("openai:task", "http://127.0.0.1:", "does not answer"),
    ),
    "unreachable optimizer": (
        lambda c: c["models"]["optimizer"].update(base_url=f"http://127.0.0.1:{closed_port()}/v1"),
        ("openai:optimizer", "does not answer"),
    ),
    "unknown embedding": (
        lambda c: c["models"].update(embedding="local:wordlama"),
        ("wordlama", "did you mean 'wordllama'?"),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_SPECS)
def test_a_bad_spec_is_refused_before_anything_is_written(case: str, folder: Path, endpoint: Endpoint) -> None:
    change, fragments = BAD_SPECS[case]
    content = spec_content(endpoint.url)
    change(content)
    path = write(folder, content)
    before, had_prefect = listing(folder), "prefect" in sys.modules

    refused(gpo("optimize", path), *fragments)

    assert listing(folder) == before
    assert ("prefect" in sys.modules) == had_prefect


LONG = "x" * 3_000_000

BAD_DATA: Mapping[str, tuple[bytes | str, tuple[str, ...]]] = {
    "empty": ("", ("reviews.jsonl", "no rows")),
    "label outside the list": (
        jsonl([*rows(), {"id": "x", "review": "So so.", "label": "mixed"}]),
        ("row 31", "`label`", "positive, negative", "'mixed'"),
    ),
    "duplicate ids": (
        jsonl([*rows(), {"id": "r3", "review": "Another.", "label": "positive"}]),
        ("rows 4 and 31", "'r3'"),
    ),
    "duplicate inputs": (jsonl([*rows(), {**rows()[2], "id": "new"}]), ("rows 3 and 31", "same input")),
    "wrong encoding": (
        jsonl(rows()).encode() + '{"id": "é", "review": "Déjà vu", "label": "positive"}'.encode("latin-1"),
        ("not UTF-8", "0xe9", "row 31"),
    ),
    "not JSON": ("id,review,label\n1,good,positive\n", ("row 1", "not valid JSON")),
    "one huge row": (json.dumps([{"review": LONG, "label": "positive"}] * 3), ("row 1", "must be a JSON object")),
    "a huge label": (jsonl([*rows(), {"id": "x", "review": "So so.", "label": LONG}]), ("row 31", "'xxxxx")),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_with_the_row(case: str, folder: Path, endpoint: Endpoint) -> None:
    data, fragments = BAD_DATA[case]
    path = write(folder, spec_content(endpoint.url), data)
    before, calls = listing(folder), endpoint.calls

    refused(gpo("optimize", path), *fragments)

    assert listing(folder) == before
    assert endpoint.calls == calls


def test_a_missing_spec_names_the_command_that_writes_one(folder: Path) -> None:
    refused(gpo("optimize", "nowhere.yaml"), "nowhere.yaml", "no such file", "gpo spec init")
    assert listing(folder) == {}


def test_a_spec_that_is_no_yaml(folder: Path) -> None:
    (folder / "spec.yaml").write_text("name: [unclosed\n")
    refused(gpo("optimize", "spec.yaml"), "spec.yaml", "not valid YAML", "line")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["optimize", "evaluate"])
def test_answers_that_cannot_be_read_stop_the_run_and_are_shown(command: str, folder: Path) -> None:
    with serving(lambda _request: "Lorem ipsum dolor") as rubbish:
        path = write(folder, spec_content(rubbish.url))
        before = listing(folder)
        refused(gpo(command, path), "openai:task", "8 of 8 answers", "`choice`", "Lorem ipsum dolor")
        assert listing(folder) == before
        assert rubbish.calls_of("task") == 8


def test_a_refused_key_is_neither_retried_nor_shown(folder: Path) -> None:
    os.environ["MY_KEY_TODAY"] = "sk-very-secret-0123456789"

    def refusing_the_task(request: Request) -> Reply | str:
        return Reply("Incorrect API key provided", status=401) if request.model == "task" else right(request)

    with serving(refusing_the_task) as closed:
        content = spec_content(closed.url)
        task_model(api_key_env="MY_KEY_TODAY", max_retries=3, max_concurrency=1)(content)
        path = write(folder, content)
        before = listing(folder)
        result = gpo("optimize", path)
        refused(result, "openai:task", "401")
        assert "very-secret" not in result.stderr
        assert listing(folder) == before
        assert closed.calls_of("task") == 1
        (request,) = (each for each in closed.requests if each.model == "task")
        assert "sk-very-secret-0123456789" in request.headers["authorization"]


def test_debug_shows_the_traceback_with_the_same_exit_code(folder: Path) -> None:
    result = gpo("optimize", "nowhere.yaml", "--debug")
    assert result.exit_code == 2
    assert "Traceback (most recent call last)" in result.stderr
    assert "SpecError" in result.stderr
    assert result.stdout == ""


@pytest.fixture
def failing_examination(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes `gpo doctor` fail with an error of any kind."""

    def prepared(error: BaseException) -> None:
        def fail(*_arguments: object) -> bool:
            raise error

        monkeypatch.setattr("flows.cli.commands.doctor.examine", fail)

    return prepared


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError("sk-very-secret-0123456789 refused\nand more"), "OSError: *** refused"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_an_unforeseen_error_is_one_line_without_keys(
    error: Exception, shown: str, failing_examination: Callable[[BaseException], None]
) -> None:
    failing_examination(error)
    result = gpo("doctor")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {shown}; --debug shows where.\n"
    assert result.stdout == ""

    result = gpo("doctor", "--debug")
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stderr
    assert "very-secret" not in result.stderr


def test_an_exit_passes(failing_examination: Callable[[BaseException], None]) -> None:
    failing_examination(typer.Exit(7))
    assert gpo("doctor").exit_code == 7


def test_only_a_command_that_pays_says_that_what_was_paid_for_is_kept(
    failing_examination: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_examination(KeyboardInterrupt())
    result = gpo("doctor")
    assert (result.exit_code, result.stderr) == (130, "Interrupted.\n")

    def interrupted(*_arguments: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.cli.commands.optimize.run_optimization", interrupted)
    result = gpo("demo")
    assert result.exit_code == 130
    assert result.stderr.startswith("Interrupted. What was paid for is kept")


def test_check_and_run_share_one_event_loop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loops, threads, urls = [], [], []

    class RunError(Exception):
        """The run ends here."""

    async def check(_place: object) -> None:
        loops.append(asyncio.get_running_loop())

    def attach(_home: Path) -> None:
        threads.append(threading.current_thread())
        os.environ["PREFECT_API_URL"] = "http://127.0.0.1:9/api"

    async def run(_spec: Path, _seed: int | None) -> None:
        loops.append(asyncio.get_running_loop())
        urls.append(os.environ["PREFECT_API_URL"])
        raise RunError

    monkeypatch.setattr("flows.cli.commands.optimize.preflight", check)
    monkeypatch.setattr("flows.stack.ui.attach_ui", attach)
    monkeypatch.setitem(sys.modules, "flows.optimize", SimpleNamespace(optimize_prompt=run))
    result = gpo("optimize", write(folder, spec_content("http://127.0.0.1:9/v1")), "--ui")
    assert result.stderr.splitlines() == [
        "starting Prefect",
        "Error: RunError; --debug shows where. What was paid for is kept: the same command goes on from here.",
    ]
    assert loops == [loops[0]] * 2
    assert threads != [threading.main_thread()]
    assert urls == ["http://127.0.0.1:9/api"]


@pytest.mark.slow
def test_the_installed_command_says_the_same(folder: Path) -> None:
    command = [sys.executable, "-m", "flows.cli.app", "optimize", "nowhere.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_with_path())
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].startswith("Error: nowhere.yaml: no such file")
    assert len(done.stderr.splitlines()) == 1


def _with_path() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("command", [[], ["optimize"], ["evaluate"], ["demo"], ["doctor"], ["spec"], ["spec", "init"]])
def test_help(command: list[str]) -> None:
    result = gpo(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    assert "Traceback" not in result.output


def test_help_names_every_command() -> None:
    shown = gpo("--help").stdout
    assert all(command in shown for command in ("demo", "optimize", "evaluate", "doctor", "spec", "ui", "trajectory"))


def test_version() -> None:
    result = gpo("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("gpo ")
    assert len(result.stdout.splitlines()) == 1


def test_an_unknown_option_is_refused() -> None:
    result = gpo("optimize", "spec.yaml", "--sed", "3")
    assert result.exit_code == 2
    assert "--seed" in result.stderr


def test_spec_schema_is_a_json_schema() -> None:
    result = gpo("spec", "schema")
    schema = json.loads(result.stdout)
    assert {"name", "prompt", "dataset"} <= schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_spec_schema_explains_every_field() -> None:
    schema = json.loads(gpo("spec", "schema").stdout)
    kinds = {name: kind for name, kind in schema["$defs"].items() if kind.get("description")}
    assert {"DatasetSpec", "OptimizerSpec", "ModelSpec"} <= kinds.keys()
    unexplained = [
        f"{place}.{name}"
        for place, kind in {"": schema, **kinds}.items()
        for name, field in kind.get("properties", {}).items()
        if not field.get("description") and "$ref" not in field
    ]
    assert not unexplained


def test_the_ui_of_a_state_folder_is_found_where_the_state_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    monkeypatch.setattr("flows.stack.ui.stop_server", lambda home: bool(asked.append(home)))
    assert gpo("ui", "stop").stdout == "none runs\n"
    monkeypatch.setenv("GPO_HOME", str(folder / "state"))
    gpo("ui", "stop")
    gpo("ui", "stop", "--home", "other")
    assert asked == [folder / ".gpo", folder / "state", folder / "other"]


def test_spec_init_writes_a_spec_that_loads(folder: Path) -> None:
    (folder / "reviews.jsonl").write_text(jsonl(rows()))
    result = gpo("spec", "init", "reviews", "--data", "reviews.jsonl")
    assert result.exit_code == 0
    assert "gpo optimize reviews.yaml" in result.stdout
    spec = load_spec(folder / "reviews.yaml")
    assert spec.dataset.path == folder / "reviews.jsonl"
    assert spec.dataset.reference == "label"


def test_spec_init_overwrites_only_when_forced(folder: Path) -> None:
    (folder / "reviews.jsonl").write_text(jsonl(rows()))
    (folder / "reviews.yaml").write_text("mine")
    refused(gpo("spec", "init", "reviews", "--data", "reviews.jsonl"), "reviews.yaml", "--force")
    assert (folder / "reviews.yaml").read_text() == "mine"
    assert gpo("spec", "init", "reviews", "--data", "reviews.jsonl", "--force").exit_code == 0


@pytest.mark.slow
def test_evaluate_pays_once(folder: Path) -> None:
    with serving(right) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        first = json.loads(gpo("evaluate", path, "--json").stdout)
        assert first == {
            "task": "reviews",
            "split": "dev",
            "instruction": "Is it good?",
            "score": 1.0,
            "ci95": [pytest.approx(0.7225, abs=1e-3), 1.0],
            "n": 10,
            "unparsed": 0,
            "weak": 0,
            "failed": 0,
            "cut": 0,
            "calls": {"paid": 10, "cached": 0},
            "usage": {"task": {"calls": 10, "input_tokens": 100, "output_tokens": 10}},
            "cost": None,
        }
        assert (endpoint.calls_of("task"), endpoint.calls_of("optimizer")) == (10, 0)

        second = json.loads(gpo("evaluate", path, "--json").stdout)
        assert second == {**first, "calls": {"paid": 0, "cached": 10}}
        assert endpoint.calls == 10


@pytest.mark.slow
def test_evaluate_asks_as_the_spec_says_and_tells_what_it_cost(folder: Path) -> None:
    """Demonstrations from the training split, a completion model that thinks first, and a judge."""

    def answer(request: Request) -> str:
        if request.model == "optimizer":
            assert "</answer to judge" in request.text
            return "It says so.\nGrade: yes" if re.search(r"right\n</answer", request.text) else "Grade: no"
        *shown, asked = request.text.split("Review: ")[1:]
        assert len(shown) == 2
        assert all(text.endswith(("positive\n\n", "negative\n\n")) for text in shown)
        return " right" if asked.endswith("So?") else " Hm, let me see."

    with serving(answer) as endpoint:
        content = spec_content(
            endpoint.url,
            prompt={"instruction": "Is it good?", "question": "Review: {{review}}", "position": "end"},
            few_shot=2,
            answer={"kind": "free", "extract": "So?"},
            metric={"name": "judge", "rubric": "Is it right?", "scale": "yes/no"},
        )
        content["models"]["task"] |= {"completion": True, "price": {"input": 100, "output": 1000}}
        path = write(folder, content)
        measured = json.loads(gpo("evaluate", path, "--json").stdout)
        assert (measured["score"], measured["n"], measured["failed"]) == (1.0, 10, 0)
        assert measured["calls"] == {"paid": 30, "cached": 0}
        assert {role: usage["calls"] for role, usage in measured["usage"].items()} == {"task": 20, "judge": 10}
        # 20 answers of 10 tokens in and 1 out.
        assert measured["cost"] == pytest.approx(20 * (10 * 100 + 1000) / 1e6)
        first = next(request for request in endpoint.requests if request.model == "task")
        assert first.text.endswith("\nIs it good?\n\n")
        assert first.body["stop"] == ["\n\nReview:"]

        assert json.loads(gpo("evaluate", path, "--json").stdout)["calls"] == {"paid": 0, "cached": 30}
        assert "cost    0.040 in full" in gpo("evaluate", path).stdout


@pytest.mark.slow
def test_evaluate_scores_another_instruction_on_another_split(folder: Path) -> None:
    def contrary(request: Request) -> str:
        answer = right(request)
        return {"positive": "negative", "negative": "positive"}.get(answer, answer) if "Lie" in request.text else answer

    with serving(contrary) as endpoint:
        path = write(folder, spec_content(endpoint.url))
        arguments = ("evaluate", path, "--instruction", "  Lie. ", "--split", "test", "--json")
        scored = json.loads(gpo(*arguments).stdout)
        assert (scored["instruction"], scored["split"], scored["n"], scored["score"]) == ("Lie.", "test", 12, 0.0)
        # The check asks eight dev examples.
        assert scored["calls"] == {"paid": 12 + 8, "cached": 0}
        assert json.loads(gpo(*arguments).stdout)["calls"] == {"paid": 0, "cached": 12}


@pytest.mark.slow
def test_evaluate_in_words(folder: Path, endpoint: Endpoint) -> None:
    path = write(folder, spec_content(endpoint.url))
    result = gpo("evaluate", path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "dev     1.000  (95% interval 0.72 to 1.00; n 10)"
    assert result.stderr.splitlines() == ["dev"]


@pytest.mark.parametrize(
    ("options", "fragments"),
    [
        (["--split", "validation"], ("'validation'", "train, dev, test")),
        (["--instruction", "  \n"], ("blank",)),
        (["--instruction", "Judge {{review}}."], ("{{review}}", "prompt.messages")),
    ],
)
def test_evaluate_refuses(options: list[str], fragments: tuple[str, ...], folder: Path, endpoint: Endpoint) -> None:
    path = write(folder, spec_content(endpoint.url))
    before, calls = listing(folder), endpoint.calls
    refused(gpo("evaluate", path, *options), *fragments)
    assert listing(folder) == before
    assert endpoint.calls == calls


@pytest.mark.slow
def test_evaluate_of_an_empty_split(folder: Path, endpoint: Endpoint) -> None:
    content = spec_content(endpoint.url)
    content["dataset"]["split"] = {"train": 0, "dev": 10, "test": 12}
    refused(gpo("evaluate", write(folder, content), "--split", "train"), "train", "empty")


def test_a_busy_endpoint_is_asked_again(folder: Path) -> None:
    def busy_at_first(request: Request) -> Reply | str:
        return Reply("slow down", status=429, retry_after=0.01) if request.number <= 2 else right(request)

    with serving(busy_at_first) as endpoint:
        content = spec_content(endpoint.url)
        task_model(max_retries=3)(content)
        result = gpo("evaluate", write(folder, content), "--json")
        assert json.loads(result.stdout)["calls"] == {"paid": 10, "cached": 0}
        assert endpoint.calls == 12


@pytest.mark.slow
def test_answers_that_came_before_a_failure_are_not_paid_again(folder: Path) -> None:
    broken = True

    def breaks_late(request: Request) -> Reply | str:
        return Reply("down", status=503) if broken and endpoint.calls_of("task") > 9 else right(request)

    with serving(breaks_late) as endpoint:
        content = spec_content(endpoint.url)
        task_model(max_concurrency=1)(content)
        path = write(folder, content)
        failed = gpo("evaluate", path)
        assert failed.exit_code == 1
        assert failed.stderr.splitlines()[-1].startswith("Error: 1 of 10 calls failed")
        assert failed.stdout == ""
        broken = False
        assert json.loads(gpo("evaluate", path, "--json").stdout)["calls"] == {"paid": 1, "cached": 9}


def improving(request: Request) -> str:
    if request.model == "optimizer":
        return "ready" if "ready" in request.text else f"<START>Decide whether it is good ({request.number}).<END>"
    return right(request) if "Decide" in request.text else "negative"


@pytest.mark.slow
def test_optimize_prints_one_json_object_and_a_plain_log(folder: Path) -> None:
    with serving(improving) as endpoint:
        changes = {"optimizer": {"max_steps": 1, "candidates": 2}}
        path = write(folder, spec_content(endpoint.url, **changes))
        command = [sys.executable, "-m", "flows.cli.app", "optimize", str(path), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_with_path())
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["best"]["test"] == 1.0
    assert summary["calls"]["task"]["paid"] + summary["calls"]["optimizer"]["paid"] == endpoint.calls
    assert Path(summary["report"]).exists()
    lines = done.stderr.splitlines()
    phases = [line for line in lines if line in ("start", "step 1/1", "test")]
    assert phases == ["start", "step 1/1", "test"]
    assert any(line.startswith("  s1c") for line in lines)
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
