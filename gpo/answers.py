r"""From what a task model writes to an answer that a metric can compare.

`parse_answer` reads a model's text, `canonical_reference` a dataset's reference; both give the same canonical form, so
that `1,000` is `1000` and `Yes` is `true` on both sides. Hidden reasoning in `<think>` tags is never read.

Models state their answer in many ways. In order of trust:

1. what follows the last "the answer is", "Answer:" or `\boxed{`;
2. for labels: a label that opens the text and ends there, as in "Yes, because there is no ball.";
3. for labels: the last line, when it holds one label;
4. the last label or number of the text.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable
from decimal import Context
from typing import NamedTuple

from gpo.spec import AnswerSpec

_STATED = re.compile(
    r"""\banswers?["'*_]{0,3}\ ?(?:(?:is|was|would\ be|should\ be|must\ be)\b|[:=])[\s:*_]*|\\boxed\{""",
    re.IGNORECASE | re.VERBOSE,
)
# GSM8K's mark, and not a Markdown heading such as "#### 1. Add the apples".
_HASHES = re.compile(r"####(?= ?[-+.$0-9])(?! ?[0-9]+[.:)] )")
_THINK = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_END_OF_THINK = re.compile(r"</think(?:ing)?>", re.IGNORECASE)

_NUMBER = re.compile(
    r"""(?<!\w)(?<![0-9]\.)                             # not inside a word or a version such as 1.2.3
    (?P<sign>[-+]?)[$\u20ac\u00a3\u00a5\u20b9]?(?P<minus>-?)
    (?P<digits>(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|(?<!\.)\.[0-9]+)(?:e[-+]?[0-9]+)?)
    (?:\ ?/\ ?(?P<divisor>[0-9]+(?:\.[0-9]+)?))?""",
    re.IGNORECASE | re.VERBOSE,
)
_POWER_OF_TEN = re.compile(r"(?<=[0-9]) ?[x*\u00d7] ?10 ?\^ ?[({]?([-+]?[0-9]+)[)}]?")
_SUM = re.compile(r"[-+*/().,$%x=\u00d7\u00f70-9\s]*=")
_NUMBER_NAMES = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_NUMBER_WORDS = {name: str(value) for value, name in enumerate(_NUMBER_NAMES)}
_NUMBER_WORD = re.compile(rf"(?<![\w-])({'|'.join(_NUMBER_WORDS)})(?![\w-])")
_PRECISION = Context(prec=28)

_TRUTHS = ("true", "yes", "valid", "plausible")
_FALSEHOODS = ("false", "no", "invalid", "implausible")
_BOOLEANS = {
    **dict.fromkeys(_TRUTHS, "true"),
    **dict.fromkeys(_FALSEHOODS, "false"),
    **dict.fromkeys((f"not {word}" for word in _TRUTHS), "false"),
    **dict.fromkeys((f"not {word}" for word in _FALSEHOODS), "true"),
}


def parse_answer(text: str, answer: AnswerSpec) -> str | None:
    """The answer that a task model's text holds, in canonical form; None when it holds none that can be read.

    `choice` gives a label as the spec spells it, `number` a plain decimal number, `boolean` `true` or `false`, `exact`
    one line, `free` the whole text without surrounding space. Takes time linear in the length of the text.

    >>> parse_answer("First, 6 / 2 = 3. So the answer is 1,003 apples.", AnswerSpec(kind="number"))
    '1003'
    >>> parse_answer("Answer: (b), because (A) is no city.", AnswerSpec(kind="choice", labels=("(A)", "(B)")))
    '(B)'
    """
    return _READERS[answer.kind](_without_reasoning(text).strip(), answer)


def canonical_reference(reference: str, answer: AnswerSpec) -> str | None:
    """A dataset's reference in the form that `parse_answer` gives; None when it is no answer of this kind.

    Only the reference as a whole is read, or what follows the last `####` of a number's worked solution.

    >>> canonical_reference("Yes", AnswerSpec(kind="boolean"))
    'true'
    """
    return _REFERENCES[answer.kind](reference.strip(), answer)


def _without_reasoning(text: str) -> str:
    *closed, last = _END_OF_THINK.split(text)
    # Some chat templates put the opening tag into the prompt: all that precedes a lone closing tag is reasoning.
    shown = [_THINK.split(part, maxsplit=1)[0] for part in closed if _THINK.search(part)]
    return "".join([*shown, _THINK.split(last, maxsplit=1)[0]])


def _stated(text: str, mark: re.Pattern[str] = _STATED) -> Iterable[str]:
    """The rest of the line after each mark, up to the next mark; the last one first."""
    for part in reversed(mark.split(text)[1:]):
        if line := _first_line(part):
            yield line


def _first_line(text: str) -> str | None:
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else None


class _Phrases(NamedTuple):
    """What to look for in a text, and what each phrase means. Patterns see one line, case-folded, singly spaced."""

    meanings: dict[str, str]
    listed: re.Pattern[str] | None
    """One-character labels as in `(A)` or `A)`; they go before the bare letters of running text."""
    bare: re.Pattern[str]
    opening: re.Pattern[str]

    def mentions(self, text: str) -> list[str]:
        """Meanings of the phrases of `text`, in order, with repetitions."""
        lines = [_plain(line) for line in text.splitlines()]
        for pattern in (self.listed, self.bare):
            if pattern and (found := [phrase for line in lines for phrase in pattern.findall(line)]):
                return [self.meanings[phrase] for phrase in found]
        return []


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


@functools.lru_cache(maxsize=64)
def _phrases(meanings: tuple[tuple[str, str], ...]) -> _Phrases:
    """Patterns for (phrase, meaning) pairs; the longest phrase wins where two begin at the same place."""
    phrases = sorted((phrase for phrase, _ in meanings), key=len, reverse=True)
    letters = "|".join(re.escape(phrase) for phrase in phrases if len(phrase) == 1)
    bare = "|".join(_bare_form(phrase) for phrase in phrases)
    opening = "|".join(re.escape(phrase) + (r"(?=\W*$)" if len(phrase) == 1 else "") for phrase in phrases)
    # Neither inside a word, also one with a hyphen or an apostrophe, nor inside a number.
    before, after = r"(?<!\w)(?<!\w[-'\u2019])(?<![0-9][.,])", r"(?!\w)(?![-'\u2019]\w)(?![.,][0-9])"
    return _Phrases(
        meanings=dict(meanings),
        listed=re.compile(rf"(?:^[*_]{{0,3}}|[(\[{{] ?)({letters}) ?[)\]}}]") if letters else None,
        bare=re.compile(f"{before}({bare}){after}"),
        opening=re.compile(rf"\W*({opening}){after}(?:\W*$|[*_\"')]{{0,3}}(?:[.;:!]|,(?! (?:or )?(?:{opening}))))"),
    )


def _bare_form(phrase: str) -> str:
    if len(phrase) > 1 or not phrase.isalpha():
        return re.escape(phrase)
    # Not a letter of an abbreviation such as "e.g." or "U.S.A.", and not the article "a" or the pronoun "I".
    form = rf"(?<!\b\w\.){re.escape(phrase)}(?!\.\w\b)"
    return form if phrase not in "ai" else rf"{form}(?! (?!(?:is|was|and|or|as|because|since)\b)\w)"


def _read_phrase(text: str, phrases: _Phrases) -> str | None:
    for part in _stated(text):
        if found := phrases.mentions(part):
            return found[0]
    found = phrases.mentions(text)
    if not found:
        return None
    lines = text.splitlines()
    if opening := phrases.opening.match(_plain(lines[0])):
        return phrases.meanings[opening[1]]
    of_last_line = phrases.mentions(lines[-1])
    return of_last_line[0] if len(set(of_last_line)) == 1 else found[-1]


def _choice(text: str, answer: AnswerSpec) -> str | None:
    whole = {label: _plain(label) for label in answer.labels}
    cores = {label: plain.strip("()[]{}<>.:'\" ") or plain for label, plain in whole.items()}
    # "(A)" is looked for as "a", unless two labels differ by nothing but their punctuation.
    forms = cores if len(set(cores.values())) == len(cores) else whole
    return _read_phrase(text, _phrases(tuple((form, label) for label, form in forms.items())))


def _boolean(text: str, _answer: AnswerSpec) -> str | None:
    return _read_phrase(text, _phrases(tuple(_BOOLEANS.items())))


def _number(text: str, _answer: AnswerSpec) -> str | None:
    text = _with_plain_signs(text)
    for mark in (_HASHES, _STATED):
        for part in _stated(text, mark):
            # "The answer is 3 + 4 = 7": the sum is no answer.
            total = _SUM.match(part)
            if found := _numbers(part[total.end() :] if total else part):
                return found[0]
    found = _numbers(text)
    return found[-1] if found else None


def _with_plain_signs(text: str) -> str:
    return _POWER_OF_TEN.sub(r"e\1", text.replace("\u2212", "-"))


def _numbers(text: str) -> list[str]:
    """The numbers of `text` in order. Words count only where there are no digits: "one" is seldom a number."""
    found = [number for match in _NUMBER.finditer(text) if (number := _decimal(match)) is not None]
    return found or [_NUMBER_WORDS[word] for word in _NUMBER_WORD.findall(text.casefold())]


def _decimal(match: re.Match[str]) -> str | None:
    """A number without separators, exponent and trailing zeros; None for what no float can hold, and for a/0."""
    digits, divisor = match["digits"].replace(",", ""), match["divisor"] or "1"
    size = float(digits)
    if not math.isfinite(size) or float(divisor) == 0:
        return None
    if size == 0:
        return "0"
    value = _PRECISION.divide(_PRECISION.create_decimal(digits), _PRECISION.create_decimal(divisor))
    sign = "-" if "-" in (match["sign"], match["minus"]) else ""
    return f"{sign}{value.normalize(_PRECISION):f}"


def _exact(text: str, _answer: AnswerSpec) -> str | None:
    before, *_ = _STATED.split(text, maxsplit=1)
    line = next(iter(_stated(text)), None) or _first_line(before)
    return line.strip(" *`") or None if line else None


def _free(text: str, _answer: AnswerSpec) -> str | None:
    return text or None


def _choice_reference(reference: str, answer: AnswerSpec) -> str | None:
    return next((label for label in answer.labels if _plain(label) == _plain(reference)), None)


def _boolean_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return _BOOLEANS.get(_plain(reference))


def _number_reference(reference: str, _answer: AnswerSpec) -> str | None:
    solution = _with_plain_signs(reference).rpartition("####")[2].strip()
    if match := _NUMBER.fullmatch(solution.rstrip(" %\u20ac")):
        return _decimal(match)
    return _NUMBER_WORDS.get(solution.casefold())


def _exact_reference(reference: str, _answer: AnswerSpec) -> str | None:
    # An answer of this kind is one line, so a reference of several could never be met.
    return reference if len(reference.splitlines()) == 1 else None


_Reader = Callable[[str, AnswerSpec], str | None]
_READERS: dict[str, _Reader] = {
    "choice": _choice,
    "number": _number,
    "boolean": _boolean,
    "exact": _exact,
    "free": _free,
}
_REFERENCES: dict[str, _Reader] = {
    "choice": _choice_reference,
    "number": _number_reference,
    "boolean": _boolean_reference,
    "exact": _exact_reference,
    "free": _free,
}
