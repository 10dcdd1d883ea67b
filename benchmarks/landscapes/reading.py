"""Finds what a text holds: clauses, instructions with their scores, and cases with the answers given to them.

All that is read is found by its content, not by the method that wrote the text: a known sentence is a clause wherever
it begins as a sentence does, clauses that follow each other are an instruction, a number behind the word `score` is the
score of the instruction next to it, and a message that is known by its text is a case, whose answer was wrong if a
wrong label stands behind it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.landscapes.wording import describe_kind
from benchmarks.landscapes.world import Held, Message, Shown, World

# What may stand before the first word of a sentence: the end of another one, a mark, a bullet, a number.
_BEGINS = re.compile(r"(?:^|[\n.!?:>\]|`])[\s\"'*•#>(\[`«“-]*(?:\d{1,2}[.)]\s*)?$")
_ENDS = re.compile(r"[\s\"'*)\]<`|\\»”,;]|$")
_NO_PART = re.compile(
    r"score|accuracy|=|instruction|prompt|attempt|text:|prefix|result|input|output|example|case|"
    r"```|</?\w+>|\[\[|\d+ ?%|#"
)
_LONGEST_GAP = 240
_SCORE = re.compile(r"(?:score|accuracy)\w*\s*(?:#\s*\d+\s*)?(?:[:=]|of)\s*(\d+(?:\.\d+)?)")
_MARK = re.compile(r"current|basic_instruction|following instruction|improve|parent|revise")
_SAYS_WRONG = re.compile(r"\bincorrect|\bwrong|\bnot correct|\bfailed|\bmistake")
_SAYS_RIGHT = re.compile(r"\banswered (?:correctly|rightly)|\bpassed|\bwas right|\bis correct")
_CASE_LENGTH = 420

Outcome = Literal["wrong", "right", "unknown"]


@dataclass(frozen=True)
class Seen:
    """An instruction in a text: clauses and unknown sentences in order, its score from 0 to 100, and if it is marked.

    Marked is the one that the text asks to improve.
    """

    parts: tuple[Held | str, ...]
    score: float | None = None
    is_marked: bool = False

    @property
    def clauses(self) -> frozenset[int]:
        """The numbers of its clauses."""
        return frozenset(part.clause for part in self.parts if isinstance(part, Held))


@dataclass(frozen=True)
class Case:
    """A message in a text."""

    message: int
    outcome: Outcome


@dataclass(frozen=True)
class Content:
    """What a text holds; `kinds` are kinds of messages that it names, `rest` is all other text."""

    instructions: tuple[Seen, ...]
    cases: tuple[Case, ...]
    kinds: tuple[int, ...]
    rest: str


@dataclass(frozen=True)
class _Hit:
    start: int
    end: int
    part: Held | str


@dataclass(frozen=True)
class _Run:
    start: int
    end: int
    parts: tuple[Held | str, ...]


def normalize(text: str) -> str:
    """Small letters, plain quotes, single spaces; lines stay."""
    plain = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\r", "")
    return re.sub(r"[ \t]+", " ", plain).lower()


def copy_case(message: Message) -> str:
    """A case as a weak optimizer model copies it into an instruction."""
    return f"For example: {message.text} {message.reference}."


def read_shown(world: World, instruction: str) -> Shown:
    """What an instruction holds."""
    text = normalize(instruction)
    shown = []
    for message_text, message in world.by_text.items():
        at = text.find(message_text)
        if at >= 0 and re.search(rf"\b{message.reference}\b", text[at + len(message_text) :][:80]):
            shown.append(message.id)
    return Shown(
        tuple(hit.part for hit in _hits(world, text) if isinstance(hit.part, Held)),
        tuple(sorted(shown)),
        len(text.split()),
    )


def read_content(world: World, text: str) -> Content:
    """What a request to the optimizer model holds."""
    text = normalize(text)
    places = sorted((at, message.id) for known, message in world.by_text.items() if (at := text.find(known)) >= 0)
    runs = _runs(text, _with_copies(world, text, _hits(world, text)), [at for at, _ in places])
    cases = tuple(
        Case(number, _outcome(world, number, _after_case(world, text, at, number, _next(places, index, runs))))
        for index, (at, number) in enumerate(places)
    )
    rest = _without(text, [(run.start, run.end) for run in runs], world, places)
    kinds = tuple(kind for kind, topic in enumerate(world.topics) if describe_kind(topic) in rest)
    return Content(_instructions(text, runs), cases, kinds, rest)


def _hits(world: World, text: str) -> list[_Hit]:
    found = []
    for sentence, held in world.sentences.items():
        at = text.find(sentence)
        while at >= 0:
            end = at + len(sentence)
            if _BEGINS.search(text[max(0, at - 16) : at] if at > 16 else text[:at]) and _ENDS.match(text, end):
                found.append(_Hit(at, end, held))
            at = text.find(sentence, end)
    return sorted(found, key=lambda hit: hit.start)


def _with_copies(world: World, text: str, hits: Sequence[_Hit]) -> list[_Hit]:
    """Cases that were copied into an instruction are parts of it."""
    if "for example: " not in text:
        return list(hits)
    copies = [copy_case(message).lower() for message in world.messages]
    found = [_Hit(at, at + len(copy), copy) for copy in copies if (at := text.find(copy)) >= 0]
    return sorted([*hits, *found], key=lambda hit: hit.start)


def _runs(text: str, hits: Sequence[_Hit], cases: Sequence[int]) -> list[_Run]:
    """Hits that belong to one instruction, with the unknown sentences between them."""
    runs: list[_Run] = []
    for hit in hits:
        gap = text[runs[-1].end : hit.start] if runs else ""
        if runs and _goes_on(runs[-1], hit, gap, cases):
            between = re.sub(r"^[\s*•-]+|[\s*•-]+$", "", gap)
            parts = (*runs[-1].parts, *([between] if len(between) > 3 else []), hit.part)
            runs[-1] = _Run(runs[-1].start, hit.end, parts)
        else:
            runs.append(_Run(hit.start, hit.end, (hit.part,)))
    return runs


def _goes_on(run: _Run, hit: _Hit, gap: str, cases: Sequence[int]) -> bool:
    """Whether a hit belongs to the instruction before it; a clause that comes again begins another one."""
    said = {part.clause for part in run.parts if isinstance(part, Held)}
    is_again = isinstance(hit.part, Held) and hit.part.clause in said
    return not is_again and _belongs(gap) and not any(run.end <= case < hit.start for case in cases)


def _belongs(gap: str) -> bool:
    return len(gap) <= _LONGEST_GAP and _NO_PART.search(gap) is None and gap.count("\n\n") <= bool(gap.strip() == "")


def _instructions(text: str, runs: Sequence[_Run]) -> tuple[Seen, ...]:
    if not runs:
        return ()
    befores = [
        text[max(runs[index - 1].end if index else 0, run.start - 80) : run.start] for index, run in enumerate(runs)
    ]
    stops = [run.start for run in runs[1:]] + [len(text)]
    afters = [text[run.end : min(stop, run.end + 200)] for run, stop in zip(runs, stops, strict=True)]
    # Whether scores stand before or behind their instructions is told by the first one.
    leads = _SCORE.search(befores[0]) is not None
    found = []
    for run, before, after in zip(runs, befores, afters, strict=True):
        scores = _SCORE.findall(before)[-1:] if leads else _SCORE.findall(after)[:1]
        is_marked = _MARK.search(before) is not None
        found.append(Seen(run.parts, float(scores[0]) if scores else None, is_marked))
    return _as_percent(found)


def _as_percent(found: Sequence[Seen]) -> tuple[Seen, ...]:
    scores = [item.score for item in found if item.score is not None]
    factor = 100.0 if scores and max(scores) <= 1.0 else 1.0
    return tuple(
        Seen(item.parts, None if item.score is None else item.score * factor, item.is_marked) for item in found
    )


def _next(places: Sequence[tuple[int, int]], index: int, runs: Sequence[_Run]) -> int:
    """Where what is said of a case ends: at the next case or the next instruction."""
    at = places[index][0]
    return min(
        [place for place, _ in places[index + 1 :]] + [run.start for run in runs if run.start > at], default=10**9
    )


def _after_case(world: World, text: str, at: int, number: int, stop: int) -> str:
    begin = at + len(world.messages[number].text)
    lines = text[begin : min(stop, begin + _CASE_LENGTH)].split("\n")
    # A line that lists labels says nothing of this case.
    return "\n".join(line for line in lines if sum(label in line for label in world.labels) < 3)


def _outcome(world: World, number: int, said: str) -> Outcome:
    labels = re.findall("|".join(rf"\b{label}\b" for label in world.labels), said)
    if any(label != world.messages[number].reference for label in labels):
        return "wrong"
    if len(labels) > 1:
        return "right"
    paragraph = said.split("\n\n", maxsplit=1)[0]
    if _SAYS_WRONG.search(paragraph):
        return "wrong"
    return "right" if _SAYS_RIGHT.search(paragraph) else "unknown"


def _without(text: str, spans: Sequence[tuple[int, int]], world: World, places: Sequence[tuple[int, int]]) -> str:
    cut = [*spans, *((at, at + len(world.messages[number].text)) for at, number in places)]
    kept, end = [], 0
    for start, stop in sorted(cut):
        kept.append(text[end:start])
        end = max(end, stop)
    return " \n".join([*kept, text[end:]])
