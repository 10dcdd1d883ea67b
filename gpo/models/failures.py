"""Which failures of a model call a repetition may cure, and what is said of them."""

import re
import socket
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from gpo.errors import ModelCallError, PermanentCallError, RefusedRequestError, TransientCallError
from gpo.models.replies import BUSY_STATUS, NO_TOKENS, Billed, UnusableReplyError, Verdict, judge_status
from gpo.redaction import mask_secrets
from gpo.settings import read_secret
from gpo.spec.models import ModelSpec

_LONGEST = 300
"""Characters of somebody else's words in a message of our own."""

_CONNECTION_ERRORS = {
    "APIConnectionError",
    "APITimeoutError",
    "ConnectError",
    "ConnectTimeout",
    "EndpointConnectionError",
    "PoolTimeout",
    "ReadError",
    "ReadTimeout",
    "RemoteProtocolError",
    "ThrottlingException",
    "TimeoutException",
    "TransportError",
}
_CLOSED = {"ClientPayloadError", "RemoteProtocolError", "ServerDisconnectedError"}
"""Names of errors by which HTTP clients say that the server hung up."""

_ERRORS: dict[Verdict, type[ModelCallError]] = {
    Verdict.FAILED_FOR_NOW: TransientCallError,
    Verdict.FAILED_FOR_GOOD: PermanentCallError,
    Verdict.REFUSED: RefusedRequestError,
}
_NOT_TAKEN = re.compile(
    r"(?i)unsupported (?:value|parameter)|not support|unrecognized|unknown parameter|not (?:allowed|permitted)"
)


@dataclass(frozen=True)
class Failure:
    """A call that failed: the error to raise, and how it may be repeated.

    `repeats` is None where the spec says how often; `retry_after` are the seconds that the server asks to wait;
    `busy` says that the server has too much to do; `billed` are the tokens that the call cost.
    """

    error: ModelCallError
    repeats: int | None = None
    retry_after: float | None = None
    busy: bool = False
    billed: Billed = NO_TOKENS


def classify(error: Exception, spec: ModelSpec, secrets: Collection[str] = ()) -> ModelCallError:
    """A provider's exception as transient, permanent or refused; keys are masked in its message."""
    return judge_failure(error, spec, secrets).error


def judge_failure(error: Exception, spec: ModelSpec, secrets: Collection[str] = ()) -> Failure:
    """What a provider's exception is, by its HTTP status, its kind or its cause.

    A failure that is not known is repeated once. `secrets` are the keys that the client holds.
    """
    found = next((each for each in _chain(error) if isinstance(each, UnusableReplyError)), None)
    found = found or _of_connection(error) or _of_exception(error)
    where = f"{spec.model}{f' at {spec.base_url}' if spec.base_url else ''}"
    # Masked before it is cut: half a key is no longer known as one.
    line = f"{where}: {_first_line(without_keys(str(found), spec, secrets))[:_LONGEST]}{_cure(str(found), spec)}"
    repeats = 0 if found.repeats is None and found.verdict is not Verdict.FAILED_FOR_NOW else found.repeats
    return Failure(_ERRORS[found.verdict](line), repeats, found.retry_after, found.busy, found.billed)


def without_keys(text: str, spec: ModelSpec, secrets: Collection[str] = ()) -> str:
    """The text with the model's keys, and whatever looks like a key, masked: servers repeat the key they refuse."""
    key = read_secret(spec.api_key_env) if spec.api_key_env is not None else None
    return mask_secrets(text, [*secrets, key.get_secret_value()] if key is not None else secrets)


def _of_exception(error: Exception) -> UnusableReplyError:
    status = _status(error)
    if status is not None:
        return UnusableReplyError(judge_status(status), f"HTTP {status}: {_message(error)}", busy=status in BUSY_STATUS)
    text = f"{type(error).__name__}: {_message(error)}"
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, TimeoutError | ConnectionError) or names & _CONNECTION_ERRORS:
        return UnusableReplyError(Verdict.FAILED_FOR_NOW, text)
    return UnusableReplyError(Verdict.FAILED_FOR_GOOD, text, repeats=1)


def _of_connection(error: Exception) -> UnusableReplyError | None:
    """What is behind an error of the connection: clients report many of them as a time-out."""
    if _status(error) is not None:
        return None
    for cause in _chain(error):
        names = {kind.__name__ for kind in type(cause).__mro__}
        if isinstance(cause, ssl.SSLCertVerificationError) or "ClientConnectorCertificateError" in names:
            return UnusableReplyError(
                Verdict.FAILED_FOR_GOOD, f"the server's certificate is not trusted: {_message(cause)}", repeats=0
            )
        if isinstance(cause, socket.gaierror) or "ClientConnectorDNSError" in names:
            return UnusableReplyError(Verdict.FAILED_FOR_NOW, f"the host is not known: {_message(cause)}")
        if isinstance(cause, ConnectionRefusedError):
            reason = cause.strerror or str(cause)
            return UnusableReplyError(Verdict.FAILED_FOR_NOW, f"cannot connect: {reason}")
        if cause is not error and (isinstance(cause, ConnectionError) or names & _CLOSED):
            return UnusableReplyError(
                Verdict.FAILED_FOR_NOW, f"the server closed the connection without a whole answer: {_message(cause)}"
            )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what is behind it, the nearest first."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _message(error: BaseException) -> str:
    return _first_line(str(error)) or "no message"


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0] if lines else ""


def _cure(text: str, spec: ModelSpec) -> str:
    """What to write where the provider does not take a parameter: those that the library sets are in no spec to see."""
    if not _NOT_TAKEN.search(text):
        return ""
    named = [name for name in ("temperature", "max_tokens") if name in text]
    known = [*named, *(name for name in spec.parameters if name not in named and f"'{name}'" in text)]
    return f"; to leave it out, write `parameters: {{{known[0]}: null}}` at this model" if known else ""


def _status(error: Exception) -> int | None:
    """The HTTP status of an error, wherever its provider keeps it; other codes are not taken for one."""
    response = getattr(error, "response", None)
    places = ((error, "status_code"), (response, "status_code"), (error, "code"), (error, "status"))
    found = (getattr(place, name, None) for place, name in places)
    return next((int(status) for status in found if isinstance(status, int) and 400 <= status < 600), None)
