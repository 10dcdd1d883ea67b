"""A version of a prompt as a template of LangChain, and a template of LangChain as our messages."""

from collections.abc import Mapping
from string import Formatter
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.prompts.chat import MessageLikeRepresentation
from langchain_core.runnables import RunnableSequence, RunnableSerializable
from langchain_core.runnables.base import coerce_to_runnable

from gpo.errors import PromptError
from gpo.messages.langchain import langchain_messages
from gpo.messages.message import Message, Role, holds_more_than_text
from gpo.prompts.missing import more_than_text
from gpo.prompts.version import Piece, PromptVersion
from gpo.template import Part

_ROLES = {"system": "system", "user": "human", "assistant": "ai"}
_OURS: dict[str, Role] = {"System": "system", "Human": "user", "AI": "assistant"}
_OF_TYPE: dict[str, Role] = {"system": "system", "human": "user", "ai": "assistant"}


_SELDOM = {"completion", "base_url", "api_key_env"}
"""Of how a model was asked: what is told only where it is unusual."""


class RegisteredPrompt(ChatPromptTemplate):
    """A prompt of the registry. What follows it in a chain is traced with its name, version, alias and digest.

    A value that holds messages or media is refused where the prompt has it in a text: it would be written out as code.
    """

    def format_messages(self, **kwargs: Any) -> list[BaseMessage]:
        """The messages with the values in place.

        Raises:
            PromptError: a value of a text holds messages or content blocks.
        """
        self._check(kwargs)
        return super().format_messages(**kwargs)

    async def aformat_messages(self, **kwargs: Any) -> list[BaseMessage]:
        """The same, to be awaited."""
        self._check(kwargs)
        return await super().aformat_messages(**kwargs)

    def __or__(self, other: Any) -> RunnableSerializable[Any, Any]:
        """This prompt and what follows it."""
        return _traced(super().__or__(other), self)

    def __ror__(self, other: Any) -> RunnableSerializable[Any, Any]:
        """What comes before this prompt, as a dict of runnables, and the prompt."""
        return _BeforeModel(first=coerce_to_runnable(other), middle=[], last=self)

    def pipe(self, *others: Any, name: str | None = None) -> RunnableSerializable[Any, Any]:
        """As `|`, with several."""
        return _traced(super().pipe(*others, name=name), self)

    def _check(self, values: Mapping[str, Any]) -> None:
        placed = {message.variable_name for message in self.messages if isinstance(message, MessagesPlaceholder)}
        for name, value in values.items():
            if name in self.input_variables and name not in placed and holds_more_than_text(value):
                raise more_than_text((self.metadata or {}).get("prompt"), name, value)


class _BeforeModel(RunnableSequence[Any, Any]):
    """Steps that end with a prompt of the registry."""

    def __or__(self, other: Any) -> RunnableSerializable[Any, Any]:
        return _traced(super().__or__(other), self.last)


def trace_metadata(prompt: ChatPromptTemplate) -> dict[str, Any]:
    """What the trace of a model's run says of the prompt, for LangSmith, Langfuse and OpenTelemetry to group by."""
    known = prompt.metadata or {}
    names = {"prompt": "prompt", **{f"prompt_{name}": name for name in ("version", "alias", "digest")}}
    return {told: known[name] for told, name in names.items() if name in known}


def _traced(chain: Any, prompt: Any) -> RunnableSerializable[Any, Any]:
    traced: RunnableSerializable[Any, Any] = chain.with_config(metadata=trace_metadata(prompt))
    return traced


def as_langchain(version: PromptVersion, alias: str | None = None) -> ChatPromptTemplate:
    """A version as a LangChain template of its variables, in which all other text stands for itself.

    Raises:
        PromptError: LangChain takes no variable of such a name.
    """
    version.check_variables()
    messages = [_as_langchain_message(piece) for piece in version.content.pieces()]
    metadata: dict[str, Any] = {"prompt": version.name, "version": version.version, "digest": version.digest}
    if version.lineage and version.lineage.asked:
        asked = version.lineage.asked
        metadata |= asked.model_dump(mode="json", include={"model", "parameters", "answer"})
        metadata |= asked.model_dump(mode="json", include=_SELDOM, exclude_defaults=True)
    if alias is not None:
        metadata["alias"] = alias
    template = RegisteredPrompt.from_messages(messages, template_format="f-string")
    return template.model_copy(update={"metadata": metadata})


def _as_langchain_message(piece: Piece) -> MessageLikeRepresentation:
    if piece.placeholder is not None:
        return MessagesPlaceholder(piece.placeholder)
    if piece.fixed is not None and not piece.fixed.is_plain:
        return langchain_messages([piece.fixed])[0]
    return _ROLES[piece.role], "".join(map(_fstring, piece.parts))


def _fstring(part: Part) -> str:
    return f"{{{part.text}}}" if part.is_variable else part.text.replace("{", "{{").replace("}", "}}")


def from_langchain(template: object) -> tuple[Message, ...] | None:
    """A prompt of LangChain as messages with `{{variables}}`; None for what is none.

    Raises:
        PromptError: a message is no text, or has a template of another language than f-strings.
    """
    if isinstance(template, PromptTemplate):
        return (Message(role="user", text=_from_fstring(template)),)
    if isinstance(template, ChatPromptTemplate):
        return tuple(map(_from_langchain_message, template.messages))
    return None


def _from_langchain_message(message: object) -> Message:
    prompt, kind = getattr(message, "prompt", None), type(message).__name__.removesuffix("MessagePromptTemplate")
    if isinstance(prompt, PromptTemplate) and kind in _OURS:
        return Message(role=_OURS[kind], text=_from_fstring(prompt))
    match message:
        case MessagesPlaceholder(variable_name=name):
            return Message(role="placeholder", text=f"{{{{{name}}}}}")
        case BaseMessage(content=str(text), type=role) if role in _OF_TYPE:
            return Message(role=_OF_TYPE[role], text=text)
    raise PromptError(f"prompt: {type(message).__name__} is no message of text; a prompt is improved as text alone")


def _from_fstring(prompt: PromptTemplate) -> str:
    if prompt.template_format != "f-string":
        raise PromptError(f"prompt: templates of `{prompt.template_format}` are not read; write it as an f-string")
    pieces = Formatter().parse(prompt.template)
    return "".join(text + ("" if name is None else f"{{{{{name}}}}}") for text, name, _, _ in pieces)
