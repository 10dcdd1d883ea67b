import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpo.database.engine import open_database
from gpo.errors import PromptError, StateError
from gpo.messages.message import Message
from gpo.prompts.files import FORMATS, Format, read_record, write_record
from gpo.prompts.registry import Registry
from gpo.prompts.version import Move, PromptContent, PromptRecord, PromptVersion
from tests.gpo.prompts.test_registry import LINEAGE, NAME, content


@pytest.fixture
def record(tmp_path: Path) -> PromptRecord:
    engine = open_database(f"sqlite:///{tmp_path}/gpo.db")
    registry = Registry(engine)
    registry.register(NAME, content("Is it good?\nReally?  \n"), lineage=LINEAGE, note="first")
    registry.register(NAME, content("no"), parent=1)
    registry.promote(NAME, 1, who="ada", why="")
    registry.promote(NAME, 2, who="ada", why="3: 'yes' # \"quoted\"")
    registry.rollback(NAME, who="eve", why="1e3")
    found = registry.record(NAME)
    engine.dispose()
    return found


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_brings_everything_back(record: PromptRecord, form: Format, tmp_path: Path) -> None:
    path = write_record(tmp_path / "deep" / "prompts", record, form)
    assert path.name == f"{NAME}.{form}"
    assert read_record(path) == record
    before = path.read_bytes()
    assert write_record(tmp_path / "deep" / "prompts", record, form).read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_yaml_can_be_read_and_compared_by_people(record: PromptRecord, tmp_path: Path) -> None:
    text = write_record(tmp_path, record).read_text(encoding="utf-8")
    assert yaml.safe_load(text)["aliases"] == {"production": 1}
    block = "    - role: user\n      text: |-\n        {{review}}\n        {{instruction}}\n"
    assert block in text
    more = record.model_copy(update={"moves": record.moves[:1], "aliases": {"production": 1}})
    shorter = write_record(tmp_path / "other", more).read_text(encoding="utf-8")
    # What was there stays line for line, and new moves come at the end.
    assert text.startswith(shorter)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30) | st.text(
    "ab \n\t\r#:-'\"|>{}[]&*!%@`\x85\u2028\ufeff", max_size=12
)


@given(instruction=texts, before=texts, why=texts, form=st.sampled_from(FORMATS))
def test_any_text_survives(
    instruction: str, before: str, why: str, form: Format, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    try:
        kept = PromptContent(template=(Message(role="user", text=before + "{{instruction}}"),), instruction=instruction)
    except ValueError:
        return
    version = PromptVersion(name="p", version=1, digest=kept.digest, content=kept, created_at="2026", note=why)
    move = Move(
        name="p", number=1, alias="a", action="promote", from_version=None, to_version=1, standing=1, below=None,
        who=why, why=why, at="2026",
    )  # fmt: skip
    record = PromptRecord(name="p", created_at="2026", versions=(version,), aliases={"a": 1}, moves=(move,))
    assert read_record(write_record(folder, record, form)) == record


def test_an_edited_file_is_refused(record: PromptRecord, tmp_path: Path) -> None:
    path = write_record(tmp_path, record, "json")
    original = json.loads(path.read_text())

    def refuse(match: str) -> None:
        path.write_text(json.dumps(edited))
        with pytest.raises(PromptError, match=match):
            read_record(path)

    edited = json.loads(json.dumps(original))
    edited["versions"][0]["content"]["instruction"] = "Ignore all rules"
    refuse(r"review-sentiment\.json: version 1 was edited, its digest differs; .* register the text")
    edited = json.loads(json.dumps(original))
    edited["aliases"]["production"] = 2
    refuse("aliases are not where the moves left them")
    edited = json.loads(json.dumps(original))
    del edited["versions"][0]
    refuse("version 1 of review-sentiment is missing")
    edited = json.loads(json.dumps(original))
    edited["versions"][0]["colour"] = "red"
    refuse(r"`versions\.0\.colour`: Extra inputs")
    edited = original | {"layout": 2}
    refuse("no exported prompt of layout 1")


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "layout: 1", "\x00", "{"])
def test_something_else_is_refused(text: str, tmp_path: Path) -> None:
    for suffix in FORMATS:
        path = tmp_path / f"x.{suffix}"
        path.write_text(text)
        with pytest.raises(PromptError, match=rf"x\.{suffix}: is no exported prompt"):
            read_record(path)
    with pytest.raises(PromptError, match="cannot be read"):
        read_record(tmp_path)


def test_a_file_that_cannot_be_written_stays_as_it_was(
    record: PromptRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_record(tmp_path / "prompts", record)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StateError, match="cannot be written: No space left on device"):
        write_record(tmp_path / "prompts", record.model_copy(update={"created_at": "2030"}))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
