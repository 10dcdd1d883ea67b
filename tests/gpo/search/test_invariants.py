"""What holds in every search, seen on its parts."""

import asyncio
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gpo.models.local.embedder import load_embedder
from gpo.models.synthetic.task import PHRASES, START
from gpo.records import Candidate, Score, Scored
from gpo.search.edit import ProposalFilter
from gpo.search.memory.trajectory import Scope, open_trajectory
from gpo.search.select import select
from gpo.search.state import start_search
from gpo.settings import Settings
from gpo.spec.edit_budget import Decay, edit_budget
from tests.support.outcomes import proposals_of, spec, step_of

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


@given(
    st.lists(st.sampled_from(PHRASES), max_size=8).map(" ".join),
    st.lists(st.lists(st.sampled_from(PHRASES), max_size=8).map(" ".join), max_size=6),
    st.sampled_from(DECAYS),
    st.integers(1, 12),
)
def test_whatever_is_proposed_candidates_keep_the_budget(
    current: str, proposed: list[str], decay: Decay, step: int
) -> None:
    parent = Candidate(instruction=current)
    allowed = edit_budget(decay, step, 12, 15, 2)
    screen = ProposalFilter([], allowed=current)
    edited = screen.admit(
        proposals_of(*proposed),
        parent,
        {parent.id},
        step=step,
        budget=allowed,
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
    words = [edit_budget(decay, step, steps, start, end) for step in range(1, steps + 1)]
    assert words[0] == start
    assert words[-1] == (start if decay == "fixed" else end)
    assert all(a is not None and b is not None and a >= b for a, b in pairwise(words))


@given(st.integers(2, 60), st.integers(1, 80), st.integers(1, 80), st.sampled_from(DECAYS))
def test_a_warm_up_rises_to_the_start_within_a_twentieth_of_the_steps(
    steps: int, one: int, other: int, decay: Decay
) -> None:
    start, end = max(one, other), min(one, other)
    words = [edit_budget(decay, step, steps, start, end, warmup=True) or 0 for step in range(1, steps + 1)]
    rise = math.ceil(steps / 20)
    assert all(1 <= a <= b <= start for a, b in pairwise(words[: rise + 1]))
    if steps > rise + 1:
        after = [edit_budget(decay, step, steps - rise, start, end) for step in range(1, steps - rise + 1)]
        assert words[rise:] == after
        assert words[rise] == start


@given(st.integers(3, 60), st.integers(1, 80), st.integers(1, 80))
def test_cosine_falls_slowly_at_both_ends_and_is_half_way_in_the_middle(steps: int, one: int, other: int) -> None:
    start, end = max(one, other), min(one, other)
    words = [edit_budget("cosine", step, steps, start, end) or 0 for step in range(1, steps + 1)]
    assert all(abs(a + b - start - end) <= 1 for a, b in zip(words, reversed(words), strict=True))
    line = [edit_budget("linear", step, steps, start, end) or 0 for step in range(1, steps + 1)]
    half = (steps + 1) // 2
    assert all(curved >= straight for curved, straight in zip(words[:half], line[:half], strict=True))


prompts = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=4).map(" ".join)
values = st.lists(st.sampled_from([0.0, 1.0]), min_size=4, max_size=4)


def scored(text: str, step: int, number: int, marks: Sequence[float]) -> Scored:
    score = Score(values={str(place): mark for place, mark in enumerate(marks)}, planned=4)
    return Scored(candidate=Candidate(instruction=text, step=step, number=number), score=score)


@pytest.mark.parametrize("preset", ["gpo", "minibatch"])
@given(st.lists(st.lists(st.tuples(prompts, values), max_size=4), min_size=1, max_size=5), values)
def test_the_best_of_a_search_is_the_best_of_all_complete_scores(
    preset: str, rounds: list[list[tuple[str, list[float]]]], first: list[float]
) -> None:
    """By what is expected as well, where dev is all that was seen, of prompts of which none was made from another."""
    search = start_search(scored(START, 0, 0, first))
    every = [search.start]
    for step, drafts in enumerate(rounds, start=1):
        items = [scored(f"{step}/{own} {text}", step, own, marks) for own, (text, marks) in enumerate(drafts, start=1)]
        # The last of a step was stopped early by the race, with a perfect score so far.
        cut = scored(f"Cut short {step}.", step, 99, []).model_copy(
            update={"score": Score(values={"0": 1.0}, planned=4)}
        )
        search = select(search, step_of(search, [*items, cut]), spec(optimizer=preset), random.Random(step))
        every += items
        assert search.best.score.mean == max(item.score.mean for item in every)
        assert search.best in every


SCOPE = Scope(task="t", dataset="d", metric="m", task_model="x", embedding="wordllama")


@pytest.mark.slow
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
