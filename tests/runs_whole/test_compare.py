"""`gpo compare` and `gpo ablate`: the plan and its errors, and whole comparisons of the synthetic task."""

import asyncio
import json
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from flows.cli.app import app
from flows.cli.display.comparison import ComparisonDisplay, work
from gpo.comparison.arms import ablation_arms, preset_arms
from gpo.comparison.plan import Design, Sizes, plan_comparison, write_specs
from gpo.comparison.progress import InRun, RunBegan, RunEnded
from gpo.comparison.results import ComparisonError
from gpo.data.splits import load_splits
from gpo.errors import InputError, SpecError
from gpo.models.synthetic.task import dataset
from gpo.progress import Answered, Began, Note
from gpo.runs.job import run_key
from gpo.search.plan import UNBOUNDED_STEPS
from gpo.search.run_limits import least_task_calls
from gpo.spec.file import dump_spec, load_models, load_spec
from gpo.spec.method import PRESETS
from gpo.spec.task import TaskSpec
from tests.conftest import without_leftovers_of_prefect
from tests.support.endpoint import Endpoint, Reply, Request, serving
from tests.support.outcomes import outcome, spec

DEV, TEST, CANDIDATES, CALLS = 6, 9, 2, 40
SIZES = Sizes(calls=CALLS, dev=DEV, test=TEST, train=6, candidates=CANDIDATES)
ONE_STEP = SIZES.model_copy(update={"calls": 26})


def write_task(folder: Path, name: str, **changes: Any) -> Path:
    """A spec of the synthetic task, and its questions."""
    (folder / "questions.jsonl").write_text(dataset(40), encoding="utf-8")
    content = {
        "name": name,
        "prompt": {"instruction": "Solve the problem.", "messages": [{"user": "{{question}}\n{{instruction}}"}]},
        "dataset": {"path": "questions.jsonl", "input": "question", "reference": "answer"},
        "answer": {"kind": "number"},
        "models": {"task": "synthetic:task", "optimizer": "synthetic:optimizer", "embedding": "local:wordllama"},
        **changes,
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def design(*tasks: Path, presets: str = "gpo,opro", seeds: tuple[int, ...] = (0, 1), **changes: Any) -> Design:
    return Design(**({"tasks": tasks, "arms": preset_arms(presets), "seeds": seeds, "sizes": SIZES} | changes))


@pytest.fixture
def task(tmp_path: Path) -> Path:
    return write_task(tmp_path, "sums")


def test_all_cells_of_a_task_have_the_same_budget(task: Path, tmp_path: Path) -> None:
    whole = plan_comparison(design(task, presets="all"), tmp_path)
    assert len(whole.cells) == 2 * len(PRESETS)
    for own in whole.specs.values():
        assert own.budget.max_task_calls == CALLS
        assert own.optimizer.candidates == CANDIDATES
        # None stops early for want of progress: those that restart go on until the calls are spent.
        assert own.optimizer.restart or own.optimizer.patience == own.optimizer.max_steps
        assert (own.optimizer.race_after is None) == (own.optimizer.accept != "race")
        assert own.seed == 0
    by_method = {cell.arm: whole.specs[cell.spec].optimizer for cell in whole.cells}
    for name, method in PRESETS.items():
        assert all(getattr(by_method[name], field) == value for field, value in method)
    # 6 for the start, then 12 a step; a reflection on 8 answers costs 8 more.
    assert {name: each.max_steps for name, each in by_method.items()} == {
        **dict.fromkeys(PRESETS, 3),
        **dict.fromkeys(("apo", "pe2", "protegi-like"), 2),
        **dict.fromkeys(("minibatch", "gepa-like"), UNBOUNDED_STEPS),
    }


def test_only_the_method_differs_between_the_cells_of_a_task(task: Path, tmp_path: Path) -> None:
    whole = plan_comparison(design(task, presets="all"), tmp_path)
    rest = [own.model_dump(exclude={"optimizer"}) for own in whole.specs.values()]
    assert all(each == rest[0] for each in rest)


def test_the_cells_come_seed_by_seed(tmp_path: Path) -> None:
    tasks = write_task(tmp_path, "one"), write_task(tmp_path, "two")
    whole = plan_comparison(design(*tasks), tmp_path)
    assert [(cell.seed, cell.task, cell.arm) for cell in whole.cells] == [
        (seed, name, arm) for seed in (0, 1) for name in ("one", "two") for arm in ("gpo", "opro")
    ]
    assert whole.title == "2 tasks x 2 presets x 2 seeds"


def test_a_comparison_is_named_by_its_settings(task: Path, tmp_path: Path) -> None:
    first = plan_comparison(design(task), tmp_path)
    assert plan_comparison(design(task), tmp_path / "elsewhere").id == first.id
    others = [
        design(task, presets="gpo"),
        design(task, seeds=(0, 2)),
        design(task, sizes=SIZES.model_copy(update={"calls": 41})),
        design(task, sizes=SIZES.model_copy(update={"test": 8})),
    ]
    assert len({first.id, *(plan_comparison(each, tmp_path).id for each in others)}) == 5


def test_every_cell_can_be_run_by_hand(task: Path, tmp_path: Path) -> None:
    whole = plan_comparison(design(task, presets="all"), tmp_path / "with space")
    write_specs(whole)
    for cell in whole.cells:
        own = load_spec(cell.spec)
        assert own == whole.specs[cell.spec]
        assert run_key(own.model_copy(update={"seed": cell.seed}), load_splits(own)) == cell.key
    text = whole.cells[0].spec.read_text(encoding="utf-8")
    assert f"GPO_HOME='{tmp_path / 'with space'}' gpo optimize '{whole.cells[0].spec}' --seed 0" in text


def test_without_sizes_the_cells_are_as_the_spec_says(tmp_path: Path) -> None:
    path = write_task(
        tmp_path,
        "sums",
        dataset={
            "path": "questions.jsonl",
            "input": "question",
            "reference": "answer",
            "split": {"train": 8, "dev": 10, "test": 12},
        },
        optimizer={"max_steps": 4, "candidates": 3},
    )
    whole = plan_comparison(design(path, sizes=Sizes()), tmp_path)
    assert whole.tasks[0].model_dump() == {
        "name": "sums",
        "dev": 10,
        "test": 12,
        "train": 8,
        "candidates": None,
        "calls": 10 + 4 * 30,
    }
    assert {(own.optimizer.max_steps, own.optimizer.candidates) for own in whole.specs.values()} == {(4, 3)}


def test_each_method_has_its_own_sizes_and_its_own_way_to_turn_proposals_away(tmp_path: Path) -> None:
    path = write_task(tmp_path, "sums", optimizer={"preset": "gpo", "race_after": 2, "k": 5})
    own_sizes = SIZES.model_copy(update={"candidates": None, "calls": 150})
    whole = plan_comparison(design(path, presets="gpo,minibatch", sizes=own_sizes), tmp_path)
    by_method = {cell.arm: whole.specs[cell.spec].optimizer for cell in whole.cells}
    assert {name: (each.accept, each.race_after) for name, each in by_method.items()} == {
        "gpo": ("race", 2),
        "minibatch": ("expected", None),
    }
    assert (by_method["minibatch"].candidates, by_method["minibatch"].batch) == (4, 4)
    # 144 calls after the start: six steps of 4, where the published 8 would have three.
    assert (by_method["gpo"].candidates, by_method["gpo"].max_steps) == (4, 6)
    assert {each.k for each in by_method.values()} == {5}


def test_a_race_that_the_compared_sizes_leave_no_room_for_is_left_out(tmp_path: Path) -> None:
    path = write_task(tmp_path, "sums", optimizer={"preset": "gpo", "race_after": 3})
    whole = plan_comparison(design(path, presets="gpo"), tmp_path)
    assert {(own.optimizer.accept, own.optimizer.race_after) for own in whole.specs.values()} == {("none", None)}


def test_limits_on_money_stay_and_one_on_all_calls_gives_way(tmp_path: Path) -> None:
    path = write_task(tmp_path, "sums", budget={"max_calls": 5000, "max_tokens": 90000, "max_cost": 1.5})
    own = next(iter(plan_comparison(design(path), tmp_path).specs.values()))
    assert own.budget.model_dump() == {
        "max_calls": None,
        "max_task_calls": CALLS,
        "max_tokens": 90000,
        "max_cost": 1.5,
    }


def test_one_file_replaces_the_models_of_all_tasks(task: Path, tmp_path: Path) -> None:
    models = tmp_path / "models.yaml"
    models.write_text("models:\n  optimizer: {model: 'openai:gpt-4o-mini', parameters: {temperature: 0.7}}\n")
    own = next(iter(plan_comparison(design(task, models=models), tmp_path).specs.values()))
    assert own.models.optimizer.model == "openai:gpt-4o-mini"
    assert own.models.task.model == "synthetic:task"
    assert load_models(task)["task"].model == "synthetic:task"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("task: x", "holds no `models:`"),
        ("models: {tusk: 'local:x'}", "unknown key `models.tusk`; did you mean 'task'?"),
        ("- 1", "expected a mapping with keys such as models"),
    ],
)
def test_a_file_that_holds_no_models_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "models.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_models(path)
    assert message in str(caught.value)


def test_a_budget_too_small_for_one_step_is_refused_with_the_least(task: Path, tmp_path: Path) -> None:
    small = design(task, presets="gpo", sizes=SIZES.model_copy(update={"calls": 17}))
    with pytest.raises(InputError, match=r"sums: a search of 17 task-model calls has no step: .* give --calls 18"):
        plan_comparison(small, tmp_path)
    enough = plan_comparison(design(task, presets="gpo", sizes=SIZES.model_copy(update={"calls": 18})), tmp_path)
    own = next(iter(enough.specs.values()))
    assert least_task_calls(own, enough.tasks[0].sizes) == 18


def test_the_least_budget_is_that_of_the_dearest_method(task: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give --calls 26"):
        plan_comparison(design(task, presets="gpo,apo", sizes=SIZES.model_copy(update={"calls": 18})), tmp_path)


def test_a_benchmarks_folder_is_compared_with_the_published_settings(tmp_path: Path) -> None:
    folder = tmp_path / "bbh" / "object_counting"
    folder.mkdir(parents=True)
    rows = [json.dumps({"input": f"I have {n} hats. How many hats do I have?", "target": str(n)}) for n in range(30)]
    for number, name in enumerate(("train", "eval", "test")):
        (folder / f"{name}.jsonl").write_text("\n".join(rows[10 * number : 10 * number + 10]), encoding="utf-8")
    whole = plan_comparison(design(folder, presets="all"), tmp_path)
    assert {own.optimizer.style for own in whole.specs.values()} == {"paper"}
    assert {own.prompt.instruction for own in whole.specs.values()} == {"Let's think step by step."}


def test_a_method_that_a_task_cannot_have_is_told_before_anything_runs(tmp_path: Path) -> None:
    path = write_task(tmp_path, "sums", optimizer={"style": "continuation"})
    plan_comparison(design(path), tmp_path)
    with pytest.raises(InputError, match="sums with the method apo: style `continuation` is a list"):
        plan_comparison(design(path, presets="gpo,apo"), tmp_path)


def test_tasks_must_differ(task: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is given twice"):
        plan_comparison(design(task, task), tmp_path)
    (tmp_path / "other").mkdir()
    twin = write_task(tmp_path / "other", "sums")
    with pytest.raises(InputError, match="are both named sums: rename one"):
        plan_comparison(design(task, twin), tmp_path)


@pytest.mark.parametrize("empty", ["tasks", "arms", "seeds"])
def test_a_comparison_of_nothing_is_refused(task: Path, tmp_path: Path, empty: str) -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        plan_comparison(design(task, **{empty: ()}), tmp_path)


def test_a_plan_writes_nothing(task: Path, tmp_path: Path) -> None:
    home = tmp_path / "state"
    plan_comparison(design(task), home)
    assert not home.exists()


TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t #:|-'\""), min_size=1, max_size=60
)


@given(TEXTS.filter(lambda text: text.strip() and "{{" not in text), TEXTS, st.sampled_from([*PRESETS]))
def test_a_spec_is_read_back_as_it_was_written(instruction: str, description: str, preset: str) -> None:
    written = spec(
        prompt={
            "instruction": instruction,
            "messages": [{"user": "{{review}}\n{{instruction}}"}],
            "description": description,
        },
        optimizer={"preset": preset, "trajectory": "relevance", "race_after": 4},
        models={"task": {"model": "openai:x", "parameters": {"stop": None, "seed": 7}, "max_concurrency": 2}},
        metric={"name": "exact_match"},
        budget={"max_cost": 0.5},
    )
    assert TaskSpec.model_validate(yaml.safe_load(dump_spec(written))) == written


def gpo(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--presets", "gpoo"], "--presets: unknown preset 'gpoo'; did you mean 'gpo'?"),
        (["--seeds", "none"], "--seeds: received 'none'; give a number of seeds such as 3, or a list such as 0,1,2"),
        (["--calls", "0"], "--calls: Input should be greater than or equal to 1, received 0"),
        (["--calls", "5", "--dev", "6", "--test", "9", "--train", "6"], "a search of 5 task-model calls has no step"),
        (["--parallel", "0"], "--parallel: received 0; give a number from 1 to 64"),
        (["--models", "missing.yaml"], "missing.yaml: no such file"),
        (["--dev", "400"], "dataset.split asks for"),
    ],
)
def test_wrong_input_is_told_before_anything_runs(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = gpo("compare", task, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not (tmp_path / ".gpo").exists()


def test_a_dry_run_shows_the_work_and_writes_nothing(
    task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sizes = ("--dev", "6", "--test", "9", "--train", "6", "--candidates", "2", "--calls", "40")
    result = gpo("compare", task, *sizes, "--presets", "gpo,apo", "--seeds", "2", "--dry-run")
    assert result.exit_code == 0
    assert "1 task x 2 presets x 2 seeds: 4 runs; at most 232 task-model calls to go" in result.stdout
    result = gpo("compare", task, *sizes, "--presets", "gpo,apo", "--seeds", "2", "--dry-run", "--json")
    planned = json.loads(result.stdout)
    assert [(row["method"], row["calls_each"], row["to_run"]) for row in planned["runs"]] == [
        ("gpo", 40, 2),
        ("apo", 40, 2),
    ]
    result = gpo("ablate", task, *sizes, "--table", "3", "--seeds", "1", "--dry-run")
    assert f"1 task x {len(ablation_arms('3'))} methods x 1 seed" in result.stdout
    assert "edit distance: linear + warm-up" in result.stdout
    result = gpo("ablate", task, *sizes, "--full", "--seeds", "1", "--dry-run")
    assert "40 methods x 1 seed" in result.stdout
    assert "prompt+score+reflection, importance" in result.stdout
    assert not (tmp_path / ".gpo").exists()


def test_an_extraction_prompt_doubles_the_calls_that_are_told(tmp_path: Path) -> None:
    path = write_task(tmp_path, "sums", answer={"kind": "number", "extract": "The answer is"})
    whole = plan_comparison(design(path, presets="gpo", seeds=(0,)), tmp_path)
    assert (
        work(whole, frozenset())
        == f"1 task x 1 preset x 1 seed: 1 run; at most {CALLS + 4 * TEST} task-model calls to go"
    )


def test_a_log_has_a_line_a_run(task: Path, tmp_path: Path) -> None:
    whole = plan_comparison(design(task), tmp_path)
    out = StringIO()
    with ComparisonDisplay(Console(file=out, width=80), whole, frozenset(whole.cells[:1])) as display:
        display(Note("starting Prefect"))
        display(RunBegan(1))
        display(InRun(1, Began("start", 6)))
        display(InRun(1, Answered(paid=True, count=6)))
        display(InRun(1, Note("another run holds the trajectory")))
        display(RunEnded(1, outcome(), None))
        display(RunBegan(2))
        display(RunEnded(2, None, "HTTP 401"))
    lines = out.getvalue().splitlines()
    assert lines[0] == (
        "1 task x 2 presets x 2 seeds: 4 runs, 1 of them finished before; at most 174 task-model calls to go"
    )
    assert lines[1:3] == ["starting Prefect", "another run holds the trajectory"]
    assert lines[3].startswith("2/4  sums  opro  seed 0   dev 0.812  test 0.794  gain  +0.18  in 4 min 12 s  (")
    assert lines[4].startswith("3/4  sums  gpo   seed 1   failed: HTTP 401  (")


Compare = Callable[[Design, Path], Any]


@pytest.fixture
def run_compare(prefect_api: str) -> Compare:
    from flows.compare import compare

    def run(wanted: Design, home: Path, parallel: int = 1) -> Any:
        with without_leftovers_of_prefect(prefect_api):
            return asyncio.run(compare(wanted, home, parallel))

    return run


class Optimizer:
    """An optimizer model that proposes one thing after another, and can be switched off."""

    def __init__(self) -> None:
        self.is_up = True

    def __call__(self, request: Request) -> Reply | str:
        if "ready" in request.text:
            return "ready"
        if not self.is_up:
            return Reply("no such key", status=401)
        return f"<START>Subtract what is given away. Take care number {request.number}.<END>"


@pytest.fixture
def optimizer() -> Iterator[tuple[Optimizer, Endpoint]]:
    model = Optimizer()
    with serving(model) as endpoint:
        yield model, endpoint


def states_by_name(names: str) -> dict[str, list[str]]:
    """The states of all flow runs whose names hold a text, by name."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

    async def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        async with get_client() as client:
            for run in await client.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=names))):
                found.setdefault(run.name, []).append(str(run.state_name))
        return found

    return asyncio.run(read())


def artifact_types(key: str) -> list[str]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    async def read() -> list[str]:
        async with get_client() as client:
            wanted = ArtifactFilter(key=ArtifactFilterKey(like_=key))
            return sorted(str(each.type) for each in await client.read_artifacts(artifact_filter=wanted))

    return asyncio.run(read())


@pytest.mark.slow
def test_a_comparison_of_the_synthetic_task(tmp_path: Path, own_environment: None, run_compare: Any) -> None:
    path, home = write_task(tmp_path, "synthetic-sums"), tmp_path / "state"
    wanted = design(path, presets="gpo,apo", sizes=ONE_STEP)
    comparison = run_compare(wanted, home, parallel=2)
    whole = plan_comparison(wanted, home)
    assert [(row.task, row.arm, row.seed) for row in comparison.cells] == [
        (cell.task, cell.arm, cell.seed) for cell in whole.cells
    ]
    for row in comparison.cells:
        assert row.error is None
        assert row.task_calls is not None
        assert DEV * (1 + CANDIDATES) <= row.task_calls <= 26
        assert (row.start_test, row.start_dev) == (comparison.cells[0].start_test, comparison.cells[0].start_dev)
    assert [each.seeds for each in comparison.summary] == [2, 2]
    assert json.loads((whole.folder / "comparison.json").read_text(encoding="utf-8")) == json.loads(
        comparison.model_dump_json()
    )

    children = states_by_name(f"{whole.id}/synthetic-sums")
    name = f"synthetic-sums · optimize · {whole.id}/"
    assert children == {f"{name}{cell.spec.name} · seed {cell.seed}": ["Completed"] for cell in whole.cells}
    assert states_by_name("compare 1 task x 2 presets x 2 seeds") == {
        "compare 1 task x 2 presets x 2 seeds": ["Completed"]
    }
    assert artifact_types(f"comparison-{whole.id}") == ["markdown", "table"]

    again = run_compare(wanted, home)
    assert again == comparison
    assert states_by_name(f"{whole.id}/synthetic-sums") == children


@pytest.mark.slow
def test_a_run_that_fails_does_not_sink_the_others_and_is_run_again(
    tmp_path: Path, own_environment: None, run_compare: Any, optimizer: tuple[Optimizer, Endpoint]
) -> None:
    model, endpoint = optimizer
    remote = {"model": "openai:optimizer", "base_url": endpoint.url, "max_retries": 0}
    models = {"task": "synthetic:task", "optimizer": remote, "embedding": "local:wordllama"}
    good, bad = write_task(tmp_path, "good"), write_task(tmp_path, "bad", models=models)
    wanted, home = design(good, bad, presets="gpo", seeds=(0,), sizes=ONE_STEP), tmp_path / "state"
    with patch.dict("os.environ", {"OPENAI_API_KEY": "sk-0123456789abcdef"}):
        model.is_up = False
        with pytest.raises(ComparisonError, match="1 of 2 runs failed") as caught:
            run_compare(wanted, home)
        comparison = caught.value.comparison
        assert {(row.task, row.error is None) for row in comparison.cells} == {("good", True), ("bad", False)}
        assert "HTTP 401" in str(comparison.failed[0].error)
        assert "0123456789" not in comparison.model_dump_json()
        report = (plan_comparison(wanted, home).folder / "report.md").read_text(encoding="utf-8")
        assert "**1 of 2 runs failed.**" in report

        model.is_up = True
        mended = run_compare(wanted, home)
    assert not mended.failed
    before = [row for row in comparison.cells if row.task == "good"]
    assert [row for row in mended.cells if row.task == "good"] == before


@pytest.mark.slow
def test_runs_at_the_same_time_pay_once_for_what_they_share(
    tmp_path: Path, own_environment: None, run_compare: Any
) -> None:
    def answer(request: Request) -> Reply | str:
        if request.model == "optimizer":
            return "ready" if "ready" in request.text else f"<START>Take care, number {request.number}.<END>"
        return Reply("The answer is 3.", latency_s=0.05)

    with serving(answer) as endpoint:
        models = {
            role: {"model": f"openai:{role}", "base_url": endpoint.url, "max_retries": 0}
            for role in ("task", "optimizer")
        }
        path = write_task(tmp_path, "shared", models={**models, "embedding": "local:wordllama"})
        with patch.dict("os.environ", {"OPENAI_API_KEY": "sk-0123456789abcdef"}):
            run_compare(
                design(path, presets="ape,opro,gpo", seeds=(0,), sizes=ONE_STEP), tmp_path / "state", parallel=3
            )
        asked = [request.text for request in endpoint.requests if request.model == "task"]
    assert len(asked) == len(set(asked))


@pytest.mark.slow
def test_the_command_prints_one_json_object(
    tmp_path: Path, own_environment: None, prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_task(tmp_path, "printed")
    sizes = ("--dev", "6", "--test", "9", "--train", "6", "--candidates", "2", "--calls", "18")
    arguments = ("compare", path, *sizes, "--presets", "gpo", "--seeds", "1")
    with without_leftovers_of_prefect(prefect_api):
        result = gpo(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(result.stdout)
    folder = Path(content["folder"])
    assert folder.parent == tmp_path / ".gpo" / "comparisons"
    assert content["cells"][0]["arm"] == "gpo"
    with without_leftovers_of_prefect(prefect_api):
        result = gpo(*arguments)
    assert "1 of them finished before" in result.stderr
    assert "gpo has the highest mean test score" in result.stdout
    assert str(folder) in result.stdout
