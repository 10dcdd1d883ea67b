r"""Sets of labels: all labels of a known list that apply to a text, in any order.

The canonical form is a JSON array in the order of the spec, `["bug", "ui"]`; `[]` is the empty set. A set is read only
where every part of a statement is a whole label: one that is not known may be another label meant.
"""

import json
import re
from collections.abc import Sequence
from functools import lru_cache

from gpo.scoring.text import label_words as words
from gpo.scoring.text.objects import objects_in
from gpo.scoring.text.phrases import LETTER, phrases_of
from gpo.scoring.text.plain import fold, plain_text


def canonical_set(found: Sequence[str], labels: Sequence[str]) -> str:
    """Labels as one text, each once and in the order of `labels`.

    >>> canonical_set(["ui", "bug", "ui"], ["bug", "ui", "docs"])
    '["bug", "ui"]'
    """
    return json.dumps([label for label in labels if label in found], ensure_ascii=False)


def whole_set(text: str, labels: tuple[str, ...], *, allow_none: bool = False) -> str | None:
    r"""The set that a text is and nothing else: a JSON list, marked lines, or labels with marks or "and" between them.

    >>> whole_set("- **ui**\n- bug", ("bug", "ui")), whole_set("Bug and UI.", ("bug", "ui"))
    ('["bug", "ui"]', '["bug", "ui"]')
    >>> whole_set("bug, crash", ("bug", "ui")), whole_set("none", ("bug", "ui"), allow_none=True)
    (None, '[]')
    """
    forms = forms_of(labels)
    lines = [words.QUOTED.sub("", line) for line in plain_text(text).splitlines() if not words.FENCE.match(line)]
    lines = [line for line in lines if line.strip()]
    plain = "\n".join(lines).strip()
    if not plain:
        return None
    if found := forms.one(plain):
        return canonical_set([found], labels)
    if (items := _array(plain)) is not None:
        return set_of_items(items, labels, allow_none=allow_none)
    if words.NONE.fullmatch(plain.strip(words.AROUND + words.TAIL)):
        return canonical_set([], labels) if allow_none else None
    if len(lines) > 1 and words.UNFINISHED.search(lines[0]):
        plain = " ".join(lines)
    elif len(lines) > 1:
        return set_of_lines(lines, labels)
    marked = words.MARKED.match(plain)
    several = forms.several(marked[1] if marked else plain)
    return None if several is None else canonical_set(several, labels)


class LabelForms:
    """How labels are written, and patterns of one and of several."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self.phrases = phrases_of(labels)
        spelled = {fold(plain_text(label)): label for label in labels}
        self._labels = {form: phrase.meaning for form, phrase in self.phrases.forms.items()} | spelled
        longest = sorted(self._labels, key=len, reverse=True)
        one = "|".join(r"[\s_-]{1,3}".join(map(re.escape, form.split(" "))) for form in longest)
        item = rf"{words.BEFORE}(?:{one}){words.MARKS}"
        self._item = re.compile(rf"{words.BEFORE}({one}){words.MARKS}(?:{words.BETWEEN}|[ \t]+(?=#)|$)")
        self._several = re.compile(rf"{item}(?:(?:{words.BETWEEN}|[ \t]+(?=#)){item})+")
        self.list_in_text = re.compile(
            rf"(?<![+<>=.-])(?<!{LETTER}){item}(?:{words.BETWEEN}{item})*(?!{LETTER}|[-'\u2019&+]\w|\.[0-9]|[+#])"
        )

    def one(self, text: str) -> str | None:
        """The one label that a text is."""
        form = fold(text)
        bare = words.BOTH.sub("", form.strip(words.AROUND + words.TAIL).lstrip(words.AROUND + "#>"), count=1)
        for each in (form, bare):
            if found := self._labels.get(each) or self._labels.get(re.sub(r"[\s_-]+", " ", each)):
                return found
        return None

    def several(self, text: str) -> list[str] | None:
        """The labels of a text that lists two or more and nothing else."""
        form = fold(text[: words.LONGEST]).strip().rstrip(words.TAIL + ",;")
        if only := words.BOTH.match(form):
            form = form[only.end() :]
        if len(text) > words.LONGEST or not self._several.fullmatch(form):
            return None
        return [self.label(found[1]) for found in self._item.finditer(form)]

    def label(self, form: str) -> str:
        """The label of a form as it stands in a text."""
        return self._labels.get(form) or self._labels[re.sub(r"[\s_-]+", " ", form)]


@lru_cache(maxsize=64)
def forms_of(labels: tuple[str, ...]) -> LabelForms:
    """How labels are written."""
    return LabelForms(labels)


def _array(text: str) -> list[object] | None:
    found = objects_in(text) if text[:1] in "[`" else []
    if len(found) == 1 and found[0].is_all_of_text and isinstance(found[0].value, list):
        return found[0].value
    return None


def set_of_items(items: Sequence[object], labels: tuple[str, ...], *, allow_none: bool) -> str | None:
    """The set of a JSON list; None where an item is no label, or the list is empty and may not be."""
    forms = forms_of(labels)
    found = [forms.one(str(item)) if isinstance(item, str | int) else None for item in items]
    known = [label for label in found if label is not None]
    if len(known) < len(found) or not (known or allow_none):
        return None
    return canonical_set(known, labels)


def set_of_lines(lines: Sequence[str], labels: tuple[str, ...]) -> str | None:
    """The set of lines that are a label each, with or without what is said of it."""
    forms, found = forms_of(labels), []
    for line in lines:
        if words.JUDGED.match(line):
            return None
        marked = words.MARKED.match(line)
        label = forms.one(marked[1] if marked else line) or forms.one(line)
        item = marked[1] if marked else line
        if label is None and (head := words.SAID_OF_LABEL.match(item)):
            said = item[head.end() :]
            is_told = not words.NUMBER.fullmatch(said) and not words.DOUBT.search(" ".join(said.split()[:4]))
            label = forms.one(head["label"]) if is_told else None
        if label is None:
            return None
        found.append(label)
    return canonical_set(found, labels)
