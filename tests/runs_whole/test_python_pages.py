"""The notebook of the examples and the pages about Python and programs are run as they stand, on synthetic models."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import gpo
from gpo.models.synthetic.chat import synthetic_model
from gpo.prompts import load as loader
from gpo.spec.models import ModelSpec
from tests.support.paths import EXAMPLES, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

STAND_INS = {'"openai:gpt-4o-mini"': '"synthetic:task"', '"openai:gpt-4o"': '"synthetic:optimizer"'}
OF_PROGRAMS = {
    "from langchain.chat_models import init_chat_model": "from gpo.models.synthetic.chat import synthetic_model\n"
    "from gpo.spec.models import ModelSpec",
    'init_chat_model("openai:gpt-4o-mini")': 'synthetic_model(ModelSpec(model="synthetic:task"))',
    '"openai:gpt-4o"': '"synthetic:optimizer"',
}


@contextmanager
def fresh_loader() -> Iterator[None]:
    """`load_prompt` reads its settings once: here it is to read the folder of this test."""
    held = loader._LOADERS.pop(None, None)
    try:
        yield
    finally:
        if (used := loader._LOADERS.pop(None, None)) is not None:
            used.close()
        if held is not None:
            loader._LOADERS[None] = held


def test_the_notebook_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = EXAMPLES / "synthetic"
    notebook = json.loads((folder / "notebook.ipynb").read_text(encoding="utf-8"))
    shutil.copy(folder / "questions.jsonl", tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with fresh_loader():
        for number, cell in enumerate(notebook["cells"]):
            if cell["cell_type"] == "code":
                assert not cell["outputs"], "kept without outputs"
                exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
        result = names["result"]
        assert result.verdict == "promote"
        assert (gpo.load_prompt("sums").metadata or {})["version"] == 2
        answers = [names["chain"].invoke({"question": text}) for text in names["frame"]["question"].head(3)]
        assert all(answers)
    assert (tmp_path / ".gpo" / "gpo.db").exists()


def test_the_page_about_python_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = pd.read_json(EXAMPLES / "synthetic" / "questions.jsonl", lines=True, dtype=False)
    names: dict[str, Any] = {
        "frame": rows.rename(columns={"question": "ticket", "answer": "label"}),
        "model": synthetic_model(ModelSpec(model="synthetic:task")),
    }
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    for name, stand_in in STAND_INS.items():
        page = page.replace(name, stand_in)
    with fresh_loader():
        for snippet in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
            exec(snippet, names)
    assert names["result"].verdict == "promote"
    assert names["prompt"].input_variables == ["ticket"]


def test_the_page_about_programs_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "synthetic" / "questions.jsonl", tmp_path)
    page = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
    for name, stand_in in OF_PROGRAMS.items():
        assert name in page
        page = page.replace(name, stand_in)
    names: dict[str, Any] = {}
    with fresh_loader():
        for snippet in re.findall(r"```(?:python|yaml)\n(.*?)```", page, re.DOTALL):
            if file := re.match(r"# (\S+\.\w+)\n", snippet):
                (tmp_path / file[1]).parent.mkdir(exist_ok=True)
                (tmp_path / file[1]).write_text(snippet, encoding="utf-8")
            else:
                exec(snippet, names)
        assert names["result"].verdict == "promote"
        improved = gpo.load_text("sums-solve")
    assert improved != "Solve the problem."
    assert improved in names["result"].best
