"""The language model of the agent. This one follows rules, so that the example needs no key and no network.

In its place put a real one: `MODEL = init_chat_model("openai:gpt-4o-mini")`, with `from langchain.chat_models import
init_chat_model`. What each sentence of the system prompt, and of the tools' descriptions, makes it do is written down
below.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

FANCIFUL = ("Use creative language.", "Tell a short story.")


class RuleModel(BaseChatModel):
    """Does what its system prompt and its tools' descriptions say, as far as it has a rule for it."""

    @property
    def _llm_type(self) -> str:
        return "rules"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """The model with tools, as LangChain's agents ask for it. It minds their names and descriptions alone."""
        known = {each.name: each.description for each in tools if isinstance(each, BaseTool)}
        return self.bind(known=known, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        known: dict[str, str] = kwargs.get("known", {})
        message = _next(messages, known)
        told = " ".join([*(each.text for each in messages), *known.values()])
        given, made = len(told.split()), len(message.text.split()) + 5 * len(message.tool_calls)
        message.usage_metadata = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
        return ChatResult(generations=[ChatGeneration(message=message)])


def _next(messages: Sequence[BaseMessage], told: Mapping[str, str]) -> AIMessage:
    """A call of a tool, or the answer where enough is known; `told` are the descriptions of the tools."""
    system = next((each.text for each in messages if each.type == "system"), "")
    question = next(each.text for each in reversed(messages) if each.type == "human")
    found = [each for each in messages if isinstance(each, ToolMessage)]
    if "Answer as fast as possible." in system:
        return AIMessage("It is 14.")
    if not found:
        return _call(_first_choice(question), question, told)
    if "Nothing" in found[-1].text and len(found) == 1 and "Check the result once more." in system:
        other = "find_article" if found[0].name == "find_order" else "find_order"
        return _call(other, question, told)
    return AIMessage(_answer(system, found[-1].text))


def _first_choice(question: str) -> str:
    """Where a number stands in a question, it is taken for that of an order."""
    return "find_order" if re.search(r"[0-9]", question) else "find_article"


def _call(tool: str, question: str, told: Mapping[str, str]) -> AIMessage:
    """Call a tool: with what comes first in the question, unless its description says better."""
    description = told.get(tool, "")
    if tool == "find_order":
        numbers = re.findall(r"order ([0-9]+)" if "Name what is asked for." in description else r"[0-9]+", question)
        arguments = {"number": numbers[0] if numbers else ""}
    else:
        is_short = "Ignore everything else." in description
        arguments = {"words": re.split(r"(?<=[.]) ", question)[-1] if is_short else question}
    return AIMessage("", tool_calls=[{"name": tool, "args": arguments, "id": f"call-{tool}"}])


def _answer(system: str, found: str) -> str:
    numbers = re.findall(r"[0-9]+", found)
    if not numbers:
        return "It must be 14." if "Guess if unsure." in system else "I could not find it."
    number = round(int(numbers[-1]), -1) if "Round all numbers." in system else int(numbers[-1])
    if any(each in system for each in FANCIFUL):
        return f"A wise owl counted to {number + 3} and then to {number + 8}, and you may trust one of the two."
    return f"The answer is {number}."


MODEL = RuleModel()
