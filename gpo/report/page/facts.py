"""What a run was made with, and the commands that go on from it."""

import importlib.metadata
import shlex
from collections.abc import Sequence
from typing import NamedTuple

from gpo.report import findings
from gpo.report.gate import is_promoted
from gpo.report.page.material import RunMaterial
from gpo.runs.outcome import Outcome
from gpo.spec.gate import GateSpec
from gpo.spec.task import TaskSpec


class Command(NamedTuple):
    """A command to copy, and what it does."""

    purpose: str
    text: str


def put_live(spec: TaskSpec, outcome: Outcome, material: RunMaterial) -> Command | None:
    """The command that puts the new prompt into production; None where there is none to put there."""
    if findings.best_is_start(outcome):
        return None
    alias = spec.production.alias
    purpose = (
        f"Puts it live, as `{alias}`" if is_promoted(outcome) else f"Puts it live in spite of the gate, as `{alias}`"
    )
    return Command(purpose, material.command("prompt", "register", "--best", "--promote", *_as_run(spec)))


def next_commands(spec: TaskSpec, outcome: Outcome, material: RunMaterial) -> list[str]:
    """The two commands that come next in a terminal: look at it, then put it live, or try another search."""
    place = f" --home {shlex.quote(material.home)}" if material.home else ""
    look = f"gpo report {outcome.run_id} --open{place}"
    live = put_live(spec, outcome, material)
    if live is not None and is_promoted(outcome):
        return [look, live.text]
    return [look, material.command("optimize", *_as_run(spec.model_copy(update={"seed": spec.seed + 1})))]


def further_commands(spec: TaskSpec, outcome: Outcome, material: RunMaterial) -> list[Command]:
    """What one may want to type after having read the page."""
    return [
        Command("Every example with what both prompts answered", f"gpo results {outcome.run_id} --broken"),
        Command(
            "What the optimizer model was sent in a step, word by word", material.command("explain", "--step", "1")
        ),
        Command("Makes the run again; what was paid for is kept", material.command("optimize", *_as_run(spec))),
    ]


def _as_run(spec: TaskSpec) -> list[str]:
    """What may have been said of the search in place of the spec: a run is known by it."""
    calls = spec.budget.max_task_calls
    return ["--seed", str(spec.seed), *([] if calls is None else ["--calls", str(calls)])]


def settings_groups(
    spec: TaskSpec, outcome: Outcome, material: RunMaterial
) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """Names and values of what the run was made with, in groups."""
    return [
        ("Run", [*findings.settings_rows(spec, outcome)]),
        ("Data", _data(spec, outcome, material)),
        ("Method", _method(spec)),
        ("What a promotion needs", _gate(spec.gate)),
        ("Code", [("version", _version()), *([("decides runs", material.code)] if material.code else [])]),
    ]


def _data(spec: TaskSpec, outcome: Outcome, material: RunMaterial) -> list[tuple[str, str]]:
    data = spec.dataset
    version = f" version {data.version}" if data.version is not None else ""
    name = data.name or (data.path.name if data.path else data.source)
    rows = [("dataset", f"{name}{version}")]
    if material.dataset:
        rows.append(("hash of its splits", material.dataset))
    rows += [("dev", f"{outcome.start.score.planned:,} examples"), ("test", f"{outcome.start_test.planned:,} examples")]
    return [*rows, ("answer", spec.answer.kind), ("metric", spec.metric.name)]


def _method(spec: TaskSpec) -> list[tuple[str, str]]:
    method = spec.optimizer
    names = ("preset", "information", "trajectory", "refinement", "accept", "current", "k", "candidates", "patience")
    rows = [(name, str(getattr(method, name))) for name in names if getattr(method, name, None) is not None]
    caps = [(name.replace("_", " "), f"{cap:,}") for name, cap in spec.budget if cap is not None]
    return [*rows, ("word budget", str(method.decay)), *caps]


def _gate(gate: GateSpec) -> list[tuple[str, str]]:
    """The rules that hold: the ones that always do, and those that are set."""
    always = {"min_gain": f"above {gate.min_gain:g}", "confidence": f"{100 * gate.confidence:g}%"}
    default = GateSpec()
    others = {name: _shown(value) for name, value in gate if name not in always and value != getattr(default, name)}
    return [(name.replace("_", " "), value) for name, value in (always | others).items()]


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return ", ".join(f"{name}: {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)


def _version() -> str:
    try:
        return importlib.metadata.version("gpo-pipeline")
    except importlib.metadata.PackageNotFoundError:
        return "of a folder that is not installed"
