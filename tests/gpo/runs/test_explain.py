"""What is told of a step's meta-prompt, before a run and after one; `test_optimize` has it for a whole run."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from filelock import FileLock
from typer.testing import CliRunner

from flows.cli.app import app
from gpo.data.splits import load_splits
from gpo.database.engine import open_database, utc_now
from gpo.errors import InputError
from gpo.records import Candidate, Score, Scored
from gpo.runs.explain import Explanation, explain
from gpo.runs.history import History, RunRow
from gpo.runs.job import Job, load_job, run_key
from gpo.runs.outcome import Outcome
from gpo.search.state import start_search
from gpo.spec.method import PRESETS
from tests.gpo.search.requests.test_meta_prompt import meta_prompt_parts, request_of
from tests.gpo.search.test_select import after
from tests.support.outcomes import outcome

pytestmark = pytest.mark.usefixtures("own_environment")

START = "Is it good?"


def write(folder: Path, budget: dict[str, int] | None = None, **optimizer: Any) -> Path:
    rows = [{"review": f"Thing {n} is {'good' if n % 2 else 'bad'}.", "label": f"label {n % 2}"} for n in range(30)]
    (folder / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content = {
        "name": "reviews",
        "prompt": {"instruction": START, "messages": [{"user": "{{review}}\n{{instruction}}"}]},
        "dataset": {
            "path": "reviews.jsonl",
            "input": "review",
            "reference": "label",
            "split": {"train": 6, "dev": 10, "test": 12},
        },
        "models": {"task": "openai:nowhere", "optimizer": "openai:nowhere", "embedding": "local:wordllama"},
        "optimizer": {"preset": "gpo", "max_steps": 4, "batch": 5, **optimizer},
    }
    if budget:
        content["budget"] = budget
        del content["optimizer"]["max_steps"]
    path = folder / "reviews.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def scored(text: str, step: int, number: int, right: int) -> Scored:
    values = {f"e{index}": float(index < right) for index in range(10)}
    return Scored(
        candidate=Candidate(instruction=text, step=step, number=number), score=Score(values=values, planned=10)
    )


STEPS = (
    [scored(START, 0, 0, 4)],
    [scored("Is it bad?", 1, 1, 6), scored("Say it.", 1, 2, 2)],
    [scored("Is it any good?", 2, 1, 8)],
)


def keep(
    place: Job, *, ended: bool, key: str | None = None, steps: Sequence[Sequence[Scored]] = STEPS, anew: str = ""
) -> None:
    """A run of two steps in the database, its outcome only when it has ended."""
    search = start_search(steps[0][0], steps[0][1:])
    for items in steps[1:]:
        search = after(search, *items)
        taken = search.steps[-1].model_copy(update={"neighbours": (START,), "reflection": "vague"})
        search = search.model_copy(update={"steps": (*search.steps[:-1], taken)})
    found: Outcome = outcome(start=search.start, best=search.best, steps=2, history=search.steps, run_id="reviews-1")
    found = found.model_copy(update={"anew": anew})
    key = key or run_key(place.spec, load_splits(place.spec), place.earlier, anew)
    engine = open_database(place.settings.database_for(place.home))
    try:
        history = History(engine)
        history.begin(RunRow(key=key, task="reviews", scope="s", spec=place.spec.fingerprint(), started_at=utc_now()))
        for items in steps:
            history.record(key, "s", items)
        if ended:
            history.finish(key, found)
    finally:
        engine.dispose()


def explained(path: Path, step: int | None = None) -> Explanation:
    return asyncio.run(explain(load_job(path), step))


def text_of(found: Explanation, name: str) -> str:
    return next(part.text for part in found.parts if part.name == name)


def unknown(found: Explanation) -> set[str]:
    return {part.name for part in found.parts if not part.known}


@pytest.mark.parametrize("preset", PRESETS)
def test_without_a_run_all_parts_are_there_and_brackets_stand_for_what_only_a_run_tells(
    tmp_path: Path, preset: str
) -> None:
    path = write(tmp_path, preset=preset)
    found = explained(path)
    assert (found.run, found.step, found.budget) == (None, 2, load_job(path).spec.optimizer.budget_at(2))
    assert "Not run yet" in found.note
    options = load_job(path).spec.optimizer
    whole = meta_prompt_parts(load_job(path).spec, request_of(load_job(path).spec))
    shown = {"word limit": found.budget is not None, "examples": options.examples > 0}
    assert [(part.name, part.choice) for part in found.parts] == [
        (part.name, part.choice) for part in whole if shown.get(part.name, True)
    ]
    told_by_a_run = {"trajectory", "current prompt", "reflection", "cases"}
    if options.ways:
        # The way of a proposal hangs on what the ways have brought so far, and what it is shown on its way.
        told_by_a_run |= {"request"}
        assert "Shown is the first of 4 proposals" in found.note
    assert unknown(found) == told_by_a_run & {part.name for part in found.parts}
    assert all(("[" in part.text) == (not part.known) for part in found.parts)
    assert not (tmp_path / ".gpo").exists()


def test_the_first_step_starts_from_the_spec(tmp_path: Path) -> None:
    first = explained(write(tmp_path), 1)
    assert "trajectory" not in {part.name for part in first.parts}
    assert text_of(first, "current prompt") == f"Current instruction: {START}\nScore: [its score on the dev split]"
    assert explained(write(tmp_path, preset="ape"), 1).parts[1].known


def test_the_first_step_asks_in_the_first_way_and_its_cases_only_a_run_can_tell(tmp_path: Path) -> None:
    first = explained(write(tmp_path, preset="minibatch"), 1)
    assert text_of(first, "cases") == "[5 training cases of its own, with the answers given and the right ones]"
    assert "Work out from the cases" in text_of(first, "request")
    assert unknown(first) == {"current prompt", "cases"}


def test_the_continuation_style_shows_its_lists(tmp_path: Path) -> None:
    found = explained(write(tmp_path, style="continuation"), 1)
    assert [part.name for part in found.parts] == ["list 1", "list 2", "list 3"]
    assert unknown(found) == set()
    assert text_of(found, "list 1").endswith(f":\n\n- {START}\n-")
    assert unknown(explained(write(tmp_path, style="continuation"), 2)) == {"list 1", "list 2", "list 3"}


@pytest.mark.parametrize("step", [0, 5, -1])
def test_a_step_that_does_not_exist_is_refused(tmp_path: Path, step: int) -> None:
    with pytest.raises(InputError, match=rf"step {step} does not exist; allowed: 1 to 4 \(`optimizer.max_steps`\)"):
        explained(write(tmp_path), step)


def test_a_finished_run_tells_what_it_recorded(tmp_path: Path) -> None:
    path = write(tmp_path, preset="pe2")
    keep(load_job(path), ended=True)
    found = explained(path)
    assert (found.step, found.run) == (
        2,
        f"reviews-{run_key(load_job(path).spec, load_splits(load_job(path).spec))[:8]}",
    )
    assert unknown(found) == set()
    assert text_of(found, "current prompt") == "Current instruction: Is it bad?\nScore: 60"
    assert f"Instruction: {START}\nScore: 40\n</data " in text_of(found, "trajectory")
    assert text_of(found, "reflection").endswith("vague")
    later = explained(path, 4)
    assert "ended after 2 steps" in later.note
    assert unknown(later) == {"trajectory", "current prompt", "reflection"}


@pytest.mark.parametrize("preset", ["gpo", "minibatch"])
def test_a_run_whose_steps_its_cap_decided_is_found(tmp_path: Path, preset: str) -> None:
    path = write(tmp_path, {"max_task_calls": 170}, preset=preset)
    keep(load_job(path), ended=True)
    found = explained(path)
    assert found.note.startswith("Taken from run reviews-1, which has finished.")
    # 160 calls after the start, 10 dev examples: 6 steps of 3 and not two of 8.
    assert found.max_steps == (6 if preset == "gpo" else 1000)
    assert found.budget == (None if preset == "minibatch" else 46)


def test_a_run_that_asked_anew_is_found_though_its_key_is_its_own(tmp_path: Path) -> None:
    path = write(tmp_path)
    keep(load_job(path), ended=True, anew="2026-11-30T11:00:00.000+00:00")
    assert explained(path).note.startswith("Taken from run reviews-1, which has finished.")


def test_what_the_ledger_has_no_more_is_bracketed(tmp_path: Path) -> None:
    """The answers to the cases are not in the record of a run."""
    path = write(tmp_path, preset="minibatch")
    keep(load_job(path), ended=True)
    found = explained(path)
    assert unknown(found) == {"cases"}
    assert text_of(found, "current prompt") == "Current instruction: Is it bad?\nScore: 60"
    assert "Shown is the first of 1 proposal" in found.note


def test_another_seed_or_another_version_is_another_run(tmp_path: Path) -> None:
    path = write(tmp_path)
    keep(load_job(path), ended=True, key="of another version")
    found = explained(path)
    assert (found.run, found.note[:47]) == (None, "Run before with another version or other data: ")
    other = asyncio.run(explain(load_job(path, seed=1)))
    assert (other.run, other.note[:11]) == (None, "Not run yet")


@pytest.mark.slow
def test_an_unfinished_run_tells_its_current_prompt_and_not_what_was_never_paid_for(tmp_path: Path) -> None:
    path = write(tmp_path, preset="pe2")
    keep(load_job(path), ended=False)
    found = explained(path, 3)
    assert text_of(found, "current prompt") == "Current instruction: Is it any good?\nScore: 80"
    assert unknown(found) == {"reflection"}
    assert "Is it bad?\nScore: 60" in text_of(found, "trajectory")
    assert "has not finished" in found.note
    beyond = explained(path, 4)
    assert "recorded 2 steps so far" in beyond.note
    assert "current prompt" in unknown(beyond)


def test_an_unfinished_run_knows_the_prompts_that_it_began_with_and_says_what_it_cannot_know(tmp_path: Path) -> None:
    path = write(tmp_path, preset="minibatch")
    job = replace(load_job(path), earlier=("Is it good or bad?",))
    known = [scored(START, 0, 0, 4), scored(job.earlier[0], 0, 1, 9)]
    keep(job, ended=False, steps=(known, *STEPS[1:]))
    found = asyncio.run(explain(job, 3))
    assert text_of(found, "current prompt") == "Current instruction: Is it good or bad?\nScore: 90"
    assert "the run may have gone on from another" in found.note


def test_a_run_that_is_under_way_is_not_waited_for(tmp_path: Path) -> None:
    path = write(tmp_path)
    keep(load_job(path), ended=False)
    with FileLock(tmp_path / ".gpo" / "chroma.lock"):
        found = explained(path, 2)
    assert "in use by another process" in found.note
    assert (unknown(found), text_of(found, "current prompt")[-9:]) == ({"trajectory"}, "Score: 60")


def test_the_commands_print_text_and_json(tmp_path: Path) -> None:
    path = write(tmp_path, preset="apo")
    runner = CliRunner()
    shown = runner.invoke(app, ["explain", str(path), "--step", "2"])
    assert shown.exit_code == 0, shown.output
    assert "reviews  step 2 of 4, seed 0, no word limit\n" in shown.stdout
    assert "\nrequest  refinement: editing\n  Modify the current instruction" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) > 100
    found = json.loads(runner.invoke(app, ["explain", str(path), "--json"]).stdout)
    assert [part["name"] for part in found["parts"]][:3] == ["task", "current prompt", "reflection"]
    wrong = runner.invoke(app, ["explain", str(path), "--step", "9"])
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "allowed: 1 to 4" in wrong.stderr


def test_the_presets_are_printed_from_the_presets(tmp_path: Path) -> None:
    runner = CliRunner()
    lines = runner.invoke(app, ["presets"]).stdout.splitlines()
    assert lines[0].split("  ")[0] == "preset"
    cells = [line.split() for line in lines[1 : 1 + len(PRESETS)]]
    assert [[name.rstrip("*"), *rest[:2], *rest[3:]] for name, *rest in cells] == [
        [name, method.information, method.trajectory, method.refinement, method.decay]
        for name, method in PRESETS.items()
    ]
    assert "optimizer: {preset: NAME" in lines[-1]
    table = json.loads(runner.invoke(app, ["presets", "--json"]).stdout)
    assert {name: table[name] | method.model_dump(mode="json") for name, method in PRESETS.items()} == table
