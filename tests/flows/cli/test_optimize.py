"""`gpo optimize` from outside: exit codes, one clear message, nothing on stdout and nothing written when it fails."""

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from gpo.database.engine import open_state, read_transaction
from gpo.database.tables import calls
from gpo.errors import StateError
from gpo.report.page.material import report_path
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from tests.support.commands import (
    Content,
    closed_port,
    environment,
    gpo,
    jsonl,
    listing,
    refused,
    right,
    rows,
    spec_content,
    task_model,
    write,
)
from tests.support.endpoint import Endpoint, Reply, Request, serving

pytestmark = pytest.mark.usefixtures("folder")


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
        lambda c: c.update(budget={"max_task_calls": 20}, optimizer="gpo"),
        ("`budget.max_task_calls` is 20", "the start and one step need 30"),
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


@pytest.mark.slow
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


def test_escapes_in_a_spec_do_not_reach_the_terminal(folder: Path) -> None:
    content = spec_content("http://127.0.0.1:9/v1")
    result = gpo("optimize", write(folder, content | {"a\x1b[2Jb": 1}))
    refused(result, "a\\x1b[2Jb")
    assert "\x1b" not in result.stderr


def test_check_and_run_share_one_event_loop(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loops, threads, urls = [], [], []

    class RunError(Exception):
        """The run ends here."""

    async def check(_job: object, **_options: object) -> None:
        loops.append(asyncio.get_running_loop())

    def claim(_server: object) -> None:
        threads.append(threading.current_thread())
        os.environ["PREFECT_API_URL"] = "http://127.0.0.1:9/api"

    async def run(_spec: Path, _seed: int | None, **_options: object) -> None:
        loops.append(asyncio.get_running_loop())
        urls.append(os.environ["PREFECT_API_URL"])
        raise RunError

    monkeypatch.setattr("gpo.runs.preflight.preflight", check)
    monkeypatch.setattr("gpo.runs.steps.begin_start", lambda _checked: nullcontext())
    for name, replacement in {"begin": lambda _server: None, "claim": claim}.items():
        monkeypatch.setattr(f"flows.stack.ui.RunServer.{name}", replacement)
    monkeypatch.setitem(sys.modules, "flows.optimize", SimpleNamespace(optimize_file=run))
    result = gpo("optimize", write(folder, spec_content("http://127.0.0.1:9/v1")), "--ui")
    assert result.stderr.splitlines() == [
        "Error: RunError; --debug shows where. What was paid for is kept: the same command goes on from here.",
    ]
    assert loops == [loops[0]] * 2
    assert threads != [threading.main_thread()]
    assert urls == ["http://127.0.0.1:9/api"]


@pytest.mark.slow
def test_the_start_is_scored_while_prefect_starts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = time.monotonic() + 60
    with serving(right) as endpoint:

        async def start(*_: object) -> None:
            while endpoint.calls < 8 + 1 + 2:  # the check, and what is left of dev
                assert time.monotonic() < ends
                await asyncio.sleep(0.01)
            raise StateError("the Prefect server did not start")

        monkeypatch.setattr("flows.cli.starting.start_prefect", start)
        monkeypatch.setattr("flows.stack.ui.RunServer.begin", lambda _server: None)
        path = write(folder, spec_content(endpoint.url))
        result = gpo("optimize", path)
    assert result.exit_code == 1, result.output
    job = load_job(path)
    with open_state(job.settings, job.home) as engine, read_transaction(engine) as connection:
        kept = connection.execute(select(func.count()).select_from(calls).where(calls.c.role == "task")).scalar_one()
    assert kept == 10


def improving(request: Request) -> str:
    if request.model == "optimizer":
        return "ready" if "ready" in request.text else f"<START>Decide whether it is good ({request.number}).<END>"
    return right(request) if "Decide" in request.text else "negative"


TELLING_OF_MODULES = """
import atexit, sys
from flows.cli.entry import main
slow = {"prefect", "pandas", "numpy", "chromadb", "langchain", "langchain_core", "sqlalchemy", "aiohttp", "httpx"}
atexit.register(lambda: print("loaded:", sorted(slow & sys.modules.keys()), file=sys.stderr))
main()
"""


@pytest.mark.slow
def test_a_run_that_has_ended_is_printed_again_without_a_call_or_a_server(folder: Path) -> None:
    with serving(improving) as endpoint:
        path = write(folder, spec_content(endpoint.url, optimizer={"max_steps": 1, "candidates": 2}))
        job = load_job(path)
        outcome = asyncio.run(optimize(job))
        asked = endpoint.calls
        (report := report_path(job.home, outcome.run_id)).parent.mkdir()
        report.touch()
        command = [sys.executable, "-c", TELLING_OF_MODULES, "optimize", str(path), "--json"]
        result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environment())
        assert endpoint.calls == asked
    # Each of these takes longer to load than the whole command may.
    assert result.stderr.splitlines() == ["This run has ended before; --fresh asks anew.", "loaded: []"]
    summary = json.loads(result.stdout)
    assert (summary["run_id"], summary["best"]["instruction"]) == (outcome.run_id, outcome.best.candidate.instruction)
    assert summary["calls"]["task"]["paid"] == 0
    assert summary["calls"]["task"]["cached"] == outcome.usage["task"].calls > 0
    assert not (job.home / "prefect-server.json").exists()


@pytest.mark.slow
def test_optimize_prints_one_json_object_and_a_plain_log(folder: Path) -> None:
    with serving(improving) as endpoint:
        # A metric of one's own may print: stdout is JSON alone all the same.
        (folder / "scoring.py").write_text(
            "def f(answer, reference):\n    print('scored')\n    return answer == reference"
        )
        changes = {"optimizer": {"max_steps": 1, "candidates": 2}, "metric": "scoring:f"}
        path = write(folder, spec_content(endpoint.url, **changes))
        command = [sys.executable, "-m", "flows.cli.app", "optimize", str(path), "--fresh", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment())
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["best"]["test"] == 1.0
    assert summary["calls"]["task"]["paid"] + summary["calls"]["optimizer"]["paid"] == endpoint.calls
    assert Path(summary["report"]).exists()
    lines = done.stderr.splitlines()
    phases = [line.partition(":")[0] for line in lines if re.match(r"(start|step 1/1|test): at most \d+ calls$", line)]
    assert phases == ["start", "step 1/1", "test"]
    assert any(line.startswith("  s1c") for line in lines)
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
