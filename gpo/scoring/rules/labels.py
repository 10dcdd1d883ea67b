"""Which set of labels a text states.

`RULES` are in order of trust. A rule that finds a statement which is no set ends the search: then the text is unread.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from gpo.scoring.read_labels import canonical_set, forms_of, set_of_items, set_of_lines, whole_set
from gpo.scoring.reading import UNCLEAR, Found, Rule, agreed
from gpo.scoring.rules.corrections import marks_in
from gpo.scoring.text import label_words as words
from gpo.scoring.text.mentions import said_in
from gpo.scoring.text.objects import objects_in
from gpo.scoring.text.phrases import LONGEST_LABEL, Phrases
from gpo.scoring.text.plain import fold, plain_text
from gpo.scoring.text.roles import Role
from gpo.scoring.text.statements import STATED, Worth, boxed_words, field_of, worth_of


class LabelsText(NamedTuple):
    """A text in which a set of `labels` is looked for; `cut`: the token limit ended it, and its last line with it."""

    raw: str
    labels: tuple[str, ...]
    allow_none: bool = False
    cut: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines that are not blank, and no fence; of a cut text, the whole ones."""
        lines = [line.strip() for line in plain_text(self.raw).splitlines() if not words.FENCE.match(line)]
        return [line for line in (lines[:-1] if self.cut else lines) if line]

    def set_in(self, text: str) -> Found:
        """The set that a piece of text is, and nothing else."""
        return whole_set(text, self.labels, allow_none=self.allow_none)

    def part(self, raw: str) -> "LabelsText":
        """A part of the text as a text of its own."""
        return self._replace(raw=raw)


def _whole(text: LabelsText) -> Found:
    # A cut list may lack its end; a JSON list shows that it is whole.
    plain = words.DENIED_IN_BRACKETS.sub("", text.raw.strip())
    return None if text.cut and not plain.endswith("]") else text.set_in(plain)


def _json(text: LabelsText) -> Found:
    """The last JSON list or object: a list under a name, or true and false for each label."""
    for item in reversed(objects_in(plain_text(text.raw))):
        if isinstance(item.value, list) and all(isinstance(each, str) for each in item.value):
            found = set_of_items(item.value, text.labels, allow_none=text.allow_none)
            # Of a text with more in it, `[ ]` is a box that is not ticked.
            if (found is not None and item.value) or item.is_all_of_text:
                return found or UNCLEAR
        if isinstance(item.value, dict) and (said := _of_object(item.value, text)) is not None:
            return said
    return None


def _of_object(fields: dict[str, object], text: LabelsText) -> Found:
    forms = forms_of(text.labels)
    named = {label: value for name, value in fields.items() if (label := forms.one(name))}
    if named and all(forms.one(name) or worth_of(name) is Worth.ASIDE for name in fields):
        if not all(isinstance(value, bool) for value in named.values()):
            return UNCLEAR
        return _unless_empty([label for label, value in named.items() if value], text)
    said: list[Found] = []
    for name, value in fields.items():
        if words.NO_ANSWER_NAME.search(name) or (worth_of(name) is Worth.ASIDE and not words.NAME.search(name)):
            continue
        if isinstance(value, list):
            said.append(set_of_items(value, text.labels, allow_none=text.allow_none) or UNCLEAR)
        elif isinstance(value, str) and (words.NAME.search(name) or worth_of(name) > Worth.FIELD):
            said.append(text.set_in(value) or UNCLEAR)
    return _one_of(said)


def _boxed(text: LabelsText) -> Found:
    content = boxed_words(text.raw)
    return None if content is None else text.set_in(content) or UNCLEAR


def _tagged(text: LabelsText) -> Found:
    """What stands in `<answer>` or `<labels>`, or in one pair of tags for each label."""
    tags = list(words.TAG.finditer(text.raw))
    final = [tag for tag in tags if words.NAME.search(tag["name"]) or worth_of(tag["name"]) > Worth.FIELD]
    if not final or words.NO_ANSWER_NAME.search(final[-1]["name"]):
        return None
    if all(tag["name"].casefold() in words.ONE_LABEL for tag in final) and len(final) > 1:
        found = [forms_of(text.labels).one(tag["content"].strip()) for tag in final]
        return UNCLEAR if None in found else canonical_set([each for each in found if each], text.labels)
    return text.set_in(final[-1]["content"]) or UNCLEAR


def _corrected(text: LabelsText) -> Found:
    """What a text says after it took back what it had said."""
    plain = plain_text(text.raw)
    for mark in marks_in(plain, no_corrects=True):
        head, tail = plain[: mark.start()], words.ONCE_MORE.sub("", plain[mark.end() :])
        if head.strip() and forms_of(text.labels).phrases.find(head):
            return _read(text.part(tail)) or UNCLEAR
    return None


def _judged(text: LabelsText) -> Found:
    """The labels that are called right, where each is judged on a line of its own: `bug: yes`."""
    verdicts: dict[str, bool] = {}
    for line in (part for each in text.lines for part in _judgements(each)):
        found = words.JUDGED.match(line)
        label = forms_of(text.labels).one(found["label"] or found["after"]) if found else None
        if found is None or label is None:
            continue
        if label in verdicts:
            return UNCLEAR
        verdict = found["verdict"] or found["mark"] or found["before"]
        verdicts[label] = bool(words.YES.fullmatch(verdict) or words.TICKED.fullmatch(verdict))
    if len(verdicts) < len(text.labels):
        return UNCLEAR if verdicts else None
    return _unless_empty([label for label, is_right in verdicts.items() if is_right], text)


def _judgements(line: str) -> list[str]:
    """The parts of a line that judges one label after the other: `bug: true, ui: false`."""
    parts = re.split(r"[,;]\s+", line)
    return parts if all(map(words.JUDGED.match, parts)) else [line]


def _answer(text: LabelsText) -> Found:
    """What follows the last "the answer is", "Labels:" or "the labels are"."""
    lines = text.lines
    for place in range(len(lines) - 1, -1, -1):
        for rest in _after_name(lines[place]):
            said = _leading(rest, text) if rest.strip(" *_`:") else _block(lines[place + 1 :], text)
            if said is not None:
                return said
    return None


def _after_name(line: str) -> Iterator[str]:
    """What follows the name of an answer on a line."""
    marks = sorted([*words.NAMED.finditer(line), *STATED.finditer(line)], key=lambda found: -found.end())
    for mark in marks[:2]:
        # What this sentence says before it: "possible labels:", "labels considered:".
        name = line[max(line.rfind(". ", 0, mark.start()) + 1, 0) : mark.end()]
        if words.NO_ANSWER_NAME.search(name):
            return
        yield line[mark.end() :]


def _leading(rest: str, text: LabelsText) -> Found:
    """The set that a statement begins with, where it ends there; `UNCLEAR` where labels are in it otherwise."""
    bare = words.IN_BRACKETS.sub("", rest)
    if any(words.DOUBT.search(each) for each in words.IN_BRACKETS.findall(rest)):
        return UNCLEAR
    for part in (rest, bare, *(words.REASON.split(each, maxsplit=1)[0] for each in (rest, bare)), _undenied(rest)):
        if (found := text.set_in(part.strip(" \t"))) is not None:
            return found
    return UNCLEAR if forms_of(text.labels).phrases.find(rest) else None


def _undenied(rest: str) -> str:
    """What a statement says before it denies something; empty where it denies nothing, or goes on after that."""
    found = words.BUT_NOT.search(rest)
    return rest[: found.start()] if found and not _GOES_ON.search(rest, found.end()) else ""


_GOES_ON = re.compile(r"[,;.]\s*\w")


def _block(lines: Sequence[str], text: LabelsText) -> Found:
    """The set of the lines below a heading: marked ones up to the first that is not, else the first."""
    if not lines:
        return None
    if not words.MARKED.match(lines[0]):
        plain = list(takewhile(lambda line: forms_of(text.labels).one(line) is not None, lines))
        return set_of_lines(plain, text.labels) if len(plain) > 1 else _leading(lines[0], text)
    end = next((place for place, line in enumerate(lines) if not words.MARKED.match(line)), len(lines))
    # A cut list may go on.
    return UNCLEAR if text.cut and end == len(lines) else set_of_lines(lines[:end], text.labels) or UNCLEAR


def _field(text: LabelsText) -> Found:
    """What lines say that name a field of any name but a reason's: `Flags: bug, ui`."""
    said: list[Found] = []
    for line in text.lines:
        name, value = field_of(line) or ("", "")
        is_named = name and worth_of(name) is not Worth.ASIDE and not words.NO_ANSWER_NAME.search(name)
        if is_named and not forms_of(text.labels).phrases.find(name):
            said.append(_leading(value, text))
    return _one_of(said)


def _listed(text: LabelsText) -> Found:
    """The one list of marked lines, where nothing after it names a label."""
    lines = text.lines
    marked = [place for place, line in enumerate(lines) if words.MARKED.match(line)]
    if text.cut or not marked or marked != list(range(marked[0], marked[-1] + 1)):
        return None
    before, after = lines[: marked[0]], "\n".join(lines[marked[-1] + 1 :])
    if forms_of(text.labels).phrases.find(plain_text(after)) or (before and words.NO_ANSWER_NAME.search(before[-1])):
        return None
    return set_of_lines([lines[place] for place in marked], text.labels)


def _alone(text: LabelsText) -> Found:
    """A set that is the whole first or last line, where the other is no other set."""
    lines = text.lines
    if len(lines) > 1 and words.UNFINISHED.search(lines[-2]):
        return UNCLEAR
    ends = [_leading(line, text) for line in ({*lines[:1], *lines[-1:]} if not text.cut else lines[:1])]
    return agreed([each for each in ends if isinstance(each, str)])


def _only(text: LabelsText) -> Found:
    """The one list of labels that the text names, in a sentence that neither denies nor asks."""
    plain = _undenied("\n".join(text.lines)) or "\n".join(text.lines)
    phrases = forms_of(text.labels).phrases
    if text.cut or words.DOUBT.search(plain) or "?" in plain or not phrases.find(plain):
        return None
    folded = fold(plain)
    spans = [found for found in forms_of(text.labels).list_in_text.finditer(folded) if _is_named(found[0], phrases)]
    if len(spans) != 1 or any(said.role is Role.DENIED for said in said_in(plain, phrases)):
        return UNCLEAR
    if words.NO_ANSWER_NAME.search(folded, 0, spans[0].start()):
        return UNCLEAR
    start, end = spans[0].span()
    if spans[0][0].isascii() and not (words.LEADS.search(folded, 0, start) and words.ENDS.match(folded, end)):
        return UNCLEAR
    if words.GOES_ON.match(folded, spans[0].end()) or words.CAME_BEFORE.search(folded, 0, spans[0].start()):
        return UNCLEAR
    return text.set_in(spans[0][0])


def _is_named(span: str, phrases: Phrases) -> bool:
    return len(span) <= words.LONGEST + LONGEST_LABEL and bool(phrases.find(span))


def _unless_empty(found: Sequence[str], text: LabelsText) -> Found:
    return canonical_set(found, text.labels) if found or text.allow_none else UNCLEAR


def _one_of(said: Sequence[Found]) -> Found:
    return UNCLEAR if UNCLEAR in said else agreed([each for each in said if isinstance(each, str)])


def _read(text: LabelsText) -> str | None:
    for rule in RULES:
        if rule.name != "corrected" and (found := rule.find(text)) is not None:
            return found if isinstance(found, str) else None
    return None


RULES: tuple[Rule[LabelsText], ...] = (
    Rule("whole", _whole),
    Rule("json", _json),
    Rule("boxed", _boxed),
    Rule("tag", _tagged),
    Rule("corrected", _corrected),
    Rule("judged", _judged),
    Rule("answer", _answer),
    Rule("field", _field),
    Rule("listed", _listed),
    Rule("alone", _alone),
    Rule("only", _only, weak=True),
)
