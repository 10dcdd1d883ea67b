"""The trajectory's strategies: what is recalled of the prompts scored so far (momentum; Tang et al., section 3.2).

A strategy is a function from the `Past` to what is `Recalled`. A new one is written here: a name in `Memory` and a
function under `@strategy`. Lists are in ascending order, since what stands last weighs most with a language model.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from gpo.ranking import Neighbour
from gpo.records import Candidate, Record, UsageByRole
from gpo.trajectory import Trajectory

Memory = Literal["none", "summary", "recency", "relevance", "importance"]


class Recalled(Record):
    """What the optimizer model is shown of the past: scored prompts, or a summary of what they taught."""

    neighbours: tuple[Neighbour, ...] = ()
    summary: str = ""
    usage: UsageByRole = Field(default={})


@dataclass(frozen=True)
class Past:
    """What can be recalled from, at the beginning of a step: the prompts of the earlier steps of one run.

    `summarise` has the summary of the step before brought up to date.
    """

    trajectory: Trajectory
    run_key: str
    step: int
    current: Candidate
    k: int
    summarise: Callable[[], Awaitable[Recalled]]


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
    """What a strategy recalls.

    Raises:
        StateError: the index cannot be used.
        ModelCallError: a model that the strategy needs failed.
    """
    return await STRATEGIES[memory].recall(past)


@strategy("none", shows="nothing of the past")
async def nothing(past: Past) -> Recalled:
    """Each step knows the current prompt alone."""
    del past
    return Recalled()


@strategy("summary", shows="what the optimizer model noted of all earlier prompts")
async def summary(past: Past) -> Recalled:
    """A text that is kept from step to step."""
    return await past.summarise()


@strategy("recency", shows="the latest prompts, the last at the end")
async def recency(past: Past) -> Recalled:
    """By step and number within it."""
    return Recalled(neighbours=tuple(await past.trajectory.latest(past.run_key, past.current, past.k, past.step)))


@strategy("relevance", shows="the prompts most similar to the current one, the nearest at the end")
async def relevance(past: Past) -> Recalled:
    """By cosine similarity of the embeddings."""
    return Recalled(neighbours=tuple(await past.trajectory.nearest(past.run_key, past.current, past.k, past.step)))


@strategy("importance", shows="the best prompts, the best at the end")
async def importance(past: Past) -> Recalled:
    """By dev score; a score that the race ended early ranks below every whole one."""
    return Recalled(neighbours=tuple(await past.trajectory.best(past.run_key, past.current, past.k, past.step)))
