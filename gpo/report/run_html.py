"""The report of a run as one HTML page: nothing fetched, readable on light and dark, on paper and without its script.

`page/run.html.j2` lays the page out and escapes whatever is shown; the modules of `page/` find what it shows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gpo import formatting
from gpo.files import write_whole
from gpo.report import findings, usage
from gpo.report.chart import trajectory_svg
from gpo.report.charts.distances import distances_svg
from gpo.report.charts.front import front_charts
from gpo.report.charts.learning import learning_svg
from gpo.report.charts.scatter import map_svg
from gpo.report.findings import CandidateRow
from gpo.report.gate import (
    MEASURE_HEAD,
    SLICE_HEAD,
)
from gpo.report.page.cases import SHOWN_OF_TEXT, CaseSection, case_section, label_sections
from gpo.report.page.facts import further_commands, put_live, settings_groups
from gpo.report.page.front import describe_front, front_head, front_rows
from gpo.report.page.material import RunMaterial, byte_size, report_path, take_within
from gpo.report.page.numbers import (
    PlainTable,
    call_table,
    gate_section,
    sample_tables,
    score_rows,
    tiles_of,
    usage_table,
)
from gpo.report.page.shown import SHOWN_HEAD, shown_examples
from gpo.report.page.steps import PromptTree, StepSection
from gpo.report.page.templates import fill_page
from gpo.report.proposals import (
    REJECTED_HEAD,
    WAY_HEAD,
    describe_counts_of_proposals,
    describe_promise,
    rejection_rows,
    way_rows,
)
from gpo.runs.outcome import Outcome
from gpo.runs.results.files import write_results
from gpo.runs.results.result import ExampleResult
from gpo.spec.task import TaskSpec
from gpo.words import DiffPart, word_difference

_NOTHING = RunMaterial()

_ROOM_OF_CANDIDATES = 120_000
"""Bytes that the table of scored prompts may take on the page."""


class PageParts(NamedTuple):
    """What of a run fits its page, and how much does not."""

    cases: CaseSection
    tree: PromptTree
    steps: Sequence[StepSection]
    steps_left: int
    candidates: Sequence[CandidateRow]
    candidates_left: int


def html_report(spec: TaskSpec, outcome: Outcome, material: RunMaterial = _NOTHING) -> str:
    """The whole report as a self-contained HTML document.

    It shows the examples of `material`; without any, the samples that the scores keep.
    """
    return _fill(spec, outcome, material, _choose_parts(outcome, material))


def _choose_parts(outcome: Outcome, material: RunMaterial) -> PageParts:
    ranked = findings.rank_candidates(findings.candidate_rows(outcome))
    tree = PromptTree(outcome)
    return PageParts(
        case_section(material.examples, stays=findings.best_is_start(outcome)),
        tree,
        *tree.steps(),
        *take_within(ranked, lambda row: 330 + byte_size(formatting.shorten(row.instruction)), _ROOM_OF_CANDIDATES),
    )


def _fill(spec: TaskSpec, outcome: Outcome, material: RunMaterial, parts: PageParts) -> str:
    stays = findings.best_is_start(outcome)
    start, best = outcome.start.candidate.instruction, outcome.best.candidate.instruction
    return fill_page(
        "run.html.j2",
        kind="Prompt optimisation report",
        title=outcome.task,
        outcome=outcome,
        started=formatting.minute(outcome.started_at),
        headline=findings.headline(outcome),
        hints=findings.hints(spec, outcome),
        gate=gate_section(outcome.verdict) if outcome.verdict else None,
        tiles=tiles_of(outcome, material),
        contents=[each for each in _CONTENTS if parts.steps or each[0] != "steps"],
        slice_head=SLICE_HEAD,
        measure_head=MEASURE_HEAD,
        results=score_rows(outcome),
        promise=describe_promise(outcome),
        start=start,
        best=None if stays else best,
        live=put_live(spec, outcome, material),
        proposed=outcome.best.candidate.proposed,
        shown_examples=PlainTable("Examples before each question", SHOWN_HEAD, shown_examples(outcome), ()),
        difference={} if stays else _differences(spec, start, best),
        cases=parts.cases,
        shown_first=_shown_first([kind for kind, _, _ in parts.cases.kinds]),
        samples=() if parts.cases.cards else sample_tables(outcome),
        shown_of_text=SHOWN_OF_TEXT,
        labels=label_sections(material.examples, stays=stays),
        charts=[*front_charts(spec, outcome), *_charts(outcome, material)],
        front=PlainTable(
            "Prompts that no other beats",
            front_head(outcome),
            front_rows(outcome),
            range(1, len(front_head(outcome)) - 1),
        ),
        front_told=describe_front(outcome),
        candidates=parts.candidates,
        candidates_left=parts.candidates_left,
        proposals=describe_counts_of_proposals(outcome),
        ways=PlainTable("Proposals by way of asking", WAY_HEAD, way_rows(outcome), numeric=range(1, 5)),
        lineage=parts.tree.way_to_best(),
        steps=parts.steps,
        steps_left=parts.steps_left,
        beside=material.beside,
        rejections=PlainTable("Rejected proposals", REJECTED_HEAD, rejection_rows(outcome), numeric=(2,)),
        calls=call_table(outcome),
        usage=usage_table(spec, outcome),
        cost=usage.cost_line(outcome),
        settings=settings_groups(spec, outcome, material),
        commands=further_commands(spec, outcome, material),
    )


_CONTENTS = (
    ("prompt", "Prompt"),
    ("examples", "Examples"),
    ("results", "Results"),
    ("search", "Search"),
    ("lineage", "Lineage"),
    ("steps", "Steps"),
    ("run", "What it took, how it was made"),
)


def _differences(spec: TaskSpec, start: str, best: str) -> dict[str, Sequence[DiffPart]]:
    """What changed in each text of a program, by its name; of a prompt that stands alone the name is empty."""
    before, after = spec.texts_of(start), spec.texts_of(best)
    return {name if spec.program else "": word_difference(before[name], text) for name, text in after.items()}


def _shown_first(kinds: Sequence[str]) -> Sequence[str]:
    """Which kinds of examples the page opens with: what changed, else what is wrong, else all."""
    changed = [kind for kind in kinds if kind in ("broken", "fixed")]
    return changed or [kind for kind in kinds if kind == "both_wrong"] or kinds


def _charts(outcome: Outcome, material: RunMaterial) -> list[tuple[str, str]]:
    """The pictures with their names; those that there is nothing for are left out."""
    found = [
        ("Dev score against calls: what the search got for its money", learning_svg(outcome)),
        ("Dev score by step, and which prompt was made from which", trajectory_svg(outcome, style=False)),
        ("How far proposals went from the prompt they were made from", distances_svg(outcome)),
        ("The trajectory on a map of its prompts", map_svg(outcome, material.vectors)),
    ]
    return [(name, picture) for name, picture in found if picture is not None]


def write_report(
    home: Path,
    spec: TaskSpec,
    outcome: Outcome,
    material: RunMaterial = _NOTHING,
    examples: Callable[[], Iterator[ExampleResult]] = lambda: iter(()),
) -> Path:
    """Write the HTML report, whole or not at all, and return its path.

    What has no room on the page goes into files beside it: `examples` hands out all examples of the test split.

    Raises:
        OSError: the folder `reports` cannot be written or the disk is full.
        InputError: likewise, of a file beside the page.
    """
    path = report_path(home, outcome.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = _choose_parts(outcome, material)
    beside = []
    if parts.cases.left_out:
        beside.append(path.with_name(f"{path.stem}-examples.csv"))
        write_results(beside[0], examples(), compared=True)
    if parts.candidates_left or parts.steps_left:
        beside.append(path.with_name(f"{path.stem}-proposals.jsonl"))
        write_whole(beside[-1], "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in _proposal_rows(outcome)))
    named = material._replace(beside=tuple(each.name for each in beside))
    write_whole(path, _fill(spec, outcome, named, parts))
    return path


def _proposal_rows(outcome: Outcome) -> Iterator[dict[str, object]]:
    """Every scored prompt and every rejected proposal."""
    for row in findings.candidate_rows(outcome):
        yield row.model_dump()
    for step in outcome.history:
        for rejection in step.rejected:
            yield {"step": step.number, **rejection.model_dump()}
