r"""What of a text is meant to be read, and what it only thinks aloud.

Hidden reasoning is never read, closed or not: tags such as `<think>` and the marks of several families of models, all
channels but the final one of models that write in channels, and all that follows the end of the model's turn.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_TAG = (
    r"(?:seed:)?think(?:ing)?|thoughts?|reasoning|reflection|scratchpad|analysis|(?:inner|"
    r"internal)_(?:thoughts?|monologue|reasoning)|"
    r"chain_of_thought|cot|antthinking"
)
_OPENING = (
    rf"<(?:{_TAG})>|\[THINK\]|\u25c1think\u25b7|<\|begin_of_thought\|>|<\|START_THINKING\|>|"
    rf"<\|inner_prefix\|>|<unused94>|<\|channel>thought|"
    r"\A\s*here(?:'s| is) my thought process:"
)
_CLOSING = re.compile(
    rf"</(?:{_TAG})>|\[/THINK\]|\u25c1/think\u25b7|<\|end_of_thought\|>|<\|END_THINKING\|>|"
    rf"<\|inner_suffix\|>|<unused95>|<channel\|>|"
    r"here(?:'s| is) my response:",
    re.IGNORECASE,
)
_CHANNEL = "<|channel|>"
_FINAL = re.compile(r"<\|channel\|>\s*final\b[^<]*<\|message\|>")
_CONTROL = re.compile(r"<\|\w+\|>")
_TURN_ENDS = re.compile(
    r"<\|(?:im_end|eot_id|eom_id|end|endoftext|end_of_text|return|end_of_turn|eot|END_OF_TURN_TOKEN|"
    r"END_RESPONSE|end_of_solution)\|>|</s>|<end_of_turn>|<eos>|"
    r"<\uff5cend\u2581of\u2581sentence\uff5c>",
    re.IGNORECASE,
)
_TURN_BEGINS = re.compile(
    r"\A\s*(?:<\|(?:im_start|start_header_id|start|START_RESPONSE|begin_of_solution|"
    r"assistant)\|>\s*(?:assistant\b)?\s*(?:<\|end_header_id\|>)?|<start_of_turn>\s*model\b)\s*",
    re.IGNORECASE,
)


_SPEAKER = re.compile(r"\A\s*(?:AI )?assistant\s?:\s*(?=\S)", re.IGNORECASE)


class WithoutReasoning(NamedTuple):
    """What of a text is meant to be read; `is_cut_off`: it ends within reasoning, and never came to more."""

    shown: str
    is_cut_off: bool


def without_reasoning(text: str) -> str:
    """The part of a model's text that is meant to be read.

    >>> without_reasoning("<think>(A)? No.</think>The answer is (B).")
    'The answer is (B).'
    """
    return read_through(text).shown


def read_through(text: str, kept: tuple[str, str] | None = None) -> WithoutReasoning:
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
                return WithoutReasoning("".join(shown), is_cut_off=True)
            at = closing.end()
        # Some chat templates put the opening tag into the prompt: all that precedes a lone closing tag is reasoning.
        begin = at
    return WithoutReasoning("".join([*shown, text[begin:]]), is_cut_off=False)


@lru_cache(maxsize=16)
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


def turn_of(text: str) -> str:
    """The model's own turn: without hidden reasoning, marks of its beginning, and what follows the mark of its end.

    >>> turn_of("<think>(A)?</think>The answer is (B).<|im_end|>user: and now?")
    'The answer is (B).'
    """
    shown = _SPEAKER.sub("", _TURN_BEGINS.sub("", without_reasoning(text)))
    return _TURN_ENDS.split(shown, maxsplit=1)[0].strip()
