"""The action for pull requests: its shell lines are run as they stand, the comment against an API on loopback."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.commands import gpo
from tests.support.paths import EXAMPLES, ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}
MARK = "<!-- gpo check: tickets -->"


def schema(name: str) -> Any:
    return json.loads((files("check_jsonschema") / f"builtin_schemas/vendor/{name}.json").read_text(encoding="utf-8"))


def run_step(name: str, known: Mapping[str, str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The shell lines of a step, with the environment that GitHub would give them."""
    step = STEPS[name]
    inputs = {f"inputs.{key}": str(each.get("default", "")) for key, each in ACTION["inputs"].items()}
    values = {**inputs, **known}
    given = {
        key: re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda found: values[found[1]], text) for key, text in step["env"].items()
    }
    environment = {**os.environ, **given, **more, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


class Api:
    """The comments of one pull request, and who may change them."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.allows = True


@contextmanager
def github(api: Api) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def reply(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def begin(self) -> str:
            assert self.headers["Authorization"] == "Bearer secret"
            api.asked.append(f"{self.command} {self.path}")
            length = int(self.headers["Content-Length"] or 0)
            return str(json.loads(self.rfile.read(length))["body"]) if length else ""

        def do_GET(self) -> None:
            self.begin()
            page = int(self.path.rpartition("=")[2])
            self.reply(api.comments[100 * (page - 1) : 100 * page])

        def do_POST(self) -> None:
            text = self.begin()
            if not api.allows:
                self.reply({"message": "Resource not accessible by integration"}, 403)
                return
            api.comments.append({"id": len(api.comments) + 1, "body": text, "html_url": f"c{len(api.comments) + 1}"})
            self.reply(api.comments[-1], 201)

        def do_PATCH(self) -> None:
            text = self.begin()
            found = next(each for each in api.comments if self.path.endswith(f"/{each['id']}"))
            if found.get("is_others"):
                self.reply({}, 403)
                return
            found["body"] = text
            self.reply(found)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def comment(url: str, folder: Path, text: str) -> str:
    summary = folder / "summary.md"
    summary.write_text(f"{MARK}\n{text}\n", encoding="utf-8")
    known = {
        "steps.check.outputs.summary": str(summary),
        "github.event.pull_request.number": "7",
        "github.repository": "a/b",
        "github.api_url": url,
        "github.action_path": str(ROOT),
        "inputs.token": "secret",
    }
    result = run_step("Comment", known, folder, NO_PROXY="127.0.0.1")
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_action_and_the_example_fit_the_schemas_of_github() -> None:
    jsonschema.validate(ACTION, schema("github-actions"))
    example = yaml.safe_load((EXAMPLES / "check-prompts.yml").read_text(encoding="utf-8"))
    workflow = {"on" if name is True else name: value for name, value in example.items()}
    jsonschema.validate(workflow, schema("github-workflows"))
    used = next(step for step in workflow["jobs"]["tickets"]["steps"] if step["uses"].startswith("OWNER/"))
    assert set(used["with"]) <= set(ACTION["inputs"])


def test_nothing_of_a_workflow_is_pasted_into_a_script() -> None:
    assert not [name for name, step in STEPS.items() if "${{" in step["run"]]


@pytest.mark.parametrize(
    ("version", "extras", "installed"),
    [
        ("action", "", f"{ROOT}[pipeline]"),
        ("action", "postgres", f"{ROOT}[pipeline,postgres]"),
        ("0.2.0", "a,b", "gpo-pipeline[pipeline,a,b]==0.2.0"),
    ],
)
def test_the_package_is_that_of_the_action_unless_a_version_is_named(
    version: str, extras: str, installed: str, tmp_path: Path
) -> None:
    """With the beginning of the line as a function of the shell: nothing is installed."""
    script = STEPS["Install"]["run"]
    known = {"inputs.version": version, "inputs.extras": extras, "github.action_path": str(ROOT)}
    STEPS["Told"] = {**STEPS["Install"], "run": 'python() { echo "${@: -1}"; }\n' + script}
    assert run_step("Told", known, tmp_path).stdout == f"{installed}\n"
    del STEPS["Told"]


@pytest.mark.slow
def test_one_comment_is_written_and_then_updated(tmp_path: Path) -> None:
    api = Api()
    api.comments = [{"id": n, "body": f"talk {n}", "html_url": f"c{n}"} for n in range(1, 103)]
    api.comments[0] |= {"body": f"{MARK}\r\nnot ours", "is_others": True}
    with github(api) as url:
        assert "c103" in comment(url, tmp_path, "first")
        assert "c103" in comment(url, tmp_path, "second")
        assert [each["body"] for each in api.comments if each["body"].startswith(MARK + "\n")] == [f"{MARK}\nsecond\n"]
        assert len(api.comments) == 103
        api.comments, api.allows = [], False
        assert "::warning::The verdict could not be commented: HTTP 403" in comment(url, tmp_path, "third")


def test_a_summary_that_is_too_long_is_cut_between_lines_and_what_is_open_is_closed(tmp_path: Path) -> None:
    api, lines = Api(), "\n".join(f"line {n} <details>" for n in range(9_000))
    text = f"<details><summary>The prompt</summary>\n\n````text\n```\n{lines}\n````\n\n</details>"
    with github(api) as url:
        comment(url, tmp_path, text)
    (body,) = (each["body"] for each in api.comments)
    assert len(body) < 65_536
    assert re.search(
        r"\nline \d+ <details>\n````\n\n</details>\n\n\(cut: the summary of the job has the rest\)\n$", body
    )


@pytest.mark.slow
@pytest.mark.usefixtures("own_environment")
def test_the_steps_check_a_prompt_and_say_what_it_came_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = yaml.safe_load((EXAMPLES / "synthetic" / "demo.yaml").read_text(encoding="utf-8"))
    spec["dataset"] |= {
        "path": str(EXAMPLES / "synthetic" / "questions.jsonl"),
        "split": {"train": 0, "dev": 4, "test": 40},
    }
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    (tmp_path / "new prompt.txt").write_text("Guess if unsure. Answer as fast as possible.", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert gpo("prompt", "register", "spec.yaml").exit_code == 0
    output, shown = tmp_path / "output", tmp_path / "shown"
    known = {"inputs.spec": "spec.yaml", "inputs.prompt": "new prompt.txt", "runner.temp": str(tmp_path)}
    files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(shown)}

    checked = run_step("Check", {**known, "inputs.args": "--home .gpo"}, tmp_path, **files)
    assert checked.returncode == 0, checked.stderr
    outputs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    assert outputs["verdict"] in ("worse", "not proven")
    assert json.loads(Path(outputs["json"]).read_text(encoding="utf-8"))["outcome"] == outputs["verdict"]
    assert shown.read_text(encoding="utf-8").startswith("<!-- gpo check: synthetic-demo -->")
    assert (tmp_path / "gpo-check.xml").exists()


def test_a_misspelt_input_ends_the_job_before_anything_is_installed_or_asked(tmp_path: Path) -> None:
    assert next(iter(STEPS)) == "Look at the inputs"
    assert "if" not in STEPS["Look at the inputs"]
    for fail_on, code in {"not-proven": 0, "worse": 0, "never": 0, "not proven": 2, "": 2}.items():
        found = run_step("Look at the inputs", {"inputs.fail-on": fail_on}, tmp_path)
        assert (found.returncode, f"::error::fail-on: received '{fail_on}'" in found.stdout) == (code, code == 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fail_on", "ends"),
    [
        ("not-proven", {"same": 0, "passes": 0, "worse": 1, "not proven": 1}),
        ("worse", {"same": 0, "passes": 0, "worse": 1, "not proven": 0}),
        ("never", {"worse": 0, "not proven": 0}),
    ],
)
def test_the_job_ends_as_its_workflow_wants(fail_on: str, ends: dict[str, int], tmp_path: Path) -> None:
    for verdict, code in ends.items():
        known = {"steps.check.outputs.verdict": verdict, "inputs.fail-on": fail_on}
        assert run_step("Decide", known, tmp_path).returncode == code, verdict
