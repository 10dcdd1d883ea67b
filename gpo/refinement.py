"""Meta-prompts out, proposals in: what the optimizer model is shown, and what is read from its answers.

Two styles of the same request. `paper` is generation-based refinement as in Tang et al., section 3.3: the trajectory,
the current prompt with its score, task examples and the word limit, with the new prompt between <START> and <END>.
`continuation` is for models too small to follow that: a heading and the scored instructions from worst to best, to be
continued by one more, under a grammar where the server has one.
"""

import json
import random
import re
from collections.abc import Mapping, Sequence

from gpo.errors import RefusedRequestError
from gpo.ledger import Answer, CallKey
from gpo.models import ChatModel, Sampling
from gpo.progress import Answered, emit
from gpo.records import Candidate, Example, Proposals, Record, Rejection, content_hash
from gpo.spec import TaskSpec
from gpo.template import Message, render
from gpo.together import together
from gpo.trajectory import Neighbour

START, END = "<START>", "<END>"
BULLET = "- "
_MARKED = re.compile(rf"(?s){START}((?:(?!{START}|{END}).)*\S(?:(?!{START}|{END}).)*){END}")
_PREAMBLE = re.compile(r"(?i)^(here is |here's )?(the |a |my )?(new |improved )*(instruction|prompt)\s*:\s*")
PLACE = "<INSTRUCTION>"

_HEADINGS = (
    "Short instructions that ask for {description}, each better than the one before:",
    "Different ways to ask for {description}, from the worst to the best:",
    "A list of clear prompts for {description}. The last one works best:",
)
_VERBS = ("Choose", "Classify", "Decide", "Find", "Give", "Identify", "Label", "Provide", "Show", "State", "Write")
_QUESTIONS = ("Does", "How", "Is", "What", "Which")
# Whole words, so that a length limit never cuts one.
_WORD = 'word ::= " " ("a" | [a-z] [a-z]{1,12})'


class Request(Record):
    """What one refinement starts from."""

    current: Candidate
    percent: float
    neighbours: tuple[Neighbour, ...]
    examples: tuple[Example, ...]
    budget: int | None
    step: int


async def refine(model: ChatModel, spec: TaskSpec, request: Request, rng: random.Random) -> Proposals:
    """Ask the optimizer model for `optimizer.candidates` new instructions.

    Raises:
        ModelCallError: a call failed after the client's retries.
    """
    compose = _continuation if spec.optimizer.style == "continuation" else _paper
    asks = [compose(spec, request, rng, number) for number in range(spec.optimizer.candidates)]
    samplings = [sampling if model.follows_grammar else Sampling() for _, sampling in asks]
    keys = [
        model.key(messages, sampling, repeat=_repeat(spec.seed, request.step, number))
        for number, ((messages, _), sampling) in enumerate(zip(asks, samplings, strict=True))
    ]
    answers = await ask_all(model, list(zip(keys, samplings, strict=True)))
    read = read_continued if spec.optimizer.style == "continuation" else read_proposal
    texts = [answers[key.digest].text for key in keys if key.digest in answers]
    refused = Rejection(reason="failed", text="the optimizer model refused the request")
    return Proposals(
        texts=tuple(proposal for text in texts if (proposal := read(text))),
        rejected=(
            *(Rejection(reason="empty", text=text[:200]) for text in texts if not read(text)),
            *([refused] * (len(keys) - len(texts))),
        ),
    )


async def ask_all(model: ChatModel, asks: Sequence[tuple[CallKey, Sampling]]) -> Mapping[str, Answer]:
    """Answers by key digest, paid for where the ledger has none.

    A request that the provider refuses is missing from the result.

    Raises:
        ModelCallError: the first call that failed otherwise, or all were refused; calls that wait are cancelled.
    """
    found = dict(await model.find([key for key, _ in asks]))
    if found:
        emit(Answered(paid=False, count=len(found)))
    refused: list[RefusedRequestError] = []

    async def pay(key: CallKey, sampling: Sampling) -> None:
        try:
            found[key.digest] = await model.ask(key, sampling)
        except RefusedRequestError as error:
            refused.append(error)
            return
        emit(Answered(paid=True))

    await together(*(pay(key, sampling) for key, sampling in asks if key.digest not in found))
    if refused and not found:
        raise refused[0]
    return found


def _repeat(seed: int, step: int, number: int) -> int:
    """The number of the sample: another seed, step or place in the step is another sample of the same request."""
    return int(content_hash([seed, step, number], length=7), 16)


def read_proposal(text: str) -> str:
    """The instruction in an optimizer's answer: between the markers where they are, tolerant where they are not.

    >>> read_proposal("Sure! <START>Add the numbers.<END> Good luck")
    'Add the numbers.'
    >>> read_proposal("Add the numbers.<END>")
    'Add the numbers.'
    >>> read_proposal('New instruction: "Add the numbers."')
    'Add the numbers.'
    """
    text = re.sub(r"(?s)<think>.*?(</think>|$)", "", text).rsplit("</think>", 1)[-1]
    if whole := _MARKED.search(text):
        text = whole[1]
    text = text.rsplit(START, 1)[-1].split(END, 1)[0].strip()
    text = _PREAMBLE.sub("", text)
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`":
        text = text[1:-1]
    return text.strip()


def read_continued(text: str) -> str:
    r"""The line that continues a list; some servers give the list back with it, so the last line is the new one.

    >>> read_continued("- Judge the tone.\n- Name the mood.")
    'Name the mood.'
    """
    return read_proposal(text.strip().rsplit("\n", 1)[-1].removeprefix(BULLET.rstrip()))


def _paper(spec: TaskSpec, request: Request, rng: random.Random, number: int) -> tuple[list[Message], Sampling]:
    """The same meta-prompt for every proposal of a step; sampling makes them differ."""
    del rng, number
    return [Message(role="user", text=meta_prompt(spec, request))], Sampling()


def meta_prompt(spec: TaskSpec, request: Request) -> str:
    """The paper-style meta-prompt of one step: its parts in order, those without content left out."""
    goal = f" for this task: {spec.prompt.description}" if spec.prompt.description else ""
    parts = [f"You improve the instruction that a language model is given{goal}."]
    others = [item for item in request.neighbours if item.instruction != request.current.instruction]
    if others:
        listed = "\n\n".join(f"Instruction: {item.instruction}\nScore: {item.percent:g}" for item in others)
        parts.append(f"Earlier instructions with their scores, from 0 to 100 (higher is better):\n\n{listed}")
    parts.append(f"Current instruction: {request.current.instruction}\nScore: {request.percent:g}")
    if request.examples:
        shown = "\n\n".join(_shown(spec, example) for example in request.examples)
        parts.append(f"Examples of the task; the instruction takes the place of {PLACE}:\n\n{shown}")
    limit = f" Change at most {request.budget} words of the current instruction." if request.budget else ""
    parts.append(
        "Write a new instruction that differs from all of the above and scores higher."
        f"{limit} Do not mention the examples, do not answer them, and use no {{{{variables}}}}. "
        f"Begin it with {START} and end it with {END}."
    )
    return "\n\n".join(parts)


def _shown(spec: TaskSpec, example: Example) -> str:
    text = "\n".join(message.text for message in render(spec.prompt.template, PLACE, example.inputs))
    return f"{text}\nAnswer: {example.reference}"


def _continuation(spec: TaskSpec, request: Request, rng: random.Random, number: int) -> tuple[list[Message], Sampling]:
    """A list to continue; heading, shape, subject, and how much is shown vary from proposal to proposal.

    In turn the whole list, its best two, and nothing are shown: a proposal that has seen nothing starts afresh.
    """
    ranked = [instruction for instruction, _ in sorted(_pool(request), key=lambda item: item[1])]
    shown = (ranked, ranked[-2:], [])[number % 3]
    heading = rng.choice(_HEADINGS).format(description=spec.prompt.description or "the right answer")
    listed = "".join(f"{BULLET}{instruction}\n" for instruction in shown)
    messages = [Message(role="user", text=heading), Message(role="assistant", text=f"{listed}{BULLET.rstrip()}")]
    rule = f'root ::= " " {_shape(spec, rng, number)}'
    return messages, Sampling(max_tokens=40, grammar=f"{rule}\n{_WORD}", min_p=0.1)


def _shape(spec: TaskSpec, rng: random.Random, number: int) -> str:
    """The grammar of one sentence that keeps to the task: half of them orders, a quarter questions, a quarter anything.

    The verb is drawn, not left to the model, which would begin most sentences with the same one. What is asked for is
    now the whole description, now one of its words, so that sentences differ in more than their ends.
    """
    whole = spec.prompt.description.strip() or "the right answer"
    subject = f"{json.dumps(f' {whole}', ensure_ascii=False)} word{{0,3}}"
    if number % 4 < 2:
        subject = f"word{{1,3}} {json.dumps(f' {rng.choice(subjects(whole))}', ensure_ascii=False)} word{{0,4}}"
    if number % 2 == 0:
        return f'"{rng.choice(_VERBS)}" {subject} "."'
    if number % 4 == 1:
        return f'"{rng.choice(_QUESTIONS)}" {subject} "?"'
    return f'[A-Z] [a-z]+ word{{0,2}} {subject} "."'


def subjects(description: str) -> list[str]:
    """Words of a description that a sentence about it can hold, the first one twice.

    It is most often what is asked for: the *sentiment* of a review.

    >>> subjects("the sentiment of a customer review")
    ['sentiment', 'sentiment', 'customer', 'review']
    """
    words = list(dict.fromkeys(re.findall(r"[a-z]{4,}", description.casefold())))
    return [*words[:1], *words] or ["answer"]


def _pool(request: Request) -> Sequence[tuple[str, float]]:
    pairs = {item.instruction: item.percent for item in request.neighbours}
    return list({**pairs, request.current.instruction: request.percent}.items())
