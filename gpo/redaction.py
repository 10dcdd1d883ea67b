"""Names that give a secret away: what is named so is neither kept nor sent as a parameter."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

_SECRET_NAME = re.compile(
    r"(?:.*[-_])?(?:(?:api|access|subscription)[-_]?key|authorization|credentials?|password|secret"
    r"|(?:access|auth|bearer|session)[-_]?token)|(?:hf[-_])?token",
    re.IGNORECASE,
)


def find_secret(content: object) -> str | None:
    """The first field of nested JSON that is named like a secret; None when there is none.

    >>> find_secret({"temperature": 0, "default_headers": [{"X-Api-Key": "k"}]})
    'X-Api-Key'
    """
    return next((name for name in _names(content) if _SECRET_NAME.fullmatch(name)), None)


def _names(value: object) -> Iterator[str]:
    """Names of all fields in nested JSON."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name)
            yield from _names(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names(inner)


def safe_url(url: str) -> str:
    """A URL for messages, without user, password and query.

    >>> safe_url("sftp://me:secret@host/data?x=1")
    'sftp://host/data'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
