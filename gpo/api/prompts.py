"""The prompt that is given in Python, in whatever form, as messages with one instruction in them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gpo.errors import SpecError
from gpo.formatting import shorten_value
from gpo.prompts.langchain.template import from_langchain
from gpo.template import INSTRUCTION, variables_in

_HERE = f"{{{{{INSTRUCTION}}}}}"
_VARIABLE = re.compile(r"\{\{[^{}]*\}\}")
_BREAKS = (re.compile(r"\n[ \t]*\n"), re.compile(r"\n"), _VARIABLE)
"""Where a text may be cut, the best place first: between paragraphs, between lines, at variables."""

_ROLES = {"human": "user", "ai": "assistant", "messages_placeholder": "placeholder"}
_FORM = (
    "a text with `{{variables}}`, a list of messages such as `{'system': 'Classify.'}`, or a ChatPromptTemplate of "
    "LangChain"
)


class GivenPrompt(NamedTuple):
    """A prompt as a spec has it. Without `messages` it is an instruction alone, and the inputs are still to be placed.

    `told` says what was guessed.
    """

    instruction: str
    messages: tuple[Mapping[str, str], ...] = ()
    told: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that the messages use, in order."""
        names = (name for message in self.messages for text in message.values() for name in variables_in(text))
        return tuple(dict.fromkeys(name for name in names if name != INSTRUCTION))


def read_prompt(given: object, instruction: str | None = None) -> GivenPrompt:
    """The messages of a prompt, with the part of the text that is to be improved.

    That is `instruction`, which stands in the prompt word for word or where it has `{{instruction}}`. Without it, it is
    guessed: the first system message without variables, else the longest part of the text that has none.

    >>> read_prompt("Classify the ticket: {{ticket}}").messages
    ({'user': '{{instruction}} {{ticket}}'},)

    Raises:
        SpecError: it has no such form, or no text that could be improved.
    """
    if isinstance(given, str) and instruction is None and not variables_in(given):
        return GivenPrompt(given.strip())
    messages = [*_messages(given)]
    if any(_HERE in text for message in messages for text in message.values()):
        if instruction is None:
            raise SpecError("prompt: holds {{instruction}}; give the text to start from as `instruction=`")
        return GivenPrompt(instruction, tuple(messages))
    if instruction is not None:
        return GivenPrompt(instruction.strip(), _with_place(messages, instruction.strip()))
    place, start, end = _find_instruction(messages)
    role, text = next(iter(messages[place].items()))
    found = text[start:end]
    messages[place] = {role: f"{text[:start]}{_HERE}{text[end:]}"}
    told = f"the instruction is {shorten_value(found)}; all else of the prompt stays (`instruction=`)"
    return GivenPrompt(found, tuple(messages), (told,))


def _messages(given: object) -> Iterator[Mapping[str, str]]:
    if isinstance(given, str):
        yield {"user": given}
        return
    found = from_langchain(given)
    if found is not None:
        for message in found:
            yield {message.role: message.text}
        return
    if isinstance(given, Mapping) or not isinstance(given, Sequence) or not given:
        raise SpecError(f"prompt: received {type(given).__name__}; give {_FORM}")
    for number, message in enumerate(given, start=1):
        match message:
            case {"role": str(role), "content": str(text)}:
                yield {_ROLES.get(role, role): text}
            case (str(role), str(text)):
                yield {_ROLES.get(role, role): text}
            case Mapping() if len(message) == 1 and all(isinstance(text, str) for text in message.values()):
                yield {_ROLES.get(str(role), str(role)): text for role, text in message.items()}
            case _:
                raise SpecError(f"prompt: message {number} is {shorten_value(message)}; give {_FORM}")


def _with_place(messages: Sequence[Mapping[str, str]], instruction: str) -> tuple[Mapping[str, str], ...]:
    count = sum(text.count(instruction) for message in messages for text in message.values())
    if count != 1:
        raise SpecError(
            f"instruction: {shorten_value(instruction)} stands {count} times in the prompt; give a part of it that "
            "stands there once, or write {{instruction}} in its place"
        )
    return tuple({role: text.replace(instruction, _HERE) for role, text in message.items()} for message in messages)


def _find_instruction(messages: Sequence[Mapping[str, str]]) -> tuple[int, int, int]:
    """The message with the instruction, and from where to where in its text it goes."""
    texts = [(place, *next(iter(message.items()))) for place, message in enumerate(messages)]
    for place, role, text in texts:
        if role == "system" and text.strip() and not variables_in(text):
            return place, *_bounds(text, 0, len(text))
    found = [(place, *span) for place, role, text in texts if role != "placeholder" and (span := _longest(text))]
    if not found:
        raise SpecError("prompt: has no text that could be improved, only variables; write what is to be done")
    return max(found, key=lambda span: span[2] - span[1])


def _longest(text: str) -> tuple[int, int] | None:
    for breaks in _BREAKS:
        spans = [span for span in _runs(text, breaks) if any(map(str.isalpha, text[slice(*span)]))]
        if spans:
            return max(spans, key=lambda span: span[1] - span[0])
    return None


def _runs(text: str, breaks: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    """The longest runs of neighbouring pieces without a variable, without the white space around them."""
    cuts = [match.span() for match in breaks.finditer(text)]
    pieces = list(zip([0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)], strict=True))
    begun: int | None = None
    end = 0
    for start, stop in pieces:
        cut_by_variable = breaks is _VARIABLE and begun is not None
        if _VARIABLE.search(text, start, stop) or cut_by_variable:
            if begun is not None:
                yield _bounds(text, begun, end)
            begun = start if cut_by_variable else None
        elif begun is None:
            begun = start
        end = stop
    if begun is not None:
        yield _bounds(text, begun, end)


def _bounds(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
