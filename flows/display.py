"""What a person sees in the terminal while a run works, and when it has ended. Everything goes to stderr or stdout."""

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from gpo.edits import word_difference
from gpo.progress import Answered, Began, BestFound, Dropped, Evaluated, Event, Note
from gpo.records import Calls, Outcome, Score, Scored


@dataclass
class Display:
    """A live panel on a terminal; plain lines, one for each step, where there is none."""

    console: Console
    paid: int = 0
    saved: int = 0
    best: Scored | None = None
    phase: str = "checking"
    _began: float = field(default_factory=time.monotonic)
    _live: Live | None = None

    def __post_init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left", style="dim"),
            TimeRemainingColumn(),
            console=self.console,
        )
        self._bar = self._progress.add_task("checking", total=None)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take in one event of the run."""
        match event:
            case Began(phase, calls):
                self.phase = phase
                self._progress.reset(self._bar, description=phase, total=calls)
            case Answered(paid, count):
                self.paid += count if paid else 0
                self.saved += 0 if paid else count
                self._progress.advance(self._bar, count)
            case Dropped(calls):
                self._progress.advance(self._bar, calls)
            case Evaluated(scored):
                self._line(_scored_line(scored), quiet=scored.candidate.step > 0 and not scored.score.complete)
            case BestFound(scored):
                self.best = scored
            case Note(text):
                self._line(Text(text, style="yellow"))

    def _line(self, line: Text, *, quiet: bool = False) -> None:
        if not quiet:
            self.console.print(line, soft_wrap=True)

    def _render(self) -> Group:
        best = self.best
        lines = [self._progress.get_renderable()]
        if best is not None:
            text = Text(f"best {best.score.mean:.3f} ", style="green")
            text.append(shortened(best.candidate.instruction, 90), style="default")
            lines.append(text)
        lines.append(Text(f"calls: {self.paid} paid, {self.saved} from the ledger", style="dim"))
        return Group(*lines)


def _scored_line(scored: Scored) -> Text:
    line = Text(f"{scored.candidate.label:>7}  ", style="dim")
    line.append(f"{scored.score.mean:.3f}", style="bold")
    line.append(f"  {shortened(scored.candidate.instruction, 100)}", style="default")
    return line


def shortened(text: str, width: int) -> str:
    """The text on one line of at most `width` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def print_outcome(console: Console, outcome: Outcome, report: str) -> None:
    """The end of a run: scores with intervals, the word diff, the calls, the report and what to do next."""
    console.print()
    console.print(_scores(outcome))
    console.print(_verdict(outcome))
    console.print()
    console.print(_diff(outcome), soft_wrap=True)
    console.print()
    console.print(_calls(outcome), style="dim")
    console.print(f"report  {report}", soft_wrap=True)
    console.print(f"next    {_next(outcome)}", soft_wrap=True)


def _scores(outcome: Outcome) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("")
    table.add_column(f"dev ({outcome.start.score.n})", justify="right")
    table.add_column("95% interval", justify="right", style="dim")
    table.add_column(f"test ({outcome.start_test.n})", justify="right")
    table.add_column("95% interval", justify="right", style="dim")
    rows = (("start", outcome.start.score, outcome.start_test), ("best", outcome.best.score, outcome.best_test))
    for name, dev, test in rows:
        table.add_row(name, *_cells(dev), *_cells(test), style="bold" if name == "best" else None)
    return table


def _cells(score: Score) -> tuple[str, str]:
    low, high = score.interval()
    return f"{score.mean:.3f}", f"{low:.3f} to {high:.3f}"


def _verdict(outcome: Outcome) -> Text:
    gain = outcome.gain
    numbers = f"{gain.value:+.3f} on {outcome.start_test.n} unseen examples (95% interval {gain.low:+.3f} to {gain.high:+.3f})"
    if outcome.best.candidate.id == outcome.start.candidate.id:
        return Text("No better prompt was found; the start stays.", style="yellow")
    if gain.low > 0:
        return Text(f"Better by {numbers}.", style="green")
    return Text(f"No clear gain: {numbers}.", style="yellow")


def _diff(outcome: Outcome) -> Text:
    styles = {"same": "", "removed": "red strike", "added": "green bold"}
    text = Text()
    for part in word_difference(outcome.start.candidate.instruction, outcome.best.candidate.instruction):
        text.append(part.text, style=styles[part.kind])
        text.append(" ")
    return text


def _calls(outcome: Outcome) -> str:
    def one(role: str, calls: Calls) -> str:
        failed = f", {calls.failed} failed" if calls.failed else ""
        return f"{role}: {calls.paid} paid, {calls.cached} from the ledger{failed}"

    counted = "; ".join(one(role, calls) for role, calls in outcome.calls.items())
    minutes, seconds = divmod(round(outcome.wall_s), 60)
    return f"calls   {counted}; {outcome.steps} steps, stopped by {outcome.stopped}, {minutes}:{seconds:02d} min"


def _next(outcome: Outcome) -> str:
    if outcome.best.candidate.id == outcome.start.candidate.id:
        return "try more steps, another seed or a larger optimizer model"
    if outcome.gain.low <= 0:
        return "label more test examples, or search longer: the gain could still be chance"
    return "put the instruction above into your prompt; read the report before you do"
