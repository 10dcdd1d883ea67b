"""The program of a run: asked for the answers to examples with the prompts of a candidate, limited, counted, kept."""

import asyncio
from collections.abc import Mapping, Sequence

from gpo.concurrency import gather_or_cancel
from gpo.database.engine import utc_now
from gpo.errors import GpoError, StateError, TargetError
from gpo.models.ask import BlockOfCalls
from gpo.models.chat import ChatModel
from gpo.models.claims.slots import SharedLimit
from gpo.models.limiter import Limiter
from gpo.models.sharing import anew_since, current_shared
from gpo.models.target.answer import AnswerKeys, ProgramAnswer, read_kept, tokens_of
from gpo.models.target.calling import as_given
from gpo.models.target.kept_calls import KeptInLoop, models_ask_the_ledger
from gpo.models.target.load import load_program
from gpo.models.target.running import ProgramFailedError, candidate_prompts, run_once
from gpo.models.target.threads import context_in_threads
from gpo.models.target.workers import WorkerPool
from gpo.progress import Answered, Note, emit
from gpo.prompts.held import HeldPrompt
from gpo.prompts.load import load_prompt
from gpo.prompts.version import PromptContent, prompt_content
from gpo.records import Example, TracedCall, total_usage
from gpo.spec.target import TargetSpec
from gpo.spec.task import TaskSpec

ROLE = "task"
"""In whose place a program answers: what it asks counts as the task model's."""


class NotKeptError(StateError):
    """An answer is not in the ledger, and none is paid for here."""


class Target:
    """The program that a spec names, how many of its runs go on at once, and where its answers are kept.

    `sets` are the sets of prompts that its runs have read so far. With `only_kept`, it is not run.
    """

    def __init__(self, spec: TargetSpec, inputs: Sequence[str], model: ChatModel) -> None:
        """Load the program; `model` is the task model of the run, in whose place it answers.

        Raises:
            SpecError: it cannot be loaded.
        """
        self.spec = spec
        self.program = None if spec.isolate else load_program(spec, inputs)
        self.answers, self.tally = model.answers, model.tally
        self.slots = Limiter(spec.max_concurrency)
        share = self.answers.share(f"target {spec.call} {spec.folder or ''}", spec.max_concurrency)
        self._shared_limit = None if share is None else SharedLimit(self.slots, share)
        self.since = anew_since()
        self.workers = WorkerPool(spec, inputs, self.answers, self.since) if spec.isolate else None
        self.sets: set[frozenset[str]] = set()
        self.only_kept = False

    async def answer(self, task: TaskSpec, instruction: str, inquiry: BlockOfCalls) -> dict[str, ProgramAnswer]:
        """The answers to the examples of an inquiry with a candidate's prompts, by example id; missing where it failed.

        Raises:
            TooManyFailures: more failed than the inquiry allows.
            PromptError: LangChain takes no variable of a prompt.
        """
        texts = task.texts_of(instruction)
        contents = {
            name: prompt_content(part.template, texts[name], is_text=name in task.texts)
            for name, part in task.parts.items()
        }
        asking = _Asking(self, contents, task.calls_of_target, inquiry)
        found = await asking.find()
        if found:
            emit(Answered(paid=False, count=len(found) * asking.calls))
        with context_in_threads(), models_ask_the_ledger(self.spec.ledger and not self.spec.isolate):
            missing = [(place, each) for place, each in enumerate(inquiry.block) if each.id not in found]
            ran = await gather_or_cancel(*(asking.run(each, inquiry.offset + place) for place, each in missing))
        inquiry.asked += len(inquiry.block) * asking.calls
        found |= {each.id: answer for (_, each), answer in zip(missing, ran, strict=True) if answer is not None}
        self.sets |= {frozenset(each.read) for each in found.values()}
        return found

    async def ask(
        self, contents: Mapping[str, PromptContent], prompts: Mapping[str, HeldPrompt], example: Example
    ) -> ProgramAnswer:
        """What the program answers now, in this process or in one of its own.

        Raises:
            ProgramFailedError: it gave no answer.
            SpecError: it cannot be loaded.
        """
        given = as_given(example.inputs)
        if self.workers is not None:
            return await self.workers.ask(contents, given)
        if self.program is None:
            raise ValueError("the program is neither loaded nor has it processes of its own")
        kept = KeptInLoop(self.answers, self.since, asyncio.get_running_loop()) if self.spec.ledger else None
        return await run_once(self.program, self.spec, prompts, given, kept)

    async def aclose(self) -> None:
        """End the program's processes, where it has any, and leave its runs at once to others."""
        if self._shared_limit is not None:
            await self._shared_limit.aclose()
        if self.workers is not None:
            await self.workers.aclose()


class _Asking:
    """One candidate's answers to one block of examples."""

    def __init__(
        self,
        target: Target,
        contents: Mapping[str, PromptContent],
        calls: int,
        inquiry: BlockOfCalls,
    ) -> None:
        self._target, self._contents, self._inquiry, self.calls = target, contents, inquiry, calls
        self._prompts = candidate_prompts(contents)
        self._keys = AnswerKeys(target.spec, contents, target.sets)
        self._outdated: set[str] = set()

    async def find(self) -> dict[str, ProgramAnswer]:
        """The answers that are kept, by example id."""
        if not self._target.spec.cache:
            return {}
        possible = {example.id: self._keys.possible(example) for example in self._inquiry.block}
        kept = await self._target.answers.find([key for keys in possible.values() for key in keys])
        found: dict[str, ProgramAnswer] = {}
        others = _OtherPrompts()
        for name, keys in possible.items():
            for answer in (kept[key.digest] for key in keys if key.digest in kept):
                known = read_kept(answer) if answer.created_at >= self._target.since else None
                if known is not None and await others.are_still(known.others):
                    found[name] = known
                    break
                self._outdated.add(name)
        return found

    async def run(self, example: Example, priority: int) -> ProgramAnswer | None:
        """The answer that the program gives now; None where it gave none, which is counted."""
        target = self._target
        if target.only_kept:
            raise NotKeptError("an answer is not in the ledger")
        await target.slots.acquire(priority)
        try:
            async with current_shared().in_flight.call():
                return await self._run(example)
        except TargetError as error:
            if not any(isinstance(failure, TargetError) for failure in self._inquiry.failures):
                emit(Note(f"No answer for example {example.id}: {error}."))
            self._inquiry.fail(error, example.id)
            return None
        finally:
            target.slots.release()

    async def _run(self, example: Example) -> ProgramAnswer:
        target = self._target
        try:
            answer = await target.ask(self._contents, self._prompts, example)
        except ProgramFailedError as error:
            self._count_failed(error.calls, example)
            raise
        if target.spec.cache:
            key, stale = (
                self._keys.of(example, answer.read),
                utc_now() if example.id in self._outdated else target.since,
            )
            await target.answers.keep(key, answer.kept(target.spec.call), ROLE, stale)
        used = answer.usage
        target.tally.paid += max(0, used.calls - answer.saved.calls)
        target.tally.input_tokens += max(0, used.input_tokens - answer.saved.input_tokens)
        target.tally.output_tokens += max(0, used.output_tokens - answer.saved.output_tokens)
        emit(Answered(paid=True, count=self.calls))
        return answer

    def _count_failed(self, calls: tuple[TracedCall, ...], example: Example) -> None:
        """What a run that came to nothing has cost all the same, and what it did."""
        self._inquiry.failed_calls[example.id] = calls
        billed = tokens_of(calls)
        self._target.tally.failed += 1
        self._target.tally.input_tokens += billed.input_tokens
        self._target.tally.output_tokens += billed.output_tokens
        self._inquiry.lost = total_usage([self._inquiry.lost, {ROLE: billed}])


class _OtherPrompts:
    """What the prompts of others are in production now, each looked at once."""

    def __init__(self) -> None:
        self._digests: dict[str, str | None] = {}

    async def are_still(self, digests: Mapping[str, str]) -> bool:
        """Whether all are what they were when an answer was made with them; by name and reference."""
        for reference in digests.keys() - self._digests.keys():
            self._digests[reference] = await asyncio.to_thread(_digest_now, reference)
        return all(self._digests[reference] == digest for reference, digest in digests.items())


def _digest_now(reference: str) -> str | None:
    """The digest of a prompt by name and alias or version; None where it cannot be had."""
    name, _, alias = reference.rpartition("@")
    try:
        now = load_prompt(name, version=int(alias)) if alias.isdigit() else load_prompt(name, alias=alias)
    except GpoError:
        return None
    return str((now.metadata or {}).get("digest", ""))
