"""The space of methods: presets, what a spec may combine, and the word budget of each step."""

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gpo.records import Labels, Score
from gpo.search.retrieve import STRATEGIES
from gpo.spec.method import DEFAULT_PRESET, PRESETS, Accept, Information, Memory, OptimizerSpec


def test_the_presets_are_the_published_methods() -> None:
    """The table of the paper's section 4.1, but for what OPRO shows; no part is one that the paper does not have."""
    published = {
        name: method for name, method in PRESETS.items() if name != DEFAULT_PRESET and not name.endswith("-like")
    }
    rows = {
        name: (method.information, method.trajectory, method.decay, method.refinement)
        for name, method in published.items()
    }
    assert rows == {
        "gpo": ("prompt+score", "relevance", "cosine", "generation"),
        "ape": ("prompt", "none", "none", "generation"),
        "apo": ("prompt+reflection", "none", "none", "editing"),
        "opro": ("prompt+score", "importance", "none", "generation"),
        "pe2": ("prompt+score+reflection", "recency", "fixed", "generation"),
        "sgdm": ("prompt+score", "summary", "none", "editing"),
    }
    assert OptimizerSpec(preset="opro").k == 20
    assert not any(method.warmup for method in published.values())
    for each in published.values():
        assert (each.ways, each.accept, each.current, each.restart) == ((), "none", "best", False)


def test_methods_of_others_have_points_near_them() -> None:
    """As they are published: GEPA draws a parent and tries one proposal on three cases before it pays for more."""
    near = {name.removesuffix("-like"): OptimizerSpec(preset=name) for name in PRESETS if name.endswith("-like")}
    gepa, protegi, copro = near["gepa"], near["protegi"], near["copro"]
    assert (gepa.information, gepa.accept, gepa.current, gepa.candidates, gepa.batch) == (
        "cases",
        "batch",
        "sampled",
        1,
        3,
    )
    assert (protegi.information, protegi.refinement, protegi.accept, protegi.race_after) == (
        "prompt+reflection",
        "editing",
        "race",
        16,
    )
    assert (copro.information, copro.trajectory, copro.k, copro.examples) == ("prompt+score", "importance", 10, 0)


def test_the_default_gives_each_proposal_cases_and_tries_it_on_them() -> None:
    options = OptimizerSpec()
    assert options == OptimizerSpec(preset="minibatch") == OptimizerSpec.model_validate("minibatch")
    assert (options.information, options.decay) == ("cases", "none")
    assert (options.accept, options.current) == ("expected", "expected")
    assert options.tries_cases
    assert options.draws_cases
    assert options.shows_cases
    assert options.shows_score
    assert not options.reflects
    assert (options.candidates, options.batch) == (4, 4)
    sizes = OptimizerSpec(preset="gpo")
    assert (sizes.candidates, sizes.batch, sizes.max_steps, sizes.k) == (8, 8, 18, 3)
    assert (OptimizerSpec(candidates=9).candidates, OptimizerSpec(candidates=9).batch) == (9, 4)


@pytest.mark.parametrize("accept", get_args(Accept))
@pytest.mark.parametrize("information", get_args(Information))
def test_proposals_have_cases_of_their_own_to_be_shown_or_to_be_tried_on(information: str, accept: str) -> None:
    given = {"preset": "gpo", "information": information, "accept": accept}
    if "reflection" in information and accept in ("batch", "expected"):
        with pytest.raises(ValidationError, match="reflects on others"):
            OptimizerSpec.model_validate(given)
        return
    options = OptimizerSpec.model_validate(given)
    assert options.tries_cases == (accept in ("batch", "expected"))
    assert options.draws_cases == (options.tries_cases or information == "cases")


def test_what_is_expected_counts_where_the_method_asks_for_it_and_examples_have_scores() -> None:
    plain = Score(values={"e1": 1.0}, planned=1)
    whole = plain.model_copy(update={"labels": Labels(metric="macro_f1", pairs={"e1": ("a", "a")})})
    assert OptimizerSpec(preset="minibatch").expects(plain)
    assert not OptimizerSpec(preset="minibatch").expects(whole)
    assert not OptimizerSpec(preset="minibatch", current="best").expects(plain)
    assert not any(OptimizerSpec(preset=name).expects(plain) for name in PRESETS if name != DEFAULT_PRESET)


@pytest.mark.parametrize(
    "given", [{"budget_start": 30}, {"budget_end": 5}, {"warmup": True}, {"race_after": 8}, {"style": "continuation"}]
)
def test_a_spec_that_sets_what_only_gpo_has_was_written_for_it(given: dict[str, Any]) -> None:
    options = OptimizerSpec.model_validate(given)
    assert (options.preset, options.decay, options.candidates, options.information) == (
        "gpo",
        "cosine",
        8,
        "prompt+score",
    )
    assert OptimizerSpec.model_validate({"preset": "minibatch"} | given).preset == "minibatch"


@pytest.mark.parametrize("given", [{"max_steps": 4}, {"k": 5}, {"candidates": 2}, {"trajectory": "recency"}, {}])
def test_any_other_setting_starts_from_the_default(given: dict[str, Any]) -> None:
    assert OptimizerSpec.model_validate(given).preset == DEFAULT_PRESET


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"preset": "gpo"}, ("none", None)),
        ({"preset": "gpo", "race_after": 8}, ("race", 8)),
        ({"preset": "gpo", "accept": "race"}, ("race", 16)),
        ({"preset": "minibatch", "race_after": 8}, ("race", 8)),
        ({"accept": "race", "race_after": 4}, ("race", 4)),
        ({"preset": "gpo", "race_after": None}, ("none", None)),
    ],
)
def test_a_first_block_asks_for_a_race_and_a_race_has_its_usual_one(
    given: dict[str, Any], expected: tuple[str, int | None]
) -> None:
    options = OptimizerSpec.model_validate(given)
    assert (options.accept, options.race_after) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"preset": "gpo", "accept": "none", "race_after": 8},
            "race_after (8) has no effect with `accept: none`; leave one out",
        ),
        (
            {"preset": "minibatch", "accept": "batch", "race_after": 8},
            "race_after (8) has no effect with `accept: batch`; leave one out",
        ),
        (
            {"preset": "apo", "refinement": "generation", "ways": ["scores"]},
            "`ways` go with `information: cases`, or with a score; `prompt+reflection` has its own",
        ),
        (
            {"preset": "gpo", "ways": ["scores", "cases"]},
            "`ways` names `cases`, which `information: prompt+score` does not show",
        ),
        ({"preset": "minibatch", "ways": ["casess"]}, "Input should be 'cases', 'scores'"),
        ({"preset": "minibach"}, "unknown preset 'minibach'; did you mean 'minibatch'?"),
        (
            {"preset": "minibatch", "race_after": 8, "accept": "expected"},
            "race_after (8) has no effect with `accept: expected`; leave one out",
        ),
        ({"preset": "minibatch", "refinement": "editing"}, "`refinement: editing` has no effect with `ways`"),
        ({"preset": "gpo", "finalists": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_setting_without_effect_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        OptimizerSpec.model_validate(given)


def test_a_list_to_continue_takes_of_the_default_what_it_has_room_for() -> None:
    options = OptimizerSpec.model_validate({"preset": "minibatch", "style": "continuation"})
    assert (options.information, options.ways) == ("prompt+score", ())
    assert (options.accept, options.current, options.restart, options.candidates) == ("expected", "expected", True, 4)
    with pytest.raises(ValidationError, match="cannot have information: cases"):
        OptimizerSpec.model_validate({"preset": "minibatch", "style": "continuation", "information": "cases"})
    with pytest.raises(ValidationError, match="cannot have ways"):
        OptimizerSpec.model_validate({"preset": "minibatch", "style": "continuation", "ways": ["scores"]})


def test_what_is_written_out_is_read_back() -> None:
    """As in the spec of a comparison's cell: all fields are given there."""
    race = {"preset": "gpo", "accept": "race"}
    for given in ({}, {"preset": "gpo"}, race, {"style": "continuation"}, {"preset": "apo"}):
        options = OptimizerSpec.model_validate(given)
        assert OptimizerSpec.model_validate(options.model_dump()) == options


def test_every_choice_of_the_trajectory_has_its_strategy() -> None:
    assert set(STRATEGIES) == set(get_args(Memory))


@pytest.mark.parametrize("name", PRESETS)
def test_a_bare_name_is_its_preset_and_a_given_field_replaces_one_of_it(name: str) -> None:
    options = OptimizerSpec.model_validate(name)
    assert {field: getattr(options, field) for field in type(PRESETS[name]).model_fields} == PRESETS[name].model_dump()
    changed = OptimizerSpec.model_validate({"preset": name, "decay": "linear"})
    assert changed == options.model_copy(update={"decay": "linear"})


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"information": "prompt+reflection"}, "information: prompt+reflection"),
        ({"trajectory": "summary"}, "trajectory: summary"),
        ({"refinement": "editing"}, "refinement: editing"),
        ({"preset": "sgdm"}, "trajectory: summary, refinement: editing"),
    ],
)
def test_a_list_to_continue_cannot_hold_everything(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"cannot have {named}; choose style `paper`")):
        OptimizerSpec.model_validate({"style": "continuation", **changes})


@pytest.mark.parametrize("trajectory", ["none", "recency", "relevance", "importance"])
def test_a_list_to_continue_takes_any_list_of_prompts(trajectory: str) -> None:
    options = {"style": "continuation", "trajectory": trajectory, "information": "prompt"}
    assert OptimizerSpec.model_validate(options).trajectory == trajectory


def test_the_budget_of_a_step_follows_the_spec() -> None:
    options = OptimizerSpec(preset="gpo", max_steps=6, budget_start=20, budget_end=4, decay="linear")
    assert [options.budget_at(step) for step in range(1, 7)] == [20, 17, 14, 10, 7, 4]
    warm = options.model_copy(update={"warmup": True})
    assert [warm.budget_at(step) for step in range(1, 7)] == [10, 20, 16, 12, 8, 4]
    assert OptimizerSpec(decay="none", warmup=True).budget_at(1) is None


def test_an_adaptive_budget_narrows_while_nothing_is_accepted_and_widens_again() -> None:
    options = OptimizerSpec(preset="gpo", decay="adaptive", budget_start=40, budget_end=8)
    assert [options.budget_at(step, [False] * (step - 1)) for step in (1, 2, 5, 40)] == [40, 36, 27, 8]
    assert options.budget_at(6, [False] * 4 + [True]) == 40
    with pytest.raises(ValidationError, match="`warmup` has no effect with `decay: adaptive`"):
        OptimizerSpec(preset="gpo", decay="adaptive", warmup=True)
