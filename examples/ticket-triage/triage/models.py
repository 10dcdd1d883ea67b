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

TEAMS = ("billing", "access", "delivery", "fault")

TERMS = {
    "billing": ("invoice", "bill", "refund", "charges", "payment"),
    "access": ("password", "account", "login"),
    "delivery": ("parcel", "courier", "driver", "ship"),
    "fault": ("repair", "repaired", "broken", "defect", "warranty"),
}
"""What the teams call it, which the model knows by itself."""

EVERYDAY = {
    "billing": ("pay", "paid", "money", "tax", "price", "amount", "discount"),
    "access": ("get in", "sign in", "signed in", "lock her out", "opens everything", "give her the right"),
    "delivery": ("bring it", "arrive", "be here", "been here", "came again", "carried up", "the rest", "has it now"),
    "fault": ("mend", "replace", "work again", "work rightly", "wrong with it", "gets hot", "makes a noise"),
}
"""What customers say for it, which it minds only where it is told to."""

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
        is_routing = asked.startswith("Facts:")
        text = _route(instruction, asked.removeprefix("Facts:")) if is_routing else _facts(instruction, asked)
        given, made = len(f"{instruction} {asked}".split()), len(text.split())
        usage = {"input_tokens": given, "output_tokens": made, "total_tokens": given + made}
        return ChatResult(generations=[ChatGeneration(message=AIMessage(content=text, usage_metadata=usage))])


def _facts(instruction: str, ticket: str) -> str:
    """The facts of a ticket: all that it says, unless the instruction says what they are wanted for."""
    kept = re.split(r"(?<=[.?]) ", ticket.strip())
    wish = next((each for each in kept if each.endswith("?") or each.startswith("Please")), kept[-1])
    is_named = "Name what is asked for." in instruction
    if "Ignore everything else." in instruction:
        before = kept.index(wish) - 1
        kept = kept[max(before, 0) : before + 2] if is_named else kept[:1]
    if is_named:
        kept = [wish, *(each for each in kept if each != wish)]
    if any(each in instruction for each in FANCIFUL):
        kept = ["In a land of broken parcels a bill had lost its password.", *kept]
    return " ".join(kept)


def _route(instruction: str, facts: str) -> str:
    """The team for some facts: the one whose term comes first, unless the instruction says better."""
    known = {team: (*TERMS[team], *(EVERYDAY[team] if "Use plain words." in instruction else ())) for team in TEAMS}
    places = {team: _places(facts, terms) for team, terms in known.items()}
    found = {team: at for team, at in places.items() if at}
    if "Answer as fast as possible." in instruction or (not found and "Guess if unsure." in instruction):
        return "billing"
    if not found:
        return "I cannot tell."
    if "Check the result once more." in instruction:
        return max(found, key=lambda team: found[team][-1])
    return min(found, key=lambda team: found[team][0])


def _places(facts: str, terms: tuple[str, ...]) -> list[int]:
    return sorted(match.start() for term in terms for match in re.finditer(rf"(?i)\b{re.escape(term)}\b", facts))


MODEL = RuleModel()
