"""What an error of a provider means: whether it may pass, and what is said."""

from http import HTTPStatus
from types import SimpleNamespace

import pytest

from gpo.errors import PermanentCallError, TransientCallError
from gpo.models.failures import classify
from gpo.spec.models import ModelSpec
from tests.support.fakes import StatusError


class APITimeoutError(Exception):
    """Named like the providers' own, which have no status."""


class SubclassedTimeoutError(APITimeoutError):
    pass


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 529])
def test_some_statuses_may_pass(status: int) -> None:
    error = classify(StatusError(status, "busy\nwith details"), ModelSpec(model="openai:x", base_url="http://h/v1"))
    assert isinstance(error, TransientCallError)
    assert str(error) == f"openai:x at http://h/v1: HTTP {status}: busy"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_other_statuses_do_not(status: int) -> None:
    assert isinstance(classify(StatusError(status), ModelSpec(model="openai:x")), PermanentCallError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), TransientCallError),
        (ConnectionResetError("reset"), TransientCallError),
        (SubclassedTimeoutError("late"), TransientCallError),
        (ValueError("bad"), PermanentCallError),
    ],
)
def test_errors_without_a_status_go_by_their_kind(error: Exception, kind: type[Exception]) -> None:
    found = classify(error, ModelSpec(model="openai:x"))
    assert isinstance(found, kind)
    assert str(found) == f"openai:x: {type(error).__name__}: {str(error) or 'no message'}"


class ResponseError(Exception):
    """A provider's error with its HTTP status on the response."""

    def __init__(self, status_code: int) -> None:
        self.response = SimpleNamespace(status_code=status_code)


class CodeError(Exception):
    """A provider's error with a code."""

    def __init__(self, code: object) -> None:
        self.code = code


class RawStatusError(Exception):
    """A provider's error with its HTTP status as `status`."""

    def __init__(self, status: int) -> None:
        self.status = status


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (ResponseError(503), TransientCallError, "HTTP 503"),
        (ResponseError(401), PermanentCallError, "HTTP 401"),
        (CodeError(HTTPStatus.TOO_MANY_REQUESTS), TransientCallError, "HTTP 429"),
        (CodeError("rate_limit"), PermanentCallError, "CodeError"),
        (CodeError(1006), PermanentCallError, "CodeError"),
        (RawStatusError(500), TransientCallError, "HTTP 500"),
    ],
)
def test_the_status_is_found_where_the_provider_keeps_it(error: Exception, kind: type[Exception], text: str) -> None:
    found = classify(error, ModelSpec(model="openai:x"))
    assert isinstance(found, kind)
    assert str(found).startswith(f"openai:x: {text}: ")


@pytest.mark.parametrize(
    "name",
    [
        "TransportError",
        "TimeoutException",
        "ConnectTimeout",
        "ReadError",
        "PoolTimeout",
        "EndpointConnectionError",
        "ThrottlingException",
    ],
)
def test_lost_connections_are_known_by_name(name: str) -> None:
    assert isinstance(classify(type(name, (Exception,), {})(), ModelSpec(model="openai:x")), TransientCallError)
