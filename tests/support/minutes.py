"""Models with a limit of two requests a minute, and a third call that has to wait for it."""

import asyncio

from gpo.models.chat import ChatModel
from gpo.progress import Note, listen
from gpo.spec.models import ModelSpec, ModelsSpec
from tests.support.keys import PLAIN, key


def limited_models(url: str) -> ModelsSpec:
    """Models of one server, which lets two requests out in a minute."""
    named = ModelSpec.model_validate({"model": "openai:x", "base_url": url, "requests_per_minute": 2})
    return ModelsSpec(task=named, optimizer=named, embedding=ModelSpec(model="synthetic:words"))


async def give_up_third_call(model: ChatModel) -> list[object]:
    """Ask a model whose minute is full, and give up when it has said that the call waits: what was said."""
    notes: list[object] = []
    told = asyncio.Event()
    with listen(lambda event: (notes.append(event), told.set())[0]):
        third = asyncio.create_task(model.ask(key(model, "3"), PLAIN))
    await told.wait()
    third.cancel()
    await asyncio.wait([third])
    assert third.cancelled()
    return notes


WAITS = [Note("openai:x: calls wait for the limit of 2 requests a minute")]
"""What it says."""
