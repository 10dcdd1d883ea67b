"""A prompt as an application is given it, in the form that it asks for: a template of LangChain, messages, or a text.

A template is made with the first use of it: who never asks for one needs no LangChain.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gpo.errors import PromptError
from gpo.formatting import shorten_value
from gpo.messages.message import Message, holds_more_than_text
from gpo.messages.openai import openai_message
from gpo.prompts.missing import missing_messages, missing_text, more_than_text
from gpo.prompts.version import Piece, PromptContent, PromptVersion
from gpo.template import INSTRUCTION

if TYPE_CHECKING:
    from langchain_core.prompts import ChatPromptTemplate

_NO_LANGCHAIN = "a template of LangChain needs `pip install langchain-core`; `gpo.load_messages` gives plain messages"


class HeldPrompt:
    """One prompt, in every form that it can be given in. Threads may share it."""

    def __init__(
        self, name: str, digest: str, content: PromptContent | None, make: "Callable[[], ChatPromptTemplate]"
    ) -> None:
        """`make` is how its template comes about. Without `content` it has no other form."""
        self.name, self.digest = name, digest
        self._content, self._make = content, make
        self._made: dict[str, ChatPromptTemplate] = {}

    @property
    def template(self) -> "ChatPromptTemplate":
        """As a template of LangChain, the same one each time.

        Raises:
            PromptError: LangChain is not installed.
        """
        made = self._made.get("template")
        if made is None:
            try:
                # Of several threads that make it at once, all are given that of the first.
                made = self._made.setdefault("template", self._make())
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] != "langchain_core":
                    raise
                raise PromptError(f"prompt {self.name}: {_NO_LANGCHAIN}") from None
        return made

    def be_ready_as(self, before: "HeldPrompt") -> None:
        """Make the template now if that of the version before was in use: no request has to wait for it."""
        if before._made:  # noqa: SLF001 - its own class
            _ = self.template

    @property
    def text(self) -> str:
        """The instruction alone, without the messages around it.

        Raises:
            PromptError: it is a template of an application's own.
        """
        if self._content is None:
            raise missing_text(self.name)
        return self._content.instruction

    def messages(self, inputs: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages with the values in place, as the API of OpenAI takes them.

        Raises:
            PromptError: a variable has no value, or one that cannot stand there; or it is a template of LangChain.
        """
        if self._content is None:
            raise missing_messages(self.name)
        if missing := [name for name in self._content.variables if name not in inputs]:
            raise PromptError(
                f"prompt {self.name}: no value for {', '.join(missing)}; it has the variables "
                f"{', '.join(self._content.variables)}"
            )
        return [message for piece in self._content.pieces() for message in self._filled(piece, inputs)]

    def _filled(self, piece: Piece, inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        if piece.placeholder is not None:
            yield from self._conversation(piece.placeholder, inputs[piece.placeholder])
        elif piece.fixed is not None:
            yield openai_message(piece.fixed)
        else:
            texts = (self._value(part.text, inputs) if part.is_variable else part.text for part in piece.parts)
            yield {"role": piece.role, "content": "".join(texts)}

    def _conversation(self, variable: str, value: object) -> Iterator[dict[str, Any]]:
        if not isinstance(value, Sequence) or not all(isinstance(each, Mapping) and "role" in each for each in value):
            raise PromptError(
                f"prompt {self.name}: messages stand at `{variable}`, received {shorten_value(value)}; give a list of "
                '{"role": ..., "content": ...}'
            )
        yield from map(dict, value)

    def _value(self, variable: str, inputs: Mapping[str, Any]) -> str:
        value = inputs[variable]
        if holds_more_than_text(value):
            raise more_than_text(self.name, variable, value)
        return str(value)


def held_version(version: PromptVersion, alias: str | None = None) -> HeldPrompt:
    """A version of the registry.

    Raises:
        PromptError: LangChain takes no variable of such a name.
    """
    version.check_variables()

    def make() -> "ChatPromptTemplate":
        from gpo.prompts.langchain.template import as_langchain

        return as_langchain(version, alias)

    return HeldPrompt(version.name, version.digest, version.content, make)


def held_text(name: str, text: str) -> HeldPrompt:
    """A text of the application's own, in the place of a prompt."""

    def make() -> "ChatPromptTemplate":
        from langchain_core.messages import HumanMessage
        from langchain_core.prompts import ChatPromptTemplate

        return ChatPromptTemplate([HumanMessage(text)])

    template = (Message(role="user", text=f"{{{{{INSTRUCTION}}}}}"),)
    return HeldPrompt(name, "", PromptContent(template=template, instruction=text, is_text=True), make)


def held_template(name: str, template: "ChatPromptTemplate") -> HeldPrompt:
    """A template of the application's own, in the place of a prompt."""
    return HeldPrompt(name, "", None, lambda: template)
