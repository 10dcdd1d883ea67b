"""A check as Markdown for a pull request: verdict, difference, examples that are broken and fixed, cost, the change."""

from collections.abc import Sequence

from gpo.formatting import count, fraction, shorten
from gpo.production.check import PromptCheck
from gpo.report.checks import told
from gpo.report.gate import SLICE_HEAD, Row, measure_rows, slice_rows, verdict_facts
from gpo.report.markdown import as_markdown, fence, inline, pipe_table
from gpo.runs.results.result import Change, ExampleResult
from gpo.words import word_difference

SHOWN = 10
"""Broken and fixed examples that a summary shows, of each."""

_LONGEST = 12_000
"""Characters of a prompt or of a change: GitHub takes 65,536 in one comment."""


def check_markdown(check: PromptCheck) -> str:
    """The summary. Its first line is a mark by which a later summary of the same prompt finds the comment."""
    verdict = check.verdict
    parts = [f"<!-- gpo check: {check.prompt} -->\n### `{check.prompt}`: {inline(told.claim(check))}"]
    if verdict is not None:
        parts.append(f"**{inline(told.gain_line(verdict))}**")
        notes = [*verdict.reasons, *(f"Warning: {text}" for text in told.warnings_of(check))]
        parts.append("\n".join(f"- {inline(text)}" for text in notes))
        parts.append(inline(verdict_facts(verdict)))
        parts += _table("Slices", SLICE_HEAD, slice_rows(verdict))
        parts += _table("Other measures", ("Measure", "Before", "Now", "Change", "Allowed", ""), measure_rows(verdict))
    parts += _examples(check, "broken", "Broken: right before, wrong now")
    parts += _examples(check, "fixed", "Fixed: wrong before, right now")
    parts += [f"{inline(told.paid_line(check))}. {inline(told.use_line(check))}", *map(inline, told.changes(check))]
    if check.before != check.after:
        parts.append(f"#### The change\n\n{_change(check)}")
    if verdict is not None:
        parts.append(f"<details><summary>The whole new prompt</summary>\n\n{fence(_cut(check.after))}\n\n</details>")
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(title: str, head: Sequence[str], rows: Sequence[Row]) -> list[str]:
    if not rows:
        return []
    names = [name or "Remark" for name in head]
    cells = [[inline(cell) for cell in row.cells] for row in rows]
    return [_folded(title, pipe_table(names, cells, range(1, len(names) - 1)))]


def _examples(check: PromptCheck, change: Change, title: str) -> list[str]:
    found = check.examples(change)
    if not found:
        return []
    rows = [_cells(each) for each in found[:SHOWN]]
    table = pipe_table(("example", "input", "expected", "before", "now"), rows)
    more = f"\n\nand {count(len(found) - SHOWN, 'more example')}" if len(found) > SHOWN else ""
    return [_folded(f"{title} ({len(found):,})", table + more, is_open=change == "broken")]


def _cells(result: ExampleResult) -> list[str]:
    shown = "; ".join(result.input.values())
    before = _answer(result.before_answer, result.before_text or "", result.before_score)
    after = _answer(result.answer, result.text, result.score)
    return [inline(shorten(text)) for text in (result.example, shown, ", ".join(result.expected), before, after)]


def _answer(read: str | None, text: str, score: float | None) -> str:
    """What was read of an answer, with its score where that is not 0 or 1."""
    grade = "" if score in (None, 0.0, 1.0) else f" ({fraction(score or 0.0, 2)})"
    return (text if read is None else read) + grade


def _folded(title: str, text: str, *, is_open: bool = False) -> str:
    return f"<details{' open' if is_open else ''}><summary>{title}</summary>\n\n{text}\n\n</details>"


def _change(check: PromptCheck) -> str:
    marked = as_markdown(word_difference(check.before, check.after))
    return (
        marked if len(marked) <= _LONGEST else "It is too long to be shown here; `gpo check --json` has both prompts."
    )


def _cut(text: str) -> str:
    left = len(text) - _LONGEST
    return text if left <= 0 else f"{text[:_LONGEST]}\n... and {count(left, 'more character')}"
