"""The language model of the application. This one follows rules, so that the example needs no key and no network.

In its place put a real one: `MODEL = init_chat_model("openai:gpt-4o-mini")`, with `from langchain.chat_models import
init_chat_model`. What each sentence of an instruction makes it do is written down below.
"""

import re
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult

PLAIN = {
    "pay to get in": "admission euros",
    "reach somebody by phone": "telephone number",
    "put up its walls": "built year",
    "walk up to the top": "steps stairs",
    "sit down at once": "seats visitors",
}
"""What visitors say, and how the passages put it."""

FANCIFUL = ("Use creative language.", "Tell a short story.")


class RuleModel(BaseChatModel):
    """Does what its instruction says, as far as it has a rule for it, and otherwise does not do well."""

    @property
    def _llm_type(self) -> str:
        return "rules"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 - LangChain's signature
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResult:
        instruction, asked = messages[0].text, messages[-1].text
        text = _read(instruction, asked) if "Passages:" in asked else _query(instruction, asked)
        given, made = len(f"{instruction} {asked}".split()), len(text.split())
        usage = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text, usage_metadata=usage))])


def _query(instruction: str, question: str) -> str:
    """A search query: all that the visitor said, unless the instruction says better."""
    wanted = question.rsplit("So: ", maxsplit=1)[-1]
    words = wanted if "Ignore everything else." in instruction else question
    if "Use plain words." in instruction:
        words = " ".join([words, *(plain for said, plain in PLAIN.items() if said in wanted)])
    if "Name what is asked for." in instruction:
        words = f"{_place_in(wanted)} {words}"
    if any(each in instruction for each in FANCIFUL):
        words = f"Once upon a time the visitors of the Old Mill built a dream of {words}"
    return words


def _read(instruction: str, asked: str) -> str:
    """An answer from the passages: from the first, unless the instruction says that they are to be read."""
    found, _, question = asked.removeprefix("Passages:").partition("Question:")
    passages = [line.strip() for line in found.splitlines() if line.strip()]
    if "Read the text." in instruction:
        passages = [each for each in passages if _place_in(question.split("So: ")[-1]) in each]
    if not passages:
        return "It must be about 40." if "Guess if unsure." in instruction else "The passages do not say it."
    number = int(re.findall(r"[0-9]+", passages[0])[0])
    if "Round all numbers." in instruction:
        number = round(number, -2)
    if any(each in instruction for each in FANCIFUL):
        return f"The answer is hidden behind {number + 7} doors, and an owl knows {number + 1} of them."
    return f"The answer is {number}."


def _place_in(text: str) -> str:
    found = re.findall(r"the ((?:[A-Z][a-z]+ ?)+)", text)
    return str(found[-1]).strip() if found else ""


MODEL = RuleModel()
