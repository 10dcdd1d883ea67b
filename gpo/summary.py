"""The trajectory as a text: what the prompts so far taught, in the optimizer model's own words.

Each step the model is shown its summary of the step before and the prompts scored since, and writes a new one.
"""

from collections.abc import Sequence

from gpo.asking import Remark, ask_remark, repeat_of
from gpo.excerpts import score_of
from gpo.models import ChatModel
from gpo.records import Scored
from gpo.spec import TaskSpec


async def summarise(model: ChatModel, spec: TaskSpec, step: int, previous: str, fresh: Sequence[Scored]) -> Remark:
    """The summary for a step. Where nothing was scored since, or nothing is written, the previous one stays.

    Raises:
        ModelCallError: the call failed after the client's retries.
    """
    if not fresh:
        return Remark(text=previous)
    asked = summary_prompt(spec, previous, fresh)
    remark = await ask_remark(model, asked, repeat_of(spec.seed, step, "summary"))
    return remark if remark.text else remark.model_copy(update={"text": previous})


def summary_prompt(spec: TaskSpec, previous: str, fresh: Sequence[Scored]) -> str:
    """What the optimizer model is asked for a summary."""
    goal = f" for this task: {spec.prompt.description}" if spec.prompt.description else ""
    before = f"Your notes so far:\n\n{previous}\n\n" if previous else ""
    listed = "\n\n".join(f"Instruction: {item.candidate.instruction}\n{score_of(item)}" for item in fresh)
    return (
        f"You keep notes on instructions that a language model was given{goal}.\n\n{before}"
        f"Instructions scored since, with their scores from 0 to 100 (higher is better):\n\n{listed}\n\n"
        "Write the notes anew, in at most 120 words: what in an instruction raises the score, and what lowers it. Keep "
        "what still holds. Do not write a new instruction."
    )
