"""Serves the pages of a folder to whoever knows the key, as HTTP Basic has it: a browser asks for it by itself.

The pages hold examples of the user's data, which the prompts beside them do not: without a key nothing is served.
"""

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

INDEX = "index.html"

_KINDS: Mapping[str, str] = {
    ".html": "text/html; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/jsonl",
}

_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_ASK = {**_HEADERS, "WWW-Authenticate": 'Basic realm="gpo reports", charset="UTF-8"'}


class ServedPages(NamedTuple):
    """A folder of pages and the key to them; without a key they are not served."""

    folder: Path
    key: str | None = None


def page_routes(pages: ServedPages) -> list[Route]:
    """The routes of `/reports`: the list of all, and what lies beside and below it."""
    answer = _answer(pages)
    return [
        Route("/reports", lambda _request: RedirectResponse("reports/", 307, _HEADERS)),
        Route("/reports/{path:path}", answer),
    ]


def _answer(pages: ServedPages) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        if not pages.key:
            return JSONResponse({"error": "reports are served with a key alone: set GPO_REPORTS_KEY"}, 404, _HEADERS)
        if not _knows(request.headers.get("authorization", ""), pages.key):
            return JSONResponse({"error": "the key of the reports is needed, as the password"}, 401, _ASK)
        path = _find(pages.folder, request.path_params["path"] or INDEX)
        if path is None:
            return JSONResponse({"error": "there is no such page; `gpo reports` writes the list of all"}, 404, _HEADERS)
        return FileResponse(path, headers={**_HEADERS, "Content-Type": _KINDS[path.suffix]})

    return answer


def _knows(header: str, key: str) -> bool:
    """Whether an `Authorization` header has the key as its password, whoever the user is."""
    kind, _, value = header.partition(" ")
    if kind.casefold() != "basic":
        return False
    try:
        given = base64.b64decode(value, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, key.encode())


def _find(folder: Path, wanted: str) -> Path | None:
    """The file of a page, which lies in the folder and is of a kind that is shown."""
    whole, is_hidden = folder.resolve(), any(part.startswith(".") for part in Path(wanted).parts)
    try:
        path = (whole / wanted).resolve()
        is_page = path.is_relative_to(whole) and path.suffix in _KINDS and path.is_file()
    except (OSError, ValueError):  # no name that a file can have
        return None
    return path if is_page and not is_hidden else None
