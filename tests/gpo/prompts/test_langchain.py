"""Prompts of the registry as LangChain's users expect them: in chains, in agents, in traces."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseChatModel, FakeListChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnablePassthrough
from langchain_core.tools import tool
from pydantic import Field

import gpo
from gpo.database.engine import open_database
from gpo.errors import ModelConfigError, PromptError
from gpo.messages.message import Message
from gpo.prompts import load as loaders
from gpo.prompts.registry import Registry
from gpo.prompts.version import AskedWith, DatasetReference, Lineage, PromptContent
from tests.support.paths import EXAMPLES

pytestmark = pytest.mark.slow  # create_agent and init_chat_model take seconds to import

TICKET = (Message(role="user", text="{{ticket}}\n{{instruction}}"),)
SYSTEM = (Message(role="system", text="{{instruction}} Speak {{language}}."),)
CHAT = (*SYSTEM, Message(role="placeholder", text="{{chat}}"))
IMAGE = {"type": "image", "url": "https://example.org/a.png"}


class Traces(BaseCallbackHandler):
    """What a tracer is told when a model begins."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, Any]] = []

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, metadata: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self.metadata.append(metadata or {})


class Echo(BaseChatModel):
    """Says how many tools it has, and keeps what it was sent."""

    sent: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "echo"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=len(tools))

    def _generate(self, messages: list[BaseMessage], *args: Any, tools: int = 0, **kwargs: Any) -> ChatResult:
        self.sent.append(messages)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(f"{tools} tools"))])


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    engine = open_database(f"sqlite:///{tmp_path / 'gpo.db'}")
    yield Registry(engine)
    engine.dispose()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'gpo.db'}"
    yield url
    if (loader := loaders._LOADERS.pop(url, None)) is not None:
        loader.close()


def refresh(database: str) -> None:
    """Let the loader look for what was promoted, as its thread does from time to time."""
    assert loaders._LOADERS[database].refresh()


def put(registry: Registry, template: tuple[Message, ...], text: str, **asked: Any) -> int:
    """A new version of the prompt `p`, in production."""
    lineage = None
    if asked:
        data = DatasetReference(name="rows")
        models = {"task": asked["model"]}
        lineage = Lineage(
            task="p", spec="", metric="exact_match", models=models, dataset=data, asked=AskedWith(**asked)
        )
    version = registry.register("p", PromptContent(template=template, instruction=text), lineage=lineage).version
    registry.promote("p", version.version, who="ada", why="")
    return version.version


def test_the_run_of_the_model_tells_which_version_it_was_asked_with(registry: Registry, database: str) -> None:
    version = put(registry, TICKET, "Sort it.")
    prompt = gpo.load_prompt("p", database=database)
    model, traces = FakeListChatModel(responses=["bug"]), Traces()
    config: Any = {"callbacks": [traces], "metadata": {"version": "of the application"}}
    chains = [
        prompt | model,
        prompt | model | (lambda message: message.text),
        {"ticket": RunnablePassthrough()} | prompt | model,
        prompt.pipe(model),
    ]
    for chain in chains:
        chain.invoke("it broke" if chain is chains[2] else {"ticket": "it broke"}, config)
    asyncio.run((prompt | model).ainvoke({"ticket": "it broke"}, config))
    assert list((prompt | model).stream({"ticket": "it broke"}, config))
    told = {"prompt": "p", "prompt_version": version, "prompt_alias": "production"}
    assert len(traces.metadata) == 6
    for metadata in traces.metadata:
        assert {name: metadata[name] for name in told} == told
        assert metadata["prompt_digest"] == registry.resolve("p").digest
        assert metadata["version"] == "of the application"


def test_messages_and_media_never_become_text_in_silence(registry: Registry, database: str) -> None:
    put(registry, (*TICKET, Message(role="placeholder", text="{{chat}}")), "Sort it.")
    prompt = gpo.load_prompt("p", database=database)
    shown: Any = [HumanMessage(content=[{"type": "text", "text": "See:"}, IMAGE])]
    sent = prompt.invoke({"ticket": "a", "chat": shown}).to_messages()
    assert sent[-1].content[-1] == IMAGE
    for wrong in (shown, [IMAGE], IMAGE, HumanMessage("a"), [{"role": "user", "content": "a"}]):
        with pytest.raises(PromptError, match="`ticket` stands in a text, and its value holds messages"):
            prompt.invoke({"ticket": wrong, "chat": []})
        with pytest.raises(PromptError, match="`ticket` stands in a text"):
            asyncio.run(prompt.ainvoke({"ticket": wrong, "chat": []}))
    assert prompt.invoke({"ticket": ["two", "texts"], "chat": []}).to_messages()[0].text.startswith("['two'")


def test_a_system_prompt_and_what_is_none(registry: Registry, database: str) -> None:
    put(registry, SYSTEM, "Be brief.")
    assert gpo.system_prompt("p", database=database, language="Dutch") == SystemMessage("Be brief. Speak Dutch.")
    put(registry, TICKET, "Sort it.")
    refresh(database)
    with pytest.raises(PromptError, match=r"prompt p: has no system message.*gpo\.PromptMiddleware"):
        gpo.system_prompt("p", database=database, ticket="a")


def test_an_agent_follows_promotions_while_it_lives(registry: Registry, database: str) -> None:
    @tool
    def look_up(order: str) -> str:
        """Find an order."""
        return order

    first = put(registry, SYSTEM, "Be brief.")
    model, traces = Echo(metadata={"team": "a"}), Traces()
    middleware = gpo.PromptMiddleware(
        "p", database=database, inputs=lambda request: {"language": request.state["messages"][0].text}
    )
    agent: Any = create_agent(model, [look_up], middleware=[middleware])
    asked: Any = {"messages": [HumanMessage("Dutch")]}
    config: Any = {"callbacks": [traces]}
    assert agent.invoke(asked, config)["messages"][-1].text == "1 tools"
    second = put(registry, CHAT, "Be kind.")
    refresh(database)
    asyncio.run(agent.ainvoke(asked, config))
    assert [[message.text for message in sent] for sent in model.sent] == [
        ["Be brief. Speak Dutch.", "Dutch"],
        ["Be kind. Speak Dutch.", "Dutch"],
    ]
    assert [each["prompt_version"] for each in traces.metadata] == [first, second]
    assert {each["team"] for each in traces.metadata} == {"a"}
    assert "prompt_version" not in (model.metadata or {}), "the application's own model is left alone"


def test_a_chain_asks_and_reads_as_the_prompt_was_proved(registry: Registry, database: str) -> None:
    number = {"kind": "number"}
    put(registry, TICKET, "Add.", model="synthetic:task", parameters={"noise": 0}, answer=number)
    chain, traces = gpo.load_chain("p", database=database), Traces()
    first = (EXAMPLES / "synthetic" / "questions.jsonl").read_text(encoding="utf-8").partition("\n")[0]
    config: Any = {"callbacks": [traces]}
    assert chain.invoke({"ticket": "no question"}, config) is None
    answer = asyncio.run(chain.ainvoke({"ticket": json.loads(first)["question"]}, config))
    assert int(answer or "") >= 0
    assert {each["prompt_version"] for each in traces.metadata} == {1}
    own = gpo.load_chain("p", FakeListChatModel(responses=["I say: the answer is 7."]), database=database)
    assert own.invoke({"ticket": "a"}) == "7"
    # Its model, and how its answers are read, go with a version.
    put(registry, TICKET, "Sort.", model="python:f@1", answer={"kind": "choice", "labels": ["bug", "other"]})
    refresh(database)
    own = gpo.load_chain("p", FakeListChatModel(responses=["A bug."]), database=database)
    assert own.invoke({"ticket": "a"}) == "bug"
    with pytest.raises(ModelConfigError, match="give `model=`"):
        chain.invoke({"ticket": "a"})
    put(registry, TICKET, "Say.", model="openai:m", answer={**number, "extract": {"prompt": "So:"}})
    refresh(database)
    with pytest.raises(PromptError, match=r"a second call \(`answer.extract`\)"):
        own.invoke({"ticket": "a"})


def test_a_chain_goes_where_the_prompt_was_proved(
    registry: Registry, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpo.api.chain import _model_of

    monkeypatch.setenv("OUR_KEY", "sk-1")
    where = {"base_url": "http://127.0.0.1:9/v1", "api_key_env": "OUR_KEY"}
    put(registry, TICKET, "Add.", model="openai:m", parameters={"top_p": 0.5}, answer={"kind": "number"}, **where)
    model: Any = _model_of(gpo.load_prompt("p", database=database))
    assert (model.openai_api_base, model.temperature, model.top_p) == (where["base_url"], 0.0, 0.5)
    assert model.openai_api_key.get_secret_value() == "sk-1"
