"""The sections `prompt` and `texts` of a spec: messages with the instruction to start from, and other texts."""

import operator
from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from gpo.messages.message import Message
from gpo.names import FROM_REGISTRY
from gpo.records import Record
from gpo.template import (
    INSTRUCTION,
    Position,
    TextRole,
    misnamed_in,
    place_instruction,
    placeholder_of,
    variables_in,
)

_REGISTRY = "a prompt of the registry: `registry:NAME`, with `@ALIAS` or `@VERSION` for another than in production."
_FROM = "registry:"
_WRITTEN = {"instruction", "messages", "question", "position", "role"}


class PromptSpec(Record):
    """The prompt: messages with `{{variables}}` and one `{{instruction}}`, and the instruction to start from.

    In place of `messages`, `question` and `position` are short for the usual ones: see `place_instruction`.
    Only the instruction is optimised. All other text, the variables and the roles stay as written. A bare
    `registry:NAME@ALIAS` is a prompt of the registry, whose messages and instruction are read when the spec is run.
    """

    instruction: str = Field(min_length=1, description="The instruction to start from.")
    messages: tuple[Mapping[TextRole, str], ...] | None = Field(
        default=None,
        min_length=1,
        description="Messages in order, each `role: text`, with exactly one {{instruction}} in all. `placeholder: "
        '"{{variable}}"` stands for the messages of a variable, as a conversation, with the roles that they have.',
    )
    question: str | None = Field(
        default=None, min_length=1, description="In place of `messages`: the question, such as `Q: {{input}}`."
    )
    position: Position | None = Field(
        default=None,
        description="Where the instruction stands: `before` the question as a paragraph, at its `beginning`, at its "
        "`end` (the default), or where the `answer` begins, which the model then continues.",
    )
    role: Literal["user", "system"] = Field(
        default="user", description="`system`: the instruction is a system message before the question."
    )
    description: str = Field(
        default="",
        description="What an instruction asks for, as a noun phrase; shown to the optimizer model.",
    )

    registry: str = Field(
        default="", exclude_if=operator.not_, description=f"In place of messages and instruction, {_REGISTRY}"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_registry(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(_FROM):
            value = {"registry": value}
        if not isinstance(value, dict) or not (reference := value.get("registry")):
            return value
        if value.keys() & _WRITTEN and value.get("instruction") != reference:
            raise ValueError("`registry` stands in place of the messages and the instruction; leave these out")
        # Until they are read, their place is held.
        return {**value, "instruction": reference, "messages": ({"user": f"{{{{{INSTRUCTION}}}}}"},)}

    @field_validator("registry")
    @classmethod
    def _names_a_prompt(cls, value: str) -> str:
        return _check_reference(value)

    @field_validator("instruction")
    @classmethod
    def _instruction_is_plain(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the starting instruction is blank")
        if found := variables_in(value):
            raise ValueError(f"the instruction holds {{{{{found[0]}}}}}: put variables into `messages` instead")
        return value.strip()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.messages is None) == (self.question is None):
            found = "neither" if self.messages is None else "both"
            raise ValueError(f"needs either `messages` or `question`, found {found}")
        if self.messages is not None and (self.position is not None or self.role != "user"):
            raise ValueError("`position` and `role` belong to `question`; in `messages`, {{instruction}} says where")
        if self.role == "system" and self.position not in (None, "before"):
            raise ValueError(f"a system message stands before the question; leave out `position: {self.position}`")
        if self.question is not None and INSTRUCTION in variables_in(self.question):
            raise ValueError("`question` holds {{instruction}}, which `position` places; leave it out")
        return self

    @model_validator(mode="after")
    def _one_instruction(self) -> Self:
        for number, message in enumerate(self.messages or (), start=1):
            if len(message) != 1:
                raise ValueError(f"message {number} must be one `role: text` pair, found {len(message)}")
        if misnamed := [name for message in self.template for name in misnamed_in(message.text)]:
            raise ValueError(
                f"messages hold {{{{{misnamed[0]}}}}}, which is no variable and would be sent as it stands: variables "
                "are fields that dataset.input lists, with names of letters a to z, digits and _; rename the field in "
                "the data, or take the braces away"
            )
        self._check_placeholders()
        found = [name for message in self.template for name in variables_in(message.text)]
        if (count := found.count(INSTRUCTION)) != 1:
            raise ValueError(f"messages must hold {{{{instruction}}}} exactly once, found {count} times")
        return self

    def _check_placeholders(self) -> None:
        """A placeholder is one variable, which no text shows as well: a conversation is no text."""
        for message in self.template:
            found = variables_in(message.text)
            if message.role == "placeholder" and message.text.strip() != f"{{{{{''.join(found)}}}}}":
                raise ValueError(
                    f"`placeholder: {message.text}` must be one variable and nothing else, such as "
                    '`placeholder: "{{conversation}}"`'
                )
            if message.role == "placeholder" and found == [INSTRUCTION]:
                raise ValueError("the instruction is a text: write `system: '{{instruction}}'`, not `placeholder`")
            if message.role != "placeholder" and (both := [name for name in found if name in self.conversations]):
                raise ValueError(
                    f"{{{{{both[0]}}}}} is a placeholder's, whose messages are sent as they are; it cannot stand in a "
                    "text as well"
                )

    @property
    def conversations(self) -> tuple[str, ...]:
        """The variables that hold messages, in the order of their placeholders."""
        return tuple(filter(None, map(placeholder_of, self.template)))

    @classmethod
    def of_template(cls, instruction: str, template: Sequence[Message], description: str) -> Self:
        """The section as it would be written for such messages.

        Raises:
            ValidationError: it could not be written so.
        """
        messages = [{each.role: each.text} for each in template]
        return cls.model_validate({"instruction": instruction, "messages": messages, "description": description})

    @property
    def template(self) -> tuple[Message, ...]:
        """The messages as records."""
        if self.question is not None:
            return place_instruction(self.question, self.position or "end", self.role)
        return tuple(Message(role=role, text=text) for message in self.messages or () for role, text in message.items())

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the messages, in order of first use, without `instruction`."""
        found = (name for message in self.template for name in variables_in(message.text))
        return tuple(dict.fromkeys(name for name in found if name != INSTRUCTION))


class TextSpec(Record):
    """A text of a program that is no prompt, as the description of a tool. A bare text is short for `{text: ...}`.

    It has no variables: braces in it are braces. `registry:NAME@ALIAS` is a text of the registry.
    """

    text: str = Field(min_length=1, description="The text to start from.")
    registry: str = Field(default="", exclude_if=operator.not_, description=f"In place of the text, {_REGISTRY}")
    description: str = Field(
        default="", description="What the text is for, as a noun phrase; shown to the optimizer model."
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text(cls, value: object) -> object:
        if isinstance(value, str):
            value = {"registry" if value.startswith(_FROM) else "text": value}
        return {"text": value["registry"], **value} if isinstance(value, dict) and value.get("registry") else value

    @field_validator("registry")
    @classmethod
    def _names_a_text(cls, value: str) -> str:
        return _check_reference(value)

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the text is blank")
        return value.strip()

    def as_prompt(self) -> PromptSpec:
        """It as a prompt that is the text alone. It is not checked: what looks like a variable in it is none."""
        return PromptSpec.model_construct(
            instruction=self.text, messages=({"user": f"{{{{{INSTRUCTION}}}}}"},), description=self.description
        )


def _check_reference(value: str) -> str:
    if value and not FROM_REGISTRY.fullmatch(value):
        raise ValueError("must be as `registry:plan@production`")
    return value
