"""Chat models: classified failures, calls paid once, limits, counts, keys."""

import asyncio
import traceback
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import langchain_openai
import pytest
from langchain_core.embeddings import Embeddings
from pydantic import ValidationError
from sqlalchemy import select

from gpo.database.engine import open_database, reading
from gpo.database.tables import calls
from gpo.errors import LocalModelError, ModelConfigError, PermanentCallError, TransientCallError
from gpo.models import client as library
from gpo.models.chat import ChatModel, Sampling
from gpo.models.client import open_embedding
from gpo.models.failures import classify
from gpo.models.ledger import Answer, CallKey, Ledger
from gpo.models.local.embedder import load_embedder
from gpo.models.models import open_models
from gpo.models.sharing import HeldAnswers, counting_together
from gpo.records import Usage
from gpo.settings import Settings
from gpo.spec.models import ModelSpec, ModelsSpec, PriceSpec
from gpo.template import Message
from tests.support.endpoint import Reply, serving
from tests.support.fakes import StatusError, chat_model, in_time, scripted

PLAIN = Sampling()


def key(model: ChatModel, text: str = "hello", repeat: int = 0) -> CallKey:
    return model.key([Message(role="user", text=text)], PLAIN, repeat)


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


# Failures


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

    monkeypatch.setattr(library, "_embeddings", lambda _: Refusing())
    embedding = open_embedding(ModelSpec(model="openai:embed", api_key_env="OWN_KEY"))
    for refused in (model.ask(key(model), PLAIN), embedding.embed(["a"])):
        with pytest.raises(PermanentCallError, match=r"HTTP 401: wrong key \*\*\*$") as caught:
            in_time(refused)  # type: ignore[arg-type]
        assert secret not in "".join(traceback.format_exception(caught.value))


def test_a_failure_is_raised_counted_and_not_kept() -> None:
    answers = HeldAnswers()
    fake = scripted(errors={0: StatusError(503), 1: StatusError(401)})
    model = chat_model(fake, answers)

    async def run() -> None:
        with pytest.raises(TransientCallError, match="HTTP 503"):
            await model.ask(key(model), PLAIN)
        with pytest.raises(PermanentCallError, match="HTTP 401"):
            await model.ask(key(model), PLAIN)
        assert await answers.find([key(model)]) == {}
        assert (await model.ask(key(model), PLAIN)).text == "yes"

    in_time(run())
    assert (model.tally.failed, model.tally.paid) == (2, 1)


# Paying


def test_what_is_asked_arrives_and_what_is_answered_comes_back() -> None:
    fake = scripted(lambda messages: messages[0].text.upper())
    model = chat_model(fake)
    sampling = Sampling(max_tokens=5, grammar="root ::= x", min_p=0.1)
    messages = [Message(role="system", text="a"), Message(role="user", text="b"), Message(role="assistant", text="c")]
    answer = in_time(model.ask(model.key(messages, sampling), sampling))
    assert (answer.text, answer.input_tokens, answer.output_tokens, answer.model) == ("A", 10, 3, "scripted-1")
    (call,) = fake.calls
    assert list(call.messages) == messages
    assert call.parameters == {"max_tokens": 5, "extra_body": {"grammar": "root ::= x", "min_p": 0.1}}


def test_everything_that_decides_an_answer_is_in_its_key() -> None:
    def digest(repeat: int = 0, sampling: Sampling = PLAIN, text: str = "a", **spec: Any) -> str:
        return chat_model(scripted(), **spec).key([Message(role="user", text=text)], sampling, repeat).digest

    others = [
        digest(repeat=1),
        digest(sampling=Sampling(max_tokens=1)),
        digest(text="b"),
        digest(name="openai:other"),
        digest(base_url="http://h/v1"),
        digest(parameters={"top_p": 0.5}),
    ]
    assert len({digest(), *others}) == 7
    assert digest(max_concurrency=1, timeout_s=1, max_retries=0, api_key_env="KEY", role="optimizer") == digest()


def test_a_model_file_is_known_by_its_name_and_content_not_by_its_place(tmp_path: Path) -> None:
    def digest(folder: str, content: bytes, prefix: str = "") -> str:
        path = tmp_path / folder / "own.gguf"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        found = key(chat_model(scripted(), name=f"{prefix}{path}"))
        assert str(tmp_path) not in found.model_dump_json()
        return found.digest

    assert digest("a", b"one") == digest("b", b"one") == digest("b", b"one", prefix="local:")
    assert digest("a", b"one") != digest("b", b"another")
    missing = key(chat_model(scripted(), name=str(tmp_path / "none" / "own.gguf")))
    assert missing.identity["model"] == "own.gguf"


def test_a_packaged_model_is_known_by_its_name() -> None:
    identity = {"model": "local:smollm2-135m", "base_url": None, "parameters": {}, "call": {}}
    assert key(chat_model(scripted(), name="local:smollm2-135m")).identity == identity


def test_equal_calls_in_flight_are_paid_once() -> None:
    fake = scripted()
    model = chat_model(fake)

    async def run() -> list[Answer]:
        return await asyncio.gather(
            *(model.ask(key(model), PLAIN) for _ in range(5)), model.ask(key(model, "b"), PLAIN)
        )

    assert [answer.text for answer in in_time(run())] == ["yes"] * 6
    assert sorted(call.text for call in fake.calls) == ["b", "hello"]
    assert (model.tally.paid, model.tally.input_tokens, model.tally.output_tokens) == (2, 20, 6)


def test_what_was_kept_since_the_caller_looked_is_not_paid_again() -> None:
    answers = HeldAnswers()
    fake = scripted()
    first, twin = chat_model(fake, answers), chat_model(fake, answers)

    async def run() -> None:
        assert await twin.find([key(twin)]) == {}
        answer = await first.ask(key(first), PLAIN)
        assert await twin.ask(key(twin), PLAIN) == await first.ask(key(first), PLAIN) == answer

    in_time(run())
    assert len(fake.calls) == 1
    assert (first.tally.paid, first.tally.output_tokens) == (1, 3)
    assert (twin.tally.paid, twin.tally.failed, twin.tally.output_tokens) == (0, 0, 0)


def test_when_the_first_asker_is_cancelled_its_call_goes_on_for_its_twin() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        first, twin = (asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2))
        await settle()
        assert len(fake.calls) == 1
        first.cancel()
        await settle()
        assert first.cancelled()
        assert fake.gate
        fake.gate.set()
        assert (await twin).text == "yes"
        assert len(fake.calls) == 1
        assert (model.tally.paid, model.tally.failed) == (1, 0)

    in_time(run())


def test_a_call_that_nobody_waits_for_is_given_up() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        askers = [asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2)]
        await settle()
        for asker in askers:
            asker.cancel()
        await settle()
        assert fake.in_flight == 0
        assert fake.gate
        fake.gate.set()
        assert (await model.ask(key(model), PLAIN)).text == "yes"
        assert (len(fake.calls), model.tally.paid) == (2, 1)

    in_time(run())


def test_when_the_first_asker_fails_its_twin_asks() -> None:
    fake = scripted(errors={0: StatusError(401)})
    model = chat_model(fake)

    async def run() -> list[Answer | BaseException]:
        asked = (model.ask(key(model), PLAIN) for _ in range(2))
        return await asyncio.gather(*asked, return_exceptions=True)

    first, twin = in_time(run())
    assert isinstance(first, PermanentCallError)
    assert isinstance(twin, Answer)


def test_a_cancelled_twin_leaves_the_first_asker_alone() -> None:
    async def run() -> None:
        fake = scripted(gate=asyncio.Event())
        model = chat_model(fake)
        first, twin = (asyncio.create_task(model.ask(key(model), PLAIN)) for _ in range(2))
        await settle()
        twin.cancel()
        await settle()
        assert fake.gate
        fake.gate.set()
        assert (await first).text == "yes"
        assert len(fake.calls) == 1

    in_time(run())


class SlowStore:
    """A store whose writing takes until it is let through."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.kept: list[tuple[str, str, str]] = []

    async def find(self, keys: Sequence[CallKey]) -> Mapping[str, Answer]:
        return {}

    async def keep(self, key: CallKey, answer: Answer, role: str, stale_before: str = "") -> None:
        await self.open.wait()
        self.kept.append((key.digest, answer.text, role))


def test_an_answer_is_kept_before_it_is_returned() -> None:
    async def run() -> None:
        store = SlowStore()
        model = chat_model(scripted(), store, role="optimizer")
        asked = asyncio.create_task(model.ask(key(model), PLAIN))
        await settle()
        assert not asked.done()
        store.open.set()
        await asked
        assert store.kept == [(key(model).digest, "yes", "optimizer")]

    in_time(run())


def test_the_ledger_knows_the_role(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")

    async def run() -> None:
        ledger = Ledger(engine)
        held = HeldAnswers()
        task = chat_model(scripted(), ledger)
        optimizer = chat_model(scripted(), held, role="optimizer", parameters={"temperature": 1.0})
        await task.ask(key(task), PLAIN)
        await optimizer.ask(key(optimizer), PLAIN)
        await held.settle(ledger)
        await ledger.aclose()

    in_time(run())
    with reading(engine) as connection:
        assert sorted(connection.execute(select(calls.c.role)).scalars()) == ["optimizer", "task"]
    engine.dispose()


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_calls_at_once_than_the_spec_allows(limit: int) -> None:
    fake = scripted()
    model = chat_model(fake, max_concurrency=limit)

    async def run() -> None:
        await asyncio.gather(*(model.ask(key(model, str(number)), PLAIN) for number in range(10)))

    in_time(run())
    assert (len(fake.calls), fake.most_in_flight) == (10, limit)


# An embedded model's server


def test_a_server_that_died_is_brought_back_and_asked_again() -> None:
    ensured = []

    async def rejoin() -> None:
        ensured.append(True)

    fake = scripted(errors={0: ConnectionError("gone")})
    model = chat_model(fake, name="local:x", rejoin=rejoin)
    assert in_time(model.ask(key(model), PLAIN)).text == "yes"
    assert (len(ensured), len(fake.calls)) == (1, 2)
    assert (model.tally.paid, model.tally.failed) == (1, 0)


def test_it_is_brought_back_once_and_not_for_a_wrong_request() -> None:
    ensured = []

    async def rejoin() -> None:
        ensured.append(True)

    fake = scripted(errors={0: ConnectionError("gone"), 1: ConnectionError("again"), 2: StatusError(400)})
    model = chat_model(fake, name="local:x", rejoin=rejoin)
    with pytest.raises(TransientCallError, match="again"):
        in_time(model.ask(key(model), PLAIN))
    with pytest.raises(PermanentCallError, match="HTTP 400"):
        in_time(model.ask(key(model), PLAIN))
    assert (len(ensured), len(fake.calls), model.tally.failed) == (1, 3, 2)


def test_a_server_that_does_not_come_back_says_so() -> None:
    async def rejoin() -> None:
        raise LocalModelError("its log")

    model = chat_model(scripted(errors={0: ConnectionError("gone")}), name="local:x", rejoin=rejoin)
    with pytest.raises(LocalModelError, match="its log"):
        in_time(model.ask(key(model), PLAIN))


# By name


def models_spec(**task: Any) -> ModelsSpec:
    remote = {"model": "openai:embed", "base_url": "http://127.0.0.1:9/v1"}
    return ModelsSpec.model_validate(
        {"task": {"model": "openai:x", **task}, "optimizer": "openai:y", "embedding": remote}
    )


def key_of(**spec: Any) -> str:
    """The key with which the task model would be called."""

    async def run() -> str:
        async with open_models(models_spec(**spec), Settings(), HeldAnswers()) as models:
            client = (await models.task.connect()).client
            assert isinstance(client, langchain_openai.ChatOpenAI)
            assert client.openai_api_key is not None
            return client.openai_api_key.get_secret_value()  # type: ignore[union-attr]

    return in_time(run())


@pytest.mark.slow
def test_the_key_of_a_provider_goes_to_the_provider_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-provider")
    monkeypatch.setenv("OWN_KEY", "sk-own")
    assert key_of() == "sk-of-the-provider"
    assert key_of(base_url="http://127.0.0.1:9/v1") == "not-needed"
    assert key_of(base_url="http://127.0.0.1:9/v1", api_key_env="OWN_KEY") == "sk-own"
    assert key_of(api_key_env="OWN_KEY") == "sk-own"


def test_a_key_that_is_not_set_is_named() -> None:
    with pytest.raises(ModelConfigError, match="openai:x: the environment variable GPO_NO_SUCH_KEY is not set"):
        key_of(api_key_env="GPO_NO_SUCH_KEY")


def test_an_unknown_provider_is_refused_when_it_is_asked_or_embeds() -> None:
    async def run() -> None:
        async with open_models(models_spec(model="nobody:x"), Settings(), HeldAnswers()) as models:
            await models.task.ask(key(models.task), PLAIN)

    with pytest.raises(ModelConfigError, match="nobody:x"):
        in_time(run())
    with pytest.raises(ModelConfigError, match="nobody:x"):
        open_embedding(ModelSpec(model="nobody:x"))


def test_an_embedding_says_what_its_vectors_depend_on() -> None:
    async def identity(spec: ModelsSpec) -> str:
        async with open_models(spec, Settings(), HeldAnswers()) as models:
            return models.embedding_identity

    assert in_time(identity(models_spec())) == "openai:embed"
    assert in_time(identity(ModelsSpec())) == load_embedder("wordllama").identity


def test_remote_embeddings_are_patient_and_send_text_to_other_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWN_KEY", "own")

    def options(**spec: Any) -> tuple[Any, ...]:
        model = library._embeddings(
            ModelSpec(model="openai:embed", api_key_env="OWN_KEY", timeout_s=7, max_retries=1, **spec)
        )
        assert isinstance(model, langchain_openai.OpenAIEmbeddings)
        return model.request_timeout, model.max_retries, model.check_embedding_ctx_length

    url = "http://127.0.0.1:9/v1"
    # Calls are repeated in one place, and not by the client.
    assert options() == (7.0, 0, True)
    assert options(base_url=url) == (7.0, 0, False)
    assert options(base_url=url, parameters={"check_embedding_ctx_length": True}) == (7.0, 0, True)


def test_roles_and_default_temperatures() -> None:
    async def run() -> None:
        spec = models_spec(parameters={"temperature": 0.3})
        async with open_models(spec, Settings(), HeldAnswers()) as models:
            assert (models.task.role, models.optimizer.role) == ("task", "optimizer")
            assert models.task.spec.parameters == {"temperature": 0.3}
            assert models.optimizer.spec.parameters == {"temperature": 1.0}

    in_time(run())


def test_models_opened_one_after_the_other_count_together() -> None:
    async def tallies() -> tuple[Any, Any]:
        async with open_models(models_spec(), Settings(), HeldAnswers()) as models:
            return models.task.tally, models.optimizer.tally

    with counting_together():
        first, second = in_time(tallies()), in_time(tallies())
    apart = in_time(tallies())
    assert first[0] is second[0]
    assert first[1] is second[1]
    assert first[0] is not first[1]
    assert apart[0] is not first[0]


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


def test_a_completion_model_is_another_model_than_the_chat_model_of_its_name() -> None:
    chat, completion = chat_model(scripted()), chat_model(scripted(), completion=True)
    assert key(chat).digest != key(completion).digest
    assert "completion" not in key(chat).identity


def test_other_providers_have_no_completion_models() -> None:
    with pytest.raises(ValidationError, match=r"`completion` is for `openai:NAME`.*the provider 'anthropic' is asked"):
        ModelSpec(model="anthropic:x", completion=True)
    assert ModelSpec(model="local:smollm2-135m", completion=True).completion


# The judge


def test_the_optimizer_model_judges_without_temperature_where_no_judge_is_named() -> None:
    async def parameters(**spec: Any) -> tuple[str, Any]:
        content = {"task": "openai:x", "optimizer": {"model": "openai:y", "parameters": {"temperature": 0.9}}, **spec}
        async with open_models(ModelsSpec.model_validate(content), Settings(), HeldAnswers()) as models:
            assert models.judge.role == "judge"
            return models.judge.spec.model, models.judge.spec.parameters["temperature"]

    assert in_time(parameters()) == ("openai:y", 0.0)
    assert in_time(parameters(judge="openai:z")) == ("openai:z", 0.0)
    named = {"model": "openai:z", "parameters": {"temperature": 0.2}}
    assert in_time(parameters(judge=named)) == ("openai:z", 0.2)


def test_every_text_that_is_embedded_is_counted() -> None:
    async def run() -> tuple[int, int]:
        async with open_models(ModelsSpec(), Settings(), HeldAnswers()) as models:
            await models.embed(["a", "b"])
            await models.embed(["c"])
            return models.embedding_tally.paid, models.task.tally.paid

    assert in_time(run()) == (3, 0)


def test_what_ended_an_answer_is_kept() -> None:
    model = chat_model(scripted(finish_reason="length"))
    assert in_time(model.ask(key(model), PLAIN)).finish_reason == "length"


# Prices


def test_a_run_costs_what_its_priced_models_cost() -> None:
    usage = {
        "task": Usage(calls=10, input_tokens=1_000_000, output_tokens=100_000),
        "optimizer": Usage(calls=1, input_tokens=500_000, output_tokens=500_000),
        "judge": Usage(calls=2, input_tokens=1_000_000),
    }
    price = PriceSpec(input=2, output=10)
    optimizer = ModelSpec(model="openai:y", price=price)
    assert ModelsSpec().cost(usage) is None
    # The optimizer model judges too.
    assert ModelsSpec(optimizer=optimizer).cost(usage) == 6 + 2
    assert ModelsSpec(task=optimizer).cost(usage) == 3
    assert ModelsSpec(optimizer=optimizer).cost({"task": usage["task"], "optimizer": Usage()}) is None
