"""The two prompts of a check, each as it is asked."""

from gpo.production.contender import champion_of
from gpo.prompts.version import PromptVersion, program_content
from gpo.records import Splits
from gpo.spec.program_text import join_texts
from gpo.spec.prompt import TextSpec
from gpo.spec.target import TargetSpec
from tests.support import outcomes


def test_of_a_program_that_has_texts_alone_the_live_texts_are_compared_with() -> None:
    texts = {"find-order": TextSpec(text="Finds an order by its number.")}
    spec = outcomes.spec().model_copy(update={"texts": texts, "target": TargetSpec(call="app:answer")})
    content = program_content(join_texts({"find-order": "Finds an order."}), {"find-order": 1})
    live = PromptVersion(name="support", version=1, digest="d", content=content, created_at="2026-01-02T03:04:05Z")
    champion = champion_of(spec, live, (), Splits(train=(), dev=(), test=(), fingerprint=""))
    assert champion.spec.texts["find-order"].text == "Finds an order."
    assert champion.spec.start_text != spec.start_text
