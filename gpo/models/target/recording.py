"""Records the calls inside of a program, of models, tools and retrievers: by LangChain's callbacks, or as told."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, Literal, get_args
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from gpo.formatting import error_line, storable
from gpo.models.target.record import RecordedStep, StepType
from gpo.records import TracedCall
from gpo.redaction import mask_known, mask_secrets

MOST_CALLS = 200
"""Of so many calls of a run the texts are kept."""

MOST_CHARACTERS = 20_000
"""Of what a call was given and of what came of it, this much is kept."""


@dataclass
class _Open:
    """A call that has begun."""

    kind: Literal["model", "tool", "retriever"]
    name: str
    input: str
    began: float = field(default_factory=monotonic)
    ended: TracedCall | None = None


class Recorder(BaseCallbackHandler):
    """The calls of one run of a program. LangChain tells it from whatever thread a call is made in."""

    run_inline = True
    raise_error = False

    def __init__(self) -> None:
        """Nothing was called yet."""
        self._calls: dict[UUID, _Open] = {}
        self._lock = Lock()

    def calls(self, texts: Mapping[str, str], told: Sequence[object] = ()) -> tuple[TracedCall, ...]:
        """The calls in the order in which they began, with those that were `told`.

        `texts` are the prompts, by which their part is known. Of a call that never ended, it is said that it did not.
        Spans of models count where nothing else tells of models: they would be the same calls. Beyond `MOST_CALLS`, of
        a call no text is kept.
        """
        with self._lock:
            found = [(each.began, _ended(each)) for each in self._calls.values()]
        steps = [step for step in list(told) if isinstance(step, RecordedStep)]
        found += [(step.began, _as_call(step)) for step in steps if not step.is_span]
        if not any(call.kind == "model" for _, call in found):
            found += [(step.began, _as_call(step)) for step in steps if step.is_span]
        ordered = [call for _, call in sorted(found, key=lambda each: each[0])]
        known = [call if call.part or call.kind != "model" else _with_part(call, texts) for call in ordered]
        bare = [call.model_copy(update={"text": "", "input": ""}) for call in known[MOST_CALLS:]]
        return (*known[:MOST_CALLS], *bare)

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,  # noqa: ARG002 - LangChain's signature, here and below
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """A chat model was asked."""
        shown = "\n".join(f"{message.type}: {message.text}" for batch in messages for message in batch)
        self._begin(run_id, "model", _model_name(kwargs), shown)

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,  # noqa: ARG002
        prompts: list[str],
        *,
        run_id: UUID,
        **kwargs: Any,
    ) -> None:
        """A completion model was asked."""
        self._begin(run_id, "model", _model_name(kwargs), "\n".join(prompts))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A model has answered."""
        with self._lock:
            begun = self._calls.get(run_id)
        self._end(run_id, _answered(response, begun.name if begun else ""))

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A model has failed."""
        self._fail(run_id, error)

    def on_tool_start(self, serialized: dict[str, Any] | None, input_str: str, *, run_id: UUID, **kwargs: Any) -> None:
        """A tool was called."""
        self._begin(run_id, "tool", str(kwargs.get("name") or (serialized or {}).get("name") or ""), input_str)

    def on_tool_end(self, output: Any, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A tool gave something back."""
        text = output.text if isinstance(output, BaseMessage) else str(output)
        self._end(run_id, TracedCall(text=_kept(text)))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A tool has failed."""
        self._fail(run_id, error)

    def on_retriever_start(self, serialized: dict[str, Any] | None, query: str, *, run_id: UUID, **kwargs: Any) -> None:
        """A retriever was asked."""
        self._begin(run_id, "retriever", str(kwargs.get("name") or (serialized or {}).get("name") or ""), query)

    def on_retriever_end(self, documents: Sequence[Any], *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A retriever gave documents."""
        self._end(run_id, TracedCall(text=_kept("\n\n".join(str(each.page_content) for each in documents))))

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:  # noqa: ARG002
        """A retriever has failed."""
        self._fail(run_id, error)

    def _begin(self, run_id: UUID, kind: Literal["model", "tool", "retriever"], name: str, given: str) -> None:
        with self._lock:
            self._calls[run_id] = _Open(kind, name, _kept(given))

    def _end(self, run_id: UUID, call: TracedCall) -> None:
        with self._lock:
            if (begun := self._calls.get(run_id)) is not None:
                begun.ended = call.model_copy(update={"seconds": round(monotonic() - begun.began, 6)})

    def _fail(self, run_id: UUID, error: BaseException) -> None:
        said = f": {mask_secrets(error_line(error))}" if isinstance(error, Exception) else ""
        self._end(run_id, TracedCall(text="", error=storable(f"{type(error).__name__}{said}")))


def _ended(begun: _Open) -> TracedCall:
    ended = begun.ended or TracedCall(text="", error="it did not end")
    return ended.model_copy(update={"kind": begun.kind, "name": begun.name, "input": begun.input})


def _as_call(step: RecordedStep) -> TracedCall:
    """What a program told of a call, as far as it can be kept: what is wrong in it costs no answer."""
    return TracedCall(
        text=_kept(_text_of(step.output)),
        input=_kept(_text_of(step.input)),
        model=storable(str(step.model)),
        seconds=_number(step.seconds),
        input_tokens=int(_number(step.input_tokens) or 0),
        output_tokens=int(_number(step.output_tokens) or 0),
        finish_reason=step.finish_reason and storable(str(step.finish_reason)),
        kind=step.kind if step.kind in get_args(StepType) else "model",
        part=storable(str(step.part)),
        name=storable(str(step.name)),
        error=mask_secrets(storable(str(step.error))),
    )


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return _as_python_writes(value)


def _as_python_writes(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - an object of the program's own
        return f"{type(value).__name__}, which cannot be written: {type(error).__name__}"


def _number(value: Any) -> float | None:
    """A number that is not negative; None for all else."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < math.inf else None


def _with_part(call: TracedCall, texts: Mapping[str, str]) -> TracedCall:
    return call.model_copy(update={"part": _part_of(call.input, texts)})


def _answered(response: LLMResult, asked: str) -> TracedCall:
    generations = [each for batch in response.generations for each in batch]
    replies = [each.message for each in generations if isinstance(each, ChatGeneration)]
    usages = [reply.usage_metadata for reply in replies if isinstance(reply, AIMessage) and reply.usage_metadata]
    metered = (response.llm_output or {}).get("token_usage") or {}
    names = [str(reply.response_metadata.get("model_name") or "") for reply in replies]
    reasons = [reply.response_metadata.get("finish_reason") for reply in replies]
    return TracedCall(
        text=_kept("\n".join([*(each.text for each in generations), *map(_tool_calls, replies)]).strip()),
        model=next(filter(None, names), asked),
        input_tokens=sum(each["input_tokens"] for each in usages) or int(metered.get("prompt_tokens") or 0),
        output_tokens=sum(each["output_tokens"] for each in usages) or int(metered.get("completion_tokens") or 0),
        finish_reason=next((str(reason) for reason in reasons if reason), None),
    )


def _tool_calls(reply: BaseMessage) -> str:
    calls = reply.tool_calls if isinstance(reply, AIMessage) else []
    return "\n".join(f"[calls {each['name']}({each['args']})]" for each in calls)


def _model_name(about: Mapping[str, Any]) -> str:
    parameters = about.get("invocation_params") or {}
    return str(parameters.get("model") or parameters.get("model_name") or about.get("name") or "")


def _part_of(given: str, texts: Mapping[str, str]) -> str:
    """The prompt that a call was made with: the longest text that stands in what the model was given."""
    held = [name for name, text in texts.items() if text in given]
    return max(held, key=lambda name: len(texts[name]), default="")


def _kept(text: str) -> str:
    """A text as far as it is kept, without the keys that this process knows: a call may be given one in its headers."""
    text = mask_known(text)
    return storable(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} …")


_recorder: ContextVar[Recorder | None] = ContextVar("gpo_recorder", default=None)
register_configure_hook(_recorder, inheritable=True)


@contextmanager
def record_calls() -> Iterator[Recorder]:
    """What is called through LangChain inside, and in tasks and threads that take the context along."""
    recorder = Recorder()
    token = _recorder.set(recorder)
    try:
        yield recorder
    finally:
        _recorder.reset(token)
