"""What holds in every search, seen on the task with a known answer: in a run of the flow, in small runs of its loop."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from benchmarks.control_study import Sizes, run_loop, search_of, write_spec
from gpo.data.splits import load_splits
from gpo.database.engine import open_database, open_state
from gpo.models.local.embedder import load_embedder
from gpo.models.synthetic.chat import SyntheticChatModel
from gpo.models.synthetic.task import START, quality
from gpo.production.register import find_last_finished
from gpo.records import Example, Scored
from gpo.runs.explain import explain
from gpo.runs.history import History
from gpo.runs.job import Checked, Job, load_job
from gpo.runs.outcome import Outcome
from gpo.runs.run import open_run
from gpo.search.screen import MOST_SCORED
from gpo.spec.method import PRESETS
from tests.gpo.search.test_invariants import cosine, distance

Optimize = Callable[..., Outcome]
SMALL = Sizes(steps=4, candidates=4, dev=16, budget_start=11, budget_end=3)
GPO, MINIBATCH = {"preset": "gpo"}, {"preset": "minibatch"}

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]


def scored_of(outcome: Outcome) -> list[Scored]:
    return [outcome.start, *(item for step in outcome.history for item in step.scored)]


def course(outcome: Outcome) -> dict[str, Any]:
    """A run without what its time and the state of its ledger decide."""
    whole: dict[str, Any] = untimed(outcome.model_dump(mode="json", exclude={"started_at", "wall_s", "calls"}))
    return whole


def untimed(content: Any) -> Any:
    """Without how long each answer took."""
    if isinstance(content, dict):
        return {name: untimed(each) for name, each in content.items() if name != "timing"}
    if isinstance(content, list):
        return [untimed(each) for each in content if not (isinstance(each, dict) and each.get("name") == "latency")]
    return content


# One run of the flow


@dataclass
class Spy:
    """Every request that reaches a model, in order, and now and then what the database holds by then."""

    home: Path
    requests: list[tuple[str, str]] = field(default_factory=list)
    kept: list[list[str]] = field(default_factory=list)

    def hear(self, model: str, text: str) -> None:
        self.requests.append((model, text))
        if len(self.requests) % 32 == 0:
            self.kept.append(kept_in(self.home))

    def asked(self, model: str) -> list[str]:
        return [text for name, text in self.requests if name == f"synthetic:{model}"]


def kept_in(home: Path) -> list[str]:
    """The scored prompts that the database of a state folder holds for its only run."""
    if not (home / "gpo.db").exists():
        return []
    engine = open_database(f"sqlite:///{home / 'gpo.db'}")
    try:
        history = History(engine)
        return [item.model_dump_json() for run in history.runs() for item in history.scored(run.key)]
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Run:
    place: Job
    outcome: Outcome
    spy: Spy


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own_environment: None, optimized: Optimize) -> Run:
    return run_spied(write_spec(tmp_path_factory.mktemp("invariants"), GPO, SMALL, seed=3), optimized)


@pytest.fixture(scope="module")
def default_run(tmp_path_factory: pytest.TempPathFactory, own_environment: None, optimized: Optimize) -> Run:
    return run_spied(write_spec(tmp_path_factory.mktemp("default"), MINIBATCH, SMALL, seed=4), optimized)


@pytest.fixture(params=["run", "default_run"])
def any_run(request: pytest.FixtureRequest) -> Run:
    """What holds whatever the method."""
    found: Run = request.getfixturevalue(request.param)
    return found


def run_spied(path: Path, optimized: Optimize) -> Run:
    place = load_job(path)
    spy = Spy(place.home)
    generate = SyntheticChatModel._generate

    def heard(self: SyntheticChatModel, messages: Any, *args: Any, **kwargs: Any) -> Any:
        spy.hear(self.model, "\n".join(message.text for message in messages))
        return generate(self, messages, *args, **kwargs)

    with patch.object(SyntheticChatModel, "_generate", heard):
        outcome = optimized(path)
    return Run(place, outcome, spy)


def texts(examples: Sequence[Example]) -> set[str]:
    return {text for example in examples for text in example.inputs.values()}


async def splits_and_all(place: Job) -> tuple[Any, list[str], list[str]]:
    """The splits, the run's prompts in the database, and those in the trajectory, nearest to the start last."""
    async with open_run(Checked(place, load_splits(place.spec))) as opened:
        known = opened.history.scored(opened.key)
        near = await opened.trajectory.nearest(opened.key, opened.start, 1000, 1000)
        return opened.splits, [item.candidate.instruction for item in known], [item.instruction for item in near]


def test_the_search_gets_nearer_to_the_truth(any_run: Run) -> None:
    outcome = any_run.outcome
    assert outcome.steps == SMALL.steps or outcome.stopped == "plateau"
    assert quality(outcome.best.candidate.instruction) > quality(START)


def test_the_trajectory_is_append_only(any_run: Run) -> None:
    kept = [*any_run.spy.kept, kept_in(any_run.place.home)]
    assert len({len(each) for each in kept}) > 2
    for earlier, later in pairwise(kept):
        assert later[: len(earlier)] == earlier
    assert kept[-1] == [item.model_dump_json() for item in scored_of(any_run.outcome)]


def test_database_and_trajectory_hold_the_same_prompts(any_run: Run) -> None:
    _, known, near = asyncio.run(splits_and_all(any_run.place))
    assert sorted(known) == sorted(near) == sorted(item.candidate.instruction for item in scored_of(any_run.outcome))
    assert near[-1] == START


def test_each_step_is_shown_the_nearest_prompts_of_the_steps_before_in_ascending_order(run: Run) -> None:
    embed = load_embedder("local:wordllama").embed
    k = run.place.spec.optimizer.k
    for step in run.outcome.history:
        before = [item.candidate.instruction for item in scored_of(run.outcome) if item.candidate.step < step.number]
        vectors = dict(zip(before, embed(before), strict=True))
        similarity = {text: round(cosine(vectors[text], vectors[step.current]), 6) for text in before}
        shown = [similarity[text] for text in step.neighbours]
        assert shown == pytest.approx(sorted(similarity.values())[-k:], abs=2e-6)
        assert step.neighbours[-1] == step.current
        assert len(set(step.neighbours)) == len(step.neighbours)


def test_no_candidate_of_the_run_is_further_from_its_parent_than_its_budget(run: Run) -> None:
    assert budgets_kept(run.outcome) == [11, 9, 5, 3]


def test_the_final_best_is_the_best_of_the_trajectory_by_dev_score(run: Run) -> None:
    whole = [item for item in scored_of(run.outcome) if item.score.complete]
    assert run.outcome.best.score.mean == max(item.score.mean for item in whole)
    assert run.outcome.best in whole


def test_no_test_example_is_shown_to_any_model_before_the_last_dev_call(any_run: Run) -> None:
    splits, _, _ = asyncio.run(splits_and_all(any_run.place))
    shows = {
        name: [any(t in text for t in texts(examples)) for _, text in any_run.spy.requests]
        for name, examples in (("dev", splits.dev), ("test", splits.test))
    }
    first_test, last_dev = shows["test"].index(True), len(shows["dev"]) - shows["dev"][::-1].index(True)
    assert first_test >= last_dev
    assert sum(shows["test"]) == 2 * len(splits.test)
    assert not any(shows["test"][:first_test])


def test_the_optimizer_model_never_sees_a_dev_or_test_example(any_run: Run) -> None:
    splits, _, _ = asyncio.run(splits_and_all(any_run.place))
    asked = any_run.spy.asked("optimizer")
    assert len(asked) == 1 + any_run.outcome.steps * SMALL.candidates
    guarded = texts((*splits.dev, *splits.test))
    assert not any(text in request for request in asked for text in guarded)
    assert all(any(text in request for text in texts(splits.train)) for request in asked[1:])


@pytest.mark.parametrize(("method", "name"), [(GPO, "run"), (MINIBATCH, "default_run")])
def test_the_loop_without_prefect_is_the_same_loop(
    method: dict[str, str], name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    whole: Run = request.getfixturevalue(name)
    assert course(run_loop(write_spec(tmp_path, method, SMALL, seed=whole.place.spec.seed))) == course(whole.outcome)


def test_each_prompt_that_was_scored_had_passed_its_trial_and_more_is_told_than_the_dev_score(
    default_run: Run,
) -> None:
    for step in default_run.outcome.history:
        passed = {trial.candidate.id for trial in step.trials if trial.passed}
        assert passed == {item.candidate.id for item in step.scored}
        assert len(passed) <= MOST_SCORED
    assert any(step.scored for step in default_run.outcome.history)
    assert default_run.outcome.expected is not None


def test_without_expectations_the_dev_score_is_all_that_is_told(run: Run) -> None:
    assert run.outcome.expected is None


# Small runs of the loop, without Prefect


def budgets_kept(outcome: Outcome) -> list[int | None]:
    """The budget of each step, which every candidate of it was found to keep."""
    by_id = {item.candidate.id: item.candidate for item in scored_of(outcome)}
    for step in outcome.history:
        for item in step.scored:
            candidate = item.candidate
            assert candidate.parent is not None
            found = distance(by_id[candidate.parent].instruction, candidate.instruction)
            assert found == candidate.distance == distance(step.current, candidate.instruction)
            assert candidate.budget == step.budget
            assert step.budget is None or found <= step.budget
    return [step.budget for step in outcome.history]


LIMITED = [name for name, method in PRESETS.items() if method.decay != "none"]
METHODS = [*({"preset": name} for name in LIMITED), {"preset": "gpo", "decay": "linear"}, {"preset": "sgdm"}]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: "-".join(method.values()))
def test_no_candidate_is_further_from_its_parent_than_its_budget(method: dict[str, str], tmp_path: Path) -> None:
    outcome = run_loop(write_spec(tmp_path, method, SMALL, seed=2))
    assert outcome.steps == SMALL.steps
    kept = budgets_kept(outcome)
    proposed = [item.candidate for step in outcome.history for item in step.scored]
    if method == {"preset": "sgdm"}:
        assert set(kept) == {None}
        return
    assert (kept[0], kept[-1]) == (11, 11 if method["preset"] == "pe2" else 3)
    assert any(each.proposed_distance > each.distance for each in proposed)


@pytest.mark.parametrize("method", [GPO, MINIBATCH], ids=lambda method: method["preset"])
def test_equal_seeds_give_equal_searches_and_other_seeds_other_ones(method: dict[str, str], tmp_path: Path) -> None:
    courses = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        courses.append(course(run_loop(write_spec(folder, method, SMALL, seed))))
    assert courses[0] == courses[1]
    assert courses[0]["history"] != courses[2]["history"]


def test_the_seed_of_the_search_alone_decides_too(tmp_path: Path) -> None:
    path = write_spec(tmp_path, GPO, SMALL, seed=5)
    first, other = course(run_loop(path)), course(run_loop(path, seed=99))
    assert first["start"]["candidate"] == other["start"]["candidate"]
    assert first["start"]["score"]["values"] == other["start"]["score"]["values"]
    assert first["history"] != other["history"]


def test_the_study_reads_a_run_as_it_was(tmp_path: Path) -> None:
    outcome = run_loop(write_spec(tmp_path, GPO, SMALL, seed=2))
    search = search_of(outcome)
    assert search.calls == SMALL.dev * len(scored_of(outcome))
    assert search.best(search.calls).quality == quality(outcome.best.candidate.instruction)
    assert search.best(SMALL.dev).quality == quality(START)
    assert len(search.changes) == outcome.proposed


# Caps


@hypothesis_settings(max_examples=6)
@given(
    cap=st.integers(150, 600),
    kind=st.sampled_from(["max_calls", "max_task_calls"]),
    preset=st.sampled_from(["gpo", "minibatch"]),
)
def test_a_cap_on_calls_is_all_that_has_to_be_chosen_and_is_kept(
    *, cap: int, kind: str, preset: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write_spec(tmp_path_factory.mktemp("cap"), {"preset": preset}, SMALL, seed=2)
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content["optimizer"], content["budget"] = {"preset": preset}, {kind: cap}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    outcome = run_loop(path)
    calls = {role: each.paid + each.cached + each.failed for role, each in outcome.calls.items()}
    proof = 8 * (1 if outcome.best == outcome.start else 2)
    used = calls["task"] - proof if kind == "max_task_calls" else calls["task"] + calls["optimizer"]
    assert used <= cap
    assert outcome.stopped in ("budget", "max_steps", "plateau")
    if outcome.stopped == "budget":
        # One more proposal on dev, its cases answered twice, and what was set aside for an end that was not needed.
        batch = 4 if preset == "minibatch" else 0
        assert used + SMALL.dev + 2 * batch + 2 + cap // 10 + 8 > cap
    # Whoever looks for the run later has the spec as it was written, without what its cap decided.
    place = load_job(path)
    assert asyncio.run(explain(place)).run == outcome.run_id
    with open_state(place.settings, place.home) as engine:
        assert find_last_finished(History(engine), place.spec)[1].run_id == outcome.run_id
