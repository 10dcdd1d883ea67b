"""The texts of a candidate in the place of those in production: what `load_prompt` gives while a program is evaluated.

The candidate is found by a context variable, which goes with `await`, with tasks, and with the executors of LangChain.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from gpo.errors import TargetError

if TYPE_CHECKING:
    from gpo.prompts.held import HeldPrompt
    from gpo.prompts.version import PromptContent
    from gpo.records import Usage

CANDIDATE = 0
"""The version that a candidate's template names in its metadata: it has none yet."""


def candidate_prompt(name: str, content: "PromptContent") -> "HeldPrompt":
    """A prompt of a candidate, as an application is given it.

    Raises:
        PromptError: LangChain takes no variable of such a name.
    """
    from gpo.prompts.held import held_version
    from gpo.prompts.version import PromptVersion

    return held_version(
        PromptVersion(name=name, version=CANDIDATE, digest=content.digest, content=content, created_at="")
    )


class CandidateRun:
    """One run of a program with the prompts of a candidate.

    `read` holds the names of the candidate's prompts that the run has read, in the order in which it first did;
    `others` the digests of other prompts that it has read, by name and reference. `recorded` are the calls of which the
    program tells itself. `kept` has what its models have answered before, where it may take that, and `saved` is what
    it took.
    """

    def __init__(self, prompts: "Mapping[str, HeldPrompt]", kept: object = None) -> None:
        """Give `prompts`, by their names."""
        self._prompts, self.kept = prompts, kept
        self.saved: list[Usage] = []
        self._ended = False
        self.read: list[str] = []
        self.others: dict[str, str] = {}
        self.recorded: list[object] = []

    def end(self) -> None:
        """Give nothing any more: the answer is there, or nobody waits for it."""
        self._ended, self.kept = True, None

    def give(self, name: str) -> "HeldPrompt | None":
        """What the candidate has of a prompt; None where the prompt is none of its own.

        Raises:
            TargetError: the run has ended, and its answer would be another candidate's.
        """
        if self._ended:
            raise TargetError(
                f"prompt {name} is loaded by a run of the program that has ended or was given up; load prompts before "
                "the program returns, and not in a thread that outlives its answer"
            )
        given = self._prompts.get(name)
        if given is not None and name not in self.read:
            self.read.append(name)
        return given

    def note(self, name: str, reference: str | int, digest: str) -> None:
        """Note that a prompt was read that is none of the candidate's."""
        self.others[f"{name}@{reference}"] = digest


_current: ContextVar[CandidateRun | None] = ContextVar("gpo_candidate_run", default=None)


def current_candidate() -> CandidateRun | None:
    """The run of a program that this code is part of; None outside of an evaluation."""
    return _current.get()


@contextmanager
def use_candidate(run: CandidateRun) -> Iterator[None]:
    """Let `load_prompt` give the prompts of a candidate to all that runs inside, or is begun there."""
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
