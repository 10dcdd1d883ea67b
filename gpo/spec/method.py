"""The section `optimizer` of a spec: which method improves the prompt, and for how many steps.

A method is one choice for each part of the paper's analysis (Tang et al., section 3). Published methods are presets.

| part of a gradient-based optimizer | here | choices |
|---|---|---|
| descent direction | `information` on the current prompt | prompt, with its score, with a reflection on its failures |
| momentum | `trajectory` | none, summary, recency, relevance, importance |
| learning rate | `decay` of the word budget, with or without `warmup` | none, fixed, linear, cosine |
| descent | `refinement` | editing, generation |
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gpo.errors import suggestion
from gpo.records import Record
from gpo.spec.edit_budget import Decay, edit_budget

Information = Literal["prompt", "prompt+score", "prompt+reflection", "prompt+score+reflection"]

Refinement = Literal["editing", "generation"]

Memory = Literal["none", "summary", "recency", "relevance", "importance"]


class Method(Record):
    """One choice for each part of the method; the defaults are GPO."""

    information: Information = Field(
        default="prompt+score", description="What the optimizer model is told of the current prompt."
    )
    trajectory: Memory = Field(default="relevance", description="Which of the earlier prompts it is shown.")
    decay: Decay = Field(default="cosine", description="How the word budget goes from step to step.")
    warmup: bool = Field(default=False, description="Whether the budget rises over the first 5% of the steps.")
    refinement: Refinement = Field(default="generation", description="Whether to edit the prompt or write a new one.")


PRESETS: Mapping[str, Method] = {
    "gpo": Method(),
    "ape": Method(information="prompt", trajectory="none", decay="none"),
    "apo": Method(information="prompt+reflection", trajectory="none", decay="none", refinement="editing"),
    "opro": Method(trajectory="recency", decay="none"),
    "pe2": Method(information="prompt+score+reflection", trajectory="recency", decay="fixed"),
    "sgdm": Method(trajectory="summary", decay="none", refinement="editing"),
}
"""Published methods by name (Tang et al., section 4.1), each a choice of the same parts."""


class OptimizerSpec(Method):
    """The method, and how far to go with it; defaults are GPO's published ones.

    A bare name is short for `{preset: name}`; a field that is given replaces the preset's.
    """

    preset: str = Field(default="gpo", description="The published method to start from; `gpo presets` lists them.")
    max_steps: int = Field(default=18, ge=1, description="Steps of the search at most.")
    patience: int = Field(default=6, ge=1, description="Stop after so many steps without a better best.")
    candidates: int = Field(default=8, ge=1, le=64, description="Proposals asked for in each step.")
    k: int = Field(default=3, ge=1, description="Scored prompts shown, the current one among them.")
    batch: int = Field(default=8, ge=1, description="Training examples that a reflection is written from.")
    examples: int = Field(default=3, ge=0, description="Training examples in the meta-prompt.")
    budget_start: int = Field(default=50, ge=1, description="Words that the first step may change.")
    budget_end: int = Field(default=10, ge=1, description="Words that the last step may change.")
    style: Literal["paper", "continuation"] = Field(
        default="paper", description="Meta-prompt: the paper's, or a list to continue for very small models."
    )
    race_after: int | None = Field(
        default=None, ge=1, description="Drop a candidate that is behind the best after so many examples."
    )

    @model_validator(mode="before")
    @classmethod
    def _of_preset(cls, value: object) -> object:
        given: dict[str, Any]
        if isinstance(value, str):
            given = {"preset": value}
        elif isinstance(value, dict):
            given = value
        else:
            return value
        method = PRESETS.get(str(given.get("preset", "gpo")))
        return given if method is None else {**method.model_dump(), **given}

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, value: str) -> str:
        if value not in PRESETS:
            raise ValueError(f"unknown preset '{value}'{suggestion(value, PRESETS)}")
        return value

    @model_validator(mode="after")
    def _decays(self) -> Self:
        if self.budget_end > self.budget_start:
            raise ValueError(f"budget_end ({self.budget_end}) must not exceed budget_start ({self.budget_start})")
        return self

    @model_validator(mode="after")
    def _continuable(self) -> Self:
        if self.style != "continuation":
            return self
        beyond = [
            *([f"information: {self.information}"] if self.reflects else []),
            *(["trajectory: summary"] if self.trajectory == "summary" else []),
            *(["refinement: editing"] if self.refinement == "editing" else []),
        ]
        if beyond:
            raise ValueError(
                f"style `continuation` is a list of instructions to go on with and cannot have {', '.join(beyond)}; "
                "choose style `paper`, or information `prompt` or `prompt+score`, a trajectory of prompts, and "
                "refinement `generation`"
            )
        return self

    @property
    def reflects(self) -> bool:
        """Whether a reflection on failures is part of the current information."""
        return "reflection" in self.information

    @property
    def shows_score(self) -> bool:
        """Whether the current prompt's score is part of the current information."""
        return "score" in self.information

    def budget_at(self, step: int) -> int | None:
        """Words that a step from 1 to `max_steps` may change; None for no limit.

        >>> [OptimizerSpec(max_steps=5).budget_at(step) for step in range(1, 6)]
        [50, 44, 30, 16, 10]
        """
        return edit_budget(self.decay, step, self.max_steps, self.budget_start, self.budget_end, warmup=self.warmup)
