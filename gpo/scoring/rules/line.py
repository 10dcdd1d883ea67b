"""A text of one line, or the whole text: what is stated, else the first line."""

import re

from gpo.scoring.reading import UNCLEAR, Found, Rule
from gpo.scoring.text import statements
from gpo.scoring.text.objects import sole_object
from gpo.scoring.text.plain import unwrapped
from gpo.scoring.text.statements import Worth, worth_of

_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_FENCED = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n(?P<content>.*?)(?:\n[ \t]*\1[ \t]*(?:\n|$)|$(?![\s\S]))", re.MULTILINE | re.DOTALL
)

_ANNOUNCES = re.compile(r"[^\n]*[:\uff1a][*_]*")


def _json(text: str) -> Found:
    fields = sole_object(text)
    if fields is None:
        return None
    said = [value for name, value in fields.items() if worth_of(name) is Worth.FINAL]
    return str(said[0]).strip() or None if len(said) == 1 and isinstance(said[0], str | int | float) else None


def _boxed(text: str) -> Found:
    content = statements.boxed_words(text)
    return _line(content) if content else None


def _tagged(text: str) -> Found:
    found = re.findall(r"<answer>\s*(.*?)\s*(?:</answer>|$)", text, re.DOTALL | re.IGNORECASE)
    return _line(found[-1]) if found else None


def _stated(text: str) -> Found:
    return next((line for each in statements.stated(text) if (line := _line(each.value))), None)


def _fenced(text: str) -> Found:
    """The one line in the only fence, where it is all of the text or follows a first line that ends with a colon."""
    found = _FENCED.search(text)
    if not found or _FENCED.search(text, found.end()):
        return None
    before, after = text[: found.start()].strip(), text[found.end() :].strip()
    if not _ANNOUNCES.fullmatch(before) if before else after:
        return None
    lines = [line for line in found["content"].splitlines() if line.strip()]
    return _line(lines[0]) if len(lines) == 1 else UNCLEAR


def _one_line(text: str) -> Found:
    """The line of a text that has no other."""
    lines = [line for line in text.splitlines() if line.strip()]
    return _first_line(text) if len(lines) == 1 else None


def _first_line(text: str) -> Found:
    """The first line that says more than "Answer:"; none where it only announces the next ones."""
    lines = [line for each in text.splitlines() if (line := _line(statements.STATED.sub("", each)))]
    if len(lines) > 1 and _ANNOUNCES.fullmatch(lines[0]):
        return UNCLEAR
    return lines[0] if lines else None


def _line(text: str) -> str | None:
    lines = text.strip().splitlines()
    if not lines:
        return None
    line = _BOLD.sub(r"\1", lines[0]).strip()
    if line.endswith("**") and line.count("**") == 1:
        line = line.removesuffix("**")  # the bold began before the answer
    if not line.strip("*_`$ "):
        return None
    # In "It is `ls`." the full stop is the sentence's.
    bare = line.rstrip(".")
    inner = unwrapped(bare)
    return (inner if inner != bare else unwrapped(line)).strip() or None


def _all(text: str) -> Found:
    return text or None


LINE_RULES: tuple[Rule[str], ...] = (
    Rule("json", _json),
    Rule("fenced", _fenced),
    Rule("tag", _tagged),
    Rule("boxed", _boxed),
    Rule("answer", _stated),
    Rule("one line", _one_line),
    Rule("first line", _first_line, weak=True),
)
TEXT_RULES: tuple[Rule[str], ...] = (Rule("all", _all),)
