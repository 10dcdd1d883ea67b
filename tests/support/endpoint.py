"""A real OpenAI-compatible HTTP server on the loopback interface, with answers that a test decides.

    with serving(lambda request: "positive") as endpoint:
        ...  # base_url: endpoint.url, model: openai:anything
    assert endpoint.calls == 8

A responder that raises answers with HTTP 500 and is raised again when the server ends: no request goes by unnoticed.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass(frozen=True)
class Request:
    """One call: `text` is all its messages together, or the prompt of a completion; `number` counts from 1.

    Header names are lower case.
    """

    number: int
    model: str
    text: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What goes back. A status other than 200 sends an error; `latency_s` passes first.

    `tool_calls` are names of tools with their arguments.
    """

    text: str = ""
    status: int = 200
    retry_after: float | None = None
    latency_s: float = 0.0
    input_tokens: int = 10
    output_tokens: int = 1
    finish_reason: str = "stop"
    tool_calls: tuple[tuple[str, Mapping[str, Any]], ...] = ()


Responder = Callable[[Request], Reply | str]


@dataclass
class Endpoint:
    """The running server. `respond` may be changed while it runs; `requests` are those that came, in order."""

    respond: Responder
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def calls(self) -> int:
        return len(self.requests)

    def calls_of(self, model: str) -> int:
        return sum(request.model == model for request in self.requests)

    def answer(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        with self._lock:
            text = _text(body)
            request = Request(len(self.requests) + 1, str(body["model"]), text, body, headers)
            self.requests.append(request)
        try:
            reply = self.respond(request)
        except Exception as error:  # noqa: BLE001 - raised again when the server ends
            self.errors.append(error)
            return Reply(f"the test's responder raised {error!r}", status=500)
        reply = Reply(reply) if isinstance(reply, str) else reply
        self._stopping.wait(reply.latency_s)
        return reply

    def stop(self) -> None:
        self._stopping.set()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    endpoint: ClassVar[Endpoint]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != ("/v1/chat/completions" if "messages" in body else "/v1/completions"):
            self._send(404, {"error": {"message": f"no such route: {self.path}", "type": "not_found"}})
            return
        reply = self.endpoint.answer(body, {name.lower(): value for name, value in self.headers.items()})
        if reply.status != 200:
            retry = {} if reply.retry_after is None else {"Retry-After": f"{reply.retry_after:g}"}
            self._send(reply.status, {"error": {"message": reply.text or "refused", "type": "refused"}}, retry)
        else:
            kind = _chat_completion if "messages" in body else _completion
            self._send(200, kind(str(body["model"]), reply))

    def _send(self, status: int, content: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def _text(body: Mapping[str, Any]) -> str:
    if "messages" in body:
        return "\n".join(str(message["content"]) for message in body["messages"])
    prompt = body["prompt"]
    return str(prompt[0] if isinstance(prompt, list) else prompt)


def _chat_completion(model: str, reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.text}
    if reply.tool_calls:
        functions = [{"name": name, "arguments": json.dumps(given)} for name, given in reply.tool_calls]
        calls = [{"id": f"call_{at}", "type": "function", "function": each} for at, each in enumerate(functions)]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "finish_reason": reply.finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", **_answer(model, reply, choice)}


def _completion(model: str, reply: Reply) -> dict[str, Any]:
    choice = {"index": 0, "text": reply.text, "finish_reason": reply.finish_reason, "logprobs": None}
    return {"id": "cmpl-1", "object": "text_completion", **_answer(model, reply, choice)}


def _answer(model: str, reply: Reply, choice: Mapping[str, Any]) -> dict[str, Any]:
    usage = {"prompt_tokens": reply.input_tokens, "completion_tokens": reply.output_tokens}
    total = reply.input_tokens + reply.output_tokens
    return {"created": 0, "model": model, "choices": [choice], "usage": {**usage, "total_tokens": total}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was cancelled hangs up in the middle of an answer."""


@contextmanager
def serving(respond: Responder) -> Iterator[Endpoint]:
    """A server that answers every chat call with `respond`, until the context ends."""
    endpoint = Endpoint(respond)
    handler = type("Handler", (_Handler,), {"endpoint": endpoint})
    with _Server(("127.0.0.1", 0), handler) as server:
        endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield endpoint
        finally:
            endpoint.stop()
            server.shutdown()
            thread.join()
    if endpoint.errors:
        raise endpoint.errors[0]
