"""The arithmetic of a comparison, its report and its picture, on outcomes written by hand."""

import csv
import io
import json
import math
import statistics
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from gpo.comparison.arms import Arm, ablation_arms, preset_arms
from gpo.comparison.cells import TaskPlan
from gpo.comparison.plan import Cell, Plan
from gpo.comparison.results import ALL_TASKS, START, Comparison, compare_outcomes, duel, learning_curve
from gpo.comparison.statistics import spread_over_seeds, t_quantile
from gpo.comparison.tables import cells_table, mean_curves
from gpo.gate.rule import paired_gain
from gpo.records import Candidate, Interval, Score, Scored, Usage
from gpo.report import comparison
from gpo.report.comparison import comparison_markdown, main_finding, write_files
from gpo.report.curves import curves_picture, spread_apart
from gpo.runs.outcome import Outcome
from gpo.search.step import Step
from tests.support.outcomes import outcome, score, spec

DEV, TEST = 10, 40
Key = tuple[str, str, int]


def plan_of(tasks: Sequence[str] = ("a", "b"), arms: str = "gpo,opro", seeds: Sequence[int] = (0, 1)) -> Plan:
    return laid_out(preset_arms(arms), tasks, seeds)


def laid_out(arms: tuple[Arm, ...], tasks: Sequence[str], seeds: Sequence[int]) -> Plan:
    files = {(task, arm.name): Path(f"/state/{task}-{arm.slug}.yaml") for task in tasks for arm in arms}
    cells = [
        Cell(task=task, arm=arm.name, seed=seed, spec=files[task, arm.name], key=f"{task}{arm.name}{seed}")
        for seed in seeds
        for task in tasks
        for arm in arms
    ]
    return Plan(
        id="0123456789",
        title=f"{len(tasks)} tasks",
        home=Path("/state"),
        arms=arms,
        seeds=tuple(seeds),
        tasks=tuple(TaskPlan(name=task, dev=DEV, test=TEST, train=4, candidates=2, calls=60) for task in tasks),
        cells=tuple(cells),
        specs={file: spec(name=task) for (task, _), file in files.items()},
    )


def searched(devs: Sequence[Sequence[int]], test: int, start_test: int = 10, **changes: Any) -> Outcome:
    """A run of steps whose candidates have so many of the dev examples right; the start has 2."""
    begin = Scored(candidate=Candidate(instruction="Start."), score=score(2, DEV))
    best, steps = begin, []
    for number, rights in enumerate(devs, start=1):
        items = [
            Scored(candidate=Candidate(instruction=f"Try {number}-{place}.", step=number, number=place), score=each)
            for place, each in enumerate((score(right, DEV) for right in rights), start=1)
        ]
        steps.append(Step(number=number, budget=9, current="", neighbours=(), scored=tuple(items), rejected=()))
        best = max([best, *items], key=lambda item: item.score.mean)
    best_test, own_start = score(test, TEST), score(start_test, TEST)
    content = {
        "start": begin,
        "best": best,
        "start_test": own_start,
        "best_test": best_test,
        "gain": paired_gain(best_test, own_start),
        "steps": len(steps),
        "history": tuple(steps),
        "evaluated": sum(map(len, devs)),
        "usage": {
            "task": Usage(calls=100, input_tokens=1000, output_tokens=200),
            "optimizer": Usage(calls=5, input_tokens=300, output_tokens=50),
        },
        "cost": 0.25,
        "wall_s": 8.0,
    }
    return outcome(**(content | changes))


def result(plan: Plan, tests: Mapping[Key, int | str]) -> Comparison:
    """A comparison by the test examples that each run has right, or by its error."""
    cells = {(cell.task, cell.arm, cell.seed): cell for cell in plan.cells}
    outcomes = {cells[key]: searched([[4, 5], [3, 7]], value) for key, value in tests.items() if isinstance(value, int)}
    errors = {cells[key]: value for key, value in tests.items() if isinstance(value, str)}
    return compare_outcomes(plan, outcomes, errors)


@cache
def whole(gpo: int = 24, opro: int = 20) -> Comparison:
    plan = plan_of()
    rights = {"gpo": gpo, "opro": opro}
    return result(plan, {(cell.task, cell.arm, cell.seed): rights[cell.arm] + cell.seed for cell in plan.cells})


def test_a_mean_over_seeds_has_students_interval_from_three_on() -> None:
    spread = spread_over_seeds([0.5, 0.6, 0.7])
    assert spread is not None
    half = 4.302653 * statistics.stdev([0.5, 0.6, 0.7]) / math.sqrt(3)
    assert (spread.mean, spread.seeds, spread.kind) == (0.6, 3, "interval")
    assert spread.low == pytest.approx(0.6 - half, abs=1e-4)
    assert spread.high == pytest.approx(0.6 + half, abs=1e-4)
    assert spread_over_seeds([]) is None


@pytest.mark.parametrize("values", [[0.4], [0.4, 0.1]])
def test_fewer_seeds_have_a_range_and_say_so(values: list[float]) -> None:
    spread = spread_over_seeds(values)
    assert spread is not None
    assert (spread.low, spread.high, spread.kind) == (min(values), max(values), "range")


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(2, 4.30265), (4, 2.77645), (9, 2.26216), (10, 2.22814), (15, 2.13145), (30, 2.04227), (1000, 1.96234)],
)
def test_students_quantiles(freedom: int, quantile: float) -> None:
    assert t_quantile(freedom) == pytest.approx(quantile, abs=1e-3)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_a_spread_holds_its_mean(values: list[float]) -> None:
    spread = spread_over_seeds(values)
    assert spread is not None
    assert spread.low - 1e-6 <= spread.mean <= spread.high + 1e-6
    shuffled = spread_over_seeds(values[::-1])
    assert shuffled == spread


def test_a_learning_curve_is_the_best_so_far_by_calls() -> None:
    plan = plan_of()
    points = learning_curve(plan.cells[0], searched([[4, 1], [3, 7]], 20))
    assert [(point.calls, point.best_dev) for point in points] == [
        (10, 0.2),
        (20, 0.4),
        (30, 0.4),
        (40, 0.4),
        (50, 0.7),
    ]


def test_what_a_reflection_was_written_from_is_paid_for_by_the_search() -> None:
    plan, run = plan_of(), searched([[4, 1]], 20)
    reflecting = run.model_copy(
        update={"history": (run.history[0].model_copy(update={"usage": {"task": Usage(calls=8)}}),)}
    )
    assert [point.calls for point in learning_curve(plan.cells[0], reflecting)] == [10, 28, 38]
    row = compare_outcomes(plan, {plan.cells[0]: reflecting}, {}).cells[0]
    assert row.task_calls == 38


def test_failed_calls_count_and_a_score_with_gaps_is_no_best() -> None:
    dropped = Score(values={"e000": 1.0}, planned=DEV, failed=2)
    run = searched([[4]], 20)
    step = run.history[0]
    broken = step.model_copy(update={"scored": (step.scored[0].model_copy(update={"score": dropped}),)})
    points = learning_curve(plan_of().cells[0], run.model_copy(update={"history": (broken,)}))
    assert [(point.calls, point.best_dev) for point in points] == [(10, 0.2), (13, 0.2)]


def test_a_row_holds_what_a_run_came_to() -> None:
    row = whole().cells[0]
    assert row.model_dump(exclude={"gain_low", "gain_high", "test_low", "test_high"}) == {
        "task": "a",
        "arm": "gpo",
        "seed": 0,
        "run_id": "20260102-1a2b3c",
        "start_dev": 0.2,
        "start_test": 0.25,
        "dev": 0.7,
        "test": 0.6,
        "gain": 0.35,
        "steps": 2,
        "stopped": "plateau",
        "evaluated": 4,
        "task_calls": 50,
        "input_tokens": 1300,
        "output_tokens": 250,
        "cost": 0.25,
        "wall_s": 8.0,
        "error": None,
        "spec": "/state/a-gpo.yaml",
        "instruction": "Try 2-2.",
    }


def test_the_means_of_a_task_and_of_all() -> None:
    comparison = whole()
    assert [row.task for row in comparison.summary] == [ALL_TASKS] * 2 + ["a"] * 2 + ["b"] * 2
    gpo, opro = comparison.summaries_of(ALL_TASKS)
    assert gpo.test is not None
    assert opro.test is not None
    assert (gpo.test.mean, gpo.test.low, gpo.test.high) == (0.6125, 0.6, 0.625)
    assert opro.test.mean == 0.5125
    assert (gpo.seeds, gpo.failed, gpo.tokens, gpo.cost, gpo.task_calls) == (2, 0, 1550, 0.25, 50)


def test_one_task_has_no_second_table_of_all() -> None:
    plan = plan_of(tasks=("a",))
    comparison = result(plan, {(cell.task, cell.arm, cell.seed): 20 for cell in plan.cells})
    assert {row.task for row in comparison.summary} == {"a"}


def test_a_seed_counts_for_all_tasks_only_when_all_are_there() -> None:
    plan = plan_of()
    tests: dict[Key, int | str] = {(cell.task, cell.arm, cell.seed): 20 for cell in plan.cells}
    tests["a", "gpo", 1] = "HTTP 503"
    tests["b", "gpo", 1] = 40
    comparison = result(plan, tests)
    gpo = comparison.summaries_of(ALL_TASKS)[0]
    assert gpo.test is not None
    assert (gpo.test.mean, gpo.seeds, gpo.failed) == (0.5, 1, 1)
    assert comparison.summaries_of("b")[0].seeds == 2
    assert [(row.task, row.arm, row.seed, row.error) for row in comparison.failed] == [("a", "gpo", 1, "HTTP 503")]
    assert comparison.failed[0].test is None


def test_wins_ties_and_losses_are_pairs_of_task_and_seed() -> None:
    plan = plan_of()
    cells = {(cell.task, cell.arm, cell.seed): cell for cell in plan.cells}
    opro = {("a", 0): 38, ("a", 1): 21, ("b", 0): 20, ("b", 1): 5}
    outcomes = {
        **{cells[task, "gpo", seed]: searched([[4]], 20) for task, seed in opro},
        **{cells[task, "opro", seed]: searched([[4]], right) for (task, seed), right in opro.items()},
    }
    found = duel("opro", "gpo", outcomes)
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)
    assert (found.clear_wins, found.clear_losses) == (1, 1)
    back = duel("gpo", "opro", outcomes)
    assert (back.wins, back.ties, back.losses) == (found.losses, found.ties, found.wins)
    assert (back.clear_wins, back.clear_losses) == (found.clear_losses, found.clear_wins)
    start = duel("opro", START, outcomes)
    assert (start.wins, start.ties, start.losses) == (3, 0, 1)


def test_examples_that_come_in_groups_count_by_group() -> None:
    plan = plan_of(tasks=("a",), seeds=(0,))
    gpo, opro = searched([[4]], 20), searched([[4]], 38)
    documents = {name: f"document {int(name[1:]) // 20}" for name in gpo.best_test.values}
    for groups, clear in (({}, 1), (documents, 0)):
        pair = [outcome.model_copy(update={"groups": groups}) for outcome in (gpo, opro)]
        assert duel("opro", "gpo", dict(zip(plan.cells, pair, strict=False))).clear_wins == clear


def test_an_example_that_one_of_two_could_not_be_asked_decides_nothing() -> None:
    plan = plan_of(tasks=("a",), seeds=(0,))
    whole_score = score(20, TEST)
    asked = {name: value for name, value in whole_score.values.items() if value == 1.0 or name != "e039"}
    gap = Score(values=asked, planned=TEST, failed=1)
    gpo, opro = searched([[4]], 20), searched([[4]], 20, best_test=gap)
    assert gap.mean > whole_score.mean
    assert duel("opro", "gpo", {plan.cells[0]: gpo, plan.cells[1]: opro}).ties == 1


def test_a_pair_without_a_partner_is_no_pair() -> None:
    plan = plan_of()
    only = {plan.cells[0]: searched([[4]], 20)}
    found = duel("gpo", "opro", only)
    assert found.wins + found.ties + found.losses == 0


def test_without_gpo_the_first_method_is_the_reference() -> None:
    assert plan_of(arms="opro,ape").reference == "opro"
    assert plan_of(arms="opro,gpo").reference == "gpo"
    assert {each.against for each in whole().duels} == {"gpo", START}


def test_mean_curves_hold_the_last_best_of_a_run_that_ended_early() -> None:
    plan = plan_of(tasks=("a",))
    first, second = (cell for cell in plan.cells if cell.arm == "gpo")
    outcomes = {first: searched([[4]], 20), second: searched([[6, 3], [8, 1]], 20)}
    curves = mean_curves(compare_outcomes(plan, outcomes, {}), "a")["gpo"]
    assert curves.round(3).to_dict() == {10: 0.2, 20: 0.5, 30: 0.5, 40: 0.6, 50: 0.6}


def test_a_method_that_lacks_a_task_has_no_curve_over_all() -> None:
    plan = plan_of(seeds=(0,))
    tests: dict[Key, int | str] = {
        ("a", "gpo", 0): 20,
        ("b", "gpo", 0): 20,
        ("a", "opro", 0): 20,
        ("b", "opro", 0): "no",
    }
    comparison = result(plan, tests)
    assert list(mean_curves(comparison).columns) == ["gpo"]
    assert list(mean_curves(comparison, "a").columns) == ["gpo", "opro"]


def rendered(markdown: str) -> str:
    return str(MarkdownIt("commonmark").enable("table").render(markdown))


def test_the_report_says_who_is_ahead_and_by_what() -> None:
    text = comparison_markdown(whole(), "curves.png")
    assert "**gpo** has the highest mean test score, 0.613; opro is next with 0.512." in text
    assert "gpo wins 4 of 4 pairs against the others, 0 of them clearly." in text
    assert "| gpo | **0.613** | 0.60 to 0.62 | 0.700 | +0.36 | 50 | 1,550 | 0.2500 | 8.0 s |" in text
    assert "With 2 seeds there is no interval" in text
    assert "![Best dev score by task-model calls](curves.png)" in text
    page = rendered(text)
    assert page.count("<table>") == 6
    assert "failed" not in text


def test_the_leader_is_measured_against_the_reference() -> None:
    assert "opro wins 4 of 4 pairs against gpo, 4 of them clearly." in main_finding(whole(gpo=12, opro=30))


def test_equal_leaders_are_all_named() -> None:
    assert main_finding(whole(20, 20)).startswith("**gpo and opro** have the highest mean test score, 0.512.")


def test_the_report_of_failures() -> None:
    plan = plan_of(tasks=("a",), seeds=(0,))
    comparison = result(plan, {("a", "gpo", 0): 20, ("a", "opro", 0): "model | <gone>"})
    text = comparison_markdown(comparison, None, note="no matplotlib")
    assert "**1 of 2 runs failed.**" in text
    assert "- a, opro, seed 0: model \\| &lt;gone&gt;" in text
    assert "| opro | - | - | - | - | - | - | - | - | 1 |" in text
    assert "no matplotlib" in text
    assert rendered(text).count("<table>") == 4


def test_a_comparison_in_which_all_failed_has_a_report_too(tmp_path: Path) -> None:
    plan = plan_of()
    comparison = result(plan, {(cell.task, cell.arm, cell.seed): "gone" for cell in plan.cells})
    assert main_finding(comparison).startswith("**No method has a result**")
    assert "curves.png" not in write_files(tmp_path, comparison)


def test_the_json_is_read_back_as_it_was() -> None:
    comparison = whole()
    text = comparison.model_dump_json()
    assert Comparison.model_validate_json(text) == comparison
    assert json.loads(text)["schema_version"] == 1
    assert list(json.loads(text)) == [
        *("schema_version", "id", "title", "reference", "arms", "seeds", "tasks", "cells", "summary", "duels", "curves")
    ]


@pytest.mark.slow
def test_the_files_can_be_read_by_other_programs(tmp_path: Path) -> None:
    comparison = whole()
    write_files(tmp_path, comparison)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("comparison.json", "curves.csv", "curves.png", "report.md", "runs.csv")
    ]
    runs = list(csv.DictReader(io.StringIO((tmp_path / "runs.csv").read_text(encoding="utf-8"))))
    assert [(row["task"], row["arm"], row["seed"]) for row in runs] == [
        (cell.task, cell.arm, str(cell.seed)) for cell in comparison.cells
    ]
    curves = list(csv.DictReader(io.StringIO((tmp_path / "curves.csv").read_text(encoding="utf-8"))))
    assert len(curves) == len(comparison.curves)
    assert len(cells_table(comparison)) == len(comparison.cells)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_picture_is_left_out_and_the_report_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "can_plot", lambda: False)
    assert comparison.PICTURE not in write_files(tmp_path, whole())
    assert "gpo-pipeline[plot]" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_picture_names_every_method() -> None:
    picture = curves_picture(whole(), "svg").decode()
    assert picture.lstrip().startswith("<?xml")
    assert all(f"<!-- {name} 70.0% -->" in picture for name in ("gpo", "opro"))
    assert curves_picture(whole(), "svg").decode() == picture


@pytest.mark.slow
def test_many_methods_have_a_picture_in_which_the_reference_is_named() -> None:
    plan = laid_out(ablation_arms("all"), ("a",), (0,))
    comparison = result(plan, {(cell.task, cell.arm, 0): 20 for cell in plan.cells})
    assert "<!-- gpo 70.0% -->" in curves_picture(comparison, "svg").decode()


@given(st.lists(st.floats(0, 10), max_size=12).map(sorted), st.floats(0.01, 1))
def test_labels_are_apart_and_keep_their_order(values: list[float], gap: float) -> None:
    places = spread_apart(values, gap, 0, 12)
    assert len(places) == len(values)
    assert all(later - earlier >= gap - 1e-6 for earlier, later in pairwise(places))
    assert all(-1e-6 <= place <= 12 + 1e-6 for place in places)


def test_an_interval_of_hand_made_gains_is_what_the_outcome_says() -> None:
    plan = plan_of(tasks=("a",), seeds=(0,))
    gain = Interval(value=0.25, low=0.1, high=0.4)
    row = compare_outcomes(plan, {plan.cells[0]: searched([[4]], 20, gain=gain)}, {}).cells[0]
    assert (row.gain, row.gain_low, row.gain_high) == (0.25, 0.1, 0.4)
