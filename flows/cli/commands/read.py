"""`gpo read`: how texts are read and scored, and by which rule. Calls no model."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue, ValidationError

from flows.cli.console import exit_on_error, print_json
from flows.cli.options import Debug
from gpo.errors import GpoError, InputError, MetricError
from gpo.records import Record
from gpo.scoring.answers import canonical_reference, read_answer, rule_by_rule
from gpo.scoring.functions.calling import score
from gpo.scoring.metric_registry import METRICS
from gpo.scoring.reading import Reading
from gpo.scoring.spec import AnswerSpec, MetricSpec

commands = typer.Typer()

STDIN = "-"


class Case(Record):
    """One text to read: how its answer looks, and what it is scored by."""

    answer: AnswerSpec
    text: str
    metric: MetricSpec | None = None
    reference: str | None = None
    question: str = ""
    cut: bool = False


@commands.command()
def read(
    spec: Annotated[str, typer.Argument(metavar="SPEC", help="The task spec; `-` with --json: cases from stdin.")],
    *,
    text: Annotated[str | None, typer.Option(help="The text to read; by default stdin.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with the text to read.")] = None,
    reference: Annotated[str | None, typer.Option(help="The right answer, to score the text by.")] = None,
    question: Annotated[str, typer.Option(help="The question, where it lists options.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout and nothing else.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="The token limit ended the text.")] = False,
    debug: Debug = False,
) -> None:
    """Show how a text is read and scored, and by which rule.

    `gpo read --json -` takes one case a line on stdin: an object with `answer`, `metric`, `text` and `reference` as in
    a spec and its data, and, if need be, `question` and `cut`. It prints one line for each in order, with `answer`
    (null where the text states none or cannot be read), `rule`, `weak` and `score`, or `error` for what is no case.
    """
    with exit_on_error(debug=debug):
        if spec == STDIN:
            if not as_json or text is not None or file is not None:
                raise InputError(
                    "`-` reads cases from stdin and goes with --json alone; name a spec for --text or --file"
                )
            for line in _read_lines(sys.stdin):
                print_json(line)
            return
        case = _case(Path(spec), _given_text(text, file), reference, question, cut=cut)
        reading, result = _scored(case)
        if as_json:
            print_json(_as_json(reading, result))
        else:
            typer.echo("\n".join(_as_text(case, reading, result)))


def _read_lines(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        if not line.strip():
            continue
        try:
            yield _as_json(*_scored(_parsed(line)))
        except (GpoError, ValueError) as error:
            yield {"answer": None, "rule": "", "score": None, "error": _shortly(error)}


def _parsed(line: str) -> Case:
    content: JsonValue = json.loads(line)
    if not isinstance(content, dict):
        raise InputError(f"a case is a JSON object with `answer` and `text`; received {line.strip()[:80]}")
    known = {name: value for name, value in content.items() if name in Case.model_fields and value is not None}
    if isinstance(value := known.get("reference"), int | float | bool):
        known["reference"] = json.dumps(value)
    return Case.model_validate(known)


def _shortly(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"`{'.'.join(map(str, item['loc']))}`: {item['msg']}" for item in error.errors())


def _given_text(text: str | None, file: Path | None) -> str:
    if text is not None and file is not None:
        raise InputError("give the text by --text or by --file, not by both")
    if text is not None:
        return text
    if file is None:
        return sys.stdin.read()
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}; name a text file in UTF-8") from None


def _case(path: Path, text: str, reference: str | None, question: str, *, cut: bool) -> Case:
    from gpo.spec.file import load_spec

    spec = load_spec(path)
    return Case(answer=spec.answer, metric=spec.metric, text=text, reference=reference, question=question, cut=cut)


def _scored(case: Case) -> tuple[Reading, float | None]:
    """The reading of a case, and its score: None where there is nothing to score it by."""
    reading = read_answer(case.text, case.answer, case.question, cut=case.cut)
    if case.metric is None or case.reference is None or METRICS[case.metric.name].needs_model:
        return reading, None
    reference = canonical_reference(case.reference, case.answer)
    if reference is None:
        raise MetricError(f"the reference {case.reference[:80]!r} is no answer of kind `{case.answer.kind}`")
    if reading.answer is None:
        return reading, 0.0
    return reading, score(case.metric, reading.answer, [reference], case.answer.kind)


def _as_json(reading: Reading, result: float | None) -> dict[str, object]:
    return {"answer": reading.answer, "rule": reading.rule, "weak": reading.weak, "score": result}


def _as_text(case: Case, reading: Reading, result: float | None) -> Iterator[str]:
    answer = "unread" if reading.answer is None else repr(reading.answer)
    yield f"answer  {answer}"
    if reading.answer is None:
        why = f"rule `{reading.rule}` found more than one answer" if reading.rule else "no rule applies"
        yield f"rule    none: {why}"
    else:
        yield f"rule    {reading.rule}{' (weak: the text does not state it as its answer)' if reading.weak else ''}"
    if result is not None:
        yield f"score   {result:g}"
    yield ""
    for name, found in rule_by_rule(case.text, case.answer, case.question, cut=case.cut):
        said = "-" if found is None else "more than one answer" if found.answer is None else repr(found.answer)
        yield f"  {name:<12}{said}"
