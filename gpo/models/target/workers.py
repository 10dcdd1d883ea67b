"""The processes of a program with `isolate: true`: started as they are needed, replaced when they fail, all ended.

Each process has a group of its own, which is killed as a whole: what the program has started goes with it. One more
process, the warden, is told of all groups. When this process dies in whatever way, the warden reads the end of its pipe
and kills them.
"""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from gpo.errors import SpecError
from gpo.formatting import count
from gpo.models.ledger import Answer, CallKey
from gpo.models.sharing import AnswerStore
from gpo.models.target import frames
from gpo.models.target.answer import ProgramAnswer
from gpo.models.target.kept_calls import ROLE, find_call
from gpo.models.target.running import ProgramFailedError
from gpo.progress import Note, emit
from gpo.prompts.version import PromptContent
from gpo.records import TracedCall
from gpo.spec.target import TargetSpec

LOADING_S = 300.0
"""Time that a process has to load the program."""

GRACE_S = 10.0
"""Time beyond `timeout_s` in which a process tells itself that it took too long."""

MOST_RUNS = 500
MOST_GROWTH = 512 * 1024**2
"""After so many runs, or so much more memory than after its start, a process is replaced."""

_WARDEN = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class _Worker:
    """One process of the program."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.first_memory = self.memory = 0
        self.runs = 0

    async def say(self, content: object) -> Any:
        """What the process answers to a message.

        Raises:
            IncompleteReadError: it has ended.
            ConnectionError: it has ended.
        """
        asked, answers = self.process.stdin, self.process.stdout
        if asked is None or answers is None:
            raise ConnectionError("it has no pipes")
        asked.write(frames.pack(content))
        await asked.drain()
        reply = await frames.receive(answers)
        self.memory = int(reply.get("memory") or 0)
        return reply

    @property
    def is_worn(self) -> bool:
        """Whether it is time for another process."""
        return self.runs >= MOST_RUNS or self.memory - self.first_memory > MOST_GROWTH

    async def end(self) -> int:
        """Kill it with all that it has started; its exit status."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        status = await self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        return status


class WorkerPool:
    """The processes of one program. Of one event loop alone."""

    def __init__(self, spec: TargetSpec, inputs: Sequence[str], answers: AnswerStore, since: str) -> None:
        """Nothing is started before the first question. `answers` has what models answered, none older than `since`.

        Raises:
            SpecError: the system has no groups of processes.
        """
        if os.name != "posix":
            raise SpecError(
                "`target.isolate` needs Linux or macOS, whose processes can be ended in groups; leave it out"
            )
        self._spec, self._inputs = spec, list(inputs)
        self._answers, self._since = answers, since
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._warden: Process | None = None
        self._beginning = asyncio.Lock()
        self._told = False

    async def ask(self, contents: Mapping[str, PromptContent], given: Mapping[str, Any]) -> ProgramAnswer:
        """What the program answers in a process of its own.

        Raises:
            ProgramFailedError: it gave no answer, or its process has ended.
            SpecError: it cannot be loaded.
        """
        worker = self._idle.pop() if self._idle else await self._start()
        request = {"prompts": {name: each.model_dump(mode="json") for name, each in contents.items()}, "given": given}
        try:
            # Not `wait_for`, which in Python 3.11 forgets that it was cancelled when the reply comes at that moment.
            async with asyncio.timeout(self._spec.timeout_s + GRACE_S):
                reply = await self._converse(worker, request)
        except TimeoutError:
            await self._end(worker)
            raise self._failed(f"it took longer than `target.timeout_s`, {self._spec.timeout_s:g} s") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            status = await self._end(worker)
            raise self._failed(f"its process ended: {_describe(status)}") from None
        except BaseException:
            await asyncio.shield(self._end(worker))
            raise
        worker.runs += 1
        await self._put_back(worker, timed_out=bool(reply.get("timed_out")))
        if "failed" in reply:
            raise ProgramFailedError(reply["failed"], tuple(map(TracedCall.model_validate, reply["calls"])))
        return ProgramAnswer.model_validate(reply["answer"])

    async def _converse(self, worker: _Worker, request: object) -> Any:
        """What a process answers in the end; meanwhile it may ask for what models have answered before."""
        reply = await worker.say(request)
        while "key" in reply:
            key = CallKey.model_validate(reply["key"])
            if "keep" in reply:
                await self._answers.keep(key, Answer.model_validate(reply["keep"]), ROLE, self._since)
                reply = await worker.say({"kept": True})
            else:
                found = await find_call(self._answers, self._since, key)
                reply = await worker.say({"found": found and found.model_dump(mode="json")})
        return reply

    async def aclose(self) -> None:
        """End all processes."""
        self._idle.clear()
        for worker in tuple(self._all):
            await self._end(worker)
        warden, self._warden = self._warden, None
        if warden is not None and warden.stdin is not None:
            warden.stdin.close()
            await warden.wait()

    async def _put_back(self, worker: _Worker, *, timed_out: bool) -> None:
        """Keep a process for the next question, unless something of the last run may still go on in it."""
        if not (timed_out or worker.is_worn):
            self._idle.append(worker)
            return
        grown = worker.memory - worker.first_memory
        if grown > MOST_GROWTH and not self._told:
            self._told = True
            about = f"A process of `{self._spec.call}` has taken {grown // 1024**2:,} MiB more"
            emit(Note(f"{about} after {count(worker.runs, 'run')}, and was replaced."))
        await self._end(worker)

    async def _start(self) -> _Worker:
        async with self._beginning:
            if self._warden is None:
                self._warden = await asyncio.create_subprocess_exec(
                    sys.executable, "-S", "-c", _WARDEN, stdin=PIPE, stdout=DEVNULL, start_new_session=True
                )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gpo.models.target.worker"),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            start_new_session=True,
        )
        worker = _Worker(process)
        self._all.add(worker)
        self._tell_warden("+", worker)
        try:
            begun = {"spec": self._spec.model_dump(mode="json"), "inputs": self._inputs}
            async with asyncio.timeout(LOADING_S):
                reply = await worker.say(begun)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
            status = await self._end(worker)
            why = f"took longer than {LOADING_S:g} s" if isinstance(error, TimeoutError) else _describe(status)
            raise SpecError(f"`target`: the process that should load `{self._spec.call}` {why}") from None
        except BaseException:
            await asyncio.shield(self._end(worker))
            raise
        if "error" in reply:
            await self._end(worker)
            raise SpecError(reply["error"])
        worker.first_memory = worker.memory
        return worker

    async def _end(self, worker: _Worker) -> int:
        status = await worker.end()
        self._all.discard(worker)
        self._tell_warden("-", worker)
        return status

    def _tell_warden(self, sign: str, worker: _Worker) -> None:
        if self._warden is not None and self._warden.stdin is not None:
            self._warden.stdin.write(f"{sign}{worker.process.pid}\n".encode())

    def _failed(self, said: str) -> ProgramFailedError:
        return ProgramFailedError(f"the program `{self._spec.call}` failed: {said}")


def _describe(status: int) -> str:
    """How a process has ended.

    >>> _describe(3), _describe(-11)
    ('it left with status 3', 'it was ended by signal 11 (SIGSEGV)')
    """
    if status >= 0:
        return f"it left with status {status}"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else "unknown"
    hint = ", perhaps as memory ran out" if -status == signal.SIGKILL else ""
    return f"it was ended by signal {-status} ({name}){hint}"
