"""Simulated tasks with a known truth: how good every instruction is, can be computed.

A message has a kind, a label and a difficulty. An instruction is the set of clauses, whole English sentences, that it
holds. Whether the task model answers a message rightly is a draw with the probability

    p = Phi((z - sqrt(share) * difficulty) / sqrt(1 - share))

where `z` is the sum, for the message's kind and label, of

- `base`, for any instruction;
- the effect of each clause, once, however often it stands there, times a factor of its wording near 1;
- what pairs of clauses add or cost where both are there;
- `DEMONSTRATION` for a message that is shown with its right label, at most `DEMONSTRATIONS` of a kind;
- less `WORD_COST` for each word beyond `FREE_WORDS`.

Difficulties are normal, so the expected accuracy over the whole population is the mean of Phi(z) over kinds and labels
by their weights: exact, in one line. A sentence that is cut or spliced is no clause any more, and sentences that nobody
knows do nothing but cost their words. A draw hangs on the instruction and the message alone, as at temperature 0.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Literal

import numpy as np

from benchmarks.landscapes.wording import Wordings

FREE_WORDS = 30
WORD_COST = 0.0015
DEMONSTRATION = 0.1
DEMONSTRATIONS = 2
_NORMAL = NormalDist()

Part = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class Message:
    """One example. `reference` is the label in the data, which is not always the right one in a noisy world."""

    id: int
    part: Part
    text: str
    label: str
    reference: str
    kind: int
    difficulty: float


@dataclass(frozen=True)
class Clause:
    """What one sentence does. `worth`: its mean effect over the population, by which a proposer has a feel for it."""

    wordings: Wordings
    strengths: tuple[float, ...]
    by_kind: np.ndarray
    by_label: np.ndarray
    role: Literal["task", "labels", "definition", "advice"] = "advice"
    label: str = ""
    worth: float = 0.0


@dataclass(frozen=True)
class Held:
    """A clause in one of its wordings."""

    clause: int
    wording: int


@dataclass(frozen=True)
class Shown:
    """What an instruction holds: clauses in order, demonstrations by message id, and its words."""

    clauses: tuple[Held, ...]
    demonstrations: tuple[int, ...]
    words: int


@dataclass(frozen=True)
class World:
    """One task. `skill`: chance that the proposer names what helps a failure it is shown; `copying`: that it copies."""

    name: str
    topics: tuple[str, ...]
    labels: tuple[str, ...]
    clauses: tuple[Clause, ...]
    pairs: Mapping[tuple[int, int], float]
    base: float
    kind_weights: np.ndarray
    label_weights: np.ndarray
    difficulty_share: float
    start: str
    messages: tuple[Message, ...]
    skill: float
    copying: float
    _levels: dict[Shown, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def by_text(self) -> Mapping[str, Message]:
        """Messages by their text in lower case."""
        return {message.text.lower(): message for message in self.messages}

    @cached_property
    def sentences(self) -> Mapping[str, Held]:
        """Every wording of every clause in lower case."""
        return {
            text.lower(): Held(number, wording)
            for number, clause in enumerate(self.clauses)
            for wording, text in enumerate(clause.wordings)
        }

    def part(self, part: Part) -> list[Message]:
        """The messages of one split."""
        return [message for message in self.messages if message.part == part]

    def levels(self, shown: Shown) -> np.ndarray:
        """`z` for each kind (rows) and label (columns)."""
        if shown not in self._levels:
            self._levels[shown] = self._sum(shown)
        return self._levels[shown]

    def quality(self, shown: Shown) -> float:
        """Expected accuracy over the whole population."""
        right = np.vectorize(_NORMAL.cdf)(self.levels(shown))
        return float(self.kind_weights @ right @ self.label_weights)

    def answer(self, shown: Shown, instruction: str, message: Message) -> str:
        """What the task model says."""
        level = self.levels(shown)[message.kind, self.labels.index(message.label)]
        share = self.difficulty_share
        right = _NORMAL.cdf((level - math.sqrt(share) * message.difficulty) / math.sqrt(1 - share))
        draw = uniform(self.name, instruction, message.text)
        if draw < right:
            return message.label
        others = [label for label in self.labels if label != message.label]
        return others[int(uniform(self.name, "wrong", instruction, message.text) * len(others))]

    def _sum(self, shown: Shown) -> np.ndarray:
        held = {item.clause: item.wording for item in reversed(shown.clauses)}
        total = np.full((len(self.topics), len(self.labels)), self.base)
        for number, wording in held.items():
            clause = self.clauses[number]
            total += clause.strengths[wording] * (clause.by_kind[:, None] + clause.by_label[None, :])
        total += sum(effect for pair, effect in self.pairs.items() if held.keys() >= set(pair))
        kinds = [self.messages[number].kind for number in dict.fromkeys(shown.demonstrations)]
        for kind in set(kinds):
            total[kind] += DEMONSTRATION * min(DEMONSTRATIONS, kinds.count(kind))
        return total - WORD_COST * max(0, shown.words - FREE_WORDS)


def mean_effect(clause: Clause, kind_weights: np.ndarray, label_weights: np.ndarray) -> float:
    """The effect of a clause on `z`, over the population."""
    return float(clause.by_kind @ kind_weights + clause.by_label @ label_weights)


def uniform(*parts: str) -> float:
    """A number in 0..1 that hangs on the parts alone."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def compose(clauses: Sequence[Clause], held: Sequence[Held], separator: str = " ") -> str:
    """The text of an instruction with these clauses."""
    return separator.join(clauses[item.clause].wordings[item.wording] for item in held)
