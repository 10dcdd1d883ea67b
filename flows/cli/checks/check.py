"""The result of one check, and the check whether a server answers."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

CheckState = Literal["ok", "warning", "failed"]

DISTRIBUTION = "gpo-pipeline"
CONNECT_S = 2.0


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `text` is what was found and, where it is not ok, what to do."""

    name: str
    state: CheckState
    text: str


def check_server(name: str, url: str, variable: str) -> Check:
    """Whether a server answers at `url`, which the environment variable `variable` holds."""
    import httpx

    try:
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        response = httpx.get(url, timeout=CONNECT_S)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The address may hold a password, which the exception's text would repeat.
        text = f"no answer ({type(error).__name__}); start it, or correct or unset {variable}"
        return Check(name=name, state="failed", text=text)
    if response.status_code in (401, 403):
        return Check(name=name, state="warning", text=f"{where} asks for a key")
    if response.is_success:
        return Check(name=name, state="ok", text=f"{where} answers")
    text = f"{where} answers with HTTP {response.status_code}; correct or unset {variable}"
    return Check(name=name, state="failed", text=text)
