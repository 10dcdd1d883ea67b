"""The number that a text states, as a plain decimal.

`RULES` are in order of trust; `gpo.scoring.text.numbers` says what is a number and what it is worth.
"""

import re
from collections.abc import Sequence

from gpo.scoring.reading import UNCLEAR, Found, Reading, Rule, agreed, read_by
from gpo.scoring.rules.corrections import corrected, marks_in
from gpo.scoring.rules.number_sentence import VERB, YEAR, are_rivals, of_sentence
from gpo.scoring.rules.number_value import (
    DENIED,
    EMPHASIS,
    LIST_MARK,
    RATING,
    VAGUE,
    NumberText,
    alone,
    amount,
    numbers_of,
)
from gpo.scoring.text import languages, statements
from gpo.scoring.text.clauses import COURTESY, EXPLAINS, Sentence, first_sentence, sentences
from gpo.scoring.text.numbers import decimal_text, numbers_in, plain_numbers, single_number
from gpo.scoring.text.statements import Worth, field_of, worth_of


def _whole(text: NumberText) -> Found:
    number = alone(text.raw)
    if number is not None:
        return decimal_text(number)
    plain = _ARROW.sub("", text.plain.strip())
    found = numbers_in(plain)
    if _DASH.match(plain) or (len(found) > 1 and _LISTS.fullmatch(plain)):
        return UNCLEAR  # a mark of a list, or a sign; several numbers
    if len(found) == 1 and (DENIED.search(lead := plain[: found[0].start]) or _CODE.fullmatch(lead)):
        return UNCLEAR
    if (
        len(found) == 1
        and len(plain.split()) <= 3
        and found[0].value is not None
        and not VAGUE.search(plain[: found[0].start])
        and not text.cut
    ):
        return decimal_text(found[0].value)
    return None


_ARROW = re.compile(r"^(?:[=-]>|\u2192|\u2234|=)\s*")
_DASH = re.compile(r"- [$€£]?[0-9.]|,[0-9]")
_CODE = re.compile(r"[A-Za-z][0-9]+\s")
_LISTS = re.compile(r"[-+0-9.]+(?:\s*[;,|&]\s*[-+0-9.]+)+")


def _json(text: NumberText) -> Found:
    return statements.in_json(text.raw, _field_value)


def _field_value(content: str) -> Found:
    number = single_number(content)
    return amount(plain_numbers(content)) if number is None else decimal_text(number)


def _hashes(text: NumberText) -> Found:
    """What follows the last `####`, as in the solutions of GSM8K."""
    for part in reversed(text.raw.split("####")[1:]):
        line = plain_numbers(part).strip().partition("\n")[0]
        if not LIST_MARK.match(line) and (found := amount(line)) is not None:
            return found
    return None


def _boxed(text: NumberText) -> Found:
    content = statements.boxed(text.raw, brackets=True)
    if content is None:
        return None
    if _NO_VALUE.search(content):
        return UNCLEAR
    return amount(EMPHASIS.sub("", plain_numbers(content))) or UNCLEAR


_NO_VALUE = re.compile(r"^\s*[0-9]+,[0-9]{1,2}\s*$|[0-9)]!$")
"""What a box may hold that is no one number: `2,3`, `4!`."""


def _tagged(text: NumberText) -> Found:
    return statements.in_tags(text.raw, lambda content: amount(plain_numbers(content)))


def _corrected(text: NumberText) -> Found:
    """What the text says after it took back what it had said."""

    def reading(part: str) -> Reading:
        return read_by(RULES, text.part(part), {*text.without, "corrected"})

    return corrected(
        text.plain,
        marks_in(text.plain, no_corrects=True),
        names=lambda part: bool(numbers_of(part)),
        reads=lambda part: (found := reading(part)).answer is not None and not found.weak,
        read=lambda part: reading(part).answer,
    )


def _answer(text: NumberText) -> Found:
    """What follows the last "the answer is" that says a number."""
    for statement in statements.stated(text.plain):
        first = first_sentence(statement.value)
        foreign = not re.search(r"\bans(?:wers?)?\b", text.plain[statement.start : statement.end], re.IGNORECASE)
        if not languages.QUESTIONED.search(first) and (found := amount(first, comma=foreign)) is not None:
            rival = single_number(statement.beside)
            return found if rival is None or decimal_text(rival) == found else UNCLEAR
    return None


def _field(text: NumberText) -> Found:
    """What the last lines such as `Total: 42` say."""
    said: dict[Worth, list[Found]] = {}
    for sentence in sentences(text.plain):
        field = field_of(sentence.text)
        if not field or len(field[0].split()) > _LONGEST_NAME or (text.cut and worth_of(field[0]) is not Worth.FINAL):
            continue
        if (worth := worth_of(field[0])) in {Worth.ANSWER, Worth.FINAL} and not re.search("[0-9]", field[0]):
            rating = RATING.search(field[0]) is not None
            said.setdefault(worth, []).append(amount(field[1], rating=rating))
    for worth in (Worth.FINAL, Worth.ANSWER):
        if found := [each for each in said.get(worth, []) if each is not None]:
            return found[-1]
    return None


_LONGEST_NAME = 4
"""Words of a field's name; what is longer is working."""


def _opening(text: NumberText) -> Found:
    """A number that is the first line, or begins it and is followed by its explanation."""
    if not text.lines or (text.cut and len(text.lines) < 2):
        return None
    line = text.lines[0]
    if (number := single_number(line)) is not None:
        return decimal_text(number)
    found = numbers_in(line)
    if not found or found[0].start > 0 or found[0].value is None:
        return None
    rest = line[found[0].end :]
    if EXPLAINS.match(rest.lstrip(" .,:;-\u2013\u2014(")) or _TELLS_WHY.match(rest):
        return decimal_text(found[0].value)
    if len(found) == 1 and len(text.lines) > 1 and len(rest.split()) <= 3 and not re.match(r"[.)]\s", rest):
        return decimal_text(found[0].value)
    return None


_TELLS_WHY = re.compile(
    r"\s[^\W\d_]{2,12}:\s|\s?(?:[^\W\d_]{2,12})?(?:[\u2013\u2014,(]|-\s)\s*(?:from|computed|calculated|obtained|"
    r"derived|based|down|up|i\.e\.|that is)\b|"
    r"\s+(?:in total|altogether)\s*[:=(]|\s*\[|\s+is\s+(?:right|correct|the (?:answer|sum|result|total))\b|"
    r"\s?(?:[.;:]|[\u2013\u2014]|-\s|\()?\s*(?:because|since|as|(?<=\. )(?:I|We|She|He|They|There))\b"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")


def _bold(text: NumberText) -> Found:
    """The number in bold of the last line, or the only one in bold."""
    if text.cut:
        return None
    lines = [line for line in text.raw.splitlines() if line.strip() and not COURTESY.search(line)]
    for part in (lines[-1:], [line for line in lines if not LIST_MARK.match(line)]):
        found = [
            number
            for line in part
            for bold in _BOLD.findall(line)
            if not bold.rstrip().endswith(":")
            for number in numbers_in(plain_numbers(bold))
        ]
        values = {number.value for number in found}
        if (
            len(values) == 1
            and None not in values
            and not any(LIST_MARK.match(bold) for line in part for bold in _BOLD.findall(line))
        ):
            return decimal_text(found[0].value) if found[0].value is not None else None
    return None


_CONCLUDES = re.compile(
    rf"(?:{languages.SO})|\b(?:total|result|sum|final|altogether|overall|in all|in conclusion|ultimately|"
    rf"in the end|finally|i (?:count|get|find)|answer|insgesamt|total de|en tout|en total)\b|总共|共|合计|合計",
    re.IGNORECASE,
)


def _concluded(text: NumberText) -> Found:
    """What the last conclusion comes to: "so it is", "in total"."""
    return _last_of(text, [sentence for sentence in text.body if _CONCLUDES.search(sentence.text)])


_NUMBERED = re.compile(r"\s*\(?(?:[0-9]{1,2}|[a-h])[.)]\s")


def _last(text: NumberText) -> Found:
    """What the last sentence with a number comes to, where it is one of the last two."""
    numbered = [
        sentence
        for sentence in text.body[-2:]
        if numbers_in(LIST_MARK.sub("", sentence.text))
        and not (_NUMBERED.match(sentence.text) and not VERB.search(sentence.text))
    ]
    return UNCLEAR if len(numbered) > 1 and are_rivals(numbered[0].text, numbered[1].text) else _last_of(text, numbered)


def _last_of(text: NumberText, among: Sequence[Sentence]) -> Found:
    if text.is_open:
        return None
    for sentence in reversed(among):
        if (found := of_sentence(sentence.text)) is not None:
            return found
    return None


def _only(text: NumberText) -> Found:
    """The one number of the text."""
    if text.is_open:
        return None
    plain = [LIST_MARK.sub("", sentence.text) for sentence in text.body]
    found = {
        number.value
        for sentence in plain
        for number in numbers_of(sentence)
        if not (YEAR.search(sentence[: number.end]) or DENIED.search(sentence[: number.start]))
    }
    if len(found) != 1 or None in found:
        return None
    return agreed([decimal_text(value) for value in found if value is not None])


RULES: tuple[Rule[NumberText], ...] = (
    Rule("json", _json),
    Rule("hashes", _hashes),
    Rule("boxed", _boxed),
    Rule("tag", _tagged),
    Rule("whole", _whole),
    Rule("corrected", _corrected),
    Rule("answer", _answer),
    Rule("field", _field),
    Rule("opening", _opening),
    Rule("bold", _bold),
    Rule("concluded", _concluded),
    Rule("last", _last, weak=True),
    Rule("only", _only, weak=True),
)
