"""Faults of servers and what a score makes of them: what is no answer is never scored, and never kept."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gpo.errors import GpoError, ModelConfigError, TooManyFailures
from tests.support.fault_server import USAGE, Call, Sent, completion, error, faulting
from tests.support.fault_task import CONCURRENCY, EXAMPLES, GOOD, Spec, answered, evaluated, kept, write
from tests.support.faults import LATER

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


def after_good_calls(fault: Sent) -> Callable[[Call], Sent]:
    return lambda call: answered(call) if call.number <= GOOD else fault


def now_and_then(fault: Sent) -> Callable[[Call], Sent]:
    """The fault to every ninth call after the good ones."""
    return lambda call: fault if call.number > GOOD and call.number % 9 == 0 else answered(call)


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    return partial(write, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> float:
    """The score when nothing fails."""
    with faulting(answered) as server:
        return evaluated(write(tmp_path_factory.mktemp("undisturbed"), server)).score.mean


@pytest.mark.parametrize(("fault", "words"), LATER)
def test_what_is_no_answer_stops_the_evaluation_and_leaves_nothing_behind(
    fault: Sent, words: str, spec: Spec, undisturbed: float
) -> None:
    with faulting(after_good_calls(fault)) as server:
        path = spec(server)
        with pytest.raises(TooManyFailures) as caught:
            evaluated(path)
        assert words in str(caught.value)
        before = kept(path)
        # Calls in flight are given up with the evaluation: of good answers that came with the fault, some may be.
        assert GOOD - CONCURRENCY <= len(before) <= GOOD
        assert all(text.startswith("The answer is") for text in before)

        # The outage is over: the same command gives what it would have given, and pays for the rest alone.
        server.respond = answered
        calls = server.calls
        measured = evaluated(path)
        assert (measured.score.mean, measured.score.failed, measured.score.unparsed) == (undisturbed, 0, 0)
        assert server.calls - calls == EXAMPLES - len(before)


RARE = [case for case in LATER if case.id not in {"A5: 401 in a 200", "refusal"} and not str(case.id).startswith("A7")]


@pytest.mark.parametrize("fault", [pytest.param(case.values[0], id=case.id) for case in RARE])
def test_a_failure_of_the_moment_is_asked_again(fault: Sent, spec: Spec, undisturbed: float) -> None:
    with faulting(now_and_then(fault)) as server:
        path = spec(server)
        measured = evaluated(path)
        assert (measured.score.mean, measured.score.failed, measured.score.unparsed) == (undisturbed, 0, 0)
        assert server.calls > EXAMPLES
        assert len(kept(path)) == EXAMPLES


def test_what_fails_for_good_is_asked_once_and_counted(spec: Spec) -> None:
    fault = completion(None, finish_reason="content_filter")
    with faulting(lambda call: fault if call.text.startswith(("20 ", "31 ")) else answered(call)) as server:
        measured = evaluated(spec(server))
        assert (measured.score.n, measured.score.failed, server.calls) == (EXAMPLES - 2, 2, EXAMPLES)


def test_an_empty_answer_is_asked_for_twice_then_failed_and_never_unparsed(spec: Spec) -> None:
    with faulting(lambda call: completion(" \u200b\n") if call.text.startswith("20 ") else answered(call)) as server:
        path = spec(server, task={"max_retries": 0})
        measured = evaluated(path)
        assert (measured.score.failed, measured.score.unparsed, server.calls) == (1, 0, EXAMPLES + 1)
        assert len(kept(path)) == EXAMPLES - 1


def test_a_server_that_is_wrong_from_the_start_is_told_of_before_anything_is_written(spec: Spec) -> None:
    with faulting(lambda _: error(error={"message": "invalid key", "code": 401})) as server:
        path = spec(server)
        with pytest.raises(ModelConfigError, match="error 401: invalid key"):
            evaluated(path)
        assert not (path.parent / ".gpo").exists()
        assert server.calls <= 8


def test_a_parameter_that_the_provider_does_not_take_can_be_left_out(spec: Spec) -> None:
    says = "Unsupported value: 'temperature' does not support 0.0 with this model. Only the default (1) is supported."
    refused = error(400, error={"message": says, "code": "unsupported_value"})
    with faulting(lambda call: refused if "temperature" in call.body else answered(call)) as server:
        with pytest.raises(ModelConfigError, match=r"write `parameters: \{temperature: null\}` at this model"):
            evaluated(spec(server))
        assert evaluated(spec(server, task={"parameters": {"temperature": None}})).score.n == EXAMPLES


def test_half_an_emoji_does_not_lose_an_answer(spec: Spec, undisturbed: float) -> None:
    def with_half(call: Call) -> Sent:
        number = int(call.text.split()[0])
        return completion(f"The answer is {number if number % 2 else number + 1}. \ud83d")

    with faulting(with_half) as server:
        path = spec(server)
        assert evaluated(path).score.mean == undisturbed
        assert all(text.endswith(" \ufffd") for text in kept(path))
        assert (evaluated(path).paid, server.calls) == (0, EXAMPLES)


@pytest.mark.parametrize("tokens", [10**30, -5, 1e400, "many", 60.5, True, [1]])
def test_a_meter_that_cannot_be_right_loses_no_answer_and_is_told(tokens: Any, spec: Spec, undisturbed: float) -> None:
    usage = {**USAGE, "prompt_tokens": tokens}

    def metered(call: Call) -> Sent:
        return replace(answered(call), body=answered(call).body.replace(json.dumps(USAGE).encode(), odd))

    odd = json.dumps(usage).replace("Infinity", "1e400").encode()
    notes: list[str] = []
    with faulting(metered) as server:
        measured = evaluated(spec(server), notes)
    assert (measured.score.mean, measured.score.failed) == (undisturbed, 0)
    used = measured.score.usage["task"]
    assert EXAMPLES <= used.input_tokens < 62 * EXAMPLES
    assert used.output_tokens == 8 * EXAMPLES
    assert any("prompt_tokens" in note for note in notes) == (tokens != 60.5)


def test_a_reply_without_end_is_cut_off_and_told(spec: Spec) -> None:
    part = b"x" * 1_000_000
    endless = Sent(b"", slowly=(part,) * 30, every_s=0, chunked=True)
    with faulting(lambda call: endless if call.text.startswith("20 ") else answered(call)) as server:
        assert evaluated(spec(server)).score.failed == 1
    with faulting(lambda _: endless) as server, pytest.raises(GpoError, match="longer than 8,000,000 bytes"):
        evaluated(spec(server))


def test_answers_that_reasoning_used_up_are_counted_as_cut_and_warned_of(spec: Spec) -> None:
    details = {"completion_tokens_details": {"reasoning_tokens": 256}}
    used = {"prompt_tokens": 60, "completion_tokens": 256, "total_tokens": 316, **details}
    cut = completion("", finish_reason="length", usage=used)
    with faulting(after_good_calls(cut)) as server:
        measured = evaluated(spec(server))
        assert (measured.score.cut, measured.score.failed, server.calls) == (EXAMPLES - GOOD, 0, EXAMPLES)
        (warning,) = measured.warnings
        assert warning.startswith("36 of 48 answers were cut off by the token limit: raise")
    with faulting(lambda _: cut) as server, pytest.raises(ModelConfigError, match="8 were cut off by the token limit"):
        evaluated(spec(server))


def test_answers_are_asked_for_anew_when_they_are_to_be_fresh_or_have_become_old(spec: Spec) -> None:
    with faulting(answered) as server:
        path = spec(server)
        evaluated(path)
        assert (evaluated(path, fresh=True).paid, server.calls) == (EXAMPLES, 2 * EXAMPLES)
        assert (evaluated(path).paid, len(kept(path))) == (0, EXAMPLES)

        aging = spec(server, task={"max_age_days": 30})
        assert evaluated(aging).paid == 0
        with closing(sqlite3.connect(path.parent / ".gpo" / "gpo.db")) as connection, connection:
            connection.execute("UPDATE calls SET created_at = '2020' || substr(created_at, 5) WHERE rowid % 2")
        assert evaluated(aging).paid == EXAMPLES / 2
        assert (evaluated(aging).paid, len(kept(path))) == (0, EXAMPLES)


def test_what_is_billed_for_replies_that_are_no_answer_is_counted(spec: Spec) -> None:
    usual = {"input_tokens": 60, "output_tokens": 8}
    once: set[str] = set()

    def respond(call: Call) -> Sent:
        number = call.text.split()[0]
        if number == "20" or (number == "21" and number not in once):
            once.add(number)
            return completion("")
        if number == "22":
            return completion(None, finish_reason="content_filter")
        return answered(call)

    with faulting(respond) as server:
        measured = evaluated(spec(server, task={"price": {"input": 1e6, "output": 0}}))
        # Twice for 20, which fails; twice for 21, which is answered then; once for 22.
        assert (server.calls, measured.score.failed) == (EXAMPLES + 2, 2)
        used = measured.score.usage["task"]
        assert used.calls == EXAMPLES - 2
        assert used.input_tokens == usual["input_tokens"] * (EXAMPLES + 2)
        assert used.output_tokens == usual["output_tokens"] * (EXAMPLES + 2)
        assert measured.cost == used.input_tokens
