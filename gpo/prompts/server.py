"""Serves prompts over HTTP, read-only, for applications in other languages or without access to the database.

| request | answer |
|---|---|
| GET /v1/prompts | names, number of versions, aliases |
| GET /v1/prompts/NAME?alias=ALIAS | the version that the alias, by default `production`, stands for |
| GET /v1/prompts/NAME?version=NUMBER | one version, for ever the same |
| GET /v1/prompts/NAME/history | who moved which alias when and why |
| GET /healthz | 200 while there is something to serve |

Answers come from memory, and are made anew about a second after something has changed. They carry an ETag; a request
with If-None-Match costs no body when nothing changed. While the database is down, the last good answer to the same
request is served, with its Age and a Warning.

A message's `text` holds `{{variables}}`, of which `instruction` is one: replace them all at once. In the place of one
with the role `placeholder` stand the messages of the variable that it names. A demonstration that is more than text has
`blocks` (LangChain's content blocks), or `more` (`tool_calls`, `tool_call_id`).
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from threading import Lock
from typing import Any

import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from gpo.database.engine import open_read_only
from gpo.errors import PromptError, StateError
from gpo.messages.message import Message
from gpo.names import PRODUCTION
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptRecord, PromptVersion
from gpo.serving.connections import TimedProtocol
from gpo.serving.http_guard import Asgi, guard, local_hosts, require_key
from gpo.serving.pages import ServedPages, page_routes
from gpo.serving.served_answers import ServedAnswers

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

_FRESH_S = 10

_MOVING = f"public, max-age={_FRESH_S}, stale-if-error=86400"

_FIXED = "public, max-age=31536000, immutable"

_FREE = ("/healthz", "/reports")
"""Below these no key is asked for: one tells a number, the other has a key of its own."""

_DOWN = "the registry cannot be read for the moment"


class PromptServer:
    """The endpoint over one database, as an ASGI application in `app`."""

    def __init__(self, database: str, clock: Callable[[], float] = time.time, pages: ServedPages | None = None) -> None:
        """Serve the prompts of the SQLAlchemy URL `database`, which need not be reachable yet, and the `pages`."""
        self._database = database
        self._lock = Lock()
        self._engine: Engine | None = None
        self._answers = ServedAnswers(self._mark, clock)
        # Plain functions: Starlette runs them in threads, where the database may block.
        app = Starlette(
            routes=[
                Route("/v1/prompts", self._prompts),
                Route("/v1/prompts/{name}", self._prompt),
                Route("/v1/prompts/{name}/history", self._history),
                Route("/healthz", self._health),
                *(page_routes(pages) if pages is not None else ()),
            ]
        )
        # The redirect would repeat whatever name the request came under.
        app.router.redirect_slashes = False
        self.app = self._answers.in_front_of(app)

    def refresh(self) -> bool:
        """Look for what has changed now; returns whether the database could be read."""
        return self._answers.refresh()

    def keep_fresh(self) -> None:
        """Look for what has changed about every second, until it is closed."""
        self._answers.keep_fresh()

    def close(self) -> None:
        """Let go of the database."""
        self._answers.close()
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _prompts(self, request: Request) -> Response:
        def listed(registry: Registry) -> object:
            return {"prompts": [prompt_json(registry.record(name)) for name in registry.names()]}

        return self._served(request, "", _MOVING, listed)

    def _prompt(self, request: Request) -> Response:
        name = request.path_params["name"]
        query = request.query_params
        if unknown := [key for key in query if key not in ("alias", "version")]:
            return _error(400, f"unknown parameter '{unknown[0]}'; allowed: alias, version")
        if "alias" in query and "version" in query:
            return _error(400, "name either an alias or a version")
        version = query.get("version")
        if version is not None and not _NUMBER.fullmatch(version):
            return _error(400, "the version must be a number from 1")
        reference = version or query.get("alias", PRODUCTION)
        cache = _FIXED if version else _MOVING
        plain = f"version={version}" if version else "" if reference == PRODUCTION else f"alias={reference}"
        return self._served(request, plain, cache, lambda registry: version_json(registry.resolve(name, reference)))

    def _history(self, request: Request) -> Response:
        name = request.path_params["name"]

        def moves(registry: Registry) -> object:
            hidden = {"standing", "below"}
            return {
                "name": name,
                "moves": [move.model_dump(mode="json", exclude=hidden) for move in registry.history(name)],
            }

        return self._served(request, "", _MOVING, moves)

    def _health(self, _request: Request) -> Response:
        try:
            names = self._registry().names()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the database, this is what it means here
            self._answers.note(error)
            status, state = (200, "stale") if len(self._answers) else (503, "down")
            return JSONResponse({"status": state, "error": _DOWN}, status, {"Cache-Control": "no-store"})
        return JSONResponse({"status": "ok", "prompts": len(names)}, headers={"Cache-Control": "no-store"})

    def _served(self, request: Request, query: str, cache: str, read: Callable[[Registry], object]) -> Response:
        """The answer under the path of a request and a query in its plainest form."""

        def make() -> bytes:
            return json.dumps(read(self._registry()), ensure_ascii=False).encode()

        place = (request.url.path, query.encode())
        try:
            answer = self._answers.answer(place, cache, make, moves=cache != _FIXED)
        except PromptError:
            return _error(404, "there is no such prompt, alias or version; /v1/prompts lists what there is")
        except Exception as error:  # noqa: BLE001 - who asks over HTTP is not told where the database is
            self._answers.note(error)
            return _error(503, _DOWN, {"Retry-After": str(_FRESH_S)})
        headers = {"ETag": answer.etag, "Cache-Control": answer.cache, **self._answers.staleness(answer)}
        if answer.matches(request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return Response(answer.body, media_type="application/json", headers=headers)

    def _mark(self) -> object:
        return self._registry().mark()

    def _registry(self) -> Registry:
        with self._lock:
            if self._engine is None:
                self._engine = open_read_only(self._database)
            return Registry(self._engine)


def version_json(version: PromptVersion) -> dict[str, Any]:
    """A version as the endpoint shows it: flat, with the names of its variables."""
    content = version.content
    return {
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "messages": [_message(message) for message in content.template],
        "instruction": content.instruction,
        "demonstrations": [_message(message) for message in content.demonstrations],
        "variables": list(content.variables),
        "lineage": None if version.lineage is None else version.lineage.model_dump(mode="json"),
        "parent": version.parent,
        "note": version.note,
        "created_at": version.created_at,
    }


def _message(message: Message) -> dict[str, Any]:
    """A message as JSON; text alone has a role and a text, as ever."""
    return message.model_dump(mode="json", exclude_defaults=True)


def serve(
    database: str,
    host: str,
    port: int,
    say: Callable[[str], None],
    *,
    pages: ServedPages | None = None,
    key: str | None = None,
) -> None:
    """Serve until interrupted, with a `key` to who knows it alone; `say` is told the address once the port is open.

    Raises:
        StateError: the port cannot be opened.
    """
    config = uvicorn.Config("", host=host, port=port, log_level="warning", access_log=False, http=TimedProtocol)
    try:
        socket = config.bind_socket()
    except SystemExit:
        raise StateError(f"{host}:{port} cannot be listened at; choose another with --port") from None
    server = PromptServer(database, pages=pages)
    try:
        socket.listen(config.backlog)  # from here on a client waits for the server instead of being refused
        address, bound = socket.getsockname()[:2]
        config.app = _shut(server.app, address, bound, key)
        server.keep_fresh()
        say(f"Serving prompts at http://{f'[{address}]' if ':' in address else address}:{bound}/v1/prompts")
        uvicorn.Server(config).run(sockets=[socket])
    finally:
        server.close()
        socket.close()


def _shut(app: Asgi, address: str, port: int, key: str | None) -> Asgi:
    if key is not None:
        app = require_key(app, key, free=_FREE)
    # Under which names others reach a machine, only they know.
    return guard(app, local_hosts(port)) if ip_address(address).is_loopback else app


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, {"Cache-Control": "no-store", **(headers or {})})


def prompt_json(record: PromptRecord) -> Mapping[str, Any]:
    """One prompt in a list, for JSON."""
    newest = record.versions[-1] if record.versions else None
    return {
        "name": record.name,
        "versions": len(record.versions),
        "aliases": dict(record.aliases),
        "created_at": record.created_at,
        "updated_at": newest.created_at if newest else record.created_at,
    }
