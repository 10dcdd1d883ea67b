"""An OpenAI-compatible server on the loopback between all methods and two local models: it counts, keeps and scores.

    POST /TASK-SEED/RUN/task/v1/chat/completions         the task model; calls beyond the limit are refused with 403
    POST /TASK-SEED/RUN/optimizer/v1/chat/completions    the optimizer model, also several choices by `n`
    POST /TASK-SEED/RUN/open      {"limit": 400}         a new run
    POST /TASK-SEED/RUN/score     {"text", "reference"}  whether an answer is right: one reader for all methods
    POST /TASK-SEED/RUN/close     {"prompt": "..."}      ends it: counts, and the prompt's score on the test split

The task model is greedy, and what it said to a request is kept: the same request again is counted, and costs no time.
The paths are those of the simulated study, whose client is used here too.
"""

import asyncio
import json
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from benchmarks.real_models.tasks import TASKS, split_task
from gpo.models.local.servers import Endpoint, chat_server
from gpo.scoring.answers import canonical_reference, parse_answer
from gpo.scoring.spec import AnswerSpec
from gpo.settings import Settings

TASK_TOKENS = 16
OPTIMIZER_TOKENS = 400
_PATIENCE_S = 1800.0


@dataclass
class Counts:
    """What a run has asked for."""

    limit: int | None
    task_calls: int = 0
    refused: int = 0
    optimizer_calls: int = 0
    began: float = 0.0


class Models:
    """The two models, one request each at a time, and the answers of the task model so far."""

    def __init__(self, endpoints: Mapping[str, Endpoint], kept: Path) -> None:
        self._endpoints = endpoints
        self._locks = {role: threading.Lock() for role in endpoints}
        self._kept = kept
        lines = kept.read_text("utf-8").splitlines() if kept.exists() else []
        self._answers: dict[str, str] = dict(json.loads(line) for line in lines)

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """What the task model says, greedily."""
        key = json.dumps(messages, sort_keys=True)
        with self._locks["task"]:
            if key not in self._answers:
                said = self._ask("task", messages, {"temperature": 0, "max_tokens": TASK_TOKENS})
                self._answers[key] = said
                with self._kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([key, said]) + "\n")
            return self._answers[key]

    def propose(self, messages: Sequence[Mapping[str, Any]], body: Mapping[str, Any]) -> str:
        """What the optimizer model says, at the temperature of the request."""
        tokens = min(body.get("max_tokens") or body.get("max_completion_tokens") or OPTIMIZER_TOKENS, OPTIMIZER_TOKENS)
        with self._locks["optimizer"]:
            return self._ask(
                "optimizer", messages, {"temperature": body.get("temperature", 1.0), "max_tokens": int(tokens)}
            )

    def _ask(self, role: str, messages: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any]) -> str:
        endpoint = self._endpoints[role]
        reply = httpx.post(
            f"{endpoint.base_url}/chat/completions",
            json={"model": endpoint.model, "messages": list(messages), **parameters},
            headers={"Authorization": f"Bearer {endpoint.key}"},
            timeout=_PATIENCE_S,
        )
        reply.raise_for_status()
        return str(reply.json()["choices"][0]["message"]["content"])


class Study:
    """All runs that are open."""

    def __init__(self, models: Models, data: Path) -> None:
        self._models = models
        self._data = data
        self._runs: dict[str, Counts] = {}

    def handle(self, path: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and content of the reply to a request."""
        _, world, run, action, *_ = path.split("/")
        key = f"{world}/{run}"
        name, seed = world.rsplit("-", 1)
        if action == "open":
            self._runs[key] = Counts(body.get("limit"), began=time.monotonic())
            return 200, {}
        if action == "close":
            return 200, self._sum_up(self._runs.pop(key), name, int(seed), body["prompt"])
        if action == "score":
            return 200, {"right": is_right(name, body["text"], body["reference"])}
        if action == "optimizer":
            return 200, self._propose(self._runs[key], body)
        return self._answer(self._runs[key], body["messages"], is_test=self._is_test(name, int(seed), body["messages"]))

    def _propose(self, counts: Counts, body: Mapping[str, Any]) -> dict[str, Any]:
        choices = int(body.get("n") or 1)
        counts.optimizer_calls += choices
        return _completion([self._models.propose(body["messages"], body) for _ in range(choices)])

    def _answer(self, counts: Counts, messages: Any, *, is_test: bool) -> tuple[int, dict[str, Any]]:
        """Calls on the test split are not counted, and never refused."""
        if not is_test and counts.limit is not None and counts.task_calls >= counts.limit:
            counts.refused += 1
            return 403, {"error": {"message": f"{counts.limit} calls of the task model were made"}}
        counts.task_calls += not is_test
        return 200, _completion([self._models.answer(messages)])

    def _is_test(self, name: str, seed: int, messages: Sequence[Mapping[str, Any]]) -> bool:
        return messages[-1]["content"] in {item.text for item in split_task(self._data, name, seed)["test"]}

    def _sum_up(self, counts: Counts, name: str, seed: int, prompt: str) -> dict[str, Any]:
        searched_s = time.monotonic() - counts.began
        rights = [
            is_right(name, self._models.answer(request(prompt, item.text)), item.reference)
            for item in split_task(self._data, name, seed)["test"]
        ]
        return {
            "test": round(sum(rights) / len(rights), 4),
            "task_calls": counts.task_calls,
            "optimizer_calls": counts.optimizer_calls,
            "refused": counts.refused,
            "searched_s": round(searched_s, 1),
        }


def request(instruction: str, text: str) -> list[dict[str, str]]:
    """The form in which every method asks the task model."""
    return [{"role": "system", "content": instruction}, {"role": "user", "content": text}]


def is_right(task: str, text: str, reference: str) -> bool:
    """Whether the library's reader finds the reference in an answer."""
    answer = AnswerSpec.model_validate({"kind": "choice", "labels": list(TASKS[task].labels)})
    return parse_answer(text, answer) == canonical_reference(reference, answer)


def _completion(texts: Sequence[str]) -> dict[str, Any]:
    choices = [
        {"index": number, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        for number, text in enumerate(texts)
    ]
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage}


class Served:
    """The server in a thread, and the models behind it, as long as the context is open."""

    def __init__(self, data: Path, models: Mapping[str, str], kept: Path) -> None:
        self._data, self._names, self._kept = data, models, kept

    async def __aenter__(self) -> int:
        """The port."""
        self._stack = AsyncExitStack()
        settings = Settings()
        endpoints = {
            role: await self._stack.enter_async_context(chat_server(model, settings))
            for role, model in self._names.items()
        }
        study = Study(Models(endpoints, self._kept), self._data)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(study))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return int(self._server.server_address[1])

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()
        await self._stack.aclose()


def _handler_of(study: Study) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            try:
                status, content = study.handle(self.path, body)
            except Exception as error:  # noqa: BLE001 - one wrong request must not end the others' runs
                status, content = 500, {"error": {"message": f"{self.path}: {error!r}"}}
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            """Nothing: the runner tells what is done."""

    return Handler
