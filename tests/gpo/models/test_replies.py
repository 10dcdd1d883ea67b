"""What a reply is: one judgement for all providers, whatever the HTTP status."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage

from gpo.errors import ModelCallError, PermanentCallError, RefusedRequestError, TransientCallError
from gpo.models.failures import judge_failure
from gpo.models.ledger import Answer
from gpo.models.replies import UnusableReplyError, Verdict, judge_answer, read_body, read_tokens
from gpo.models.retry import call_with_retries
from gpo.spec.models import ModelSpec
from tests.support.fakes import StatusError, chat_model, in_time, scripted
from tests.support.fault_server import completion

NOW, GOOD, REFUSED = Verdict.FAILED_FOR_NOW, Verdict.FAILED_FOR_GOOD, Verdict.REFUSED
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "choices", "message", "code", "text", "content", "type"]), inner)
    ),
    max_leaves=10,
)


def judged(content: Any, status: int = 200, **headers: str) -> UnusableReplyError:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(UnusableReplyError) as caught:
        read_body(status, headers, body)
    return caught.value


@pytest.mark.parametrize(
    ("content", "verdict", "words"),
    [
        ({"error": {"message": "gone", "code": "503"}}, NOW, "HTTP 200 with error 503: gone"),
        ({"error": {"message": "busy", "type": "overloaded_error"}}, NOW, "busy"),
        ({"type": "error", "error": {"type": "authentication_error", "message": "no key"}}, GOOD, "no key"),
        ({"error": {"message": "no money", "code": "insufficient_quota"}}, GOOD, "no money"),
        ({"error": {"message": "too long", "code": "context_length_exceeded"}}, REFUSED, "too long"),
        ({"error": {"message": "no", "code": "content_policy_violation"}}, REFUSED, "no"),
        ({"error": {"code": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}, REFUSED, "Responsible"),
        ({"error": {"message": "up", "code": 502, "metadata": {"raw": "timed out"}}}, NOW, r"up \(timed out\)"),
        ({"errors": [{"message": "first"}, {"message": "second"}]}, NOW, "first"),
        ({"object": "error", "message": "crashed", "code": 50001}, NOW, "crashed"),
        ({"detail": "Not here"}, NOW, "Not here"),
        ({"error": True}, NOW, "True"),
        ({"choices": []}, NOW, "no choice"),
        ({"choices": [None]}, NOW, "no choice"),
        ({"choices": [{"message": None, "finish_reason": "stop"}]}, NOW, "no choice"),
        ({}, NOW, "no choice"),
        (b"", NOW, "no JSON, or a part of it: nothing"),
        (b"<!doctype html><h1>Bad gateway</h1>", NOW, "a page of HTML"),
        (b"[" * 100_000, NOW, "no JSON"),
    ],
)
def test_what_holds_no_answer_is_known_by_its_own_words(content: Any, verdict: Verdict, words: str) -> None:
    error = judged(content)
    assert error.verdict == verdict
    with pytest.raises(UnusableReplyError, match=words):
        raise error


@pytest.mark.parametrize(
    ("status", "content", "verdict"),
    [
        (429, {"error": {"message": "slow down"}}, NOW),
        (429, {"error": {"message": "pay", "code": "insufficient_quota"}}, GOOD),
        (500, {"error": {"message": "filtered", "code": "content_filter"}}, REFUSED),
        (403, {"error": {"message": "flagged", "type": "moderation_error"}}, REFUSED),
        (404, b"<html>not found</html>", GOOD),
        (400, completion("fine").body, REFUSED),
        (503, completion("fine").body, NOW),
    ],
)
def test_a_status_of_failure_stands_and_filters_have_one_rule(status: int, content: Any, verdict: Verdict) -> None:
    assert judged(content, status).verdict == verdict


def test_the_server_may_say_how_often_and_when() -> None:
    assert judged({}, 503, **{"retry-after": "3"}).retry_after == 3
    assert judged({}, 503, **{"retry-after-ms": "250", "retry-after": "3"}).retry_after == 0.25
    assert judged({}, 503, **{"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}).retry_after == 0
    assert judged({}, 503, **{"retry-after": "soon"}).retry_after is None
    assert judged({}, 503, **{"x-should-retry": "false"}).repeats == 0


@given(st.sampled_from([200, 201, 302, 400, 401, 429, 500]), st.one_of(st.binary(), json_values))
def test_any_body_is_an_answer_with_a_choice_or_a_failure_with_words(status: int, content: Any) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    verdict = None
    try:
        read = read_body(status, {}, body)
    except UnusableReplyError as error:
        verdict, words = error.verdict, str(error)
    if verdict is not None:
        assert words
        assert verdict not in (Verdict.ANSWERED, Verdict.CUT)
        return
    assert status < 400
    first = read["choices"][0]
    assert isinstance(first.get("message"), dict) or isinstance(first.get("text"), str)
    assert not read.get("error")


@pytest.mark.parametrize("text", ["", " \n", "\u200b", "\ufeff\u00a0"])
@pytest.mark.parametrize(
    ("reason", "verdict"),
    [
        ("stop", REFUSED),
        (None, REFUSED),
        ("tool_calls", REFUSED),
        ("length", Verdict.CUT),
        ("MAX_TOKENS", Verdict.CUT),
        ("content_filter", REFUSED),
        ("SAFETY", REFUSED),
        ("refusal", REFUSED),
        ("error", NOW),
        ("insufficient_system_resource", NOW),
    ],
)
def test_a_text_that_nobody_can_see_is_judged_by_why_it_ended(text: str, reason: str | None, verdict: Verdict) -> None:
    if verdict == Verdict.CUT:
        assert judge_answer(text, reason) == verdict
        return
    with pytest.raises(UnusableReplyError) as caught:
        judge_answer(text, reason)
    assert caught.value.verdict == verdict


@given(st.text().filter(lambda text: any(c.isprintable() and not c.isspace() for c in text)))
def test_a_text_that_is_there_is_an_answer_unless_its_end_says_otherwise(text: str) -> None:
    assert judge_answer(text, "stop", refusal=None) == Verdict.ANSWERED
    assert judge_answer(text, "length") == Verdict.CUT
    for reason in ("content_filter", "error"):
        with pytest.raises(UnusableReplyError):
            judge_answer(text, reason)


@given(st.one_of(st.integers(), st.floats(), st.text(), st.booleans(), st.none(), st.lists(st.integers())))
def test_tokens_are_a_number_that_the_database_can_hold_or_nothing(value: Any) -> None:
    read = read_tokens(value)
    assert read is None or 0 <= read < 2**31


def test_the_text_of_an_answer_holds_no_half_of_a_character_whatever_kind_of_text_it_is() -> None:
    answer = Answer(text=AIMessage(content="a\ud800b").text, model=AIMessage(content="m\x00").text)
    assert (answer.text, answer.model, type(answer.text)) == ("a\ufffdb", "m\ufffd", str)


# Repetitions


def failing(*errors: Exception) -> tuple[Any, list[int]]:
    """A call that fails so often, then answers; and the list in which it counts its tries."""
    tries: list[int] = []

    async def call() -> str:
        tries.append(1)
        if len(tries) <= len(errors):
            raise errors[len(tries) - 1]
        return "answer"

    return call, tries


def insisted(*errors: Exception, **spec: Any) -> tuple[str, int]:
    call, tries = failing(*errors)
    return in_time(call_with_retries(call, ModelSpec(model="openai:x", **spec))), len(tries)


AT_ONCE = UnusableReplyError(NOW, "busy", retry_after=0.001)


def test_what_fails_for_now_is_repeated_as_often_as_the_spec_says() -> None:
    assert insisted(AT_ONCE, AT_ONCE, max_retries=2) == ("answer", 3)
    with pytest.raises(TransientCallError, match="openai:x: busy"):
        insisted(AT_ONCE, AT_ONCE, AT_ONCE, max_retries=2)


def test_a_failure_that_is_not_known_is_repeated_once() -> None:
    assert insisted(ValueError("odd"), max_retries=0) == ("answer", 2)
    with pytest.raises(PermanentCallError, match="ValueError: odd"):
        insisted(ValueError("odd"), ValueError("odd"), max_retries=9)


@pytest.mark.parametrize("error", [StatusError(401), StatusError(400), UnusableReplyError(GOOD, "no")])
def test_what_fails_for_good_is_not_repeated(error: Exception) -> None:
    with pytest.raises(ModelCallError):
        insisted(error, max_retries=9)


def test_a_server_that_asks_for_a_long_wait_is_not_waited_for() -> None:
    with pytest.raises(TransientCallError):
        insisted(UnusableReplyError(NOW, "come back tomorrow", retry_after=86_400), max_retries=9)


def test_each_try_has_its_time() -> None:
    async def never() -> str:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TransientCallError, match=r"no whole answer within timeout_s, 0\.01 s"):
        in_time(call_with_retries(never, ModelSpec(model="openai:x", timeout_s=0.01, max_retries=0)))


def test_the_error_of_a_call_has_nothing_of_the_providers_behind_it() -> None:
    call, _ = failing(ConnectionResetError("key-of-mine-0123"), ConnectionResetError("key-of-mine-0123"))
    secret = "key-of-mine-0123"
    with pytest.raises(TransientCallError, match=r"\*\*\*") as caught:
        in_time(call_with_retries(call, ModelSpec(model="openai:x", max_retries=0), [secret]))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_the_cause_behind_a_time_out_is_named() -> None:
    error = TimeoutError("Request timed out.")
    error.__cause__ = type("ServerDisconnectedError", (Exception,), {})("gone")
    told = str(judge_failure(error, ModelSpec(model="openai:x")).error)
    assert told == "openai:x: the server closed the connection without a whole answer: gone"


@pytest.mark.parametrize(("reason", "texts"), [("stop", 1), ("length", 0)])
def test_an_empty_answer_is_asked_for_again_and_one_that_was_cut_is_not(reason: str, texts: int) -> None:
    fake = scripted("", finish_reason=reason)
    model = chat_model(fake)
    key, sampling = model.greeting()
    if texts:
        with pytest.raises(RefusedRequestError, match="the answer is empty"):
            in_time(model.ask(key, sampling))
    else:
        assert in_time(model.ask(key, sampling)).text == ""
    assert len(fake.calls) == 1 + texts
