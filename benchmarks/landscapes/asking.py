"""Finds what a request to the optimizer model asks for: what to do, within which limit, and in which form to answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Wish = Literal["improve", "merge", "paraphrase", "shorten", "restructure", "fit", "invent", "remark"]
Style = Literal["fields", "json", "list", "marks", "fence", "plain"]

_PROPOSES = re.compile(
    r"new (?:and )?(?:improved )?(?:version|instruction|prompt)|(?:improved|better|final|corresponding|single) "
    r"(?:\w+ )?(?:instruction|prompt)|(?:re)?write (?:an?|one|the|this|it) ?(?:\w+ )?(?:instruction|prompt)?|"
    r"variation of|modify the|<start[ >]|<prompt>|system prompts|shorten|simplify the|rephrase|instructions? that ask"
)
_ONLY_TALK = re.compile(r"do not write (?:a|any|the) (?:new )?instruction|no (?:new )?instruction yet")
_WISHES: tuple[tuple[Wish, re.Pattern[str]], ...] = (
    ("fit", re.compile(r"(?:brings?|keep|stay)\b[^.]{0,60}within|too (?:many words|far)|over the (?:limit|budget)")),
    (
        "merge",
        re.compile(r"\bmerg(?:e|ing) |\bcrossover|\bcombine (?:the|both|these|them)|\bcombination of|right in both"),
    ),
    ("paraphrase", re.compile(r"\brephrase|\bparaphras|\bvariation of the|in other words")),
    (
        "shorten",
        re.compile(r"(?:^|[\n.:;,] ?|and |to )(?:simplify|shorten)\b|shorter (?:instruction|version|prompt)\b"),
    ),
    ("restructure", re.compile(r"\brestructur|\breorgani[sz]|in an?(?:other)? (?:\w+ )?order\b")),
)
_MUTATES = re.compile(r"mutat|\badd an? (?:\w+ )?(?:rule|clause|sentence)")
_DEFINES = re.compile(
    r"(?:defin\w+(?: of| for)?|says? what|what|meaning of) (?:each|every|all|the|of the) ?(?:possible )?"
    r"(?:labels?|choices?|answers?|categor\w+|class\w*)|\bdefine (?:them|it)\b"
)
_MOST = r"(?:at most|no more than|up to)"
_CHANGES = re.compile(
    rf"(?:chang\w+|differs?|edit\w*)[^.]{{0,40}}?{_MOST} (\d+) words?|"
    rf"{_MOST} (\d+) words? (?:of it )?(?:may|can) be changed"
)
_LENGTH = re.compile(r"(?:at most|no more than|within|under|up to|fewer than) (\d+) words?")


@dataclass(frozen=True)
class Ask:
    """What is asked for. `changes` and `length`: words that may change, and that there may be in all."""

    wish: Wish
    mutates: bool
    defines: bool
    changes: int | None
    length: int | None


@dataclass(frozen=True)
class Form:
    """How to answer: between `marks`, in named fields, in a fence, as a list of so many, or just so."""

    style: Style
    fields: tuple[str, ...] = ()
    marks: tuple[str, str] = ("", "")
    count: int = 1


def read_ask(rest: str, form: Form, instructions: int) -> Ask:
    """The wish in the text of a request that is neither instruction nor case."""
    changes = next((int(first or second) for first, second in _CHANGES.findall(rest)), None)
    lengths = [] if changes is not None else [int(number) for number in _LENGTH.findall(rest)]
    return Ask(
        wish=_wish(rest, form, instructions),
        mutates=_MUTATES.search(rest) is not None,
        defines=_DEFINES.search(rest) is not None,
        changes=changes,
        length=lengths[-1] if lengths else None,
    )


def _wish(rest: str, form: Form, instructions: int) -> Wish:
    if form.fields:
        proposes = any("instruction" in name or "prompt" in name for name in form.fields)
    else:
        proposes = _PROPOSES.search(rest) is not None and _ONLY_TALK.search(rest) is None
    if not proposes:
        return "remark"
    if instructions == 0:
        return "invent"
    found = next((wish for wish, pattern in _WISHES if pattern.search(rest)), "improve")
    return "improve" if found in {"merge", "fit"} and instructions < 2 else found


def read_form(request: str) -> Form:
    """The form that a request asks for."""
    if "[[ ## completed ## ]]" in request:
        asked = re.findall(r"`\[\[ ## (\w+) ## \]\]`", request.rsplit("Respond with", 1)[-1])
        return Form("fields", tuple(name for name in asked if name != "completed"))
    if "JSON object" in request:
        return Form("json", tuple(re.findall(r"`(\w+)`", request.rsplit("JSON object", 1)[-1])))
    if number := re.search(r"overall (\d+) prompts within json", request):
        return Form("list", count=int(number[1]))
    if marks := _marks(request):
        return Form("marks", marks=marks)
    return Form("fence" if "``` block" in request else "plain")


def _marks(request: str) -> tuple[str, str] | None:
    if tags := re.findall(r"<START( \w+)?>", request):
        return f"<START{tags[-1]}>", f"<END{tags[-1]}>"
    if "<prompt>" in request:
        return "<prompt>", "</prompt>"
    found = re.search(r"(?:between|in|within|with|inside) (<(\w+)>)(?: and | ?\.\.\. ?|)(</\2>)?", request)
    return (found[1], f"</{found[2]}>") if found else None


def write_reply(form: Form, proposal: str, remark: str) -> str:
    """A proposal or a remark in the form that was asked for."""
    text = proposal or remark
    match form.style:
        case "fields":
            fields = _fill(form, proposal, remark)
            return (
                "\n\n".join(f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items())
                + "\n\n[[ ## completed ## ]]"
            )
        case "json":
            return json.dumps(_fill(form, proposal, remark))
        case "marks" if proposal:
            return f"{form.marks[0]}{text}{form.marks[1]}"
        case "fence" if proposal:
            return f"```\n{text}\n```"
        case _:
            return text


def _fill(form: Form, proposal: str, remark: str) -> Mapping[str, str]:
    def value(name: str) -> str:
        if "prefix" in name:
            return "Label:"
        return proposal if proposal and ("instruction" in name or "prompt" in name) else remark

    return {name: value(name) for name in form.fields}
