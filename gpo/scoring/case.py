"""One text to read and score by itself, without a model: what `gpo read` shows."""

import json

from pydantic import JsonValue, ValidationError

from gpo.errors import InputError, MetricError
from gpo.records import Record
from gpo.scoring.answers import canonical_reference, read_answer
from gpo.scoring.functions.calling import score
from gpo.scoring.metric_registry import METRICS
from gpo.scoring.reading import Reading
from gpo.scoring.spec import AnswerSpec, MetricSpec


class Case(Record):
    """A text, how its answer looks, and what it is scored by; `cut`: the token limit ended the text."""

    answer: AnswerSpec
    text: str
    metric: MetricSpec | None = None
    reference: str | None = None
    question: str = ""
    cut: bool = False


def parse_case(line: str) -> Case:
    """A case from one line of JSON: an object with `answer` and `text`; names that a case has not are passed over.

    Raises:
        InputError: the line is no such object.
    """
    try:
        content: JsonValue = json.loads(line)
    except ValueError as error:
        raise InputError(f"no JSON: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"a case is a JSON object with `answer` and `text`; received {line.strip()[:80]}")
    known = {name: value for name, value in content.items() if name in Case.model_fields and value is not None}
    if not isinstance(known.get("reference", ""), str):
        known["reference"] = json.dumps(known["reference"], ensure_ascii=False)
    try:
        return Case.model_validate(known)
    except ValidationError as error:
        problems = (f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())
        raise InputError("; ".join(problems)) from None


def score_case(case: Case) -> tuple[Reading, float | None]:
    """What is read from a case, and its score; None where there is nothing to score it by.

    Raises:
        MetricError: the reference is no answer of the kind, or the metric fails.
    """
    reading = read_answer(case.text, case.answer, case.question, cut=case.cut)
    if case.metric is None or case.reference is None or METRICS[case.metric.name].needs_model:
        return reading, None
    reference = canonical_reference(case.reference, case.answer)
    if reference is None:
        raise MetricError(f"the reference {case.reference[:80]!r} is no answer of kind `{case.answer.kind}`")
    if reading.answer is None:
        return reading, 0.0
    return reading, score(case.metric, reading.answer, [reference], case.answer.kind)
