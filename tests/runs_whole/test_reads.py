"""How often a run reads its data: once, whoever needs it afterwards."""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gpo.models.sharing import share_answers
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.runs.outcome import Outcome
from gpo.runs.preflight import preflight
from tests.conftest import without_leftovers_of_prefect
from tests.runs_whole.test_reoptimize import write_task

pytestmark = [pytest.mark.slow]


@contextmanager
def opened(path: Path) -> Iterator[list[str]]:
    """Inside, every opening of a file is written down, by whatever code."""
    found, listening = [], [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listening and event == "open" and str(arguments[0]) == str(path):
            found.append(event)

    sys.addaudithook(hear)
    yield found
    listening.clear()


def test_the_check_of_the_command_hands_on_what_it_has_read(tmp_path: Path, prefect_api: str) -> None:
    from flows.optimize import optimize_prompt

    spec = write_task(tmp_path)

    async def command() -> Outcome:
        await preflight(load_job(spec), hands_on=True)
        return await optimize_prompt(spec)

    with opened(tmp_path / "questions.jsonl") as reads, share_answers(), without_leftovers_of_prefect(prefect_api):
        outcome = asyncio.run(command())
    assert outcome.steps
    assert len(reads) == 1


def test_a_run_without_a_command_reads_once(tmp_path: Path) -> None:
    job = load_job(write_task(tmp_path))
    with opened(tmp_path / "questions.jsonl") as reads:
        asyncio.run(optimize(job))
    assert len(reads) == 1


def test_a_run_reads_data_that_changed_since_the_run_before(tmp_path: Path) -> None:
    spec, data = write_task(tmp_path), tmp_path / "questions.jsonl"

    async def twice() -> list[Outcome]:
        before = await optimize(load_job(spec))
        rows = data.read_text(encoding="utf-8").splitlines(keepends=True)
        data.write_text("".join(rows[:-5]), encoding="utf-8")
        return [before, await optimize(load_job(spec))]

    with share_answers():
        before, after = asyncio.run(twice())
    assert before.run_id != after.run_id


def test_what_the_check_tells_is_in_the_log_of_a_run_without_a_command(
    tmp_path: Path, prefect_api: str, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.optimize import optimize_prompt

    spec, data = write_task(tmp_path), tmp_path / "questions.jsonl"
    rows = data.read_text(encoding="utf-8")
    data.write_text(rows + rows.splitlines(keepends=True)[0], encoding="utf-8")
    log = logging.getLogger("prefect.task_runs")
    log.addHandler(caplog.handler)
    try:
        with without_leftovers_of_prefect(prefect_api):
            asyncio.run(optimize_prompt(spec))
    finally:
        log.removeHandler(caplog.handler)
    assert any("merged 1 row" in message for message in caplog.messages)


@pytest.mark.parametrize("few_shot", [0, 2])
def test_a_prompt_in_production_is_optimised_on_data_that_is_read_once(
    tmp_path: Path, own_environment: None, reoptimized: Callable[..., Any], few_shot: int
) -> None:
    spec = write_task(tmp_path, few_shot=few_shot)
    with opened(tmp_path / "questions.jsonl") as reads:
        (state,) = reoptimized(spec)
    assert state.is_completed()
    assert state.name != "Nothing to do"
    assert len(reads) == 1
