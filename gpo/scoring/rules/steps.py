"""Sentences of a cut text that are a step on the way, or an item of a list, and no conclusion."""

import re
from collections.abc import Sequence

from gpo.scoring.text import languages
from gpo.scoring.text.clauses import Sentence
from gpo.scoring.text.phrases import Phrases

_NEXT = re.compile(rf"\W*(?:{languages.NEXT})", re.IGNORECASE)
_NUMBERED = re.compile(r"\W*(?:(?:step|schritt|étape|paso|passo|шаг)\s*)?([0-9]{1,2})\s*[.):]", re.IGNORECASE)
_BEGINS = re.compile(
    r"(?:first|let|to |step|now |we |[0-9]|(?:the |this |its? |one |each )?(?:first|second|third|next|left|right|inner|"
    r"outer|other|premises?|brackets?|part|sub-?expression)\b|(?:die |der |das |la |le |el |il )?(?:erste|zweite|"
    r"première?|premier|seconde?|deuxième|primera?|segunda?|prima|prémisse|premisa|premessa|prämisse|voraussetzung)\b)",
    re.IGNORECASE,
)


def begins_a_step(sentence: str) -> bool:
    """Whether a sentence is one of several steps or parts: `First, ...`, `The first premise is ...`."""
    return _BEGINS.match(sentence) is not None


def is_on_the_way(sentence: Sentence, all_sentences: Sequence[Sentence]) -> bool:
    """Whether a text goes on to a further step after one of its sentences: `2. It gives True.` before `3. Next, ...`.

    A list that only begins after the sentence, with `1.`, is no further step: it gives reasons.
    """
    end = next(at for at, each in enumerate(all_sentences) if each is sentence) + 1
    before, following = all_sentences[:end], all_sentences[end:]
    if following and _NEXT.match(following[0].text):
        return True
    marks = (mark for each in following if each.opens_line and (mark := _NUMBERED.match(each.text)))
    first = next(marks, None)
    return first is not None and int(first[1]) > 1 and any(_NUMBERED.match(each.text) for each in before)


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
