"""The process of a program with `isolate: true`: loads it, and answers one example after the other.

It is told what to do on stdin, and answers on stdout; what the program itself reads and prints is kept away from both.
It ends with its stdin. Whoever started it ends its group, with all that the program has started.
"""

import asyncio
import os
import re
import resource
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from gpo.errors import GpoError
from gpo.models.ledger import Answer, CallKey
from gpo.models.target import frames
from gpo.models.target.kept_calls import models_ask_the_ledger
from gpo.models.target.load import Program, load_program
from gpo.models.target.running import ProgramFailedError, candidate_prompts, run_once
from gpo.models.target.threads import context_in_threads
from gpo.prompts.version import PromptContent
from gpo.spec.target import TargetSpec

_KIB = 1024


def main() -> None:
    """Serve until nobody asks any more."""
    asked, answers = _own_pipes()
    # Of all processes, this is the one to end where memory runs out.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if (begun := frames.read(asked)) is None:
        return
    spec = TargetSpec.model_validate(begun["spec"])
    try:
        program = load_program(spec, begun["inputs"])
    except GpoError as error:
        answers.write(frames.pack({"error": str(error)}))
        answers.flush()
        return
    answers.write(frames.pack({"memory": _memory()}))
    answers.flush()
    with context_in_threads(), models_ask_the_ledger(spec.ledger):
        while (request := frames.read(asked)) is not None:
            kept = _KeptByParent(asked, answers)
            reply = asyncio.run(_answer(program, spec, request, kept if spec.ledger else None))
            kept.end()
            answers.write(frames.pack(reply))
            answers.flush()


class _KeptByParent:
    """The calls that whoever started this process has kept, asked for over the same pipes while the program runs."""

    def __init__(self, asked: BinaryIO, answers: BinaryIO) -> None:
        self._asked, self._answers = asked, answers
        self._lock = threading.Lock()
        self._ended = False

    def find(self, key: CallKey) -> Answer | None:
        reply = self._say({"key": key.model_dump(mode="json")})
        return Answer.model_validate(reply["found"]) if reply and reply["found"] else None

    def keep(self, key: CallKey, answer: Answer) -> None:
        self._say({"key": key.model_dump(mode="json"), "keep": answer.model_dump(mode="json")})

    def end(self) -> None:
        """Ask for nothing any more: what comes next on the pipes is another example."""
        with self._lock:
            self._ended = True

    def _say(self, content: object) -> Any:
        with self._lock:
            if self._ended:
                return None
            self._answers.write(frames.pack(content))
            self._answers.flush()
            return frames.read(self._asked)


async def _answer(
    program: Program, spec: TargetSpec, request: dict[str, Any], kept: _KeptByParent | None
) -> dict[str, Any]:
    contents = {name: PromptContent.model_validate(content) for name, content in request["prompts"].items()}
    try:
        answer = await run_once(program, spec, candidate_prompts(contents), request["given"], kept)
    except ProgramFailedError as error:
        calls = [call.model_dump(mode="json") for call in error.calls]
        return {"failed": str(error), "calls": calls, "timed_out": error.timed_out, "memory": _memory()}
    return {"answer": answer.model_dump(mode="json"), "memory": _memory()}


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Stdin and stdout for us alone: the program gets an empty stdin, and stderr to print to."""
    asked, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return os.fdopen(asked, "rb"), os.fdopen(answers, "wb")


def _memory() -> int:
    """The most memory that this process has had, in bytes."""
    # Where Linux is asked by `getrusage`, a process begins with what the one had that started it.
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1]) * _KIB
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KIB


if __name__ == "__main__":
    main()
    # Threads that the program has left behind are not waited for.
    sys.stderr.flush()
    os._exit(0)
