"""Speaks with the server over connections that stay open, or does what it does in this process.

It needs no package: the peers' environment has few of ours.
"""

import http.client
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.landscapes.server import handle


class ExhaustedError(Exception):
    """The limit on calls of the task model is reached."""


@dataclass
class Client:
    """One run in one world on a server."""

    port: int
    world: str
    run: str
    timeout_s: float = 120.0
    _local: threading.local = field(default_factory=threading.local)
    _connections: list[http.client.HTTPConnection] = field(default_factory=list)

    def base_url(self, role: str) -> str:
        """The address of a role as an OpenAI-compatible client wants it."""
        return f"http://127.0.0.1:{self.port}/{self.world}/{self.run}/{role}/v1"

    def open(self, limit: int | None) -> None:
        """Begin the run."""
        self._post("open", {"limit": limit})

    def close(self, prompt: str | None) -> dict[str, Any]:
        """End it: counts, and the true quality of the prompt."""
        return self._post("close", {"prompt": prompt})

    def ask(self, role: str, messages: Sequence[Mapping[str, str]], number: int = 1) -> list[str]:
        """So many answers of a model.

        Raises:
            ExhaustedError: the limit on calls of the task model is reached.
        """
        found = self._post(f"{role}/v1/chat/completions", {"model": role, "messages": list(messages), "n": number})
        return [choice["message"]["content"] for choice in found["choices"]]

    def hang_up(self) -> None:
        """Close the connections; another call opens one again."""
        for connection in self._connections:
            connection.close()

    def _post(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if not hasattr(self._local, "connection"):
            self._local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
            self._connections.append(self._local.connection)
        connection = self._local.connection
        connection.request("POST", f"/{self.world}/{self.run}/{action}", json.dumps(body).encode())
        reply = connection.getresponse()
        content: dict[str, Any] = json.loads(reply.read())
        return _read(reply.status, content)


class LocalClient(Client):
    """The same without a server: no time goes by between two processes that wait for each other."""

    def _post(self, action: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return _read(*handle(f"/{self.world}/{self.run}/{action}", body))


def _read(status: int, content: dict[str, Any]) -> dict[str, Any]:
    if status == 403:
        raise ExhaustedError(content["error"]["message"])
    if status != 200:
        raise RuntimeError(f"the server answered {status}: {content}")
    return content
