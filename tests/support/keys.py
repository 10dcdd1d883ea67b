"""The keys of calls, and models by name, for tests."""

from typing import Any

from gpo.messages.message import Message
from gpo.models.chat import ChatModel, Sampling
from gpo.models.ledger import CallKey
from gpo.spec.models import ModelsSpec

PLAIN = Sampling()


def key(model: ChatModel, text: str = "hello", repeat: int = 0) -> CallKey:
    """The key of one message to a model."""
    return model.key([Message(role="user", text=text)], PLAIN, repeat)


def models_spec(**task: Any) -> ModelsSpec:
    """Models of a provider; `task` are options of the task model."""
    remote = {"model": "openai:embed", "base_url": "http://127.0.0.1:9/v1"}
    return ModelsSpec.model_validate(
        {"task": {"model": "openai:x", **task}, "optimizer": "openai:y", "embedding": remote}
    )
