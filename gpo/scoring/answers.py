r"""From what a task model writes to an answer that a metric can compare.

`read_answer` reads a model's text, `canonical_reference` a dataset's reference; both give the same canonical form, so
that `1,000` is `1000` and `Yes` is `true` on both sides. Hidden reasoning is never read.

Models state their answer in many ways. Each kind has its rules, in order of trust, in `gpo.scoring.rules`, `read_list`,
`read_labels` and `read_json`. What states no one answer is unread.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from gpo.scoring import read_json, read_labels, read_list
from gpo.scoring.hidden_reasoning import turn_of
from gpo.scoring.reading import UNCLEAR, BoundRule, Found, Reading, bind, first_reading
from gpo.scoring.rules import choice, labels, line, number_value, place
from gpo.scoring.rules import number as numbers
from gpo.scoring.rules.boolean import booleans, whole_booleans
from gpo.scoring.rules.choice_text import ChoiceText
from gpo.scoring.rules.corrections import without_wrong
from gpo.scoring.rules.mentioned import subject_of
from gpo.scoring.spec import AnswerSpec
from gpo.scoring.text.numbers import single_number
from gpo.scoring.text.ordinals import names_one_place, places_of
from gpo.scoring.text.phrases import Phrase, Phrases, phrases_of
from gpo.scoring.text.plain import composed, fold, plain_text


def read_answer(
    text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False, without: Collection[str] = ()
) -> Reading:
    r"""The answer that a task model's text states, in canonical form, and the rule that made it.

    `choice` gives a label as the spec spells it, `labels` a JSON array of them in the spec's order, `number` a plain
    decimal number, `boolean` `true` or `false`, `list` the items joined by spaces or commas, `json` an object or array
    with sorted keys, `exact` one line, `free` the whole text without surrounding space. Takes time linear in the
    length of the text.

    Args:
        text: what the model wrote.
        answer: how an answer looks, and where it is.
        question: where it lists options on lines such as `(A) Paris`, a text that names an option but no label gives
            that option's label.
        cut: whether the token limit ended the text; then only what it states counts, and its last words do not.
        without: names of rules to leave out.

    >>> read_answer("First, 6 / 2 = 3. So the answer is 1,003 apples.", AnswerSpec(kind="number"))
    Reading(answer='1003', rule='answer', weak=False)
    >>> cities = AnswerSpec(kind="choice", labels=("(A)", "(B)"))
    >>> read_answer("Answer: (b), because (A) is no city.", cities).answer
    '(B)'
    >>> read_answer("It is Rome.", cities, question="Which?\n(A) Paris\n(B) Rome")
    Reading(answer='(B)', rule='option', weak=False)
    >>> read_answer("It is (A) or (B).", cities)
    Reading(answer=None, rule='', weak=False)
    """
    return first_reading(_rules(text, answer, question, cut=cut, without=without), without)


def rule_by_rule(
    text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False
) -> list[tuple[str, Reading | None]]:
    """What each rule of the kind alone makes of a text, by its name and in order; None where it does not apply."""
    return [(rule.name, rule.reading()) for rule in _rules(text, answer, question, cut=cut, without=())]


def _rules(text: str, answer: AnswerSpec, question: str, *, cut: bool, without: Collection[str]) -> Iterable[BoundRule]:
    text = turn_of(text)
    if answer.where is None:
        text = without_wrong(text, question) if answer.kind in _ONE_ANSWER else text
        read = _READERS[answer.kind]
        if answer.kind not in _MANY_TURNS or (begins := _NEXT_QUESTION.search(text)) is None:
            return read(_Given(text, answer, question, cut, without))
        rules = list(read(_Given(text, answer, question, cut, without)))
        before = list(read(_Given(text[: begins.start()], answer, question, cut=False, without=without)))
        is_sure = _HEADING.search(begins[0]) is None
        return [BoundRule("first question", lambda: _before_next(before, rules, without, is_sure=is_sure)), *rules]
    found = place.part_of(text, answer.where, of_lines=answer.kind in _OF_LINES)
    if found is None:
        return []
    rules = list(_READERS[answer.kind](_Given(found.strip(), answer, "", cut=False, without=without)))
    return [BoundRule("where", lambda: first_reading(rules, without).answer or UNCLEAR)]


def parse_answer(text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False) -> str | None:
    """The answer of `read_answer` alone; None where the text states none, or cannot be read."""
    return read_answer(text, answer, question, cut=cut).answer


def canonical_reference(reference: str, answer: AnswerSpec) -> str | None:
    """A dataset's reference in the form that `read_answer` gives; None when it is no answer of this kind.

    Only the reference as a whole is read, or what follows the last `####` of a number's worked solution.

    >>> canonical_reference("Yes", AnswerSpec(kind="boolean"))
    'true'
    """
    return _REFERENCES[answer.kind](reference.strip(), answer)


def _options(question: str, names: tuple[str, ...]) -> Phrases | None:
    """The texts of the options that a question lists; None when it lists none, or two with the same text."""
    texts: dict[str, Phrase] = {}
    of_core = {label.strip("()[]{}.: ").casefold(): label for label in names}
    for option in question.splitlines():
        found = _OPTION.match(option)
        label = of_core.get((found["name"] or found["bare"]).strip().casefold()) if found else None
        if found and label and (form := fold(plain_text(found["text"])).strip("\"'.,;: ")):
            if form in texts:
                return None
            texts[form] = Phrase(label)
    if len(texts) < 2:
        return None
    bare = {form: _LEADING_ARTICLE.sub("", form) for form in texts}
    if len(set(bare.values())) == len(bare):
        texts |= {bare[form]: phrase for form, phrase in texts.items()}
    amounts = {form: single_number(form) for form in texts}
    values: dict[Decimal, Phrase] = {value: texts[form] for form, value in amounts.items() if value is not None}
    return Phrases({}, values) if len(values) == len(texts) else Phrases(texts)


_OPTION = re.compile(
    r"[\s*-]*(?:[(\[{]?\s?(?P<name>[^()\[\]{}.:]{1,40}?)\s?[.:)\]}]+\s*|(?P<bare>\w{1,2})\s+)(?P<text>\S.*)$"
)
_LEADING_ARTICLE = re.compile(r"^(?:an?|the)\s+(?=\w)")


_OF_LINES = frozenset({"list", "labels"})
"""Kinds whose answers may take several lines."""

_ONE_ANSWER = frozenset({"choice", "number", "boolean"})

_MANY_TURNS = frozenset({"choice", "labels", "number", "boolean", "list", "exact"})
_NEXT_QUESTION = re.compile(
    r"\n[ \t#*]{0,8}(?:question|q|input|problem|human|user|instruction|review|text|passage|sentence|"
    r"premise|example|"
    r"exercise|task|frage|pregunta|\u95ee\u9898|\u554f\u984c)\s*[0-9]*\s*[*_]*[:\uff1a]",
    re.IGNORECASE,
)
"""Where a model that only continues texts goes on to a next question of its own."""


_HEADING = re.compile(r"review|text|passage|sentence|premise|example", re.IGNORECASE)
"""What may begin a next question, and as well a part of the answer: `Text: bad ending`."""


def _before_next(
    before: Sequence[BoundRule], whole: Sequence[BoundRule], without: Collection[str], *, is_sure: bool
) -> Found:
    """What is stated before the next question; if it may be none, what the whole text states must not differ."""
    first = first_reading(before, without)
    if first.answer is None or first.weak:
        return None
    if not is_sure:
        last = first_reading(whole, without)
        if last.answer not in (None, first.answer) and not last.weak:
            return UNCLEAR
    return first.answer


class _Given(NamedTuple):
    """A text without hidden reasoning, and what is known of it."""

    text: str
    answer: AnswerSpec
    question: str
    cut: bool
    without: Collection[str]


def _choice(given: _Given) -> Iterator[BoundRule]:
    yield from _phrase(given, phrases_of(given.answer.labels))
    options = _options(given.question, given.answer.labels)
    if options is not None:
        yield BoundRule("option", lambda: _option(given, options))
    places = places_of(given.answer.labels) if names_one_place(given.text) else None
    if places is not None:
        yield BoundRule("place", lambda: _surely(first_reading(_phrase(given, places), given.without)))


def _option(given: _Given, options: Phrases) -> Found:
    found = first_reading(_phrase(given, options), given.without)
    if found.answer or found.rule:
        return found.answer
    return subject_of(ChoiceText(given.text, options, cut=given.cut))


def _surely(reading: Reading) -> Found:
    return None if reading.weak else reading.answer


def _boolean(given: _Given) -> Iterator[BoundRule]:
    whole = whole_booleans().whole(plain_text(given.text))
    yield BoundRule("whole", lambda: whole.meaning if whole else None)
    yield from islice(_phrase(given, booleans()), 1, None)


def _phrase(given: _Given, phrases: Phrases) -> Iterator[BoundRule]:
    return bind(choice.RULES, ChoiceText(given.text, phrases, cut=given.cut, without=given.without))


def _number(given: _Given) -> Iterator[BoundRule]:
    return bind(numbers.RULES, number_value.NumberText(given.text, cut=given.cut, without=given.without))


def _list(given: _Given) -> Iterator[BoundRule]:
    return bind(read_list.RULES, read_list.ListText(given.text, given.cut))


def _labels(given: _Given) -> Iterator[BoundRule]:
    answer = given.answer
    text = labels.LabelsText(given.text, answer.labels, allow_none=bool(answer.allow_none), cut=given.cut)
    return bind(labels.RULES, text)


def _json(given: _Given) -> Iterator[BoundRule]:
    return bind(read_json.RULES, given.text)


def _exact(given: _Given) -> Iterator[BoundRule]:
    return bind(line.LINE_RULES, given.text)


def _free(given: _Given) -> Iterator[BoundRule]:
    return bind(line.TEXT_RULES, given.text)


LETTERED = re.compile(r"\(?([A-Z])[.):]\s+\S.*")
"""The letter of an option with its text, as `B. Porto`."""


def _choice_reference(reference: str, answer: AnswerSpec) -> str | None:
    spelled = next((label for label in answer.labels if fold(label) == fold(reference)), None)
    if not spelled and (lettered := LETTERED.fullmatch(reference)):
        spelled = lettered[1] if lettered[1] in answer.labels else None
    by_value = phrases_of(answer.labels).numbers
    if spelled or not by_value or not re.search("[0-9]", reference):
        return spelled
    value = single_number(reference)
    found = None if value is None else by_value.get(value)
    return found.meaning if found else None


def _boolean_reference(reference: str, _answer: AnswerSpec) -> str | None:
    found = whole_booleans().forms.get(fold(reference))
    return found.meaning if found else None


def _number_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return number_value.whole_number(reference)


def _list_reference(reference: str, _answer: AnswerSpec) -> str | None:
    items = read_list.items_of(reference)
    return read_list.canonical_list(items) if items else None


def _labels_reference(reference: str, answer: AnswerSpec) -> str | None:
    if not reference and answer.allow_none:
        return read_labels.canonical_set([], answer.labels)
    return read_labels.whole_set(reference, answer.labels, allow_none=bool(answer.allow_none))


def _json_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return read_json.whole_json(reference)


def _exact_reference(reference: str, _answer: AnswerSpec) -> str | None:
    # An answer of this kind is one line, so a reference of several could never be met.
    return reference if len(reference.splitlines()) == 1 and composed(reference).strip() else None


def _free_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return reference or None


_READERS: dict[str, Callable[[_Given], Iterator[BoundRule]]] = {
    "choice": _choice,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
    "labels": _labels,
    "json": _json,
    "exact": _exact,
    "free": _free,
}
_REFERENCES: dict[str, Callable[[str, AnswerSpec], str | None]] = {
    "choice": _choice_reference,
    "number": _number_reference,
    "boolean": _boolean_reference,
    "list": _list_reference,
    "labels": _labels_reference,
    "json": _json_reference,
    "exact": _exact_reference,
    "free": _free_reference,
}
