"""The phrases that a text may name - labels, yes and no, the texts of options - and where a sentence names them."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from gpo.scoring.text.numbers import numbers_in, single_number
from gpo.scoring.text.plain import fold, plain_text

_NO_SPACES = "\u0e00-\u0effက-႟ក-\u17ff\u3040-ヿ㐀-鿿가-\ud7af豈-\ufaff"
LETTER = rf"[^\W{_NO_SPACES}]"
"""A letter, digit or _ of a script that puts spaces between words."""


LONGEST_LABEL = 300
"""Letters of a text that may be a label."""


class Phrase(NamedTuple):
    """What a phrase means, and what it means when it is denied; a `particle` such as "yes" is no part of a sentence."""

    meaning: str
    opposite: str | None = None
    is_particle: bool = False


class Mention(NamedTuple):
    """A phrase in a sentence; `meaning` is None for a number that is no label where labels are numbers."""

    start: int
    end: int
    meaning: str | None
    phrase: Phrase


class Phrases:
    """Phrases by their folded forms, the longest first where two begin at the same place."""

    def __init__(self, forms: Mapping[str, Phrase], numbers: Mapping[Decimal, Phrase] | None = None) -> None:
        """Take the phrases; where `numbers` are given, the phrases are numbers and found by their value."""
        self.forms = dict(forms)
        self.numbers = dict(numbers) if numbers else {}
        is_rating = bool(self.numbers) and all(value == value.to_integral_value() for value in self.numbers)
        self.scale = max(self.numbers) if is_rating and max(self.numbers) > 1 else None
        self.letters = {form for form in self.forms if len(form) == 1 and form.isalpha() and form.isascii()}
        longest = sorted(self.forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_spaced, longest)) or r"(?!)")

    @property
    def meanings(self) -> list[str]:
        """All meanings, in order."""
        return list(dict.fromkeys(phrase.meaning for phrase in (*self.forms.values(), *self.numbers.values())))

    def whole(self, text: str) -> Phrase | None:
        """The phrase that `text` is, but for marks around it and a full stop.

        >>> phrases_of(("C", "C++")).whole("**C++.**").meaning
        'C++'
        """
        if len(text) > LONGEST_LABEL:
            return None
        for form in _stripped_forms(text):
            if found := self.forms.get(form) or self.forms.get(re.sub(r"[\s_-]+", " ", form)):
                return found
        if not self.numbers:
            return None
        if "/" in text and self.scale is not None:
            # Of labels 1 to 5, `5/5` is 5.
            bare = text.strip(_AROUND + _TAIL + "()[]{}<>")
            rated = numbers_in(bare, scale=self.scale)
            is_all = len(rated) == 1 and (rated[0].start, rated[0].end) == (0, len(bare))
            return self.numbers.get(rated[0].value or Decimal("NaN")) if is_all else None
        number = single_number(text.rstrip(_TAIL + " "))
        return None if number is None else self.numbers.get(number)

    def find(self, sentence: str) -> list[Mention]:
        """The phrases that a sentence of plain text names, in order."""
        found = self._numbered(sentence) if self.numbers else []
        taken = {at for each in found for at in range(each.start, each.end)}
        found += [each for each in self._named(sentence) if each.start not in taken]
        return sorted(found, key=lambda mention: (mention.start, -mention.end))

    def _named(self, sentence: str) -> list[Mention]:
        folded, places = _folded(sentence)
        found = []
        at = 0
        while (match := self._pattern.search(folded, at)) is not None:
            start, end = match.span()
            if end > start and self._stands_alone(sentence, folded, start, end, places):
                phrase = self.forms[re.sub(r"[\s_-]+", " ", match[0]) if match[0] not in self.forms else match[0]]
                found.append(Mention(places[start], places[end - 1] + 1, phrase.meaning, phrase))
                at = end
            else:
                at = start + 1
        return found

    def _numbered(self, sentence: str) -> list[Mention]:
        if not self.numbers:
            return []
        nothing = Phrase("")
        return [
            Mention(number.start, number.end, phrase.meaning if phrase else None, phrase or nothing)
            for number in numbers_in(sentence, scale=self.scale)
            for phrase in (None if number.value is None else self.numbers.get(number.value),)
        ]

    def _stands_alone(self, sentence: str, folded: str, start: int, end: int, places: Sequence[int]) -> bool:
        before, after = folded[max(0, start - 3) : start], folded[end : end + 3]
        first, last = folded[start], folded[end - 1]
        if _is_word(first) and re.search(rf"(?:{LETTER}|{LETTER}[-'\u2019&.]|[0-9][.,]|[<>≤≥~])$", before):
            return False
        if _is_word(last) and re.match(rf"{LETTER}|[-'\u2019&]{LETTER}|\.[0-9]|[+#]+(?!{LETTER})", after):
            return False
        if not _is_word(first) and before[-1:] == first and first not in "([{":
            return False
        if not _is_word(last) and after[:1] == last and last not in ")]}":
            return False
        if folded[start:end] in self.letters:
            return folded[max(0, start - 2) : end] != "n/a" and _is_label_letter(sentence, places[start])
        idiom = _IDIOMS.get(folded[start:end])
        return idiom is None or not any(
            each.start() <= start < each.end() for each in idiom.finditer(folded, max(0, start - 12), end + 12)
        )


_IDIOMS = {
    "other": re.compile(r"\b(?:each|no|every|any)\s+other\b|\bother\s+(?:hand|words?|than|side)\b"),
    "go": re.compile(r"\bgo\s+(?:with|for|ahead|on|to|back|through)\b"),
    "bad": re.compile(r"\btoo\s+bad,"),
}
"""Words that are no label where they stand in such phrases."""
_NAMED_BY_LETTER = re.compile(
    r"\b(?:vitamins?|plan|hepatitis|section|appendix|fig(?:ure)?\.?|table|exhibit|schedule|gate|room)\s+$",
    re.IGNORECASE,
)
"""What a letter after it is a part of: `vitamin C`."""
_NEAR = 40
_ARTICLE = re.compile(
    r"\s+(?!(?:is|was|and|or|as|because|since|would|cannot|isn't|but|over|are|seems|has|to|for|with|both|"
    r"were|if|not|it|nor|than|does|do|can|could|should|might|may|will|must|fits|works|fails|matches|beats|remains|wins|"
    r"holds|looks|appears|makes|gives|says|means|had|contradicts|describes|follows|applies|ignores|instead|rather|"
    r"too|also|from|at|in|on|of|under|by|per|when|where|without|within|ni|noch|und|oder|et|ou|ist|est|nicht|pas|then|while|though|although|however|so|against|before|after)\b)[a-z]"
)


def _is_label_letter(sentence: str, at: int) -> bool:
    """Whether a single letter stands for a label there: `B`, `(b)`, `option b`, not the article `a` or `I`."""
    before, after = sentence[max(0, at - _NEAR) : at], sentence[at + 1 : at + _NEAR]
    if re.search(r"[(\[{]\s?$", before) and re.match(r"\s?[)\]}]", after):
        return True
    if not before.strip(" -*\"'") and at < _NEAR and _OPENS.match(after):
        return True
    if re.search(r"\b(?:options?|choices?|answers?|labels?|class|category|statement)\s+$", before, re.IGNORECASE):
        return not _ARTICLE.match(after) or sentence[at].isupper()
    if not sentence[at].isupper() or _NAMED_BY_LETTER.search(before):
        return False
    if re.match(r"\.\w\b|['\u2019]", after) or re.search(r"\b\w\.$", before):
        return False
    return not (sentence[at] in "AI" and _ARTICLE.match(after))


_OPENS = re.compile(r"\s?\)|\s+is\s+(?:the\s+)?(?:correct|right|best|answer)\b")


def is_article(sentence: str, end: int) -> bool:
    """Whether a word follows that stands after an article, and not after a label: `a cat`, `C language`."""
    is_word = _ARTICLE.match(sentence, end) is not None and not re.match(
        r"\s+(?:option|choice|answer)\b", sentence[end:]
    )
    return sentence[end - 1].isupper() and is_word


def _is_word(letter: str) -> bool:
    return re.match(LETTER, letter) is not None


def _folded(sentence: str) -> tuple[str, Sequence[int]]:
    """The sentence case-folded, and for each letter of it the place that it has in the sentence."""
    folded = sentence.casefold()
    if len(folded) == len(sentence):
        return folded, range(len(sentence))
    places = [place for place, letter in enumerate(sentence) for _ in letter.casefold()]
    return folded, places


def _spaced(form: str) -> str:
    """A form as a pattern: a space of it may be a hyphen, an underscore or several."""
    return r"[\s_-]{1,3}".join(map(re.escape, form.split(" ")))


_AROUND = "*_`\"'\u201c\u201d\u2018\u2019「」$ "
_TAIL = ".!,;:\u3002\uff0c\uff01"


def _stripped_forms(text: str) -> list[str]:
    """The text in forms that may be a label, the nearest one first."""
    form = fold(text)
    marks = _AROUND + _TAIL
    forms = (form, form.lstrip("#> "), form.rstrip(_TAIL + " "), form.strip(marks), form.strip("()[]{}<>" + marks))
    return [each for each in dict.fromkeys(forms) if each]


_CORE = "()[]{}.:'\" "


@lru_cache(maxsize=256)
def phrases_of(labels: tuple[str, ...]) -> Phrases:
    """The phrases that stand for labels.

    `(A)` is looked for as `a`, a label such as `not spam` also as `non-spam`; labels that are numbers by their value.
    """
    whole = {label: fold(plain_text(label)) for label in labels}
    cores = {label: form.strip(_CORE) or form for label, form in whole.items()}
    if len(set(cores.values())) < len(cores):
        cores = whole
    opposites = _opposites(cores)
    values = {label: single_number(label) for label in labels}
    if all(value is not None for value in values.values()) and len(set(values.values())) == len(values):
        exact = {form: Phrase(label) for label, form in whole.items() if not re.search(r"[0-9]", form)}
        return Phrases(exact, {value: Phrase(label) for label, value in values.items() if value is not None})
    forms: dict[str, Phrase] = {}
    for label, form in cores.items():
        phrase = Phrase(label, opposites.get(label), form in PARTICLES)
        forms[form] = phrase
        spaced = re.sub(r"[\s_-]+", " ", form)
        forms.setdefault(spaced, phrase)
        forms.setdefault(re.sub(r"([a-z])([A-Z0-9])", r"\1 \2", label.strip(_CORE)).casefold(), phrase)
        forms.setdefault(re.sub(r"(?<=\w\w)/(?=\w\w)", " ", form), phrase)
        if denied := re.fullmatch(r"(?:not|non)[ _-]?(.+)", spaced):
            for other in (f"not {denied[1]}", f"non {denied[1]}", f"non{denied[1]}", f"not{denied[1]}"):
                if other not in cores.values():
                    forms.setdefault(other, phrase)
    if {"yes", "no"} <= forms.keys():
        forms = {word: forms[meaning] for word, meaning in _YES_AND_NO.items()} | forms
    return Phrases(forms, _numbered_labels(labels, cores))


_YES_AND_NO = {"yep": "yes", "yeah": "yes", "yup": "yes", "nope": "no", "nah": "no"}


def _numbered_labels(labels: Sequence[str], cores: Mapping[str, str]) -> dict[Decimal, Phrase]:
    """Labels such as `1 star` and `2 stars` by their number."""
    parts = {label: re.fullmatch(r"([-+]?[0-9]+)[ -]?([a-z]{2,12}?)s?", form) for label, form in cores.items()}
    if not all(parts.values()) or len({match[2] for match in parts.values() if match}) != 1:
        return {}
    found = {Decimal(match[1]): Phrase(label) for label, match in parts.items() if match}
    return found if len(found) == len(labels) else {}


def _opposites(cores: Mapping[str, str]) -> dict[str, str]:
    """Which label another one is the denial of: `invalid` of `valid`, `not spam` of `spam`."""
    by_form = {form: label for label, form in cores.items()}
    found = {}
    for form, label in by_form.items():
        denials = [
            f"{sign}{form}"
            for sign in ("not ", "not_", "not-", "non-", "non", "non ", "no ", "un", "in", "im", "il", "ir", "dis")
        ]
        for denial in (*denials, *_ANTONYMS.get(form, ())):
            if denial in by_form:
                found[label] = by_form[denial]
                # "Not invalid" is valid only where there is nothing else.
                if len(cores) == 2:
                    found[by_form[denial]] = label
    return found


_ANTONYMS = {
    "true": ("false",), "correct": ("incorrect", "wrong"), "right": ("wrong",), "真": ("假",), "wahr": ("falsch",),
    "vrai": ("faux",), "verdadero": ("falso",), "vero": ("falso",), "possible": ("impossible",),
}  # fmt: skip

PARTICLES = frozenset({
    "yes", "no", "yeah", "yep", "nope", "ja", "nein", "doch", "oui", "non", "si", "sí", "sì", "sim", "não", "nee",
    "nej",
    "tak", "nie", "evet", "hayır", "ya", "tidak", "có", "không", "да", "нет", "так", "ні",
    "ναι", "όχι", "نعم", "لا", "हाँ", "हां", "नहीं",
    "כן", "לא", "kyllä", "ei", "ano", "ne", "da", "nu", "igen", "nem", "jo",
})  # fmt: skip
"""Words for yes and no: an answer only where they stand by themselves."""
