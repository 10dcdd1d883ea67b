"""Limits of time and trust in a call: deadlines, what the wire says of its failures, and keys in what servers say."""

import ssl
import subprocess
import threading
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from gpo.errors import ModelConfigError, ModelUnreachableError, TooManyFailures
from gpo.redaction import find_secret, mask_secrets
from tests.support.endpoint import Reply, Request, serving
from tests.support.fault_server import Call, Sent, completion, error, faulting
from tests.support.fault_task import CONCURRENCY, EXAMPLES, GOOD, Spec, answered, evaluated, kept, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return partial(write, tmp_path)


WHOLE = completion("The answer is 7.").body
DRIPS = [
    pytest.param(Sent(WHOLE[50:], slowly=tuple(bytes([byte]) for byte in WHOLE[:50]), every_s=0.3), id="D1: bytes"),
    pytest.param(Sent(WHOLE, slowly=(b" ",) * 60, every_s=0.2), id="D1: blanks"),
    pytest.param(Sent(WHOLE, slowly=(b"\n",) * 60, every_s=0.2, chunked=True), id="D2: line ends in chunks"),
]


@pytest.mark.parametrize("drip", DRIPS)
def test_a_call_ends_at_its_time_out_whatever_still_comes(drip: Sent, spec: Spec) -> None:
    with faulting(lambda call: answered(call) if call.number <= GOOD else drip) as server:
        path = spec(server, task={"timeout_s": 1, "max_retries": 1})
        with pytest.raises(TooManyFailures, match="no whole answer within timeout_s, 1 s") as caught:
            evaluated(path)
        assert caught.value.transient
        assert GOOD - CONCURRENCY <= len(kept(path)) <= GOOD


def test_an_answer_that_comes_slowly_but_in_time_counts(spec: Spec) -> None:
    def slowly(call: Call) -> Sent:
        body = answered(call).body
        return Sent(body[3:], slowly=(body[:1], body[1:2], body[2:3]), every_s=0.02)

    with faulting(slowly) as server:
        assert evaluated(spec(server)).score.n == EXAMPLES


@pytest.fixture(scope="module")
def untrusted(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it signed itself."""
    folder = tmp_path_factory.mktemp("certificate")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    )
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_certificate_that_is_not_trusted_is_named_and_not_tried_again(untrusted: ssl.SSLContext, spec: Spec) -> None:
    with faulting(answered, untrusted) as server:
        began = monotonic()
        with pytest.raises(ModelConfigError, match=r"certificate is not trusted: .*self-signed") as caught:
            evaluated(spec(server, task={"max_retries": 8}))
        assert not isinstance(caught.value, ModelUnreachableError)
        assert monotonic() - began < 60
        assert server.calls == 0


def test_a_host_that_does_not_exist_and_a_server_that_hangs_up_are_named(spec: Spec) -> None:
    with faulting(lambda _: Sent(silent=True)) as server:
        with pytest.raises(ModelUnreachableError, match="closed the connection without a whole answer"):
            evaluated(spec(server, task={"max_retries": 0}))
        with pytest.raises(ModelUnreachableError, match=r"the host is not known: .*nowhere\.invalid"):
            evaluated(spec(server, task={"base_url": "http://nowhere.invalid/v1", "max_retries": 0}))


def test_a_server_is_asked_as_many_calls_at_once_as_it_takes(spec: Spec) -> None:
    places, refused = threading.Semaphore(2), []

    def respond(request: Request) -> Reply | str:
        if not places.acquire(blocking=False):
            refused.append(request.number)
            return Reply("too many at once", status=429, retry_after=0.05)
        try:
            threading.Event().wait(0.02)
            return f"The answer is {request.text.split()[0]}."
        finally:
            places.release()

    with serving(respond) as server:
        measured = evaluated(spec(server, task={"max_concurrency": 16, "max_retries": 8}))
    assert (measured.score.n, measured.score.failed) == (EXAMPLES, 0)
    # Always sixteen at once would be refused three times as often as answered, until calls have failed for good.
    assert len(refused) <= EXAMPLES


# Latency


@pytest.mark.slow
def test_the_time_of_an_answer_is_that_of_the_wire_not_of_the_queue(spec: Spec) -> None:
    with faulting(lambda call: Sent(answered(call).body, slowly=(b"",), every_s=0.05)) as server:
        measured = evaluated(spec(server, task={"max_concurrency": 2}))
    assert measured.score.timing.mean is not None
    # With the time in the queue it would be 0.6 s: 48 calls, two at once.
    assert 0.05 <= measured.score.timing.mean < 0.4


# Secrets

SHAPES = [
    "gsk_AAAABBBBCCCCDDDD",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "xai-abcdefgh12345678",
    "hf_abcdefghijklmnop",
    "0123456789abcdef0123456789abcdef",
    "sk-1234",
]


@pytest.mark.parametrize("key", [*SHAPES, "of no known shape"])
def test_a_key_that_a_server_repeats_is_masked_whatever_it_looks_like(
    key: str, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_API_KEY", key)
    refusal = error(401, error={"message": f"Incorrect API key provided: {key}. You can find it", "code": "x"})
    with faulting(lambda call: answered(call) if call.number <= GOOD else refusal) as server:
        path = spec(server, task={"api_key_env": "OWN_API_KEY"})
        with pytest.raises(TooManyFailures) as caught:
            evaluated(path)
    assert "Incorrect API key provided: ***. You" in str(caught.value)
    behind: BaseException | None = caught.value
    while behind is not None:
        assert key not in repr(behind) + repr(vars(behind))
        behind = behind.__cause__ or behind.__context__
    assert all(key.encode() not in file.read_bytes() for file in path.parent.rglob("*") if file.is_file())


def test_the_providers_own_key_is_masked_as_well(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "odd-key-0001"
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with faulting(lambda _: error(401, error={"message": f"Incorrect API key provided: {key}."})) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(ModelConfigError, match=r"Incorrect API key provided: \*\*\*\."):
            evaluated(spec(server, task={"base_url": None}))


def test_a_key_at_the_end_of_a_long_message_is_not_cut_before_it_is_masked(
    spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "plain0key0of0no0shape024"
    monkeypatch.setenv("OWN_KEY", key)
    refusing = faulting(lambda _: error(401, error={"message": "x" * 255 + key}))
    with refusing as server, pytest.raises(ModelConfigError) as caught:
        evaluated(spec(server, task={"api_key_env": "OWN_KEY"}))
    assert "xxx***" in str(caught.value)
    assert not any(key[:length] in str(caught.value) for length in range(4, len(key)))


@pytest.mark.parametrize(
    "name", ["Cookie", "Set-Cookie", "X-Auth", "Ocp-Apim-Subscription-Key", "X-Amz-Security-Token"]
)
def test_a_header_with_a_credential_is_refused_in_a_spec(name: str) -> None:
    assert find_secret({"default_headers": {name: "a"}}) == name


def test_a_header_whose_value_is_a_key_is_refused_and_other_headers_are_not() -> None:
    assert find_secret({"extra_headers": {"X-Custom": "Bearer abcdefgh1234"}}) == "X-Custom"
    assert find_secret({"default_headers": {"HTTP-Referer": "https://example.org", "X-Title": "monkeys"}}) is None


def test_usual_words_are_not_masked() -> None:
    text = "the task-model key-word is not found: see http://127.0.0.1:8000/v1, run 20260102-1a2b3c, HTTP 404"
    assert mask_secrets(text) == text
