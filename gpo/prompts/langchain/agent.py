"""Prompts of the registry for agents: they follow promotions while the agent lives."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import SystemMessage
from langchain_core.prompts import ChatPromptTemplate

from gpo.names import PRODUCTION
from gpo.prompts.langchain.system import fill_for_agent
from gpo.prompts.langchain.template import trace_metadata
from gpo.prompts.load import load_prompt

Inputs = Mapping[str, Any] | Callable[[ModelRequest[Any]], Mapping[str, Any]]
"""Values of the prompt's variables, or what finds them for each call of the model."""


class PromptMiddleware(AgentMiddleware[Any, Any, Any]):
    """Puts a prompt of the registry before each call of an agent's model, as an alias has it at that moment.

        agent = create_agent(model, tools, middleware=[gpo.PromptMiddleware("support")])

    The prompt's system messages are the agent's system prompt. Where the prompt has a placeholder for a conversation,
    the agent's messages stand there, and its other messages around them. The model's runs are traced with the prompt's
    name, version, alias and digest.
    """

    def __init__(
        self,
        name: str,
        *,
        inputs: Inputs | None = None,
        alias: str = PRODUCTION,
        version: int | None = None,
        default: Path | None = None,
        database: str | None = None,
    ) -> None:
        """For the prompt `name`; all but `inputs` is as `gpo.load_prompt` takes it."""
        super().__init__()
        self._inputs = inputs or {}
        self._load: Callable[[], ChatPromptTemplate] = partial(
            load_prompt, name, alias=alias, version=version, default=default, database=database
        )

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with the prompt."""
        return handler(self._prompted(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """The same, to be awaited."""
        return await handler(self._prompted(request))

    def _prompted(self, request: ModelRequest[Any]) -> ModelRequest[Any]:
        prompt = self._load()
        inputs = self._inputs if isinstance(self._inputs, Mapping) else self._inputs(request)
        system, messages = fill_for_agent(prompt, inputs, request.messages)
        known = {**(request.model.metadata or {}), **trace_metadata(prompt)}
        return request.override(
            system_message=None if system is None else SystemMessage(content=system),
            messages=messages,
            model=request.model.model_copy(update={"metadata": known}),
        )
