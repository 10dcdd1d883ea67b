r"""From what a task model writes to an answer that a metric can compare.

`read_answer` reads a model's text, `canonical_reference` a dataset's reference; both give the same canonical form, so
that `1,000` is `1000` and `Yes` is `true` on both sides. Hidden reasoning is never read.

Models state their answer in many ways. Each kind has its rules, in order of trust: `read_choice`, `read_boolean`,
`read_number`, `read_list`, `read_json` and `read_line`. What states no one answer is unread.
"""

import re
from collections.abc import Callable, Collection
from decimal import Decimal

from gpo.scoring import place, read_choice, read_json, read_line, read_list, read_number
from gpo.scoring.read_boolean import booleans, whole_booleans
from gpo.scoring.reading import Reading, Rule, read_by
from gpo.scoring.spec import AnswerSpec
from gpo.scoring.stated import without_reasoning
from gpo.scoring.text.numbers import single_number
from gpo.scoring.text.phrases import Phrase, Phrases, phrases_of
from gpo.scoring.text.plain import composed, fold, plain_text


def read_answer(
    text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False, without: Collection[str] = ()
) -> Reading:
    r"""The answer that a task model's text states, in canonical form, and the rule that made it.

    `choice` gives a label as the spec spells it, `number` a plain decimal number, `boolean` `true` or `false`, `list`
    the items joined by spaces or commas, `json` an object or array with sorted keys, `exact` one line, `free` the
    whole text without surrounding space. Takes time linear in the length of the text.

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
    Reading(answer=None, rule='only', weak=True)
    """
    text = without_reasoning(text).strip()
    if answer.where is not None:
        return place.read_at(text, answer.where, lambda found: _READERS[answer.kind](found, answer, False, without))
    found = _READERS[answer.kind](text, answer, cut, without)
    if answer.kind != "choice" or (found.answer is not None and not found.weak) or "option" in without:
        return found
    options = _options(question, answer.labels)
    if options is None:
        return found
    named = read_by(read_choice.RULES, read_choice.Text(text, options, cut=cut, without=without), without)
    if named.answer is None or (found.answer is not None and named.weak):
        return found
    return named.model_copy(update={"rule": "option"})


def parse_answer(text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False) -> str | None:
    """The answer of `read_answer` alone; None where the text states none, or cannot be read."""
    return read_answer(text, answer, question, cut=cut).answer


def rules_of(answer: AnswerSpec) -> tuple[str, ...]:
    """The names of the rules by which answers of a kind are read, in order of trust."""
    if answer.where is not None:
        return ("where",)
    return tuple(rule.name for rule in _RULES[answer.kind]) + (("option",) if answer.kind == "choice" else ())


def canonical_reference(reference: str, answer: AnswerSpec) -> str | None:
    """A dataset's reference in the form that `read_answer` gives; None when it is no answer of this kind.

    Only the reference as a whole is read, or what follows the last `####` of a number's worked solution.

    >>> canonical_reference("Yes", AnswerSpec(kind="boolean"))
    'true'
    """
    return _REFERENCES[answer.kind](reference.strip(), answer)


def _options(question: str, labels: tuple[str, ...]) -> Phrases | None:
    """The texts of the options that a question lists; None when it lists none, or two with the same text."""
    texts: dict[str, Phrase] = {}
    for line in question.splitlines():
        for label in labels:
            before, found, rest = line.partition(label)
            if found and not before.strip(" -*") and (form := fold(plain_text(rest).lstrip(".:)")).strip("\"'.,;: ")):
                if form in texts:
                    return None
                texts[form] = Phrase(label)
    if len(texts) < 2:
        return None
    numbers = {form: single_number(form) for form in texts}
    values: dict[Decimal, Phrase] = {value: texts[form] for form, value in numbers.items() if value is not None}
    return Phrases({}, values) if len(values) == len(texts) else Phrases(texts)


def _choice(text: str, answer: AnswerSpec, cut: bool, without: Collection[str]) -> Reading:
    subject = read_choice.Text(text, phrases_of(answer.labels), cut=cut, without=without)
    return read_by(read_choice.RULES, subject, without)


def _boolean(text: str, _answer: AnswerSpec, cut: bool, without: Collection[str]) -> Reading:
    if (whole := whole_booleans().whole(plain_text(text))) and "whole" not in without:
        return Reading(answer=whole.meaning, rule="whole")
    return read_by(read_choice.RULES, read_choice.Text(text, booleans(), cut=cut, without=without), without)


def _number(text: str, _answer: AnswerSpec, cut: bool, without: Collection[str]) -> Reading:
    return read_by(read_number.RULES, read_number.Text(text, cut=cut, without=without), without)


def _list(text: str, _answer: AnswerSpec, cut: bool, without: Collection[str]) -> Reading:
    return read_by(read_list.RULES, read_list.Text(text, cut), without)


def _json(text: str, _answer: AnswerSpec, _cut: bool, without: Collection[str]) -> Reading:
    return read_by(read_json.RULES, text, without)


def _exact(text: str, _answer: AnswerSpec, _cut: bool, without: Collection[str]) -> Reading:
    return read_by(read_line.LINE_RULES, text, without)


def _free(text: str, _answer: AnswerSpec, _cut: bool, without: Collection[str]) -> Reading:
    return read_by(read_line.TEXT_RULES, text, without)


def _choice_reference(reference: str, answer: AnswerSpec) -> str | None:
    spelled = next((label for label in answer.labels if fold(label) == fold(reference)), None)
    numbers = phrases_of(answer.labels).numbers
    if spelled or not numbers or not re.search("[0-9]", reference):
        return spelled
    found = numbers.get(number) if (number := single_number(reference)) is not None else None
    return found.meaning if found else None


def _boolean_reference(reference: str, _answer: AnswerSpec) -> str | None:
    found = whole_booleans().forms.get(fold(reference))
    return found.meaning if found else None


def _number_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return read_number.whole_number(reference)


def _list_reference(reference: str, _answer: AnswerSpec) -> str | None:
    items = read_list.items_of(reference)
    return read_list.canonical_list(items) if items else None


def _json_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return read_json.whole_json(reference)


def _exact_reference(reference: str, _answer: AnswerSpec) -> str | None:
    # An answer of this kind is one line, so a reference of several could never be met.
    return reference if len(reference.splitlines()) == 1 and composed(reference).strip() else None


def _free_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return reference or None


_READERS: dict[str, Callable[[str, AnswerSpec, bool, Collection[str]], Reading]] = {
    "choice": _choice,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
    "json": _json,
    "exact": _exact,
    "free": _free,
}
_RULES: dict[str, tuple[Rule[str], ...] | tuple[Rule[read_choice.Text], ...] | tuple[Rule[read_number.Text], ...] | tuple[Rule[read_list.Text], ...]] = {
    "choice": read_choice.RULES,
    "number": read_number.RULES,
    "boolean": read_choice.RULES,
    "list": read_list.RULES,
    "json": read_json.RULES,
    "exact": read_line.LINE_RULES,
    "free": read_line.TEXT_RULES,
}
_REFERENCES: dict[str, Callable[[str, AnswerSpec], str | None]] = {
    "choice": _choice_reference,
    "number": _number_reference,
    "boolean": _boolean_reference,
    "list": _list_reference,
    "json": _json_reference,
    "exact": _exact_reference,
    "free": _free_reference,
}
