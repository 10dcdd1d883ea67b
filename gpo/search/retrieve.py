"""The step `retrieve`: which of the prompts scored so far the optimizer model is shown (Tang et al., section 3.2).

The paper calls this the trajectory and likens it to momentum. A strategy is a function from the `Past` to what is
`Recalled`. A new one is a word in `Memory` of `gpo.spec.method`, and a function here under `@strategy`; an order of its
own is a word in `Ranking`, and its columns in `gpo.runs.history`. Lists are in ascending order, since what stands last
weighs most with a language model.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from gpo.models.ask import Remark, ask_remark, repeat_of
from gpo.models.chat import ChatModel
from gpo.records import Candidate, Record, Scored, UsageByRole
from gpo.search.memory.neighbours import Neighbour
from gpo.search.memory.ranking import Ranked, Ranking, last_ranked
from gpo.search.memory.trajectory import Trajectory
from gpo.search.requests.formatting import format_score
from gpo.search.requests.marks import draw_marks
from gpo.spec.method import Memory
from gpo.spec.task import TaskSpec


class Recalled(Record):
    """What the optimizer model is shown of the past: scored prompts, or a summary of what they taught."""

    neighbours: tuple[Neighbour, ...] = ()
    summary: str = ""
    usage: UsageByRole = Field(default={})


@dataclass(frozen=True)
class Past:
    """What a strategy chooses from, at the beginning of a step: the prompts of the earlier steps of one run.

    `k` is how many prompts to show; of a program with `parts` they are texts of one `part`. `summarise` brings the
    summary of the step before up to date; `ranked` reads the latest and the best.
    """

    trajectory: Trajectory
    run_key: str
    step: int
    current: Candidate
    k: int
    summarise: Callable[[], Awaitable[Recalled]]
    ranked: Ranked
    parts: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Strategy:
    """One choice of the trajectory; `shows` says in a phrase what it recalls."""

    shows: str
    recall: Callable[[Past], Awaitable[Recalled]]


STRATEGIES: dict[Memory, Strategy] = {}


def strategy(name: Memory, shows: str) -> Callable[[Callable[[Past], Awaitable[Recalled]]], Strategy]:
    """Register a strategy under its name in the spec."""

    def register(function: Callable[[Past], Awaitable[Recalled]]) -> Strategy:
        STRATEGIES[name] = Strategy(shows, function)
        return STRATEGIES[name]

    return register


async def recall(memory: Memory, past: Past) -> Recalled:
    """What the strategy named `memory` recalls.

    Raises:
        StateError: the index cannot be used.
        ModelCallError: a model that the strategy needs failed.
    """
    return await STRATEGIES[memory].recall(past)


async def recall_parts(memory: Memory, past: Past, parts: Sequence[str]) -> Recalled:
    """What is recalled for each of the parts that a step changes; a summary is one of them all.

    Raises:
        StateError: as for `recall`.
        ModelCallError: as for `recall`.
    """
    of_all = memory in ("none", "summary")
    found = [await recall(memory, replace(past, part=part)) for part in parts[: 1 if of_all else None]]
    return found[0].model_copy(update={"neighbours": tuple(item for each in found for item in each.neighbours)})


@strategy("none", shows="nothing of the past")
async def nothing(past: Past) -> Recalled:
    """Nothing: each step knows the current prompt alone."""
    del past
    return Recalled()


@strategy("summary", shows="what the optimizer model noted of all earlier prompts")
async def summary(past: Past) -> Recalled:
    """The summary, a text that the optimizer model updates at each step."""
    return await past.summarise()


@strategy("recency", shows="the latest prompts, the last at the end")
async def recency(past: Past) -> Recalled:
    """The latest `k` prompts, by step and number within it."""
    return await _last(past, "time")


@strategy("relevance", shows="the prompts most similar to the current one, the nearest at the end")
async def relevance(past: Past) -> Recalled:
    """The `k` prompts most similar to the current one, by cosine similarity of the embeddings."""
    found = await past.trajectory.nearest(past.run_key, past.current, past.k, past.step, past.part)
    return Recalled(neighbours=tuple(found))


@strategy("importance", shows="the best prompts, the best at the end")
async def importance(past: Past) -> Recalled:
    """The `k` prompts with the best dev score; one that the race ended early ranks below every whole score."""
    return await _last(past, "score")


async def _last(past: Past, by: Ranking) -> Recalled:
    found = await asyncio.to_thread(
        last_ranked, past.ranked, by, past.current, past.k, parts=past.parts, part=past.part
    )
    return Recalled(neighbours=tuple(found))


async def summarise(model: ChatModel, spec: TaskSpec, step: int, previous: str, fresh: Sequence[Scored]) -> Remark:
    """The summary for a step. Where nothing was scored since, or nothing is written, the previous one stays.

    Raises:
        ModelCallError: the call failed after the client's retries.
    """
    if not fresh:
        return Remark(text=previous)
    asked = summary_prompt(spec, previous, fresh)
    remark = await ask_remark(model, asked, repeat_of(spec.seed, step, "summary"))
    return remark if remark.text else remark.model_copy(update={"text": previous})


def summary_prompt(spec: TaskSpec, previous: str, fresh: Sequence[Scored]) -> str:
    """What the optimizer model is asked for a summary."""
    goal = f" for this task: {spec.prompt.description}" if spec.prompt.description else ""
    before = f"Your notes so far:\n\n{previous}\n\n" if previous else ""
    listed = "\n\n".join(f"Instruction: {item.candidate.instruction}\n{format_score(item)}" for item in fresh)
    marks = draw_marks(spec.seed, [previous, listed])
    return (
        f"You keep notes on instructions that a language model was given{goal}.\n\n{before}"
        f"Instructions scored since, with their scores from 0 to 100 (higher is better):\n\n{marks.fence(listed)}\n\n"
        "Write the notes anew, in at most 120 words: what in an instruction raises the score, and what lowers it. Keep "
        f"what still holds. {marks.rule} Do not write a new instruction."
    )
