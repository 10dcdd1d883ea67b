"""The space of methods: presets, what a spec may combine, and the word budget of each step."""

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gpo.search.retrieve import STRATEGIES
from gpo.spec.method import PRESETS, Memory, OptimizerSpec


def test_the_presets_are_the_published_methods() -> None:
    """The table of the paper's section 4.1."""
    rows = {
        name: (method.information, method.trajectory, method.decay, method.refinement)
        for name, method in PRESETS.items()
    }
    assert rows == {
        "gpo": ("prompt+score", "relevance", "cosine", "generation"),
        "ape": ("prompt", "none", "none", "generation"),
        "apo": ("prompt+reflection", "none", "none", "editing"),
        "opro": ("prompt+score", "recency", "none", "generation"),
        "pe2": ("prompt+score+reflection", "recency", "fixed", "generation"),
        "sgdm": ("prompt+score", "summary", "none", "editing"),
    }
    assert not any(method.warmup for method in PRESETS.values())


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
    options = OptimizerSpec(max_steps=6, budget_start=20, budget_end=4, decay="linear")
    assert [options.budget_at(step) for step in range(1, 7)] == [20, 17, 14, 10, 7, 4]
    warm = options.model_copy(update={"warmup": True})
    assert [warm.budget_at(step) for step in range(1, 7)] == [10, 20, 16, 12, 8, 4]
    assert OptimizerSpec(decay="none", warmup=True).budget_at(1) is None
