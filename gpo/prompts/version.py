"""The records of the prompt registry: versions of a prompt with their lineage, aliases, and moves of an alias.

A version is all that an application sends: the template, the instruction in it and the demonstrations before it.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from gpo.errors import PromptError
from gpo.messages.inline import inlined
from gpo.messages.message import InputValue, Message, Role
from gpo.names import LATEST, check_storable
from gpo.records import Example, Interval, Record, content_hash
from gpo.template import INSTRUCTION, Part, demonstrate, opening_of, parts_in, placeholder_of, render, variables_in
from gpo.words import DiffPart, word_difference


class Piece(Record):
    """One message of a version, in which only variables are open.

    `fixed` is a demonstration, which stands as it is. `placeholder` names the variable whose messages stand here.
    """

    role: Role
    parts: tuple[Part, ...]
    fixed: Message | None = None
    placeholder: str | None = None


class PromptContent(Record):
    r"""What one version of a prompt sends.

    `template` holds `{{variables}}` and one `{{instruction}}`; `demonstrations` are messages that stand as they are,
    after the opening system messages. Of a program, `parts` are the versions of its prompts by their names, and the
    instruction is their texts as one (`gpo.spec.program_text`). What `is_text` is the instruction alone, in which
    braces are braces. `model` names the model that it is for, where the same was kept for another one before.

    >>> content = PromptContent(template=(Message(role="user", text="{{a}}\n{{instruction}}"),), instruction="Hm {?}")
    >>> content.messages({"a": "{{x}}"})[0].text
    '{{x}}\nHm {?}'
    """

    template: tuple[Message, ...] = Field(min_length=1)
    instruction: str
    demonstrations: tuple[Message, ...] = ()
    parts: Mapping[str, int] = {}
    is_text: bool = Field(default=False, exclude_if=operator.not_)
    model: str = Field(default="", exclude_if=operator.not_)

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        for text in (self.instruction, *(each.text for each in (*self.template, *self.demonstrations))):
            check_storable(text)
        if (found := variables_in(self.instruction)) and not (self.is_text or self.parts):
            raise ValueError(f"the instruction holds {{{{{found[0]}}}}}: variables belong into the messages")
        count = sum(variables_in(message.text).count(INSTRUCTION) for message in self.template)
        if count != 1:
            raise ValueError(f"the messages must hold {{{{instruction}}}} exactly once, found {count} times")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """What an application fills in, in order of first use."""
        found = (name for message in self.template for name in variables_in(message.text))
        return tuple(dict.fromkeys(name for name in found if name != INSTRUCTION))

    @property
    def digest(self) -> str:
        """SHA-256 of the content, 64 hex digits: equal content is the same version."""
        parts = [[message.identity() for message in part] for part in (self.template, self.demonstrations)]
        more = [*([self.parts] if self.parts else []), *(["text"] if self.is_text else [])]
        more += [["model", self.model]] if self.model else []
        return content_hash([self.instruction, *parts, *more], length=64)

    def messages(self, inputs: Mapping[str, InputValue]) -> tuple[Message, ...]:
        """The messages for one request; a variable without a value raises KeyError."""
        start = opening_of(self.template)
        opening, rest = (
            render(part, self.instruction, inputs) for part in (self.template[:start], self.template[start:])
        )
        return (*opening, *self.demonstrations, *rest)

    def pieces(self) -> Iterator[Piece]:
        """Every message in order, with the instruction in its place and only the variables left open."""
        start = opening_of(self.template)
        yield from map(self._piece, self.template[:start])
        for message in self.demonstrations:
            yield Piece(role=message.role, parts=(Part(text=message.text),), fixed=message)
        yield from map(self._piece, self.template[start:])

    def _piece(self, message: Message) -> Piece:
        parts = (Part(text=self.instruction) if part == _INSTRUCTION else part for part in parts_in(message.text))
        return Piece(role=message.role, parts=tuple(parts), placeholder=placeholder_of(message))


_INSTRUCTION = Part(text=INSTRUCTION, is_variable=True)


def prompt_content(
    template: Sequence[Message], instruction: str, demonstrations: Sequence[Example] = (), *, is_text: bool = False
) -> PromptContent:
    """The content of a prompt whose demonstrations are examples, rendered as they are when the prompt is scored.

    What `is_text` is one of the `texts` of a spec.

    Raises:
        ValidationError: a text cannot be kept, or the instruction does not stand exactly once in the template.
    """
    bare = PromptContent(template=tuple(template), instruction=instruction, is_text=is_text)
    shown = demonstrate(template, instruction, demonstrations)
    return bare.model_copy(update={"demonstrations": tuple(map(inlined, shown))})


def program_content(instruction: str, versions: Mapping[str, int]) -> PromptContent:
    """The content of a program, from the texts of its prompts as one, and the versions of them."""
    template = (Message(role="user", text=f"{{{{{INSTRUCTION}}}}}"),)
    return PromptContent(template=template, instruction=instruction, parts=versions)


class DatasetReference(Record):
    """The data behind a score: where it came from, and its fingerprint."""

    name: str
    version: str | None = None
    fingerprint: str = ""


class Measurement(Interval):
    """A mean score with its 95% interval, as fractions of 1, over `n` examples."""

    n: int


class AskedWith(Record):
    """How the task model was asked, and how its answer was read, when the prompt was measured.

    `parameters` are those of the spec. `base_url` is where it was asked and `api_key_env` the variable with the key,
    where the spec names them. `answer` is the section of the spec: a reading of a later time may know more.
    """

    model: str
    parameters: Mapping[str, JsonValue] = {}
    completion: bool = False
    base_url: str | None = None
    api_key_env: str | None = None
    answer: Mapping[str, JsonValue]


class Lineage(Record):
    """Where a version comes from and what was measured: enough to repeat the run, and to trust its result.

    `spec` is the fingerprint of the spec, `run` the id of the run, `models` the model of each role. `gain` is the
    paired difference on the test split to the prompt that the run started from. `proposed` is what the optimizer model
    wrote, where the instruction is not that in full. `asked` is not known of versions of a time when it was not
    recorded.
    """

    task: str
    spec: str
    metric: str
    models: Mapping[str, str]
    dataset: DatasetReference
    run: str | None = None
    dev: Measurement | None = None
    test: Measurement | None = None
    gain: Interval | None = None
    proposed: str | None = None
    asked: AskedWith | None = None


class PromptVersion(Record):
    """One version: numbers count from 1, and what a number stands for never changes. Times are ISO text in UTC."""

    name: str
    version: int
    digest: str
    content: PromptContent
    lineage: Lineage | None = None
    parent: int | None = None
    note: str = ""
    created_at: str

    def check_variables(self) -> None:
        """See that it can be given in every form.

        Raises:
            PromptError: LangChain takes no variable of such a name.
        """
        if "stop" in self.content.variables:
            raise PromptError(f"prompt {self.name}: LangChain has a use of its own for `stop`; rename that variable")


class Registered(Record):
    """A version, and whether it is new: equal content is the version that was there."""

    version: PromptVersion
    is_new: bool


class Move(Record):
    """One move of an alias. `number` counts the moves of a prompt; `from_version` is None at the alias's first.

    `standing` is the number of the promotion that holds after the move, `below` the one that a rollback returns to.
    `program` names the program with which the prompt was moved, None where it was moved by itself.
    """

    name: str
    number: int
    alias: str
    action: Literal["promote", "rollback"]
    from_version: int | None
    to_version: int
    standing: int
    below: int | None
    who: str
    why: str
    at: str
    program: str | None = None


class PromptRecord(Record):
    """All about one prompt at one moment: versions from 1, moves from the first, aliases by name."""

    name: str
    created_at: str
    versions: tuple[PromptVersion, ...]
    aliases: Mapping[str, int]
    moves: tuple[Move, ...]

    def find(self, reference: str | int) -> PromptVersion | None:
        """The version that an alias, a number or `latest` stands for; None when there is none."""
        wanted = str(reference)
        if wanted == LATEST:
            return self.versions[-1] if self.versions else None
        number = self.aliases.get(wanted, int(wanted) if wanted.isascii() and wanted.isdigit() else None)
        return next((each for each in self.versions if each.version == number), None)


class PromptDifference(Record):
    """What differs from one version to another: the words of the instruction, and whether anything else does."""

    name: str
    a: PromptVersion
    b: PromptVersion
    instruction: tuple[DiffPart, ...]
    template_differs: bool
    demonstrations_differ: bool


def version_difference(a: PromptVersion, b: PromptVersion) -> PromptDifference:
    """What differs from `a` to `b`."""
    return PromptDifference(
        name=a.name,
        a=a,
        b=b,
        instruction=word_difference(a.content.instruction, b.content.instruction),
        template_differs=a.content.template != b.content.template,
        demonstrations_differ=a.content.demonstrations != b.content.demonstrations,
    )
