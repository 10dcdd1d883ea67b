"""The report of a comparison as GitHub-flavoured Markdown, for a file and for the Prefect UI."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from gpo import formatting
from gpo.comparison.cells import TaskPlan
from gpo.comparison.results import ALL_TASKS, START, CellRow, Comparison, Duel, Summary
from gpo.comparison.statistics import Spread
from gpo.comparison.tables import cells_table, curves_table
from gpo.files import write_whole
from gpo.report.curves import INSTALL, can_plot, curves_picture
from gpo.report.markdown import inline, pipe_table
from gpo.report.page.numbers import PlainTable

_NONE = "-"


def comparison_markdown(comparison: Comparison, picture: str | None = None, note: str = "") -> str:
    """The whole report as Markdown. `picture` is the address of the learning curves; without one, `note` says why."""
    several = len(comparison.tasks) > 1
    overall = ALL_TASKS if several else comparison.tasks[0].name
    parts = [
        f"# {inline(comparison.title)}",
        main_finding(comparison),
        _failures(comparison.failed, len(comparison.cells)),
        f"## {_title(overall)}",
        _summary(comparison.summaries_of(overall)),
        explain_table(comparison),
        "## Wins, ties and losses",
        _duels(comparison),
        "## Learning curves",
        f"![Best dev score by task-model calls]({picture})" if picture else note,
        *(
            f"## {inline(task.name)}\n\n{_summary(comparison.summaries_of(task.name))}"
            for task in comparison.tasks
            if several
        ),
        "## Runs",
        _pipes(budget_table(comparison.tasks), names=1),
        _cells(comparison.cells),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def main_finding(comparison: Comparison) -> str:
    """The result in two sentences: which method has the best test score, and how clearly it wins in pairs of runs."""
    several = len(comparison.tasks) > 1
    rows = [
        row
        for row in comparison.summaries_of(ALL_TASKS if several else comparison.tasks[0].name)
        if row.test is not None
    ]
    if not rows:
        return "**No method has a result**: every run failed, or every seed lacks one of the tasks."
    ranked = sorted(rows, key=_test_mean, reverse=True)
    first = ranked[0]
    best = [row.arm for row in ranked if _test_mean(row) == _test_mean(first)]
    lead = f"**{' and '.join(best)}** {'has' if len(best) == 1 else 'have'} the highest mean test score, "
    text = f"{lead}{formatting.fraction(_test_mean(first))}"
    if len(best) < len(ranked):
        second = ranked[len(best)]
        text += f"; {second.arm} is next with {formatting.fraction(_test_mean(second))}"
    return f"{text}.{_against_reference(comparison, first.arm)}"


def _test_mean(row: Summary) -> float:
    return row.test.mean if row.test else 0.0


def _against_reference(comparison: Comparison, first: str) -> str:
    """How often the leader wins in pairs of runs: over all others if it is the reference, else over the reference."""
    reference = comparison.reference
    duels = [each for each in comparison.duels if each.against == reference]
    if not duels:
        return ""
    if first == reference:
        pairs = formatting.count(sum(map(_pairs, duels)), "pair")
        wins, clear = sum(each.losses for each in duels), sum(each.clear_losses for each in duels)
        return f" {reference} wins {wins} of {pairs} against the others, {clear} of them clearly."
    own = next((each for each in duels if each.arm == first), None)
    if own is None:
        return ""
    pairs = formatting.count(_pairs(own), "pair")
    return f" {first} wins {own.wins} of {pairs} against {reference}, {own.clear_wins} of them clearly."


def _pairs(duel: Duel) -> int:
    return duel.wins + duel.ties + duel.losses


def _title(text: str) -> str:
    return inline(text[:1].upper() + text[1:] if text == ALL_TASKS else text)


def _summary(rows: Sequence[Summary]) -> str:
    found = summary_table(rows)
    best = best_mean(rows)
    cells = [[inline(arm), f"**{mean}**" if mean == best else mean, *rest] for arm, mean, *rest in found.rows]
    return pipe_table(found.head, cells, numeric=found.numeric)


def best_mean(rows: Sequence[Summary]) -> str:
    """The highest mean test score, as the table has it; empty where there is none."""
    means = [row.test.mean for row in rows if row.test]
    return formatting.fraction(max(means)) if means else ""


def summary_table(rows: Sequence[Summary], caption: str = "") -> PlainTable:
    """The table of one task, or of all; a column without any value is left out."""
    has_cost = any(row.cost is not None for row in rows)
    has_tokens = any(row.tokens for row in rows)
    has_failed = any(row.failed for row in rows)
    head = ["Method", "Test", _spread_title(rows), "Dev", "Gain", "Task calls"]
    head += [*(["Tokens"] if has_tokens else []), *(["Cost"] if has_cost else []), "Wall time"]
    head += ["Failed"] if has_failed else []
    cells = []
    for row in rows:
        line = [
            row.arm,
            _fraction(row.test),
            formatting.interval(row.test.low, row.test.high) if row.test else _NONE,
            _fraction(row.dev),
            formatting.signed(row.gain.mean) if row.gain else _NONE,
            _number(row.task_calls),
        ]
        line += [_number(row.tokens)] if has_tokens else []
        line += [_NONE if row.cost is None else f"{row.cost:,.4f}"] if has_cost else []
        line.append(_NONE if row.wall_s is None else formatting.duration(row.wall_s))
        line += [str(row.failed) if row.failed else ""] if has_failed else []
        cells.append(line)
    return PlainTable(caption, head, cells, numeric=[1, *range(3, len(head))])


def _spread_title(rows: Iterable[Summary]) -> str:
    kinds = {row.test.kind for row in rows if row.test}
    return "95% interval" if kinds == {"interval"} else "Range" if kinds == {"range"} else "Interval or range"


def _fraction(spread: Spread | None) -> str:
    return _NONE if spread is None else formatting.fraction(spread.mean)


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{round(value):,}"


def explain_table(comparison: Comparison) -> str:
    """What the numbers of the table are."""
    seeds = len(comparison.seeds)
    what = formatting.count(seeds, "seed")
    spread = (
        f"The interval is a 95% t-interval of the mean over {what}: it tells of the luck of the search."
        if seeds >= 3
        else f"With {what} there is no interval; the range of the runs stands in its place."
    )
    many = " Scores of all tasks are the means over them." if len(comparison.tasks) > 1 else ""
    return (
        f"{spread}{many} Gain is test over the start prompt. Task calls are those of the search, counted in full "
        "whether they were paid for or found in the ledger; the wall time is what was left to wait for."
    )


EXPLAINED_DUELS = (
    "Wins - ties - losses by mean test score, in pairs of equal task and seed. A win or a loss is clear where the "
    "paired 95% interval of the difference, over the test examples or by their groups, leaves out 0."
)


def _duels(comparison: Comparison) -> str:
    return f"{_pipes(duel_table(comparison), names=1)}\n\n{EXPLAINED_DUELS}"


def _pipes(found: PlainTable, names: int) -> str:
    """The table as Markdown; the first `names` cells of a row are names, which are escaped."""
    rows = [[*map(inline, row[:names]), *row[names:]] for row in found.rows]
    return pipe_table([inline(cell) for cell in found.head], rows, numeric=found.numeric)


def duel_table(comparison: Comparison) -> PlainTable:
    """One row a method; for each opponent its wins, ties and losses, and how many of them are clear."""
    opponents = list(dict.fromkeys(each.against for each in comparison.duels))
    found = {(each.arm, each.against): each for each in comparison.duels}
    head = ["Method"]
    for opponent in opponents:
        name = "the start prompt" if opponent == START else opponent
        head += [f"Against {name}", "of these clear"]
    rows = []
    for arm in comparison.arms:
        line = [arm.name]
        for opponent in opponents:
            line += _duel(found.get((arm.name, opponent)))
        rows.append(line)
    return PlainTable("Against each other", head, rows, numeric=())


def _duel(duel: Duel | None) -> list[str]:
    if duel is None:
        return [_NONE, _NONE]
    clear = [f"{duel.clear_wins} won"] if duel.clear_wins else []
    clear += [f"{duel.clear_losses} lost"] if duel.clear_losses else []
    return [f"{duel.wins} - {duel.ties} - {duel.losses}", ", ".join(clear) or "none"]


def budget_table(tasks: Iterable[TaskPlan]) -> PlainTable:
    """What each task was given."""
    head = ["Task", "Calls a search", "Candidates a step", "Train", "Dev", "Test"]
    rows = [
        [
            task.name,
            f"{task.calls:,}",
            "its own" if task.candidates is None else f"{task.candidates:,}",
            *map("{:,}".format, (task.train, task.dev, task.test)),
        ]
        for task in tasks
    ]
    return PlainTable("What each search was given", head, rows, numeric=range(1, 6))


def cell_table(cells: Iterable[CellRow]) -> PlainTable:
    """One row a run; the last cell is its id."""
    head = ["Task", "Method", "Seed", "Dev", "Test", "Gain", "Task calls", "Run"]
    rows = [
        [
            row.task,
            row.arm,
            str(row.seed),
            _NONE if row.dev is None else formatting.fraction(row.dev),
            _NONE if row.test is None else formatting.fraction(row.test),
            _NONE if row.gain is None else formatting.signed(row.gain),
            _number(row.task_calls),
            row.run_id or "failed",
        ]
        for row in cells
    ]
    return PlainTable("Runs", head, rows, numeric=range(2, 7))


def _cells(cells: Sequence[CellRow]) -> str:
    found = cell_table(cells)
    runs = [f"`{row.run_id}`" if row.run_id else "failed" for row in cells]
    return _pipes(found._replace(rows=[[*row[:-1], run] for row, run in zip(found.rows, runs, strict=True)]), names=2)


def _failures(failed: Sequence[CellRow], runs: int) -> str:
    if not failed:
        return ""
    lines = [f"- {inline(row.task)}, {inline(row.arm)}, seed {row.seed}: {inline(row.error or '')}" for row in failed]
    share = f"{len(failed)} of {formatting.count(runs, 'run')}"
    head = f"**{share} failed.** The same command runs these again, and no others."
    return "\n".join([head, "", *lines])


REPORT, WHOLE, RUNS, CURVES, PICTURE = "report.md", "comparison.json", "runs.csv", "curves.csv", "curves.png"


def write_files(folder: Path, comparison: Comparison) -> Mapping[str, bytes]:
    """Write all files, each whole or not at all; returns their contents by name. Without matplotlib, no picture.

    Raises:
        OSError: the folder cannot be written or the disk is full.
    """
    files = {
        WHOLE: (comparison.model_dump_json(indent=2) + "\n").encode(),
        RUNS: cells_table(comparison).to_csv(index=False).encode(),
        CURVES: curves_table(comparison).to_csv(index=False).encode(),
    }
    has_picture = bool(comparison.curves) and can_plot()
    if has_picture:
        files[PICTURE] = curves_picture(comparison)
    report = comparison_markdown(comparison, PICTURE if has_picture else None, note=INSTALL)
    files[REPORT] = report.encode()
    for name, content in files.items():
        write_whole(folder / name, content)
    return files
