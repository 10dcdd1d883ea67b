"""Plays the optimizer model: reads any request, and writes an instruction or a remark in the form asked for.

It knows every clause of its world, and has a mild sense of what is good. Its rules, the same for whoever asks:

1. It begins with the instruction that the request marks as the one to improve; where none is marked, with the one that
   has the best score; where there is no score, with the last one; where there is no instruction, with the task in a
   sentence and the list of labels.
2. It makes one to three changes. A stated limit of words to change is heeded seven times in ten. Six in ten changes add
   a clause, two leave one out, two say one in other words.
3. For a clause to add, it looks at one of the cases shown, if any: at wrong answers three times as often as at cases
   without an answer, never at right ones; a kind of messages that a remark names counts as a wrong answer of this kind.
   With the world's `skill` as probability (a third of it without an answer) it names a clause that helps there.
4. Otherwise any clause may come: helpful ones a little more often than harmful ones (`SENSE`), clauses that the better
   of the scored instructions have and the worse have not more often (`CONTRAST`), and clauses that stand in the request
   as a suggestion, without a score, three times as often. What is left out is chosen by the same sense, turned round.
5. One proposal in ten gets a sentence that says nothing, and with the world's `copying` as probability a case that was
   shown is copied to its end, with its right answer.
6. A wish is obeyed: to merge two instructions (what both have stays, of the rest three quarters), to paraphrase (most
   clauses in other words, seldom a change), to shorten (up to three clauses fewer, or down to the words allowed), to
   restructure (another order), to come within a limit of changes (as many of the changes as fit), to define labels (a
   definition of each label that has none, more often right the more cases with the label are shown).
   A request that says to mutate gets a change in any case.
7. A remark names the kinds of the wrong answers shown, or of all cases where there is no answer; where definitions are
   asked for, those; and where scored instructions are shown, two clauses that set the better ones apart.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from benchmarks.landscapes.asking import Ask, read_ask, read_form, write_reply
from benchmarks.landscapes.reading import Content, Seen, copy_case, read_content
from benchmarks.landscapes.wording import describe_kind, flourish
from benchmarks.landscapes.world import Clause, Held, World

SENSE = 0.35
CONTRAST = 0.8
SUGGESTED = 3.0
HEED = 0.7
WORDS_A_CHANGE = 11

Parts = list[Held | str]
T = TypeVar("T")


def reply(world: World, request: str, rng: random.Random) -> str:
    """What the optimizer model answers to a request."""
    content, form = read_content(world, request), read_form(request)
    ask = read_ask(content.rest, form, len(content.instructions))
    if form.style == "list":
        listed = ", ".join(f'"{_text(world, propose(world, content, ask, rng))}"' for _ in range(form.count))
        return f"[{listed}]"
    remark = write_remark(world, content, ask, rng)
    if ask.wish == "remark":
        return write_reply(form, "", remark)
    return write_reply(form, _text(world, propose(world, content, ask, rng)), remark)


def propose(world: World, content: Content, ask: Ask, rng: random.Random) -> Parts:
    """The clauses and sentences of a new instruction."""
    parts = _begin(world, content, ask, rng)
    sense = _sense(world, content)
    if ask.defines:
        parts += _definitions(world, content, parts, rng)
    for _ in range(_count_changes(ask, rng)):
        _change(world, content, parts, sense, rng)
    if ask.wish == "shorten" or ask.length is not None:
        _shorten(world, parts, ask, sense, rng)
    if rng.random() < 0.1:
        parts.append(flourish(rng))
    if content.cases and rng.random() < world.copying:
        message = world.messages[rng.choice(content.cases).message]
        parts.append(copy_case(message))
    return parts


def write_remark(world: World, content: Content, ask: Ask, rng: random.Random) -> str:
    """What a remark says of the cases shown."""
    said = []
    wrong = [case for case in content.cases if case.outcome == "wrong"]
    kinds = [world.messages[case.message].kind for case in wrong or content.cases if rng.random() < 0.8]
    most = sorted(set(kinds), key=kinds.count, reverse=True)[:3]
    if most:
        named = ", ".join(describe_kind(world.topics[kind]) for kind in most)
        said.append(f"{'It goes wrong with' if wrong else 'There are'} {named}.")
    if ask.defines:
        said.append(_text(world, _definitions(world, content, [], rng)))
    if better := _distinguishing(content):
        said.append(f"It seems to help to say: {_text(world, better)}")
    return " ".join(said) or "There is nothing that stands out in what was shown."


def _begin(world: World, content: Content, ask: Ask, rng: random.Random) -> Parts:
    seen = content.instructions
    if not seen:
        return [Held(0, rng.randrange(3)), Held(1, rng.randrange(3))]
    if ask.wish == "merge":
        return _merge(seen[-2], seen[-1], rng)
    if ask.wish == "fit":
        return _fit(world, seen[0], seen[-1], ask, rng)
    parts = list(choose_base(seen).parts)
    if ask.wish == "paraphrase":
        return [_reword(part, rng) if isinstance(part, Held) and rng.random() < 0.6 else part for part in parts]
    if ask.wish == "restructure":
        rng.shuffle(parts)
    return parts


def choose_base(seen: Sequence[Seen]) -> Seen:
    """The instruction to begin with."""
    marked = [item for item in seen if item.is_marked]
    if marked:
        return marked[-1]
    scored = [item for item in seen if item.score is not None]
    return max(scored, key=lambda item: item.score or 0.0) if scored else seen[-1]


def _merge(first: Seen, second: Seen, rng: random.Random) -> Parts:
    both = first.clauses & second.clauses
    merged: dict[int, Held] = {}
    for part in (*first.parts, *second.parts):
        if isinstance(part, Held) and part.clause not in merged and (part.clause in both or rng.random() < 0.75):
            merged[part.clause] = part
    return list(merged.values())


def _fit(world: World, current: Seen, proposal: Seen, ask: Ask, rng: random.Random) -> Parts:
    """The current instruction with as many of the proposal's changes as the limit allows."""
    parts = list(current.parts)
    left = ask.changes if ask.changes is not None else (ask.length or WORDS_A_CHANGE)
    new = [part for part in proposal.parts if isinstance(part, Held) and part.clause not in current.clauses]
    gone = [part for part in parts if isinstance(part, Held) and part.clause not in proposal.clauses]
    for part in rng.sample([*new, *gone], len(new) + len(gone)):
        cost = len(world.clauses[part.clause].wordings[part.wording].split())
        if cost <= left:
            left -= cost
            parts = [item for item in parts if item != part] if part in gone else [*parts, part]
    return parts


def _count_changes(ask: Ask, rng: random.Random) -> int:
    if ask.wish in {"paraphrase", "restructure", "merge"}:
        return int(ask.mutates or rng.random() < 0.3)
    if ask.wish in {"shorten", "fit"}:
        return 0
    number = rng.choices((1, 2, 3), (0.45, 0.35, 0.2))[0]
    if ask.changes is not None and rng.random() < HEED:
        number = min(number, max(1, ask.changes // WORDS_A_CHANGE))
    return max(0, number - 1) if ask.defines else number


def _change(world: World, content: Content, parts: Parts, sense: Mapping[int, float], rng: random.Random) -> None:
    held = {part.clause for part in parts if isinstance(part, Held)}
    advice = [part for part in parts if isinstance(part, Held) and world.clauses[part.clause].role != "task"]
    draw = rng.random()
    if draw < 0.6 or len(advice) < 2:
        clause = _for_a_case(world, content, held, rng)
        if clause is None:
            clause = _draw(rng, [number for number in sense if number not in held], lambda number: sense[number])
        parts.append(Held(clause, rng.randrange(3)))
    elif draw < 0.8:
        said = [part for part in parts if isinstance(part, str)]
        parts.remove(_draw(rng, [*advice, *said], lambda part: _readiness_to_drop(world, part, sense)))
    else:
        part = rng.choice(advice)
        parts[parts.index(part)] = _reword(part, rng)


def _readiness_to_drop(world: World, part: Held | str, sense: Mapping[int, float]) -> float:
    if isinstance(part, str):
        return 1.0
    return (0.3 if world.clauses[part.clause].role == "labels" else 1.0) / sense[part.clause]


def _for_a_case(world: World, content: Content, held: set[int], rng: random.Random) -> int | None:
    """A clause that helps one of the cases shown, where the model thinks of one."""
    cases = [case for case in content.cases if case.outcome != "right"]
    pool = [(world.messages[case.message].kind, world.messages[case.message].label, case.outcome) for case in cases]
    pool += [(kind, "", "wrong") for kind in content.kinds]
    if not pool:
        return None
    kind, label, outcome = _draw(rng, pool, lambda item: 3.0 if item[2] == "wrong" else 1.0)
    if rng.random() >= world.skill / (1 if outcome == "wrong" else 3):
        return None

    def help_of(number: int) -> float:
        clause = world.clauses[number]
        return float(clause.by_kind[kind] + (clause.by_label[world.labels.index(label)] if label else 0.0))

    helpful = [number for number in range(len(world.clauses)) if number not in held and help_of(number) > 0]
    return _draw(rng, helpful, help_of) if helpful else None


def _sense(world: World, content: Content) -> dict[int, float]:
    """How readily each clause comes to mind."""
    scored = [(item.clauses, item.score) for item in content.instructions if item.score is not None]
    loose = [item.clauses for item in content.instructions if item.score is None and not item.is_marked]
    suggested = frozenset().union(*loose)
    spread = max((score for _, score in scored), default=0.0) - min((score for _, score in scored), default=0.0)
    found = {}
    for number, clause in enumerate(world.clauses):
        weight = math.exp(SENSE * _bound(clause.worth / 0.1))
        if spread:
            weight *= math.exp(CONTRAST * _bound(_contrast(number, scored) / spread))
        found[number] = weight * (SUGGESTED if number in suggested else 1.0)
    return found


def _contrast(number: int, scored: Sequence[tuple[frozenset[int], float]]) -> float:
    with_it = [score for clauses, score in scored if number in clauses]
    without = [score for clauses, score in scored if number not in clauses]
    if not with_it or not without:
        return 0.0
    return sum(with_it) / len(with_it) - sum(without) / len(without)


def _distinguishing(content: Content) -> Parts:
    """The two clauses that most set the better of the scored instructions apart."""
    scored = [(item.clauses, item.score) for item in content.instructions if item.score is not None]
    held = {part.clause: part for item in content.instructions for part in item.parts if isinstance(part, Held)}
    better = sorted(held, key=lambda number: _contrast(number, scored), reverse=True)[:2]
    return [held[number] for number in better if _contrast(number, scored) > 0]


def _definitions(world: World, content: Content, parts: Parts, rng: random.Random) -> Parts:
    defined = {world.clauses[part.clause].label for part in parts if isinstance(part, Held)}
    shown = [world.messages[case.message].reference for case in content.cases]
    found: Parts = []
    for label in world.labels:
        if label in defined:
            continue
        right, wrong = [n for n, clause in enumerate(world.clauses) if clause.label == label]
        knows = 0.5 + world.skill * min(3, shown.count(label)) / 4
        found.append(Held(right if rng.random() < knows else wrong, rng.randrange(3)))
    return found


def _shorten(world: World, parts: Parts, ask: Ask, sense: Mapping[int, float], rng: random.Random) -> None:
    def words() -> int:
        return len(_text(world, parts).split())

    goal = ask.length if ask.length is not None else words() - WORDS_A_CHANGE * rng.randint(1, 3)
    parts[:] = [part for part in parts if isinstance(part, Held)]
    while words() > goal and len(parts) > 1:
        parts.remove(_draw(rng, parts[1:], lambda part: 1 / sense[part.clause]))


def _reword(part: Held, rng: random.Random) -> Held:
    return Held(part.clause, (part.wording + rng.randint(1, 2)) % 3)


def _draw(rng: random.Random, items: Sequence[T], weight: Callable[[T], float]) -> T:
    return rng.choices(items, [weight(item) for item in items])[0]


def _bound(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _text(world: World, parts: Parts) -> str:
    clauses: Sequence[Clause] = world.clauses
    said = [
        clauses[part.clause].wordings[part.wording] if isinstance(part, Held) else _sentence(part) for part in parts
    ]
    return " ".join(said)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
