"""Prompt messages with `{{variables}}`: where the instruction stands, and how messages are filled with an example.

`{{name}}` is replaced once, from left to right, and what is put in is not looked at again. Braces, quotes and `{{...}}`
in data or in an instruction stay as they are.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal

from gpo.formatting import hides_characters
from gpo.messages.message import Conversation, InputValue, Message, shown_inputs
from gpo.records import Example, Record

TextRole = Literal["system", "user", "assistant", "placeholder"]
"""What a message of a spec may be."""
Position = Literal["before", "beginning", "end", "answer"]
INSTRUCTION = "instruction"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
"""What the name of a variable may be."""
_VARIABLE = re.compile(rf"\{{\{{\s*({VARIABLE.pattern})\s*\}}\}}")
_PLACEHOLDER = re.compile(r"\{\{\s*(\w[\w ./-]*?)\s*\}\}")


def variables_in(text: str) -> list[str]:
    """Names of the `{{variables}}` of `text`, in order, with repetitions.

    >>> variables_in("{{review}} - {{ instruction }} {not one}")
    ['review', 'instruction']
    """
    return _VARIABLE.findall(text)


def misnamed_in(text: str) -> list[str]:
    """What stands in `{{...}}` like a name and is no variable's: that has letters of ASCII, digits and _ alone.

    >>> misnamed_in('{{user name}}, {{user-name}}, {{user_name}}, {{1}}, {{"a": 1}}')
    ['user name', 'user-name']
    """
    names: list[str] = _PLACEHOLDER.findall(text)
    return [name for name in names if any(map(str.isalpha, name)) and not _VARIABLE.fullmatch(f"{{{{{name}}}}}")]


class Part(Record):
    """A piece of a message: text that stands as it is, or the name of a variable."""

    text: str
    is_variable: bool = False


def parts_in(text: str) -> tuple[Part, ...]:
    """The pieces of `text` in order, without empty ones.

    >>> [part.text for part in parts_in("{{review}}: {x}")]
    ['review', ': {x}']
    """
    pieces = (Part(text=piece, is_variable=bool(number % 2)) for number, piece in enumerate(_VARIABLE.split(text)))
    return tuple(part for part in pieces if part.text)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace every variable of `text` once; a variable without a value raises KeyError.

    >>> fill("{{a}} and {{b}}", {"a": "{{b}}", "b": "x"})
    '{{b}} and x'
    """
    return _VARIABLE.sub(lambda match: values[match[1]], text)


def place_instruction(
    question: str, position: Position, role: Literal["user", "system"] = "user"
) -> tuple[Message, ...]:
    r"""The template that puts the instruction at a position of a question, which holds variables of its own.

    | position | messages |
    |---|---|
    | `before` | user: instruction, blank line, question |
    | `beginning` | user: instruction, line break, question |
    | `end` | user: question, line break, instruction |
    | `answer` | user: question; assistant: instruction, which the model continues |
    | `before`, role `system` | system: instruction; user: question |

    >>> [message.text for message in place_instruction("Q: {{input}}", "end")]
    ['Q: {{input}}\n{{instruction}}']
    """
    instruction = f"{{{{{INSTRUCTION}}}}}"
    if role == "system":
        return Message(role="system", text=instruction), Message(role="user", text=question)
    if position == "answer":
        return Message(role="user", text=question), Message(role="assistant", text=instruction)
    texts = {
        "before": f"{instruction}\n\n{question}",
        "beginning": f"{instruction}\n{question}",
        "end": f"{question}\n{instruction}",
    }
    return (Message(role="user", text=texts[position]),)


def render(
    template: Sequence[Message],
    instruction: str,
    inputs: Mapping[str, InputValue],
    demonstrations: Sequence[Example] = (),
) -> tuple[Message, ...]:
    """The messages that are sent for one example; the messages of a conversation take the place of its placeholder.

    Demonstrations stand after the opening system messages and before the question: see `demonstrate`.
    """
    opening = opening_of(template)
    return (
        *_fill_messages(template[:opening], instruction, inputs),
        *demonstrate(template, instruction, demonstrations),
        *_fill_messages(template[opening:], instruction, inputs),
    )


def begins_with_instruction(template: Sequence[Message]) -> bool:
    """Whether the messages of all examples begin alike: with the instruction, and what of an example comes after it.

    >>> begins_with_instruction(place_instruction("Q: {{input}}", "before"))
    True
    >>> begins_with_instruction(place_instruction("Q: {{input}}", "end"))
    False
    """
    return next((name == INSTRUCTION for message in template for name in variables_in(message.text)), False)


def opening_of(template: Sequence[Message]) -> int:
    """How many system messages a template begins with."""
    return next((number for number, message in enumerate(template) if message.role != "system"), len(template))


def demonstrate(template: Sequence[Message], instruction: str, examples: Sequence[Example]) -> tuple[Message, ...]:
    """Worked examples as messages.

    Each is rendered as the question is and followed by its worked solution or, without one, its reference as the
    assistant's text.
    """
    asked = template[opening_of(template) :]
    return tuple(
        message
        for example in examples
        for message in with_answer(_fill_messages(asked, instruction, example.inputs), _shown_answer(example))
        # Tools are those of the question, and none of its examples'.
        if "tools" not in message.more
    )


def placeholder_of(message: Message) -> str | None:
    """The variable whose conversation stands in the place of a template's message; None where it is a message."""
    return next(iter(variables_in(message.text)), None) if message.role == "placeholder" else None


def question_text(template: Sequence[Message], instruction: str, inputs: Mapping[str, InputValue]) -> str:
    """What is asked, as one text for people and for other models: a conversation on lines with its roles."""
    values = _texts(inputs, instruction)
    return "\n".join(fill(message.text, values) for message in template)


def _fill_messages(
    template: Sequence[Message], instruction: str, inputs: Mapping[str, InputValue]
) -> tuple[Message, ...]:
    values = _texts(inputs, instruction)
    filled: list[Message] = []
    for message in template:
        if (name := placeholder_of(message)) is not None:
            filled += _conversation(inputs[name])
        else:
            filled.append(Message(role=message.role, text=fill(message.text, values)))
    return tuple(filled)


def _texts(inputs: Mapping[str, InputValue], instruction: str) -> dict[str, str]:
    return {**shown_inputs(inputs), INSTRUCTION: instruction}


def _conversation(value: InputValue) -> Conversation:
    """The messages of a value; a text is one message of the user."""
    return (Message(role="user", text=value),) if isinstance(value, str) else value


def _shown_answer(example: Example) -> str:
    return example.solution or example.reference


def with_answer(messages: Sequence[Message], answer: str) -> tuple[Message, ...]:
    """The conversation after the model's answer: a new assistant message, or the end of the one that it continued.

    >>> with_answer([Message(role="user", text="2 + 2?"), Message(role="assistant", text="It is")], "4.")[-1].text
    'It is 4.'
    """
    if messages and messages[-1].role == "assistant" and messages[-1].is_plain:
        *earlier, begun = messages
        gap = "" if not begun.text or begun.text[-1:].isspace() or answer[:1].isspace() else " "
        return (*earlier, Message(role="assistant", text=f"{begun.text}{gap}{answer}"))
    return (*messages, Message(role="assistant", text=answer))


def as_text(messages: Sequence[Message]) -> str:
    r"""One text for a completion model: the messages in order, joined by blank lines, their roles not named.

    After a user's message it ends with a blank line, so that the answer comes next; an assistant's message at the end
    is what the model continues, so nothing follows it.

    >>> as_text([Message(role="user", text="Q: 2 + 2?"), Message(role="assistant", text="A:")])
    'Q: 2 + 2?\n\nA:'
    """
    joined = "\n\n".join(message.text for message in messages)
    return joined if messages[-1].role == "assistant" else f"{joined}\n\n"


def next_question(template: Sequence[Message], instruction: str) -> str | None:
    r"""How the text of a further question begins, by which a completion model that goes on to one is stopped.

    None where a question begins with the example's own text.

    >>> next_question([Message(role="user", text="Q: {{input}}\n{{instruction}}")], "Think.")
    '\n\nQ:'
    """
    question = next((message.text for message in template if message.role != "system"), "")
    fixed: list[str] = []
    end = 0
    for match in _VARIABLE.finditer(question):
        fixed.append(question[end : match.start()])
        if match[1] != INSTRUCTION:
            break
        fixed.append(instruction)
        end = match.end()
    begins = "".join(fixed).strip()
    return f"\n\n{begins}" if begins else None


def breaks_contract(instruction: str) -> bool:
    """Whether a proposed instruction tries to bring variables of its own, or hides something from those who read it."""
    return bool(variables_in(instruction)) or hides_characters(instruction)
