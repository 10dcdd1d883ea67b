"""The synthetic models as LangChain chat models: `synthetic:task` and `synthetic:optimizer` in a spec.

They need no key, no network and no weights, and answer in microseconds. Equal requests with equal `seed` have equal
answers; at temperature 0 the seed of a call is of no account.
"""

import random
import re
from collections.abc import Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field, ValidationError

from gpo.errors import ModelConfigError, suggestion
from gpo.models.synthetic import optimizer, task
from gpo.records import Record
from gpo.spec.models import ModelSpec

_START = re.compile(r"<START( \w+)?>")


class TaskParameters(Record):
    """Parameters of `synthetic:task`. `seed` draws another noise."""

    noise: float = Field(default=0.1, ge=0, description="Standard deviation of the noise on the quality.")
    seed: int = 0
    strength: float = Field(default=0.0, ge=-1, le=1, description="What the model adds to every instruction's quality.")
    learns: float = Field(
        default=0.0, ge=0, le=1, description="What demonstrations add to it, for each kind of thing that they count."
    )
    temperature: float = Field(default=0.0, ge=0)

    def reply(self, messages: Sequence[BaseMessage], sample: int) -> str:
        """The answer to the last question; what stands around it is the instruction.

        Demonstrations, which are questions with answers of the assistant, change nothing but for what it `learns`.
        """
        asked = _after_demonstrations(messages)
        found = task.find_question(asked)
        if found is None:
            return "I see no question of the synthetic task."
        instruction = " ".join(asked.replace(found.text, " ").split())
        drawn = sample if self.temperature else 0
        strength = self.strength + self.learns * len(_things_shown(messages))
        number = task.answer(instruction, found, noise=self.noise, seed=self.seed, sample=drawn, strength=strength)
        return f"The answer is {number}."


class OptimizerParameters(Record):
    """Parameters of `synthetic:optimizer`; `synthetic_optimizer` says what they do."""

    drift: float = Field(default=0.1, ge=0, le=1, description="Share of proposals that rewrite everything.")
    heed: float = Field(default=0.7, ge=0, le=1, description="Share of the others that keep to an asked word limit.")
    seed: int = 0
    temperature: float = Field(default=1.0, ge=0)

    def reply(self, messages: Sequence[BaseMessage], sample: int) -> str:
        """A proposal, a list's next line, a summary or a reflection, whichever is asked for."""
        text = "\n\n".join(message.text for message in messages)
        drawn = sample if self.temperature else 0
        rng = random.Random(f"{self.seed}/{drawn}/{text}")  # noqa: S311 - sampling, not secrets
        shares = {"drift": self.drift, "heed": self.heed}
        if tags := _START.findall(text):
            proposal = optimizer.propose(optimizer.read_request(text), rng, **shares)
            return f"<START{tags[-1]}>{proposal}<END{tags[-1]}>"  # the request's own marks stand at its end
        if messages[-1].type == "ai":
            return optimizer.propose(optimizer.read_list_request(messages[-1].text), rng, **shares)
        if re.search(r"(?i)\breply with the word\b", text):
            return "ready"
        shown = optimizer.read_request(text)
        if re.search(r"(?i)\b(?:summar\w*|notes)\b", text):
            return optimizer.summarise(shown)
        return optimizer.reflect(shown, rng)


PARAMETERS: dict[str, type[TaskParameters | OptimizerParameters]] = {
    "task": TaskParameters,
    "optimizer": OptimizerParameters,
}
"""The synthetic models by name, with what can be set of each."""


class SyntheticChatModel(BaseChatModel):
    """One of the synthetic models; tokens are counted as words."""

    model: str
    parameters: TaskParameters | OptimizerParameters

    @property
    def _llm_type(self) -> str:
        return "synthetic"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> ChatResult:
        text = self.parameters.reply(messages, sample=int(kwargs.get("seed", 0)))
        read, wrote = sum(len(message.text.split()) for message in messages), len(text.split())
        message = AIMessage(
            content=text,
            usage_metadata={"input_tokens": read, "output_tokens": wrote, "total_tokens": read + wrote},
            response_metadata={"model_name": self.model},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        # In the loop itself: a thread would take longer than the answer.
        return self._generate(messages, stop, **kwargs)


def synthetic_model(spec: ModelSpec) -> SyntheticChatModel:
    """A synthetic model by name, `synthetic:task` or `synthetic:optimizer`, with the parameters of the spec.

    Raises:
        ModelConfigError: an unknown name, or a parameter that the model does not have or cannot use.
    """
    name = spec.model.removeprefix("synthetic:")
    kind = PARAMETERS.get(name)
    if kind is None:
        raise ModelConfigError(f"unknown synthetic model '{name}'{suggestion(name, PARAMETERS)}")
    for given in spec.parameters:
        if given not in kind.model_fields:
            raise ModelConfigError(f"{spec.model}: unknown parameter `{given}`{suggestion(given, kind.model_fields)}")
    try:
        parameters = kind.model_validate(dict(spec.parameters))
    except ValidationError as error:
        wrong = error.errors()[0]
        where = ".".join(map(str, wrong["loc"]))
        raise ModelConfigError(
            f"{spec.model}: parameter `{where}` is {wrong['input']!r}: {wrong['msg'].lower()}"
        ) from None
    return SyntheticChatModel(model=spec.model, parameters=parameters)


def _things_shown(messages: Sequence[BaseMessage]) -> set[str]:
    """The kinds of things that demonstrations count."""
    found = (task.find_question(message.text) for message in messages[: _first_asked(messages)])
    return {question.things for question in found if question is not None}


def _after_demonstrations(messages: Sequence[BaseMessage]) -> str:
    """The text of the system's messages, and of those after the last answer that comes before the last question."""
    first = _first_asked(messages)
    return "\n".join(
        message.text for number, message in enumerate(messages) if message.type == "system" or number >= first
    )


def _first_asked(messages: Sequence[BaseMessage]) -> int:
    """The place of the first message after the demonstrations."""
    last = max((number for number, message in enumerate(messages) if message.type == "human"), default=0)
    answered = [number for number, message in enumerate(messages[:last]) if message.type == "ai"]
    return answered[-1] + 1 if answered else 0
