import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate

from gpo.database.engine import open_database
from gpo.errors import PromptError, StateError
from gpo.messages.langchain import langchain_messages
from gpo.messages.message import Message
from gpo.prompts.files import write_record
from gpo.prompts.langchain.template import as_langchain
from gpo.prompts.load import load_prompt, load_text
from gpo.prompts.loader import PromptLoader
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent, PromptVersion
from gpo.template import INSTRUCTION, variables_in
from tests.support.paths import ROOT

NAME = "review-sentiment"
TEMPLATE = (
    Message(role="system", text='Reply with {"label": ...}.'),
    Message(role="user", text="{{review}}\n{{instruction}}"),
)
FOREVER = 3600.0


def content(instruction: str) -> PromptContent:
    return PromptContent(template=TEMPLATE, instruction=instruction)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "gpo.db"


@pytest.fixture
def registry(path: Path) -> Iterator[Registry]:
    """A prompt with two versions, of which the first is in production."""
    engine = open_database(f"sqlite:///{path}")
    registry = Registry(engine)
    for text in ("Is it good?", 'Is it {really} "good"?'):
        registry.register(NAME, content(text))
    registry.promote(NAME, 1, who="ada", why="")
    yield registry
    engine.dispose()


@pytest.fixture
def loader(path: Path, registry: Registry) -> Iterator[PromptLoader]:
    loader = PromptLoader(f"sqlite:///{path}", FOREVER)
    yield loader
    loader.close()


def sent(prompt: ChatPromptTemplate, review: str = "x") -> list[tuple[str, str]]:
    return [(message.type, str(message.content)) for message in prompt.invoke({"review": review}).to_messages()]


def test_production_as_a_langchain_prompt(loader: PromptLoader, registry: Registry) -> None:
    prompt = loader.load(NAME)
    assert isinstance(prompt, ChatPromptTemplate)
    assert prompt.input_variables == ["review"]
    digest = registry.resolve(NAME).digest
    assert prompt.metadata == {"prompt": NAME, "version": 1, "alias": "production", "digest": digest}
    assert sent(prompt, "{y} '\"") == [("system", 'Reply with {"label": ...}.'), ("human", "{y} '\"\nIs it good?")]
    model = GenericFakeChatModel(messages=iter([AIMessage("positive")]))
    assert (prompt | model).invoke({"review": "fine"}).content == "positive"
    with pytest.raises(KeyError, match="review"):
        prompt.invoke({})


def test_an_alias_or_a_version(loader: PromptLoader, registry: Registry) -> None:
    registry.promote(NAME, 2, "challenger", who="ada", why="")
    challenger = loader.load(NAME, "challenger")
    assert sent(challenger)[1] == ("human", 'x\nIs it {really} "good"?')
    pinned = loader.load(NAME, 2)
    assert pinned.metadata is not None
    assert (pinned.metadata["version"], "alias" in pinned.metadata) == (2, False)
    assert sent(pinned) == sent(challenger)


anything = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
braces = st.text(st.sampled_from("{}a !:[].'\"\\%$\n"), max_size=30)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda name: name not in (INSTRUCTION, "stop")
)


@given(
    texts=st.lists(anything | braces, min_size=2, max_size=3),
    instruction=(anything | braces).filter(lambda text: not variables_in(text)),
    variables=st.lists(names, max_size=2),
    value=anything | braces,
)
def test_langchain_sends_what_the_registry_keeps(
    texts: list[str], instruction: str, variables: list[str], value: str
) -> None:
    pieces = ["{{instruction}}", *(f"{{{{{name}}}}}" for name in variables)]
    text = "".join(a + b for a, b in zip(texts, pieces, strict=False)) + "".join(pieces[len(texts) :]) + texts[-1]
    shots = (Message(role="user", text=value), Message(role="assistant", text=texts[0]))
    template = (Message(role="system", text=texts[0]), Message(role="user", text=text))
    try:
        kept = PromptContent(template=template, instruction=instruction, demonstrations=shots)
        if "stop" in kept.variables:
            return
    except ValueError:
        return
    version = PromptVersion(name="p", version=1, digest=kept.digest, content=kept, created_at="2026")
    inputs = dict.fromkeys(kept.variables, value)
    got = as_langchain(version).invoke(inputs).to_messages()
    roles = {"system": "system", "user": "human", "assistant": "ai"}
    want = [(roles[message.role], message.text) for message in kept.messages(inputs)]
    assert [(message.type, message.content) for message in got] == want


def test_a_conversation_is_langchains_placeholder(registry: Registry, loader: PromptLoader) -> None:
    template = (Message(role="system", text="{{instruction}}"), Message(role="placeholder", text="{{chat}}"))
    picture = {"type": "image", "url": "https://example.org/a.png"}
    shots = (Message(role="user", text="[image]", blocks=(picture,)), Message(role="assistant", text="{x}"))
    kept = registry.register("p", PromptContent(template=template, instruction="Go", demonstrations=shots)).version
    prompt = loader.load("p", 1)
    assert prompt.input_variables == ["chat"]
    chat = [HumanMessage("Hello {y}"), AIMessage("Yes?")]
    assert prompt.invoke({"chat": chat}).to_messages() == [
        SystemMessage("Go"),
        HumanMessage([picture]),
        AIMessage("{x}"),
        *chat,
    ]
    ours = kept.content.messages(
        {"chat": (Message(role="user", text="Hello {y}"), Message(role="assistant", text="Yes?"))}
    )
    assert langchain_messages(ours) == prompt.invoke({"chat": chat}).to_messages()


def test_a_variable_that_langchain_does_not_take(registry: Registry, loader: PromptLoader) -> None:
    template = (Message(role="user", text="{{stop}} {{instruction}}"),)
    registry.register("p", PromptContent(template=template, instruction="Go"))
    with pytest.raises(PromptError, match="use of its own for `stop`; rename"):
        loader.load("p", 1)


def test_a_promotion_is_seen_after_a_refresh_and_a_rollback_too(loader: PromptLoader, registry: Registry) -> None:
    first = loader.load(NAME)
    assert loader.load(NAME) is first
    assert loader.refresh()
    assert loader.load(NAME) is first
    registry.promote(NAME, 2, who="ada", why="")
    assert loader.load(NAME) is first
    assert loader.refresh()
    assert version(loader.load(NAME)) == 2
    registry.rollback(NAME, who="ada", why="")
    assert loader.refresh()
    assert version(loader.load(NAME)) == 1


def version(prompt: ChatPromptTemplate) -> int:
    assert prompt.metadata is not None
    return int(prompt.metadata["version"])


def test_a_promotion_is_seen_without_being_asked_for(path: Path, registry: Registry) -> None:
    loader = PromptLoader(f"sqlite:///{path}", refresh_s=0.01)
    assert version(loader.load(NAME)) == 1
    registry.promote(NAME, 2, who="ada", why="")
    deadline = time.monotonic() + 60
    while version(loader.load(NAME)) == 1:
        assert time.monotonic() < deadline
    before = threading.active_count()
    loader.close()
    assert threading.active_count() == before - 1


def test_the_last_good_prompt_stays_when_the_database_is_gone(
    loader: PromptLoader, registry: Registry, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prompt = loader.load(NAME)
    away = path.parent.with_name("away")
    path.parent.rename(away)
    with caplog.at_level(logging.INFO, logger="gpo.prompts.loader"):
        for _ in range(5):
            assert not loader.refresh()
            assert loader.load(NAME) is prompt
        with pytest.raises(StateError, match="there is no such file"):
            loader.load(NAME, "challenger")
        assert not path.exists()
        away.rename(path.parent)
        registry.promote(NAME, 2, who="ada", why="")
        assert loader.refresh()
    assert version(loader.load(NAME)) == 2
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert messages[0].startswith(f"prompt {NAME} (production): the last good one stays in use: database {path}")
    assert messages[1].endswith("can be read again")


def test_a_damaged_database_does_not_matter_after_the_first_success(loader: PromptLoader, path: Path) -> None:
    prompt = loader.load(NAME)
    for file in path.parent.iterdir():
        file.unlink()
    path.write_bytes(b"not a database at all" * 200)
    assert not loader.refresh()
    assert loader.load(NAME) is prompt
    with pytest.raises(StateError, match="is not an SQLite database"):
        loader.load(NAME, 1)


def test_a_first_call_without_a_database_says_what_is_missing(tmp_path: Path) -> None:
    loader = PromptLoader(f"sqlite:///{tmp_path}/none/gpo.db", FOREVER)
    with pytest.raises(StateError, match=r"none/gpo\.db: there is no such file"):
        loader.load(NAME)
    assert not (tmp_path / "none").exists()


def test_a_first_call_for_what_is_not_there(loader: PromptLoader) -> None:
    with pytest.raises(PromptError, match="did you mean 'review-sentiment'"):
        loader.load("review-sentimnt")
    with pytest.raises(PromptError, match="no alias 'challenger'"):
        loader.load(NAME, "challenger")


def test_a_default_is_used_until_the_database_can_be_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    loader = PromptLoader(f"sqlite:///{path}", FOREVER)
    default = ChatPromptTemplate([("human", "{review} good?")])
    assert loader.load(NAME, default=default) is default
    assert loader.load(NAME) is default
    assert not loader.refresh()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    engine = open_database(f"sqlite:///{path}")
    registry = Registry(engine)
    registry.register(NAME, content("Now"))
    assert not loader.refresh()
    registry.promote(NAME, 1, who="ada", why="")
    assert loader.refresh()
    assert version(loader.load(NAME, default=default)) == 1
    loader.close()
    engine.dispose()


def test_each_call_has_its_own_default(path: Path, registry: Registry) -> None:
    nowhere = f"sqlite:///{path.parent}/none.db"
    template = ChatPromptTemplate([("human", "{review} good?")])
    assert load_prompt("a", default=template, database=nowhere) is template
    assert load_text("a", default="the text", database=nowhere) == "the text"
    assert load_text("a", default="another", database=nowhere) == "another"
    assert load_prompt("a", default=template, database=nowhere) is template
    with pytest.raises(PromptError, match="prompt a: the default in use has no text"):
        load_text("a", database=nowhere)
    assert load_text("b", default="the text", database=nowhere) == load_text("b", database=nowhere) == "the text"
    assert load_prompt("b", default=template, database=nowhere) is template

    file = write_record(path.parent, registry.record(NAME))
    url = f"sqlite:///{path.parent}/late.db"
    loader = PromptLoader(url, FOREVER)
    assert version(loader.load(NAME, default=file)) == 1
    late = open_database(url)
    Registry(late).register(NAME, content("Is it good?"))
    Registry(late).promote(NAME, 1, who="ada", why="")
    assert loader.refresh()
    assert version(loader.load(NAME, default=template)) == 1, "no default any more, though the two are equal"
    loader.close()
    late.dispose()


def test_an_exported_file_as_default(registry: Registry, tmp_path: Path) -> None:
    file = write_record(tmp_path, registry.record(NAME))
    loader = PromptLoader(f"sqlite:///{tmp_path}/none.db", FOREVER)
    assert sent(loader.load(NAME, default=file))[1] == ("human", "x\nIs it good?")
    assert version(loader.load(NAME, 2, default=file)) == 2
    with pytest.raises(PromptError, match=r"holds no prompt review-sentiment \(challenger\), but .* production: 1"):
        loader.load(NAME, "challenger", default=file)
    with pytest.raises(PromptError, match="holds no prompt another"):
        loader.load("another", default=file)
    with pytest.raises(PromptError, match=r"missing\.yaml: cannot be read"):
        loader.load("another", default=tmp_path / "missing.yaml")
    loader.close()


def test_many_threads_share_one_first_read(path: Path, registry: Registry) -> None:
    loader = PromptLoader(f"sqlite:///{path}", FOREVER)
    before = threading.active_count()
    with ThreadPoolExecutor(8) as threads:
        prompts = list(threads.map(lambda _: loader.load(NAME), range(64)))
    assert {id(prompt) for prompt in prompts} == {id(prompts[0])}
    assert threading.active_count() == before + 1
    loader.close()
    assert loader.load(NAME) is prompts[0]
    loader.close()
    assert threading.active_count() == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_goes_on_refreshing(path: Path, registry: Registry) -> None:
    script = """
import os, sys, time
from gpo.prompts.loader import PromptLoader
loader = PromptLoader(sys.argv[1], 0.01)
loader.load("review-sentiment")
loader._reading.acquire()  # as the refreshing thread may hold it at any moment
if os.fork() == 0:
    print(loader.load("review-sentiment").metadata["version"], flush=True)
    sys.stdin.readline()
    deadline = time.monotonic() + 60
    while loader.load("review-sentiment").metadata["version"] == 1 and time.monotonic() < deadline:
        pass
    print(loader.load("review-sentiment").metadata["version"], flush=True)
    os._exit(0)
os.wait()
"""
    command = [sys.executable, "-W", "ignore", "-c", script, f"sqlite:///{path}"]
    child = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == "1\n"
    registry.promote(NAME, 2, who="ada", why="")
    output, _ = child.communicate("go\n", timeout=90)
    assert output == "2\n"


@pytest.mark.slow
def test_importing_the_library_stays_cheap(path: Path, registry: Registry) -> None:
    script = """
import sys
import gpo
print([name for name in ("langchain_core", "sqlalchemy", "pydantic") if name in sys.modules])
prompt = gpo.load_prompt("review-sentiment")
print(prompt.metadata["version"], gpo.load_prompt("review-sentiment", version=2).metadata["version"])
print(prompt is gpo.load_prompt("review-sentiment"), "prefect" in sys.modules)
"""
    environment = {**os.environ, "GPO_HOME": str(path.parent), "PYTHONPATH": str(ROOT)}
    environment.pop("GPO_DATABASE_URL", None)
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, env=environment, cwd=path.parent, capture_output=True, text=True, check=True)
    assert found.stdout.splitlines() == ["[]", "1 2", "True False"]


PROMOTER = """
import os, sys
from pathlib import Path
from gpo.database.engine import open_database
from gpo.prompts.registry import Registry
from gpo.messages.message import Message
from gpo.prompts.version import PromptContent
folder = Path(sys.argv[1])
template = (Message(role="user", text="{{review}} {{instruction}}"),)
for part in range(4):
    engine = open_database(f"sqlite:///{folder}/gpo.db")
    registry = Registry(engine)
    for number in range(25):
        text = f"{part * 25 + number} " + "{x}" * 2000
        made = registry.register("p", PromptContent(template=template, instruction=text)).version
        registry.promote("p", made.version, who="writer", why="")
    engine.dispose()
    folder.rename(folder.with_name("away"))
    print("away", flush=True)
    sys.stdin.readline()
    folder.with_name("away").rename(folder)
    print("back", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_reader_never_notices_promotions_or_a_database_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    engine = open_database(f"sqlite:///{folder}/gpo.db")
    registry = Registry(engine)
    template = (Message(role="user", text="{{review}} {{instruction}}"),)
    registry.register("p", PromptContent(template=template, instruction="0 " + "{x}" * 2000))
    registry.promote("p", 1, who="ada", why="")
    engine.dispose()
    loader = PromptLoader(f"sqlite:///{folder}/gpo.db", refresh_s=0.002)
    loader.load("p")
    ended = threading.Event()
    loads = 0

    def read() -> list[int]:
        nonlocal loads
        seen = []
        while not ended.is_set():
            prompt = loader.load("p")
            loads += 1
            text = str(prompt.invoke({"review": "{r}"}).to_messages()[0].content)
            head, number, body = text.split(" ")
            assert (head, body) == ("{r}", "{x}" * 2000)
            assert int(number) == version(prompt) - 1
            if seen[-1:] != [int(number)]:
                seen.append(int(number))
        return seen

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writer = subprocess.Popen([sys.executable, "-c", PROMOTER, str(folder)], cwd=ROOT, text=True, **pipes)
    assert writer.stdin is not None
    assert writer.stdout is not None
    assert writer.stderr is not None
    with ThreadPoolExecutor(2) as threads:
        readers = [threads.submit(read) for _ in range(2)]
        try:
            for _ in range(4):
                for state in ("away", "back"):
                    assert writer.stdout.readline() == f"{state}\n", writer.stderr.read()
                    deadline = time.monotonic() + 30
                    while loader.refresh() != (state == "back"):
                        assert time.monotonic() < deadline
                    assert version(loader.load("p")) >= 1
                    writer.stdin.write("go\n")
                    writer.stdin.flush()
        finally:
            ended.set()
            _, errors = writer.communicate(timeout=60)
        assert writer.returncode == 0, errors
        seen = [reader.result() for reader in readers]
    assert loader.refresh()
    assert version(loader.load("p")) == 100
    loader.close()
    for numbers in seen:
        assert numbers == sorted(numbers)
    assert loads > 100
