import json
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from gpo.errors import PromptError, PublishError
from gpo.messages.message import Message
from gpo.prompts.publishers import publisher as publishers
from gpo.prompts.publishers.publisher import Published, open_publisher, to_double_braces
from gpo.prompts.version import PromptContent, PromptVersion
from tests.gpo.prompts.test_registry import LINEAGE

TEMPLATE = (
    Message(role="system", text='Reply {"label": "x"}.'),
    Message(role="user", text="{{review}}\n{{instruction}}"),
)


def version(
    number: int = 1, instruction: str = "Is it {good}?", template: tuple[Message, ...] = TEMPLATE
) -> PromptVersion:
    content = PromptContent(template=template, instruction=instruction)
    return PromptVersion(
        name="review-sentiment",
        version=number,
        digest=content.digest,
        content=content,
        lineage=LINEAGE,
        note="nightly",
        created_at="2026-01-01T00:00:00.000+00:00",
    )


def test_texts_with_double_braces() -> None:
    assert to_double_braces(version()) == [("system", 'Reply {"label": "x"}.'), ("user", "{{review}}\nIs it {good}?")]
    glued = (Message(role="user", text="{{{instruction}}} {{review}}"), Message(role="user", text="{{x}}"))
    assert to_double_braces(version(template=glued, instruction="a"))[0] == ("user", "{a} {{review}}")
    trap = (Message(role="user", text="{{{{instruction}}}}"),)
    with pytest.raises(PromptError, match="double braces that would be taken for variables"):
        to_double_braces(version(template=trap, instruction="review"))


CHAT = (Message(role="system", text="{{instruction}}"), Message(role="placeholder", text="{{chat}}"))


def test_a_conversation_is_a_placeholder_there_and_images_are_refused() -> None:
    assert to_double_braces(version(template=CHAT)) == [("system", "Is it {good}?"), ("placeholder", "chat")]
    image = Message(role="user", text="[image]", blocks=({"type": "image", "url": "https://example.org/a.png"},))
    shown = version().content.model_copy(update={"demonstrations": (image,)})
    with pytest.raises(PromptError, match="its demonstrations hold images, files or tools"):
        to_double_braces(version().model_copy(update={"content": shown}))


def test_an_unknown_publisher_is_named_with_the_known() -> None:
    with pytest.raises(PromptError, match="no publisher 'mlfow'; did you mean 'mlflow'"):
        open_publisher("mlfow")


class Ours:
    def publish(self, version: PromptVersion, aliases: list[str]) -> Published:
        return Published(where=f"here:{version.version}", is_new=bool(aliases))


def test_a_plug_in_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    found = EntryPoints([EntryPoint("ours", "tests.gpo.prompts.test_publishers:Ours", publishers.GROUP)])
    monkeypatch.setattr(publishers.importlib.metadata, "entry_points", lambda group: found.select(group=group))
    assert open_publisher("ours").publish(version(3), []) == Published(where="here:3", is_new=False)


def test_names_that_packages_and_registries_of_others_rest_on() -> None:
    """Entry points of installed packages, and what was published before, are found under these names for ever."""
    assert publishers.GROUP == "gpo.publishers"
    lineage = LINEAGE.model_copy(update={"run": "7f3a"})
    facts = publishers.version_facts(version().model_copy(update={"lineage": lineage}))
    assert {"gpo.version", "gpo.digest", "gpo.run", "gpo.metric", "gpo.dataset"} <= facts.keys()


def test_a_client_that_fails_says_so_without_its_password() -> None:
    with (
        pytest.raises(
            PublishError, match="MLflow did not take the prompt: OSError: no route to http://\\*\\*\\*@host/x"
        ),
        publishers.publish_errors("MLflow"),
    ):
        raise OSError("no route to http://me:hunter2@host/x\nand more")


@pytest.mark.slow
def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
        publisher = open_publisher("mlflow")
        first = publisher.publish(version(1), ["production"])
        assert first == Published(where="prompts:/review-sentiment/1", is_new=True)
        second = publisher.publish(version(2, "Better?"), [])
        assert second == Published(where="prompts:/review-sentiment/2", is_new=True)
        again = publisher.publish(version(2, "Better?"), ["production", "challenger"])
        assert again == Published(where="prompts:/review-sentiment/2", is_new=False)

        from mlflow.genai import load_prompt, register_prompt

        kept = load_prompt("prompts:/review-sentiment@production")
        assert (kept.version, kept.tags["gpo.version"], kept.commit_message) == (2, "2", "nightly")
        assert kept.tags["gpo.gain"] == "0.1000 (0.0200 to 0.2000)"
        with pytest.raises(PromptError, match="MLflow's prompts have no place for a conversation"):
            publisher.publish(version(3, template=CHAT), [])
        assert load_prompt("prompts:/review-sentiment/1").format(review="{{x}} '\"") == [
            {"role": "system", "content": 'Reply {"label": "x"}.'},
            {"role": "user", "content": "{{x}} '\"\nIs it {good}?"},
        ]
        # Someone else's versions between ours do not mix the numbers up.
        register_prompt("review-sentiment", "by hand")
        assert publisher.publish(version(3, "Best?"), ["production"]).where == "prompts:/review-sentiment/4"
        with pytest.raises(PromptError, match="run its text"):
            publisher.publish(version(4, "{% if x %}"), [])


@dataclass
class Api:
    """A loopback server that speaks as much of an API as a publisher needs; `state` is what it keeps."""

    routes: list[tuple[str, str, Any]]
    seen: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        self.seen.append((method, path))
        for wanted, pattern, reply in self.routes:
            if wanted == method and (match := re.fullmatch(pattern, path)):
                return reply(*match.groups(), query=query, body=body)
        return 404, {"error": f"{method} {path}"}


@contextmanager
def serving(api: Api) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def _reply(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length) or "null")
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            status, content = api.answer(self.command, parts.path, query, body)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _reply  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class LangfuseServer:
    """Versions and labels as Langfuse has them: a label belongs to one version at most."""

    def __init__(self) -> None:
        self.versions: list[dict[str, Any]] = []
        self.api = Api(
            [
                ("GET", r"/api/public/v2/prompts/([\w-]+)", self.get),
                ("POST", r"/api/public/v2/prompts", self.create),
                ("PATCH", r"/api/public/v2/prompts/([\w-]+)/versions/(\d+)", self.label),
            ]
        )

    def get(self, name: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        found = [each for each in self.versions if each["name"] == name and query["label"] in each["labels"]]
        return (200, found[0]) if found else (404, {"error": "LangfuseNotFoundError"})

    def create(self, query: dict[str, str], body: Any) -> tuple[int, Any]:
        self._move(body["labels"])
        made = {**body, "tags": [], "resolutionGraph": None, "version": len(self.versions) + 1}
        self.versions.append({**made, "commitMessage": body.get("commitMessage")})
        return 200, self.versions[-1]

    def label(self, name: str, number: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        self._move(body["newLabels"])
        version = self.versions[int(number) - 1]
        version["labels"] = sorted({*version["labels"], *body["newLabels"]})
        return 200, version

    def _move(self, labels: list[str]) -> None:
        for version in self.versions:
            version["labels"] = [label for label in version["labels"] if label not in labels]


@pytest.mark.slow
def test_langfuse(monkeypatch: pytest.MonkeyPatch) -> None:
    there = LangfuseServer()
    with warnings.catch_warnings(), serving(there.api) as url:
        warnings.simplefilter("ignore")
        pytest.importorskip("langfuse", reason="the extra langfuse is not installed")
        monkeypatch.setenv("LANGFUSE_BASE_URL", url)
        monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", "pk-lf-1")
        monkeypatch.setenv("LANGFUSE_SECRET_KEY", "sk-lf-1")
        publisher = open_publisher("langfuse")
        assert publisher.publish(version(3), ["production"]) == Published(
            where="review-sentiment version 1", is_new=True
        )
        assert publisher.publish(version(4, "Better?"), ["challenger"]).is_new
        again = publisher.publish(version(4, "Better?"), ["production"])
        assert again == Published(where="review-sentiment version 2", is_new=False)
        publisher.publish(version(5, template=CHAT), [])
    assert there.versions.pop()["prompt"][1] == {"type": "placeholder", "name": "chat"}
    assert [each["labels"] for each in there.versions] == [["gpo-v3"], ["challenger", "gpo-v4", "production"]]
    first = there.versions[0]
    assert first["prompt"] == [
        {"role": "system", "content": 'Reply {"label": "x"}.'},
        {"role": "user", "content": "{{review}}\nIs it {good}?"},
    ]
    assert (first["type"], first["config"]["gpo.version"], first["commitMessage"]) == ("chat", "3", "nightly")


class LangsmithServer:
    """Repos, commits and tags as LangSmith has them."""

    def __init__(self) -> None:
        self.repos: set[str] = set()
        self.commits: list[dict[str, Any]] = []
        self.tags: dict[str, str] = {}
        self.api = Api(
            [
                (
                    "GET",
                    r"/settings",
                    lambda **_: (200, {"id": "t", "display_name": "t", "created_at": "2026-01-01T00:00:00Z"}),
                ),
                ("GET", r"/repos/-/([\w-]+)", self.repo),
                ("POST", r"/repos/?", self.create),
                ("GET", r"/commits/-/([\w-]+)/?", self.listed),
                ("GET", r"/commits/-/([\w-]+)/([\w-]+)", self.commit),
                ("POST", r"/commits/-/([\w-]+)", self.push),
                ("POST", r"/repos/-/([\w-]+)/tags", self.tag),
                ("PATCH", r"/repos/-/([\w-]+)/tags/([\w-]+)", self.retag),
            ]
        )

    def repo(self, name: str, **_: Any) -> tuple[int, Any]:
        content = dict.fromkeys(("num_likes", "num_downloads", "num_views", "num_commits"), 0)
        names = {"repo_handle": name, "id": "r", "tenant_id": "t", "full_name": f"-/{name}", "owner": None}
        dates = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        flags = {"is_public": False, "is_archived": False, "tags": [], "description": "", "readme": ""}
        return (200, {"repo": {**content, **names, **dates, **flags}}) if name in self.repos else (404, {})

    def create(self, body: Any, **_: Any) -> tuple[int, Any]:
        self.repos.add(body["repo_handle"])
        return self.repo(body["repo_handle"])

    def listed(self, name: str, **_: Any) -> tuple[int, Any]:
        shown = [
            {**each, "owner": "-", "repo": name, "num_downloads": 0, "num_views": 0} for each in self.commits[::-1]
        ]
        return 200, {"commits": shown, "total": len(shown)}

    def commit(self, name: str, reference: str, **_: Any) -> tuple[int, Any]:
        wanted = self.tags.get(reference)
        found = [
            each
            for each in self.commits
            if each["id"] == wanted or (reference == "latest" and each is self.commits[-1])
        ]
        return (200, {**found[0], "examples": []}) if found else (404, {"detail": "Commit not found"})

    def push(self, name: str, body: Any, **_: Any) -> tuple[int, Any]:
        number = len(self.commits) + 1
        self.commits.append({"id": str(uuid4()), "commit_hash": f"{number:064d}", **body})
        return 200, {"commit": self.commits[-1]}

    def tag(self, name: str, body: Any, **_: Any) -> tuple[int, Any]:
        if body["tag_name"] in self.tags:
            return 409, {"detail": "Tag already exists"}
        self.tags[body["tag_name"]] = body["commit_id"]
        return 200, {}

    def retag(self, name: str, tag: str, body: Any, **_: Any) -> tuple[int, Any]:
        self.tags[tag] = body["commit_id"]
        return 200, {}


@pytest.mark.slow
def test_langsmith(monkeypatch: pytest.MonkeyPatch) -> None:
    there = LangsmithServer()
    with serving(there.api) as url:
        monkeypatch.setenv("LANGSMITH_ENDPOINT", url)
        monkeypatch.setenv("LANGSMITH_API_KEY", "ls-1")
        publisher = open_publisher("langsmith")
        assert publisher.publish(version(3), ["production"]).is_new
        assert publisher.publish(version(4, "Better?"), ["challenger"]).is_new
        again = publisher.publish(version(4, "Better?"), ["production"])
    assert again == Published(where="review-sentiment:00000000", is_new=False)
    first, second = (each["id"] for each in there.commits)
    assert there.tags == {"gpo-v3": first, "gpo-v4": second, "challenger": second, "production": second}
    sent = json.dumps(there.commits[0]["manifest"])
    assert "Is it {{good}}?" in sent
    assert there.commits[0]["description"].startswith("nightly (version 3, ")
