"""Plays both models for one run, and counts: calls of either role, and every prompt that was tried."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from benchmarks.landscapes.asking import read_form, write_reply
from benchmarks.landscapes.families import make_world
from benchmarks.landscapes.optimizer import reply
from benchmarks.landscapes.reading import read_shown
from benchmarks.landscapes.world import Message, Shown, World, uniform

EXHAUSTED = "budget_exhausted"
"""Stands in the error that refuses a call of the task model beyond the limit."""

_DSPY_OBJECTIVE = "your objective is:"


class RefusedError(Exception):
    """A call that is not answered."""


@lru_cache(maxsize=64)
def world_of(name: str) -> World:
    """The world by its name, `family-seed-size`."""
    family, seed, size = name.rsplit("-", 2)
    return make_world(family, int(seed), size)


@dataclass
class Play:
    """One run in one world. Calls on the test split are counted apart, and never refused."""

    world: World
    limit: int | None = None
    task_calls: int = 0
    test_calls: int = 0
    refused: int = 0
    optimizer_calls: int = 0
    tried: dict[str, Shown] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, messages: Sequence[Mapping[str, Any]]) -> str:
        """The task model's answer.

        Raises:
            RefusedError: the limit is reached, or the request holds no message of the world.
        """
        instruction, message = split_request(self.world, messages)
        if message.part == "test":
            self.test_calls += 1
            shown = read_shown(self.world, instruction)
        else:
            if self.limit is not None and self.task_calls >= self.limit:
                self.refused += 1
                raise RefusedError(f"{EXHAUSTED}: {self.limit} calls of the task model were made")
            self.task_calls += 1
            if instruction not in self.tried:
                self.tried[instruction] = read_shown(self.world, instruction)
            shown = self.tried[instruction]
        label = self.world.answer(shown, instruction, message)
        text = "\n".join(str(item["content"]) for item in messages)
        return write_reply(read_form(text), "", label) if "[[ ##" in text or "JSON object" in text else label

    def propose(self, messages: Sequence[Mapping[str, Any]], number: int) -> list[str]:
        """So many answers of the optimizer model. The same request again has other ones, the same in each run."""
        request = "\n\n".join(str(item["content"]) for item in messages)
        replies = []
        for _ in range(number):
            self.optimizer_calls += 1
            self.asked[request] += 1
            draw = uniform(self.world.name, request, str(self.asked[request]))
            replies.append(reply(self.world, request, random.Random(draw)))
        return replies

    def sum_up(self, prompt: str | None) -> dict[str, Any]:
        """What came of the run, with the true quality of the prompt that was returned."""
        qualities = [self.world.quality(shown) for shown in self.tried.values()]
        start = self.world.quality(read_shown(self.world, self.world.start))
        shown = read_shown(self.world, prompt if prompt is not None else self.world.start)
        return {
            "quality": round(self.world.quality(shown), 5),
            "best_tried": round(max(qualities, default=start), 5),
            "start": round(start, 5),
            "task_calls": self.task_calls,
            "optimizer_calls": self.optimizer_calls,
            "test_calls": self.test_calls,
            "refused": self.refused,
            "tried": len(self.tried),
            "words": shown.words,
        }


def split_request(world: World, messages: Sequence[Mapping[str, Any]]) -> tuple[str, Message]:
    """The instruction of a request to the task model, and the message that is asked about: the last one that it holds.

    Raises:
        RefusedError: it holds none.
    """
    contents = [str(item["content"]) for item in messages]
    for number in range(len(contents) - 1, -1, -1):
        lines = contents[number].split("\n")
        for line in range(len(lines) - 1, -1, -1):
            message = world.by_text.get(lines[line].strip().lower())
            if message is None:
                continue
            if _DSPY_OBJECTIVE in contents[0]:
                return contents[0].rsplit(_DSPY_OBJECTIVE, 1)[1].strip(), message
            others = [*contents[:number], "\n".join(lines[:line] + lines[line + 1 :]), *contents[number + 1 :]]
            return "\n".join(others).strip(), message
    raise RefusedError("the request holds no message of this world on a line of its own")
