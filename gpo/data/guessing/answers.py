"""Of what kind the right answers are, and how they are scored and asked for."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from gpo.data.guessing.choices import UndecidedError
from gpo.data.guessing.columns import LABEL_LENGTH, Column
from gpo.data.guessing.label_sets import are_flags, are_runs, find_label_sets
from gpo.data.guessing.roles.names import words_of
from gpo.data.guessing.values import are_joined, are_reordered, are_sentences, letters_of, usual_words
from gpo.data.identity import normal_form, visible_form
from gpo.data.sources.files import Number
from gpo.errors import suggestion
from gpo.scoring.answers import canonical_reference
from gpo.scoring.kinds import AnswerKind
from gpo.scoring.read_list import items_of
from gpo.scoring.spec import AnswerSpec
from gpo.template import variables_in

MOST_LABELS = 12
_MOST_WORDS = 100
"""Labels that are words: numbers that come again and again may be results, and names of intents are not."""

_ROWS_PER_LABEL = 4

_LONGEST_LABEL = 120
_SHORT_ANSWER = 60
"""Characters. A longer answer is free text, and so is one of several lines: it may be worded in many ways."""

_SENTENCE = 6
"""Words. Answers that are longer are sentences, which may be worded in many ways, however short they are."""

_WORDED = frozenset({"translation", "summary", "paraphrase", "headline", "caption"})

_LONG_ANSWER = 40
"""Words. Of answers that are longer, the order of the words is judged too."""

_MOSTLY = 0.9
_LIST_WORDS = frozenset(
    {"tags", "labels", "keywords", "entities", "items", "categories", "topics", "skills", "classes", "aspects"}
)
_UNORDERED = "{name: list_match, ordered: false}"

METRIC_OF_KIND: Mapping[AnswerKind, str] = {
    "choice": "exact_match",
    "boolean": "exact_match",
    "number": "numeric_match",
    "list": "list_match",
    "labels": "jaccard",
    "json": "json_fields",
    "exact": "exact_match",
    "free": "token_f1",
}
"""The metric that fits a kind of answer; how a spec writes it."""


class AnswerGuess(NamedTuple):
    """How answers are read and scored, and how the starting instruction asks for them; `metric` as a spec writes it.

    `length` is that of the longest right answers, in bytes, where only one in ten is longer.
    """

    spec: AnswerSpec
    metric: str
    instruction: str
    description: str
    length: int = 0


class References(NamedTuple):
    """The right answers of all rows, as texts, and where they come from."""

    texts: tuple[str, ...]
    column: Column
    inputs: tuple[str, ...]
    """The text of the inputs of each row that has a right answer, or several."""

    @property
    def length(self) -> int:
        """The length in bytes that nine in ten do not exceed."""
        lengths = sorted(len(text.encode(errors="replace")) for text in self.texts)
        return lengths[int(_MOSTLY * (len(lengths) - 1))] if lengths else 0


def references_of(column: Column, inputs: Sequence[Column]) -> References:
    """The right answers of a column; a list of texts holds several of one row."""
    texts, asked = [], []
    for place, value in enumerate(column.values):
        if value is None:
            continue
        is_list = isinstance(value, list) and all(isinstance(item, str | bool) for item in value)
        texts += [_as_text(item) for item in value] if is_list else [_as_text(value)]
        asked.append("\n".join(str(each.values[place] or "") for each in inputs))
    return References(tuple(texts), column, tuple(asked))


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def answer_of(found: References) -> AnswerGuess:
    """The kind that fits all right answers, the most special first."""
    return next(guessed for rule in _RULES if (guessed := rule(found)) is not None)


def answer_of_options(labels: tuple[str, ...]) -> AnswerGuess:
    """The answer to a multiple-choice question; without labels, it is the text of an option."""
    if not labels:
        instruction = "Answer with one of the options, word for word."
        return AnswerGuess(AnswerSpec(kind="exact"), "exact_match", instruction, "the right option")
    spec = AnswerSpec(kind="choice", labels=labels)
    listed = ", ".join(labels)
    return AnswerGuess(spec, "exact_match", f"Answer with one of: {listed}.", "the label of the right option")


def answer_of_kind(kind: str, found: References) -> AnswerGuess:
    """The answer of a kind that a person has named.

    Raises:
        UndecidedError: there is no such kind, or the right answers have no labels.
    """
    kinds = get_args(AnswerKind)
    if kind not in kinds:
        raise UndecidedError(f"--kind {kind}: unknown kind{suggestion(kind, kinds)}")
    rule = _BY_KIND[kind]
    guessed = rule(found) if rule else None
    if guessed is not None:
        return guessed
    if kind == "labels":
        raise UndecidedError(
            f"--kind labels: `{found.column.name}` holds no sets of a few labels that come again: lists, or labels with"
            " a comma, semicolon or bar between them"
        )
    if kind == "choice":
        labels = labels_of(found.texts)
        if len(labels) < 2:
            raise UndecidedError("--kind choice: the right answers are all the same")
        return _choice(labels)
    return _PLAIN[kind]


def _json(found: References) -> AnswerGuess | None:
    is_typed = found.column.is_structured or any(
        isinstance(value, list) and not all(isinstance(item, str | bool) for item in value)
        for value in found.column.present
    )
    # A text that is broken off is a bad row, and no reason to compare all the others word by word.
    if is_typed or sum(map(_is_object, found.texts)) >= _MOSTLY * len(found.texts):
        return _PLAIN["json"]
    return None


def _reordered(found: References) -> AnswerGuess | None:
    if not _LIST_WORDS.isdisjoint(words_of(found.column.name)):
        return None
    return _PLAIN["list"] if are_reordered(found.column.present, found.inputs) else None


def _is_object(text: str) -> bool:
    value = _parsed(text)
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict) for item in value))


def _label_sets(found: References) -> AnswerGuess | None:
    sets = find_label_sets(found.column)
    if sets is None:
        return None
    listed = ", ".join(sets.labels)
    spec = AnswerSpec(kind="labels", labels=sets.labels, allow_none=True if sets.may_be_empty else None)
    none = " If none applies, answer none." if sets.may_be_empty else ""
    instruction = f"Answer with all labels that apply, with commas between them, of: {listed}.{none}"
    return AnswerGuess(spec, METRIC_OF_KIND["labels"], instruction, f"all labels that apply of {listed}")


def _list(found: References) -> AnswerGuess | None:
    if found.column.is_list:
        if are_flags(found.column) or are_runs(found.column):
            return _PLAIN["list"]
        if _LIST_WORDS.isdisjoint(words_of(found.column.name)):
            return None
        # What stands twice in a list has its place there, as the tags of a sentence's words do.
        is_set = all(len({*map(str, value)}) == len(value) for value in found.column.present)
        return _PLAIN["list"]._replace(metric=_UNORDERED) if is_set else _PLAIN["list"]
    if found.texts and all(isinstance(_parsed(text), list) for text in found.texts):
        # A list of no item is no answer of kind list.
        return _PLAIN["list"] if all(map(items_of, found.texts)) else _ARRAYS
    if not _LIST_WORDS.isdisjoint(words_of(found.column.name)) and are_joined(found.texts):
        return _PLAIN["list"]._replace(metric=_UNORDERED)
    return None


def _boolean(found: References) -> AnswerGuess | None:
    if not all(canonical_reference(text, AnswerSpec(kind="boolean")) for text in found.texts):
        return None
    asked = " or ".join(labels_of(found.texts)[:2])
    return AnswerGuess(AnswerSpec(kind="boolean"), "exact_match", f"Answer with {asked}.", "the right answer")


def _labelled(found: References) -> AnswerGuess | None:
    labels = labels_of(found.texts)
    # The right answers of twenty sums may be few as well: labels come back again and again.
    most = MOST_LABELS if any(map(is_number, labels)) else _MOST_WORDS
    are_few = 2 <= len(labels) <= min(most, len(found.texts) // _ROWS_PER_LABEL)
    # What comes again so often is a label, however long its name is.
    longest = _LONGEST_LABEL if len(found.texts) >= 2 * _ROWS_PER_LABEL * len(labels) else LABEL_LENGTH
    if are_few and all(len(label) <= longest and not variables_in(label) for label in labels):
        return _choice(labels)
    letters = letters_of(found.texts)
    return _choice(letters) if 0 < len(letters) <= len(found.texts) // _ROWS_PER_LABEL else None


def _choice(labels: tuple[str, ...]) -> AnswerGuess:
    listed = ", ".join(labels)
    choice = AnswerSpec(kind="choice", labels=labels)
    return AnswerGuess(choice, "exact_match", f"Answer with one of: {listed}.", f"one of {listed}")


def _number(found: References) -> AnswerGuess | None:
    return _PLAIN["number"] if all(map(is_number, found.texts)) else None


def _exact(found: References) -> AnswerGuess | None:
    if not all(map(is_short, found.texts)) or not _WORDED.isdisjoint(words_of(found.column.name)):
        return None
    is_long = usual_words(found.texts) > _SENTENCE
    return None if is_long or are_sentences(found.texts) else _PLAIN["exact"]


def _free(found: References) -> AnswerGuess:
    if usual_words(found.texts) > _LONG_ANSWER:
        return _PLAIN["free"]._replace(metric="rouge_l", instruction="Answer in a few sentences.")
    return _PLAIN["free"]


def is_number(text: str) -> bool:
    """Whether a right answer is a number, or a worked solution that ends with one."""
    return canonical_reference(text, AnswerSpec(kind="number")) is not None


def is_short(reference: str) -> bool:
    r"""Whether a right answer may be a label, a name or a number, of which one question has one.

    >>> is_short("Paris"), is_short("Paris,\nwhich is in France"), is_short("Paris, " * 20)
    (True, False, False)
    """
    return len(reference) <= _SHORT_ANSWER and len(reference.splitlines()) <= 1


def labels_of(references: Sequence[str]) -> tuple[str, ...]:
    """Different references, the most frequent first; of spellings of one label, the most frequent one."""
    spellings = Counter(visible_form(text) for text in references)
    frequency: Counter[str] = Counter()
    spelt: dict[str, str] = {}
    for spelling, count in sorted(spellings.items(), key=lambda item: (-item[1], item[0])):
        if key := normal_form(spelling):
            frequency[key] += count
            spelt.setdefault(key, spelling)
    return tuple(spelt[key] for key in sorted(spelt, key=lambda key: (-frequency[key], spelt[key])))


def _parsed(text: str) -> object:
    """The value of an object or a list that a text writes, as JSON or as Python does it; None for other texts."""
    if isinstance(text, Number) or text.lstrip()[:1] not in ("{", "[", "`"):
        return None
    written = canonical_reference(text, AnswerSpec(kind="json"))
    return None if written is None else json.loads(written)


def _plain(kind: AnswerKind, instruction: str, description: str) -> AnswerGuess:
    return AnswerGuess(AnswerSpec(kind=kind), METRIC_OF_KIND[kind], instruction, description)


_PLAIN: Mapping[str, AnswerGuess] = {
    "json": _plain("json", "Answer with a JSON object, and nothing else.", "a JSON object with the right values"),
    "list": _plain("list", "Answer with a list, and nothing else.", "the right list"),
    "boolean": _plain("boolean", "Answer with yes or no.", "the right answer"),
    "number": _plain("number", "Answer with a number.", "the right number"),
    "exact": _plain("exact", "Answer in a few words, with nothing else.", "a short answer"),
    "free": _plain("free", "Answer in one or two sentences.", "a good answer"),
}
_ARRAYS = _PLAIN["json"]._replace(instruction="Answer with a JSON array, and nothing else.")
_Rule = Callable[[References], AnswerGuess | None]
_RULES: tuple[_Rule, ...] = (_json, _reordered, _label_sets, _list, _boolean, _labelled, _number, _exact, _free)
_BY_KIND: Mapping[str, _Rule | None] = {
    "json": None, "labels": _label_sets, "list": _list, "boolean": _boolean, "choice": None, "number": None,
    "exact": None, "free": _free,
}  # fmt: skip
