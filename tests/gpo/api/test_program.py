"""A program that is given in Python: objects, names and parts, evaluated without a spec file."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

import gpo
from gpo.errors import GpoError, SpecError
from tests.support.paths import ROOT

FRAME = pd.DataFrame({"word": [f"w{number}" for number in range(60)], "label": [f"w{number}!" for number in range(60)]})


def shout(word: str) -> str:
    """The word, as the candidate's prompts have it."""
    said = gpo.load_prompt("shout-say").invoke({"word": word}).to_messages()[-1].text
    return said + gpo.load_text("shout-end")


def parts(**changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "name": "shout",
        "target": shout,
        "prompts": {"shout-say": ChatPromptTemplate([("system", "Say it."), ("human", "{word}")])},
        "texts": {"shout-end": "!"},
        "data": FRAME,
        "input": "word",
        "reference": "label",
        "answer": "exact",
        "metric": "exact_match",
        "optimizer": "synthetic:optimizer",
        "sizes": (20, 20, 20),
    }
    return {**usual, **changes}


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [
        shout,
        lambda word: shout(word),  # noqa: PLW0108 - no importable name
        RunnableLambda(lambda inputs: shout(inputs["word"])),
        {"call": shout, "max_concurrency": 2},
        "tests.gpo.api.test_program:shout",
    ],
    ids=["function", "lambda", "chain", "options", "name"],
)
def test_whatever_the_program_is_it_is_evaluated_with_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: object
) -> None:
    monkeypatch.chdir(ROOT)
    measured = gpo.evaluate(**parts(target=target), home=tmp_path, progress=False)
    assert (measured.score, len(measured.errors())) == (1.0, 0)


def test_a_function_has_the_version_that_its_name_in_a_spec_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    both = (shout, "tests.gpo.api.test_program:shout")
    given, named = (gpo.Spec(**parts(target=each)).content.target for each in both)
    assert given is not None
    assert named is not None
    assert given.identity() == named.identity()


def test_prompts_of_many_forms_are_parts_and_what_is_guessed_is_told() -> None:
    prompts = {"a": "Be kind.", "b": "Answer: {{word}}", "c": {"instruction": "Go.", "question": "{{word}}"}}
    spec = gpo.Spec(**parts(prompts=prompts, texts={"d": {"text": "{x}", "description": "braces"}}))
    assert {name: part.instruction for name, part in spec.content.parts.items()} == {
        "a": "Be kind.",
        "b": "Answer:",
        "c": "Go.",
        "d": "{x}",
    }
    assert spec.content.prompts["a"].messages == ({"system": "{{instruction}}"},)
    assert "a: it has no variables, and is a system message" in spec.told
    alone = gpo.Spec(**parts(prompts=None, texts=None, prompt="Say: {{word}}"))
    assert (list(alone.content.parts), alone.content.prompt.instruction) == (["shout"], "Say:")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": 7}, "target: received int; give a function, a runnable of LangChain"),
        ({"target": {"call": shout, "timeout": 3}}, "target: unknown key `timeout`"),
        ({"target": {"call": lambda word: word, "isolate": True}}, "which cannot have an object of this one"),
        ({"optimizer": None}, "`optimizer=` is missing: the model that writes new prompts"),
        ({"prompts": None, "texts": None}, "`prompt=` is missing"),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(GpoError) as caught:
        gpo.Spec(**parts(**changes))
    assert said in str(caught.value)


def test_an_object_is_in_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="target=: an object of Python, which no file can hold"):
        gpo.Spec(**parts()).save(tmp_path / "spec.yaml")
