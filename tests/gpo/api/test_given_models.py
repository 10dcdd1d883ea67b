"""Models and metrics that are objects of Python, under the ledger."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from pydantic import SecretStr

import gpo
from gpo.errors import GpoError, ModelConfigError
from gpo.models.given import read_model
from tests.support.endpoint import Reply, Request, serving

ROWS = pd.DataFrame(
    {"word": [f"word {number}" for number in range(40)], "is": ["odd" if n % 2 else "even" for n in range(40)]}
)


def scored(task: Any, home: Path, **changes: Any) -> Any:
    parts = {"prompt": "Say odd or even: {{word}}", "data": ROWS, "reference": "is", "metric": "exact_match", **changes}
    return gpo.evaluate(**parts, task=task, home=home, progress=False)


def by_text(text: str) -> str:
    return "odd" if int(text.rsplit(maxsplit=1)[-1]) % 2 else "even"


async def by_messages(messages: list[dict[str, Any]]) -> AIMessage:
    assert messages[-1]["role"] == "user"
    return AIMessage(by_text(messages[-1]["content"]))


@pytest.mark.slow
def test_plain_functions_are_models_and_their_answers_are_kept(tmp_path: Path) -> None:
    first = scored(by_text, tmp_path)
    assert (first.score, first.measured.paid) == (1.0, 12)
    assert first.errors().empty
    again = scored(by_text, tmp_path)
    assert (again.score, again.measured.paid, again.measured.cached) == (1.0, 0, 12)
    assert scored(by_messages, tmp_path).measured.paid == 12

    def wrong(text: str) -> str:
        return "even" if by_text(text) == "odd" else "odd"

    other = scored(wrong, tmp_path)
    assert (other.score, len(other.errors()), other.measured.paid) == (0.0, 12, 12)
    assert any("kept under its own code" in told for told in other.told)


@pytest.mark.slow
def test_a_chat_model_of_openai_stays_usable_elsewhere_and_keeps_its_key(tmp_path: Path) -> None:
    from langchain_openai import ChatOpenAI
    from openai import DefaultAsyncHttpxClient

    def answer(request: Request) -> Reply:
        return Reply(status=503) if request.number == 5 else Reply(by_text(request.text.strip()))

    async def application(url: str) -> Any:
        client, key = DefaultAsyncHttpxClient(), SecretStr("sk-of-a-user")
        model = ChatOpenAI(model="m", base_url=url, api_key=key, temperature=0.25, http_async_client=client)
        # The same object is awaited in this loop before and after a score that runs in another one.
        assert (await model.ainvoke("word 3")).text == "odd"
        first = scored(model, tmp_path)
        assert (await model.ainvoke("word 4")).text == "even"
        assert scored(model, tmp_path).measured.paid == 0
        assert scored(model.bind(seed=3), tmp_path).measured.paid == 12
        await client.aclose()
        return first

    with serving(answer) as endpoint:
        first = asyncio.run(application(endpoint.url))
    assert (first.score, first.measured.paid) == (1.0, 12)
    assert {request.body["temperature"] for request in endpoint.requests} == {0.25}
    assert endpoint.calls == 2 + 12 + 1 + 12, "the failure is repeated once, by us"
    assert "sk-of-a-user" not in first.spec.yaml
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-of-a-user" in path.read_bytes()]


def test_a_function_that_fails_or_gives_no_text_is_a_failed_call(tmp_path: Path) -> None:
    with pytest.raises(GpoError, match="by_nothing` gave int; a model's function gives a text"):
        scored(by_nothing, tmp_path)


def by_nothing(text: str) -> Any:
    return len(text)


def test_a_chat_model_of_langchain_is_known_by_its_class_and_settings() -> None:
    def name(*responses: str, **fields: Any) -> str:
        return read_model(FakeListChatModel(responses=list(responses), **fields), "task").model

    assert name("odd") == name("odd", metadata={"who": "me"})
    assert name("odd") != name("even")
    assert name("odd").startswith("python:FakeListChatModel/")
    bound = FakeListChatModel(responses=["odd"]).bind(stop=["\n"])
    assert read_model(bound, "task").model not in (name("odd"), read_model(bound.bind(stop=["."]), "task").model)


def test_its_own_temperature_stays_and_no_spec_brings_it_back() -> None:
    given = read_model(FakeListChatModel(responses=["odd"]), "task")
    assert given.with_default("temperature", 0.0).parameters == {}
    assert given.with_default("temperature", 0.0).client is given.client
    named = {"model": given.model}
    with pytest.raises(ModelConfigError, match="was given as an object in Python, which no spec can hold"):
        gpo.evaluate(
            prompt="Say odd or even: {{word}}", data=ROWS, reference="is", metric="exact_match", task=named,
            progress=False, home="never-made",
        )  # fmt: skip
    assert not Path("never-made").exists()


@pytest.mark.slow
def test_a_function_as_metric_sees_what_it_asks_for(tmp_path: Path) -> None:
    def close(answer: str, reference: str, *, row: dict[str, Any]) -> dict[str, Any]:
        return {"score": 0.5 if row["word"] == "word 3" else float(answer == reference), "feedback": row["word"]}

    measured = scored(by_text, tmp_path, metric=close, sizes=(4, 24, 12))
    by_word = measured.to_pandas().set_index("input.word")
    found = by_word.loc["word 3"] if "word 3" in by_word.index else None
    assert set(by_word["feedback"]) == set(by_word.index)
    assert found is None or found["score"] == 0.5
