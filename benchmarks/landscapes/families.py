"""Draws a world of a family by a seed.

- `additive`: clauses that help all or one of four kinds of messages, that do nothing, and that harm.
- `interacting`: pairs that help only together, and good clauses that stand in each other's way.
- `clustered`: ten kinds; most clauses help one of them, and some of those harm another.
- `noisy`: as additive, with answers that vary more from prompt to prompt, and a tenth of wrong references.
- `deceptive`: as additive, but the start holds clauses that help a little by themselves and stand in the way of many
  good ones, or one kind fills half of train and dev and is rare in the population.
- `labels`: five or six labels, and definitions of them that matter most.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from benchmarks.landscapes.wording import (
    LABELS,
    MEANINGS,
    TASK,
    TOPICS,
    Wordings,
    define_label,
    list_labels,
    write_clauses,
    write_texts,
)
from benchmarks.landscapes.world import Clause, Held, Message, Part, World, compose, mean_effect

FAMILIES = ("additive", "interacting", "clustered", "noisy", "deceptive", "labels")
SKILLS = (0.0, 0.15, 0.3, 0.45, 0.6)
SIZES: dict[str, tuple[int, int]] = {"small": (50, 30), "large": (100, 60)}
"""Training and dev examples. Small ones are usual for a few hundred calls, large ones for more."""
TESTS = 2


@dataclass(frozen=True)
class _Plan:
    """How many clauses of which kind a family has. `single`: the range of effects on one kind."""

    kinds: int = 4
    labels: tuple[int, int] = (3, 4)
    general: int = 8
    special: int = 8
    single: tuple[float, float] = (0.3, 0.9)
    backfiring: float = 0.0
    harmful: int = 12
    neutral: int = 14
    synergies: int = 0
    conflicts: int = 0
    definition: tuple[float, float] = (0.15, 0.3)
    difficulty_share: float = 0.5
    wrong_references: float = 0.0


@dataclass(frozen=True)
class _Seen:
    """What the examples in the splits are drawn from."""

    topics: list[str]
    labels: tuple[str, ...]
    kind_weights: np.ndarray
    label_weights: np.ndarray


_PLANS = {
    "additive": _Plan(),
    "interacting": _Plan(general=6, special=6, neutral=8, synergies=8, conflicts=10),
    "clustered": _Plan(kinds=10, general=4, special=24, single=(0.7, 1.3), backfiring=0.35, harmful=10, neutral=10),
    "noisy": _Plan(difficulty_share=0.1, wrong_references=0.1),
    "deceptive": _Plan(),
    "labels": _Plan(labels=(5, 6), general=5, special=6, definition=(0.6, 1.1)),
}


def family_of(seed: int) -> str:
    """The family of a seed where the seeds go through all of them in turn."""
    return FAMILIES[seed % len(FAMILIES)]


def make_world(family: str, seed: int, size: str = "small") -> World:
    """The world of a seed; another size has other splits of the same task."""
    plan, rng = _PLANS[family], random.Random(f"{family} {seed}")
    topics = rng.sample(TOPICS, plan.kinds)
    labels = tuple(rng.sample(LABELS, rng.randint(*plan.labels)))
    kind_weights, label_weights = _weights(rng, plan.kinds), _weights(rng, len(labels))
    advice = _advice(rng, plan, topics, labels)
    clauses = [*_frame(labels, plan.kinds), *_definitions(rng, plan, labels), *advice]
    clauses = [replace(item, worth=mean_effect(item, kind_weights, label_weights)) for item in clauses]
    start_misleads, dev_misleads = _ways_to_mislead(family, seed)
    pairs = _pairs(rng, plan, clauses)
    start = [Held(0, rng.randrange(3)), Held(1, rng.randrange(3))]
    if start_misleads:
        traps = _set_traps(rng, clauses, pairs)
        start += [Held(number, 0) for number in traps]
    level = NormalDist().inv_cdf(rng.uniform(0.22, 0.4))
    base = level - sum(clauses[item.clause].worth * clauses[item.clause].strengths[item.wording] for item in start)
    seen = _skew(kind_weights) if dev_misleads else kind_weights
    skill = SKILLS[seed // len(FAMILIES) % len(SKILLS)]
    return World(
        name=f"{family}-{seed}-{size}",
        topics=tuple(topics),
        labels=labels,
        clauses=tuple(clauses),
        pairs=pairs,
        base=base,
        kind_weights=kind_weights,
        label_weights=label_weights,
        difficulty_share=plan.difficulty_share,
        start=compose(clauses, start),
        messages=_messages(rng, plan.wrong_references, _Seen(topics, labels, seen, label_weights), size),
        skill=skill,
        copying=0.2 if skill < 0.3 else 0.05,
    )


def _ways_to_mislead(family: str, seed: int) -> tuple[bool, bool]:
    """Whether the start does, and whether train and dev do."""
    is_odd = seed // len(FAMILIES) % 2 == 1
    return family == "deceptive" and not is_odd, family == "deceptive" and is_odd


def _weights(rng: random.Random, number: int) -> np.ndarray:
    drawn = np.asarray([rng.uniform(0.5, 1.5) for _ in range(number)])
    return drawn / drawn.sum()


def _skew(weights: np.ndarray) -> np.ndarray:
    """The rarest kind takes half."""
    rare = int(weights.argmin())
    others = np.where(np.arange(len(weights)) == rare, 0.0, weights)
    return 0.5 * others / others.sum() + 0.5 * np.eye(len(weights))[rare]


def _clause(rng: random.Random, wordings: Wordings, by_kind: np.ndarray, by_label: np.ndarray) -> Clause:
    strengths = tuple(rng.uniform(0.85, 1.15) for _ in wordings)
    return Clause(wordings, strengths, by_kind, by_label)


def _frame(labels: tuple[str, ...], kinds: int) -> list[Clause]:
    """What to do, and which answers there are: an instruction without them is worse."""
    zero, ones = np.zeros(len(labels)), (1.0,) * 3
    none = np.zeros(kinds)
    return [
        Clause(TASK, ones, none, zero + 0.15, "task"),
        Clause(list_labels(labels), ones, none, zero + 0.4, "labels"),
    ]


def _definitions(rng: random.Random, plan: _Plan, labels: tuple[str, ...]) -> list[Clause]:
    """For each label one definition that is right and one that is wrong."""
    meanings = iter(rng.sample(MEANINGS, len(MEANINGS)))
    found = []
    for number, label in enumerate(labels):
        right = next(meanings)
        for meaning, effect in (
            (right, rng.uniform(*plan.definition)),
            (_other(rng, right), -0.5 * rng.uniform(*plan.definition)),
        ):
            by_label = effect * np.eye(len(labels))[number]
            drawn = _clause(rng, define_label(label, meaning), np.zeros(plan.kinds), by_label)
            found.append(replace(drawn, role="definition", label=label))
    return found


def _other(rng: random.Random, meaning: str) -> str:
    return rng.choice([item for item in MEANINGS if item != meaning])


def _advice(rng: random.Random, plan: _Plan, topics: list[str], labels: tuple[str, ...]) -> list[Clause]:
    effects: list[tuple[np.ndarray, str | None]] = []
    everywhere, zero = np.ones(plan.kinds), np.zeros(plan.kinds)
    effects += [(everywhere * _few_large(rng), None) for _ in range(plan.general)]
    for number in range(plan.special):
        kind = number % plan.kinds
        effect = rng.uniform(*plan.single) * np.eye(plan.kinds)[kind]
        if rng.random() < plan.backfiring:
            effect = effect - 0.4 * np.eye(plan.kinds)[(kind + rng.randint(1, plan.kinds - 1)) % plan.kinds]
        effects.append((effect, topics[kind] if rng.random() < 0.5 else None))
    for _ in range(plan.harmful):
        kind = rng.randrange(plan.kinds)
        loss = -0.8 * _few_large(rng)
        narrow = (2 * loss * np.eye(plan.kinds)[kind], topics[kind])
        effects.append((everywhere * loss, None) if rng.random() < 0.6 else narrow)
    effects += [(zero, rng.choice([None, None, *topics])) for _ in range(plan.neutral + 2 * plan.synergies)]
    said = write_clauses(rng, [topic for _, topic in effects])
    none = np.zeros(len(labels))
    found = [_clause(rng, wordings, effect, none) for wordings, (effect, _) in zip(said, effects, strict=True)]
    rng.shuffle(found)
    return found


def _few_large(rng: random.Random) -> float:
    """Most effects are small and a few are large, as it is with sentences in real prompts."""
    return 0.05 + 0.4 * rng.random() ** 2


def _pairs(rng: random.Random, plan: _Plan, clauses: Sequence[Clause]) -> dict[tuple[int, int], float]:
    idle = [number for number, item in enumerate(clauses) if item.role == "advice" and not item.by_kind.any()]
    good = [number for number, item in enumerate(clauses) if item.role == "advice" and item.worth > 0]
    pairs: dict[tuple[int, int], float] = {}
    drawn = rng.sample(idle, 2 * plan.synergies)
    for first, second in zip(drawn[::2], drawn[1::2], strict=True):
        pairs[first, second] = rng.uniform(0.3, 0.6)
    for _ in range(plan.conflicts):
        first, second = rng.sample(good, 2)
        pairs[first, second] = -rng.uniform(0.2, 0.5)
    return pairs


def _set_traps(rng: random.Random, clauses: list[Clause], pairs: dict[tuple[int, int], float]) -> list[int]:
    """Two idle clauses become a little good by themselves, and stand in the way of half of the good ones."""
    idle = [number for number, item in enumerate(clauses) if item.role == "advice" and not item.by_kind.any()]
    good = [number for number, item in enumerate(clauses) if item.role == "advice" and item.worth > 0]
    traps = rng.sample(idle, 2)
    for trap in traps:
        clauses[trap] = replace(clauses[trap], by_kind=clauses[trap].by_kind + 0.08, worth=0.08)
        for number in rng.sample(good, len(good) // 2):
            pairs[trap, number] = -rng.uniform(0.08, 0.16)
    return traps


def _messages(rng: random.Random, wrong: float, seen: _Seen, size: str) -> tuple[Message, ...]:
    train, dev = SIZES[size]
    parts: list[Part] = [*(["train"] * train), *(["dev"] * dev), *(["test"] * TESTS)]
    kinds = rng.choices(range(len(seen.topics)), list(seen.kind_weights), k=len(parts))
    true = rng.choices(seen.labels, list(seen.label_weights), k=len(parts))
    texts = write_texts(rng, [seen.topics[kind] for kind in kinds])
    found = []
    for number, (part, kind, label, text) in enumerate(zip(parts, kinds, true, texts, strict=True)):
        is_wrong = rng.random() < wrong
        reference = rng.choice([item for item in seen.labels if item != label]) if is_wrong else label
        found.append(Message(number, part, text, label, reference, kind, rng.gauss(0, 1)))
    return tuple(found)
