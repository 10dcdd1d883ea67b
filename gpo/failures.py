"""Which failures of a model call a repetition may cure."""

from gpo.errors import ModelCallError, PermanentCallError, TransientCallError
from gpo.spec import ModelSpec

_TRANSIENT_STATUS = {408, 409, 425, 429}
_CONNECTION_ERRORS = {"APIConnectionError", "APITimeoutError", "ConnectError", "ReadTimeout", "RemoteProtocolError"}


def classify(error: Exception, spec: ModelSpec) -> ModelCallError:
    """A provider's exception as transient or permanent, by HTTP status or kind; the key is never in the message."""
    status = getattr(error, "status_code", None)
    where = f"{spec.model}{f' at {spec.base_url}' if spec.base_url else ''}"
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(status, int):
        transient = status in _TRANSIENT_STATUS or status >= 500
        text = f"{where}: HTTP {status}: {first_line(error)}"
    else:
        transient = isinstance(error, TimeoutError | ConnectionError) or bool(names & _CONNECTION_ERRORS)
        text = f"{where}: {type(error).__name__}: {first_line(error)}"
    return TransientCallError(text) if transient else PermanentCallError(text)


def first_line(error: Exception) -> str:
    """The beginning of an error's message, for a message of our own."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else "no message"
