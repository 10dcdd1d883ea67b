"""What a person sees of results: a summary, whole examples on a terminal, lines with tabs in a pipe, lines of JSON."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from flows.cli.console import print_json, print_table
from flows.cli.display.breakdown import Breakdown, print_breakdown
from gpo import formatting
from gpo.runs.results.files import as_json
from gpo.runs.results.result import ExampleResult
from gpo.runs.results.steps import StepResult
from gpo.runs.results.summary import MeasuredPrompt, ResultSummary

SHOWN_ON_TERMINAL = 10
"""Examples that a terminal shows where no limit is given; a pipe gets all."""

_INDENT = 2
_LABEL = 8
_STEP_CHARACTERS = 300
_STYLES = {"broken": "red", "fixed": "green"}
_COLUMNS = (
    "example",
    "change",
    "before_score",
    "score",
    "expected",
    "before_answer",
    "answer",
    "text",
    "input",
    "feedback",
)


def print_summary(console: Console, summary: ResultSummary, label: str, *, as_json: bool) -> None:
    """The summary: one JSON object, or scores, counts, labels or grades, and the first changed examples in full.

    `label` is that of the prompt.
    """
    if as_json:
        print_json(_as_json(summary))
        return
    head = Text.assemble((summary.run, "bold"), f"  {summary.split}")
    if summary.set_metric:
        head.append(f", {summary.set_metric}")
    console.print(head, soft_wrap=True)
    names = [("start", summary.before, summary.before_score), (label, summary.after, summary.after_score)]
    if summary.before == summary.after:
        names = names[:1]
    rows = [[name, identifier, *_measured(score)] for name, identifier, score in names]
    print_table(console, ["prompt", "id", "score", "95% interval", "n", "unread", "failed"], rows)
    console.print()
    counted = [(name.replace("_", " "), number) for name, number in summary.changes.items()]
    if summary.uncompared:
        counted.append(("not compared", summary.uncompared))
    console.print(Text(", ".join(f"{number:,} {name}" for name, number in counted)), soft_wrap=True)
    print_breakdown(console, Breakdown(summary.confusion, summary.per_label, summary.histogram))
    for results, total in ((summary.broken, summary.changes["broken"]), (summary.fixed, summary.changes["fixed"])):
        for result in results:
            console.print()
            _print_result(console, result)
        if more := total - len(results):
            change = results[0].change
            console.print(Text(f"\n{more:,} more: --{change}", style="dim"), soft_wrap=True)


def _as_json(summary: ResultSummary) -> Mapping[str, object]:
    shown = {"broken": summary.broken, "fixed": summary.fixed}
    examples = {name: [as_json(each, compared=True) for each in found] for name, found in shown.items()}
    return {**summary.model_dump(mode="json", exclude=set(examples)), **examples}


def _measured(measured: MeasuredPrompt) -> list[str]:
    return [
        formatting.fraction(measured.score),
        formatting.interval(measured.low, measured.high),
        f"{measured.n:,}",
        f"{measured.unread:,}",
        f"{measured.failed:,}",
    ]


def print_results(console: Console, results: Iterator[ExampleResult], limit: int | None) -> int:
    """Results one by one, as they come; how many. On a terminal `limit` None shows the first, and says so."""
    if not console.is_terminal:
        # Not through Rich, which is slow and turns tabs into spaces.
        write = console.file.write
        write("\t".join(_COLUMNS) + "\n")
        return sum(1 for _ in map(write, map(_line, islice(results, limit))))
    number = 0
    for number, result in enumerate(islice(results, SHOWN_ON_TERMINAL if limit is None else limit), start=1):
        if number > 1:
            console.print()
        _print_result(console, result)
    if limit is None and next(results, None) is not None:
        console.print(Text("\nThere are more: --limit N shows N of them, --csv FILE keeps all.", style="dim"))
    return number


def _line(result: ExampleResult) -> str:
    cells = [
        result.example,
        result.change or "",
        _score(result.before_score),
        _score(result.score),
        " | ".join(result.expected),
        result.before_answer or "",
        result.answer or "",
        result.text,
        " | ".join(result.input.values()),
        result.feedback,
    ]
    # Most rows have texts of one line only, which is much faster to see of a whole row than to make of each cell.
    row = "|".join(cells)
    if not row.isprintable() or "  " in row:
        cells = [formatting.one_line(cell) for cell in cells]
    return "\t".join(cells) + "\n"


def _print_result(console: Console, result: ExampleResult) -> None:
    """One example in full."""
    head = Text(formatting.one_line(result.example), style="bold")
    if result.change:
        head.append(f"  {result.change.replace('_', ' ')}", _STYLES.get(result.change, "not bold"))
    for name, value in result.slices.items():
        head.append(f"  {formatting.one_line(f'{name}={value}')}", "not bold dim")
    console.print(head, soft_wrap=True)
    for name, text in result.input.items():
        _print_field(console, name, text)
    _print_field(console, "expected", " or ".join(result.expected))
    if result.before_text is not None:
        before = _ShownAnswer(
            result.before_score, result.before_answer, result.before_text, result.before_feedback or ""
        )
        _print_answer(console, "before", before)
    _print_answer(console, "after", _ShownAnswer(result.score, result.answer, result.text, result.feedback))
    for step in result.steps:
        _print_field(console, f"step {step['number']}", _step_text(step))


class _ShownAnswer(NamedTuple):
    """What one prompt got for an example."""

    score: float | None
    answer: str | None
    text: str
    feedback: str


def _print_answer(console: Console, name: str, given: _ShownAnswer) -> None:
    if given.score is None:
        _print_field(console, name, f"no score: {given.feedback or 'the call failed'}")
        return
    read = "unread" if given.answer is None else f"read as {given.answer}"
    _print_field(console, name, f"{_score(given.score)}, {read}")
    if given.answer is None or given.text.strip() != given.answer:
        _print_field(console, "", given.text)
    _print_field(console, "feedback", given.feedback)


def _step_text(step: StepResult) -> str:
    """One step of a program: what it was and took, what it was given, and what it gave."""
    who = [str(step[name]) for name in ("kind", "name", "model") if name in step]
    if "part" in step:
        who.append(f"prompt {step['part']}")
    took = [f"{step['seconds']:.2f} s"] if "seconds" in step else []
    if "input_tokens" in step or "output_tokens" in step:
        took.append(f"{step.get('input_tokens', 0)} + {step.get('output_tokens', 0)} tokens")
    lines = [", ".join([" ".join(who), *took])]
    for name, sign in (("input", "< "), ("output", "> "), ("error", "failed: ")):
        if name in step:
            lines.append(sign + formatting.one_line(formatting.cut_middle(str(step[name]), _STEP_CHARACTERS)))
    return "\n".join(lines)


def _print_field(console: Console, name: str, text: str) -> None:
    """A text beside its name, with its own line breaks; it is wrapped on a terminal only."""
    if not text.strip():
        return
    label, shown = formatting.one_line(name), formatting.printable(text.strip())
    if console.is_terminal:
        row = Table.grid(Column(min_width=_LABEL), Column(overflow="fold"), padding=(0, 2, 0, 0))
        row.add_row(Text(label, style="dim"), Text(shown))
        console.print(Padding(row, (0, 0, 0, _INDENT), expand=False))
        return
    for place, line in enumerate(shown.splitlines()):
        begin = " " * _INDENT + ("" if place else label).ljust(_LABEL + 2)
        console.print(Text(begin + line), soft_wrap=True)


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:g}" if score in (0.0, 1.0) else formatting.fraction(score)
