"""The parts of a program in the registry: prompts and texts are kept, promoted and rolled back together."""

from pathlib import Path

from gpo.database.engine import open_database
from gpo.production.register import register_start
from gpo.prompts.loader import PromptLoader
from gpo.prompts.registry import Registry
from gpo.spec.task import TaskSpec

TOOL = 'Finds pages. Takes {"q": {{query}}}.'

SPEC = TaskSpec.model_validate(
    {
        "name": "asks",
        "target": "program:answer",
        "prompts": {"asks-say": {"instruction": "Say it.", "question": "{{question}}"}},
        "texts": {"asks-search": TOOL},
        "dataset": {"path": "rows.jsonl", "input": "question", "reference": "label"},
    }
)


def test_a_text_is_promoted_and_rolled_back_with_the_prompts_and_keeps_its_braces(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/gpo.db"
    engine = open_database(url)
    registry = Registry(engine)
    first = register_start(registry, SPEC, (), who="ada").version
    better = SPEC.with_texts({"asks-say": "Say it well.", "asks-search": "Finds {x} by {{query}}."})
    second = register_start(registry, better, (), who="ada", alias="staging").version
    assert (first.version, second.version) == (1, 2)

    def live() -> tuple[str, str]:
        loader = PromptLoader(url, 3600)
        found = [loader.find(name, "production", None) for name in ("asks-say", "asks-search")]
        loader.close()
        assert found[1].template.format_messages()[0].text == found[1].text
        return found[0].text, found[1].text

    assert live() == ("Say it.", TOOL)
    registry.promote("asks", 2, who="ada", why="better")
    assert live() == ("Say it well.", "Finds {x} by {{query}}.")
    registry.rollback("asks", who="bob", why="complaints")
    assert live() == ("Say it.", TOOL)
    assert registry.record("asks-search").moves[-1].program == "asks"
    engine.dispose()
