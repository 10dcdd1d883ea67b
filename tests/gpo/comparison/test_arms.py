from typing import get_args

import pytest

from gpo.comparison.arms import PARTS, Arm, ablation_arms, field_choices, parse_seeds, preset_arms
from gpo.errors import InputError
from gpo.spec.method import PRESETS, Information, Memory, Method


def differences(method: Method) -> set[str]:
    return {field for field in Method.model_fields if getattr(method, field) != getattr(PRESETS["gpo"], field)}


def methods(arms: tuple[Arm, ...]) -> set[Method]:
    return {arm.method for arm in arms}


def test_all_presets_or_those_that_are_named() -> None:
    assert [arm.name for arm in preset_arms("all")] == list(PRESETS)
    arms = preset_arms("opro, gpo")
    assert [(arm.name, arm.preset, arm.method) for arm in arms] == [
        ("opro", "opro", PRESETS["opro"]),
        ("gpo", "gpo", PRESETS["gpo"]),
    ]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("gpo,orpo", "--presets: unknown preset 'orpo'; did you mean 'opro'?"),
        ("gpo,gpo", "--presets: gpo is given twice"),
        ("", "--presets: received ''; give all, or gpo,opro"),
        ("gpo,,opro", "--presets: received 'gpo,,opro'; give all, or gpo,opro"),
    ],
)
def test_presets_that_cannot_be_are_refused(wanted: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        preset_arms(wanted)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("wanted", "seeds"), [("1", (0,)), ("3", (0, 1, 2)), ("5,2", (5, 2)), ("7,", (7,)), (" 0, 1 ", (0, 1))]
)
def test_seeds_are_a_number_or_a_list(wanted: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(wanted) == seeds


@pytest.mark.parametrize("wanted", ["0", "-2", "", "two", "1,1", "1,,2", ",", "1.5"])
def test_other_seeds_are_refused(wanted: str) -> None:
    with pytest.raises(InputError, match="--seeds"):
        parse_seeds(wanted)


def test_an_ablation_varies_one_part_at_a_time_around_gpo() -> None:
    arms = ablation_arms("all")
    assert (arms[0].name, arms[0].method) == ("gpo", PRESETS["gpo"])
    parts = [set(fields) for table in PARTS.values() for fields in table.values()]
    for arm in arms[1:]:
        assert any(differences(arm.method) and differences(arm.method) <= part for part in parts), arm
    assert len(methods(arms)) == len(arms) == len({arm.slug for arm in arms})


BEYOND_THE_PAPER = {"ways", "accept", "current", "restart", "grounding", "length_penalty"}
"""Parts of the method that the paper's analysis does not have, and its tables do not vary."""


def test_every_choice_of_every_part_of_the_paper_is_in_the_ablation() -> None:
    found = methods(ablation_arms("all"))
    parts = Method.model_fields.keys() - BEYOND_THE_PAPER
    for field in parts:
        assert {getattr(method, field) for method in found} == set(field_choices(field)), field
    varied = [field for table in PARTS.values() for fields in table.values() for field in fields]
    assert sorted(varied) == sorted(parts), "a part of the method that no table varies"


def test_the_tables_share_gpo_alone() -> None:
    both = methods(ablation_arms("2")) & methods(ablation_arms("3"))
    assert both == {PRESETS["gpo"]}
    assert len(ablation_arms("all")) == len(ablation_arms("2")) + len(ablation_arms("3")) - 1


def test_the_whole_table_has_all_combinations() -> None:
    arms = ablation_arms("2", full=True)
    assert len(arms) == len(get_args(Information)) * len(get_args(Memory))
    assert {(arm.method.information, arm.method.trajectory) for arm in arms} == {
        (information, trajectory) for information in get_args(Information) for trajectory in get_args(Memory)
    }


@pytest.mark.parametrize("full", [False, True])
def test_without_a_word_budget_nothing_warms_up(full: bool) -> None:
    assert not [
        arm for arm in ablation_arms("3", full=full) if arm.method.warmup and arm.method.decay in ("none", "adaptive")
    ]


def test_the_names_say_what_is_varied() -> None:
    names = {arm.name: arm.method for arm in ablation_arms("all")}
    assert names["edit distance: linear + warm-up"] == Method(decay="linear", warmup=True)
    assert names["trajectory: none"] == Method(trajectory="none")
    whole = {arm.name for arm in ablation_arms("3", full=True)}
    assert {"gpo", "cosine + warm-up, generation", "none, editing"} <= whole


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InputError, match="--table: unknown table '4'; allowed: 2, 3, all"):
        ablation_arms("4")
