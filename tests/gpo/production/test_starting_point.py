from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpo.database.engine import utc_now
from gpo.datasets.fetch import rows_of_file
from gpo.datasets.registry import Datasets, FieldNames, Origin
from gpo.errors import PromptError
from gpo.production.decision import Decision, Status
from gpo.production.decision_log import Production, open_production
from gpo.production.starting_point import (
    StartingPoint,
    basis_of,
    find_starting_point,
    job_from_champion,
    why_nothing_to_do,
)
from gpo.prompts.version import DatasetReference, prompt_content
from gpo.records import Candidate, Score, Scored, content_hash
from gpo.runs.history import RunRow
from gpo.runs.job import Job, load_job
from gpo.settings import Settings, load_settings
from gpo.spec.production import ProductionSpec
from tests.support.outcomes import outcome

SPEC = """\
name: reviews
prompt:
  instruction: Is it good?
  messages:
    - user: "{{review}}\\n{{instruction}}"
dataset:
  path: reviews.jsonl
  input: review
  reference: label
  split: {train: 2, dev: 2, test: 2}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    add_rows(path, 8)
    return path


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    with open_production(Settings(), tmp_path) as opened:
        yield opened


def add_rows(spec: Path, count: int) -> None:
    rows = [f'{{"review": "It was number {number}.", "label": "yes"}}\n' for number in range(count)]
    (spec.parent / "reviews.jsonl").write_text("".join(rows), encoding="utf-8")


def at(spec: Path) -> Job:
    return load_job(spec, home=spec.parent)


def decided(standing: StartingPoint, status: Status, run: str = "run-1", **changes: Any) -> Decision:
    fields: dict[str, Any] = {
        "run": run,
        "prompt": standing.prompt,
        "alias": standing.alias,
        "basis": standing.basis,
        "champion": standing.champion.version,
        "status": status,
        "dataset": standing.dataset,
        "dev": (0.5, 0.5),
        "reason": "no gain",
        "created_at": utc_now(),
    }
    return Decision(**{**fields, **changes})


def another_version(production: Production, spec: Path, instruction: str) -> int:
    content = prompt_content(at(spec).spec.prompt.template, instruction)
    return production.registry.register("reviews", content).version.version


def test_a_prompt_that_was_never_registered_is_registered_once(spec: Path, production: Production) -> None:
    first, second = find_starting_point(at(spec), production), find_starting_point(at(spec), production)
    assert first == second
    assert first.champion.content.instruction == "Is it good?"
    assert production.registry.record("reviews").aliases == {"production": 1}
    assert why_nothing_to_do(first) is None


@pytest.mark.parametrize("status", ["kept", "rejected", "waiting", "expired"])
def test_nothing_is_done_twice_on_equal_grounds(spec: Path, production: Production, status: Status) -> None:
    production.decisions.keep(decided(find_starting_point(at(spec), production), status))
    reason = why_nothing_to_do(find_starting_point(at(spec), production))
    assert reason is not None
    assert "run-1" in reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", ["data", "gate: {min_gain: 0.1}", "metric: regex_none", "optimizer: opro", "champion", "superseded"]
)
def test_anything_new_is_a_reason_to_search(spec: Path, production: Production, change: str) -> None:
    standing = find_starting_point(at(spec), production)
    production.decisions.keep(decided(standing, "superseded" if change == "superseded" else "kept"))
    if change == "data":
        add_rows(spec, 9)
    elif change == "champion":
        version = another_version(production, spec, "Good or bad?")
        production.registry.promote("reviews", version, who="ada", why="by hand")
    elif change != "superseded":
        change = "metric: token_f1" if change.startswith("metric") else change
        spec.write_text(SPEC + change + "\n", encoding="utf-8")
    assert why_nothing_to_do(find_starting_point(at(spec), production)) is None


def test_what_was_promoted_or_rolled_back_is_settled(spec: Path, production: Production) -> None:
    standing = find_starting_point(at(spec), production)
    version = another_version(production, spec, "Good or bad?")
    production.decisions.promote(decided(standing, "kept", challenger=version), who="gpo")
    promoted = find_starting_point(at(spec), production)
    assert promoted.champion.version == version
    assert "version 2 promoted" in str(why_nothing_to_do(promoted))
    production.registry.rollback("reviews", who="ada", why="complaints")
    assert why_nothing_to_do(find_starting_point(at(spec), production)) is not None


def test_the_start_of_the_spec_does_not_matter_once_there_is_a_champion(spec: Path, production: Production) -> None:
    before = find_starting_point(at(spec), production)
    spec.write_text(SPEC.replace("Is it good?", "What is it?"), encoding="utf-8")
    assert find_starting_point(at(spec), production) == before


def test_other_messages_than_those_in_production_are_an_error(spec: Path, production: Production) -> None:
    find_starting_point(at(spec), production)
    spec.write_text(SPEC.replace("{{review}}", "Review: {{review}}"), encoding="utf-8")
    with pytest.raises(PromptError, match="other messages than the spec"):
        find_starting_point(at(spec), production)


@pytest.mark.parametrize("triggered", [True, False])
def test_a_run_that_waited_in_a_queue_gives_way_to_a_newer_version(
    tmp_path: Path, production: Production, triggered: bool
) -> None:
    datasets = Datasets(load_settings(), tmp_path)
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.replace("path: reviews.jsonl", "name: stored"), encoding="utf-8")
    for count in (12, 14, 16):
        add_rows(spec, count)
        rows = rows_of_file(tmp_path / "reviews.jsonl")
        datasets.push("stored", rows, Origin("a test", "ada"), FieldNames(("review",), "label", None))

    def at_version(number: int) -> StartingPoint:
        place = load_job(spec, home=tmp_path, dataset_version=number)
        return find_starting_point(place, production, triggered=triggered)

    production.decisions.keep(decided(at_version(2), "kept"))
    late = "reviews: nothing to do: stored version 2 has been decided on already, which is newer than stored version 1"
    assert why_nothing_to_do(at_version(1)) == (late if triggered else None)
    assert "those of run run-1" in str(why_nothing_to_do(at_version(2)))
    assert why_nothing_to_do(at_version(3)) is None


def scored(text: str, step: int, right: int) -> Scored:
    values = {str(number): float(number < right) for number in range(2)}
    return Scored(candidate=Candidate(instruction=text, step=step), score=Score(values=values, planned=2))


def test_the_best_prompts_of_the_last_runs_are_tried_again(spec: Path, production: Production) -> None:
    place = at(spec)
    for number, texts in enumerate((("a", "b", "Is it good?"), ("c", "b", "d"))):
        key = f"key{number}"
        production.history.begin(
            RunRow(key=key, task="reviews", scope="s", started_at=f"2026-01-0{number + 1}T00:00:00+00:00")
        )
        items = [scored(text, step, 2 - step) for step, text in enumerate(texts)]
        production.history.record(key, "s", items)
    assert find_starting_point(place, production).earlier == ()  # no run has finished
    for key in ("key0", "key1"):
        production.history.finish(key, outcome())
    assert find_starting_point(place, production).earlier == ("c", "a", "b", "d")
    fewer = place.spec.model_copy(update={"production": ProductionSpec(warm_start=2)})
    assert find_starting_point(replace(place, spec=fewer), production).earlier == ("c", "a")


def test_the_next_run_starts_from_the_champion(spec: Path, production: Production) -> None:
    version = another_version(production, spec, "Good or bad?")
    production.registry.promote("reviews", version, who="ada", why="by hand")
    place = at(spec)
    standing = find_starting_point(place, production).model_copy(update={"earlier": ("Is it good?",)})
    begun = job_from_champion(place, standing)
    assert begun.spec.prompt.instruction == "Good or bad?"
    assert begun.earlier == ("Is it good?",)
    assert begun.spec.prompt.template == place.spec.prompt.template


def test_a_run_that_died_before_its_decision_is_resumed_and_not_learned_from(
    spec: Path, production: Production
) -> None:
    place = at(spec)
    before = find_starting_point(place, production)
    mine = job_from_champion(place, before)
    row = RunRow(
        key="key",
        task="reviews",
        scope="s",
        spec=mine.spec.fingerprint(),
        dataset=before.dataset.fingerprint,
        started_at="2026-01-01T00:00:00+00:00",
    )
    production.history.begin(row)
    production.history.record("key", "s", [scored("a", 1, 2)])
    production.history.finish("key", outcome())
    assert find_starting_point(place, production) == before
    assert find_starting_point(place, production, force=True).earlier == ("a",)


def test_the_uses_of_an_alias_are_counted_from_its_last_promotion(production: Production, spec: Path) -> None:
    verdict = outcome().verdict
    standing = find_starting_point(at(spec), production)
    assert standing.looks.runs == ()
    uses: list[tuple[str, Status, bool]] = [
        ("before", "promoted", True),
        ("first", "kept", True),
        ("found nothing", "kept", False),
        ("second", "kept", True),
        ("second", "kept", True),
    ]
    for place, (run, status, is_judged) in enumerate(uses):
        changes: dict[str, Any] = {"basis": f"b{place}", "verdict": verdict if is_judged else None}
        created = f"2026-01-0{place + 1}T00:00:00.000+00:00"
        production.decisions.keep(decided(standing, status, run, created_at=created, **changes))
    looks = find_starting_point(at(spec), production).looks
    assert looks.runs == ("first", "second")
    assert looks.use_of("third").number == 3
    assert not looks.unattended
    job = job_from_champion(at(spec), find_starting_point(at(spec), production), unattended=True)
    assert job.looks == looks.model_copy(update={"unattended": True})


@pytest.mark.parametrize(("repeats", "uses"), [(False, ()), (True, ("run-1",))])
def test_a_check_of_a_prompt_that_repeats_an_example_and_is_live_is_no_promotion(
    repeats: bool, uses: tuple[str, ...], production: Production, spec: Path
) -> None:
    standing = find_starting_point(at(spec), production)
    found = outcome().verdict
    assert found is not None
    kept = decided(
        standing,
        "checked",
        verdict=found.model_copy(update={"decision": "promote"}),
        checked=standing.champion.digest,
        repeats_example=repeats,
        created_at="2026-01-01T00:00:00.000+00:00",
    )
    production.decisions.keep(kept)
    assert find_starting_point(at(spec), production).looks.runs == uses


def test_rules_of_the_gate_that_older_versions_did_not_have_change_nothing_until_they_are_used(spec: Path) -> None:
    task = at(spec).spec
    data = DatasetReference(name="reviews", fingerprint="f")
    plain = basis_of(task, data)
    old = task.gate.model_dump(mode="json", exclude={"when_worn", "stop_early", "non_inferior"})
    any_prompt = task.model_copy(update={"prompt": task.prompt.model_copy(update={"instruction": "any"})})
    assert plain == content_hash([any_prompt.fingerprint(), old, "f"], length=16)
    stricter = task.model_copy(update={"gate": task.gate.model_copy(update={"when_worn": "stop"})})
    assert basis_of(stricter, data) != plain
