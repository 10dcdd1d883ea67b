"""Which worked examples are shown before each question."""

import random
from collections.abc import Sequence

from gpo.errors import DatasetError
from gpo.records import Example, Splits
from gpo.spec.task import TaskSpec


def demonstrations(spec: TaskSpec, splits: Splits) -> tuple[Example, ...]:
    """The `few_shot` demonstrations of a task: the same in the same order for every prompt and every question.

    Drawn with the spec's seed from the dataset's own few-shot examples where it has some, else from the training
    split; never from dev or test.

    Raises:
        DatasetError: there are fewer than the spec asks for.
    """
    if not spec.few_shot:
        return ()
    pool = splits.few_shot or splits.train
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


def without_demonstrations(train: Sequence[Example], shown: Sequence[Example]) -> tuple[Example, ...]:
    """The training examples that are not demonstrations: asked with its own answer in view, one would tell nothing."""
    taken = {example.id for example in shown}
    return tuple(example for example in train if example.id not in taken)
