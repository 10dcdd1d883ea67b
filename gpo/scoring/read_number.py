"""The number that a text states, as a plain decimal.

`RULES` are in order of trust; `gpo.scoring.text.numbers` says what is a number and what it is worth.
"""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import cached_property

from gpo.scoring.reading import UNCLEAR, Found, Rule, agreed, read_by
from gpo.scoring.text import languages, statements
from gpo.scoring.text.clauses import LONGEST, Sentence, clauses, first_sentence, sentences
from gpo.scoring.text.numbers import (
    Number,
    decimal_text,
    number_words,
    numbers_in,
    plain_numbers,
    single_number,
)
from gpo.scoring.text.plain import plain_text
from gpo.scoring.text.statements import Worth, field_of, worth_of


class Text:
    """A text in which a number is looked for."""

    def __init__(self, raw: str, *, cut: bool = False, without: Collection[str] = ()) -> None:
        """Take a text without hidden reasoning; `cut`: the token limit ended it."""
        self.raw, self.cut, self.without = plain_text(raw), cut, without

    @cached_property
    def plain(self) -> str:
        """The text without LaTeX and Markdown."""
        return _EMPHASIS.sub("", plain_numbers(self.raw))

    @cached_property
    def lines(self) -> list[str]:
        """Lines that are not blank; of a long one, its beginning."""
        return [line.strip()[:LONGEST] for line in self.plain.splitlines() if line.strip()]

    @cached_property
    def body(self) -> list[Sentence]:
        """The sentences that are no question, courtesy, confidence or explanation after a result."""
        found: list[Sentence] = []
        numbered = False
        for sentence in sentences(self.plain):
            if numbered and _EXPLAINS.match(sentence.text):
                break
            if sentence.asks or _COURTESY.search(sentence.text) or _is_aside(sentence.text):
                continue
            found.append(sentence)
            numbered = numbered or bool(numbers_in(_LIST_MARK.sub("", sentence.text)))
        return found

    def part(self, raw: str) -> "Text":
        """A part of the text as a text of its own."""
        return Text(raw, cut=self.cut, without=self.without)


_EMPHASIS = re.compile(r"\*\*|(?<!\w)__|__(?!\w)|`+|(?<!\w)\*(?=\S)(?![^*]*\s[*])|^[ \t]*#+\s", re.MULTILINE)
_LIST_MARK = re.compile(r"^\s*(?:[-*+\u2022>]\s+)?(?:\(?[0-9]{1,2}[.)]\s+(?=\D)|(?:step|case|day|part|question|problem|example|q|fig(?:ure)?|no\.?|item|option|chapter|section|round)\s?#?[0-9]+\s*[:.)\u2014-]?\s*)", re.IGNORECASE)
_EXPLAINS = re.compile(
    r"[\s#*(]*(?:explanation|reason(?:ing|s)?|rationale|note|evidence|justification|why|p\.?s\.?|disclaimer|confidence|check|verification|here(?:'s| is) (?:why|how)|erkl\u00e4rung|"
    r"begr\u00fcndung|explication|explicaci\u00f3n|\u7406\u7531|\u89e3\u91ca|\u89e3\u91cb|\u8aac\u660e)\b",
    re.IGNORECASE,
)
_COURTESY = re.compile(
    r"\b(?:let me know|i hope (?:this|that|it)|hope (?:this|that) helps|feel free|happy to (?:help|explain)|if you(?:'d| would| have| need| want)|do you want|as an ai\b)",
    re.IGNORECASE,
)


def _is_aside(sentence: str) -> bool:
    field = field_of(sentence)
    return field is not None and len(field[0].split()) <= 4 and worth_of(field[0]) is Worth.ASIDE and not re.match(r"(?:step\b|(?:question|problem|q|exercise|task|example)\s?#?[0-9])", field[0], re.IGNORECASE)


_RATING = re.compile(r"\b(?:rating|score|stars?|grade|rate|bewertung|note|puntuaci\u00f3n|voto|nota|\u8bc4\u5206|\u8a55\u4fa1)\b", re.IGNORECASE)
_OUT_OF = re.compile(r"(?<![\d/.])(?P<points>[0-9]+(?:\.[0-9]+)?)(?:\s?/\s?|\s+(?:\w+\s+)?out of\s+)[0-9]+(?![\d/.])")
_VAGUE = re.compile(
    r"(?:\b(?:between|from|(?:more|less|greater|fewer|higher|lower|larger|smaller|bigger) than|at (?:least|most)|up to|no (?:more|less|fewer) than|over|under|above|below|almost|nearly|"
    r"either|both|entre|zwischen|tra|mindestens|h\u00f6chstens)|[<>\u2264\u2265\u2260]|\\(?:geq?|leq?|neq?|pm))\s*=?\s*[$\u20ac\u00a3]?\s*$",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:\b(?:not|never|cannot be|rather than|instead of|unlike|nicht|pas|nunca|n\u00e3o)|n['\u2019]t(?: be)?)\s*[$\u20ac\u00a3]?\s*$", re.IGNORECASE)
_COMPARES = re.compile(r"\s*%?\s+(?:fewer|less|more|of (?:which|them)|short|higher|lower|ahead|behind|times)\b", re.IGNORECASE)
_JOINS = re.compile(
    r"\s*(?:%|[$\u20ac\u00a3]|[^\W\d_]{1,12}|(?:[^\W\d_]{1,12}\s){0,2}[^\W\d_]{1,12}(?=\s+(?:or|and|to)\s))?\s*(?:(?:,\s*)?(?:or|and)|to|und|oder|ou|et|o|y|e|bis|hasta|-|\u2013|\u00b1|\+/-|&|,|;|[x*\u00d7\u00f7/+\u00b7^]|of|out of)?\s*"
    r"(?:another\s|about\s|around\s|[-+$\u20ac\u00a3(])*$",
    re.IGNORECASE,
)
_EQUALS = re.compile(r"[=\u2248](?!=)|\b(?:equals|equal to|is equal to|makes|gives)\b")


def _worth(content: str, *, rating: bool = False, comma: bool = False) -> Found:
    """The number that a statement's value is: the first one of its first clause, or what its equation comes to."""
    content = re.sub(r"^-\s(?=[$\u20ac\u00a3]?[0-9.])", "-", content)
    if rating and (points := _OUT_OF.search(content)):
        return decimal_text(Decimal(points["points"]))
    if (number := single_number(content)) is not None and not comma:
        return decimal_text(number)
    main = _main(content)
    if _EQUALS.search(main):
        *_, last = _EQUALS.split(main)
        if _numbers(last, comma=comma):
            main = last
    found = _numbers(main, comma=comma)
    if not found:
        return None
    found = [each for each in found if not _DENIED.search(main[: each.start])] or found
    first = found[0]
    lead = main[: first.start]
    if _DENIED.search(lead):
        after = content.partition(main)[2]
        return _worth(after) if main in content and _numbers(after) else None
    if first.value is None or _VAGUE.search(lead) or (len(lead.split()) > 6 and len({each.value for each in found}) > 1):
        return UNCLEAR
    if len(found) > 1 and _JOINS.fullmatch(main[first.end : found[1].start]) and found[1].value != first.value and not _COMPARES.match(main, found[1].end):
        return UNCLEAR
    if re.match(r"\s?(?:\\?sqrt|\u221a|\\?pi\b|\u03c0|[x*\u00d7\u00f7/^+]\s?[\w(\\]|\\(?:cdot|sqrt|pi)|or\b|\()", main[first.end :]) and not re.match(r"\s?\(", main[first.end :]):
        return UNCLEAR
    return decimal_text(first.value)


def _numbers(text: str, *, comma: bool = False) -> list[Number]:
    """The numbers of a text; words count only where there are no digits."""
    return numbers_in(text, decimal_comma=comma) or number_words(text)


def _main(content: str) -> str:
    """What a statement says before its reason, or after its "so"."""
    parts = clauses(content)
    said = [each for each in parts if not each.is_aside and _numbers(content[each.start : each.end])]
    if not said:
        return content if not parts or not parts[0].is_aside else ""
    concluded = [each for each in said if each.concludes]
    chosen = concluded[-1] if concluded else said[0]
    together = [each for each in parts if not each.is_aside and each.turn == chosen.turn and each.start >= chosen.start]
    end = chosen.end
    for each in together:
        if each.start == end or each is chosen:
            end = each.end
    return content[chosen.start : end]


def _whole(text: Text) -> Found:
    number = single_number(text.raw)
    if number is not None:
        return decimal_text(number)
    found = numbers_in(text.plain.strip())
    if text.plain.startswith("- "):
        return UNCLEAR  # a mark of a list, or a sign
    if len(found) == 1 and _DENIED.search(text.plain.strip()[: found[0].start]):
        return UNCLEAR
    if len(found) == 1 and len(text.plain.split()) <= 3 and found[0].value is not None and not _VAGUE.search(text.plain.strip()[: found[0].start]) and not text.cut:
        return decimal_text(found[0].value)
    return None


def _json(text: Text) -> Found:
    return statements.in_json(text.raw, lambda content: _field_value(content))


def _field_value(content: str) -> Found:
    number = single_number(content)
    return _worth(plain_numbers(content)) if number is None else decimal_text(number)


def _hashes(text: Text) -> Found:
    """What follows the last `####`, as in the solutions of GSM8K."""
    for part in reversed(text.raw.split("####")[1:]):
        line = plain_numbers(part).strip().partition("\n")[0]
        if not _LIST_MARK.match(line) and (found := _worth(line)) is not None:
            return found
    return None


def _boxed(text: Text) -> Found:
    content = statements.boxed(text.raw)
    if content is None:
        return None
    return _worth(_EMPHASIS.sub("", plain_numbers(content))) or UNCLEAR


def _tagged(text: Text) -> Found:
    return statements.in_tags(text.raw, lambda content: _worth(plain_numbers(content)))


def _corrected(text: Text) -> Found:
    """What the text says after it took back what it had said."""
    for mark in list(_CORRECTION.finditer(text.plain))[: -_CORRECTIONS - 1 : -1]:
        head, tail = text.plain[: mark.start()], text.plain[mark.end() :]
        stated = read_by(RULES, text.part(head), {*text.without, "corrected"})
        if stated.answer is None or stated.weak:
            continue
        if not _numbers(tail):
            if _DOUBTS.match(mark[0]) and not _CONFIRMS.search(tail):
                return UNCLEAR
            continue
        tail = tail.lstrip(" ,.:!\u2026\u2014")
        return read_by(RULES, text.part(tail), {*text.without, "corrected"}).answer or UNCLEAR
    return None


_CORRECTIONS = 4
"""How many of the last ones are looked at."""
_CORRECTION = re.compile(languages.CORRECTS, re.IGNORECASE)
_DOUBTS = re.compile(r"wait|h(?:m)+|hold|hang|scratch|oops|correction|that|this|i |my |let|no,|\u7b49", re.IGNORECASE)
_CONFIRMS = re.compile(r"\b(?:yes|correct|right|still|stands|confirmed?|indeed|unchanged|as before|holds)\b", re.IGNORECASE)


def _answer(text: Text) -> Found:
    """What follows the last "the answer is" that says a number."""
    for statement in statements.stated(text.plain):
        first = first_sentence(statement.value)
        foreign = not re.search(r"\bans(?:wers?)?\b", text.plain[statement.start : statement.end], re.IGNORECASE)
        if not languages.QUESTIONED.search(first) and (found := _worth(first, comma=foreign)) is not None:
            return found
    return None


def _field(text: Text) -> Found:
    """What the last lines such as `Total: 42` say."""
    said: dict[Worth, list[Found]] = {}
    for sentence in sentences(text.plain):
        field = field_of(sentence.text)
        if not field or len(field[0].split()) > _LONGEST_NAME or (text.cut and worth_of(field[0]) is not Worth.FINAL):
            continue
        if (worth := worth_of(field[0])) in {Worth.ANSWER, Worth.FINAL} and not re.search("[0-9]", field[0]):
            rating = _RATING.search(field[0]) is not None
            said.setdefault(worth, []).append(_worth(field[1], rating=rating))
    for worth in (Worth.FINAL, Worth.ANSWER):
        if found := [each for each in said.get(worth, []) if each is not None]:
            return found[-1]
    return None


_LONGEST_NAME = 4
"""Words of a field's name; what is longer is working."""


def _opening(text: Text) -> Found:
    """A number that is the first line, or begins it and is followed by its explanation."""
    if not text.lines or text.cut and len(text.lines) < 2:
        return None
    line = text.lines[0]
    if (number := single_number(line)) is not None:
        return decimal_text(number)
    found = numbers_in(line)
    if not found or found[0].start > 0 or found[0].value is None:
        return None
    rest = line[found[0].end :]
    if _EXPLAINS.match(rest.lstrip(" .,:;-\u2013\u2014(")) or re.match(r"\s?(?:[.;:]|[\u2013\u2014]|-\s|\()?\s*(?:because|since|as)\b", rest):
        return decimal_text(found[0].value)
    if len(found) == 1 and len(text.lines) > 1 and len(rest.split()) <= 3 and not re.match(r"[.)]\s", rest):
        return decimal_text(found[0].value)
    return None


_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")


def _bold(text: Text) -> Found:
    """The number in bold of the last line, or the only one in bold."""
    if text.cut:
        return None
    lines = [line for line in text.raw.splitlines() if line.strip() and not _COURTESY.search(line)]
    for part in (lines[-1:], [line for line in lines if not _LIST_MARK.match(line)]):
        found = [number for line in part for bold in _BOLD.findall(line) if not bold.rstrip().endswith(":") for number in numbers_in(plain_numbers(bold))]
        values = {number.value for number in found}
        if len(values) == 1 and None not in values and not any(_LIST_MARK.match(bold) for line in part for bold in _BOLD.findall(line)):
            return decimal_text(found[0].value) if found[0].value is not None else None
    return None


_CONCLUDES = re.compile(
    rf"(?:{languages.SO})|\b(?:total|result|sum|final|altogether|overall|in all|in conclusion|ultimately|in the end|finally|answer|insgesamt|total de|en tout|en total)\b|\u603b\u5171|\u5171|\u5408\u8ba1|\u5408\u8a08",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|makes?|gives?|equals?|totals?|costs?|leaves?|have|has|had|needs?|takes?|gets?|got|earns?|earned|pays?|paid|spends?|spent|becomes|comes to|amounts? to|results? in|"
    r"adds? up to|left with|made|makes|sells?|sold|reads?|eats?|ate|saves?|weighs?|requires?|bought|lost|used|only|just|exactly|a total of|total of)\b|[=\u2248:]",
    re.IGNORECASE,
)
_ADJUNCT = re.compile(r"\b(?:for|in|per|at|from|within|during|each|every|on|over|after|before|by|with|than|out of|of|among|between|across|the|until|question|step|day|page|grade|room|year|chapter|number|no\.?|#|to\s+\w+)\s*[$\u20ac\u00a3]?$|#\s?$", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:as of|in|since|by|until|from|before|after|during)\s+(?:19|20)[0-9]{2}$", re.IGNORECASE)


_OR = re.compile(r"\b(?:or|oder|ou)\b")


def _of_sentence(sentence: str) -> Found:
    """The number that a sentence comes to."""
    sentence = _LIST_MARK.sub("", sentence)
    main = " ".join(sentence[each.start : each.end] for each in clauses(sentence) if not each.is_aside)
    if _OR.search(main) and len({each.value for each in numbers_in(main)}) > 1:
        return UNCLEAR
    if "=" in main:
        return _worth(main.rpartition("=")[2])
    found = [each for each in numbers_in(main) if not _DENIED.search(main[: each.start])]
    if not found or (len(found) == 1 and _YEAR.search(main[: found[0].end])):
        return None
    if len({each.value for each in found}) == 1:
        vague = found[0].value is None or _VAGUE.search(main[: found[0].start]) or (_ADJUNCT.search(main[: found[0].start]) and re.search(r"(?:#|question|step|day|page|grade|room|chapter|number|no\.?)\s*$", main[: found[0].start], re.IGNORECASE))
        return UNCLEAR if vague else decimal_text(found[0].value or Decimal(0))
    verbs = [match.end() for match in _VERB.finditer(main)]
    for verb in reversed(verbs):
        after = [each for each in found if each.start >= verb]
        if not after:
            continue
        first = after[0]
        others = [each for each in after[1:] if not (_ADJUNCT.search(main[: each.start]) or _COMPARES.match(main, each.end))]
        if others or first.value is None or _VAGUE.search(main[: first.start]) or _ADJUNCT.search(main[verb : first.start]):
            return UNCLEAR
        return decimal_text(first.value)
    return UNCLEAR


def _concluded(text: Text) -> Found:
    """What the last conclusion comes to: "so it is", "in total"."""
    return _last_of(text, [sentence for sentence in text.body if _CONCLUDES.search(sentence.text)])


_NUMBERED = re.compile(r"\s*\(?[0-9]{1,2}[.)]\s")


def _last(text: Text) -> Found:
    """What the last sentence with a number comes to, where it is one of the last two."""
    numbered = [
        sentence
        for sentence in text.body[-2:]
        if numbers_in(_LIST_MARK.sub("", sentence.text)) and not (_NUMBERED.match(sentence.text) and not _VERB.search(sentence.text))
    ]
    return _last_of(text, numbered)


def _last_of(text: Text, among: Sequence[Sentence]) -> Found:
    if text.cut:
        return None
    for sentence in reversed(among):
        if (found := _of_sentence(sentence.text)) is not None:
            return found
    return None


def _only(text: Text) -> Found:
    """The one number of the text."""
    if text.cut:
        return None
    sentences_ = [_LIST_MARK.sub("", sentence.text) for sentence in text.body]
    found = {
        number.value
        for sentence in sentences_
        for number in _numbers(sentence)
        if not (_YEAR.search(sentence[: number.end]) or _DENIED.search(sentence[: number.start]))
    }
    if len(found) != 1 or None in found:
        return None
    return agreed([decimal_text(value) for value in found if value is not None])


def whole_number(text: str) -> str | None:
    r"""The number that a reference is, but for its unit %, $ or €, or the one after the last `####`; None when it is none.

    >>> whole_number("3 + 4 = 7, so:\n#### 7"), whole_number("5 or 6")
    ('7', None)
    """
    number = single_number(text.rpartition("####")[2].strip())
    return None if number is None else decimal_text(number)


RULES: tuple[Rule[Text], ...] = (
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
