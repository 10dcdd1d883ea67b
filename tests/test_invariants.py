"""What holds in every search, seen on the task with a known answer: in a run of the flow, in small runs of its loop."""

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from benchmarks.control_study import Sizes, run_loop, search_of, write_spec
from gpo.database import open_database
from gpo.edits import Decay, budget
from gpo.embedder import load_embedder
from gpo.history import History
from gpo.method import PRESETS
from gpo.records import Candidate, Edited, Example, Outcome, Proposals, Score, Scored
from gpo.run import Place, open_run, place_of
from gpo.screening import Screen
from gpo.selection import begin, select
from gpo.settings import Settings
from gpo.synthetic import PHRASES, START, quality
from gpo.synthetic_models import SyntheticChatModel
from gpo.trajectory import Scope, open_trajectory

Optimize = Callable[..., Outcome]
SMALL = Sizes(steps=4, candidates=4, dev=16, budget_start=11, budget_end=3)
GPO = {"preset": "gpo"}
DECAYS: tuple[Decay, ...] = ("fixed", "linear", "cosine")

pytestmark = pytest.mark.usefixtures("own_environment")


def distance(a: str, b: str) -> int:
    """Levenshtein's distance in words, cell by cell as the textbook has it."""
    old, new = a.split(), b.split()
    above = list(range(len(new) + 1))
    for i, word in enumerate(old, start=1):
        row = [i]
        for j, other in enumerate(new, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
        above = row
    return above[-1]


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Of vectors of length 1."""
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def scored_of(outcome: Outcome) -> list[Scored]:
    return [outcome.start, *(item for step in outcome.history for item in step.scored)]


def course(outcome: Outcome) -> dict[str, Any]:
    """A run without what its time and the state of its ledger decide."""
    return outcome.model_dump(mode="json", exclude={"started_at", "wall_s", "calls"})


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
    place: Place
    outcome: Outcome
    spy: Spy


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own_environment: None, optimized: Optimize) -> Run:
    path = write_spec(tmp_path_factory.mktemp("invariants"), GPO, SMALL, seed=3)
    place = place_of(path)
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


async def splits_and_all(place: Place) -> tuple[Any, list[str], list[str]]:
    """The splits, the run's prompts in the database, and those in the trajectory, nearest to the start last."""
    async with open_run(place) as opened:
        known = opened.history.scored(opened.key)
        near = await opened.trajectory.nearest(opened.key, opened.start, 1000, 1000)
        return opened.splits, [item.candidate.instruction for item in known], [item.instruction for item in near]


@pytest.mark.slow
def test_the_search_gets_nearer_to_the_truth(run: Run) -> None:
    outcome = run.outcome
    assert outcome.steps == SMALL.steps
    assert quality(outcome.best.candidate.instruction) > quality(START)


@pytest.mark.slow
def test_the_trajectory_is_append_only(run: Run) -> None:
    kept = [*run.spy.kept, kept_in(run.place.home)]
    assert len({len(each) for each in kept}) > SMALL.steps
    for earlier, later in pairwise(kept):
        assert later[: len(earlier)] == earlier
    assert kept[-1] == [item.model_dump_json() for item in scored_of(run.outcome)]


@pytest.mark.slow
def test_database_and_trajectory_hold_the_same_prompts(run: Run) -> None:
    _, known, near = asyncio.run(splits_and_all(run.place))
    assert sorted(known) == sorted(near) == sorted(item.candidate.instruction for item in scored_of(run.outcome))
    assert near[-1] == START


@pytest.mark.slow
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


@pytest.mark.slow
def test_no_candidate_of_the_run_is_further_from_its_parent_than_its_budget(run: Run) -> None:
    assert budgets_kept(run.outcome) == [11, 9, 5, 3]


@pytest.mark.slow
def test_the_final_best_is_the_best_of_the_trajectory_by_dev_score(run: Run) -> None:
    whole = [item for item in scored_of(run.outcome) if item.score.complete]
    assert run.outcome.best.score.mean == max(item.score.mean for item in whole)
    assert run.outcome.best in whole


@pytest.mark.slow
def test_no_test_example_is_shown_to_any_model_before_the_last_dev_call(run: Run) -> None:
    splits, _, _ = asyncio.run(splits_and_all(run.place))
    shows = {
        name: [any(t in text for t in texts(examples)) for _, text in run.spy.requests]
        for name, examples in (("dev", splits.dev), ("test", splits.test))
    }
    first_test, last_dev = shows["test"].index(True), len(shows["dev"]) - shows["dev"][::-1].index(True)
    assert first_test >= last_dev
    assert sum(shows["test"]) == 2 * len(splits.test)
    assert not any(shows["test"][:first_test])


@pytest.mark.slow
def test_the_optimizer_model_never_sees_a_dev_or_test_example(run: Run) -> None:
    splits, _, _ = asyncio.run(splits_and_all(run.place))
    asked = run.spy.asked("optimizer")
    assert len(asked) == 1 + SMALL.steps * SMALL.candidates
    guarded = texts((*splits.dev, *splits.test))
    assert not any(text in request for request in asked for text in guarded)
    assert all(any(text in request for text in texts(splits.train)) for request in asked[1:])


@pytest.mark.slow
def test_the_loop_without_prefect_is_the_same_loop(run: Run, tmp_path: Path) -> None:
    assert course(run_loop(write_spec(tmp_path, GPO, SMALL, seed=3))) == course(run.outcome)


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
    outcome = run_loop(write_spec(tmp_path, method, SMALL, seed=1))
    assert outcome.steps == SMALL.steps
    kept = budgets_kept(outcome)
    proposed = [item.candidate for step in outcome.history for item in step.scored]
    if method == {"preset": "sgdm"}:
        assert set(kept) == {None}
        return
    assert (kept[0], kept[-1]) == (11, 11 if method["preset"] == "pe2" else 3)
    assert any(each.proposed_distance > each.distance for each in proposed)


def test_equal_seeds_give_equal_searches_and_other_seeds_other_ones(tmp_path: Path) -> None:
    courses = []
    for number, seed in enumerate((5, 5, 6)):
        folder = tmp_path / str(number)
        folder.mkdir()
        courses.append(course(run_loop(write_spec(folder, GPO, SMALL, seed))))
    assert courses[0] == courses[1]
    assert courses[0]["history"] != courses[2]["history"]


def test_the_seed_of_the_search_alone_decides_too(tmp_path: Path) -> None:
    path = write_spec(tmp_path, GPO, SMALL, seed=5)
    first, other = course(run_loop(path)), course(run_loop(path, seed=99))
    assert first["start"]["candidate"] == other["start"]["candidate"]
    assert first["start"]["score"]["values"] == other["start"]["score"]["values"]
    assert first["history"] != other["history"]


# Without a run


@given(
    st.lists(st.sampled_from(PHRASES), max_size=8).map(" ".join),
    st.lists(st.lists(st.sampled_from(PHRASES), max_size=8).map(" ".join), max_size=6),
    st.sampled_from(DECAYS),
    st.integers(1, 12),
    st.integers(0, 2**32),
)
def test_whatever_is_proposed_candidates_keep_the_budget(
    current: str, proposed: list[str], decay: Decay, step: int, seed: int
) -> None:
    parent = Candidate(instruction=current)
    allowed = budget(decay, step, 12, 15, 2)
    screen = Screen([], allowed=current)
    edited = screen.admit(
        Proposals(texts=tuple(proposed)),
        parent,
        {parent.id},
        step=step,
        budget=allowed,
        rng=random.Random(seed),
    )
    assert allowed is not None
    for each in edited.candidates:
        assert 0 < distance(current, each.instruction) == each.distance <= allowed
        assert each.parent == parent.id
    ids = [each.id for each in edited.candidates]
    assert len(set(ids)) == len(ids)
    assert len(edited.candidates) + len(edited.rejected) == len(proposed)


@given(st.integers(2, 60), st.integers(1, 80), st.integers(1, 80), st.sampled_from(DECAYS))
def test_a_decay_goes_from_start_to_end_and_never_up(steps: int, one: int, other: int, decay: Decay) -> None:
    start, end = max(one, other), min(one, other)
    words = [budget(decay, step, steps, start, end) for step in range(1, steps + 1)]
    assert words[0] == start
    assert words[-1] == (start if decay == "fixed" else end)
    assert all(a is not None and b is not None and a >= b for a, b in pairwise(words))


@given(st.integers(2, 60), st.integers(1, 80), st.integers(1, 80), st.sampled_from(DECAYS))
def test_a_warm_up_rises_to_the_start_within_a_twentieth_of_the_steps(
    steps: int, one: int, other: int, decay: Decay
) -> None:
    start, end = max(one, other), min(one, other)
    words = [budget(decay, step, steps, start, end, warmup=True) or 0 for step in range(1, steps + 1)]
    rise = math.ceil(steps / 20)
    assert all(1 <= a <= b <= start for a, b in pairwise(words[: rise + 1]))
    if steps > rise + 1:
        after = [budget(decay, step, steps - rise, start, end) for step in range(1, steps - rise + 1)]
        assert words[rise:] == after
        assert words[rise] == start


@given(st.integers(3, 60), st.integers(1, 80), st.integers(1, 80))
def test_cosine_falls_slowly_at_both_ends_and_is_half_way_in_the_middle(steps: int, one: int, other: int) -> None:
    start, end = max(one, other), min(one, other)
    words = [budget("cosine", step, steps, start, end) or 0 for step in range(1, steps + 1)]
    assert all(abs(a + b - start - end) <= 1 for a, b in zip(words, reversed(words), strict=True))
    line = [budget("linear", step, steps, start, end) or 0 for step in range(1, steps + 1)]
    half = (steps + 1) // 2
    assert all(curved >= straight for curved, straight in zip(words[:half], line[:half], strict=True))


prompts = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4).map(" ".join)
values = st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=4)


def scored(text: str, step: int, number: int, marks: Sequence[float]) -> Scored:
    score = Score(values={str(place): mark for place, mark in enumerate(marks)}, planned=4)
    return Scored(candidate=Candidate(instruction=text, step=step, number=number), score=score)


@given(st.lists(st.lists(st.tuples(prompts, values), max_size=4), min_size=1, max_size=5), values)
def test_the_best_of_a_search_is_the_best_of_all_complete_scores(
    rounds: list[list[tuple[str, list[float]]]], first: list[float]
) -> None:
    search = begin(scored(START, 0, 0, first))
    every = [search.start]
    for step, drafts in enumerate(rounds, start=1):
        items = [scored(text, step, number, marks) for number, (text, marks) in enumerate(drafts, start=1)]
        # The last of a step was stopped early by the race, with a perfect score so far.
        cut = scored("Cut short.", step, 99, []).model_copy(update={"score": Score(values={"0": 1.0}, planned=4)})
        search = select(search, (), Edited(budget=None, candidates=()), [*items, cut])
        every += items
        assert search.best.score.mean == max(item.score.mean for item in every)
        assert search.best in every


SCOPE = Scope(task="t", dataset="d", metric="m", task_model="x", embedding="wordllama")


@hypothesis_settings(max_examples=8)
@given(rounds=st.lists(st.lists(prompts, min_size=1, max_size=4, unique=True), min_size=1, max_size=4))
def test_retrieval_is_the_k_nearest_ascending_and_adding_changes_nothing_that_is_there(
    rounds: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    embedder = load_embedder("local:wordllama")

    async def embed(asked: Sequence[str]) -> list[list[float]]:
        return embedder.embed(asked)

    async def work() -> None:
        folder = tmp_path_factory.mktemp("chroma")
        async with open_trajectory(SCOPE, Settings(), folder, embed) as trajectory:
            start = scored(START, 0, 0, [0, 0, 0, 1])
            await trajectory.add("run", [start])
            seen: list[str] = [START]
            before: dict[str, str] = {}
            for step, drafts in enumerate(rounds, start=1):
                fresh = [text for text in drafts if text not in seen]
                near = await trajectory.nearest("run", start.candidate, 3, before_step=step)
                vectors = dict(zip(seen, embedder.embed(seen), strict=True))
                brute = sorted(round(cosine(vectors[START], vectors[text]), 6) for text in seen)[-3:]
                assert [item.similarity for item in near] == pytest.approx(brute, abs=2e-6)
                items = [scored(text, step, n, [1, 0, 1, 0]) for n, text in enumerate(fresh, start=1)]
                await trajectory.add("run", items)
                await trajectory.add("other run", [scored(text, 0, 0, [1, 1, 1, 1]) for text in drafts])
                seen += fresh
                every = await trajectory.nearest("run", start.candidate, 1000, before_step=step + 1)
                now = {item.instruction: item.model_dump_json() for item in every}
                assert before.items() <= now.items()
                assert set(now) == set(seen)
                before = now

    asyncio.run(work())


def test_the_study_reads_a_run_as_it_was(tmp_path: Path) -> None:
    outcome = run_loop(write_spec(tmp_path, GPO, SMALL, seed=2))
    search = search_of(outcome)
    assert search.calls == SMALL.dev * len(scored_of(outcome))
    assert search.best(search.calls).quality == quality(outcome.best.candidate.instruction)
    assert search.best(SMALL.dev).quality == quality(START)
    assert len(search.changes) == outcome.proposed
