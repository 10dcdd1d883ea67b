"""The request of `style: continuation`, for optimizer models too small to follow the paper's meta-prompt.

It is a list of scored instructions, from worst to best, which the model continues by one, under a grammar where the
server has one. It has neither reflection nor summary (docs/decisions/0006-continuation.md).
"""

import json
import random
import re
from collections.abc import Sequence

from gpo.messages.message import Message
from gpo.models.chat import Sampling
from gpo.search.requests.meta_prompt import Request
from gpo.spec.task import TaskSpec

BULLET = "- "

_HEADINGS = (
    "Short instructions that ask for {description}, each better than the one before:",
    "Different ways to ask for {description}, from the worst to the best:",
    "A list of clear prompts for {description}. The last one works best:",
)
_VERBS = ("Choose", "Classify", "Decide", "Find", "Give", "Identify", "Label", "Provide", "Show", "State", "Write")
_QUESTIONS = ("Does", "How", "Is", "What", "Which")
# Whole words, so that a length limit never cuts one.
_WORD = 'word ::= " " ("a" | [a-z] [a-z]{1,12})'


def list_to_continue(
    spec: TaskSpec, request: Request, rng: random.Random, number: int
) -> tuple[list[Message], Sampling]:
    """The messages with a list to continue, and how to sample. `number` is that of the proposal within the step.

    Heading, grammar and subject are drawn. In turn the whole list, its best two, and no instruction are shown: a
    proposal that has seen none starts afresh.
    """
    ranked = [instruction for instruction, _ in sorted(_scored_instructions(request), key=lambda item: item[1])]
    shown = (ranked, ranked[-2:], [])[number % 3]
    heading = rng.choice(_HEADINGS).format(description=spec.prompt.description or "the right answer")
    listed = "".join(f"{BULLET}{instruction}\n" for instruction in shown)
    messages = [Message(role="user", text=heading), Message(role="assistant", text=f"{listed}{BULLET.rstrip()}")]
    rule = f'root ::= " " {_sentence_grammar(spec, rng, number)}'
    return messages, Sampling(max_tokens=40, grammar=f"{rule}\n{_WORD}", min_p=0.1)


def last_line(text: str) -> str:
    r"""The line that continues the list: some servers give the list back with it, so the last line is the new one.

    >>> last_line("- Judge the tone.\n- Name the mood.")
    ' Name the mood.'
    """
    return text.strip().rsplit("\n", 1)[-1].removeprefix(BULLET.rstrip())


def _sentence_grammar(spec: TaskSpec, rng: random.Random, number: int) -> str:
    """The grammar of one sentence that keeps to the task: half of them orders, a quarter questions, a quarter anything.

    The verb is drawn, not left to the model, which would begin most sentences with the same one. What is asked for is
    now the whole description, now one of its words, so that sentences differ in more than their ends.
    """
    whole = spec.prompt.description.strip() or "the right answer"
    subject = f"{json.dumps(f' {whole}', ensure_ascii=False)} word{{0,3}}"
    if number % 4 < 2:
        subject = f"word{{1,3}} {json.dumps(f' {rng.choice(subject_words(whole))}', ensure_ascii=False)} word{{0,4}}"
    if number % 2 == 0:
        return f'"{rng.choice(_VERBS)}" {subject} "."'
    if number % 4 == 1:
        return f'"{rng.choice(_QUESTIONS)}" {subject} "?"'
    return f'[A-Z] [a-z]+ word{{0,2}} {subject} "."'


def subject_words(description: str) -> list[str]:
    """Words of a description that a sentence about it can hold, the first one twice.

    It is most often what is asked for: the *sentiment* of a review.

    >>> subject_words("the sentiment of a customer review")
    ['sentiment', 'sentiment', 'customer', 'review']
    """
    words = list(dict.fromkeys(re.findall(r"[a-z]{4,}", description.casefold())))
    return [*words[:1], *words] or ["answer"]


def _scored_instructions(request: Request) -> Sequence[tuple[str, float]]:
    pairs = {item.instruction: item.percent for item in request.recalled.neighbours}
    current = request.informed.current
    return list({**pairs, current.candidate.instruction: current.percent}.items())
