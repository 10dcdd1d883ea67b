"""Models of LangChain inside of a program, answered from the ledger where that is asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.globals import get_llm_cache, set_llm_cache

from gpo.models.sharing import HeldAnswers, ask_anew
from gpo.records import Score
from tests.gpo.models.target.test_target import EXAMPLES, Asked, spec_of
from tests.support.fakes import in_time

COUNTED = """
import os
from pathlib import Path
from langchain_core.language_models import BaseChatModel
from langchain_core.outputs import ChatGeneration, ChatResult
LOG = Path(__file__).with_name("log")
class Counted(BaseChatModel):
    name_of_model: str = "counted"
    @property
    def _llm_type(self): return "counted"
    @property
    def _identifying_params(self): return {"name": self.name_of_model}
    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        with LOG.open("a") as log:
            log.write("x")
        usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
        reply = AIMessage(messages[0].text.split()[-1], usage_metadata=usage)
        return ChatResult(generations=[ChatGeneration(message=reply)])
MODEL = Counted()
"""

SYNC = COUNTED + "def answer(question): return (load_prompt('asks') | MODEL).invoke({'question': question})"
ASYNC = (
    COUNTED + "async def answer(question): return await (load_prompt('asks') | MODEL).ainvoke({'question': question})"
)


def calls(folder: Path) -> int:
    log = folder / "log"
    return len(log.read_text(encoding="utf-8")) if log.exists() else 0


def score_of(folder: Path, code: str, answers: HeldAnswers, **options: object) -> tuple[Score, Asked]:
    asked = Asked(spec_of(folder, code, target={"ledger": True, "cache": False, **options}), answers)
    target = asked.target
    assert target is not None

    async def scored() -> Score:
        try:
            return await asked.score(examples=EXAMPLES[:3])
        finally:
            await target.aclose()

    return in_time(scored(), 600), asked


@pytest.fixture
def other_cache() -> Iterator[InMemoryCache]:
    cache = InMemoryCache()
    set_llm_cache(cache)
    yield cache
    set_llm_cache(None)


@pytest.mark.parametrize("code", [SYNC, ASYNC], ids=["sync", "async"])
def test_a_call_is_paid_once_whatever_becomes_of_the_program(
    tmp_path: Path, code: str, other_cache: InMemoryCache
) -> None:
    answers = HeldAnswers()
    first, asked = score_of(tmp_path, code, answers)
    assert (calls(tmp_path), asked.model.tally.paid, first.mean) == (3, 3, 1.0)
    again, other = score_of(tmp_path, code + "\n# changed", answers)
    assert (calls(tmp_path), other.model.tally.paid, other.model.tally.input_tokens) == (3, 0, 0)
    assert again.usage == first.usage, "what it would cost alone"
    assert [call.text for sample in again.samples for call in sample.calls] == ["q0", "q1", "q2"]
    assert get_llm_cache() is other_cache
    with ask_anew():
        score_of(tmp_path, code, answers)
    assert calls(tmp_path) == 6
    score_of(tmp_path, code, answers, ledger=False)
    score_of(tmp_path, code, answers, ledger=False)
    assert calls(tmp_path) == 9, "without it, LangChain's own cache is what it was"


@pytest.mark.slow
def test_a_process_of_its_own_asks_the_ledger_of_the_run(tmp_path: Path) -> None:
    answers = HeldAnswers()
    options = {"isolate": True, "max_concurrency": 1}
    first, _ = score_of(tmp_path, SYNC, answers, **options)
    assert (calls(tmp_path), first.mean) == (3, 1.0)
    again, asked = score_of(tmp_path, SYNC, answers, **options)
    assert (calls(tmp_path), asked.model.tally.paid, again.mean) == (3, 0, 1.0)
