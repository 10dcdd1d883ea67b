"""The system message of a prompt, and a prompt around the messages of an agent."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from gpo.errors import PromptError
from gpo.names import PRODUCTION
from gpo.prompts.load import load_prompt

Content = str | list[str | dict[str, Any]]


def system_prompt(
    name: str,
    *,
    alias: str = PRODUCTION,
    version: int | None = None,
    default: Path | None = None,
    database: str | None = None,
    **inputs: Any,
) -> SystemMessage:
    """The system message of a prompt of the registry, as an alias has it now, for `create_agent(system_prompt=...)`.

    An agent that is to follow promotions while it lives needs `gpo.PromptMiddleware`. `inputs` fill the prompt's
    variables; all else is as `gpo.load_prompt` takes it.

    Raises:
        PromptError: there is no such prompt, or it has messages that no system message can hold.
        KeyError: a variable has no value.
    """
    prompt = load_prompt(name, alias=alias, version=version, default=default, database=database)
    system, others = fill_for_agent(prompt, inputs, ())
    if system is None or others:
        what = "has no system message" if system is None else f"has a message of {others[0].type} as well"
        raise PromptError(
            f"prompt {name}: {what}, so it is no system prompt; `gpo.PromptMiddleware` puts all of it before an "
            "agent's model"
        )
    return SystemMessage(content=system)


def fill_for_agent(
    prompt: ChatPromptTemplate, inputs: Mapping[str, Any], conversation: Sequence[BaseMessage]
) -> tuple[Content | None, list[Any]]:
    """What a prompt's system messages say together, None where it has none, and the messages with the conversation.

    The conversation stands at the prompt's one placeholder that `inputs` leave open, else at the end.

    Raises:
        PromptError: several placeholders are open.
        KeyError: a variable has no value.
    """
    placed = [message.variable_name for message in prompt.messages if isinstance(message, MessagesPlaceholder)]
    open_ones = [name for name in placed if name not in inputs]
    if len(open_ones) > 1:
        raise PromptError(
            f"prompt {(prompt.metadata or {}).get('prompt')}: has placeholders for {' and '.join(open_ones)}; give all "
            "but one, where the agent's messages stand, as inputs"
        )
    given = {**inputs, **{name: list(conversation) for name in open_ones}}
    messages = prompt.invoke(given).to_messages()
    opening = next((number for number, each in enumerate(messages) if each.type != "system"), len(messages))
    rest = messages[opening:] if open_ones else [*messages[opening:], *conversation]
    return _joined([each.content for each in messages[:opening]]), rest


def _joined(contents: Sequence[Content]) -> Content | None:
    if len(contents) < 2:
        return contents[0] if contents else None
    if all(isinstance(each, str) for each in contents):
        return "\n\n".join(map(str, contents))
    blocks: list[str | dict[str, Any]] = []
    for each in contents:
        blocks += [{"type": "text", "text": each}] if isinstance(each, str) else each
    return blocks
