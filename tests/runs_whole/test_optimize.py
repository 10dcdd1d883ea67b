"""The loop as it is shipped, under a real Prefect server, with real Chroma and models that answer over HTTP.

The models are a hill to climb: each of four words in the instruction lets the task model get more of the examples
right, and the optimizer model appends phrases to the current instruction, some of which hold such a word.
"""

import asyncio
import inspect
import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterName,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun, TaskRun
from prefect.client.schemas.sorting import FlowRunSort

from gpo.data.splits import load_splits
from gpo.records import Example, Splits, content_hash
from gpo.report.page.material import report_path
from gpo.runs.explain import Explanation, explain
from gpo.runs.job import load_job
from gpo.runs.optimize import optimize
from gpo.runs.outcome import Outcome
from gpo.search.screen import MOST_SCORED
from gpo.spec.file import load_spec
from gpo.spec.method import PRESETS
from gpo.words import word_distance
from tests.support.endpoint import Endpoint, Reply, Request, serving

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

START = "Is it good or bad?"
USEFUL = ("overall", "customer", "complaint", "irony")
PHRASES = (
    "Consider the overall tone.",
    "Imagine the customer.",
    "Weigh praise against complaint.",
    "Mind irony.",
    "Be brief.",
    "Thank you very much in advance for a really very friendly reply today.",
)
REMARKS = ("do not repeat the cases.", "Do not write a new instruction.")
"""How the requests for a reflection and a summary end."""
LEVELS = 6
DEV, TEST, CANDIDATES, STEPS = 12, 18, 4, 3
Content = dict[str, Any]


@dataclass
class Hill:
    """Answers as both models. How often a meta-prompt was seen decides what is proposed, as sampling would."""

    phrases: tuple[str, ...] = PHRASES
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> str:
        return self.propose(request.text) if request.model == "optimizer" else self.judge(request.text)

    def judge(self, text: str) -> str:
        review, _, instruction = text.partition("\n")
        found = re.fullmatch(r"Parcel (\d+) came and (?:all|none) of it is (good|bad)\.", review)
        assert found, text
        is_right = sum(word in instruction for word in USEFUL) >= int(found[1]) % LEVELS
        return "positive" if is_right == (found[2] == "good") else "negative"

    def propose(self, text: str) -> str:
        if text.endswith("ready"):
            return "ready"
        if text.endswith(REMARKS):
            return f"The instruction is short. {crc32(text.encode())}"
        with self._lock:
            self._seen[text] += 1
            number = crc32(text.encode()) + self._seen[text]
        found = re.search(r"Current instruction: (.*)", text)
        assert found, text
        return f"<START>{found[1]} {self.phrases[number % len(self.phrases)]}<END>"


def write_spec(folder: Path, url: str, **changes: Any) -> Path:
    """A spec for the hill and its data; `optimizer` and `budget` are added to what it says."""
    rows = [
        {
            "review": f"Parcel {i} came and {'all' if i % 4 else 'none'} of it is {('bad', 'good')[i // LEVELS % 2]}.",
            "label": ("negative", "positive")[i // LEVELS % 2],
        }
        for i in range(60)
    ]
    (folder / "parcels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = {"base_url": url, "max_retries": 0}
    optimizer = {"preset": "gpo", "max_steps": STEPS, "candidates": CANDIDATES, "budget_start": 6, "budget_end": 3}
    content = {
        "name": "parcels",
        "prompt": {"instruction": START, "messages": [{"user": "{{review}}\n{{instruction}}"}]},
        "dataset": {
            "path": "parcels.jsonl",
            "input": "review",
            "reference": "label",
            "split": {"train": changes.pop("train", 6), "dev": DEV, "test": TEST},
        },
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "models": {
            "task": {"model": "openai:task", "max_concurrency": 4, **model},
            "optimizer": {"model": "openai:optimizer", "max_concurrency": 1, **model},
            "embedding": "local:wordllama",
        },
        **changes,
        "optimizer": optimizer | changes.get("optimizer", {}),
    }
    path = folder / "parcels.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


Optimize = Callable[..., Outcome]


@dataclass(frozen=True)
class Climb:
    """One whole run, and what it asked."""

    path: Path
    outcome: Outcome
    requests: tuple[Request, ...]
    endpoint: Endpoint

    @property
    def splits(self) -> Splits:
        return load_splits(load_spec(self.path))


@pytest.fixture(scope="module")
def climb(tmp_path_factory: pytest.TempPathFactory, own_environment: None, optimized: Optimize) -> Iterator[Climb]:
    with serving(Hill()) as endpoint:
        path = write_spec(tmp_path_factory.mktemp("climb"), endpoint.url)
        outcome = optimized(path)
        yield Climb(path, outcome, tuple(endpoint.requests), endpoint)


def shows(request: Request, examples: tuple[Example, ...]) -> bool:
    return any(example.inputs["review"] in request.text for example in examples)


def test_the_best_is_better_than_the_start_where_the_search_never_looked(climb: Climb) -> None:
    outcome = climb.outcome
    assert (outcome.stopped, outcome.steps) == ("max_steps", STEPS)
    assert outcome.start.candidate.instruction == START
    assert outcome.best.score.mean > outcome.start.score.mean
    assert outcome.best_test.mean > outcome.start_test.mean
    assert outcome.gain.value == pytest.approx(outcome.best_test.mean - outcome.start_test.mean)
    assert 0 < outcome.gain.low <= outcome.gain.value <= outcome.gain.high
    assert outcome.verdict is not None
    assert (outcome.verdict.decision, outcome.verdict.gain) == ("promote", outcome.gain)
    assert [measure.name for measure in outcome.verdict.measures] == ["words", "latency"]
    assert (outcome.start_test.n, outcome.best_test.n) == (TEST, TEST)
    assert any(word in outcome.best.candidate.instruction for word in USEFUL)


def test_the_steps_follow_from_one_another(climb: Climb) -> None:
    outcome = climb.outcome
    known = {START: outcome.start.score.mean}
    budgets = []
    for number, step in enumerate(outcome.history, start=1):
        assert step.number == number
        assert known[step.current] == max(known.values())
        assert set(step.neighbours) <= set(known)
        assert step.current in step.neighbours
        assert step.budget is not None
        budgets.append(step.budget)
        assert len(step.scored) + len(step.rejected) == CANDIDATES
        for item in step.scored:
            text = item.candidate.instruction
            assert word_distance(step.current, text) == item.candidate.distance <= step.budget
            assert text not in known
            assert item.score.complete
            known[text] = item.score.mean
    assert budgets == sorted(budgets, reverse=True)
    assert (budgets[0], budgets[-1]) == (6, 3)
    assert outcome.best.score.mean == max(known.values()) == known[outcome.best.candidate.instruction]
    assert outcome.evaluated == len(known) - 1
    proposed = [item.candidate for step in outcome.history for item in step.scored]
    assert all((each.proposed is None) == (each.proposed_distance == each.distance) for each in proposed)


def test_the_test_split_is_asked_last_once_a_prompt_and_never_shown_to_the_optimizer(climb: Climb) -> None:
    splits, requests = climb.splits, climb.requests
    final = [shows(request, splits.test) for request in requests]
    assert final == [False] * (len(requests) - 2 * TEST) + [True] * (2 * TEST)
    asked = [request for request in requests if request.model == "optimizer"]
    assert len(asked) == 1 + CANDIDATES * STEPS
    assert not any(shows(request, (*splits.dev, *splits.test)) for request in asked)
    assert all(shows(request, splits.train) for request in asked[1:])
    assert len({request.text for request in requests if request.model == "task"}) == climb.endpoint.calls_of("task")


def test_every_call_is_counted(climb: Climb) -> None:
    calls = climb.outcome.calls
    needed = DEV * (1 + climb.outcome.evaluated) + 2 * TEST
    assert calls["task"].paid + calls["task"].cached == needed == climb.endpoint.calls_of("task")
    assert calls["optimizer"].paid + calls["optimizer"].cached == 1 + CANDIDATES * STEPS
    assert (calls["task"].failed, calls["optimizer"].failed) == (0, 0)


def test_the_report_is_a_page(climb: Climb) -> None:
    page = report_path(climb.path.parent / ".gpo", climb.outcome.run_id).read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "irony" in page or "overall" in page
    # What comes from the run beside its outcome: results, embeddings, and where the spec lies.
    assert page.count('<article class="case') == TEST
    assert "prompts by their embeddings" in page
    assert f"gpo prompt register {climb.path} --best --promote" in page


async def flow_runs(path: Path) -> list[FlowRun]:
    """The runs of a spec, the earliest first."""
    async with get_client() as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[f"{load_spec(path).name} · optimize"]))
        found = await client.read_flow_runs(flow_run_filter=named, sort=FlowRunSort.EXPECTED_START_TIME_ASC)
    return [run for run in found if run.parameters["spec"] == str(path)]


async def told_of(run: FlowRun, last: str) -> tuple[list[str], list[str]]:
    """The log of a flow run, and our events about it, once the one named `last` has come: the server takes a while."""
    wanted = {"filter": {"event": {"prefix": ["gpo."]}, "related": {"id": [f"prefect.flow-run.{run.id}"]}}}
    async with get_client() as client:
        for _ in range(300):
            events = (await client.request("POST", "/events/filter", json=wanted)).json()["events"]
            names = sorted(event["event"] for event in events)
            logs = await client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), limit=200)
            if last in names and any(log.message.startswith("Report: ") for log in logs):
                return [log.message for log in logs], names
            await asyncio.sleep(0.2)
    pytest.fail(f"the server knows these events only: {names}")


async def artifacts_of(run: FlowRun) -> list[Artifact]:
    async with get_client() as client:
        return await client.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        )


async def task_runs_of(run: FlowRun, complete: Callable[[Counter[str]], bool]) -> list[TaskRun]:
    """The task runs of a flow run; the server learns of them from events, so for a while some may be missing."""
    async with get_client() as client:
        for _ in range(100):
            found = await client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])))
            is_over = all(each.state is not None and each.state.is_final() for each in found)
            if is_over and complete(Counter(each.name for each in found)):
                return found
            await asyncio.sleep(0.2)
    pytest.fail(f"the server knows these task runs only: {sorted(each.name for each in found)}")


def test_the_run_can_be_read_in_prefect(climb: Climb) -> None:
    async def read() -> tuple[list[Artifact], list[TaskRun]]:
        run = (await flow_runs(climb.path))[0]
        assert run.state is not None
        assert run.state.is_completed()
        return await artifacts_of(run), await task_runs_of(run, lambda names: names >= expected)

    outcome = climb.outcome
    steps = range(1, STEPS + 1)
    scored = [outcome.start, *(item for step in outcome.history for item in step.scored)]
    names = [
        *("check parcels", "start", "proof"),
        *(f"step {step}" for step in steps),
        f"note start {outcome.run_id}",
        *(f"evaluate {item.candidate.label} {item.candidate.id}" for item in scored),
        *(
            f"{part} step {step}"
            for step in steps
            for part in ("inform", "retrieve", "refine", "edit", "select", "record")
        ),
        "record step 0",
        *(f"prove {item.candidate.label} {item.candidate.id}" for item in (outcome.start, outcome.best)),
        f"report {outcome.run_id}",
    ]
    expected = Counter(names)
    artifacts, tasks = asyncio.run(read())
    assert Counter(task.name for task in tasks) == expected
    assert {task.state_name for task in tasks} == {"Completed"}

    by_key = {artifact.key: artifact for artifact in artifacts}
    assert {key: artifact.type for key, artifact in by_key.items()} == {
        "parcels-5-progress": "progress",
        "parcels-4-candidates": "table",
        "parcels-1-report": "markdown",
    }
    assert by_key["parcels-5-progress"].data == 100.0
    table = json.loads(str(by_key["parcels-4-candidates"].data))
    assert [row["instruction"] for row in table] == [item.candidate.instruction for item in scored]
    report = str(by_key["parcels-1-report"].data)
    assert report.startswith("# parcels")
    assert "Gate: **promote**" in report


def test_the_log_tells_what_the_terminal_tells_and_automations_hear_of_it(climb: Climb) -> None:
    async def read() -> tuple[list[str], list[str]]:
        return await told_of((await flow_runs(climb.path))[0], "gpo.run.finished")

    log, events = asyncio.run(read())
    assert events == ["gpo.run.finished", "gpo.run.started"]
    outcome = climb.outcome
    for item in (outcome.start, *(item for step in outcome.history for item in step.scored)):
        assert any(line.startswith(f"{item.candidate.label}: {item.score.mean:.3f}: ") for line in log)
    assert any(line.startswith(f"step {STEPS}: ") and "best so far" in line for line in log)
    assert len([line for line in log if "calls paid" in line and line.endswith(("left", "steps"))]) == 1 + STEPS
    assert any(line.startswith("Better by ") and line.endswith("Gate: promote.") for line in log)
    assert f"The new prompt:\n{outcome.best.candidate.instruction}" in log


def test_the_same_run_again_pays_nothing(climb: Climb, optimized: Optimize) -> None:
    calls = climb.endpoint.calls
    again = optimized(climb.path)
    assert climb.endpoint.calls == calls
    assert [again.calls[role].paid for role in ("task", "optimizer")] == [0, 0]
    assert again.calls["task"].cached == DEV * (1 + again.evaluated) + 2 * TEST
    own = {"started_at", "wall_s", "calls"}
    assert again.model_dump(exclude=own) == climb.outcome.model_dump(exclude=own)

    async def read() -> list[TaskRun]:
        run = (await flow_runs(climb.path))[-1]
        return await task_runs_of(run, lambda names: names[f"report {again.run_id}"] == 1)

    kept = ("inform", "retrieve", "refine", "edit", "evaluate", "prove")
    states = {task.name: task.state_name for task in asyncio.run(read()) if task.name.startswith(kept)}
    assert len(states) == 4 * STEPS + 1 + again.evaluated + 2
    assert set(states.values()) == {"Cached"}


def explained(path: Path) -> list[Explanation]:
    place = load_job(path)
    return [asyncio.run(explain(place, step)) for step in range(1, place.spec.optimizer.max_steps + 1)]


def unfinished(path: Path) -> None:
    """Take the outcomes away: so the database looks while a run is under way, or was killed."""
    with closing(sqlite3.connect(path.parent / ".gpo" / "gpo.db")) as connection, connection:
        connection.execute("UPDATE runs SET outcome = NULL")


def test_what_a_run_was_shown_is_explained_without_a_call(tmp_path: Path, climb: Climb, optimized: Optimize) -> None:
    """Word by word what was sent, from the records of a finished run and from what an unfinished one left."""
    method = {
        "information": "prompt+score+reflection",
        "trajectory": "summary",
        "warmup": True,
        "refinement": "editing",
    }
    with serving(Hill()) as endpoint:
        path = write_spec(tmp_path, endpoint.url, optimizer={"max_steps": 3, "candidates": 2, "batch": 4, **method})
        outcome = optimized(path)
        asked = [request for request in endpoint.requests if request.model == "optimizer"]
        assert len(asked) == 1 + 3 * (1 + 2) + 2
        assert outcome.calls["optimizer"].paid == len(asked)
        assert outcome.calls["task"].paid == endpoint.calls_of("task")
        assert [step.usage["task"].calls for step in outcome.history] == [4] * 3
        assert [step.usage["optimizer"].calls for step in outcome.history] == [3, 4, 4]
        assert [bool(step.summary) for step in outcome.history] == [False, True, True]
        for each, requests in ((path, asked), (climb.path, climb.requests)):
            finished = explained(each)
            sent = {request.text for request in requests}
            assert all("\n\n".join(part.text for part in found.parts) in sent for found in finished)
            assert all(part.known for found in finished for part in found.parts)
            unfinished(each)
            assert [found.parts for found in explained(each)] == [found.parts for found in finished]
        assert endpoint.calls_of("optimizer") == len(asked)


def test_another_seed_is_another_search(climb: Climb, optimized: Optimize) -> None:
    before = climb.endpoint.calls_of("optimizer")
    other = optimized(climb.path, seed=1)
    assert other.run_id != climb.outcome.run_id
    assert other.calls["optimizer"].paid == CANDIDATES * other.steps == climb.endpoint.calls_of("optimizer") - before
    assert other.calls["task"].cached >= DEV + TEST
    assert other.start == climb.outcome.start
    assert other.gain.value > 0


def test_a_search_that_finds_nothing_better_stops_and_keeps_the_start(tmp_path: Path, optimized: Optimize) -> None:
    useless = tuple(f"Think {number} times." for number in range(9))
    with serving(Hill(useless)) as endpoint:
        path = write_spec(tmp_path, endpoint.url, optimizer={"max_steps": 9, "patience": 2, "candidates": 2})
        outcome = optimized(path)
        assert (outcome.stopped, outcome.steps) == ("plateau", 2)
        assert outcome.best == outcome.start
        assert outcome.verdict is None
        assert outcome.gain.model_dump() == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert sum(shows(request, load_splits(load_spec(path)).test) for request in endpoint.requests) == TEST


def test_the_cap_on_calls_ends_the_search_with_a_result(tmp_path: Path, optimized: Optimize) -> None:
    cap = 160
    with serving(Hill()) as endpoint:
        path = write_spec(tmp_path, endpoint.url, optimizer={"max_steps": 9}, budget={"max_calls": cap})
        outcome = optimized(path)
        assert (outcome.stopped, outcome.steps) == ("budget", 4)
        assert outcome.best_test.n == TEST
        assert outcome.gain.value > 0
        assert cap - CANDIDATES * (1 + DEV) < endpoint.calls <= cap


def test_a_step_whose_proposals_are_all_rejected_is_passed_over(tmp_path: Path, optimized: Optimize) -> None:
    hill = Hill()

    def useless_at_first(request: Request) -> Reply | str:
        if request.model == "optimizer" and endpoint.calls_of("optimizer") in range(2, 2 + CANDIDATES):
            return "<START>Judge this: {{review}}<END>"
        return hill(request)

    with serving(useless_at_first) as endpoint:
        outcome = optimized(write_spec(tmp_path, endpoint.url, optimizer={"max_steps": 2}))
    first, second = outcome.history
    assert (first.scored, [each.reason for each in first.rejected]) == ((), ["contract"] * CANDIDATES)
    assert second.current == START
    assert outcome.best.candidate.step == 2
    assert outcome.gain.value > 0
    assert outcome.rejected["contract"] == CANDIDATES


def test_the_default_method_tries_proposals_on_cases_and_goes_by_what_is_expected(
    tmp_path: Path, optimized: Optimize
) -> None:
    batch, train = 12, 24  # large enough for a case that one more word wins
    method = {"preset": "minibatch", "candidates": CANDIDATES, "batch": batch}
    with serving(Hill()) as endpoint:
        path = write_spec(tmp_path, endpoint.url, optimizer=method, train=train)
        outcome = optimized(path)
        requests, splits = tuple(endpoint.requests), load_splits(load_spec(path))
        asked = {request.text for request in requests if request.model == "optimizer"}
        taken = [explain_step(path, step) for step in range(1, outcome.steps + 1)]
        again = optimized(path)
        assert endpoint.calls == len(requests)
    assert outcome.best.score.mean > outcome.start.score.mean
    assert outcome.gain.value > 0
    for step in outcome.history:
        assert len(step.scored) + len(step.rejected) == CANDIDATES
        assert {item.candidate.id for item in step.scored} == {
            trial.candidate.id for trial in step.trials if trial.passed
        }
        assert len(step.scored) <= MOST_SCORED
        assert all(len(trial.values) == batch for trial in step.trials)
        assert {trial.candidate.parent for trial in step.trials} <= {content_hash(step.current)}
        assert {trial.candidate.way for trial in step.trials} <= set(PRESETS["minibatch"].ways)
    known = [name for step in outcome.history for name in step.cases]
    assert set(known) <= {example.id for example in splits.train}
    assert outcome.expected is not None
    assert 0 < outcome.expected.sd < 0.5

    calls = outcome.calls
    needed = sum(step.usage["task"].calls for step in outcome.history)
    needed += DEV * (1 + outcome.evaluated) + 2 * TEST
    assert calls["task"].paid + calls["task"].cached == needed
    assert calls["task"].paid == len([request for request in requests if request.model == "task"])
    assert calls["optimizer"].paid == 1 + CANDIDATES * outcome.steps
    assert not any(shows(request, (*splits.dev, *splits.test)) for request in requests if request.model == "optimizer")
    assert all(explanation in asked for explanation in taken)
    assert (again.calls["task"].paid, again.calls["optimizer"].paid) == (0, 0)
    own = {"started_at", "wall_s", "calls"}
    assert again.model_dump(exclude=own) == outcome.model_dump(exclude=own)

    async def read() -> Counter[str]:
        run = (await flow_runs(path))[0]
        return Counter(each.name for each in await task_runs_of(run, lambda names: names >= screens))

    screens = Counter([f"screen step {step}" for step in range(1, outcome.steps + 1)])
    assert asyncio.run(read()) >= screens


def explain_step(path: Path, step: int) -> str:
    """The whole meta-prompt of a step of a run, as it is explained."""
    found = asyncio.run(explain(load_job(path), step))
    assert all(part.known for part in found.parts)
    return "\n\n".join(part.text for part in found.parts)


def test_the_loop_can_be_read_on_one_screen() -> None:
    assert len(inspect.getsource(optimize).splitlines()) <= 45
