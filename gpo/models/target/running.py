"""One run of a program with the prompts of a candidate: its answer with all that happened, or why there is none."""

import sys
from collections.abc import Mapping
from time import monotonic
from typing import Any

from gpo.errors import TargetError
from gpo.formatting import error_line, storable
from gpo.models.target.answer import ProgramAnswer
from gpo.models.target.calling import read_text, run_program
from gpo.models.target.kept_calls import KeptCalls
from gpo.models.target.load import Program
from gpo.models.target.recording import record_calls
from gpo.prompts.candidate import CandidateRun, candidate_prompt, use_candidate
from gpo.prompts.held import HeldPrompt
from gpo.prompts.version import PromptContent
from gpo.records import TracedCall, Usage
from gpo.redaction import mask_secrets
from gpo.spec.target import TargetSpec


class ProgramFailedError(TargetError):
    """A run of a program gave no answer; `calls` is what it did before."""

    def __init__(self, said: str, calls: tuple[TracedCall, ...] = (), *, timed_out: bool = False) -> None:
        """`said` is why, with the program named; `timed_out`: something of it may still run."""
        super().__init__(said)
        self.calls, self.timed_out = calls, timed_out


def candidate_prompts(contents: Mapping[str, PromptContent]) -> dict[str, HeldPrompt]:
    """The prompts of a candidate as its runs are given them.

    Raises:
        PromptError: LangChain takes no variable of such a name.
    """
    return {name: candidate_prompt(name, content) for name, content in contents.items()}


async def run_once(
    program: Program,
    spec: TargetSpec,
    prompts: Mapping[str, HeldPrompt],
    given: Mapping[str, Any],
    kept: KeptCalls | None = None,
) -> ProgramAnswer:
    """The answer of a program for the inputs of one example; `kept` is what its models have answered before.

    Raises:
        ProgramFailedError: it gave none.
    """
    run, began, texts = CandidateRun(prompts, kept), monotonic(), {name: each.text for name, each in prompts.items()}
    _watch_spans()
    with use_candidate(run), record_calls() as recorder:
        try:
            result = await run_program(program, given, spec.timeout_s)
            text = storable(read_text(result, spec.output))
        except Exception as error:
            calls = recorder.calls(texts, run.recorded)
            seconds = monotonic() - began
            raise ProgramFailedError(failed(spec, error), calls, timed_out=seconds >= spec.timeout_s) from error
        finally:
            run.end()
    return ProgramAnswer(
        text=text,
        calls=recorder.calls(texts, run.recorded),
        seconds=round(monotonic() - began, 6),
        read=tuple(run.read),
        others=run.others,
        saved=sum(run.saved, Usage()),
    )


def failed(spec: TargetSpec, error: Exception) -> str:
    """What is said of an error, with the program named."""
    said = str(error) if isinstance(error, TargetError) else f"it raised {type(error).__name__}: {error_line(error)}"
    return f"the program `{spec.call}` failed: {mask_secrets(said)}"


def _watch_spans() -> None:
    """Let spans of OpenTelemetry tell of calls, where the program has loaded its SDK."""
    if "opentelemetry.sdk.trace" in sys.modules:
        from gpo.models.target.spans import watch_spans  # noqa: PLC0415 - not for programs without it

        watch_spans()
