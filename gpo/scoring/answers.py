r"""From what a task model writes to an answer that a metric can compare.

`parse_answer` reads a model's text, `canonical_reference` a dataset's reference; both give the same canonical form, so
that `1,000` is `1000` and `Yes` is `true` on both sides. Hidden reasoning is never read.

Models state their answer in many ways. What follows the last "the answer is", "Answer:" or `\boxed{` goes before all
else; the modules `phrases`, `numerals`, `listing` and `structured` say what comes next for each kind.
"""

from collections.abc import Callable

from gpo.scoring.read_choice import Phrases, phrases_for, plain, read_phrase
from gpo.scoring.read_json import read_json, whole_json
from gpo.scoring.read_list import canonical_list, items_of, read_list
from gpo.scoring.read_number import read_number, whole_number
from gpo.scoring.spec import AnswerSpec
from gpo.scoring.stated import STATED, first_line, stated, without_reasoning

# Not "correct" and "incorrect": "the correct answer is no" would say both.
_TRUTHS = ("true", "yes", "valid", "plausible")
_FALSEHOODS = ("false", "no", "invalid", "implausible")
_BOOLEANS = {
    **dict.fromkeys(_TRUTHS, "true"),
    **dict.fromkeys(_FALSEHOODS, "false"),
    **dict.fromkeys((f"not {word}" for word in _TRUTHS), "false"),
    **dict.fromkeys((f"not {word}" for word in _FALSEHOODS), "true"),
}


def parse_answer(text: str, answer: AnswerSpec, question: str = "", *, cut: bool = False) -> str | None:
    r"""The answer that a task model's text holds, in canonical form; None when it holds none that can be read.

    `choice` gives a label as the spec spells it, `number` a plain decimal number, `boolean` `true` or `false`, `list`
    the items joined by spaces or commas, `json` an object or array with sorted keys, `exact` one line, `free` the
    whole text without surrounding space. Takes time linear in the length of the text.

    Args:
        text: what the model wrote.
        answer: how an answer looks.
        question: where it lists options on lines such as `(A) Paris`, a text that names an option but no label gives
            that option's label.
        cut: whether the token limit ended the text; then only what it states counts, and its last words do not.

    >>> parse_answer("First, 6 / 2 = 3. So the answer is 1,003 apples.", AnswerSpec(kind="number"))
    '1003'
    >>> cities = AnswerSpec(kind="choice", labels=("(A)", "(B)"))
    >>> parse_answer("Answer: (b), because (A) is no city.", cities)
    '(B)'
    >>> parse_answer("It is Rome.", cities, question="Which?\n(A) Paris\n(B) Rome")
    '(B)'
    """
    text = without_reasoning(text).strip()
    found = _READERS[answer.kind](text, answer, cut)
    if found is None and answer.kind == "choice" and (options := _options(question, answer.labels)):
        return read_phrase(text, options, cut=cut)
    return found


def canonical_reference(reference: str, answer: AnswerSpec) -> str | None:
    """A dataset's reference in the form that `parse_answer` gives; None when it is no answer of this kind.

    Only the reference as a whole is read, or what follows the last `####` of a number's worked solution.

    >>> canonical_reference("Yes", AnswerSpec(kind="boolean"))
    'true'
    """
    return _REFERENCES[answer.kind](reference.strip(), answer)


def _choice(text: str, answer: AnswerSpec, cut: bool) -> str | None:
    return read_phrase(text, _labels(answer.labels), cut=cut)


def _labels(labels: tuple[str, ...]) -> Phrases:
    whole = {label: plain(label) for label in labels}
    cores = {label: form.strip("()[]{}<>.:'\" ") or form for label, form in whole.items()}
    # "(A)" is looked for as "a", unless two labels differ by nothing but their punctuation.
    forms = cores if len(set(cores.values())) == len(cores) else whole
    return phrases_for(tuple((form, label) for label, form in forms.items()))


def _options(question: str, labels: tuple[str, ...]) -> Phrases | None:
    """The texts of the options that a question lists; None when it lists none, or two with the same text."""
    texts: dict[str, str] = {}
    for line in question.splitlines():
        for label in labels:
            before, found, text = line.partition(label)
            if found and not before.strip(" -*") and (form := plain(text.lstrip(".:)")).strip("\"'.,;: ")):
                if form in texts:
                    return None
                texts[form] = label
    return phrases_for(tuple(texts.items())) if len(texts) > 1 else None


def _boolean(text: str, _answer: AnswerSpec, cut: bool) -> str | None:
    return read_phrase(text, phrases_for(tuple(_BOOLEANS.items())), cut=cut)


def _number(text: str, _answer: AnswerSpec, cut: bool) -> str | None:
    return read_number(text, cut=cut)


def _list(text: str, _answer: AnswerSpec, cut: bool) -> str | None:
    items = read_list(text, cut=cut)
    return canonical_list(items) if items else None


def _json(text: str, _answer: AnswerSpec, _cut: bool) -> str | None:
    return read_json(text)


def _exact(text: str, _answer: AnswerSpec, _cut: bool) -> str | None:
    before, *_ = STATED.split(text, maxsplit=1)
    line = next(stated(text), None) or first_line(before)
    return line.replace("**", "").strip(" *`$") or None if line else None


def _free(text: str, _answer: AnswerSpec, _cut: bool) -> str | None:
    return text or None


def _choice_reference(reference: str, answer: AnswerSpec) -> str | None:
    return next((label for label in answer.labels if plain(label) == plain(reference)), None)


def _boolean_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return _BOOLEANS.get(plain(reference))


def _number_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return whole_number(reference)


def _list_reference(reference: str, _answer: AnswerSpec) -> str | None:
    items = items_of(reference)
    return canonical_list(items) if items else None


def _json_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return whole_json(reference)


def _exact_reference(reference: str, _answer: AnswerSpec) -> str | None:
    # An answer of this kind is one line, so a reference of several could never be met.
    return reference if len(reference.splitlines()) == 1 else None


def _free_reference(reference: str, _answer: AnswerSpec) -> str | None:
    return reference or None


_READERS: dict[str, Callable[[str, AnswerSpec, bool], str | None]] = {
    "choice": _choice,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
    "json": _json,
    "exact": _exact,
    "free": _free,
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
