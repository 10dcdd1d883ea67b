"""`gpo.optimize` from start to end on synthetic models: without Prefect, in a running loop, and as a flow run."""

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListChatModel

import gpo
from gpo.errors import GpoError, InputError
from gpo.progress import Answered, Began, Event, listen
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.runs.outcome import Outcome
from tests.conftest import without_leftovers_of_prefect
from tests.support.paths import EXAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

MODELS = {
    "task": {"model": "synthetic:task", "max_concurrency": 64, "parameters": {"noise": 0.1, "seed": 0}},
    "optimizer": {"model": "synthetic:optimizer", "parameters": {"drift": 0.1, "heed": 0.7, "seed": 0}},
}
METHOD = {"preset": "gpo", "max_steps": 2, "candidates": 4}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec file with its data."""
    content = yaml.safe_load((EXAMPLES / "synthetic" / "spec.yaml").read_text(encoding="utf-8"))
    content |= {"optimizer": METHOD, "models": MODELS}
    content["dataset"]["split"] = {"train": 24, "dev": 24, "test": 96}
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shutil.copy(EXAMPLES / "synthetic" / "questions.jsonl", tmp_path)
    return tmp_path


def parts(folder: Path) -> dict[str, Any]:
    """The same task, put together in Python."""
    return {
        "name": "synthetic",
        "prompt": "{{question}}\n\n{{instruction}}",
        "instruction": "Solve the problem.",
        "description": "the number that is left",
        "data": pd.read_json(folder / "questions.jsonl", lines=True, dtype=False),
        "reference": "answer",
        "answer": "number",
        "sizes": (24, 24, 96),
        "metric": "exact_match",
        "method": METHOD,
        **MODELS,
    }


def always_a(text: str) -> str:
    del text
    return "a"


def always_a_script(text: str) -> str:
    del text
    return "<START>Say <script>alert(1)</script>.<END>"


def without_clock(outcome: Outcome) -> dict[str, Any]:
    return outcome.model_dump(exclude={"started_at", "wall_s", "calls", "cost_paid"})


def test_the_same_task_has_the_same_run_however_it_is_given(folder: Path) -> None:
    by_loop = asyncio.run(optimize(load_job(folder / "spec.yaml")))
    by_file = gpo.optimize(folder / "spec.yaml", progress=False)
    by_parts = gpo.optimize(**parts(folder), home=folder / ".gpo", progress=False)
    assert without_clock(by_parts.outcome) == without_clock(by_file.outcome) == without_clock(by_loop)
    asked = (by_parts.outcome.calls[role].paid for role in ("task", "optimizer"))
    assert set(asked) == {0}, "what is in the ledger is not paid again"
    assert by_parts.report.is_file()
    # Another seed, another search; a cap on calls that is too small is told as the command tells it.
    assert gpo.optimize(folder / "spec.yaml", seed=5, progress=False).outcome.run_id != by_loop.run_id
    with pytest.raises(InputError, match="max_task_calls"):
        gpo.optimize(folder / "spec.yaml", calls=3, progress=False)


def test_in_a_running_loop_to_the_first_step_and_into_production(folder: Path) -> None:
    home, phases = folder / "home", []

    def hear(event: Event) -> None:
        if isinstance(event, Began | Answered):
            phases.append(getattr(event, "phase", ""))

    async def cell() -> tuple[Any, Any]:
        with listen(hear):
            result = gpo.optimize(**parts(folder), seed=1, home=home, progress=False)
        return result, await gpo.evaluate_async(result.spec, instruction=result.best, home=home, progress=False)

    result, measured = asyncio.run(cell())
    assert phases.index("step 1/2") < phases.index("test")
    assert result.verdict == "promote"
    assert (result.best, measured.score) == (
        result.outcome.best.candidate.instruction, result.outcome.best.score.mean
    )  # fmt: skip
    frame = result.to_pandas()
    assert (len(frame), len(result.errors())) == (96, int((frame["score"] < 0.5).sum()))
    assert "status" in result.to_pandas("candidates").columns
    assert [message.content for message in result.prompt.invoke({"question": "{1}"}).to_messages()] == [
        f"{{1}}\n\n{result.best}"
    ]

    move = result.promote("sums", why="a test")
    assert (move.from_version, move.to_version, move.why) == (1, 2, "a test")
    read = gpo.load_prompt("sums", database=f"sqlite:///{home / 'gpo.db'}")
    assert read.invoke({"question": "{1}"}) == result.prompt.invoke({"question": "{1}"})
    page = result._repr_html_()
    assert "Better by" in page
    assert result.best in page


def test_a_page_of_a_cell_is_escaped_and_a_search_in_vain_is_not_promoted(tmp_path: Path) -> None:
    rows = pd.DataFrame({"word": [f"w{number}" for number in range(40)], "is": ["a", "b"] * 20})
    result = gpo.optimize(
        prompt="<b>Say</b> a or b: {{word}}",
        data=rows,
        reference="is",
        metric="exact_match",
        task=always_a,
        optimizer=always_a_script,
        method={"preset": "ape", "max_steps": 1, "candidates": 1},
        home=tmp_path,
        progress=False,
    )
    page = result._repr_html_()
    assert "<script" not in page
    assert "<b>" not in page
    assert result.verdict != "promote"
    with pytest.raises(GpoError, match=r"promote\(anyway=True\)"):
        result.promote("words")
    assert result.promote("words", anyway=True).to_version >= 1


def test_it_runs_as_a_flow_where_there_is_a_server(
    prefect_api: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client

    async def runs() -> list[str]:
        async with get_client() as client:
            return [run.name for run in await client.read_flow_runs()]

    given = parts(folder)
    with without_leftovers_of_prefect(prefect_api):
        here = gpo.optimize(**given, home=folder / "a", progress=False)
        before = asyncio.run(runs())
        monkeypatch.setenv("PREFECT_API_URL", prefect_api)
        there = gpo.optimize(**given, home=folder / "a", progress=False)
        after = asyncio.run(runs())
    assert sorted([*before, "optimize synthetic"]) == sorted(after)
    assert without_clock(there.outcome) == without_clock(here.outcome)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    alone = gpo.optimize(**given, home=folder / "a", progress=False)
    assert any("does not answer; the search goes on without it" in told for told in alone.told)


def test_methods_side_by_side_from_a_frame(folder: Path) -> None:
    given = {"presets": ["gpo", "ape"], "seeds": 1, "calls": 200, "home": folder / "home", "progress": False}
    first = gpo.compare(**parts(folder), **given)
    table = first.to_pandas()
    assert set(table["arm"]) == {"gpo", "ape"}
    assert all(0 < cost <= 200 for cost in table["task_calls"])
    assert set(first.to_pandas("runs")["seed"]) == {0}
    assert "gpo" in first._repr_html_()
    again = gpo.compare(**parts(folder), **given)
    assert again.comparison == first.comparison, "finished runs are found, with the time that they took"
    with pytest.raises(InputError, match="unknown preset 'opo'"):
        gpo.compare(**parts(folder), presets="opo")
    by_hand = next(first.folder.glob("*-ape.yaml"))
    assert gpo.optimize(by_hand, home=folder / "home", progress=False).outcome.run_id in set(
        first.to_pandas("runs")["run_id"]
    )


class Seen(BaseCallbackHandler):
    """Tags and metadata of the calls of a model."""

    def __init__(self) -> None:
        self.runs: list[tuple[set[str], dict[str, Any]]] = []

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, tags: Any = None, metadata: Any = None, **kwargs: Any
    ) -> None:
        self.runs.append((set(tags or ()), metadata or {}))


def test_calls_of_a_search_are_traced_with_step_candidate_and_example(tmp_path: Path) -> None:
    rows = pd.DataFrame({"word": [f"w{number}" for number in range(40)], "is": ["a", "b"] * 20})
    task, writer = Seen(), Seen()
    result = gpo.optimize(
        prompt="Say a or b: {{word}}",
        data=rows,
        reference="is",
        metric="exact_match",
        task=FakeListChatModel(responses=["a", "b", "b"], callbacks=[task]),
        optimizer=FakeListChatModel(responses=["<START>Write a or b.<END>"], callbacks=[writer]),
        method={"preset": "ape", "max_steps": 1, "candidates": 1},
        home=tmp_path,
        progress=False,
    )
    found = [(tags, metadata) for tags, metadata in task.runs if "gpo_step" in metadata]
    scored = [result.outcome.start, *result.outcome.history[0].scored]
    assert {at["gpo_run"] for _, at in found} == {result.outcome.run_id}
    assert {at["gpo_candidate"]: at["gpo_step"] for _, at in found} == {
        each.candidate.id: each.candidate.step for each in scored
    }
    assert {at["gpo_example"] for _, at in found} <= {
        example.id for example in (*result.splits.dev, *result.splits.test)
    }
    assert all({"gpo", f"candidate:{at['gpo_candidate']}", f"step:{at['gpo_step']}"} <= tags for tags, at in found)
    assert any({"gpo", "step:1"} <= tags for tags, _ in writer.runs)


def test_results_of_a_score_name_the_prompt_as_its_calls_do_with_the_examples_that_a_search_may_change(
    tmp_path: Path,
) -> None:
    task = Seen()
    measured = gpo.evaluate(
        prompt="Say a or b: {{word}}",
        data=pd.DataFrame({"word": [f"w{number}" for number in range(40)], "is": ["a", "b"] * 20}),
        reference="is",
        metric="exact_match",
        task=FakeListChatModel(responses=["a", "b", "b"], callbacks=[task]),
        method={"demonstrations": "searched"},
        few_shot=2,
        home=tmp_path,
        progress=False,
    )
    asked = {metadata["gpo_candidate"] for _, metadata in task.runs if "gpo_candidate" in metadata}
    assert asked
    assert asked == set(measured.to_pandas()["prompt"])


class Page:
    """What IPython makes of HTML."""

    def __init__(self, text: str) -> None:
        self.text = text


class Notebook:
    """As much of IPython as a cell with progress needs."""

    HTML = Page

    def __init__(self) -> None:
        self.pages: list[str] = []
        self.kernel = object()

    def get_ipython(self) -> "Notebook":
        return self

    def display(self, page: Page, *, display_id: bool) -> "Notebook":
        assert display_id
        self.update(page)
        return self

    def update(self, page: Page) -> None:
        self.pages.append(page.text)


def test_a_notebook_shows_one_cell_that_is_drawn_anew(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notebook = Notebook()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    given = {name: part for name, part in parts(folder).items() if name != "sizes"}
    measured: Callable[..., Any] = gpo.evaluate
    measured(**given, home=folder / "home")
    assert "train 40" in notebook.pages[-1]
    assert "<strong>done</strong>" in notebook.pages[-1]
    assert not caplog.records
    monkeypatch.delitem(sys.modules, "IPython")
    measured(**given, home=folder / "home")
    assert any("`sizes=`" in record.message for record in caplog.records)
