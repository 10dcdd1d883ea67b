"""Answers of a read-only server: made once, served from memory, and made anew by a thread when something has changed.

So a request waits for no database, and a database that is away is noticed once, not by every request.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gpo.errors import PromptError
from gpo.serving.http_guard import Asgi, Receive, Scope, Send

Place = tuple[str, bytes]
"""What an answer is asked for under: path and query string."""

Make = Callable[[], bytes]
"""Makes an answer's body. PromptError: there is none."""

REFRESH_S = 1.0
"""How often the thread looks whether something has changed."""

WHOLE_S = 10.0
"""How old answers may be that were not made anew, though nothing seems to have changed."""

_MOST = 4096
"""Answers that are held; further ones are made for each request."""

_STALE = '111 - "Revalidation Failed"'

_log = logging.getLogger(__name__)


class ServedAnswer(NamedTuple):
    """A body of JSON with its hash, and how long others may keep it."""

    body: bytes
    etag: str
    cache: str
    made_at: float

    def matches(self, condition: str) -> bool:
        """Whether who sends `If-None-Match: condition` has it."""
        tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
        return self.etag in tags or "*" in tags


class _Held(NamedTuple):
    answer: ServedAnswer
    make: Make
    moves: bool
    start: Mapping[str, object]
    """The beginning of the response, as ASGI has it."""


class ServedAnswers:
    """The answers of one server.

    `mark` tells whether something has changed since it was asked last: then it differs. It raises while the source
    cannot be read; the last good answers are served until then, with their age and a warning.
    """

    def __init__(self, mark: Callable[[], object], clock: Callable[[], float] = time.time) -> None:
        """Hold nothing yet; `keep_fresh` starts the thread."""
        self._source_mark = mark
        self._clock = clock
        self._held: dict[Place, _Held] = {}
        self._mark: object = None
        self._made_at = self._seen_at = clock()
        self._fails = False
        self._refreshing = threading.Lock()
        self._closed = threading.Event()

    def answer(self, place: Place, cache: str, make: Make, *, moves: bool) -> ServedAnswer:
        """The answer for a place, from memory if it is there; one that `moves` is made anew when something changes.

        Raises:
            Exception: as `make`.
        """
        if (held := self._held.get(place)) is not None:
            return held.answer
        found = self._made(cache, make)
        self.note(None)
        if len(self._held) < _MOST:
            self._held[place] = _Held(found, make, moves, _start(found))
        return found

    def __len__(self) -> int:
        return len(self._held)

    def staleness(self, answer: ServedAnswer) -> dict[str, str]:
        """Headers that tell how old an answer is while the source cannot be read; else none."""
        if not self._fails:
            return {}
        age = self._clock() - max(answer.made_at, self._seen_at)
        return {"Age": str(max(0, round(age))), "Warning": _STALE}

    def refresh(self) -> bool:
        """Look at the source now, and make anew what may have changed; returns whether it could be read."""
        with self._refreshing:
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - an answer of yesterday is better than none
                self.note(error)
                return False
            self._seen_at = self._clock()
            self.note(None)
            return True

    def note(self, error: Exception | None) -> None:
        """Log the first failure of a row, and its end."""
        if error is not None and not self._fails:
            _log.warning("the last good answers are served: %s", error)
        if error is None and self._fails:
            _log.warning("the source of the answers can be read again")
        self._fails = error is not None

    def keep_fresh(self) -> None:
        """Start the thread; it ends with `close`."""
        threading.Thread(target=self._watch, name="served-answers", daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()

    def in_front_of(self, rest: Asgi) -> Asgi:
        """An application that answers what is held at once, and leaves all else to `rest`."""

        async def served(scope: Scope, receive: Receive, send: Send) -> None:
            held = None
            if scope["type"] == "http" and scope["method"] == "GET" and not self._fails:
                held = self._held.get((scope["path"], scope["query_string"]))
            if held is None or any(name == b"if-none-match" for name, _ in scope["headers"]):
                await rest(scope, receive, send)
                return
            await send(dict(held.start))
            await send({"type": "http.response.body", "body": held.answer.body})

        return served

    def _watch(self) -> None:
        while not self._closed.wait(REFRESH_S):
            self.refresh()

    def _look(self) -> None:
        mark, now = self._source_mark(), self._clock()
        if mark == self._mark and now - self._made_at < WHOLE_S:
            return
        for place, held in list(self._held.items()):
            if not held.moves:
                continue
            try:
                found = self._made(held.answer.cache, held.make)
            except PromptError:
                del self._held[place]
            else:
                self._held[place] = held._replace(answer=found, start=_start(found))
        self._mark, self._made_at = mark, now

    def _made(self, cache: str, make: Make) -> ServedAnswer:
        body = make()
        return ServedAnswer(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', cache, self._clock())


def _start(answer: ServedAnswer) -> dict[str, object]:
    headers = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        (b"etag", answer.etag.encode()),
        (b"cache-control", answer.cache.encode()),
    )
    return {"type": "http.response.start", "status": 200, "headers": headers}
