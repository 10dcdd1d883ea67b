"""The prompts of a program are moved together: one transaction, one move of the program, never half of it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpo.database.engine import open_database
from gpo.errors import AliasMovedError, PromptError
from gpo.messages.message import Message
from gpo.prompts.loader import PromptLoader
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent, program_content
from gpo.spec.program_text import join_texts

NAMES = ("find", "read", "say")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gpo.db"


@pytest.fixture
def registry(path: Path) -> Iterator[Registry]:
    engine = open_database(f"sqlite:///{path}")
    yield Registry(engine)
    engine.dispose()


def register(registry: Registry, text: str, *names: str) -> int:
    """A version of the program whose prompts have the text; those that are not named keep their first."""
    versions = {}
    for name in NAMES:
        words = text if name in (names or NAMES) else "one"
        content = PromptContent(template=(Message(role="user", text="{{x}} {{instruction}}"),), instruction=words)
        versions[name] = registry.register(name, content).version.version
    content = program_content(join_texts(dict.fromkeys(NAMES, text)), versions)
    return registry.register("program", content).version.version


def live(registry: Registry, alias: str = "production") -> list[str]:
    return [registry.resolve(name, alias).content.instruction for name in NAMES]


def test_a_promotion_and_its_rollback_take_all_prompts_along_and_are_one_move(registry: Registry) -> None:
    one, two = register(registry, "one"), register(registry, "two", "find", "say")
    registry.promote("program", one, who="ada", why="first")
    registry.promote("program", two, who="ada", why="better", expected=one)
    assert live(registry) == ["two", "one", "two"]
    moves = registry.history("program")
    assert [(move.from_version, move.to_version) for move in moves] == [(None, one), (one, two)]
    last = registry.history("find")[-1]
    assert (last.program, last.who, last.why) == ("program", "ada", "promote of program to version 2")
    assert len(registry.history("read")) == 1, "what did not change was not moved"

    registry.rollback("program", who="bob", why="complaints")
    assert live(registry) == ["one", "one", "one"]
    with pytest.raises(PromptError, match="none before it"):
        registry.rollback("program", who="bob", why="")
    registry.promote("program", two, "challenger", who="ada", why="")
    assert live(registry, "challenger") == ["two", "one", "two"]
    assert live(registry) == ["one", "one", "one"]


def test_a_prompt_of_a_program_is_not_moved_alone_nor_by_another_program(registry: Registry) -> None:
    one = register(registry, "one")
    registry.promote("program", one, who="ada", why="")
    register(registry, "two")
    with pytest.raises(PromptError, match="moved together with the other prompts of the program program"):
        registry.promote("find", 2, who="ada", why="")
    with pytest.raises(PromptError, match="promote or roll back program"):
        registry.rollback("find", who="ada", why="")
    registry.promote("find", 2, "staging", who="ada", why="an alias that the program does not have")
    other = registry.register("other", program_content("# find\nx", {"find": 2})).version.version
    with pytest.raises(PromptError, match="its prompt find is moved with the program program already"):
        registry.promote("other", other, who="ada", why="")
    assert registry.record("other").aliases == {}
    with pytest.raises(AliasMovedError):
        registry.promote("program", 2, who="ada", why="", expected=7)
    assert live(registry) == ["one", "one", "one"]


@pytest.mark.slow
def test_who_loads_prompts_together_never_gets_a_mixture(registry: Registry, path: Path) -> None:
    versions = [register(registry, "one"), register(registry, "two")]
    registry.promote("program", versions[0], who="ada", why="")
    ended, mixed, seen = threading.Event(), [], set()
    loader = PromptLoader(f"sqlite:///{path}", 3600)
    loader.load("find")  # was read alone, before the others

    def read() -> None:
        while not ended.is_set():
            loader.refresh()
            found = loader.load_together([(name, "production") for name in NAMES])
            texts = {template.invoke({"x": ""}).to_messages()[0].text for template in found.values()}
            seen.add(frozenset(texts))
            if len(texts) > 1:
                mixed.append(texts)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for turn in range(1, 21):
            registry.promote("program", versions[turn % 2], who="ada", why="")
    finally:
        ended.set()
        for reader in readers:
            reader.join()
        loader.close()
    assert not mixed
    assert seen


def test_a_prompt_that_is_read_for_the_first_time_is_of_the_same_moment_as_the_others(
    registry: Registry, path: Path
) -> None:
    one, two = register(registry, "one"), register(registry, "two")
    registry.promote("program", one, who="ada", why="")
    loader = PromptLoader(f"sqlite:///{path}", 3600)
    loader.load("find")
    registry.promote("program", two, who="ada", why="")
    found = loader.load_together([(name, "production") for name in NAMES])
    assert {template.invoke({"x": ""}).to_messages()[0].text for template in found.values()} == {" two"}
    loader.close()
