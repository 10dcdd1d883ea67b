"""`gpo.record`: tells of a call inside of a program that no callback of LangChain sees."""

from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Literal, Self, get_args

from gpo.prompts.candidate import current_candidate

StepType = Literal["model", "tool", "retriever"]


@dataclass
class RecordedStep:
    """A call of a program as the program tells of it; what is not known yet may be set later.

    In a `with` statement its time is taken, and an error that is raised inside is noted. `input` and `output` may be
    anything: what is no text is kept as JSON or as Python writes it.
    """

    kind: StepType
    name: str = ""
    part: str = ""
    model: str = ""
    input: object = ""
    output: object = ""
    input_tokens: int = 0
    output_tokens: int = 0
    finish_reason: str | None = None
    seconds: float | None = None
    error: str = ""
    began: float = field(default_factory=monotonic)
    is_span: bool = False

    def __enter__(self) -> Self:
        self.began = monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = round(monotonic() - self.began, 6)
        if error is not None and not self.error:
            self.error = f"{type(error).__name__}: {error}"


def record(
    kind: StepType = "model",
    *,
    input: object = "",  # noqa: A002 - what it is called elsewhere
    output: object = "",
    name: str = "",
    part: str = "",
    model: str = "",
    input_tokens: int = 0,
    output_tokens: int = 0,
    finish_reason: str | None = None,
    seconds: float | None = None,
    error: str = "",
) -> RecordedStep:
    """Tell of a call of a model, a tool or a retriever that LangChain does not see, as one over HTTP.

        with gpo.record("model", part="plan", input=prompt) as step:
            reply = post(prompt)
            step.output, step.input_tokens, step.output_tokens = reply.text, reply.tokens_in, reply.tokens_out

    While a search evaluates the program, it is one of the example's steps, and its tokens count. Elsewhere it does
    nothing. Without `with`, all is given at once.

    Args:
        kind: `model`, `tool` or `retriever`.
        input: What it was given.
        output: What it gave.
        name: That of the tool or retriever.
        part: The prompt that a model was asked with; by default it is known by its text in the input.
        model: The model's name.
        input_tokens: Of a model.
        output_tokens: Of a model.
        finish_reason: As the provider calls it; `length` is an answer that was cut off.
        seconds: How long it took.
        error: Why nothing came of it.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in get_args(StepType):
        raise ValueError(f"gpo.record: unknown kind '{kind}'; allowed: {', '.join(get_args(StepType))}")
    step = RecordedStep(
        kind=kind,
        name=name,
        part=part,
        model=model,
        input=input,
        output=output,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        finish_reason=finish_reason,
        seconds=seconds,
        error=error,
    )
    if (run := current_candidate()) is not None:
        run.recorded.append(step)
    return step
