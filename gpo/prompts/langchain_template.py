"""A version of a prompt as a template of LangChain, and a template of LangChain as our messages."""

from string import Formatter
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder, PromptTemplate
from langchain_core.prompts.chat import MessageLikeRepresentation

from gpo.errors import PromptError
from gpo.messages.langchain import langchain_messages
from gpo.messages.message import Message, Role
from gpo.prompts.version import Piece, PromptVersion
from gpo.template import Part

_ROLES = {"system": "system", "user": "human", "assistant": "ai"}
_OURS: dict[str, Role] = {"System": "system", "Human": "user", "AI": "assistant"}
_OF_TYPE: dict[str, Role] = {"system": "system", "human": "user", "ai": "assistant"}


def as_langchain(version: PromptVersion, alias: str | None = None) -> ChatPromptTemplate:
    """A version as a LangChain template of its variables, in which all other text stands for itself.

    Raises:
        PromptError: LangChain takes no variable of such a name.
    """
    if "stop" in version.content.variables:
        raise PromptError(f"prompt {version.name}: LangChain has a use of its own for `stop`; rename that variable")
    messages = [_as_langchain_message(piece) for piece in version.content.pieces()]
    metadata: dict[str, Any] = {"prompt": version.name, "version": version.version, "digest": version.digest}
    if version.lineage and version.lineage.asked:
        metadata |= version.lineage.asked.model_dump(mode="json", exclude={"completion"})
    if alias is not None:
        metadata["alias"] = alias
    template = ChatPromptTemplate(messages, template_format="f-string")
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
