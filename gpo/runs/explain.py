"""Explains one step of a run: what the optimizer model is shown, part by part, and which option put each part there.

No model is called. Of a finished run the records are read. An unfinished run is repeated with the answers that the
ledger has. Without a run, brackets stand for what only a run can tell.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.errors import InputError, StateError
from gpo.evaluation.few_shot import candidate_of, demonstrations, showable
from gpo.formatting import count
from gpo.records import START_STEP, Candidate, Record, Score, Scored, Splits
from gpo.runs.history import History, RunRow
from gpo.runs.job import Job, run_id, run_key
from gpo.runs.outcome import Outcome
from gpo.runs.replay import StepFacts, read_step, replay_step
from gpo.runs.run import may_show, open_screen, step_rng
from gpo.search.edits.demonstrations import places_that_keep, take_turns
from gpo.search.inform import Informed
from gpo.search.memory.neighbours import Neighbour
from gpo.search.parts import of_part, parts_of_step
from gpo.search.plan import fit_to_calls
from gpo.search.refine import build_request
from gpo.search.requests.continuation import list_to_continue
from gpo.search.requests.meta_prompt import (
    LIST_HEADING,
    SUMMARY_HEADING,
    Request,
    Section,
    cases_choice,
    meta_prompt_parts,
    trajectory_choice,
)
from gpo.search.retrieve import STRATEGIES, Recalled
from gpo.search.run_limits import sizes_of
from gpo.search.step import which_succeeded
from gpo.spec.method import OptimizerSpec
from gpo.spec.program_text import join_texts
from gpo.spec.task import TaskSpec

SHOWN_PROPOSALS = 3
"""Requests of the continuation style that are shown: in turns of three they show all, some or nothing of the list."""


class ExplainedPart(Section):
    """A part of the meta-prompt. Where it is not `known`, brackets stand for what only a run can tell."""

    known: bool = True


class Explanation(Record):
    """What the optimizer model is shown in one step. `run` is None for a spec that has not been run.

    `budget` is the word limit, `note` says what the explanation was made from.
    """

    task: str
    run: str | None
    step: int
    max_steps: int
    seed: int
    budget: int | None
    note: str
    parts: tuple[ExplainedPart, ...]


async def explain(job: Job, step: int | None = None) -> Explanation:
    """The meta-prompt of a step; by default of the last one that a run took, else of the second.

    Raises:
        InputError: there is no such step, or the dataset cannot be read.
        StateError: the database cannot be used.
    """
    splits = load_splits(job.spec)
    key = run_key(job.spec, splits, job.earlier)
    spec = fit_to_calls(job.spec, sizes_of(splits)).spec
    options = spec.optimizer
    if step is not None and not 1 <= step <= options.max_steps:
        raise InputError(f"step {step} does not exist; allowed: 1 to {options.max_steps} (`optimizer.max_steps`)")
    key, outcome, scored, before = _read_run(job, splits, key)
    taken = outcome.steps if outcome else max((item.candidate.step for item in scored), default=0)
    step = step or min(taken or 2, options.max_steps)
    if outcome is not None:
        seen = await read_step(replace(job, spec=spec), splits, outcome, step)
    elif scored:
        seen = await replay_step(replace(job, spec=spec), splits, key, scored, step)
    else:
        why = "Run before with another version or other data" if before else f"Not run yet with its state in {job.home}"
        seen = StepFacts(f"{why}: brackets stand for what only a run can tell.")
    return Explanation(
        task=spec.name,
        run=run_id(spec, key) if scored else None,
        step=step,
        max_steps=options.max_steps,
        seed=spec.seed,
        budget=_budget(options, seen, step),
        note=_note(spec, splits, seen, step),
        parts=_explain_parts(spec, splits, seen, step),
    )


def _budget(options: OptimizerSpec, seen: StepFacts, step: int) -> int | None:
    """The words that the step may change; of an adaptive budget without a run, those of the first step."""
    current = seen.current.candidate.id if seen.current else ""
    return options.budget_at(step, which_succeeded(seen.before, current))


def _note(spec: TaskSpec, splits: Splits, seen: StepFacts, step: int) -> str:
    shown = _describe_shown(spec, splits, seen, step)
    return f"{seen.note}{_origin(seen.current)}{_describe_choice(spec, seen)}{shown}"


def _origin(current: Scored | None) -> str:
    proposed = current and current.candidate.proposed
    return f" The current instruction was shortened from: {proposed}" if proposed else ""


def _describe_choice(spec: TaskSpec, seen: StepFacts) -> str:
    """Which proposal is shown, where each is asked for in its own way."""
    options = spec.optimizer
    if not (options.shows_cases or options.ways):
        return ""
    proposals = count(seen.proposals or options.candidates, "proposal")
    return f" Shown is the first of {proposals}: each may be asked for in its own way, with its own cases."


def _describe_shown(spec: TaskSpec, splits: Splits, seen: StepFacts, step: int) -> str:
    """Which examples stand before each question, and which proposals change them; empty where none are searched for."""
    if not spec.optimizer.searches_demonstrations:
        return ""
    asked = seen.proposals or spec.optimizer.candidates
    shown = f" Before each question: {', '.join(seen.current.candidate.shown) or 'none'}." if seen.current else ""
    if step > START_STEP + 1 and not seen.before:
        return shown
    turns = _turns(spec, splits, seen, step, asked)
    told = ", ".join(f"{turns.count(each)} change {words}" for each, words in _TURNS.items() if each in turns)
    return f"{shown} Of {count(asked, 'proposal')}, {told}."


def _turns(spec: TaskSpec, splits: Splits, seen: StepFacts, step: int, proposals: int) -> tuple[str, ...]:
    """What each proposal of a step changes, as the run chooses it."""
    if not spec.optimizer.searches_demonstrations:
        return take_turns(spec, seen.before, proposals)
    current = seen.current.candidate if seen.current else _placeholder_prompt(spec, step, splits)
    screen = open_screen(spec, splits)
    may_change = bool(current.shown) or any(may_show(screen, each) for each in showable(splits).values())
    return take_turns(spec, seen.before, proposals, may_change=may_change)


_TURNS = {
    "instruction": "the instruction",
    "demonstrations": "the examples before each question, for which nothing is asked",
    "both": "both",
}


def _read_run(job: Job, splits: Splits, key: str) -> tuple[str, Outcome | None, list[Scored], bool]:
    """The newest run in the database: its key, outcome and scored prompts; and whether there is any run of the spec."""
    if not job.settings.has_database(job.home):
        return key, None, [], False
    with open_state(job.settings, job.home) as engine:
        history = History(engine)
        runs = [run for run in history.runs() if run.spec == job.spec.fingerprint()]
        key = next((run.key for run in runs if run.key == key or _asked_anew(job, splits, history, run)), key)
        return key, history.outcome(key), history.scored(key), bool(runs)


def _asked_anew(job: Job, splits: Splits, history: History, run: RunRow) -> bool:
    """Whether a run of the spec is this one asked anew, which has a key of its own; known once it has finished."""
    try:
        outcome = history.outcome(run.key)
    except StateError:  # of another version
        return False
    anew = outcome.anew if outcome else ""
    return bool(anew) and run_key(job.spec, splits, job.earlier, anew) == run.key


def _explain_parts(spec: TaskSpec, splits: Splits, seen: StepFacts, step: int) -> tuple[ExplainedPart, ...]:
    options, rng = spec.optimizer, step_rng(spec.seed, step, "refine")
    part = parts_of_step(spec, step, seen.informed.parts if seen.informed else ())[0]
    spec = spec.for_part(part)
    unknown = _placeholders(spec, splits, seen, step)
    current = seen.current or _unscored(_placeholder_prompt(spec, step, splits))
    informed = seen.informed or Informed(current=current, reflection=unknown.get("reflection"))
    recalled = seen.recalled or Recalled()
    if "trajectory" in unknown:
        bracketed = unknown["trajectory"].partition("\n\n")[2]
        recalled = Recalled(neighbours=(Neighbour(instruction=bracketed, percent=0, step=0, number=0, part=part),))
    proposals = seen.proposals or options.candidates
    if options.style == "continuation":
        proposals = min(SHOWN_PROPOSALS, proposals)
    request = build_request(
        spec,
        splits.train,
        informed,
        recalled,
        step=step,
        candidates=proposals,
        rng=rng,
        before=seen.before,
        part=part,
        keeps=places_that_keep(_turns(spec, splits, seen, step, proposals)),
    )
    if options.style == "continuation":
        return tuple(
            ExplainedPart(**_list_section(spec, request, rng, number).model_dump(), known=not unknown)
            for number in range(request.candidates)
        )
    replaced = {name: text for name, text in unknown.items() if name != "reflection"}
    return tuple(
        ExplainedPart(
            name=part.name, choice=part.choice, text=replaced.get(part.name, part.text), known=part.name not in unknown
        )
        for part in _first_parts(spec, request, unknown)
    )


def _first_parts(spec: TaskSpec, request: Request, unknown: Mapping[str, str]) -> Iterable[Section]:
    """The parts for the first proposal; its cases, where they are unknown, stand before the request."""
    for part in meta_prompt_parts(spec, request):
        if "cases" in unknown and part.name == "request":
            yield Section(name="cases", choice=cases_choice(spec.optimizer), text="")
        if "cases" not in unknown or part.name != "examples":
            yield part


def _list_section(spec: TaskSpec, request: Request, rng: random.Random, number: int) -> Section:
    messages, _ = list_to_continue(spec, request, rng, number)
    shown = ("the whole list", "its best two", "none of it")[number % 3]
    return Section(
        name=f"list {number + 1}",
        choice=f"style: continuation, {trajectory_choice(spec.optimizer)}; {shown}",
        text="\n\n".join(message.text for message in messages),
    )


def _placeholders(spec: TaskSpec, splits: Splits, seen: StepFacts, step: int) -> dict[str, str]:
    """The parts that only a run can tell, with what stands for them in brackets."""
    options = spec.optimizer
    found = {}
    if seen.recalled is None and step > START_STEP + 1 and options.trajectory != "none":
        most = "" if options.trajectory == "summary" else f", at most {options.k} with the current one"
        heading = SUMMARY_HEADING if options.trajectory == "summary" else LIST_HEADING
        found["trajectory"] = f"{heading}\n\n[{STRATEGIES[options.trajectory].shows}{most}]"
    if seen.informed is None and options.grounding:
        found["summary of the task"] = "What examples of the task show:\n\n[what the optimizer model writes of them]"
    if seen.informed is None and options.reflects:
        found["reflection"] = f"[what the optimizer model writes of its failures on {options.batch} training examples]"
    if seen.informed is None and options.shows_cases:
        found["cases"] = f"[{options.batch} training cases of its own, with the answers given and the right ones]"
    if options.ways and not seen.before and step > START_STEP + 1:
        found["request"] = f"[the request of one of the ways {', '.join(options.ways)}]"
        found["cases"] = f"[{options.batch} training cases of its own or a few examples, as its way has it]"
    scored = options.shows_score and options.style == "paper"
    if seen.current is None and (step > START_STEP + 1 or scored):
        score = "\nScore: [its score on the dev split]" if scored else ""
        current = of_part(_unscored(_placeholder_prompt(spec, step, splits)), spec, parts_of_step(spec, step)[0])
        found["current prompt"] = f"Current instruction: {current.candidate.instruction}{score}"
    return found


def _unscored(candidate: Candidate) -> Scored:
    return Scored(candidate=candidate, score=Score(values={}, planned=0))


def _placeholder_prompt(spec: TaskSpec, step: int, splits: Splits) -> Candidate:
    """The current prompt of a step that was not taken: the first step starts from the spec's own."""
    known = step == START_STEP + 1
    if known:
        return candidate_of(spec, spec.start_text, demonstrations(spec, splits))
    best = "[the best instruction of the steps before]"
    return Candidate(instruction=join_texts(dict.fromkeys(spec.program, best)) if spec.program else best)
