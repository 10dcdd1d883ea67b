"""The prompts of a program in a step: which of them it changes, with the others as they are.

A candidate is all texts as one (`gpo.spec.program_text`). What a step asks for, and holds to the budget, is the text of
one prompt; a prompt alone has no parts, and its step changes all there is.
"""

import random
from collections.abc import Mapping, Sequence

from gpo.formatting import count
from gpo.records import Record, Scored
from gpo.search.step import Step
from gpo.spec.program_text import join_texts, split_texts
from gpo.spec.task import TaskSpec

WHOLE = ""
"""The part of a prompt that stands alone."""


class PartShown(Record):
    """The part that a request is for: its name, the texts of the others, and whether they are changed as well.

    It `is_text` where it is one of the program's `texts`, and no prompt.
    """

    name: str
    others: Mapping[str, str]
    together: bool
    is_text: bool = False


class ChosenPart(Record):
    """The part that a step changes, and why it is that one, as a phrase."""

    part: str
    why: str


def choose_part(spec: TaskSpec, blamed: Mapping[str, int], steps: Sequence[Step], rng: random.Random) -> ChosenPart:
    """The part that the next step changes with `parts: blamed`, after these steps.

    It is drawn, in proportion to the failing examples that blame each. Where none blames any, the part of the last
    step has one more if its change passed there, else it is the next in turn.
    """
    names = list(spec.program)
    weights = [blamed.get(name, 0) for name in names]
    if any(weights):
        part = rng.choices(names, weights)[0]
        return ChosenPart(part=part, why=f"{blamed[part]} of {count(sum(weights), 'failing example')} blame it")
    last = steps[-1] if steps else None
    passed = [trial.candidate for trial in last.trials if trial.passed] if last else []
    lately = next((each.part for each in passed if each.part in names), None)
    if lately is not None and (len(steps) < 2 or steps[-2].parts != (lately,)):
        return ChosenPart(part=lately, why="no failing example tells which part is wrong, and its last change passed")
    (turn,) = parts_of_step(spec, len(steps) + 1)
    return ChosenPart(part=turn, why="no failing example tells which part is wrong, and it is its turn")


def parts_of_step(spec: TaskSpec, step: int, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """The prompts that a step changes, by `optimizer.parts`: each in turn, all, or those that were chosen.

    For a prompt that stands alone it is `WHOLE`.
    """
    if chosen:
        return tuple(chosen)
    names = tuple(spec.program)
    if not names:
        return (WHOLE,)
    return names if spec.optimizer.parts == "all" else (names[(step - 1) % len(names)],)


def part_shown(spec: TaskSpec, instruction: str, part: str) -> PartShown | None:
    """What a request for a part says of the program; None for a prompt that stands alone."""
    if part == WHOLE:
        return None
    others = {name: text for name, text in spec.texts_of(instruction).items() if name != part}
    together = spec.optimizer.parts == "all"
    return PartShown(name=part, others=others, together=together, is_text=part in spec.texts)


def of_part(scored: Scored, spec: TaskSpec, part: str) -> Scored:
    """A scored candidate as its text of one part, with the score of the whole program."""
    if part == WHOLE:
        return scored
    text = spec.texts_of(scored.candidate.instruction)[part]
    return scored.model_copy(update={"candidate": scored.candidate.model_copy(update={"instruction": text})})


def split_parts(instruction: str, names: tuple[str, ...]) -> dict[str, str]:
    """The texts of a candidate by part; of a prompt that stands alone there is one, `WHOLE`."""
    return split_texts(instruction, names) if names else {WHOLE: instruction}


def join_parts(texts: Mapping[str, str]) -> str:
    """The candidate's text of what `split_parts` gave."""
    return texts[WHOLE] if WHOLE in texts else join_texts(texts)
