"""Rules for a choice that go by lines: fields, verdicts on each option, a label alone or at the beginning."""

import re

from gpo.scoring.reading import UNCLEAR, Found, agreed
from gpo.scoring.rules.choice_text import OPENING_MARKS, ChoiceText, numbered_heads
from gpo.scoring.rules.sayings import has_rival, leading
from gpo.scoring.text import statements
from gpo.scoring.text.clauses import sentences
from gpo.scoring.text.mentions import said_in
from gpo.scoring.text.roles import Role
from gpo.scoring.text.statements import Worth, field_of, worth_of


def field(text: ChoiceText) -> Found:
    """What lines such as `Verdict: no` say."""
    said: dict[Worth, list[Found]] = {}
    for sentence in text.sentences:
        found = field_of(sentence.text)
        if found is None or sentence.asks:
            continue
        name = text.phrases.whole(found[0])
        if (
            name
            and name.opposite
            and not _SO_OR_NOT.fullmatch(found[0].replace("correct", ""))
            and (so := _SO_OR_NOT.match(found[1]))
        ):
            said.setdefault(Worth.ANSWER, []).append(name.meaning if so["yes"] else name.opposite)
            continue
        if text.phrases.find(_BRACKETED.sub("", found[0])):
            continue
        if (worth := worth_of(found[0])) is not Worth.ASIDE:
            undecided = worth is not Worth.FIELD and _UNDECIDED.match(found[1])
            said.setdefault(worth, []).append(UNCLEAR if undecided else text.leading(found[1]))
    return statements.best_of(said)


_UNDECIDED = re.compile(
    r"(?:unclear|unknown|mixed|none|n/?a|ambiguous|undetermined|cannot|can't|not sure|uncertain)\b", re.IGNORECASE
)
_SO_OR_NOT = re.compile(
    r"(?:(?P<yes>yes|true|correct|[\u2713\u2714\u2705])|no|false|incorrect|[\u2717\u2718\u274c])(?![\w/]|\s+(?:or|and)\b)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\([^()]*\)|\b[0-9]{1,2}\s?(?:-|to)\s?[0-9]{1,3}\b")

_VERDICT = re.compile(
    r"^\W*(?:(?:this|it|that)(?: one| option| answer| statement| choice)?\s+|(?:option|choice|answer|"
    r"statement)\s+)?(?:is\s+)?(?P<first>(?:not\s+)?(?:the\s+)?(?:in)?correct|right|wrong|true|false|(?:yes|no)(?=\W*$)|✓|✔|"
    r"✅|✗|✘|❌)(?!\w)"
    r"|(?P<last>(?:[(\[\u2013\u2014:]|\s-)\s*(?:in)?correct(?: answer)?|(?:[(\[\u2013\u2014:]|"
    r"\s-)\s*(?:wrong|right|false|true|yes|no)|✓|✔|✅|✗|✘|❌)(?:\s+(?:too|as well|also))?\W*$",
    re.IGNORECASE,
)

_WRONG = re.compile(r"not|no$|incorrect|wrong|false|[✗✘❌]", re.IGNORECASE)


def ticked(text: ChoiceText) -> Found:
    """The one option whose box is ticked, where others have an empty one: `[x] yes` beside `[ ] no`."""
    boxes = [found for line in text.raw.splitlines() if (found := _BOXED_LINE.match(line))]
    options = [found["option"] for found in boxes if found["box"] != " "]
    if not options or len(options) == len(boxes):
        return None
    marked = [text.phrases.whole(option) for option in options]
    return UNCLEAR if None in marked else agreed([phrase.meaning for phrase in marked if phrase])


_BOXED_LINE = re.compile(r"\s*(?:[-*+]\s+)?\[(?P<box>[ xX\u2713])\]\s+(?P<option>\S.*)$")


def judged(text: ChoiceText) -> Found:
    """The one option that is called right where each is judged on a line of its own."""
    right, seen = [], set()
    for line in (piece for each in text.lines for piece in _judgements(each, text)):
        head = next(numbered_heads([line], text.phrases), None)
        if head is None:
            name, value = field_of(line) or ("", "")
            word = text.phrases.whole(name)
            if word and not word.is_particle and (so := _SO_OR_NOT.fullmatch(value)):
                seen.add(word.meaning)
                right += [word.meaning] * bool(so["yes"])
            continue
        rest = _AFTER_HEAD.sub("", line)
        if verdict := _VERDICT.search(rest):
            seen.add(head[1])
            if not _WRONG.search(verdict["first"] or verdict["last"]):
                right.append(head[1])
    if not right or len(seen) < 2:
        return None
    return agreed(right)


def _judgements(line: str, text: ChoiceText) -> list[str]:
    """The parts of a line that judges one option after the other: `A: wrong. B: right`."""
    parts = _NEXT_HEAD.split(line)
    heads = [head for _, head in numbered_heads(parts, text.phrases)]
    return parts if len(heads) == len(parts) == len(set(heads)) else [line]


_NEXT_HEAD = re.compile(
    r"(?<=[.,;!\u2713\u2714\u2705\u2717\u2718\u274c])\s+(?=(?:option\s+)?[(\[]?\w[)\].:]+\s)", re.IGNORECASE
)
_AFTER_HEAD = re.compile(r"^[\s>*+|\u2022-]*(?:option\s+)?[(\[]?\w{1,12}[)\]]?", re.IGNORECASE)


def alone(text: ChoiceText) -> Found:
    """A phrase that is the whole first or last line."""
    if not text.lines:
        return None
    ends = [text.lines[0]] if text.cut else [text.lines[0], text.lines[-1]]
    found = [phrase.meaning for line in ends if (phrase := text.phrases.whole(OPENING_MARKS.sub("", line)))]
    return agreed(found)


def opening(text: ChoiceText) -> Found:
    """A phrase that opens the text and ends there, or a listed label with its text: `Yes, because ...`, `(B) Rome`."""
    if not text.lines or not text.sentences or text.sentences[0].asks or _goes_through(text):
        return None
    wholes = {phrase.meaning for each in text.sentences if (phrase := text.phrases.whole(each.text))}
    if _are_headings(text) or len(wholes) > 1 or _is_denied_field(text):
        return UNCLEAR
    line = OPENING_MARKS.sub("", text.lines[0])
    if (found := _headed(text, line)) is not None:
        return found
    first = next(iter(sentences(line)), None)
    return None if first is None else leading(first.text, said_in(first.text, text.phrases))


def _is_denied_field(text: ChoiceText) -> bool:
    """Whether the first line says of one option that it is not so: `positive: no`."""
    name, value = field_of(text.lines[0]) or ("", "")
    phrase, so = text.phrases.whole(name), _SO_OR_NOT.fullmatch(value)
    return phrase is not None and not phrase.is_particle and so is not None and not so["yes"]


def _headed(text: ChoiceText, line: str) -> Found:
    """The label in a line such as `(B) Rome` or `B. Rome`, unless the line goes on to speak of the label."""
    line = _OPTION.sub("", line)
    head = MARKED_LABEL.match(line)
    phrase = text.phrases.whole(head[0]) if head else None
    said = said_in(line, text.phrases)
    if head is None or phrase is None:
        return None
    if has_rival(line, said) or _goes_through_line(text, line):
        return UNCLEAR
    role = said[0].role if said and said[0].start <= head.end() else Role.MENTIONED
    is_spoken_of = role is Role.MENTIONED and not TITLED.match(line, head.end())
    return None if role is Role.DENIED or is_spoken_of else phrase.meaning


def _goes_through_line(text: ChoiceText, line: str) -> bool:
    """Whether a line lists the options one after the other: `A) wrong B) wrong C) right`."""
    heads = [phrase.meaning for head in _INLINE.findall(line) if (phrase := text.phrases.whole(head))]
    return len(heads) > 1 and heads[:3] == text.phrases.meanings[: max(3, len(heads[:3]))]


_OPTION = re.compile(r"^(?:option|choice)\s+(?=\w[).:]\s)", re.IGNORECASE)
_INLINE = re.compile(r"(?<!\w)\(?\w[).:](?=\s)")
TITLED = re.compile(r"\s*[A-Z0-9\"\u201c]")

MARKED_LABEL = re.compile(r"[(\[]\w[)\]]|\w[).:](?=\s)")


def _are_headings(text: ChoiceText) -> bool:
    """Whether different phrases head different parts: `Positive: the food. Negative: the service`."""
    named = {
        found.meaning
        for sentence in text.sentences
        for found in text.phrases.find(sentence.text)
        if _HEADS.match(sentence.text, found.end)
        and (found.end - found.start > 1 or sentence.text[found.end :].lstrip().startswith("("))
        and not re.split("[,;]", sentence.text[: found.start])[-1].strip(" *-|(")
    }
    return len(named) > 1


_HEADS = re.compile(r"\s*[:(]")


def _goes_through(text: ChoiceText) -> bool:
    """Whether the lines list the options one after the other: then the first one is no answer."""
    heads = [head for _, head in numbered_heads(text.lines, text.phrases)]
    order = text.phrases.meanings
    if len(heads) < 2:
        return False
    following = order.index(heads[0]) + 1
    return following < len(order) and heads[1] == order[following]
