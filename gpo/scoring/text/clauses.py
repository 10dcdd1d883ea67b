"""Sentences, and which of them and of their parts say something: no reason, condition, aside, or step on the way."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gpo.scoring.text import languages
from gpo.scoring.text.phrases import Phrases

_ENDS = re.compile(
    r"""(?P<end>[.!?\u2026]+["'\u201d\u2019)\]*_]*(?=\s|$)|[\u3002\uff01\uff1f؟।]["\u201d」]?|[;\uff1b](?=\s|$))\s*""",
    re.VERBOSE,
)
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|etc|mr|mrs|ms|dr|st|no|approx|cf|resp|fig|eq|u\.s|u\.k)|\b[A-Z]\.[A-Z])$", re.IGNORECASE
)
_LIST_MARK = re.compile(r"\W{0,6}(?:[A-Za-z]|[0-9]{1,3})$")
_NUMBER_NEXT = re.compile(r"no\.?$", re.IGNORECASE)


LONGEST = 1200
"""Letters of a sentence; what is longer is none, and states nothing."""


EXPLAINS = re.compile(
    r"[\s#*(]*(?:explanation|reason(?:ing|s)?|rationale|note|evidence|justification|why|p\.?s\.?|"
    r"disclaimer|confidence|check|verification|here(?:'s| is) (?:why|how)|erklärung|"
    r"begründung|explication|explicación|理由|解释|解釋|説明)\b",
    re.IGNORECASE,
)
"""What begins an explanation after an answer."""

COURTESY = re.compile(
    r"\b(?:let me know|i hope (?:this|that|it)|hope (?:this|that) helps|feel free|happy to (?:help|"
    r"explain)|if you(?:'d| would| have| need| want)|do you want|as an ai\b(?!.*\b(?:but|however)\b))",
    re.IGNORECASE,
)
"""What is said to the user, and says nothing of the answer."""


class Sentence(NamedTuple):
    """A sentence, and the line that it stands on, of those that are not blank."""

    text: str
    line: int
    opens_line: bool

    @property
    def asks(self) -> bool:
        """Whether it is a question: it states nothing."""
        return languages.QUESTIONED.search(self.text) is not None


def sentences(text: str) -> list[Sentence]:
    r"""The sentences of plain text, in order; a semicolon ends one, an abbreviation such as "e.g." does not.

    What is longer than `LONGEST` is left out: every rule takes time linear in the length of a text.

    >>> [each.text for each in sentences("A is wrong; B, e.g. Rome, is right. Why?\nB")]
    ['A is wrong;', 'B, e.g. Rome, is right.', 'Why?', 'B']
    """
    lines = (line for line in text.splitlines() if line.strip())
    return [
        Sentence(part, number, opens_line=at == 0)
        for number, line in enumerate(lines)
        for at, part in enumerate(_parts(line.strip()))
        if len(part) <= LONGEST
    ]


def first_sentence(value: str) -> str:
    """The first sentence of what follows "the answer is": there `10.` and `B.` are no marks of a list.

    >>> first_sentence("B. A is wrong.")
    'B.'
    """
    return next(_parts(value.strip(), marks=False), "")


def _parts(line: str, *, marks: bool = True) -> Iterator[str]:
    begin = 0
    for match in _ENDS.finditer(line):
        if match["end"].startswith(".") and len(match["end"]) == 1 and _stays_open(line, begin, match, marks=marks):
            continue
        yield line[begin : match.end()].strip()
        begin = match.end()
    if rest := line[begin:].strip():
        yield rest


def _stays_open(line: str, begin: int, stop: re.Match[str], *, marks: bool) -> bool:
    """Whether a full stop belongs to an abbreviation, or to a mark of a list; "no." is one before a number."""
    before = line[max(begin, stop.start() - 12) : stop.start()]
    if marks and stop.start() - begin <= 8 and _LIST_MARK.fullmatch(before):
        return True
    if not _ABBREVIATED.search(before):
        return False
    return not _NUMBER_NEXT.search(before) or line[stop.end() : stop.end() + 1].isdigit()


class Clause(NamedTuple):
    """A part of a sentence. `turn` counts the "so" and "but" before it; an aside states nothing."""

    start: int
    end: int
    turn: int
    concludes: bool
    is_aside: bool


_BOUNDARY = re.compile(
    rf"""(?P<open>[(\uff08\[]) | (?P<close>[)\uff09\]])
    | (?P<so>{languages.SO.replace(" ", "[ ]")})
    | (?P<but>{languages.BUT.replace(" ", "[ ]")})
    | (?P<reason>{languages.REASON.replace(" ", "[ ]")})
    | (?P<comma>[,\uff0c\u3001،](?![0-9]))
    | (?P<dash>\s[-\u2013\u2014]{{1,2}}\s|\u2014|\u2013(?=\s)|\u2014\u2014|\s--\s?)
    | (?P<colon>[:\uff1a](?=\s|$|[^\x00-\x7f]))""",
    re.IGNORECASE | re.VERBOSE,
)
_LABEL_IN_BRACKETS = re.compile(r"[(\[\uff08]\s?[^()\[\]\s]{1,3}\s?[)\]\uff09]")


def clauses(sentence: str) -> list[Clause]:
    """The clauses of a sentence in order; together they cover it.

    >>> text = "Although it looks negative, the review is positive, because nothing is bad, so keep it"
    >>> [text[each.start : each.end].strip(" ,") for each in clauses(text) if not each.is_aside]
    ['the review is positive', '', 'so keep it']
    """
    splitter = _Splitter(sentence)
    for boundary in _BOUNDARY.finditer(sentence):
        splitter.take(boundary)
    splitter.close(len(sentence))
    return splitter.found


@dataclass
class _Splitter:
    """What is known of a sentence up to a place in it."""

    sentence: str
    found: list[Clause] = field(default_factory=list)
    begin: int = 0
    turn: int = 0
    depth: int = 0
    read_to: int = 0
    concludes: bool = False
    is_aside: bool = False
    opens: bool = False
    """The aside opened the sentence: then a comma ends it."""

    def take(self, boundary: re.Match[str]) -> None:
        at, kind = boundary.start(), boundary.lastgroup
        if at < self.read_to:
            return
        if kind == "open":
            self._open(at)
        elif kind == "close":
            if self.depth:
                self.close(boundary.end())
                self.depth -= 1
        elif not self.depth:
            self.close(at)
            self._turn(kind)

    def close(self, at: int) -> None:
        if at > self.begin:
            aside = self.is_aside or self.depth > 0
            self.found.append(Clause(self.begin, at, self.turn, self.concludes, aside))
            self.begin = at

    def _open(self, at: int) -> None:
        if label := _LABEL_IN_BRACKETS.match(self.sentence, at):
            self.read_to = label.end()
        else:
            self.close(at)
            self.depth += 1

    def _turn(self, kind: str | None) -> None:
        if kind in {"so", "but"}:
            self.turn += 1
            self.concludes, self.is_aside, self.opens = kind == "so", False, False
        elif kind == "reason":
            said = (each for each in self.found if not each.is_aside)
            self.opens = not any(self.sentence[each.start : each.end].strip(" ,:;.-") for each in said)
            self.is_aside = True
        elif kind in {"comma", "colon"} and self.opens:
            self.is_aside = self.opens = False


_NEXT_STEP = re.compile(rf"\W*(?:{languages.NEXT})", re.IGNORECASE)
_STEP_NUMBER = re.compile(r"\W*(?:(?:step|schritt|étape|paso|passo|шаг)\s*)?([0-9]{1,2})\s*[.):]", re.IGNORECASE)
_BEGINS_STEP = re.compile(
    r"(?:first|let|to |step|now |we |[0-9]|(?:the |this |its? |one |each )?(?:first|second|third|next|left|right|inner|"
    r"outer|other|premises?|brackets?|part|sub-?expression)\b|(?:die |der |das |la |le |el |il )?(?:erste|zweite|"
    r"première?|premier|seconde?|deuxième|primera?|segunda?|prima|prémisse|premisa|premessa|prämisse|voraussetzung)\b)",
    re.IGNORECASE,
)


def begins_a_step(sentence: str) -> bool:
    """Whether a sentence is one of several steps or parts: `First, ...`, `The first premise is ...`."""
    return _BEGINS_STEP.match(sentence) is not None


def is_on_the_way(sentence: Sentence, all_sentences: Sequence[Sentence]) -> bool:
    """Whether a text goes on to a further step after one of its sentences: `2. It gives True.` before `3. Next, ...`.

    A list that only begins after the sentence, with `1.`, is no further step: it gives reasons.
    """
    end = next(at for at, each in enumerate(all_sentences) if each is sentence) + 1
    before, following = all_sentences[:end], all_sentences[end:]
    if following and _NEXT_STEP.match(following[0].text):
        return True
    marks = (mark for each in following if each.opens_line and (mark := _STEP_NUMBER.match(each.text)))
    first = next(marks, None)
    return first is not None and int(first[1]) > 1 and any(_STEP_NUMBER.match(each.text) for each in before)


def heads_an_item(sentence: str, phrases: Phrases, concludes: re.Pattern[str]) -> bool:
    """Whether a label stands in the heading of a sentence, as in `(A) Core: This refers to ...`.

    Args:
        sentence: the sentence.
        phrases: the labels.
        concludes: what shows that the heading is a conclusion, as in `Overall, (A): ...`.
    """
    heading, colon, _ = sentence[:_LONGEST_HEADING].partition(":")
    return bool(colon and phrases.find(heading)) and not concludes.search(heading)


_LONGEST_HEADING = 60
"""Letters that a heading may have, with its colon."""
