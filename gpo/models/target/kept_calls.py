"""Models of LangChain inside of a program, answered from the ledger: `target: {ledger: true}`.

LangChain has one cache for all of a process. While programs run, this one is it: it knows calls of their runs by the
context, and hands all others on to the cache that was there.
"""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from langchain_core.caches import BaseCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.outputs import Generation

from gpo.messages.message import Message
from gpo.models.langchain_cache import LANGCHAIN, answer_of, read_generations, write_generations
from gpo.models.ledger import Answer, CallKey
from gpo.models.sharing import AnswerStore
from gpo.prompts.candidate import CandidateRun, current_candidate
from gpo.records import Usage, content_hash

ROLE = "task"


@runtime_checkable
class KeptCalls(Protocol):
    """Where a run of a program finds what its models have answered before. It may be asked from any thread."""

    def find(self, key: CallKey) -> Answer | None:
        """The answer that is there; None where there is none, or the run has ended."""

    def keep(self, key: CallKey, answer: Answer) -> None:
        """Keep an answer; returns when it is safe."""


class KeptInLoop:
    """The answers of a store that belongs to an event loop of another thread."""

    def __init__(self, answers: AnswerStore, since: str, loop: asyncio.AbstractEventLoop) -> None:
        """Take no answer that is older than `since`."""
        self._answers, self._since, self._loop = answers, since, loop

    def find(self, key: CallKey) -> Answer | None:
        """As `KeptCalls` has it."""
        return asyncio.run_coroutine_threadsafe(find_call(self._answers, self._since, key), self._loop).result()

    def keep(self, key: CallKey, answer: Answer) -> None:
        """As `KeptCalls` has it."""
        kept = self._answers.keep(key, answer, ROLE, self._since)
        asyncio.run_coroutine_threadsafe(_awaited(kept), self._loop).result()


async def find_call(answers: AnswerStore, since: str, key: CallKey) -> Answer | None:
    """The answer to a call that is there and not older than `since`."""
    found = (await answers.find([key])).get(key.digest)
    return found if found is not None and found.created_at >= since else None


async def _awaited(kept: Any) -> None:
    await kept


class _ProgramCache(BaseCache):
    """The cache of LangChain while programs run."""

    def __init__(self, before: BaseCache | None) -> None:
        self.before = before

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        found = _kept_of_run()
        if found is None:
            return self.before.lookup(prompt, llm_string) if self.before is not None else None
        run, kept = found
        answer = kept.find(_key(prompt, llm_string))
        if answer is None:
            return None
        run.saved.append(Usage(calls=1, input_tokens=answer.input_tokens, output_tokens=answer.output_tokens))
        return read_generations(answer.text)

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        found = _kept_of_run()
        if found is not None:
            answer = answer_of(return_val).model_copy(update={"text": write_generations(return_val)})
            found[1].keep(_key(prompt, llm_string), answer)
        elif self.before is not None:
            self.before.update(prompt, llm_string, return_val)

    async def alookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        if _kept_of_run() is None and self.before is not None:
            return await self.before.alookup(prompt, llm_string)
        return await asyncio.to_thread(self.lookup, prompt, llm_string)

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        if _kept_of_run() is None and self.before is not None:
            await self.before.aupdate(prompt, llm_string, return_val)
            return
        await asyncio.to_thread(self.update, prompt, llm_string, return_val)

    def clear(self, **kwargs: Any) -> None:
        if self.before is not None:
            self.before.clear(**kwargs)


def _kept_of_run() -> tuple[CandidateRun, KeptCalls] | None:
    run = current_candidate()
    return (run, run.kept) if run is not None and isinstance(run.kept, KeptCalls) else None


def _key(prompt: str, llm_string: str) -> CallKey:
    identity = {LANGCHAIN: content_hash(llm_string, length=64)}
    return CallKey(identity=identity, messages=(Message(role="user", text=prompt),))


_lock = threading.Lock()
_users = 0


@contextmanager
def models_ask_the_ledger(wanted: bool) -> Iterator[None]:
    """Inside, models of a program's run that has kept calls take their answers from these. Not `wanted`: nothing."""
    global _users  # noqa: PLW0603 - LangChain's cache is of the whole process
    if not wanted:
        yield
        return
    with _lock:
        _users += 1
        if _users == 1:
            set_llm_cache(_ProgramCache(get_llm_cache()))
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            now = get_llm_cache()
            if not _users and isinstance(now, _ProgramCache):
                set_llm_cache(now.before)
