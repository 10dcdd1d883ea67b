"""`gpo.migrate` and its flow: models of different strength on a real endpoint, from the first score to production."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

import gpo
from gpo.database.engine import open_state
from gpo.errors import GpoError
from gpo.migration.keep import promote_pair
from gpo.migration.pairs import Migration
from gpo.migration.plan import plan_migration
from gpo.migration.run import MigrationSteps, migrate
from gpo.production.decide import GATE
from gpo.production.decision_log import open_production
from gpo.production.register import register_start
from gpo.production.starting_point import count_looks
from gpo.prompts.registry import Registry
from gpo.records import Splits
from gpo.report.checks.migration import next_lines, warning_lines
from gpo.runs.job import Job, load_job
from gpo.runs.outcome import Outcome
from gpo.settings import load_settings
from tests.conftest import without_leftovers_of_prefect
from tests.support.commands import gpo as command
from tests.support.commands import refused, right, rows, spec_content, write
from tests.support.endpoint import Reply, Request, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

WRONG = {"positive": "negative", "negative": "positive"}
SIZES = {"train": 6, "dev": 20, "test": 40}


def by_strength(request: Request) -> Reply | str:
    """`old` and `careful` need a word of care, `strong` does not, `weak` is always wrong."""
    if request.model == "optimizer":
        return "<START>Is it good? Care.<END>"
    tokens = 40 if request.model == "old" else 10
    # Without that word, things whose number has a 7, 8 or 9 are too hard.
    is_easy = "Care." in request.text or not any(digit in request.text for digit in "789")
    is_right = request.model == "strong" or (request.model != "weak" and is_easy)
    answer = right(request)
    return Reply(answer if is_right else WRONG[answer], input_tokens=tokens)


def write_task(folder: Path, url: str) -> Path:
    content = spec_content(url)
    content["dataset"]["split"] = SIZES
    content["models"]["task"] |= {"model": "openai:old", "price": {"input": 1, "output": 1}}
    content["models"]["embedding"] = "synthetic:words"
    content["optimizer"] = {"preset": "ape", "max_steps": 1, "candidates": 1}
    path = write(folder, content, "".join(json.dumps(row) + "\n" for row in rows(66)))
    job = load_job(path)
    with open_state(job.settings, job.home) as engine:
        register_start(Registry(engine), job.spec, (), who="ada")
    return path


def option(name: str, url: str) -> dict[str, Any]:
    return {"model": f"openai:{name}", "base_url": url, "max_retries": 0, "price": {"input": 0.1, "output": 0.1}}


def test_the_pair_that_passes_is_kept_with_its_model_and_a_repetition_pays_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(by_strength) as endpoint:
        path = write_task(tmp_path, endpoint.url)
        models = [option(name, endpoint.url) for name in ("strong", "careful", "weak")]
        result = gpo.migrate(path, to=models, progress=False)
        found = result.migration
        assert (found.outcome, found.paid) == ("passes", endpoint.calls)

        strong, careful, weak = found.pairs
        # Clear on dev: no search. As the present one: a search, which finds the better prompt. Hopeless: no test.
        assert (strong.prompt, strong.run, strong.passes) == ("production", None, True)
        assert (careful.prompt, careful.instruction, careful.passes) == ("new", "Is it good? Care.", True)
        assert (weak.verdict, weak.run, weak.test) == (None, None, None)
        assert strong.verdict is not None
        assert (strong.verdict.challengers, strong.verdict.confidence) == (2, pytest.approx(0.975))
        assert (found.present.cost, strong.cost) == (pytest.approx(0.041), pytest.approx(0.0011))
        assert strong.times is not None
        assert strong.times.n == SIZES["test"]

        again = gpo.migrate(path, to=models, progress=False).migration
        assert (again.paid, again.cost_paid, again.id, again.best) == (0, 0.0, found.id, found.best)
        assert [pair.verdict for pair in again.pairs] == [pair.verdict for pair in found.pairs]

    best = result.best
    assert best is not None
    assert len({pair.version for pair in (strong, careful)} | {1}) == 3
    with open_production(load_settings(), tmp_path / ".gpo") as production:
        assert len(count_looks(production, "reviews", "production").runs) == 1
        assert production.registry.record("reviews").aliases == {"production": 1}
        assert result.promote(who="ada").promoted
        live = production.registry.resolve("reviews")
        assert live.version == best.version
        assert live.lineage is not None
        assert live.lineage.asked is not None
        assert live.lineage.asked.model == best.model
        # What passed and went live begins a new budget.
        assert count_looks(production, "reviews", "production").runs == ()
    known = gpo.load_prompt("reviews", database=f"sqlite:///{tmp_path / '.gpo' / 'gpo.db'}").metadata
    assert known is not None
    assert known["model"] == best.model


def test_a_migration_that_broke_off_goes_on_from_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(by_strength) as endpoint:
        path = write_task(tmp_path, endpoint.url)
        options: dict[str, Any] = {"to": option("strong", endpoint.url), "optimize": "none", "progress": False}

        def breaks(request: Request) -> Reply | str:
            return by_strength(request) if request.number <= 50 else Reply("gone", status=400)

        endpoint.respond = breaks
        with pytest.raises(GpoError):
            gpo.migrate(path, **options)
        answered = 50
        endpoint.respond = by_strength
        found = gpo.migrate(path, **options).migration
        assert found.outcome == "passes"
        assert found.paid == 2 * (SIZES["dev"] + SIZES["test"]) - answered


def test_as_a_flow_it_promotes_what_passes(tmp_path: Path, prefect_api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.migrate import migrate_prompt

    monkeypatch.setenv("OPENAI_API_KEY", "none")

    async def run(path: Path, to: str) -> Any:
        return await migrate_prompt(path, [to], promote=True, return_state=True)

    with serving(by_strength) as endpoint, without_leftovers_of_prefect(prefect_api):
        path = write_task(tmp_path, endpoint.url)
        state = asyncio.run(run(path, "openai:strong,openai:weak"))
        found = asyncio.run(state.aresult())
    assert isinstance(found, Migration)
    assert (state.name, found.promoted) == ("May replace", True)
    assert found.best is not None
    assert state.message == f"reviews: {found.best.model} with the prompt of production may replace openai:old: better"
    with open_production(load_settings(), tmp_path / ".gpo") as production:
        assert production.registry.record("reviews").aliases == {"production": found.best.version}


def test_only_the_first_pair_within_a_margin_goes_live_by_itself_until_a_true_gain_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")

    def move_to(model: str, url: str) -> Migration:
        job = load_job(path)
        with open_production(job.settings, job.home) as production:
            plan = plan_migration(job, production, [option(model, url)], optimize="none", margin=0.4, unattended=True)
            found = asyncio.run(migrate(plan, production, MigrationSteps(search=no_search)))
            return promote_pair(production, found, GATE)[0]

    with serving(by_strength) as endpoint:
        path = write_task(tmp_path, endpoint.url)
        first = move_to("alike-1", endpoint.url)
        second = move_to("alike-2", endpoint.url)
        gained = move_to("strong", endpoint.url)
        after = move_to("alike-3", endpoint.url)
    assert [each.promoted for each in (first, second, gained, after)] == [True, False, True, True]
    said = "The last promotion was of a prompt that is not worse by more than a margin, and so is this one."
    assert [said in warning_lines(each) for each in (first, second, gained, after)] == [False, True, False, False]
    assert second.asking is not None
    assert next_lines(second)[0].startswith("Nothing was put live: a person has to agree")


async def no_search(job: Job, splits: Splits | None) -> Outcome:
    raise AssertionError(f"{job.spec.name} was searched for {splits}")


def test_what_is_wrong_is_told_before_anything_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with serving(by_strength) as endpoint:
        path = write_task(tmp_path, endpoint.url)
        refused(command("migrate", path, "--to", "openai:old"), "that is the present model")
        refused(command("migrate", path, "--to", "openai:new", "--margin", "2"), "--margin: received 2")
        refused(command("migrate", path, "--to", "openai:new", "--optimize", "som"), "--optimize: received 'som'")
        refused(command("migrate", "tickets", "--to", "openai:new"), "no tickets.yaml in this folder")
        planned = command("migrate", "reviews", "--to", "openai:new", "--dry-run")
        assert planned.exit_code == 0
        assert "openai:new: at most 60 calls for dev and test, and " in planned.stdout
        assert planned.stderr == "The spec of reviews is reviews.yaml.\n"
        none = ("--optimize", "none", "--dry-run", "--json")
        whole = json.loads(command("migrate", path, "--to", "openai:new", *none).stdout)
        assert (whole["calls"], whole["models"][1]["search"]) == (120, {})
        assert endpoint.calls == 0
