"""Spans of OpenTelemetry about models and tools (its GenAI conventions) as steps of a program.

This is imported only where the program has loaded OpenTelemetry's SDK.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from gpo.models.target.record import RecordedStep, StepType
from gpo.prompts.candidate import CandidateRun, current_candidate

_KINDS: Mapping[str, StepType] = {
    "chat": "model",
    "text_completion": "model",
    "generate_content": "model",
    "execute_tool": "tool",
}
_NANO = 1e9


class _GenAiSpans(SpanProcessor):
    """Notes the spans that begin in a run of a program, when they end."""

    def __init__(self) -> None:
        self._open: dict[int, tuple[CandidateRun, RecordedStep]] = {}
        self._lock = Lock()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        if (run := current_candidate()) is not None and span.context is not None:
            with self._lock:
                self._open[span.context.span_id] = (run, RecordedStep("model", is_span=True))

    def on_end(self, span: ReadableSpan) -> None:
        with self._lock:
            run, step = self._open.pop(span.context.span_id, (None, None)) if span.context else (None, None)
        attributes = span.attributes or {}
        kind = _KINDS.get(str(attributes.get("gen_ai.operation.name")))
        if run is None or step is None or kind is None:
            return
        _fill(step, kind, attributes)
        if span.start_time and span.end_time:
            step.seconds = (span.end_time - span.start_time) / _NANO
        if not span.status.is_ok:
            step.error = span.status.description or str(attributes.get("error.type") or "it failed")
        run.recorded.append(step)


def _fill(step: RecordedStep, kind: StepType, attributes: Mapping[str, Any]) -> None:
    step.kind = kind
    if kind == "tool":
        step.name = str(attributes.get("gen_ai.tool.name") or "")
        step.input = attributes.get("gen_ai.tool.call.arguments") or ""
        step.output = attributes.get("gen_ai.tool.call.result") or ""
        return
    step.model = str(attributes.get("gen_ai.response.model") or attributes.get("gen_ai.request.model") or "")
    step.input = attributes.get("gen_ai.input.messages") or ""
    step.output = attributes.get("gen_ai.output.messages") or ""
    step.input_tokens = attributes.get("gen_ai.usage.input_tokens") or 0
    step.output_tokens = attributes.get("gen_ai.usage.output_tokens") or 0
    reasons = attributes.get("gen_ai.response.finish_reasons") or ()
    step.finish_reason = str(reasons[0]) if reasons else None


_watched: set[int] = set()


def watch_spans() -> None:
    """Take part in the program's tracing, if it has any; once for each provider of it."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider) and id(provider) not in _watched:
        _watched.add(id(provider))
        provider.add_span_processor(_GenAiSpans())
