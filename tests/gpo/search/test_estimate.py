"""How good prompts are expected to be: between what their parent says and what their own scores say."""

import math
import random
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.search.estimate import STEP, Estimate, Seen, estimate

PARENT_MEAN = 0.6


def seen(candidate: str, values: Mapping[str, float], parent: str | None = None) -> Seen:
    return Seen(candidate=candidate, parent=parent, values=values)


def of(right: int, n: int, prefix: str = "e") -> dict[str, float]:
    """So many scores, of which the first are right."""
    return {f"{prefix}{number:03d}": float(number < right) for number in range(n)}


def spread(mean: float, n: int, rng: random.Random, prefix: str = "e") -> dict[str, float]:
    """So many scores of 0 and 1 with this mean, on examples in a drawn order."""
    marks = [float(number < round(mean * n)) for number in range(n)]
    rng.shuffle(marks)
    return {f"{prefix}{number:03d}": mark for number, mark in enumerate(marks)}


def mean_of(values: Iterable[float]) -> float:
    found = list(values)
    return math.fsum(found) / len(found)


def family(n: int, child_mean: float = 0.9) -> dict[str, Estimate]:
    """A parent with many scores, and a child with `n` scores that look much better, on other examples."""
    rng = random.Random(0)
    parent = seen("parent", spread(PARENT_MEAN, 400, rng, "p"))
    return estimate([parent, seen("child", spread(child_mean, n, rng, "c"), "parent")])


def test_few_scores_move_it_little_from_its_parent_and_many_to_its_mean() -> None:
    moved = {n: family(n)["child"].mean - family(n)["parent"].mean for n in (10, 100, 4000)}
    assert 0 < moved[10] < 0.1
    assert moved[10] < moved[100] < moved[4000]
    assert family(4000)["child"].mean == pytest.approx(0.9, abs=0.02)


def test_what_is_not_known_shrinks_with_the_scores() -> None:
    sds = [family(n)["child"].sd for n in (10, 100, 1000)]
    assert sds == sorted(sds, reverse=True)
    assert sds[0] < 2 * STEP


def test_a_child_without_scores_is_as_good_as_its_parent_and_less_sure() -> None:
    known = estimate([seen("parent", of(30, 48)), seen("child", {}, "parent")])
    assert known["child"].mean == pytest.approx(known["parent"].mean)
    assert known["child"].sd == pytest.approx(math.hypot(known["parent"].sd, STEP))


def test_a_lucky_score_on_dev_is_not_believed_in_full() -> None:
    """The child was right on 45 of 48 where its parent was right on 30: some of that is luck."""
    known = estimate([seen("parent", of(30, 48)), seen("child", of(45, 48), "parent")])
    assert known["parent"].mean < known["child"].mean < 45 / 48
    assert known["parent"].mean > 30 / 48, "what is known of a child tells of its parent too"


def test_training_cases_that_say_so_take_a_lucky_prompt_back() -> None:
    lucky = seen("lucky", of(45, 48), "parent")
    cases = seen("lucky", of(2, 16, "t"))
    parent = [seen("parent", of(36, 48)), seen("parent", of(12, 16, "t"))]
    before = estimate([*parent, lucky])
    after = estimate([*parent, lucky, cases])
    assert before["lucky"].mean > before["parent"].mean
    assert after["lucky"].mean < after["parent"].mean


def test_hard_examples_count_for_what_they_are() -> None:
    """Two prompts of one parent have the same mean, but one has it on the examples that others fail."""
    rng = random.Random(1)
    all_of_them = {**of(38, 40, "easy"), **of(6, 40, "hard")}
    others = [
        seen(f"other {number}", {**spread(0.95, 40, rng, "easy"), **spread(0.15, 40, rng, "hard")}, "parent")
        for number in range(3)
    ]
    known = estimate(
        [
            seen("parent", all_of_them),
            *others,
            seen("on easy ones", spread(0.5, 40, rng, "easy"), "parent"),
            seen("on hard ones", spread(0.5, 40, rng, "hard"), "parent"),
        ]
    )
    assert known["on hard ones"].mean > known["parent"].mean + 0.02
    assert known["on easy ones"].mean < known["parent"].mean - 0.02


def test_the_order_of_what_was_seen_does_not_matter() -> None:
    rng = random.Random(2)
    found = random_chain(rng, prompts=7, examples=20)
    expected = estimate(found)
    for _ in range(5):
        rng.shuffle(found)
        again = estimate(found)
        assert again.keys() == expected.keys()
        for name, each in expected.items():
            assert (again[name].mean, again[name].sd) == pytest.approx((each.mean, each.sd))


def test_a_prompt_that_was_seen_twice_counts_once_with_all_its_scores() -> None:
    parent, values = seen("parent", of(30, 48)), of(40, 48)
    once = estimate([parent, seen("child", values, "parent")])
    halves = [dict(list(values.items())[:24]), dict(list(values.items())[24:])]
    assert estimate([parent, seen("child", halves[0], "parent"), seen("child", halves[1])]) == once
    assert estimate([parent, seen("child", values, "parent"), seen("child", values, "parent")]) == once


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 30))
def test_what_is_as_good_has_the_same_estimate_to_the_last_digit(seed: int, prompts: int, examples: int) -> None:
    """With a rounding error, a prompt without any score of its own could be expected to be better than its parent."""
    rng = random.Random(seed)
    found = random_chain(rng, prompts, examples)
    parent, values = rng.choice(found).candidate, of(rng.randint(0, examples), examples)
    found += [seen("untried", {}, parent), seen("first", values, parent), seen("second", values, parent)]
    known = estimate(found)
    assert known["untried"].mean == known[parent].mean
    assert known["first"] == known["second"]


def test_a_parent_that_was_not_seen_is_none() -> None:
    """A prompt of an earlier run comes without the one that it was made from."""
    values = of(30, 48)
    assert estimate([seen("child", values, "gone")]) == estimate([seen("child", values)])


@pytest.mark.parametrize(("ease_sd", "noise_sd", "least", "most"), [(0.3, 0.03, 0.9, 1.0), (0.03, 0.3, 0.55, 0.85)])
def test_how_much_is_noise_is_taken_from_the_scores(ease_sd: float, noise_sd: float, least: float, most: float) -> None:
    """Scores that vary as much, by how hard examples are or by chance: a gain is believed where it is no chance.

    With all of the variance noise, about STEP^2 / (STEP^2 + 2 * 0.3^2 / 60) = 0.68 of a difference is believed.
    """
    believed = scored = 0.0
    for seed in range(30):
        found = simulated(seed, ease_sd, noise_sd)
        known, means = estimate(found), {each.candidate: mean_of(each.values.values()) for each in found}
        believed += known["better"].mean - known["parent"].mean
        scored += means["better"] - means["parent"]
    assert least <= believed / scored <= most


def simulated(seed: int, ease_sd: float, noise_sd: float) -> list[Seen]:
    """A parent, a child that is 0.1 better and one that is not, all on the same 60 examples."""
    rng = random.Random(seed)
    ease = {f"e{number}": rng.gauss(0, ease_sd) for number in range(60)}

    def values(quality: float) -> dict[str, float]:
        return {name: quality + each + rng.gauss(0, noise_sd) for name, each in ease.items()}

    return [
        seen("parent", values(0.5)),
        seen("equal", values(0.5), "parent"),
        seen("better", values(0.6), "parent"),
    ]


@pytest.mark.parametrize(
    "found",
    [
        [seen("start", {})],
        [seen("start", {"e1": 1.0})],
        [seen("start", {"e1": 0.0}), seen("child", {"e1": 1.0}, "start")],
        [seen("start", of(20, 20)), seen("child", of(20, 20), "start")],
        [seen("start", of(0, 20)), seen("child", of(0, 20), "start"), seen("grandchild", {}, "child")],
        [seen("start", of(1, 1)), seen("child", of(0, 20, "t"), "start")],
    ],
)
def test_where_little_or_nothing_is_known_the_numbers_are_finite(found: list[Seen]) -> None:
    known = estimate(found)
    assert known.keys() == {each.candidate for each in found}
    for each in known.values():
        assert 0 - STEP <= each.mean <= 1 + STEP
        assert 0 < each.sd < 1
    assert estimate([]) == {}


def test_a_large_dev_split_is_no_burden() -> None:
    """Examples are eliminated first; with an equation for each, this one would take gigabytes."""
    rng = random.Random(3)
    found = [seen("start", spread(0.5, 20_000, rng)), seen("child", spread(0.6, 20_000, rng), "start")]
    assert estimate(found)["child"].mean == pytest.approx(0.6, abs=0.01)


def random_chain(rng: random.Random, prompts: int, examples: int) -> list[Seen]:
    """Prompts, each made from one before it, with scores of 0 and 1 on some of the examples."""
    found: list[Seen] = []
    for number in range(prompts):
        values = {f"e{own}": float(rng.random() < 0.6) for own in range(examples) if rng.random() < 0.7}
        parent = rng.choice(found).candidate if found else None
        found.append(seen(f"p{number}", values, parent))
    return found


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 30), st.sampled_from([0.0, 0.5, 1.0]))
def test_estimates_of_a_chain_stay_near_what_can_be(seed: int, prompts: int, examples: int, last: float) -> None:
    found = random_chain(random.Random(seed), prompts, examples)
    found.append(seen("last", {f"e{own}": last for own in range(examples)}, found[-1].candidate))
    known = estimate(found)
    for each in known.values():
        assert -0.25 <= each.mean <= 1.25
        assert 0 < each.sd <= 1.0
    whole, above = known["last"].mean, known[found[-2].candidate].mean
    if not examples:
        assert whole == pytest.approx(above)


QUALITY, GAIN = 0.6, 0.05


def searched(seed: int, *, by_estimate: bool) -> float:
    """The true quality of the prompt that a search of ten steps ends with, where dev has 40 examples.

    Each step makes four prompts from the one that it stands at, tries that one on 16 more training examples, and takes
    the best of all by its dev score, or by what is expected of it.
    """
    rng = random.Random(seed)
    ease = {f"d{number}": rng.gauss(0, 0.25) for number in range(40)} | {
        f"t{number}": rng.gauss(0, 0.25) for number in range(200)
    }
    truth = {"start": QUALITY}

    def score(name: str, examples: Iterable[str]) -> dict[str, float]:
        return {each: float(rng.random() < truth[name] + ease[each]) for each in examples}

    dev, train = [name for name in ease if name[0] == "d"], [name for name in ease if name[0] == "t"]
    found, current = [seen("start", score("start", dev))], "start"
    means = {"start": mean_of(found[0].values.values())}
    for step in range(10):
        found.append(seen(current, score(current, train[16 * step : 16 * step + 16])))
        for number in range(4):
            name = f"{step}/{number}"
            truth[name] = min(0.95, truth[current] + rng.gauss(-0.02, GAIN))
            found.append(seen(name, score(name, dev), current))
            means[name] = mean_of(found[-1].values.values())
        known = {name: each.mean for name, each in estimate(found).items()} if by_estimate else means
        current = max(known, key=lambda name: known[name])
    return truth[current]


def test_a_search_by_estimate_ends_with_better_prompts_than_one_by_dev_score() -> None:
    seeds = range(25)
    ends = [mean_of(searched(seed, by_estimate=way) for seed in seeds) for way in (True, False)]
    assert ends[0] > ends[1] + 0.03
