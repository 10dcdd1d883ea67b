"""A prompt of the registry with the model that it was proved with, and the reader of its answers, as one runnable."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda

from gpo.errors import ModelConfigError, PromptError
from gpo.evaluation.judge import named_inputs
from gpo.messages.langchain import finish_reason
from gpo.models.replies import is_cut
from gpo.models.synthetic.chat import synthetic_model
from gpo.names import PRODUCTION
from gpo.prompts.load import load_prompt
from gpo.records import canonical_json
from gpo.scoring.answers import read_answer
from gpo.scoring.spec import AnswerSpec
from gpo.settings import read_secret
from gpo.spec.models import ModelSpec


def load_chain(
    name: str,
    model: Runnable[Any, BaseMessage] | None = None,
    *,
    alias: str = PRODUCTION,
    version: int | None = None,
    default: Path | None = None,
    database: str | None = None,
) -> Runnable[dict[str, Any], str | None]:
    """The prompt, its model with the parameters that it was proved with, and the reader of its answers.

        answer = gpo.load_chain("tickets").invoke({"ticket": text})

    The answer is read as it was when the prompt was proved; None where nothing can be read. Each call takes the prompt
    that the alias has at that moment, with the model and the reader that belong to it. With a `model` of your own, its
    own parameters count. All else is as `gpo.load_prompt` takes it.

    A call raises:
        PromptError: there is no such prompt, or it was proved in a way that a chain cannot repeat.
        ModelConfigError: its model cannot be had by its name; give `model`.
    """

    def chain(inputs: dict[str, Any]) -> Any:
        # What a runnable gives that is a runnable is run in its place, with the same input.
        prompt = load_prompt(name, alias=alias, version=version, default=default, database=database)
        return prompt | (model or _model_of(prompt)) | RunnableLambda(_reader_of(prompt, inputs), name="read answer")

    return RunnableLambda(chain, name=f"gpo {name}")


def _model_of(prompt: ChatPromptTemplate) -> BaseChatModel:
    known = prompt.metadata or {}
    if "model" not in known:
        raise PromptError(f"{_named(prompt)}: it is not recorded which model it was proved with; give `model=`")
    options = {name: known.get(name) for name in ("model", "base_url", "api_key_env", "completion")}
    return _open_model(canonical_json({**options, "parameters": dict(known.get("parameters") or {})}))


@lru_cache(maxsize=64)
def _open_model(options: str) -> BaseChatModel:
    given = {name: value for name, value in json.loads(options).items() if value is not None}
    spec = ModelSpec.model_validate(given).with_default("temperature", 0.0)
    if spec.is_synthetic:
        return synthetic_model(spec)
    if spec.is_given or spec.is_local or spec.completion:
        raise ModelConfigError(f"{spec.model}: was asked in a way that a chain cannot; give `model=`")
    more: dict[str, Any] = {name: value for name, value in spec.parameters.items() if value is not None}
    if spec.base_url is not None:
        more["base_url"] = spec.base_url
    if spec.api_key_env is not None:
        more["api_key"] = read_secret(spec.api_key_env)
    model: BaseChatModel = init_chat_model(spec.model, timeout=spec.timeout_s, **more)
    return model


def _reader_of(prompt: ChatPromptTemplate, inputs: Mapping[str, Any]) -> Callable[[BaseMessage], str | None]:
    """What reads the answer to these inputs, which may list the options that it is one of."""
    known = (prompt.metadata or {}).get("answer")
    if known is None:
        raise PromptError(f"{_named(prompt)}: it is not recorded how its answers are read; use `gpo.load_prompt`")
    answer = AnswerSpec.model_validate(known)
    if answer.extract is not None:
        raise PromptError(
            f"{_named(prompt)}: its answers were read by a second call (`answer.extract`), which no chain makes; use "
            "`gpo.load_prompt`"
        )
    texts = {variable: value for variable, value in inputs.items() if isinstance(value, str)}
    question = named_inputs(texts)

    def read(message: BaseMessage) -> str | None:
        return read_answer(message.text, answer, question, cut=is_cut(finish_reason(message))).answer

    return read


def _named(prompt: ChatPromptTemplate) -> str:
    known = prompt.metadata or {}
    return f"prompt {known.get('prompt')} version {known.get('version')}"
