"""The section `optimizer` of a spec: which method improves the prompt, and for how many steps.

A method is one choice for each part of the paper's analysis (Tang et al., section 3), and for the parts that were added
to it here. Methods with a name are presets. What each part is
in that analysis, docs/method.md has in a table.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from gpo.errors import suggestion
from gpo.records import Record, Score
from gpo.spec.edit_budget import Decay, adapted_budget, edit_budget
from gpo.spec.search.objectives import Objectives, check_race
from gpo.spec.search.presets import continuable, usual_preset, with_race

Information = Literal["prompt", "prompt+score", "prompt+reflection", "prompt+score+reflection", "cases"]

Refinement = Literal["editing", "generation"]

Memory = Literal["none", "summary", "recency", "relevance", "importance"]

Accept = Literal["none", "race", "batch", "expected"]

Iterate = Literal["best", "step", "sampled", "expected"]

Way = Literal["cases", "scores", "define", "simplify", "restructure", "paraphrase", "merge"]


class Method(Record):
    """One choice for each part of the method; the defaults are GPO."""

    information: Information = Field(
        default="prompt+score",
        description="What the optimizer model is told of the current prompt. `cases`: its score, and for each proposal "
        "a batch of training cases of its own, with the answers given and the right ones.",
    )
    trajectory: Memory = Field(default="relevance", description="Which of the earlier prompts it is shown.")
    decay: Decay = Field(default="cosine", description="How the word budget goes from step to step.")
    warmup: bool = Field(default=False, description="Whether the budget rises over the first 5% of the steps.")
    refinement: Refinement = Field(default="generation", description="Whether to edit the prompt or write a new one.")
    ways: tuple[Way, ...] = Field(
        default=(),
        description="Ways of asking for a proposal, taken in turn at first, and then the oftener the more of their "
        "proposals were accepted; without any, all proposals are asked for alike.",
    )
    accept: Accept = Field(
        default="none",
        description="What a proposal has to pass before it is scored on all of dev: nothing, a race on the first "
        "`race_after` dev examples, to beat the current prompt on a batch of training cases, or to be expected to be "
        "better, given these cases and all scores so far.",
    )
    current: Iterate = Field(
        default="best",
        description="Where the next step starts: at the best prompt by dev score, at the best of the last step, at one "
        "drawn by score, or at the one that is expected to be best, luck set aside; with `expected`, that one is the "
        "result of the search as well.",
    )
    restart: bool = Field(
        default=False, description="Whether a search without progress goes on from another good prompt."
    )

    grounding: bool = Field(
        default=False,
        description="Whether every request begins with a summary of the task, which the optimizer model writes once.",
    )
    length_penalty: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="What a hundred words cost in score where the search compares prompts; the gate counts none.",
    )

    @property
    def tries_cases(self) -> bool:
        """Whether a proposal is tried on training cases before dev."""
        return self.accept in ("batch", "expected")


PRESETS: Mapping[str, Method] = {
    "minibatch": Method(
        information="cases",
        decay="none",
        ways=("cases", "define", "scores", "restructure"),
        accept="expected",
        current="expected",
        restart=True,
    ),
    "gpo": Method(),
    "ape": Method(information="prompt", trajectory="none", decay="none"),
    "apo": Method(information="prompt+reflection", trajectory="none", decay="none", refinement="editing"),
    "opro": Method(trajectory="importance", decay="none"),
    "pe2": Method(information="prompt+score+reflection", trajectory="recency", decay="fixed"),
    "sgdm": Method(trajectory="summary", decay="none", refinement="editing"),
    "gepa-like": Method(information="cases", trajectory="none", decay="none", accept="batch", current="sampled"),
    "protegi-like": Method(
        information="prompt+reflection",
        trajectory="none",
        decay="none",
        refinement="editing",
        accept="race",
        current="sampled",
    ),
    "copro-like": Method(trajectory="importance", decay="none"),
}
"""Methods by name: the one that is best here, the published ones (Tang et al., section 4.1), and points near others.

A name that ends in `like` is the nearest point of this space, not the method itself: GEPA (Agrawal et al., arXiv
2507.19457) draws its parent from a Pareto front over examples, here it is drawn by score; ProTeGi (Pryzant et al.,
arXiv 2305.03495) keeps a beam that bandits choose, here a race and a draw by score; COPRO is DSPy's.

The paper compares OPRO by its latest prompts; here it shows its best ones, in ascending order, as its authors do (Yang
et al., arXiv 2309.03409).
"""

DEFAULT_PRESET = "minibatch"

SIZES: Mapping[str, Mapping[str, int]] = {
    "minibatch": {"candidates": 4, "batch": 4},
    "opro": {"k": 20},
    "gepa-like": {"candidates": 1, "batch": 3, "examples": 0},
    "copro-like": {"k": 10, "examples": 0},
}
"""How far a preset goes where that is not what GPO's paper has."""


class OptimizerSpec(Method):
    """The method, and how far to go with it; sizes are the preset's, else those that GPO was published with.

    A bare name is short for `{preset: name}`; a field that is given replaces the preset's.
    """

    preset: str = Field(
        default=DEFAULT_PRESET,
        description="The method to start from; `gpo presets` lists them all. Where none is named, a spec that sets "
        "`budget_start`, `budget_end`, `warmup`, `race_after` or style `continuation` starts from `gpo`.",
    )
    max_steps: int = Field(
        default=18,
        ge=1,
        description="Steps of the search at most; where it is not given, a limit on calls decides, if there is one.",
    )
    patience: int = Field(
        default=6, ge=1, description="Stop, or `restart`, after so many steps without a better prompt."
    )
    candidates: int = Field(default=8, ge=1, le=64, description="Proposals asked for in each step.")
    k: int = Field(default=3, ge=1, description="Scored prompts shown, the current one among them.")
    batch: int = Field(
        default=8, ge=1, le=64, description="Training examples of a reflection, or of a proposal's own cases."
    )
    examples: int = Field(default=3, ge=0, description="Training examples in the meta-prompt.")
    budget_start: int = Field(default=50, ge=1, description="Words that the first step may change.")
    budget_end: int = Field(default=10, ge=1, description="Words that the last step may change.")
    style: Literal["paper", "continuation"] = Field(
        default="paper", description="Meta-prompt: the paper's, or a list to continue for very small models."
    )
    parts: Literal["in_turn", "blamed", "all"] = Field(
        default="in_turn",
        description="Of a program's prompts, a step changes one, each in turn, or the one that failing examples blame, "
        "as far as their steps tell; or each proposal changes all.",
    )
    race_after: int | None = Field(
        default=None,
        ge=1,
        description="With `accept: race`: drop a candidate that is behind the best after so many examples.",
    )
    objectives: Objectives = Field(
        default={},
        description="Several objectives: `[score, words, latency, cost]` or some of these, or a mapping to a bound "
        "(`words: at most 80`) or to what one unit costs in score (`words: 0.001`). Prompts that no other beats in all "
        "are kept as a front, from which steps start; the best by score goes to the gate, within the bounds.",
    )
    demonstrations: Literal["fixed", "searched"] = Field(
        default="fixed",
        description="Whether each question has the `few_shot` examples before it that were drawn once, or those that "
        "the search has chosen together with the instruction.",
    )
    max_demonstrations: int = Field(
        default=4, ge=1, le=64, description="With `demonstrations: searched`: examples before a question at most."
    )
    shown: tuple[str, ...] | None = Field(
        default=None,
        description="With `demonstrations: searched`: ids of the examples that the start shows, in their order; where "
        "it is not given, those that `few_shot` draws.",
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
        name = str(given.get("preset", usual_preset(given) or DEFAULT_PRESET))
        method = PRESETS.get(name)
        if method is None:
            return given
        merged = {**method.model_dump(), **SIZES.get(name, {}), "preset": name, **given}
        return with_race(continuable(merged, given), given)

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
    def _can_be_continued(self) -> Self:
        if self.style != "continuation":
            return self
        beyond = [
            *([f"information: {self.information}"] if self.reflects or self.shows_cases else []),
            *(["trajectory: summary"] if self.trajectory == "summary" else []),
            *(["refinement: editing"] if self.refinement == "editing" else []),
            *(name for name in ("ways", "grounding") if getattr(self, name)),
        ]
        if beyond:
            raise ValueError(
                f"style `continuation` is a list of instructions to go on with and cannot have {', '.join(beyond)}; "
                "choose style `paper`, or information `prompt` or `prompt+score`, a trajectory of prompts, and "
                "refinement `generation`"
            )
        return self

    @model_validator(mode="after")
    def _has_effect(self) -> Self:
        if self.race_after is not None and self.accept != "race":
            raise ValueError(
                f"race_after ({self.race_after}) has no effect with `accept: {self.accept}`; leave one out"
            )
        check_race(self.objectives, self.accept)
        if self.shown is not None and not self.searches_demonstrations:
            raise ValueError("`shown` has no effect without `demonstrations: searched`; `few_shot` draws examples")
        if self.decay == "adaptive" and self.warmup:
            raise ValueError("`warmup` has no effect with `decay: adaptive`, which goes by what was accepted")
        if self.reflects and self.tries_cases:
            raise ValueError(
                f"`accept: {self.accept}` tries each proposal on cases of its own, and `{self.information}` reflects "
                "on others; choose `information: cases`, or `accept: none` or `race`"
            )
        if self.ways and self.refinement == "editing":
            raise ValueError("`refinement: editing` has no effect with `ways`, which ask in words of their own")
        if self.ways and self.reflects:
            raise ValueError(f"`ways` go with `information: cases`, or with a score; `{self.information}` has its own")
        if "cases" in self.ways and not self.shows_cases:
            raise ValueError(f"`ways` names `cases`, which `information: {self.information}` does not show")
        return self

    @property
    def searches_demonstrations(self) -> bool:
        """Whether the examples before a question are part of a candidate."""
        return self.demonstrations == "searched"

    @property
    def reflects(self) -> bool:
        """Whether a reflection on failures is part of the current information."""
        return "reflection" in self.information

    @property
    def shows_cases(self) -> bool:
        """Whether a proposal is shown training cases of its own."""
        return self.information == "cases"

    @property
    def draws_cases(self) -> bool:
        """Whether a proposal has training cases of its own, be it to be shown them or to be tried on them."""
        return self.shows_cases or self.tries_cases

    def expects(self, score: Score) -> bool:
        """Whether the best prompt is the one that is expected to be; a measure of the set has no scores of examples."""
        return self.current == "expected" and score.labels is None

    @property
    def shows_score(self) -> bool:
        """Whether the current prompt's score is part of the current information."""
        return "score" in self.information or self.shows_cases

    def budget_at(self, step: int, succeeded: Sequence[bool] = ()) -> int | None:
        """Words that a step from 1 to `max_steps` may change; None for no limit.

        `succeeded` tells of each step before whether it led on, which an `adaptive` budget goes by.

        >>> [OptimizerSpec(preset="gpo", max_steps=5).budget_at(step) for step in range(1, 6)]
        [50, 44, 30, 16, 10]
        """
        if self.decay == "adaptive":
            return adapted_budget(succeeded, self.budget_start, self.budget_end)
        return edit_budget(self.decay, step, self.max_steps, self.budget_start, self.budget_end, warmup=self.warmup)
