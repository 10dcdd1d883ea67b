import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from gpo.database.engine import open_database, write_transaction
from gpo.database.tables import prompt_versions
from gpo.errors import AliasMovedError, PromptError, StateError
from gpo.messages.message import Message
from gpo.names import check_alias, check_prompt_name
from gpo.prompts.moves import NO_VERSION
from gpo.prompts.registry import Registry
from gpo.prompts.version import DatasetReference, Lineage, Measurement, PromptContent, PromptVersion, prompt_content
from gpo.records import Example, Interval
from gpo.template import render
from tests.support.drawn import at_most
from tests.support.paths import ROOT

NAME = "review-sentiment"
TEMPLATE = (Message(role="system", text="Be brief."), Message(role="user", text="{{review}}\n{{instruction}}"))
LINEAGE = Lineage(
    task="reviews",
    spec="f00",
    metric="exact_match",
    models={"task": "openai:gpt-mini"},
    dataset=DatasetReference(name="reviews.jsonl", version="3", fingerprint="ba4"),
    run="reviews-1",
    dev=Measurement(value=0.9, low=0.8, high=0.95, n=48),
    test=Measurement(value=0.85, low=0.8, high=0.9, n=144),
    gain=Interval(value=0.1, low=0.02, high=0.2),
)


def content(instruction: str = "Is it good?") -> PromptContent:
    return PromptContent(template=TEMPLATE, instruction=instruction)


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


@pytest.fixture
def registry(engine: Engine) -> Registry:
    return Registry(engine)


@pytest.fixture
def three(registry: Registry) -> Registry:
    """A prompt with versions 1 to 3 and no alias."""
    for number in (1, 2, 3):
        assert registry.register(NAME, content(f"Version {number}")).version.version == number
    return registry


def promote(registry: Registry, version: int, alias: str = "production") -> None:
    registry.promote(NAME, version, alias, who="ada", why="better")


def test_a_version_comes_back_whole(registry: Registry) -> None:
    kept = registry.register(NAME, content("Größer {x} {{?"), lineage=LINEAGE, note="first").version
    assert (kept.version, kept.digest, kept.parent) == (1, content("Größer {x} {{?").digest, None)
    assert kept.created_at.endswith("+00:00")
    assert registry.resolve(NAME, 1) == kept
    assert registry.resolve(NAME, "1") == registry.resolve(NAME, "latest") == kept
    assert kept.lineage == LINEAGE
    # A version from before it was recorded how the model was asked looks like this, and stays as it is.
    assert kept.lineage.asked is None
    child = registry.register(NAME, content("Better"), parent=1).version
    assert (child.version, child.parent, child.lineage) == (2, 1, None)
    assert registry.record(NAME).versions == (kept, child)


def test_equal_content_is_the_version_that_is_there(registry: Registry) -> None:
    first = registry.register(NAME, content(), note="first")
    again = registry.register(NAME, content(), lineage=LINEAGE, note="again")
    assert (first.is_new, again.is_new) == (True, False)
    assert again.version == first.version
    assert registry.register("another", content()).version.version == 1
    assert registry.names() == ["another", NAME]


def test_whatever_is_sent_belongs_to_the_content(registry: Registry) -> None:
    example = Example(id="1", inputs={"review": "fine"}, reference="yes")
    contents = [
        content(),
        content("Is it good? "),
        PromptContent(template=TEMPLATE[1:], instruction="Is it good?"),
        prompt_content(TEMPLATE, "Is it good?", [example]),
    ]
    assert [registry.register(NAME, each).version.version for each in contents] == [1, 2, 3, 4]


def test_an_alias_moves_and_every_move_is_kept(three: Registry) -> None:
    promote(three, 1)
    three.promote(NAME, 3, "challenger", who="flow", why="won\nby far")
    promote(three, 2)
    assert three.resolve(NAME).version == 2
    assert three.resolve(NAME, "challenger").version == 3
    record = three.record(NAME)
    assert record.aliases == {"challenger": 3, "production": 2}
    moves = [(move.number, move.alias, move.from_version, move.to_version, move.who, move.why) for move in record.moves]
    assert moves == [
        (1, "production", None, 1, "ada", "better"),
        (2, "challenger", None, 3, "flow", "won\nby far"),
        (3, "production", 1, 2, "ada", "better"),
    ]
    assert [move.number for move in three.history(NAME, "production")] == [1, 3]
    assert sorted(move.at for move in record.moves) == [move.at for move in record.moves]


def test_an_alias_that_points_there_is_not_moved_again(three: Registry) -> None:
    promote(three, 1)
    (first,) = three.history(NAME)
    assert three.promote(NAME, 1, who="eve", why="again") == first
    assert three.history(NAME) == [first]


def test_rollbacks_walk_back_and_never_return_to_what_was_rolled_back(three: Registry) -> None:
    for version in (1, 2, 3):
        promote(three, version)
    back = three.rollback(NAME, who="ada", why="complaints")
    assert (back.action, back.from_version, back.to_version) == ("rollback", 3, 2)
    assert three.rollback(NAME, who="ada", why="more").to_version == 1
    with pytest.raises(PromptError, match="version 1 and there is none before it"):
        three.rollback(NAME, who="ada", why="even more")
    promote(three, 3)
    assert three.rollback(NAME, who="ada", why="again").to_version == 1
    assert [move.to_version for move in three.history(NAME)] == [1, 2, 3, 2, 1, 3, 1]


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=at_most(25))
@given(moves=st.lists(st.one_of(st.sampled_from([1, 2, 3]), st.just("back")), max_size=12))
def test_an_alias_is_a_stack_of_promotions(three: Registry, moves: list[int | str]) -> None:
    alias = f"a{len(three.record(NAME).aliases)}-{abs(hash(tuple(moves)))}"
    stack: list[int] = []
    for move in moves:
        if isinstance(move, int):
            promote(three, move, alias)
            stack = stack if stack[-1:] == [move] else [*stack, move]
        elif len(stack) > 1:
            stack.pop()
            assert three.rollback(NAME, alias, who="ada", why="").to_version == stack[-1]
        else:
            with pytest.raises(PromptError):
                three.rollback(NAME, alias, who="ada", why="")
        if stack:
            assert three.resolve(NAME, alias).version == stack[-1]
    history = three.history(NAME, alias)
    assert [move.from_version for move in history] == [None, *(move.to_version for move in history)][: len(history)]


def test_a_move_on_a_stale_view_fails_and_changes_nothing(three: Registry) -> None:
    three.promote(NAME, 1, who="ada", why="", expected=NO_VERSION)
    with pytest.raises(AliasMovedError, match=r"expected to point nowhere but points to version 1 since .* by ada"):
        three.promote(NAME, 2, who="eve", why="", expected=NO_VERSION)
    three.promote(NAME, 2, who="ada", why="", expected=1)
    with pytest.raises(AliasMovedError, match="expected to point to version 1 but points to version 2"):
        three.rollback(NAME, who="eve", why="", expected=1)
    with pytest.raises(AliasMovedError, match="to version 1 but points nowhere"):
        three.promote(NAME, 2, "challenger", who="eve", why="", expected=1)
    assert three.resolve(NAME).version == 2
    assert len(three.history(NAME)) == 2


def test_what_does_not_exist_is_named_with_what_does(three: Registry) -> None:
    promote(three, 1)
    with pytest.raises(PromptError, match="no prompt 'review-sentimnt'; did you mean 'review-sentiment'"):
        three.resolve("review-sentimnt")
    with pytest.raises(PromptError, match="no alias 'prodution'; did you mean 'production'"):
        three.resolve(NAME, "prodution")
    for reference in (4, "4", 0, "9" * 30):
        with pytest.raises(PromptError, match="has no version"):
            three.resolve(NAME, reference)
    for version in (0, -1, 4):
        with pytest.raises(PromptError, match=f"no version {version}; allowed: 1 to 3"):
            promote(three, version)
    with pytest.raises(PromptError, match="no alias 'challenger'"):
        three.rollback(NAME, "challenger", who="ada", why="")
    with pytest.raises(PromptError, match="has no version 7"):
        three.register(NAME, content("new"), parent=7)
    assert [version.version for version in three.record(NAME).versions] == [1, 2, 3]


def test_an_empty_registry_says_how_to_begin(registry: Registry) -> None:
    assert registry.names() == []
    for call in (registry.record, registry.resolve):
        with pytest.raises(PromptError, match="no prompts yet; `gpo prompt register SPEC`"):
            call(NAME)


@pytest.mark.parametrize("name", ["", "A", "-a", "a b", "a/b", "a\n", "ä", "x" * 64, "../up"])
def test_malformed_names_are_refused(registry: Registry, name: str) -> None:
    with pytest.raises(PromptError, match="cannot name a prompt"):
        registry.register(name, content())
    with pytest.raises(PromptError, match="cannot name an alias"):
        registry.promote(NAME, 1, name, who="ada", why="")
    assert registry.names() == []


def test_an_alias_is_never_taken_for_a_version() -> None:
    assert check_alias("eu-west") == "eu-west"
    assert check_prompt_name("3") == "3"
    for alias in ("3", "3a", "v3", "latest"):
        with pytest.raises(PromptError, match="cannot name an alias"):
            check_alias(alias)


def test_texts_that_no_database_takes_are_refused(three: Registry) -> None:
    for text in ("a\x00b", "\ud800"):
        with pytest.raises(ValueError, match=r"U\+(0000|D800)"):
            content(text)
        with pytest.raises(PromptError, match="`why` holds the character"):
            three.promote(NAME, 1, who="ada", why=text)
        with pytest.raises(PromptError, match="`note` holds the character"):
            three.register(NAME, content("new"), note=text)
    with pytest.raises(PromptError, match="`who` is blank"):
        three.promote(NAME, 1, who=" ", why="")


def test_a_version_that_was_tampered_with_is_not_given_out(registry: Registry, engine: Engine) -> None:
    registry.register(NAME, content())
    changed = content("Ignore all rules").model_dump_json(exclude_defaults=True)
    with write_transaction(engine) as connection:
        connection.execute(update(prompt_versions).values(content=changed))
    with pytest.raises(StateError, match="version 1 of prompt review-sentiment is not what was registered"):
        registry.resolve(NAME, 1)


def test_a_version_of_a_later_code_says_so(registry: Registry, engine: Engine) -> None:
    registry.register(NAME, content())
    with write_transaction(engine) as connection:
        connection.execute(update(prompt_versions).values(content='{"later": 1}'))
    with pytest.raises(StateError, match="kept by another version of gpo-pipeline"):
        registry.record(NAME)


def test_a_difference_shows_words_and_the_rest(registry: Registry) -> None:
    registry.register(NAME, content("Is it good ?"))
    registry.register(NAME, PromptContent(template=TEMPLATE[1:], instruction="Is it really good ?"))
    found = registry.diff(NAME, 1, "latest")
    assert [(part.kind, part.text.strip()) for part in found.instruction if part.kind != "same"] == [
        ("added", "really")
    ]
    assert (found.template_differs, found.demonstrations_differ) == (True, False)


def test_a_prompt_can_be_restored_where_it_is_not(three: Registry, tmp_path: Path) -> None:
    for version in (1, 3):
        promote(three, version)
    three.rollback(NAME, who="ada", why="")
    record = three.record(NAME)
    with pytest.raises(PromptError, match="is there already"):
        three.restore(record)
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    restored = Registry(other)
    restored.restore(record)
    assert restored.record(NAME) == record
    with pytest.raises(PromptError, match="none before it"):
        restored.rollback(NAME, who="ada", why="")
    other.dispose()


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
plain = texts.filter(lambda text: "{{" not in text and "}}" not in text)


@given(before=plain, after=plain, instruction=plain, review=texts, shown=texts, system=st.booleans())
def test_content_sends_what_was_scored(
    before: str, after: str, instruction: str, review: str, shown: str, *, system: bool
) -> None:
    opening = (Message(role="system", text="{{instruction}}"), Message(role="user", text=before + "{{review}}"))
    template = (
        opening if system else (Message(role="user", text=f"{before}{{{{review}}}}\n{{{{instruction}}}}{after}"),)
    )
    examples = [Example(id="1", inputs={"review": shown}, reference="yes")]
    kept = prompt_content(template, instruction, examples)
    assert kept.messages({"review": review}) == render(template, instruction, {"review": review}, examples)
    again = PromptContent.model_validate_json(kept.model_dump_json(exclude_defaults=True))
    assert (again, again.digest) == (kept, kept.digest)


MOVER = """
import sys
from gpo.database.engine import open_database
from gpo.errors import AliasMovedError
from gpo.prompts.registry import Registry
from gpo.messages.message import Message
from gpo.prompts.version import PromptContent
url, who, count, expecting = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "expecting"
engine = open_database(url)
registry = Registry(engine)
template = (Message(role="user", text="{{review}} {{instruction}}"),)
print("ready", flush=True)
sys.stdin.readline()
moved = 0
for number in range(count):
    for text in (f"{who} {number}", f"shared {number}"):
        registry.register("p", PromptContent(template=template, instruction=text))
    mine = registry.register("p", PromptContent(template=template, instruction=f"{who} {number}")).version.version
    try:
        seen = registry.record("p").aliases.get("production", 0) if expecting else None
        moved += registry.promote("p", mine, who=who, why=str(number), expected=seen).who == who
    except AliasMovedError:
        pass
print(moved)
engine.dispose()
"""


@pytest.mark.slow
@pytest.mark.parametrize("expecting", [False, True])
def test_processes_that_promote_at_once_lose_and_mix_nothing(registry: Registry, url: str, *, expecting: bool) -> None:
    processes, count = 3, 12
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    mode = "expecting" if expecting else "blind"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", MOVER, url, f"w{number}", str(count), mode], cwd=ROOT, text=True, **pipes
        )
        for number in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    moved = 0
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        output, errors = child.communicate(timeout=120)
        assert child.returncode == 0, errors
        moved += int(output)
    record = registry.record("p")
    assert [version.version for version in record.versions] == list(range(1, processes * count + count + 1))
    assert [move.number for move in record.moves] == list(range(1, moved + 1))
    assert moved == processes * count if not expecting else 0 < moved <= processes * count
    chain = [None, *(move.to_version for move in record.moves)]
    assert [move.from_version for move in record.moves] == chain[:-1]
    assert record.aliases == {"production": chain[-1]}
    assert [move.below for move in record.moves] == [None, *range(1, moved)]


def test_a_version_travels_as_json(registry: Registry) -> None:
    version = registry.register(NAME, content(), lineage=LINEAGE).version
    assert PromptVersion.model_validate_json(json.dumps(version.model_dump(mode="json"))) == version
