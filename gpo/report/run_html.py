"""The report of a run as one HTML page: no scripts, nothing fetched, readable on light and dark and on paper.

`run.html.j2` lays the page out and escapes whatever is shown, `run.css` is its style sheet, and this module finds what
they show: plain texts and records.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gpo import formatting
from gpo.files import write_whole
from gpo.gate.verdict import GateVerdict
from gpo.jinja import Templates
from gpo.records import START_STEP, Sample, Score
from gpo.report import findings, usage
from gpo.report.chart import trajectory_svg
from gpo.report.findings import CandidateRow
from gpo.report.gate import (
    DECISIONS,
    MEASURE_HEAD,
    SLICE_HEAD,
    Row,
    measure_rows,
    reasons_beyond,
    slice_rows,
    verdict_facts,
)
from gpo.report.proposals import (
    REJECTED_HEAD,
    WAY_HEAD,
    describe_counts_of_proposals,
    describe_promise,
    describe_reason,
    rejection_rows,
    way_rows,
)
from gpo.runs.outcome import Outcome, all_scored
from gpo.runs.results.result import Change, ExampleResult
from gpo.search.step import Rejection, Step
from gpo.spec.task import TaskSpec
from gpo.words import word_difference

SHOWN_OF_ANSWER = 1200
"""Characters of a raw answer or a rejected proposal that the page shows."""

_CODE = re.compile(r"`([^`]*)`")

_STATUS = {"best": "best", "current": "was current", "scored": "", "dropped": "dropped early"}


class MarkedText(NamedTuple):
    """A piece of a sentence; `is_code` where it stood between backticks."""

    text: str
    is_code: bool


class NotedCell(NamedTuple):
    """A cell of a table with a smaller note below its value; an empty note is not shown."""

    value: str
    note: str = ""


class PlainTable(NamedTuple):
    """A table of texts. The first cell of a row names it; columns at the `numeric` places are aligned to the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int]


class GateSection(NamedTuple):
    """What the gate decided and on which evidence; a table without rows is not shown."""

    decision: str
    reasons: Sequence[str]
    warnings: Sequence[str]
    facts: str
    slices: Sequence[Row]
    measures: Sequence[Row]


class StepSection(NamedTuple):
    """One step of the search: the line to open it by, what it started from, and what was proposed."""

    summary: str
    facts: str
    candidates: Sequence[CandidateRow]
    rejected: Sequence[Rejection]


def html_report(spec: TaskSpec, outcome: Outcome, examples: Sequence[ExampleResult] = ()) -> str:
    """The whole report as a self-contained HTML document.

    `examples` are those of the test split that it shows with their inputs; without any it shows the samples that the
    scores keep.
    """
    rows = findings.candidate_rows(outcome)
    stays = findings.best_is_start(outcome)
    tables = _examples(examples, stays=stays)
    start, best = outcome.start.candidate.instruction, outcome.best.candidate.instruction
    return _TEMPLATES.fill(
        "run.html.j2",
        style_sheet=_TEMPLATES.read("run.css"),
        outcome=outcome,
        started=outcome.started_at[:16].replace("T", " "),
        headline=findings.headline(outcome),
        hints=findings.hints(spec, outcome),
        gate=_gate(outcome.verdict) if outcome.verdict else None,
        slice_head=SLICE_HEAD,
        measure_head=MEASURE_HEAD,
        results=_results(outcome),
        promise=describe_promise(outcome),
        start=start,
        best=None if stays else best,
        proposed=outcome.best.candidate.proposed,
        difference=() if stays else word_difference(start, best),
        chart=trajectory_svg(outcome),
        candidates=findings.rank_candidates(rows),
        proposals=describe_counts_of_proposals(outcome),
        ways=PlainTable("Proposals by way of asking", WAY_HEAD, way_rows(outcome), numeric=range(1, 5)),
        steps=_steps(outcome, rows),
        examples=tables,
        samples=() if tables else _samples(outcome),
        shown_of_answer=SHOWN_OF_ANSWER,
        rejections=PlainTable("Rejected proposals", REJECTED_HEAD, rejection_rows(outcome), numeric=(2,)),
        calls=_calls(outcome),
        usage=_usage(spec, outcome),
        cost=usage.cost_line(outcome),
        settings=findings.settings_rows(spec, outcome),
    )


def split_code(text: str) -> list[MarkedText]:
    """The pieces of a text, with what stands between backticks as code.

    >>> [tuple(piece) for piece in split_code("raise `seed` by 1")]
    [('raise ', False), ('seed', True), (' by 1', False)]
    """
    return [MarkedText(piece, bool(number % 2)) for number, piece in enumerate(_CODE.split(text))]


def describe_status(row: CandidateRow) -> str:
    """What became of a scored prompt; empty where nothing did."""
    return "start" if row.step == START_STEP and row.status != "best" else _STATUS[row.status]


_TEMPLATES = Templates(
    "gpo.report",
    filters={
        "describe_distance": findings.describe_distance,
        "describe_reason": describe_reason,
        "describe_size": findings.describe_size,
        "describe_status": describe_status,
        "duration": formatting.duration,
        "fraction": formatting.fraction,
        "interval": formatting.interval,
        "shorten": formatting.shorten,
        "split_code": split_code,
        "with_noun": formatting.count,
    },
)


def _gate(verdict: GateVerdict) -> GateSection:
    return GateSection(
        decision=DECISIONS[verdict.decision],
        reasons=reasons_beyond(verdict),
        warnings=verdict.warnings,
        facts=verdict_facts(verdict),
        slices=slice_rows(verdict),
        measures=measure_rows(verdict),
    )


def _results(outcome: Outcome) -> list[tuple[NotedCell, NotedCell, NotedCell]]:
    def cell(score: Score) -> NotedCell:
        note = f"{formatting.interval(*score.interval())} · {findings.describe_counts(score)}"
        return NotedCell(formatting.fraction(score.mean), note)

    start, best, gain = outcome.start, outcome.best, outcome.gain
    rows = [(NotedCell("Start"), cell(start.score), cell(outcome.start_test))]
    if not findings.best_is_start(outcome):
        rows.append((NotedCell("Best", best.candidate.label), cell(best.score), cell(outcome.best_test)))
        on_dev = NotedCell(formatting.signed(best.score.mean - start.score.mean), "optimistic: chosen by it")
        on_test = NotedCell(formatting.signed(gain.value), findings.gain_interval(outcome))
        rows.append((NotedCell("Gain"), on_dev, on_test))
    return rows


def _steps(outcome: Outcome, rows: Sequence[CandidateRow]) -> list[StepSection]:
    labels = {item.candidate.instruction: item.candidate.label for item in all_scored(outcome)}
    by_label = {row.candidate: row for row in rows}
    return [_step(step, labels, by_label) for step in outcome.history]


def _step(step: Step, labels: Mapping[str, str], rows: Mapping[str, CandidateRow]) -> StepSection:
    def named(instruction: str) -> str:
        return labels.get(instruction) or f"“{formatting.shorten(instruction)}”"

    shown = ", ".join(map(named, step.neighbours)) or "none"
    # A step without candidates does not tell its limit.
    limit = f"at most {formatting.count(step.budget, 'word')} changed; " if step.budget is not None else ""
    tops = [item.score.mean for item in step.scored if item.score.complete]
    top = f"top {formatting.fraction(max(tops))}" if tops else "none scored in full"
    rejected = f"{formatting.count(len(step.rejected), 'proposal')} rejected"
    return StepSection(
        summary=f"Step {step.number}: {formatting.count(len(step.scored), 'candidate')}, {top}",
        facts=f"From {named(step.current)}; prompts shown: {shown}; {limit}{rejected}.",
        candidates=[rows[item.candidate.label] for item in step.scored],
        rejected=step.rejected,
    )


def _examples(examples: Sequence[ExampleResult], *, stays: bool) -> list[tuple[str, Sequence[ExampleResult]]]:
    """Captions with the examples below them, broken ones first."""
    captions: Mapping[Change, str] = {
        "broken": "Broken: right with the start, wrong with the best",
        "fixed": "Fixed: wrong with the start, right with the best",
        "both_wrong": "Wrong with the start" if stays else "Wrong with the start and the best",
    }
    tables = [(caption, [each for each in examples if each.change == of]) for of, caption in captions.items()]
    return [(caption, found) for caption, found in tables if found]


def _samples(outcome: Outcome) -> list[tuple[str, Sequence[Sample]]]:
    """Captions with the kept answers below them."""
    samples: list[tuple[str, Sequence[Sample]]] = [
        ("Answers to the start on test, wrong ones first", outcome.start_test.samples)
    ]
    if not findings.best_is_start(outcome):
        samples.append(("Answers to the best on test, wrong ones first", outcome.best_test.samples))
    return samples


def _calls(outcome: Outcome) -> PlainTable:
    rows = [(role, *cells) for role, cells in usage.call_rows(outcome.calls)]
    return PlainTable("Model calls, and the tokens of the paid ones", usage.CALL_HEAD, rows, numeric=range(1, 6))


def _usage(spec: TaskSpec, outcome: Outcome) -> PlainTable:
    rows = [(role, *cells) for role, cells in usage.usage_rows(spec, outcome.usage)]
    return PlainTable("Usage in full, with what came from the ledger", usage.USAGE_HEAD, rows, numeric=range(1, 5))


def report_path(home: Path, run_id: str) -> Path:
    """Where the HTML report of a run lies."""
    return home / "reports" / f"{run_id}.html"


def write_report(home: Path, spec: TaskSpec, outcome: Outcome, examples: Sequence[ExampleResult] = ()) -> Path:
    """Write the HTML report, whole or not at all, and return its path; `examples` are as `html_report` takes them.

    Raises:
        OSError: the folder `reports` cannot be written or the disk is full.
    """
    path = report_path(home, outcome.run_id)
    write_whole(path, html_report(spec, outcome, examples))
    return path
