r"""Where a text states its answer, and what it only thinks aloud.

Hidden reasoning is never read: `<think>`, `<thinking>`, `<thought>` and `<reasoning>` tags, `[THINK]` marks, and all
channels but the final one of models that write in channels, closed or not.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

_TAG = r"think(?:ing)?|thoughts?|reasoning"
_OPENING = rf"<(?:{_TAG})>|\[THINK\]"
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


class Reading(NamedTuple):
    """What of a text is meant to be read; `is_cut_off`: it ends within reasoning, and never came to more."""

    shown: str
    is_cut_off: bool


def without_reasoning(text: str) -> str:
    """The part of a model's text that is meant to be read.

    >>> without_reasoning("<think>(A)? No.</think>The answer is (B).")
    'The answer is (B).'
    """
    return read_through(text).shown


def read_through(text: str, kept: tuple[str, str] | None = None) -> Reading:
    """A text without its reasoning; tags that stand between a pair of `kept` marks, outside reasoning, are mere words.

    >>> read_through("<think>Tags?</think><START>Reason in <think> tags.<END>", ("<START>", "<END>")).shown
    '<START>Reason in <think> tags.<END>'
    >>> read_through("It is <think>hard to").is_cut_off
    True
    """
    if _CHANNEL in text:
        text = _final_channel(text)
    marks, shown = _marks(kept), []
    begin = at = 0
    while (mark := marks.search(text, at)) is not None:
        at = mark.end()
        if mark.lastgroup == "kept":
            continue
        if mark.lastgroup == "opening":
            shown.append(text[begin : mark.start()])
            if (closing := _CLOSING.search(text, at)) is None:
                return Reading("".join(shown), is_cut_off=True)
            at = closing.end()
        # Some chat templates put the opening tag into the prompt: all that precedes a lone closing tag is reasoning.
        begin = at
    return Reading("".join([*shown, text[begin:]]), is_cut_off=False)


@cache
def _marks(kept: tuple[str, str] | None) -> re.Pattern[str]:
    """Whatever comes first: an opening tag, a closing one, or a pair of marks with all that is between them."""
    tags = rf"(?P<opening>{_OPENING})|(?P<closing>{_CLOSING.pattern})"
    if kept is None:
        return re.compile(tags, re.IGNORECASE)
    first, last = map(re.escape, kept)
    return re.compile(rf"(?P<kept>(?s-i:{first}(?:(?!{first}|{last}).)*{last}))|{tags}", re.IGNORECASE)


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
