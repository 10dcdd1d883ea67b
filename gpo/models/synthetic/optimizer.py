"""What the synthetic optimizer model writes: changes of the instructions it is shown, guided by their scores.

It stands in for a language model that has a stock of phrases and no idea what they are worth: it knows
`synthetic.PHRASES` as a list, and of their worth only what the meta-prompt tells. It works on *clauses*, each from one
capitalised word to the next.

- The *evidence* for a clause is how much better the shown prompts with it score than those without it, in points of
  100; nothing when no scores are shown or all prompts have it. What a summary or a reflection says for or against a
  phrase counts as `HINT` points.
- Asked to write a new instruction, it keeps each clause of the current one with probability `KEEPS`, takes over each
  clause of the other prompts with probability `1 - KEEPS`, both moved by the evidence, and adds 1 or 2 phrases of its
  own. Asked to edit, it makes 1 to 3 such changes and leaves the rest.
- It goes by an asked word limit in a share `heed` of its answers, by leaving changes out; in the others it takes no
  notice of it.
- In a share `drift` of its answers it forgets all this, and writes 3 to 6 phrases at random, at any distance.
- A clause that breaks off is finished.
- A reflection names one or two phrases that the instruction lacks, drawn at random: failed answers do not tell what
  would have helped, so a reflection is worth no more here than a guess. A summary says which phrases stand in the
  better and which in the worse half of the scored prompts, which is true to what it was shown.

All numbers were set before methods were compared on them.
"""

import math
import random
import re
from collections.abc import Iterable, Mapping, Sequence

from gpo.models.synthetic.task import PHRASES
from gpo.records import Record
from gpo.words import word_distance

KEEPS = 0.8
SCALE = 10.0
"""Points of evidence that move the odds of keeping or taking a clause by a factor of e."""

HINT = 5.0

_ITEM = re.compile(
    r"""(?imx)^[^\S\n]*(?:[-*]\s+|\d+[.)]\s+)?(?P<current>current\s+)?(?:instruction|prompt)[ ]*(?:\d+)?:[^\S\n]*
    (?P<text>.+(?:\n(?!\s*(?:score|instruction|current|prompt)\b)(?!\s*\n).+)*)
    (?:\n[^\S\n]*score[ ]*:[ ]*(?P<score>[0-9.]+))?"""
)
_GIVEN = re.compile(r"(?i)\binstruction:[^\S\n]*\n\s*(.+)")
_LIMIT = re.compile(r"(?i)(?:at\s+most|up\s+to|no\s+more\s+than|more\s+than)\s+(\d+)\s+words?")
_EDITS = re.compile(r"(?i)\b(?:modify|edit|revise)\b(?:\s+\w+)?\s+(?:current|instruction|prompt)")
_QUOTED = re.compile(r'"([^"\n]{3,80})"')
_CLAUSE = re.compile(r"(?<=\s)(?=[A-Z])")


class Shown(Record):
    """What the optimizer model reads from a meta-prompt.

    `scores` holds the shown instructions that have one, in points of 100; `hints` the phrases that a summary or a
    reflection speaks for (above 0) or against.
    """

    current: str
    others: tuple[str, ...] = ()
    scores: Mapping[str, float] = {}
    hints: Mapping[str, float] = {}
    limit: int | None = None
    edits: bool = False

    def evidence(self, clause: str) -> float:
        """Points of 100 that speak for a clause."""
        having = [score for text, score in self.scores.items() if clause in clauses(text)]
        lacking = [score for text, score in self.scores.items() if clause not in clauses(text)]
        seen = _mean(having) - _mean(lacking) if having and lacking else 0.0
        return seen + self.hints.get(clause, 0.0)


def read_request(text: str) -> Shown:
    r"""What a meta-prompt shows; without a marked current instruction, the last one is it.

    >>> shown = read_request(
    ...     "Instruction: Add.\nScore: 40\n\nCurrent instruction: Sum up.\nScore: 50\n\nAt most 5 words."
    ... )
    >>> shown.current, shown.others, dict(shown.scores), shown.limit
    ('Sum up.', ('Add.',), {'Add.': 40.0, 'Sum up.': 50.0}, 5)
    """
    items = list(_ITEM.finditer(text))
    texts = [item["text"].strip() for item in items]
    marked = [number for number, item in enumerate(items) if item["current"]]
    place = marked[-1] if marked else len(items) - 1
    limit, given = _LIMIT.search(text), _GIVEN.search(text)
    return Shown(
        current=texts[place] if items else given[1].strip() if given else "",
        others=tuple(dict.fromkeys(each for each in texts if each != texts[place])),
        scores={each: float(item["score"]) for each, item in zip(texts, items, strict=True) if item["score"]},
        hints=_hints(text),
        limit=int(limit[1]) if limit else None,
        edits=_EDITS.search(text) is not None,
    )


def read_list_request(text: str) -> Shown:
    r"""What a list to be continued shows: one instruction a line, from the worst to the best.

    >>> read_list_request("- Add.\n- Sum up.\n-").current
    'Sum up.'
    """
    found = [line.removeprefix("-").strip() for line in text.splitlines()]
    texts = [line for line in found if line]
    ranks = {each: 100.0 * (number + 1) / len(texts) for number, each in enumerate(texts)}
    return Shown(current=texts[-1] if texts else "", others=tuple(texts[:-1]), scores=ranks)


def clauses(text: str) -> list[str]:
    """The clauses of an instruction; one that is the beginning of a known phrase is finished.

    >>> clauses("Solve the problem. Think step Answer with a number.")
    ['Solve the problem.', 'Think step by step.', 'Answer with a number.']
    """
    found = (part.strip() for part in _CLAUSE.split(text))
    return [_finished(part) for part in found if part]


def _finished(clause: str) -> str:
    whole = [phrase for phrase in PHRASES if phrase.startswith(clause)]
    return whole[0] if whole else clause


def propose(shown: Shown, rng: random.Random, *, drift: float, heed: float) -> str:
    """A new instruction; `drift` and `heed` are the shares of answers that rewrite everything, that keep to a limit."""
    present = clauses(shown.current)
    if rng.random() < drift:
        return " ".join(rng.sample(sorted({*PHRASES, *present}), rng.randint(3, 6)))
    changes = _edits(shown, present, rng) if shown.edits else _renewal(shown, present, rng)
    rng.shuffle(changes)
    limit = shown.limit if rng.random() < heed else None
    for clause in changes:
        changed = _changed(present, clause, rng)
        if limit is None or word_distance(shown.current, " ".join(changed)) <= limit:
            present = changed
    return " ".join(present)


def _renewal(shown: Shown, present: Sequence[str], rng: random.Random) -> list[str]:
    """Clauses to take out or put in, for a new instruction written after those that are shown."""
    others = dict.fromkeys(clause for text in shown.others for clause in clauses(text) if clause not in present)
    dropped = [clause for clause in present if rng.random() >= _probability(KEEPS, shown.evidence(clause))]
    taken = [clause for clause in others if rng.random() < _probability(1 - KEEPS, shown.evidence(clause))]
    unseen = [phrase for phrase in PHRASES if phrase not in present and phrase not in others]
    return [*dropped, *taken, *_drawn(shown, unseen, rng.choice((1, 1, 2)), rng)]


def _edits(shown: Shown, present: Sequence[str], rng: random.Random) -> list[str]:
    """One to three clauses to take out or put in."""
    others = [clause for text in shown.others for clause in clauses(text)]
    absent = [clause for clause in dict.fromkeys((*others, *PHRASES)) if clause not in present]
    out = rng.randint(0, 1) if len(present) > 1 else 0
    against = Shown(current="", hints={clause: -shown.evidence(clause) for clause in present})
    return [*_drawn(against, present, out, rng), *_drawn(shown, absent, rng.randint(1, 2), rng)]


def _drawn(shown: Shown, pool: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Up to `count` different clauses, the likelier the more speaks for them."""
    keyed = [(rng.random() ** math.exp(-shown.evidence(clause) / SCALE), clause) for clause in pool]
    return [clause for _, clause in sorted(keyed, reverse=True)[:count]]


def _changed(present: Sequence[str], clause: str, rng: random.Random) -> list[str]:
    """The clauses without the one that was there, or with the one that was not, at any place."""
    if clause in present:
        return [each for each in present if each != clause]
    place = rng.randint(0, len(present))
    return [*present[:place], clause, *present[place:]]


def _probability(usual: float, evidence: float) -> float:
    odds = usual / (1 - usual) * math.exp(max(-50.0, min(50.0, evidence / SCALE)))
    return odds / (1 + odds)


def reflect(shown: Shown, rng: random.Random) -> str:
    """Why answers may have been wrong: phrases that the instruction lacks, drawn at random."""
    lacking = [phrase for phrase in PHRASES if phrase not in clauses(shown.current)]
    named = rng.sample(lacking, min(len(lacking), rng.randint(1, 2)))
    return " ".join(f'Answers may be wrong because the instruction lacks "{phrase}"' for phrase in named)


def summarise(shown: Shown) -> str:
    """Which phrases stand in the better and which in the worse of the scored prompts, and what earlier notes said."""
    every = dict.fromkeys([*shown.hints, *(clause for text in shown.scores for clause in clauses(text))])
    ranked = sorted(((shown.evidence(clause), clause) for clause in every), reverse=True)
    better = [f'Instructions that say "{clause}" score higher.' for points, clause in ranked if points > 0]
    worse = [f'Instructions that say "{clause}" score lower.' for points, clause in ranked if points < 0]
    return " ".join([*better[:3], *worse[-3:]]) or "The scores tell no phrase from another."


def _hints(text: str) -> dict[str, float]:
    """The phrases that a text quotes, with what it says of them."""
    found: dict[str, float] = {}
    for sentence in re.split(r"(?<=lower\.)\s|(?<=higher\.)\s|\n", text):
        for phrase in _QUOTED.findall(sentence):
            found[phrase] = -HINT if "lower" in sentence else HINT
    return found


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return math.fsum(listed) / len(listed)
