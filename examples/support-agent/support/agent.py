"""The agent: a system prompt, two tools, and their descriptions, all of them as they are in production."""

from collections.abc import Awaitable, Callable
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.tools import BaseTool

import gpo
from support.models import MODEL
from support.tools import find_article, find_order

TEXTS = {"find_order": "support-find-order", "find_article": "support-find-article"}
"""Under which name the description of each tool is kept."""


class ToolDescriptions(AgentMiddleware[Any, Any, Any]):
    """Tells the model what the tools are for, in the words that are in production when it is called."""

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with the descriptions."""
        return handler(_described(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """The same, to be awaited."""
        return await handler(_described(request))


def _described(request: ModelRequest[Any]) -> ModelRequest[Any]:
    tools = [
        each.model_copy(update={"description": gpo.load_text(TEXTS[each.name])}) if isinstance(each, BaseTool) else each
        for each in request.tools
    ]
    return request.override(tools=tools)


AGENT: Any = create_agent(
    MODEL, [find_order, find_article], middleware=[gpo.PromptMiddleware("support-system"), ToolDescriptions()]
)


def answer(question: str) -> str:
    """The agent's answer to a customer."""
    return str(AGENT.invoke({"messages": [("user", question)]})["messages"][-1].text)
