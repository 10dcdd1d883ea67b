"""Lists in a model's text, and their canonical form.

The canonical form is one text that reads back as the same items: joined by single spaces where no item holds a space
or a comma, as in `apple banana`; else by commas, as in `New York, Rome`; else as a JSON array.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gpo.scoring.reading import Found, Rule, read_by
from gpo.scoring.text.objects import sole_object
from gpo.scoring.text.plain import composed, unwrapped
from gpo.scoring.text.statements import STATED, Worth, boxed_words, worth_of

_MARKER = r"(?:[-*+\u2022\u2023▪●]|\(?[0-9]{1,3}[.):])"
_MARKED = re.compile(rf"^\s*(?:>\s*)?{_MARKER}(?:\s+|(?=[^\W\d]))(?=\S)(.*)$")
_NUMBERED = re.compile(r"(?:^|\s)[0-9]{1,3}[.)]\s+")
_BRACKETS = re.compile(r"(?<!\\)(?<![\w\])])\[([^\[\]{}]*)\]")
_ARROW = re.compile(r"-{1,2}>|={1,2}>|[→⇒➔]|(?<=\s)[<>](?=\s)")
_COMMA = re.compile(r"[,\u3001]\s*(?:and\s+|&\s*)?")
_SEMICOLON = re.compile(r";\s*(?:and\s+)?")
# "apple (starts with a)", "apple - a fruit", "apple comes first": what is said of an item is not the item.
_SAID_OF_ITEM = re.compile(r"(?<=\s)(?:\([^()]*\)\s*$|(?:[-\u2013\u2014]|comes|starts)\s.*$)|:(?:\s.*)?$")
_CUE = re.compile(
    r"\b(?:sorted|ordered|alphabetical(?:ly)?|ascending|descending|(?:correct|final|resulting) (?:order|list))\b"
    r"(?:(?!\bsteps?\b)[^:.\n]){0,80}?(?::|\b(?:is|are|would be)\b)[ \t*_:]*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[^\W\d])\.\s+(?=[A-Z][a-z]*\s+\w)")
_FENCE = re.compile(r"^\s*```\w*\s*$")
_LONGEST_ITEM = 5
"""Words of an item of running text; what is longer is a sentence."""
_PROSE = frozenset({
    "i", "the", "is", "are", "was", "to", "that", "this", "it", "we", "you", "not", "cannot", "sorry", "don't", "can't",
    "know", "unable", "no", "idea", "i'm",
})  # fmt: skip


def items_of(text: str) -> tuple[str, ...]:
    r"""The items of a text that is a list and nothing else.

    >>> items_of("1. New York\n2. Rome"), items_of("apple -> banana"), items_of('["a", "b, c"]'), items_of("a b")
    (('New York', 'Rome'), ('apple', 'banana'), ('a', 'b, c'), ('a', 'b'))
    """
    text = text.strip()
    if (array := _array(text)) is not None:
        return array
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1:
        return _cleaned(_marked(line) or line for line in lines)
    return _cleaned(_split(_marked(text) or text))


def canonical_list(items: Sequence[str]) -> str:
    """The items as one text that `items_of` reads back.

    >>> canonical_list(["apple", "banana"]), canonical_list(["New York", "Rome"]), canonical_list(["New York"])
    ('apple banana', 'New York, Rome', '["New York"]')
    """
    for separator in (" ", ", "):
        joined = separator.join(items)
        if items_of(joined) == tuple(items):
            return joined
    return json.dumps(list(items), ensure_ascii=False)


def _after(text: str, mark: re.Pattern[str]) -> Iterator[str]:
    """What stands between each mark and the next; the last one first."""
    end = len(text)
    for found in reversed(list(mark.finditer(text))):
        yield text[found.end() : end]
        end = found.start()


def _leading(text: str) -> tuple[str, ...] | None:
    """The list that `text` begins with."""
    if (array := _BRACKETS.match(text)) and (items := _array(array[0])):
        return items
    lines = _lines(text)
    if not lines:
        return None
    lines[0] = _SENTENCE_END.split(lines[0], maxsplit=1)[0]
    if only := _marked(lines[0]):
        alone = len(lines) == 1 or not _marked(lines[1])
        return _sane(_split(_SAID_OF_ITEM.sub("", only))) if alone else _block(lines)
    short = _while_short(lines)
    return _cleaned(short) if len(short) > 1 else _sane(_split(lines[0]))


def _last(text: str) -> tuple[str, ...] | None:
    """The last list that shows as one: in brackets, on marked lines, or with separators."""
    at, found = -1, None
    for array in _BRACKETS.finditer(text):
        if (items := _array(array[0])) and len(items) > 1:
            at, found = text.count("\n", 0, array.start()), items
    lines = text.splitlines()
    for number in range(len(lines) - 1, at, -1):
        line = lines[number]
        if _marked(line) and (number == 0 or not _marked(lines[number - 1])):
            items = _block(lines[number:])
        elif not _marked(line) and len(pieces := _split(line.rpartition(": ")[2], words=False)) > 1:
            items = _sane(pieces)
        else:
            continue
        if items and len(items) > 1:
            return items
    return found


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not _FENCE.match(line)]


def _marked(line: str) -> str | None:
    match = _MARKED.match(line)
    return match[1] if match else None


def _block(lines: Sequence[str]) -> tuple[str, ...] | None:
    """The items of the marked lines at the beginning of `lines`."""
    items = []
    for line in lines:
        if (item := _marked(line)) is None:
            if line.strip():
                break
            continue
        if item.rstrip("*_ ").endswith(":"):
            return None  # headings, not items
        items.append(_SAID_OF_ITEM.sub("", item))
    return _sane(items)


def _while_short(lines: Sequence[str]) -> list[str]:
    short = []
    for line in lines:
        if len(line.split()) > 2 or _marked(line) or line.endswith((":", ".")) or _COMMA.search(line):
            break
        short.append(line)
    return short


def _array(text: str) -> tuple[str, ...] | None:
    """The items of `[...]`, in JSON or as Python and people write it."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return _cleaned(piece.strip(" '") for piece in text[1:-1].split(","))
    return tuple(item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items)


def _split(line: str, *, words: bool = True) -> list[str]:
    """The pieces of one line, by the first separator that it holds."""
    if len(_NUMBERED.findall(line)) > 1:
        return _NUMBERED.split(line)
    for separator in (_ARROW, _SEMICOLON, _COMMA):
        if separator.search(line):
            return _with_last_two(separator.split(line))
    return line.split() if words else [line]


def _with_last_two(pieces: list[str]) -> list[str]:
    """The pieces of `a, b and c`, where the last two stand together."""
    two = re.fullmatch(r"\s*(\S+) (?:and|&) (\S+)\s*", pieces[-1])
    is_of_words = two is not None and all(len(piece.split()) == 1 for piece in pieces[:-1])
    return [*pieces[:-1], two[1], two[2]] if two and is_of_words else pieces


def _cleaned(pieces: Iterable[str]) -> tuple[str, ...]:
    items = [_bare(piece) for piece in pieces]
    if items and not items[-1].endswith("..."):
        items[-1] = _bare(items[-1].rstrip(". "))
    return tuple(item for item in items if item)


def _bare(piece: str) -> str:
    """An item without marks around it: a pair of them, or one of a pair that stands around several items."""
    piece = unwrapped(composed(piece), quotes=True)
    for mark in ("**", "`", '"', "\u201c", "\u201d"):
        if piece.count(mark) == 1 and len(piece) > len(mark):
            piece = piece.removeprefix(mark).removesuffix(mark).strip()
    return piece


def _sane(pieces: Iterable[str]) -> tuple[str, ...] | None:
    """The items, unless they are the parts of a sentence."""
    items = _cleaned(pieces)
    prose = any(len(item.split()) > _LONGEST_ITEM or item.endswith((".", "?", "!")) for item in items)
    if (
        not items
        or prose
        or _PROSE.issuperset(item.casefold() for item in items)
        or len(_PROSE.intersection(word.casefold() for item in items for word in item.split())) > 1
    ):
        return None
    return items


class ListText(NamedTuple):
    """A text in which a list is looked for; `cut`: the token limit ended it, and what it lists last is not whole."""

    raw: str
    cut: bool

    @property
    def kept(self) -> str:
        """The text without its last paragraph, where it was cut."""
        return self.raw.rpartition("\n\n")[0] if self.cut else self.raw


def read_list(text: str, *, cut: bool = False) -> tuple[str, ...] | None:
    r"""The list that a text states: what follows the last "the answer is", the last "sorted:", else the last list.

    >>> read_list("The words are b, a.\nSorted:\n1. a\n2. b\n\nThat is the alphabetical order.")
    ('a', 'b')
    """
    found = read_by(RULES, ListText(text, cut)).answer
    return items_of(found) if found else None


def _whole(text: ListText) -> Found:
    return _found(_array("\n".join(_lines(text.raw))))


def _json(text: ListText) -> Found:
    """The array of an object such as `{"answer": ["a", "b"]}`."""
    fields = sole_object(text.raw)
    if fields is None:
        return None
    arrays = [value for name, value in fields.items() if isinstance(value, list) and worth_of(name) is not Worth.ASIDE]
    return _found(_array(json.dumps(arrays[0], ensure_ascii=False))) if len(arrays) == 1 else None


def _tagged(text: ListText) -> Found:
    found = re.findall(r"<answer>\s*(.*?)\s*</answer>", text.raw, re.DOTALL | re.IGNORECASE)
    return _found(items_of(found[-1])) if found else None


def _boxed(text: ListText) -> Found:
    content = boxed_words(text.raw)
    return _found(items_of(content)) if content else None


def _answer(text: ListText) -> Found:
    return _after_mark(text.kept, STATED)


def _sorted(text: ListText) -> Found:
    return _after_mark(text.kept, _CUE)


def _last_list(text: ListText) -> Found:
    return None if text.cut else _found(_last(text.raw))


def _short_lines(text: ListText) -> Found:
    lines = _lines(text.raw)
    if text.cut or len(lines) < 2 or any(len(line.split()) > 2 for line in lines):
        return None
    return _found(_cleaned(lines))


def _last_line(text: ListText) -> Found:
    lines = _lines(text.raw)
    return _found(_sane(_split(lines[-1].rpartition(": ")[2]))) if lines and not text.cut else None


def _after_mark(text: str, mark: re.Pattern[str]) -> Found:
    return next((found for rest in _after(text, mark) if (found := _found(_leading(rest)))), None)


def _found(items: Sequence[str] | None) -> Found:
    return canonical_list(items) if items else None


RULES: tuple[Rule[ListText], ...] = (
    Rule("whole", _whole),
    Rule("json", _json),
    Rule("tag", _tagged),
    Rule("boxed", _boxed),
    Rule("answer", _answer),
    Rule("sorted", _sorted),
    Rule("last list", _last_list),
    Rule("short lines", _short_lines, weak=True),
    Rule("last line", _last_line, weak=True),
)
