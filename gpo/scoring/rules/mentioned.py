"""Weak rules for a choice: they go by what a text mentions, and not by what it states as its answer."""

import re
from collections.abc import Sequence

from gpo.scoring.reading import UNCLEAR, Found, agreed
from gpo.scoring.rules.choice_text import ChoiceText
from gpo.scoring.rules.sayings import agreed_by, states
from gpo.scoring.text import languages
from gpo.scoring.text.phrases import is_article
from gpo.scoring.text.roles import Role, SaidOf


def only(text: ChoiceText) -> Found:
    """The one phrase that the text asserts, wherever it does so."""
    if text.cut or (len(text.sentences) > 1 and any(languages.REFUSES.search(each.text) for each in text.sentences)):
        return None
    if any(_UNDECIDED.search(sentence.text) and not text.phrases.whole(sentence.text) for sentence, _ in text.body):
        return UNCLEAR
    stating = [(sentence, said) for sentence, said in text.body if states(said) and not _is_idle(sentence.text, said)]
    if stating and all(_MAY_BE.search(sentence.text) for sentence, _ in stating):
        return UNCLEAR
    found: list[Found] = [agreed_by(sentence.text, said) for sentence, said in stating]
    if UNCLEAR in found:
        return UNCLEAR
    return agreed([each for each in found if isinstance(each, str)])


_NAMED_SO = re.compile(r"\b(?:the|an?|grade|in|of)\s$", re.IGNORECASE)


def _is_idle(sentence: str, said: Sequence[SaidOf]) -> bool:
    """Whether all that a sentence names is a part of something else, as in `It is hard to say` or `The C language`."""
    refusal = languages.REFUSES.search(sentence)
    return all(
        (refusal is not None and refusal.start() <= each.start < refusal.end())
        or (
            each.end - each.start == 1
            and each.role is not Role.APPROVED
            and _NAMED_SO.search(sentence, 0, each.start) is not None
            and is_article(sentence, each.end)
        )
        for each in said
        if each.states
    )


_MAY_BE = re.compile(r"\b(?:could|might|may) be\b|(?<!can't )(?<!cannot )(?<!not )\bpossibly\b", re.IGNORECASE)
_UNDECIDED = re.compile(
    r"^\W*(?:unclear|uncertain|unknown|undetermined|undecided|it depends|depends|"
    r"not sure)\b(?! whether)(?!.*\b(?:but|so)\b)|\bis (?:ambiguous|unclear)\b",
    re.IGNORECASE,
)


def subject_of(text: ChoiceText) -> Found:
    """The only phrase that a text names, where its first sentence speaks of it: `Rome is the capital`."""
    named = [each for sentence in text.sentences for each in text.phrases.find(sentence.text)]
    if text.cut or len({each.meaning for each in named}) != 1 or text.sentences[0].asks:
        return None
    first = text.sentences[0].text
    for subject in text.phrases.find(first)[:1]:
        lead = first[: subject.start].strip(" \"'*").casefold()
        if lead in {"", "a", "an", "the"} and _IS_SO.match(first, subject.end):
            return subject.meaning
    return None


_IS_SO = re.compile(
    r"[\"']?\s+(?:is|was|are|were|has|have|had)\b(?!\s*(?:n['\u2019]t|not|never|no|wrong|incorrect|false|"
    r"a distractor)\b)",
    re.IGNORECASE,
)
