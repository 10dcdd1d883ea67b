"""Examples that come in groups: the interval by group, and groups that the spec does not name."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.gate.group_statistics import compare_in_groups, effective_groups, group_bounds
from gpo.gate.likely_groups import find_likely_groups
from gpo.gate.rule import apply_gate, paired_gain
from gpo.gate.student import student_quantile, student_tail
from gpo.records import Example, Labels, Score
from gpo.spec.gate import GateSpec

DIFFERENCES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=2, max_size=30)


def in_groups(values: list[float], size: int) -> tuple[dict[str, float], dict[str, str]]:
    named = {f"e{place:03}": value for place, value in enumerate(values)}
    return named, {name: f"g{place // size}" for place, name in enumerate(named)}


def scores(differences: dict[str, float]) -> tuple[Score, Score]:
    """Challenger and champion with these differences."""
    ours = {name: max(value, 0.0) for name, value in differences.items()}
    theirs = {name: max(-value, 0.0) for name, value in differences.items()}
    return Score(values=ours, planned=len(ours)), Score(values=theirs, planned=len(theirs))


def drawn(rng: np.random.Generator, groups: int, size: int, tie: float, trials: int) -> np.ndarray:
    """Sums by group of 0/1 pairs of which 30% differ; members of a group correlate by the tie."""

    def draw(*shape: int) -> np.ndarray:
        return rng.choice([1.0, -1.0, 0.0], p=[0.15, 0.15, 0.7], size=shape)

    own, common = draw(trials, groups, size), draw(trials, groups, 1)
    return np.where(rng.random(own.shape) < tie**0.5, common, own).sum(axis=2)


@pytest.mark.parametrize(("groups", "size", "tie"), [(75, 2, 0.3), (30, 5, 1.0), (15, 10, 0.3), (20, 25, 1.0)])
def test_whatever_the_dependence_a_challenger_that_is_no_better_is_seldom_promoted(
    groups: int, size: int, tie: float
) -> None:
    sums = drawn(np.random.default_rng(0), groups, size, tie, 4000)
    low, high, p_values = group_bounds(sums, np.full(groups, float(size)))
    assert (low > 0).mean() < 0.035
    assert (high < 0).mean() < 0.035
    excluded = (low > 0) | (high < 0)
    assert excluded.mean() > 0.005
    assert (excluded == (p_values <= 0.05)).all()


def test_a_gain_is_found_all_the_same() -> None:
    sums = drawn(np.random.default_rng(0), 100, 5, 0.3, 1000) + np.random.default_rng(1).binomial(5, 0.2, (1000, 100))
    assert (group_bounds(sums, np.full(100, 5.0))[0] > 0).mean() > 0.95


def test_five_alike_of_each_group_are_no_five_pieces_of_evidence() -> None:
    differences, groups = in_groups([1.0] * 30 + [-1.0] * 10 + [0.0] * 110, 5)
    by_example, by_group = (apply_gate(*scores(differences), groups=each) for each in ({}, groups))
    assert by_example.decision == "promote"
    assert (by_group.decision, by_group.groups, by_group.effective_groups) == ("not enough evidence", 30, 30)
    assert by_group.gain.value == by_example.gain.value
    assert "on 150 examples in 30 groups, 95% interval" in by_group.reasons[0]
    assert paired_gain(*scores(differences), groups) == by_group.gain


def test_groups_of_one_change_nothing() -> None:
    differences, groups = in_groups([1.0] * 12 + [-1.0] * 3 + [0.0] * 85, 1)
    assert apply_gate(*scores(differences), groups=groups) == apply_gate(*scores(differences))


@given(DIFFERENCES, st.integers(2, 5), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter_and_swapping_flips_every_sign(
    values: list[float], size: int, rng: random.Random
) -> None:
    differences, groups = in_groups(values, size)
    shuffled = dict(rng.sample(list(differences.items()), len(differences)))
    swapped = {name: -value for name, value in differences.items()}
    one, same, other = (compare_in_groups(each, groups) for each in (differences, shuffled, swapped))
    assert one == same
    assert (one.gain.low, one.gain.high, one.p_value) == (-other.gain.high, -other.gain.low, other.p_value)
    assert -1 <= one.gain.low <= one.gain.value <= one.gain.high <= 1


def test_few_groups_are_said_and_prove_little() -> None:
    differences, groups = in_groups([1.0] * 100, 25)
    verdict = apply_gate(*scores(differences), groups=groups)
    assert verdict.warnings[0].startswith("The 100 examples come in 4 groups: with fewer than 10 hardly any gain")
    single = apply_gate(*scores(differences), groups=dict.fromkeys(differences, "one document"))
    assert (single.decision, single.gain.low, single.gain.high) == ("not enough evidence", -1.0, 1.0)


def test_groups_of_very_unequal_size_count_for_fewer() -> None:
    differences, groups = in_groups([1.0] * 100, 5)
    groups |= dict.fromkeys(list(groups)[:50], "large")
    verdict = apply_gate(*scores(differences), groups=groups)
    assert (verdict.groups, verdict.effective_groups) == (11, 3)
    assert "whose sizes are so unequal that they count as 3" in verdict.warnings[0]


def test_a_slice_is_guarded_by_group_too() -> None:
    differences, groups = in_groups([-1.0] * 12 + [0.0] * 88, 6)
    slices = {"hurt": list(differences)[:12]}
    broken, safe = (apply_gate(*scores(differences), slices=slices, groups=each).slices[0] for each in ({}, groups))
    assert (broken.broken, safe.broken) == (True, False)


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
def test_a_measure_of_the_set_is_by_group_too(metric: str) -> None:
    rights = [("rare" if place % 30 < 5 else "common") for place in range(150)]
    theirs = [None if place % 5 < 2 and place < 90 else right for place, right in enumerate(rights)]
    names = [f"e{place:03}" for place in range(150)]
    both = [
        Score(
            values={name: float(right == answer) for name, right, answer in zip(names, rights, answers, strict=True)},
            planned=150,
            labels=Labels.model_validate(
                {"metric": metric, "pairs": dict(zip(names, zip(rights, answers, strict=True), strict=True))}
            ),
        )
        for answers in (rights, theirs)
    ]
    one_document = {name: "d" if place < 90 else name for place, name in enumerate(names)}
    spread = {name: f"g{place // 5}" for place, name in enumerate(names)}
    plain, by_group, by_document = (apply_gate(both[0], both[1], groups=each) for each in ({}, spread, one_document))
    assert (plain.decision, by_group.decision) == ("promote", "promote")
    assert by_document.decision == "not enough evidence"
    assert by_document.gain.value == plain.gain.value
    other = apply_gate(both[1], both[0], groups=spread)
    assert (other.gain.low, other.gain.high) == pytest.approx((-by_group.gain.high, -by_group.gain.low))


def test_more_examples_are_asked_for_where_they_are_in_groups() -> None:
    values = [1.0] * 40 + [-1.0] * 25 + [0.0] * 235
    differences, groups = in_groups(values, 5)
    plain, by_group = apply_gate(*scores(differences)), apply_gate(*scores(differences), groups=groups)
    assert plain.more_examples is not None
    assert by_group.more_examples is not None
    assert by_group.more_examples > 2 * plain.more_examples
    assert "more examples in groups like these would settle it" in by_group.reasons[1]


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(1, 12.706), (2, 4.303), (3, 3.182), (9, 2.262), (10, 2.228), (60, 2.000), (5000, 1.960)]
)
def test_the_quantiles_are_those_of_the_tables(freedom: int, quantile: float) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(quantile, abs=6e-4)
    assert student_tail(student_quantile(0.99, freedom), freedom) == pytest.approx(0.01)


def test_equal_groups_count_in_full() -> None:
    assert [effective_groups([size] * 7) for size in (1, 3, 25)] == [7, 7, 7]


# Groups that nobody named


def rows(groups: int, size: int, **texts: str) -> list[Example]:
    """Examples with two inputs, of which the document is the same for a group."""
    return [
        Example(
            id=f"doc{group}-{place}",
            inputs={"document": texts.get("document", "d{}").format(group), "question": f"q{group}.{place}"},
            reference="",
            slices={"customer": f"c{group}"} if "customer" in texts else {},
        )
        for group in range(groups)
        for place in range(size)
    ]


COLUMNS = {"document": "Document", "question": "question"}


def tied(examples: list[Example], size: int) -> dict[str, float]:
    return {each.id: (1.0, -1.0, 0.0, 0.0)[place // size % 4] for place, each in enumerate(examples)}


def test_a_column_whose_rows_win_and_lose_together_is_named_with_the_line_to_add() -> None:
    examples = rows(30, 5)
    found = find_likely_groups(examples, tied(examples, 5), COLUMNS)
    assert found is not None
    assert (found.field, found.together) == ("Document", pytest.approx(1.0))
    assert found.sentence == (
        "Test examples with the same `Document` win and lose together (30 groups, the largest of 5 examples; "
        "correlation 1.00): such examples are no independent evidence. Write `group: Document`, below `dataset`."
    )


def test_a_column_whose_rows_have_nothing_in_common_is_not_named() -> None:
    examples, rng = rows(30, 5), random.Random(0)
    told = 0
    for _ in range(40):
        differences = {each.id: rng.choice([1.0, -1.0, 0.0, 0.0]) for each in examples}
        told += find_likely_groups(examples, differences, COLUMNS) is not None
    assert told <= 3


def test_kinds_of_examples_are_no_groups() -> None:
    examples = rows(4, 40)
    assert find_likely_groups(examples, tied(examples, 40), COLUMNS) is None


def test_a_long_text_that_examples_share_is_told_whatever_they_scored() -> None:
    examples = rows(30, 5, document="Number {}. " + "This is a long document about many things. " * 8)
    level = dict.fromkeys([each.id for each in examples], 0.0)
    found = find_likely_groups(examples, level, COLUMNS)
    assert found is not None
    assert "share the same `Document`" in found.sentence
    assert "`group: Document`" in found.sentence


def test_a_document_inside_the_only_input_is_found_and_what_was_looked_at_is_said() -> None:
    texts = [f"Number {place // 5}. " + "A long document. " * 15 + f"\nQuestion {place}?" for place in range(150)]
    examples = [Example(id=f"e{place}", inputs={"text": text}, reference="") for place, text in enumerate(texts)]
    level = dict.fromkeys([each.id for each in examples], 0.0)
    found = find_likely_groups(examples, level, {"text": "text"})
    assert found is not None
    assert "share a passage of their texts (30 groups" in found.sentence
    assert "`group: COLUMN`, with the column that says which" in found.sentence
    assert "not the other columns" in found.sentence


def test_the_same_instructions_around_every_input_are_no_document() -> None:
    around = "Please read the following carefully, and answer with one word. " * 5
    examples = [Example(id=f"e{place}", inputs={"text": f"{around}\n{place}"}, reference="") for place in range(150)]
    assert find_likely_groups(examples, dict.fromkeys([each.id for each in examples], 0.0), {"text": "text"}) is None


def test_slices_and_ids_are_looked_at_too() -> None:
    examples = rows(30, 5, document="{{}}", customer="")
    differences = tied(examples, 5)
    by_slice = find_likely_groups(examples, differences, {"question": "question"})
    assert by_slice is not None
    assert by_slice.field == "customer"
    plain = [each.model_copy(update={"slices": {}}) for each in examples]
    by_id = find_likely_groups(plain, differences, {"question": "question"}, has_ids=True)
    assert by_id is not None
    assert by_id.what == "ids that begin alike"
    assert find_likely_groups(plain, differences, {"question": "question"}) is None


def test_a_slice_that_lost_in_all_its_groups_stops_a_promotion() -> None:
    differences, groups = in_groups([-1.0] * 60 + [0.0] * 90, 5)
    verdict = apply_gate(*scores(differences), GateSpec(), slices={"hurt": list(differences)[:60]}, groups=groups)
    assert verdict.slices[0].broken
