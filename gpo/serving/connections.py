"""How long and how many strangers may hold connections of a server: some seconds, and some hundred."""

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_S = 10.0
"""How long a client may take to send the head of a request."""

MOST = 1000
"""Connections at a time; further ones are closed at once."""


_Protocol: Any = AutoHTTPProtocol
"""With httptools or without: that, uvicorn finds out."""


class TimedProtocol(_Protocol):  # type: ignore[misc]
    """HTTP for a client that says within `HEADER_S` what it wants."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection, if there are not too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; the time runs from the first byte of a request to the end of its head."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_longer()
        elif self._waiting is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(HEADER_S, self._close_if_silent)

    def _wait_no_longer(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _close_if_silent(self) -> None:
        self._waiting = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
