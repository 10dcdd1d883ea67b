"""Which worked examples are shown before each question: those drawn for all prompts, or those of a candidate.

With `optimizer.demonstrations: searched` they are part of a candidate (`Candidate.shown`), and come from the training
examples alone: an example of dev or test is never one.
"""

import random
from collections.abc import Mapping, Sequence

from gpo.errors import DatasetError
from gpo.messages.inline import inlined
from gpo.messages.message import Message
from gpo.records import Candidate, Example, Splits
from gpo.spec.task import TaskSpec
from gpo.template import demonstrate


def demonstrations(spec: TaskSpec, splits: Splits) -> tuple[Example, ...]:
    """The demonstrations that a task starts with; without a search for others, those of every prompt and question.

    They are the `few_shot` ones drawn with the spec's seed, from the dataset's own few-shot examples where it has some,
    else from the training split, or those that `optimizer.shown` names; never from dev or test.

    Raises:
        DatasetError: there are fewer than the spec asks for, or none of that id.
    """
    if spec.optimizer.shown is not None:
        return _named(spec, splits, spec.optimizer.shown)
    if not spec.few_shot:
        return ()
    guarded = _guarded(splits)
    pool = [example for example in splits.few_shot or splits.train if example.inputs_hash not in guarded]
    if len(pool) < spec.few_shot:
        found = (
            f"{len(pool)} few-shot examples: lower it, or add some"
            if splits.few_shot
            else (f"{len(pool)} training examples: lower it, or raise dataset.split.train")
        )
        raise DatasetError(
            f"{spec.dataset.source}: `few_shot` asks for {spec.few_shot} demonstrations, and there are {found}"
        )
    rng = random.Random(f"{spec.seed}/few-shot")  # noqa: S311 - sampling, not secrets
    return tuple(rng.sample(pool, spec.few_shot))


def _named(spec: TaskSpec, splits: Splits, names: Sequence[str]) -> tuple[Example, ...]:
    known = showable(splits)
    for name in names:
        if name not in known:
            raise DatasetError(
                f"{spec.dataset.source}: `optimizer.shown` names the example '{name}', which is no training example"
            )
    return tuple(known[name] for name in names)


def showable(splits: Splits) -> Mapping[str, Example]:
    """The examples that may be shown, by id: those that the dataset brings for it, and the training examples."""
    guarded = _guarded(splits)
    free = (example for example in (*splits.train, *splits.few_shot) if example.inputs_hash not in guarded)
    return {example.id: example for example in free}


def demonstrations_of(
    spec: TaskSpec, candidate: Candidate, drawn: Sequence[Example], known: Mapping[str, Example]
) -> tuple[Example, ...]:
    """The demonstrations of a candidate: its own, of those `known` by id, or those `drawn` where none are searched."""
    if not spec.optimizer.searches_demonstrations:
        return tuple(drawn)
    return tuple(known[name] for name in candidate.shown)


def _guarded(splits: Splits) -> frozenset[str]:
    """The inputs of dev and test, as hashes."""
    return frozenset(example.inputs_hash for example in (*splits.dev, *splits.test))


def candidate_of(spec: TaskSpec, instruction: str, examples: Sequence[Example]) -> Candidate:
    """The prompt that asks with an instruction and these demonstrations, which are a part of it where a search may."""
    shown = tuple(each.id for each in examples) if spec.optimizer.searches_demonstrations else ()
    return Candidate(instruction=instruction, shown=shown)


def find_shown(
    template: Sequence[Message], instruction: str, messages: Sequence[Message], splits: Splits
) -> tuple[str, ...] | None:
    """The ids of the examples that messages of a prompt show, in their order; None where one of them is not known."""
    rest, found = tuple(messages), list[str]()
    known = {} if not rest else showable(splits)
    looks = {name: as_shown(template, instruction, [each]) for name, each in known.items()}
    while rest:
        fits = (name for name, each in looks.items() if each and name not in found and rest[: len(each)] == each)
        if (name := next(fits, None)) is None:
            return None
        found.append(name)
        rest = rest[len(looks[name]) :]
    return tuple(found)


def as_shown(template: Sequence[Message], instruction: str, examples: Sequence[Example]) -> tuple[Message, ...]:
    """What examples look like in a prompt, as a registry keeps it."""
    return tuple(map(inlined, demonstrate(template, instruction, examples)))


def without_demonstrations(train: Sequence[Example], shown: Sequence[Example]) -> tuple[Example, ...]:
    """The training examples that are not demonstrations: asked with its own answer in view, one would tell nothing."""
    taken = {example.id for example in shown}
    return tuple(example for example in train if example.id not in taken)
