"""`gpo evaluate`: the score of one instruction on one split. No flow: nothing here needs Prefect."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import typer

from flows.printing import print_json
from gpo import wording
from gpo.budget import calls_an_example
from gpo.database import open_database
from gpo.errors import InputError
from gpo.evaluation import evaluate
from gpo.few_shot import demonstrations, undemonstrated
from gpo.findings import counts
from gpo.ledger import Ledger
from gpo.models import open_models
from gpo.preflight import preflight
from gpo.progress import Began, emit
from gpo.records import Example, Record, Score, Split, Splits
from gpo.run import Place, place_of
from gpo.tally import counting_together
from gpo.template import variables_in


class Measured(Record):
    """What one instruction scores on one split.

    `paid` are the calls that were paid for now, those of the check before among them; `cached` is how many of the
    answers behind the score were in the ledger already. `cost` is that of all of them; None: no model has a price.
    """

    task: str
    split: str
    instruction: str
    score: Score
    paid: int
    cached: int
    cost: float | None = None


async def score_instruction(spec: Path, instruction: str | None, split: str) -> Measured:
    """Score an instruction, by default the spec's own, on `train`, `dev` or `test`.

    Every answer goes to the ledger of the state folder: what was asked before, here or in a run, is not paid again.

    Raises:
        InputError: what is wrong with the spec, the data, the models, the instruction or the split.
        TooManyFailures: more than `max_failure_rate` of the examples could not be asked.
    """
    _check_split(split)
    place = place_of(spec)
    if instruction is not None:
        place = _with_instruction(place, instruction)
    with counting_together():
        splits = await preflight(place, searches=False)
        shown = demonstrations(place.spec, splits)
        examples = _examples(splits, split, shown)
        if not examples:
            raise InputError(f"the split {split} of {place.spec.dataset.source} is empty; see dataset.split.{split}")
        return await _measured(place, split, examples, shown)


async def _measured(place: Place, split: str, examples: Sequence[Example], shown: Sequence[Example]) -> Measured:
    spec = place.spec
    engine = open_database(place.settings.database_for(place.home))
    ledger = Ledger(engine)
    try:
        async with open_models(spec.models, place.settings, ledger) as models:
            checked = models.task.tally.paid + models.judge.tally.paid
            emit(Began(split, len(examples) * calls_an_example(spec)))
            score = await evaluate(
                models.task, spec, spec.prompt.instruction, examples, demonstrations=shown, judge=models.judge
            )
            paid = models.task.tally.paid + models.judge.tally.paid
            # The check asks the first dev examples: on dev, what it paid for belongs to the score.
            fresh = paid if split == "dev" else paid - checked
            return Measured(
                task=spec.name,
                split=split,
                instruction=spec.prompt.instruction,
                score=score,
                paid=paid + models.optimizer.tally.paid,
                cached=max(0, sum(usage.calls for usage in score.usage.values()) - fresh),
                cost=spec.models.cost(score.usage),
            )
    finally:
        await ledger.aclose()
        engine.dispose()


def print_score(measured: Measured, *, as_json: bool) -> None:
    """The score to stdout: one JSON object, or a few lines."""
    if as_json:
        print_json(_as_json(measured))
    else:
        typer.echo(_as_text(measured))


def _as_json(measured: Measured) -> dict[str, object]:
    score = measured.score
    return {
        "task": measured.task,
        "split": measured.split,
        "instruction": measured.instruction,
        "score": round(score.mean, 4),
        "ci95": [round(bound, 4) for bound in score.interval()],
        "n": score.n,
        "unparsed": score.unparsed,
        "failed": score.failed,
        "cut": score.cut,
        "calls": {"paid": measured.paid, "cached": measured.cached},
        "usage": {role: usage.model_dump() for role, usage in score.usage.items()},
        "cost": measured.cost,
    }


def _as_text(measured: Measured) -> str:
    score = measured.score
    unread = [sample.text for sample in score.samples if sample.answer is None]
    spread = f"95% interval {wording.interval(*score.interval())}"
    lines = [
        f"{measured.split:<6}  {wording.fraction(score.mean)}  ({spread}; {counts(score)})",
        f"calls   {measured.paid} paid, {measured.cached} from the ledger",
    ]
    if measured.cost is not None:
        lines.append(f"cost    {wording.money(measured.cost)} in full")
    if unread:
        lines.append(f"unread  {wording.shortened(wording.printable(unread[0]))!r}")
    return "\n".join(lines)


def _check_split(split: str) -> None:
    if split not in get_args(Split):
        raise InputError(f"unknown split '{split}'; allowed: {', '.join(get_args(Split))}")


def _with_instruction(place: Place, instruction: str) -> Place:
    """The place with another instruction to start from."""
    text = instruction.strip()
    if not text:
        raise InputError("the instruction is blank; leave --instruction out to score the one of the spec")
    if found := variables_in(text):
        raise InputError(
            f"the instruction holds {{{{{found[0]}}}}}: variables belong to `prompt.messages` of the spec, around it"
        )
    prompt = place.spec.prompt.model_copy(update={"instruction": text})
    return replace(place, spec=place.spec.model_copy(update={"prompt": prompt}))


def _examples(splits: Splits, split: str, shown: Sequence[Example]) -> Sequence[Example]:
    return {"train": undemonstrated(splits.train, shown), "dev": splits.dev, "test": splits.test}[split]
