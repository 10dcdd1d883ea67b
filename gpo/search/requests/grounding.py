"""What the optimizer model is told of the task as a whole: examples of each label, and a summary it writes itself.

The summary is asked for once a run, of the same examples at every step, so that the ledger has it from the second on.
"""

import random
from collections.abc import Sequence
from itertools import zip_longest

from gpo.models.ask import Remark, ask_remark, repeat_of
from gpo.models.chat import ChatModel
from gpo.records import Example
from gpo.search.requests.formatting import PLACEHOLDER, list_examples
from gpo.search.requests.marks import draw_marks
from gpo.spec.task import TaskSpec

LABELLED, LABELLED_EACH = 16, 3
"""Training examples of all labels together, and of each, that a request shows at most."""

GROUNDING_EXAMPLES = 12
"""Training examples that the summary is written from, where answers are no labels."""


async def ground(model: ChatModel, spec: TaskSpec, train: Sequence[Example]) -> Remark:
    """The optimizer model's summary of the task, empty where the provider refuses it.

    Raises:
        ModelCallError: the call failed after the client's retries.
    """
    rng = random.Random(f"{spec.seed}/grounding")  # noqa: S311 - sampling, not secrets
    shown = draw_labelled(spec, train, rng) or rng.sample(train, min(GROUNDING_EXAMPLES, len(train)))
    return await ask_remark(model, grounding_prompt(spec, shown), repeat_of(spec.seed, 0, "grounding"))


def grounding_prompt(spec: TaskSpec, examples: Sequence[Example]) -> str:
    """What the optimizer model is asked for the summary."""
    goal = f": {spec.prompt.description}" if spec.prompt.description else ""
    labels = spec.answer.choices
    asked = f"what each of the answers {', '.join(labels)} stands for" if labels else "what the right answers look like"
    place = f"; an instruction takes the place of {PLACEHOLDER}" if spec.target is None else ""
    shown = list_examples(spec, examples)
    marks = draw_marks(spec.seed, [shown])
    return (
        f"Below are examples of a task{goal}{place}.\n\n{marks.fence(shown)}\n\n"
        f"What is the task, what are the inputs like, and {asked}? Say what tells right answers from wrong ones, in "
        f"general words, in at most 150 words. {marks.rule} Do not repeat the examples."
    )


def draw_labelled(spec: TaskSpec, train: Sequence[Example], rng: random.Random) -> tuple[Example, ...]:
    """A few training examples of each label, in turn; none where answers are no labels."""
    if (labels := spec.answer.choices) is None:
        return ()
    order = rng.sample(train, len(train))
    found = [[example for example in order if example.reference == label][:LABELLED_EACH] for label in labels]
    return tuple(example for row in zip_longest(*found) for example in row if example)[:LABELLED]
