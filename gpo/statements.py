r"""Where a text states its answer, and what it only thinks aloud.

Hidden reasoning is never read: `<think>`, `<thinking>`, `<thought>` and `<reasoning>` tags, `[THINK]` marks, and all
channels but the final one of models that write in channels, closed or not.
"""

import re
from collections.abc import Iterator

_TAG = r"think(?:ing)?|thoughts?|reasoning"
_OPENING = re.compile(rf"<(?:{_TAG})>|\[THINK\]", re.IGNORECASE)
_CLOSING = re.compile(rf"</(?:{_TAG})>|\[/THINK\]", re.IGNORECASE)
_CHANNEL = "<|channel|>"
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*<\|message\|>")
_CONTROL = re.compile(r"<\|\w+\|>")

_SURELY = r"(?:\ (?:therefore|thus|then|hence|indeed|clearly|simply|definitely|probably|most\ likely))?"
_VERB = rf"(?:{_SURELY}\ (?:is|was|are|would\ be|should\ be|must\ be|will\ be|becomes)\b|[:=])"
_AIM = r"(?:\ (?:to|for|of)\ (?:the|this|your)\ [\w\ ]{1,40}?)?"
STATED = re.compile(
    rf"""\banswers?["'*_`]{{0,3}}{_AIM}\ ?["'*_`]{{0,3}}(?:\ ?\([^()\n]{{1,20}}\))?{_VERB}{_SURELY}[\ \t:*_]*
    | ^[#*_\s]{{0,8}}(?:final\ |correct\ |the\ )*answer[*_:\s]{{0,4}}\n\s*
    | <answer>
    | \\boxed\{{""",
    re.IGNORECASE | re.VERBOSE | re.MULTILINE,
)
"""Marks of an answer: "the answer is", "Answer:", a heading, a tag, `\\boxed{`."""


def without_reasoning(text: str) -> str:
    """The part of a model's text that is meant to be read.

    >>> without_reasoning("<think>(A)? No.</think>The answer is (B).")
    'The answer is (B).'
    """
    if _CHANNEL in text:
        text = _final_channel(text)
    *closed, last = _CLOSING.split(text)
    # Some chat templates put the opening tag into the prompt: all that precedes a lone closing tag is reasoning.
    shown = [_OPENING.split(part, maxsplit=1)[0] for part in closed if _OPENING.search(part)]
    return "".join([*shown, _OPENING.split(last, maxsplit=1)[0]])


def _final_channel(text: str) -> str:
    parts = _FINAL.split(text)
    if len(parts) > 1:
        return _CONTROL.split(parts[-1], maxsplit=1)[0]
    return text.split(_CHANNEL, maxsplit=1)[0]


def stated(text: str, mark: re.Pattern[str] = STATED) -> Iterator[str]:
    """The rest of the line after each mark, up to the next mark or the box's end; the last one first."""
    end = len(text)
    for found in reversed(list(mark.finditer(text))):
        part = text[found.end() : end]
        end = found.start()
        if line := first_line(_boxed(part) if found[0].endswith("{") else part.split("</answer>", 1)[0]):
            yield line


def _boxed(text: str) -> str:
    """What precedes the brace that closes a box; all of `text` when none does."""
    depth = 0
    for brace in re.finditer(r"(?<!\\)[{}]", text):
        depth += 1 if brace[0] == "{" else -1
        if depth < 0:
            return text[: brace.start()]
    return text


def first_line(text: str) -> str | None:
    """The first line that is not blank, stripped."""
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else None
