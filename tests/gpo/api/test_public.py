"""The public names of the library, and what asking for them loads."""

import subprocess
import sys

import pytest

import gpo

PUBLIC = [
    "Dataset",
    "PromptMiddleware",
    "Spec",
    "compare",
    "compare_async",
    "evaluate",
    "evaluate_async",
    "load_chain",
    "load_messages",
    "load_prompt",
    "load_prompts",
    "load_text",
    "optimize",
    "optimize_async",
    "record",
    "system_prompt",
]


def test_the_public_names_are_these() -> None:
    assert gpo.__all__ == PUBLIC
    assert all(callable(getattr(gpo, name)) for name in PUBLIC)
    assert set(PUBLIC) <= set(dir(gpo))
    with pytest.raises(AttributeError, match="optimise"):
        gpo.optimise  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.slow
def test_a_name_loads_no_more_than_it_needs() -> None:
    code = """
import sys
import gpo
print(*{"langchain_core", "pydantic"} & set(sys.modules))
gpo.load_prompt, gpo.record
print(*{"chromadb", "langchain_core", "pandas", "prefect", "sqlalchemy"} & set(sys.modules))
gpo.optimize, gpo.Spec, gpo.load_chain
rows = [{"ticket": f"ticket {number}", "label": "ab"[number % 2]} for number in range(60)]
gpo.Spec(prompt="Classify: {{ticket}}", data=rows, reference="label", task="openai:x")
print(*{"pandas", "prefect"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == []
