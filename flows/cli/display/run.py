"""What a person sees in the terminal: how a run goes, on stderr, and what it came to, on stdout."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flows.cli.display.live import LiveDisplay
from gpo import formatting
from gpo.gate.verdict import GateVerdict
from gpo.progress import Answered, Began, BestFound, Dropped, Evaluated, Event, Note
from gpo.records import Score, Scored, Usage
from gpo.report import findings, usage
from gpo.report.findings import Tone
from gpo.report.gate import DECISIONS, Row, measure_rows, reasons_beyond, slice_rows, verdict_facts
from gpo.report.page.front import describe_front, front_head, front_rows
from gpo.report.page.shown import shown_examples
from gpo.report.proposals import (
    WAY_HEAD,
    describe_counts_of_proposals,
    describe_promise,
    rejection_rows,
    way_rows,
)
from gpo.runs.outcome import Outcome
from gpo.spec.task import TaskSpec
from gpo.words import word_difference

_TONES: dict[Tone, str] = {"better": "green", "worse": "red", "unclear": "yellow", "same": "yellow"}
_NEXT: dict[Tone, str] = {
    "better": "Read the report, then put the new prompt into production.",
    "worse": "Try another `--seed`, more `--calls` or a larger optimizer model.",
    "unclear": "Try another `--seed`, more `--calls` or a larger optimizer model.",
    "same": "Try another `--seed`, more `--calls` or a larger optimizer model.",
}
_LABEL_WIDTH = 8
_SHOWN_PROMPT = 1500
_SHOWN_SLICES = 6


@dataclass
class Display(LiveDisplay):
    """A live panel on a terminal; elsewhere plain lines, one for each phase and each scored candidate."""

    console: Console
    paid: int = 0
    saved: int = 0
    best: Scored | None = None

    def __post_init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("calls", style="dim"),
            TimeElapsedColumn(),
            TextColumn("left", style="dim"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._phase = self._progress.add_task("checking", total=None)

    def __call__(self, event: Event) -> None:
        """Take in one event of the run."""
        match event:
            case Began(phase, calls):
                self._begin(phase, calls)
            case Answered(paid, count):
                self.paid += count if paid else 0
                self.saved += 0 if paid else count
                self._progress.advance(self._phase, count)
            case Dropped(calls):
                self._progress.advance(self._phase, calls)
            case Evaluated(scored):
                # Candidates that the race dropped are many, and their scores are of too few examples to be shown.
                if scored.score.complete:
                    self._show(scored_line(scored))
            case BestFound(scored):
                self.best = scored
            case Note(text):
                self.tell(text)

    def _begin(self, phase: str, calls: int) -> None:
        self._progress.reset(self._phase, description=phase, total=calls)
        if self._live is None:
            # A phase says nothing more until all of it is done, or a candidate has its score.
            self._show(Text(f"{phase}: at most {formatting.count(calls, 'call')}"))

    def _show(self, line: Text) -> None:
        """One line: cut at the edge of a terminal, whole in a log."""
        if self._live is None:
            self.console.print(line, soft_wrap=True)
        else:
            self.console.print(line, no_wrap=True, overflow="ellipsis")

    def _panel(self) -> Group:
        lines: list[Progress | Text] = [self._progress]
        if self.best is not None:
            line = Text(f"best {formatting.fraction(self.best.score.mean)} ", style="green", no_wrap=True)
            line.overflow = "ellipsis"
            line.append(_one_line(self.best.candidate.instruction), style="default")
            lines.append(line)
        lines.append(Text(f"calls: {self.paid:,} paid, {self.saved:,} from the ledger", style="dim"))
        return Group(*lines)


def scored_line(scored: Scored) -> Text:
    """One line of a scored prompt."""
    line = Text(f"{scored.candidate.label:>7}  ", style="dim")
    line.append(formatting.fraction(scored.score.mean), style="bold")
    line.append(f"  {_one_line(scored.candidate.instruction)}", style="default")
    return line


def _one_line(text: str) -> str:
    return formatting.shorten(formatting.printable(text))


def print_outcome(
    console: Console, spec: TaskSpec, outcome: Outcome, report: str, commands: Sequence[str] = ()
) -> None:
    """The end of a run: what it is made of, and last what a person wants to know of it.

    The last block has the verdict, the whole new prompt as plain text, what it cost, and the commands that come next.
    """
    console.print()
    console.print(_scores(outcome))
    if promise := describe_promise(outcome):
        console.print(Text(f"{promise}.", style="dim"))
    console.print()
    tone = findings.headline(outcome).tone
    if outcome.verdict is not None:
        _print_gate(console, outcome.verdict, _TONES[tone])
        console.print()
    marked = console.color_system is None or console.no_color
    console.print(_labelled("prompt", _difference(spec, outcome, marked=marked)))
    if outcome.best.candidate.proposed is not None:
        origin = Text(f"shortened from: {formatting.printable(outcome.best.candidate.proposed)}", style="dim")
        origin.truncate(_SHOWN_PROMPT, overflow="ellipsis")
        console.print(_labelled("", origin))
    if shown := shown_examples(outcome):
        lines = (f"{each.change:<8}{_one_line(each.question)} -> {_one_line(each.answer)}" for each in shown)
        console.print(_labelled("shows", Text("\n".join(lines))))
    console.print()
    console.print(_labelled("calls", Text(_calls(outcome), style="dim")))
    if usage := _usage(outcome):
        console.print(_labelled("tokens", Text(usage, style="dim")))
    console.print(_labelled("search", Text(_search(spec, outcome), style="dim")))
    if front := front_rows(outcome):
        console.print(_labelled("front", _table(front_head(outcome)[:-1], [row[:-1] for row in front])))
        console.print(_labelled("", Text(f"{describe_front(outcome)}.", style="dim")))
    if ways := way_rows(outcome):
        console.print(_labelled("ways", _table(WAY_HEAD, ways)))
    # In one piece, however long, so that it can be clicked and copied.
    console.print(Text(f"{'report':<{_LABEL_WIDTH}}{report}"), soft_wrap=True)
    advice = findings.hints(spec, outcome) or [_NEXT[tone]]
    console.print(_labelled("next", Text("\n".join(advice))))
    print_last(console, outcome, commands)


def print_last(console: Console, outcome: Outcome, commands: Sequence[str]) -> None:
    """The verdict, the whole new prompt as plain text, what it cost, and the commands that come next."""
    headline = findings.headline(outcome)
    console.print()
    console.print(Text(headline.claim, style=f"bold {_TONES[headline.tone]}") + Text(headline.detail, style="not bold"))
    if not findings.best_is_start(outcome):
        # To be copied: not wrapped, not coloured, no mark in front.
        console.print()
        console.print(Text(formatting.printable(outcome.best.candidate.instruction)), soft_wrap=True)
        if chosen := outcome.best.candidate.shown:
            console.print(Text(f"before each question: {formatting.count(len(chosen), 'example')}", style="dim"))
    console.print()
    console.print(Text(_paid(outcome), style="dim"))
    for command in commands:
        console.print(Text(command), soft_wrap=True)


def _paid(outcome: Outcome) -> str:
    called = [calls for role, calls in outcome.calls.items() if role != "embedding"]
    paid = formatting.count(sum(calls.paid for calls in called), "call")
    cost = "" if outcome.cost_paid is None else f", {formatting.money(outcome.cost_paid)}"
    return f"Paid now: {paid}{cost}"


def _print_gate(console: Console, verdict: GateVerdict, colour: str) -> None:
    """The decision with what speaks for and against it; of many slices those that matter most."""
    told = Text(DECISIONS[verdict.decision], style=f"bold {colour}")
    for reason in reasons_beyond(verdict):
        told.append(f"\n{formatting.printable(reason)}", style="not bold default")
    told.append(f"\n{verdict_facts(verdict)}", style="not bold default dim")
    console.print(_labelled("gate", told))
    for warning in verdict.warnings:
        console.print(_labelled("warning", Text(formatting.printable(warning), style="yellow")))
    slices = slice_rows(verdict)
    if slices:
        console.print(_labelled("slices", _rows(slices[:_SHOWN_SLICES], ("", "n", "gain", "interval", ""))))
    if len(slices) > _SHOWN_SLICES:
        console.print(_labelled("", Text(f"and {len(slices) - _SHOWN_SLICES:,} more in the report", style="dim")))
    if measures := measure_rows(verdict):
        console.print(
            _labelled("growth", _rows(measures, ("", "start", "best", "change", "allowed", ""), may_wrap=False))
        )


def _rows(rows: Sequence[Row], head: Sequence[str], *, may_wrap: bool = True) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, name in enumerate(head):
        is_text = number in (0, len(head) - 1)
        # Names of slices may be of any length; those of measures are few words that belong together.
        table.add_column(
            name, justify="left" if is_text else "right", no_wrap=not (is_text and may_wrap), overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(formatting.printable(cell)) for cell in row.cells), style="red" if row.is_wrong else None)
    return table


def _labelled(label: str, text: Text | Table) -> Table:
    """A label and a text that, when it wraps, stays in its column."""
    line = Table.grid()
    line.add_column(width=_LABEL_WIDTH)
    line.add_column(overflow="fold")
    line.add_row(label, text)
    return line


def _scores(outcome: Outcome) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("", min_width=_LABEL_WIDTH - 3)
    for split, score in (("dev", outcome.start.score), ("test", outcome.start_test)):
        table.add_column(f"{split} ({score.n})", justify="right", no_wrap=True)
        table.add_column("95% interval", style="dim", no_wrap=True)
    table.add_row("start", *_cells(outcome.start.score), *_cells(outcome.start_test))
    if not findings.best_is_start(outcome):
        table.add_row("best", *_cells(outcome.best.score), *_cells(outcome.best_test), style="bold")
    return table


def _cells(score: Score) -> tuple[str, str]:
    return (formatting.fraction(score.mean), formatting.interval(*score.interval())) if score.n else ("-", "-")


def _difference(spec: TaskSpec, outcome: Outcome, *, marked: bool) -> Text:
    """What changed from the start to the best, in colour, or `marked` as [-removed-] and {+added+}."""
    styles = {"same": "default", "removed": "red strike", "added": "bold green"}
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    text = Text()
    before, after = (spec.texts_of(each.candidate.instruction) for each in (outcome.start, outcome.best))
    for place, (name, best) in enumerate(after.items()):
        if spec.program:
            text.append(f"{chr(10) if place else ''}{name}: ", style="dim")
        for part in word_difference(before[name], best):
            shown = formatting.printable(part.text)
            text.append(marks[part.kind].format(shown) if marked else shown, style=styles[part.kind])
            text.append(" ")
    text.truncate(_SHOWN_PROMPT, overflow="ellipsis")
    return text


def _calls(outcome: Outcome) -> str:
    lines = []
    for role, calls in outcome.calls.items():
        failed = f", {calls.failed:,} failed" if calls.failed else ""
        if role == "embedding":
            lines.append(f"{role}: {formatting.count(calls.paid, 'text')}{failed}")
        else:
            lines.append(f"{role}: {calls.paid:,} paid, {calls.cached:,} from the ledger{failed}")
    return "\n".join(lines)


def _usage(outcome: Outcome) -> str | None:
    """Tokens in full, and the cost where there is a price; None for outcomes that have none counted."""
    total = sum(outcome.usage.values(), Usage())
    if not total.calls:
        return None
    cost = usage.cost_line(outcome)
    tokens = f"{total.input_tokens:,} in, {total.output_tokens:,} out"
    return f"{tokens}; cost {cost}" if cost else tokens


def _search(spec: TaskSpec, outcome: Outcome) -> str:
    steps = formatting.count(outcome.steps, "step")
    took = f"{steps} in {formatting.duration(outcome.wall_s)}; {findings.stop_reason(spec, outcome)}"
    reasons = [f"{formatting.printable(meaning)} ({number})" for _, meaning, number in rejection_rows(outcome)]
    rejected = [f"rejected: {'; '.join(reasons)}"] if reasons else []
    return "\n".join([took, describe_counts_of_proposals(outcome), *rejected])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for number, name in enumerate(head):
        table.add_column(name, justify="right" if number else "left", style="dim")
    for row in rows:
        table.add_row(*row)
    return table
