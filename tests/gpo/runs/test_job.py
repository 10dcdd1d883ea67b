"""A spec that names prompts of the registry is run with the messages and texts that stand there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gpo.database.engine import open_database
from gpo.errors import InputError
from gpo.production.register import register_start
from gpo.prompts.registry import Registry
from gpo.runs.job import load_job
from gpo.spec.task import TaskSpec

TOOL = "Takes {{query}}."
DATASET = {"path": "rows.jsonl", "input": "question", "reference": "label"}


def kept(text: str) -> TaskSpec:
    return TaskSpec.model_validate(
        {
            "name": "kept",
            "target": "program:answer",
            "prompts": {"say": {"instruction": text, "messages": [{"system": "{{instruction}}"}, {"user": "{{q}}"}]}},
            "texts": {"search": TOOL},
            "dataset": DATASET,
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("registry")
    (made / ".gpo").mkdir()
    engine = open_database(f"sqlite:///{made}/.gpo/gpo.db")
    registry = Registry(engine)
    for alias, text in (("production", "Say it."), ("staging", "Say it well.")):
        register_start(registry, kept(text), (), who="ada", alias=alias)
    registry.promote("kept", 2, "staging", who="ada", why="to try")
    engine.dispose()
    return made


def written(folder: Path, **content: Any) -> TaskSpec:
    (folder / "program.py").touch()
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump({"name": "asks", "dataset": DATASET, **content}, sort_keys=False), encoding="utf-8")
    return load_job(path, home=folder / ".gpo").spec


def test_prompts_and_texts_are_read_from_the_registry(folder: Path) -> None:
    parts = {
        "prompts": {"plan": "registry:say@staging", "answer": {"registry": "registry:say", "description": "a word"}},
        "texts": {"search": "registry:search@1"},
    }
    spec = written(folder, target="program:answer", **parts)
    assert {name: part.instruction for name, part in spec.parts.items()} == {
        "plan": "Say it well.",
        "answer": "Say it.",
        "search": TOOL,
    }
    assert [each.text for each in spec.prompts["plan"].template] == ["{{instruction}}", "{{q}}"]
    assert (spec.prompt, spec.prompts["answer"].description) == (spec.prompts["plan"], "a word")
    assert not spec.registered
    assert "max_steps" not in spec.optimizer.model_fields_set, "what the spec leaves open stays open"


def test_a_prompt_that_stands_alone_is_named_alike_and_its_variables_are_checked(folder: Path) -> None:
    with pytest.raises(InputError, match=r"the prompt uses \{\{q\}\}, which dataset.input does not list"):
        written(folder, prompt="registry:say")
    spec = written(folder, prompt="registry:say@staging", dataset={**DATASET, "input": "q"})
    assert (spec.start_text, spec.prompt.variables) == ("Say it well.", ("q",))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"prompts": {"plan": "registry:nothing"}}, "has no prompt 'nothing'; allowed: kept, say, search"),
        ({"prompts": {"plan": "registry:say@best"}}, "best"),
        ({"prompts": {"plan": "registry:Say"}}, "must be as `registry:plan@production` (received 'registry:Say')"),
        ({"texts": {"search": "registry:Say"}}, "must be as `registry:plan@production` (received 'registry:Say')"),
        ({"prompts": {"plan": "registry:search"}}, "plan is version 1 of search, which is a text; name it in `texts`"),
        ({"texts": {"plan": "registry:say"}}, "which is a prompt; name it in `prompts`"),
        ({"prompts": {"plan": "registry:kept"}}, "which is a whole program; name its prompts: say, search"),
        ({"prompts": {"plan": {"registry": "say"}}}, "must be as `registry:plan@production`"),
        ({"prompts": {"plan": {"registry": "registry:say", "instruction": "Say."}}}, "`registry` stands in place of"),
    ],
)
def test_what_the_registry_does_not_have_is_told(folder: Path, parts: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        written(folder, target="program:answer", **parts)
    assert said in str(caught.value)


def test_without_a_registry_it_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="asks: names prompts of the registry, and there is none"):
        written(tmp_path, prompt="registry:say")
