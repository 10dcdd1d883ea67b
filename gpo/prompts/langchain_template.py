"""A version of a prompt as a template of LangChain."""

from typing import Any

from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.prompts.chat import MessageLikeRepresentation

from gpo.errors import PromptError
from gpo.messages.langchain import langchain_messages
from gpo.prompts.version import Piece, PromptVersion
from gpo.template import Part

_ROLES = {"system": "system", "user": "human", "assistant": "ai"}


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
