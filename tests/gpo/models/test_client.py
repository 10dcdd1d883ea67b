"""The client of a provider: its keys, its embeddings, its completion models."""

import traceback
from typing import Any

import langchain_openai
import pytest
from langchain_core.embeddings import Embeddings
from pydantic import SecretStr

from gpo.errors import ModelConfigError, PermanentCallError, TransientCallError
from gpo.messages.message import Message
from gpo.models.chat import ChatModel, Sampling
from gpo.models.client import open_embedding
from gpo.models.clients import langchain
from gpo.models.ledger import Answer
from gpo.models.models import open_models
from gpo.models.sharing import HeldAnswers
from gpo.settings import Settings
from gpo.spec.models import ModelSpec, ModelsSpec
from tests.support.endpoint import Reply, serving
from tests.support.fakes import StatusError, chat_model, in_time, scripted
from tests.support.keys import PLAIN, key, models_spec


def keys_of(**spec: Any) -> frozenset[str]:
    """The keys with which the task model would be called."""

    async def run() -> frozenset[str]:
        async with open_models(models_spec(**spec), Settings(), HeldAnswers()) as models:
            return (await models.task.connect()).secrets

    return in_time(run())


@pytest.mark.slow
def test_the_key_of_a_provider_goes_to_the_provider_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider")
    monkeypatch.setenv("OWN_KEY", "sk-own")
    for other in ({}, {"parameters": {"top_logprobs": 2}}):  # over HTTP directly, and through LangChain
        assert keys_of(**other) == {"sk-of-the-provider"}
        assert keys_of(base_url="http://127.0.0.1:9/v1", **other) == set()
        assert keys_of(base_url="http://127.0.0.1:9/v1", api_key_env="OWN_KEY", **other) == {"sk-own"}
        assert keys_of(api_key_env="OWN_KEY", **other) == {"sk-own"}


def test_a_key_that_is_not_set_is_named() -> None:
    with pytest.raises(ModelConfigError, match="openai:x: the environment variable GPO_NO_SUCH_KEY is not set"):
        keys_of(api_key_env="GPO_NO_SUCH_KEY")


def test_a_key_that_a_provider_repeats_is_nowhere_in_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "very-own-key"
    monkeypatch.setenv("OWN_KEY", secret)
    refusal = StatusError(401, f"wrong key {secret}\nyou sent {secret}")
    model = chat_model(scripted(errors={0: refusal}), api_key_env="OWN_KEY")

    class Refusing(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            raise refusal

        def embed_query(self, text: str) -> list[float]:
            raise refusal

    monkeypatch.setattr(langchain, "open_embeddings", lambda *_: Refusing())
    embedding = open_embedding(ModelSpec(model="openai:embed", api_key_env="OWN_KEY"))
    for refused in (model.ask(key(model), PLAIN), embedding.embed(["a"])):
        with pytest.raises(PermanentCallError, match=r"HTTP 401: wrong key \*\*\*$") as caught:
            in_time(refused)  # type: ignore[arg-type]
        assert secret not in "".join(traceback.format_exception(caught.value))


def test_remote_embeddings_are_patient_and_send_text() -> None:
    def options(**spec: Any) -> tuple[Any, ...]:
        patient = ModelSpec(model="openai:embed", timeout_s=7, max_retries=1, **spec)
        model = langchain.open_embeddings(patient, SecretStr("own"))
        assert isinstance(model, langchain_openai.OpenAIEmbeddings)
        return model.request_timeout, model.max_retries, model.check_embedding_ctx_length

    url = "http://127.0.0.1:9/v1"
    # Calls are repeated in one place, and not by the client.
    assert options() == (7.0, 0, False)
    assert options(base_url=url) == (7.0, 0, False)
    assert options(base_url=url, parameters={"check_embedding_ctx_length": True}) == (7.0, 0, True)


# Completion models


def asked_of(spec: ModelSpec, messages: list[Message], sampling: Sampling = PLAIN, role: str = "task") -> Answer:
    """One answer of a model by name, as the task or the optimizer model."""
    roles = {"task": "openai:x", "optimizer": "openai:y", "embedding": "local:wordllama"} | {role: spec}

    async def run() -> Answer:
        async with open_models(ModelsSpec.model_validate(roles), Settings(), HeldAnswers()) as models:
            model: ChatModel = getattr(models, role)
            answer = await model.ask(model.key(messages, sampling), sampling)
            assert (model.tally.input_tokens, model.tally.output_tokens) == (answer.input_tokens, answer.output_tokens)
            return answer

    return in_time(run())


QUESTION = [Message(role="system", text="Be brief."), Message(role="user", text="Q: 2 + 2?")]


@pytest.mark.slow
@pytest.mark.parametrize("role", ["task", "optimizer"])
def test_a_completion_model_is_sent_one_text_and_its_usage_is_counted(
    role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(lambda _: Reply("4.", input_tokens=7, output_tokens=2, finish_reason="length")) as endpoint:
        spec = ModelSpec(model="openai:base", base_url=endpoint.url, completion=True, parameters={"stop": ["\n\n"]})
        answer = asked_of(spec, QUESTION, Sampling(grammar="root ::= x"), role)
        begun = asked_of(spec, [*QUESTION, Message(role="assistant", text="A:")], Sampling(stop=("\n\nQ:",)))
    assert (answer.text, answer.input_tokens, answer.output_tokens, answer.finish_reason) == ("4.", 7, 2, "length")
    assert (answer.model, begun.text) == ("base", "4.")
    first, second = endpoint.requests
    assert first.text == "Be brief.\n\nQ: 2 + 2?\n\n"
    assert second.text == "Be brief.\n\nQ: 2 + 2?\n\nA:"
    assert (first.body["stop"], second.body["stop"]) == (["\n\n"], ["\n\nQ:"])
    assert (first.body["max_tokens"], first.body["grammar"]) == (256, "root ::= x")
    assert first.body["temperature"] == {"task": 0.0, "optimizer": 1.0}[role]


@pytest.mark.slow
def test_a_failing_completion_is_classified_like_any_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(lambda _: Reply("down", status=503)) as endpoint:
        spec = ModelSpec(model="openai:base", base_url=endpoint.url, completion=True, max_retries=0)
        with pytest.raises(TransientCallError, match=r"openai:base at http.*: HTTP 503"):
            asked_of(spec, QUESTION)
