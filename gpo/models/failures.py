"""Which failures of a model call a repetition may cure, and what is said of them."""

import re

from gpo.errors import ModelCallError, PermanentCallError, RefusedRequestError, TransientCallError
from gpo.formatting import error_line
from gpo.settings import secret
from gpo.spec.models import ModelSpec

_TRANSIENT_STATUS = {408, 409, 425, 429}

_REFUSED_STATUS = {400, 413, 422}

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

_KEY = re.compile(r"\b(sk|pk|key)-[\w-]{8,}")


def classify(error: Exception, spec: ModelSpec) -> ModelCallError:
    """A provider's exception as transient or permanent, by HTTP status or kind; keys are blotted out of the message."""
    status = _status(error)
    where = f"{spec.model}{f' at {spec.base_url}' if spec.base_url else ''}"
    names = {kind.__name__ for kind in type(error).__mro__}
    refused = _connection_refused(error)
    if status is not None:
        transient = status in _TRANSIENT_STATUS or status >= 500
        text = f"{where}: HTTP {status}: {error_line(error)}"
    elif refused is not None:
        transient, text = True, f"{where}: cannot connect: {refused.strerror or refused}"
    else:
        transient = isinstance(error, TimeoutError | ConnectionError) or bool(names & _CONNECTION_ERRORS)
        text = f"{where}: {type(error).__name__}: {error_line(error)}"
    text = without_keys(text, spec)
    if transient:
        return TransientCallError(text)
    return RefusedRequestError(text) if status in _REFUSED_STATUS else PermanentCallError(text)


def without_keys(text: str, spec: ModelSpec) -> str:
    """The text with the model's key, and whatever looks like a key, replaced: servers repeat the key they refuse."""
    key = secret(spec.api_key_env) if spec.api_key_env is not None else None
    if key is not None:
        text = text.replace(key.get_secret_value(), "***")
    return _KEY.sub("***", text)


def _status(error: Exception) -> int | None:
    """The HTTP status of an error, wherever its provider keeps it; other codes are not taken for one."""
    response = getattr(error, "response", None)
    places = ((error, "status_code"), (response, "status_code"), (error, "code"), (error, "status"))
    found = (getattr(place, name, None) for place, name in places)
    return next((int(status) for status in found if isinstance(status, int) and 400 <= status < 600), None)


def _connection_refused(error: BaseException) -> OSError | None:
    """The refusal behind an error: some clients report a closed port as a time-out."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None
