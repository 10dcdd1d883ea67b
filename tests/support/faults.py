"""Replies that are no answers, and the words by which a person has to be told of each."""

import pytest

from tests.support.fault_server import Sent, completion, error

BROKEN = {"finish_reason": "error", "error": {"code": 502, "message": "Upstream idle timeout"}}
LATER = [
    pytest.param(completion("", choice=BROKEN), "Upstream idle timeout", id="A1: finish_reason error"),
    pytest.param(completion(""), "the answer is empty", id="A2: no text"),
    pytest.param(completion(None), "the answer is empty", id="A2: null"),
    pytest.param(
        error(error={"message": "Provider returned error", "code": 502, "metadata": {"provider_name": "X"}}),
        "error 502: Provider returned error",
        id="A3: 502 in a 200",
    ),
    pytest.param(
        error(error={"message": "Rate limit exceeded: per-min", "code": 429}),
        "error 429: Rate limit exceeded: per-min",
        id="A4: 429 in a 200",
    ),
    pytest.param(error(error={"message": "invalid key", "code": 401}), "error 401: invalid key", id="A5: 401 in a 200"),
    pytest.param(
        Sent(completion().body.replace(b'"choices": [', b'"choices": null, "was": [')), "no choice", id="A6: no choices"
    ),
    pytest.param(
        error(error="model runner has unexpectedly stopped"),
        "model runner has unexpectedly stopped",
        id="A6: error in words",
    ),
    pytest.param(
        completion(None, finish_reason="content_filter"), "finish_reason content_filter", id="A7: filtered in a 200"
    ),
    pytest.param(
        error(400, error={"message": "The response was filtered", "code": "content_filter"}),
        "HTTP 400: The response was filtered",
        id="A7: filtered in a 400",
    ),
    pytest.param(
        Sent(b"<html><title>502 Bad Gateway</title></html>", content_type="text/html"), "a page of HTML", id="HTML"
    ),
    pytest.param(Sent(completion("The answer is 7.").body[:-20]), "a part of it", id="cut JSON"),
    pytest.param(Sent(b"[]"), "no JSON", id="a list"),
    pytest.param(Sent(silent=True), "closed the connection", id="D3: closed"),
    pytest.param(
        completion(None, choice={"message": {"role": "assistant", "content": None, "refusal": "I will not."}}),
        "the model refused: I will not.",
        id="refusal",
    ),
]
