"""The numbers of a run on its page: tiles, tables of scores, what the gate went by, calls and cost."""

from collections.abc import Sequence
from typing import NamedTuple

from gpo import formatting
from gpo.gate.verdict import GateVerdict
from gpo.records import Sample, Score
from gpo.report import findings, usage
from gpo.report.gate import DECISIONS, Row, measure_rows, reasons_beyond, slice_rows, verdict_facts
from gpo.report.page.material import RunMaterial
from gpo.runs.outcome import Outcome
from gpo.spec.task import TaskSpec


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


def gate_section(verdict: GateVerdict) -> GateSection:
    """What the gate decided, as the page tells it."""
    return GateSection(
        decision=DECISIONS[verdict.decision],
        reasons=reasons_beyond(verdict),
        warnings=verdict.warnings,
        facts=verdict_facts(verdict),
        slices=slice_rows(verdict),
        measures=measure_rows(verdict),
    )


def score_rows(outcome: Outcome) -> list[tuple[NotedCell, NotedCell, NotedCell]]:
    """Start, best and gain: a name, then dev, then test."""

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


def tiles_of(outcome: Outcome, material: RunMaterial) -> list[tuple[str, str, str]]:
    """The numbers to see first: a name, a value, and a note or nothing."""
    tiles = []
    if findings.count_compared(outcome) and not findings.best_is_start(outcome):
        before, after = outcome.start_test.mean, outcome.best_test.mean
        scores = f"{formatting.fraction(before, 2)} → {formatting.fraction(after, 2)}"
        tiles.append(("Test score", scores, f"{outcome.best_test.n:,} unseen examples"))
    counts = material.examples.counts
    if counts and not findings.best_is_start(outcome):
        fixed, broken = counts.get("fixed", 0), counts.get("broken", 0)
        tiles.append(("Examples", f"{fixed:,} fixed, {broken:,} broken", "of the test split"))
    called = {role: calls for role, calls in outcome.calls.items() if role != "embedding"}
    paid, kept = (sum(getattr(calls, name) for calls in called.values()) for name in ("paid", "cached"))
    note = f"{kept:,} more from the ledger" if kept else "task, optimizer and judge"
    tiles.append(("Calls paid", f"{paid:,}", note))
    if outcome.cost is not None:
        tiles.append(("Cost", formatting.money(outcome.cost_paid or 0.0), f"{formatting.money(outcome.cost)} in full"))
    tokens = sum(calls.input_tokens + calls.output_tokens for calls in called.values())
    return [*tiles, ("Tokens", f"{tokens:,}", "in and out, of paid calls")]


def sample_tables(outcome: Outcome) -> list[tuple[str, Sequence[Sample]]]:
    """Captions with the kept answers below them."""
    samples: list[tuple[str, Sequence[Sample]]] = [
        ("Answers to the start on test, wrong ones first", outcome.start_test.samples)
    ]
    if not findings.best_is_start(outcome):
        samples.append(("Answers to the best on test, wrong ones first", outcome.best_test.samples))
    return samples


def call_table(outcome: Outcome) -> PlainTable:
    """Calls by role."""
    rows = [(role, *cells) for role, cells in usage.call_rows(outcome.calls)]
    return PlainTable("Model calls, and the tokens of the paid ones", usage.CALL_HEAD, rows, numeric=range(1, 6))


def usage_table(spec: TaskSpec, outcome: Outcome) -> PlainTable:
    """Calls, tokens and cost by role, as with an empty ledger."""
    rows = [(role, *cells) for role, cells in usage.usage_rows(spec, outcome.usage)]
    return PlainTable("Usage in full, with what came from the ledger", usage.USAGE_HEAD, rows, numeric=range(1, 5))
