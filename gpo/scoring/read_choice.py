r"""Which of a few phrases a text states: labels, yes and no, or the texts of listed options.

In order of trust:

1. what follows the last "the answer is", "Answer:" or `\boxed{`;
2. a phrase that opens the text and ends there, as in "Yes, because there is no ball.";
3. a listed label that opens the text, as in "(B) Rome", when the lines below do not go on with "(C) Oslo";
4. what follows the last "the correct sentence is", "it refers to" or "I choose", or what "is correct";
5. the last line, when it holds one phrase;
6. the last phrase of the text.

Two phrases that are stated as equals, as in "(A) or (B)", state nothing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from gpo.scoring.stated import STATED, stated

_CONCLUDED = re.compile(
    r"""\b(?:correct|right|best|final|closest|likely|proper|appropriate|suitable|similar|accurate|sarcastic)
    (?:\ [\w'-]{1,20}){1,5}\ (?:is|was|are|would\ be|should\ be|must\ be|seems\ to\ be)\b[\ \t:*_]*
    | \brefer(?:s|red|ring)?\ to\b[\ \t:*_]*
    | \b(?:I|we)(?:'d|'ll|\ would|\ will)?\ (?:choose|pick|select|go\ with|opt\ for)\b[\ \t:*_]*""",
    re.IGNORECASE | re.VERBOSE,
)


_SAYS = re.compile(r"\W*(?:is|was|has|are|does|can|could|would|may|might|seems|says)\b")


class Phrases(NamedTuple):
    """What to look for in a text, and what each phrase means. Patterns see one line, case-folded, singly spaced."""

    meanings: Mapping[str, str]
    listed: re.Pattern[str] | None
    """One-character labels as in `(A)` or `A)`; they go before the bare letters of running text."""
    bare: re.Pattern[str]
    opening: re.Pattern[str]
    equals: re.Pattern[str]
    """Two phrases side by side, as in `(a) or (b)`."""
    approved: re.Pattern[str]
    """A phrase that is called right, as in `(a) is correct`."""
    declared: re.Pattern[str]
    """A first sentence that ends in a phrase, as in `the sentence is plausible.`, and is no first step."""

    def mentions(self, text: str) -> list[str]:
        """Meanings of the phrases of `text`, in order, with repetitions."""
        lines = [plain(line) for line in text.splitlines()]
        for pattern in (self.listed, self.bare):
            if pattern and (found := [phrase for line in lines for phrase in pattern.findall(line)]):
                return [self.meanings[phrase] for phrase in found]
        return []


def plain(text: str) -> str:
    """`text` case-folded and singly spaced."""
    return " ".join(text.casefold().split())


@lru_cache(maxsize=256)
def phrases_for(meanings: tuple[tuple[str, str], ...]) -> Phrases:
    """Patterns for (plain phrase, meaning) pairs; the longest phrase wins where two begin at the same place."""
    found = sorted((phrase for phrase, _ in meanings), key=len, reverse=True)
    letters = "|".join(re.escape(phrase) for phrase in found if len(phrase) == 1)
    bare = "|".join(_bare_form(phrase) for phrase in found)
    opening = "|".join(re.escape(phrase) + (r"(?=\W*$)" if len(phrase) == 1 else "") for phrase in found)
    either = "|".join(re.escape(phrase) for phrase in found)
    # Neither inside a word, also one with a hyphen or an apostrophe, nor inside a number; and not what is denied.
    before = (
        r"(?<!\w)(?<!\w[-'\u2019])(?<![0-9][.,])(?<!\bnot )(?<!n't )(?<!than )(?<!instead of )(?<!neither )(?<!\bnor )"
    )
    after = r"(?!\w)(?![-'\u2019]\w)(?![.,][0-9])"
    return Phrases(
        meanings=dict(meanings),
        listed=(
            re.compile(rf"(?<!\bnot )(?:^[*_]{{0,3}}|[(\[{{] ?[*_]{{0,3}})({letters})[*_]{{0,3}} ?[)\]}}]")
            if letters
            else None
        ),
        bare=re.compile(f"{before}({bare}){after}"),
        opening=re.compile(rf"\W*({opening}){after}(?:\W*$|[*_\"')]{{0,3}}(?:[.;:!]|,(?! (?:or )?(?:{opening}))))"),
        equals=re.compile(rf"\W*(?:both |either )?\W*({either})\W{{1,6}}(?:and|or|&)\W{{1,6}}({either}){after}"),
        approved=re.compile(rf"{before}({bare})[)\]*_]{{0,4}} is (?:the )?(?:correct|right|best|most)\b"),
        declared=re.compile(
            rf"(?!first|let|to |step|now |we |[0-9])[^.!?]* (?:is|are|was|were) [*_`]{{0,3}}({bare})[*_`]{{0,3}}"
            r"[.!](?: |$)"
        ),
    )


def _bare_form(phrase: str) -> str:
    if len(phrase) > 1 or not phrase.isalpha():
        return re.escape(phrase)
    # Not a letter of an abbreviation such as "e.g." or "U.S.A.", and not the article "a" or the pronoun "I".
    form = rf"(?<!\b\w\.){re.escape(phrase)}(?!\.\w\b)"
    return form if phrase not in "ai" else rf"{form}(?! (?!(?:is|was|and|or|as|because|since)\b)\w)"


def read_phrase(text: str, phrases: Phrases, *, cut: bool = False) -> str | None:
    """The meaning of the phrase that a text states; None when it states none, or two as equals.

    Of a text that was cut off, the end says nothing, and its first sentence may say it all.
    """
    return next(_in_order_of_trust(text, phrases, cut=cut), None)


def _in_order_of_trust(text: str, phrases: Phrases, *, cut: bool) -> Iterator[str | None]:
    yield from _marked(text, phrases, STATED)
    if not (found := phrases.mentions(text)):
        return
    lines = text.splitlines()
    first = plain(lines[0])
    if opening := phrases.opening.match(first):
        yield phrases.meanings[opening[1]]
    if heading := _heading(lines, phrases):
        yield heading
    yield from _marked(text, phrases, _CONCLUDED)
    if approved := phrases.approved.findall(plain(text)):
        yield phrases.meanings[approved[-1]]
    if cut:
        if declared := phrases.declared.match(first):
            yield phrases.meanings[declared[1]]
        return
    of_last_line = phrases.mentions(lines[-1])
    yield of_last_line[0] if len(set(of_last_line)) == 1 else found[-1]


def _marked(text: str, phrases: Phrases, mark: re.Pattern[str]) -> Iterator[str | None]:
    """The meaning of the phrase after each mark, the last one first; None for two that are stated as equals."""
    for part in stated(text, mark):
        if found := phrases.mentions(part):
            both = phrases.equals.match(plain(part))
            differ = both is not None and phrases.meanings[both[1]] != phrases.meanings[both[2]]
            yield None if differ else found[0]


def _heading(lines: Sequence[str], phrases: Phrases) -> str | None:
    """The listed label that opens the text, unless it opens a list of all, or a sentence about it."""
    if phrases.listed is None:
        return None
    heads = [head[1] for line in lines if (head := phrases.listed.match(plain(line)))]
    first = phrases.listed.match(plain(lines[0]))
    if not first or _SAYS.match(plain(lines[0]), first.end()) or len(set(phrases.mentions(lines[0]))) > 1:
        return None
    labels = list(phrases.meanings)
    following = labels.index(heads[0]) + 1
    goes_on = len(heads) > 1 and following < len(labels) and heads[1] == labels[following]
    return None if goes_on else phrases.meanings[heads[0]]
