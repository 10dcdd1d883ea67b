"""Serves an index of Chroma to whoever knows its key: `python -m gpo.search.memory.chroma_server FOLDER PORT`.

Chroma's own server checks no key since its version 1, so that every user of the machine reads what it holds. This one
speaks as much of its protocol as a trajectory needs, over the index that is embedded here; clients are Chroma's own.
The key is `GPO_CHROMA_TOKEN`. docs/decisions/0036-shut-by-default.md says why.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gpo.files import make_private
from gpo.ports import HOST
from gpo.search.memory.chroma import HEARTBEAT, open_folder
from gpo.serving.connections import TimedProtocol
from gpo.serving.http_guard import Asgi, guard, local_hosts, require_key
from gpo.settings import load_settings

if TYPE_CHECKING:
    from chromadb.api import ServerAPI

_TENANT = "/api/v2/tenants/{tenant}"
_DATABASE = f"{_TENANT}/databases/{{database}}"
_COLLECTIONS = f"{_DATABASE}/collections"

_Work = Callable[[Mapping[str, str], Mapping[str, Any]], object]


class ChromaServer:
    """The part of Chroma's protocol (v2) that its client speaks for a trajectory, as an ASGI application in `app`."""

    def __init__(self, api: "ServerAPI") -> None:
        """Serve the index behind `api`, the inner client of an embedded Chroma."""
        self._api: Any = api
        of_one = f"{_COLLECTIONS}/{{collection}}"
        routes: tuple[tuple[str, str, _Work], ...] = (
            ("GET", HEARTBEAT, lambda _path, _body: {"nanosecond heartbeat": time.time_ns()}),
            ("GET", "/api/v2/version", lambda _path, _body: self._api.get_version()),
            ("GET", "/api/v2/pre-flight-checks", self._limits),
            ("GET", "/api/v2/auth/identity", _identity),
            ("GET", _TENANT, lambda path, _body: dict(self._api.get_tenant(path["tenant"]))),
            ("GET", _DATABASE, self._database),
            ("GET", _COLLECTIONS, self._list),
            ("POST", _COLLECTIONS, self._create),
            ("GET", of_one, self._collection),
            ("DELETE", of_one, self._delete_collection),
            ("GET", f"{of_one}/count", lambda path, _body: self._api._count(path["collection"], **_place(path))),  # noqa: SLF001
            ("POST", f"{of_one}/get", lambda path, body: self._found(self._api._get, path, body)),  # noqa: SLF001
            ("POST", f"{of_one}/query", lambda path, body: self._found(self._api._query, path, body)),  # noqa: SLF001
            ("POST", f"{of_one}/add", lambda path, body: self._write(self._api._add, path, body)),  # noqa: SLF001
            ("POST", f"{of_one}/update", lambda path, body: self._write(self._api._update, path, body)),  # noqa: SLF001
            ("POST", f"{of_one}/upsert", lambda path, body: self._write(self._api._upsert, path, body)),  # noqa: SLF001
        )
        self.app = Starlette(routes=[Route(path, _endpoint(work), methods=[method]) for method, path, work in routes])
        # The redirect would repeat whatever name the request came under.
        self.app.router.redirect_slashes = False

    def _limits(self, _path: Mapping[str, str], _body: object) -> object:
        return {"max_batch_size": self._api.get_max_batch_size(), "supports_base64_encoding": True}

    def _database(self, path: Mapping[str, str], _body: object) -> object:
        found = self._api.get_database(path["database"], path["tenant"])
        return {**found, "id": str(found["id"])}

    def _list(self, path: Mapping[str, str], asked: Mapping[str, Any]) -> object:
        page = {name: int(asked[name]) for name in ("limit", "offset") if name in asked}
        return [_model(each) for each in self._api.list_collections(**page, **_place(path))]

    def _create(self, path: Mapping[str, str], body: Mapping[str, Any]) -> object:
        given = body.get("configuration") or {}
        # Not the client's function that makes vectors: they come made.
        configuration = {name: given[name] for name in ("hnsw", "spann") if given.get(name)}
        create = self._api.get_or_create_collection if body.get("get_or_create") else self._api.create_collection
        made = create(body["name"], configuration=configuration, metadata=body.get("metadata"), **_place(path))
        return _model(made)

    def _collection(self, path: Mapping[str, str], _body: object) -> object:
        return _model(self._api.get_collection(path["collection"], **_place(path)))

    def _delete_collection(self, path: Mapping[str, str], _body: object) -> object:
        self._api.delete_collection(path["collection"], **_place(path))
        return {}

    def _found(self, read: Callable[..., Any], path: Mapping[str, str], body: Mapping[str, Any]) -> object:
        names = ("ids", "where", "limit", "offset", "where_document", "include", "query_embeddings", "n_results")
        found = read(path["collection"], **{name: body[name] for name in names if name in body}, **_place(path))
        return {name: value for name, value in found.items() if name not in ("included", "data")}

    def _write(self, write: Callable[..., Any], path: Mapping[str, str], body: Mapping[str, Any]) -> object:
        from chromadb.api.types import optional_base64_strings_to_embeddings  # noqa: PLC0415 - two seconds of import

        write(
            collection_id=path["collection"],
            ids=body["ids"],
            embeddings=optional_base64_strings_to_embeddings(body.get("embeddings")),
            metadatas=body.get("metadatas"),
            documents=body.get("documents"),
            uris=body.get("uris"),
            **_place(path),
        )
        return {}


def _place(path: Mapping[str, str]) -> dict[str, str]:
    return {"tenant": path["tenant"], "database": path["database"]}


def _identity(_path: object, _body: object) -> object:
    from chromadb.config import DEFAULT_DATABASE, DEFAULT_TENANT  # noqa: PLC0415 - two seconds of import

    return {"user_id": "", "tenant": DEFAULT_TENANT, "databases": [DEFAULT_DATABASE]}


def _model(collection: Any) -> object:
    """A collection as Chroma's client reads it."""
    return {**collection.model_dump(), "id": str(collection.id)}


def _endpoint(work: _Work) -> Callable[[Request], Any]:
    """What answers a request: `work` on its path and its JSON or query, in a thread, since Chroma blocks."""

    async def answer(request: Request) -> Response:
        try:
            sent = await request.body()
            asked = json.loads(sent) if sent else dict(request.query_params)
            found = await run_in_threadpool(work, request.path_params, asked)
            return _json(found, 200)
        except Exception as error:  # noqa: BLE001 - Chroma's client makes of it what it was
            return _failure(error)

    return answer


def _failure(error: Exception) -> Response:
    from chromadb.errors import ChromaError  # noqa: PLC0415 - two seconds of import

    if isinstance(error, ChromaError):
        return _json({"error": type(error).name(), "message": str(error)}, error.code())
    is_theirs = isinstance(error, KeyError | TypeError | ValueError)
    return _json({"error": type(error).__name__, "message": str(error)}, 400 if is_theirs else 500)


def _json(content: object, status: int) -> Response:
    return Response(json.dumps(content), status, media_type="application/json")


def shut(app: Asgi, key: str, port: int) -> Asgi:
    """The application for whoever knows the key, under this machine's own names."""
    return guard(require_key(app, key, free=(HEARTBEAT,)), local_hosts(port))


def main() -> None:
    """Serve until interrupted."""
    os.umask(0o077)
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    token = load_settings().chroma_token
    if token is None:
        raise SystemExit("GPO_CHROMA_TOKEN: expected the key that clients have to send, received nothing")
    make_private(folder)
    server = ChromaServer(open_folder(str(folder))._server)  # type: ignore[attr-defined] # noqa: SLF001
    app = shut(server.app, token.get_secret_value(), port)
    uvicorn.run(app, host=HOST, port=port, log_level="warning", access_log=False, http=TimedProtocol)


if __name__ == "__main__":
    main()
