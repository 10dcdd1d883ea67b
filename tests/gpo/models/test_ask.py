"""Calls about a block of examples: each answer is heard as it comes."""

from gpo.messages.message import Message
from gpo.models.ask import BlockOfCalls
from gpo.models.chat import Sampling
from gpo.models.ledger import Answer
from gpo.records import Example
from tests.support.fakes import StatusError, chat_model, in_time, scripted

ASKED = {"a": "one", "b": "two", "same as b": "two", "kept": "three", "fails": "four"}


def test_an_answer_is_heard_while_others_are_still_to_come() -> None:
    fake = scripted(lambda messages: messages[0].text.upper())
    model = chat_model(fake, max_concurrency=1)
    keys = {name: model.key([Message(role="user", text=text)], Sampling()) for name, text in ASKED.items()}
    block = [Example(id=name, inputs={"text": text}, reference="") for name, text in ASKED.items()]
    heard: dict[str, tuple[str, int]] = {}

    async def hear(name: str, answer: Answer) -> None:
        heard[name] = answer.text, len(fake.calls)

    async def run() -> dict[str, Answer]:
        await model.ask(keys["kept"], Sampling())
        fake.errors[3] = StatusError(500)
        return await BlockOfCalls(block, offset=0, allowed=1).ask(model, keys, Sampling(), hear)

    found = in_time(run())
    assert list(found) == ["a", "b", "same as b", "kept"]
    assert {name: answer.text for name, answer in found.items()} == {name: text for name, (text, _) in heard.items()}
    assert len(fake.calls) == 4
    assert heard["a"][1] < 4
