"""Secrets are found here: what is named like one is neither kept nor sent, and what is one is masked in every text."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, urlsplit

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?:.*[-_])?(?:(?:api|access|subscription)[-_]?key|authorization|credentials?|password|secret"
    r"|(?:access|auth|bearer|session)[-_]?token)|(?:hf[-_])?token|(?:set[-_])?cookies?2?",
    re.IGNORECASE,
)
_HEADERS = re.compile(r"(?:.*[-_])?headers", re.IGNORECASE)
# Headers carry credentials under many names: the word alone gives one away.
_SECRET_HEADER = re.compile(
    r"(?i)auth(?!ors?\b)|cookie|credential|(?:^|[-_])(?:api)?key(?:$|[-_])|passw|secret|session|signature|token"
)
_SECRET_VARIABLE = re.compile(r"(?:.*_)?(?:(?:API|ACCESS)?KEY|PASSWORD|SECRET|TOKEN|AUTH_STRING)", re.IGNORECASE)

_SHORTEST = 6
"""A value of fewer characters would mask parts of usual words."""

_SHAPES = re.compile(
    r"\bsk-[\w-]{4,}|\b(?:pk|rk|key|xai|nvapi|pplx|csk|glpat)-[\w-]{8,}"
    r"|\b(?:gsk|hf|ghp|gho|github_pat|r8|tgp_v1)_[\w-]{8,}"
    r"|\bAIza[\w-]{16,}|\bya29\.[\w.-]{16,}|\bA(?:KI|SI)A[A-Z0-9]{16}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r"|(?i:(?<=\bbearer ))[\w.~+/-]{8,}=*"
    r"|(?<![0-9A-Za-z])[0-9a-fA-F]{32,}(?![0-9A-Za-z])"
)
"""What keys of the known providers look like."""


def find_secret(content: object) -> str | None:
    """The first field of nested JSON that is named like a secret; None when there is none.

    Of headers, it is also one whose value looks like a key.

    >>> find_secret({"temperature": 0, "default_headers": [{"X-Api-Key": "k"}]})
    'X-Api-Key'
    >>> find_secret({"default_headers": {"Cookie": "id=1"}})
    'Cookie'
    """
    return next(_secrets(content, headers=False), None)


def _secrets(value: object, *, headers: bool) -> Iterator[str]:
    """Names of all fields in nested JSON that give a secret away; `headers`: they are names of headers."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = str(key)
            if _SECRET_NAME.fullmatch(name) or (headers and _is_secret_header(name, inner)):
                yield name
            yield from _secrets(inner, headers=headers or _HEADERS.fullmatch(name) is not None)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _secrets(inner, headers=headers)


def _is_secret_header(name: str, value: object) -> bool:
    return _SECRET_HEADER.search(name) is not None or (isinstance(value, str) and _SHAPES.search(value) is not None)


def mask_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """The text of somebody else's program without keys: servers repeat the key that they refuse.

    Masked are `secrets`, the values of environment variables that are named like one, and whatever has the shape of a
    provider's key. Cut a text after this, not before: half a key is no longer known as one.

    >>> mask_secrets("Incorrect API key provided: gsk_AAAABBBBCCCCDDDD.")
    'Incorrect API key provided: ***.'
    """
    return _SHAPES.sub(MASK, mask_known(text, secrets))


def mask_known(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without `secrets` and the values of environment variables that are named like one.

    For our own texts, in which a long hexadecimal number is no key.
    """
    known = {value for value in secrets if value} | set(_of_environment())
    # The longest first: one secret may begin like another.
    for value in sorted(known, key=len, reverse=True):
        for form in {value, quote(value, safe="")}:
            text = text.replace(form, MASK) if len(form) >= _SHORTEST else _mask_words(text, form)
    return text


def _mask_words(text: str, secret: str) -> str:
    """A stand-in for a key, such as `x`, is masked as a word alone: inside of others it would make them unreadable."""
    return re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)


def _of_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST and _SECRET_VARIABLE.fullmatch(name):
            yield value


def safe_url(url: str) -> str:
    """A URL for messages, without user, password and query.

    >>> safe_url("sftp://me:secret@host/data?x=1")
    'sftp://host/data'
    """
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
