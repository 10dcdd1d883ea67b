"""What a reply is: every reply passes here before it is kept or scored, whatever its HTTP status.

A reply is answered, cut by the token limit, refused, or failed: for now, when a repetition may help, or for good. Only
the first two are answers. `read_body` looks at what came over the wire of an OpenAI-compatible server; `judge_answer`
at what any provider's client made of it.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from time import time
from typing import Any, NamedTuple

_FOR_NOW_STATUS = frozenset({408, 409, 425, 429})
BUSY_STATUS = frozenset({429, 503, 529})  # too much to do
_REFUSED_STATUS = frozenset({400, 413, 422})

CUT_REASONS = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded"})
"""What providers call the end of an answer at the token limit."""

_FILTERED = frozenset({
    "blocklist", "content_filter", "content_filtered", "error_toxic", "guardrail_intervened", "image_safety",
    "prohibited_content", "recitation", "refusal", "safety", "sensitive", "spii",
})  # fmt: skip
_BROKEN_OFF = frozenset({
    "abort", "aborted", "cancelled", "error", "insufficient_system_resource", "malformed_function_call",
    "network_error", "unexpected_tool_call",
})  # fmt: skip

# Parts of the codes and types of errors, as providers name them.
_FILTER_WORDS = ("content_filter", "contentfilter", "content_policy", "moderation", "responsibleai", "safety")
_FINAL_WORDS = (
    "account_deactivated", "api_key", "authentication", "billing", "insufficient_quota", "model_not_found",
    "not_found_error", "payment", "permission", "unauthorized",
)  # fmt: skip
_REQUEST_WORDS = ("invalid_request", "context_length", "unsupported_value", "unsupported_parameter")

_MOST_TOKENS = 1_000_000_000
"""More than any call can take: a meter that says more is wrong, and the database could not hold much more."""


class Verdict(StrEnum):
    """What a reply is."""

    ANSWERED = "answered"
    CUT = "cut"
    REFUSED = "refused"
    FAILED_FOR_NOW = "failed for now"
    FAILED_FOR_GOOD = "failed for good"


class Billed(NamedTuple):
    """Tokens that a provider counts for a reply, whatever it is worth."""

    input_tokens: int = 0
    output_tokens: int = 0

    def plus(self, other: "Billed") -> "Billed":
        """The tokens of both."""
        return Billed(self.input_tokens + other.input_tokens, self.output_tokens + other.output_tokens)


NO_TOKENS = Billed()


class UnusableReplyError(Exception):
    """A reply that is no answer: what it is, in whose words, and how often it may be asked for again.

    `repeats` is None where the spec says how often; `retry_after` are the seconds that the server asks to wait. It is
    `busy` where the server has too much to do. `billed` are the tokens that it cost nevertheless.
    """

    billed = NO_TOKENS

    def __init__(
        self,
        verdict: Verdict,
        reason: str,
        *,
        repeats: int | None = None,
        retry_after: float | None = None,
        busy: bool = False,
    ) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.repeats = repeats
        self.retry_after = retry_after
        self.busy = busy


def judge_status(status: int) -> Verdict:
    """What an HTTP status from 400 on says, where nothing else does.

    >>> str(judge_status(429)), str(judge_status(400)), str(judge_status(401))
    ('failed for now', 'refused', 'failed for good')
    """
    if status in _FOR_NOW_STATUS or status >= 500:
        return Verdict.FAILED_FOR_NOW
    return Verdict.REFUSED if status in _REFUSED_STATUS else Verdict.FAILED_FOR_GOOD


def is_cut(finish_reason: str | None) -> bool:
    """Whether an answer ended at the token limit, by what its provider says of the end."""
    return (finish_reason or "").casefold() in CUT_REASONS


def judge_answer(text: str, finish_reason: str | None, refusal: str | None = None) -> Verdict:
    """Whether a text is an answer, whole or cut by the token limit; `refusal` is what the model wrote in its place.

    A text is empty when nothing in it can be seen. Cut before the first visible character, as when reasoning used the
    tokens up, it is still what the model had to say.

    Raises:
        UnusableReplyError: it is none: filtered, refused, broken off, or empty.
    """
    reason = (finish_reason or "").casefold()
    if reason in _FILTERED:
        raise UnusableReplyError(Verdict.REFUSED, f"the answer was filtered (finish_reason {finish_reason})", repeats=0)
    if reason in _BROKEN_OFF:
        raise UnusableReplyError(
            Verdict.FAILED_FOR_NOW, f"the server broke the answer off (finish_reason {finish_reason})"
        )
    if any(character.isprintable() and not character.isspace() for character in text):
        return Verdict.CUT if is_cut(reason) else Verdict.ANSWERED
    if refusal:
        raise UnusableReplyError(Verdict.REFUSED, f"the model refused: {refusal}", repeats=0)
    if is_cut(reason):
        return Verdict.CUT
    # Others may be answered: one request that a model has no word for does not end a search.
    raise UnusableReplyError(
        Verdict.REFUSED, f"the answer is empty (finish_reason {finish_reason or 'not given'})", repeats=1
    )


def read_body(status: int, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    """The JSON of an OpenAI-compatible reply that holds a choice.

    Raises:
        UnusableReplyError: it holds none, for what reason ever.
    """
    content = _parsed(body)
    error = _error_in(content, failed=status >= 400)
    if status >= 400:
        raise _of_status(status, headers, error.message if error else _beginning(body), error)
    if content is None:
        kind = "a page of HTML" if body.lstrip()[:1] == b"<" else "no JSON, or a part of it"
        raise UnusableReplyError(Verdict.FAILED_FOR_NOW, f"the reply is {kind}: {_beginning(body)}")
    if error is not None:
        raise _of_error(status, error)
    if content.get("object") != "response" and _first_choice(content) is None:
        raise UnusableReplyError(Verdict.FAILED_FOR_NOW, f"the reply holds no choice: {_beginning(body)}")
    return content


def read_tokens(value: object) -> int | None:
    """A number of tokens as a provider reports it; 0 where it reports none, None where the number cannot be true.

    >>> read_tokens(60.0), read_tokens(None), read_tokens(10**30), read_tokens(-1), read_tokens("many")
    (60, 0, None, None, None)
    """
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST_TOKENS:
        return None
    return math.ceil(value)


def read_billed(body: bytes) -> Billed:
    """The tokens that the body of a reply reports, by the names of OpenAI; none where it reports none.

    >>> read_billed(b'{"error": "no", "usage": {"prompt_tokens": 60, "completion_tokens": 8}}')
    Billed(input_tokens=60, output_tokens=8)
    """
    usage = (_parsed(body) or {}).get("usage")
    if not isinstance(usage, dict):
        return Billed()
    return Billed(*(read_tokens(usage.get(name)) or 0 for name in ("prompt_tokens", "completion_tokens")))


@dataclass(frozen=True)
class _ServerError:
    """An error as a body tells it: `names` are its codes and types in words, `status` a code that is an HTTP status."""

    message: str
    names: str
    status: int | None


def _of_status(status: int, headers: Mapping[str, str], message: str, error: _ServerError | None) -> UnusableReplyError:
    names = error.names if error else ""
    if _has(names, _FILTER_WORDS):
        return UnusableReplyError(Verdict.REFUSED, f"HTTP {status}: {message}", repeats=0)
    verdict = judge_status(status)
    if _has(names, ("insufficient_quota",)):
        verdict = Verdict.FAILED_FOR_GOOD
    repeats = 0 if headers.get("x-should-retry") == "false" else None
    said, wait = f"HTTP {status}: {message}", _retry_after(headers)
    return UnusableReplyError(verdict, said, repeats=repeats, retry_after=wait, busy=status in BUSY_STATUS)


def _of_error(status: int, error: _ServerError) -> UnusableReplyError:
    """An error in a reply whose HTTP status tells of none."""
    said = f"HTTP {status} with error{f' {error.status}' if error.status else ''}: {error.message}"
    if _has(error.names, _FILTER_WORDS):
        verdict = Verdict.REFUSED
    elif error.status is not None:
        verdict = judge_status(error.status)
    elif _has(error.names, _FINAL_WORDS):
        verdict = Verdict.FAILED_FOR_GOOD
    elif _has(error.names, _REQUEST_WORDS):
        verdict = Verdict.REFUSED
    else:
        verdict = Verdict.FAILED_FOR_NOW
    return UnusableReplyError(verdict, said, busy=error.status in BUSY_STATUS)


def _has(names: str, words: tuple[str, ...]) -> bool:
    return any(word in names for word in words)


def _parsed(body: bytes) -> Mapping[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _first_choice(content: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    has_text = isinstance(first, dict) and (
        isinstance(first.get("message"), dict) or isinstance(first.get("text"), str)
    )
    return first if has_text else None


def _error_in(content: Mapping[str, Any] | None, *, failed: bool) -> _ServerError | None:
    """The error that a body tells of: its own, its first choice's, or one that stands in the place of choices."""
    if content is None:
        return None
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    for value in (content.get("error"), first.get("error"), content.get("errors")):
        if value and (error := _told(value)):
            return error
    if failed or not choices:
        message = next((content[name] for name in ("message", "detail", "msg") if content.get(name)), None)
        return None if message is None else _told({**content, "message": message})
    return None


def _told(value: object) -> _ServerError | None:
    if isinstance(value, list):
        value = value[0] if value else ""
    if not isinstance(value, dict):
        return _ServerError(message=str(value), names="", status=None)
    codes = [value.get(name) for name in ("code", "status", "status_code", "type")]
    inner = value.get("innererror")
    codes.append(inner.get("code") if isinstance(inner, dict) else None)
    message = next((value[name] for name in ("message", "detail", "msg", "error") if value.get(name)), None)
    if message is None and not any(codes):
        return None
    text = message if isinstance(message, str) else json.dumps(value if message is None else message)
    about = value.get("metadata")
    raw = about.get("raw") if isinstance(about, dict) else None
    return _ServerError(
        message=f"{text} ({raw})" if isinstance(raw, str) and raw else text,
        names=" ".join(str(code) for code in codes if code is not None).casefold(),
        status=next((status for code in codes if (status := _as_status(code)) is not None), None),
    )


def _as_status(code: object) -> int | None:
    if isinstance(code, str) and code.isascii() and code.isdecimal() and len(code) == 3:
        code = int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else None


def _beginning(body: bytes) -> str:
    return " ".join(body[:8000].decode("utf-8", "replace").split()) or "nothing"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait, in figures or as a date."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name) or "") * factor
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after") or "").timestamp() - time())
    except (ValueError, OverflowError):
        return None
