"""A text in which one of some phrases is looked for, in the forms in which the rules look at it."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from gpo.scoring.reading import UNCLEAR, Found
from gpo.scoring.rules.sayings import leading, stated_by
from gpo.scoring.text import languages
from gpo.scoring.text.clauses import COURTESY, EXPLAINS, LONGEST, Sentence, sentences
from gpo.scoring.text.grades import graded, without_kinds
from gpo.scoring.text.mentions import said_in
from gpo.scoring.text.number_words import rated_in_digits, stars_in_digits
from gpo.scoring.text.numbers import plain_numbers
from gpo.scoring.text.phrases import LONGEST_LABEL, Phrases
from gpo.scoring.text.plain import plain_text, without_decoration
from gpo.scoring.text.roles import SaidOf
from gpo.scoring.text.statements import Worth, field_of, worth_of


class ChoiceText:
    """A text in which one of some phrases is looked for, in the forms in which the rules look at it."""

    def __init__(self, raw: str, phrases: Phrases, *, cut: bool = False, without: Collection[str] = ()) -> None:
        """Take a text without hidden reasoning; `cut`: the token limit ended it."""
        raw = plain_text(raw)
        if all(any(map(str.isalnum, form)) for form in phrases.forms):
            raw = without_decoration(raw)
        self.raw = stars_in_digits(raw) if phrases.numbers else raw
        self.phrases, self.cut, self.without = phrases, cut, without

    @cached_property
    def plain(self) -> str:
        """The text without Markdown and LaTeX."""
        text = _unmarked(self.raw, self.phrases)
        return "\n".join(_after_list(line, self.phrases) for line in text.splitlines())

    @cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank; of a long one, its beginning."""
        return [line.strip()[:LONGEST] for line in self.plain.splitlines() if line.strip()]

    @cached_property
    def begun(self) -> list[Sentence]:
        """All sentences, with the one in which the token limit cut the text."""
        return sentences(self.plain)

    @cached_property
    def sentences(self) -> list[Sentence]:
        """The whole sentences: of a cut text, the last one is none."""
        return self.begun[:-1] if self.cut else self.begun

    @cached_property
    def body(self) -> list[tuple[Sentence, list[SaidOf]]]:
        """What sentences say that are no question, refusal, courtesy, list of the options or explanation."""
        listed = _listed_lines(self.lines, self.phrases)
        found: list[tuple[Sentence, list[SaidOf]]] = []
        grades: list[str] = []
        for sentence in self.sentences:
            if found and EXPLAINS.match(sentence.text) and any(said.states for _, each in found for said in each):
                break
            if (
                sentence.asks
                or COURTESY.search(sentence.text)
                or _CHOICES.search(sentence.text)
                or sentence.line in listed
                or _refuses(sentence.text)
            ):
                continue
            if _SEQUENCE.match(sentence.text) or _is_aside(sentence.text, self.phrases):
                continue
            said = without_kinds(sentence.text, said_in(sentence.text, self.phrases), grades)
            grades.extend(graded(sentence.text, said))
            found.append((sentence, said))
        return found

    def part(self, raw: str) -> "ChoiceText":
        """A part of the text as a text of its own."""
        return ChoiceText(raw, self.phrases, cut=self.cut, without=self.without)

    def value(self, content: str) -> Found:
        """The phrase that a piece of text is, or states alone."""
        if self._may_be_negative(content):
            return UNCLEAR
        if whole := self.phrases.whole(content):
            return whole.meaning
        content = _unmarked(content, self.phrases)
        return stated_by(content, said_in(content, self.phrases))

    def leading(self, content: str) -> Found:
        """The phrase that a piece of text begins with and ends there, as in `No (see below)`."""
        if self._may_be_negative(content):
            return UNCLEAR
        if whole := self.phrases.whole(content):
            return whole.meaning
        content = OPENING_MARKS.sub("", _unmarked(content, self.phrases))
        return leading(content, said_in(content, self.phrases))

    def _may_be_negative(self, content: str) -> bool:
        """Whether a mark before a number is a sign or a dash, as in `- 1` where -1 is a label."""
        return any(value < 0 for value in self.phrases.numbers) and _DASH_OR_SIGN.match(content) is not None


_DASH_OR_SIGN = re.compile(r"\s*-\s+[0-9]")
_EMPHASIS = re.compile(r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<!\w)_{1,3}(?=\w)|(?<=\w)_{1,3}(?!\w)|`+|~~")

_MARKED_SUBJECT = re.compile(r"(?<=\b[A-Z])\.(?=\s(?:is|isn't|was|would|has|seems|looks)\b)")
_LATEX = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed)\s?\{([^{}]*)\}|\\[()\[\]]|\$(?=[^\s0-9])|(?<=[^\s0-9])\$"
)

_FENCE = re.compile(r"^[ \t]*`{3,}\w*[ \t]*$", re.MULTILINE)

OPENING_MARKS = re.compile(r"^[\s\"'\u201c\u2018#>*_-]+(?![0-9])|^[\s\"'\u201c\u2018#>*_]+")


def _unmarked(text: str, phrases: Phrases) -> str:
    text = _LATEX.sub(lambda match: match[1] or "", _FENCE.sub("", text))
    if not any(mark in form for form in phrases.forms for mark in "*`~"):
        text = _EMPHASIS.sub("", text)
    text = _MARKED_SUBJECT.sub("", text)
    return rated_in_digits(plain_numbers(_SCALE.sub("", text))) if phrases.numbers else text


_SCALE = re.compile(
    r"\b(?:on|using)\s+(?:a|the)\s+(?:[0-9]+-point\s+(?:\w+\s+)?scale|"
    r"(?:scale\s+)?(?:from\s+|of\s+)?-?[0-9]+\s*(?:-|to|\u2013|\.\.)\s*\+?[0-9]+(?:\s+scale)?)[,:]?",
    re.IGNORECASE,
)
"""The scale of a rating: the numbers in it are none."""


def _after_list(line: str, phrases: Phrases) -> str:
    """A line without the list of all phrases that it begins with, as in `yes/no: no`."""
    found = phrases.find(line[:LONGEST_LABEL])
    meanings = set(phrases.meanings)
    for count in range(2, len(found) + 1):
        if meanings <= {each.meaning for each in found[:count]}:
            before = without_phrases(line[: found[count - 1].end], phrases)
            after = re.match(r"[)\]\"']*\s*[:?\uff1a\uff1f]\s*(?=\S)", line[found[count - 1].end :])
            return (
                line[found[count - 1].end + after.end() :]
                if after and not re.search(r"[^\W\d]{4,}|[:.]", before)
                else line
            )
    return line


_CHOICES = re.compile(
    r"\b(?:please (?:let|provide|note|classify|choose|answer|respond)|choose (?:from|between|one)|(?:possible|"
    r"available|allowed) (?:labels|options|answers|choices)|"
    r"(?:options|labels|choices|categories|classes) (?:are|were|include)|one of the following)\b",
    re.IGNORECASE,
)
"""What names the labels that there are to choose from."""
_ADDRESSES = re.compile(f"{COURTESY.pattern}|{_CHOICES.pattern}", re.IGNORECASE)


_SEQUENCE = re.compile(r"\W*first\b[^.;]*,\s*then\b", re.IGNORECASE)
"""What came one after the other."""


def _is_aside(sentence: str, phrases: Phrases) -> bool:
    """Whether a sentence is a field such as `Evidence: ...`."""
    field = field_of(sentence)
    return (
        field is not None
        and len(field[0].split()) <= 4
        and worth_of(field[0]) is Worth.ASIDE
        and not phrases.find(field[0])
    )


_UNDECIDED = re.compile(r"\b(?:possibl[ey]|may|might|could|perhaps|maybe|whether|if|either)\b", re.IGNORECASE)


def _refuses(sentence: str) -> bool:
    """Whether a sentence leaves open what it names: `It is possible that it is true, but I cannot say`."""
    refusal = languages.REFUSES.search(sentence)
    return refusal is not None and _UNDECIDED.search(sentence) is not None


def numbered_heads(lines: Sequence[str], phrases: Phrases) -> Iterator[tuple[int, str]]:
    """The labels that begin lines, as in `A) Paris`, and the numbers of the lines."""
    for number, line in enumerate(lines):
        match = re.match(
            r"[\s>*+|\u2022-]*(?:option\s+)?[(\[]?(\w{1,12})(?:[)\]]|(?=\s*(?:[.:)|\u2013\u2014✓✔✅✗✘❌-]|is\b)))",
            line,
            re.IGNORECASE,
        )
        if match and (phrase := phrases.whole(match[1])) and len(match[1]) <= 2:
            yield number, phrase.meaning


def _listed_lines(lines: Sequence[str], phrases: Phrases) -> set[int]:
    """The lines that list the options in order, from the first of them on: what they name is not stated."""
    order = phrases.meanings
    heads = list(numbered_heads(lines, phrases))
    run: list[int] = []
    found: set[int] = set()
    for number, head in heads:
        if head == order[len(run) % len(order)] and (not run or number - run[-1] <= 2):
            run.append(number)
        else:
            run = [number] if head == order[0] else []
        if len(run) == len(order):
            found.update(run)
            run = []
    return found


def without_phrases(text: str, phrases: Phrases) -> str:
    """A text without the phrases that it names."""
    found = phrases.find(text)
    if not found:
        return text
    kept = [text[one.end : other.start] for one, other in pairwise(found)]
    return " ".join([text[: found[0].start], *kept, text[found[-1].end :]])
