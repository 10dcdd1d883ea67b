"""The step `refine`: asks the optimizer model for new instructions and reads them (Tang et al., section 3.3).

There are two styles of the request. `paper` sends the meta-prompt, with the new prompt between marks of that request;
`continuation` sends a list of instructions to continue.
"""

import random
import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial

from gpo.errors import ModelCallError, RefusedRequestError
from gpo.messages.message import Message
from gpo.models.ask import ask_all, repeat_of, usage_of
from gpo.models.chat import ChatModel, Sampling
from gpo.models.ledger import Answer
from gpo.records import Example, total_usage
from gpo.scoring.hidden_reasoning import read_through
from gpo.search.current import find_lineage
from gpo.search.inform import Informed
from gpo.search.parts import WHOLE, of_part, part_shown
from gpo.search.requests.continuation import last_line, list_to_continue
from gpo.search.requests.grounding import draw_labelled
from gpo.search.requests.marks import USUAL, Marks
from gpo.search.requests.meta_prompt import Request, marks_of, meta_prompt
from gpo.search.requests.ways import choose_ways
from gpo.search.retrieve import Recalled
from gpo.search.step import Proposal, Proposals, Rejection, RejectionReason, Step, which_succeeded
from gpo.spec.task import TaskSpec

_PREAMBLE = re.compile(r"(?i)^(here is |here's )?(the |a |my )?(new |improved )*(instruction|prompt)\s*:\s*")
_SORRY = r"(i'?m|i am)( \w+)? sorry|sorry|unfortunately|i apologi[sz]e"
_UNABLE = r"can'?t|cannot|can not|won'?t|unable to|not able to"
_REFUSAL = re.compile(
    rf"(?is)\W*(as an ai\b|({_SORRY})\b.{{0,80}}?\b({_UNABLE})\b"
    rf"|i( am|'m)? ({_UNABLE}) (help|assist|comply|provide|create|write|generate|continue|do|fulfil)\b)"
)
_LIKE_BEGIN = r"<START\b[^<>]{0,40}>"
_LIKE_END = r"</?END\b[^<>]{0,40}>|</START\b[^<>]{0,40}>"
_LIKE_MARKS = re.compile(rf"(?is)({_LIKE_BEGIN})(?:(?!{_LIKE_BEGIN}).)*?({_LIKE_END})")
"""Marks that a model copied wrongly, and what is between them."""


def build_request(
    spec: TaskSpec,
    train: Sequence[Example],
    informed: Informed,
    recalled: Recalled,
    *,
    step: int,
    candidates: int,
    rng: random.Random,
    before: Sequence[Step] = (),
    part: str = WHOLE,
    keeps: Collection[int] = (),
) -> Request:
    """What the optimizer model is asked with in one step; `rng` draws the task examples.

    Of a program it is for one `part`, and `spec` is the spec for that part. The steps `before` tell which ways of
    asking led to proposals that were accepted. At the places that it `keeps`, nothing is asked for.
    """
    options = spec.optimizer
    examples = tuple(rng.sample(train, min(options.examples, len(train))))
    current = informed.current
    other = find_lineage(spec, current, before, step) if "merge" in options.ways else None
    lacking = {"define": spec.answer.choices is None, "merge": other is None}
    wanted = [way for way in options.ways if not lacking.get(way)]
    drawn = choose_ways(wanted, before, candidates - len(keeps), rng)
    each = iter(drawn)
    ways = tuple(drawn[0] if place in keeps else next(each) for place in range(candidates)) if drawn else ()
    neighbours = tuple(item for item in recalled.neighbours if item.part == part)
    return Request(
        candidates=candidates,
        informed=informed.model_copy(update={"current": of_part(current, spec, part)}),
        recalled=recalled.model_copy(update={"neighbours": neighbours}),
        examples=examples,
        labelled=draw_labelled(spec, train, rng) if "define" in ways else (),
        ways=ways,
        other=other and of_part(other, spec, part),
        budget=options.budget_at(step, which_succeeded(before, current.candidate.id)),
        step=step,
        part=part_shown(spec, current.candidate.instruction, part),
        keeps=tuple(keeps),
    )


async def refine(model: ChatModel, spec: TaskSpec, request: Request, rng: random.Random) -> Proposals:
    """Ask the optimizer model for as many new instructions as the request says, but for the places that it keeps.

    Raises:
        ModelCallError: a call failed after the client's retries.
    """
    marks = None if spec.optimizer.style == "continuation" else marks_of(spec, request)
    compose = list_to_continue if marks is None else partial(_paper_request, marks=marks)
    places = [place for place in range(request.candidates) if place not in request.keeps]
    asks = [compose(spec, request, rng, place) for place in places]
    samplings = [sampling if model.follows_grammar else Sampling() for _, sampling in asks]
    keys = [
        model.key(messages, sampling, repeat=repeat_of(spec.seed, request.step, place))
        for place, (messages, _), sampling in zip(places, asks, samplings, strict=True)
    ]
    part = WHOLE if request.part is None else request.part.name
    lost: list[ModelCallError] = []
    try:
        answers: Mapping[str, Answer] = await ask_all(model, list(zip(keys, samplings, strict=True)), lost)
    except RefusedRequestError:
        # Of a single one nobody knows whether the model refuses this request or every one.
        if len(keys) > 1:
            raise
        answers = {}
    proposals, rejected = [], []
    for place, key, (messages, _) in zip(places, keys, asks, strict=True):
        way = request.way_of(place) or ""
        if (answer := answers.get(key.digest)) is None:
            rejected.append(Rejection(reason="failed", text="the optimizer model refused the request", way=way))
            continue
        text = last_line(answer.text) if marks is None else without_quotes(answer.text, messages)
        if proposal := read_proposal(text, marks):
            proposals.append(Proposal(text=proposal, place=place, way=way, part=part))
        else:
            rejected.append(Rejection(reason=why_unread(text, marks), text=answer.text[:200], way=way))
    came = [answers[key.digest] for key in keys if key.digest in answers]
    usage = usage_of(model, came, lost)
    return Proposals(proposals=tuple(proposals), rejected=tuple(rejected), budget=request.budget, usage=usage)


def join_proposals(found: Sequence[Proposals]) -> Proposals:
    """What was proposed for each part of a program that a step changes, together."""
    if len(found) == 1:
        return found[0]
    return Proposals(
        proposals=tuple(item for each in found for item in each.proposals),
        rejected=tuple(item for each in found for item in each.rejected),
        budget=found[0].budget,
        usage=total_usage(each.usage for each in found),
    )


def _paper_request(
    spec: TaskSpec, request: Request, rng: random.Random, place: int, marks: Marks
) -> tuple[list[Message], Sampling]:
    """The meta-prompt; where all proposals are asked for alike, sampling makes them differ."""
    del rng
    return [Message(role="user", text=meta_prompt(spec, request, place, marks))], Sampling()


def read_proposal(text: str, marks: Marks | None = None) -> str:
    """The instruction in an optimizer's answer: the last that stands between the marks of its request.

    Tolerant where there are none: between the usual marks, else the whole. Empty where there is no instruction:
    `why_unread` tells why.

    >>> read_proposal("Sure! <START>Add the numbers.<END> Good luck")
    'Add the numbers.'
    >>> read_proposal("<START 3fa9>Add them.<END 3fa9> Not <START>Say yes.<END>, as the data asks.", Marks("3fa9"))
    'Add them.'
    >>> read_proposal("Add the numbers.<END>")
    'Add the numbers.'
    >>> read_proposal('New instruction: "Add the numbers."')
    'Add the numbers.'
    """
    pair = _marks_in(text, marks)
    if _is_cut_off(text, pair):
        return ""
    found = _read_unmarked(text, pair)
    return "" if _is_refusal(found) else found


def without_quotes(text: str, messages: Sequence[Message]) -> str:
    """An answer without what it repeats, marks and all, of the texts that its request shows.

    So a row with marks in it does not become the proposal of a model that quotes it and forgets its own marks.

    >>> row = "Fine. <START>Say yes.<END>"
    >>> without_quotes("A row says <START>Say yes.<END>. Add them.", [Message(role="user", text=row)])
    'A row says . Add them.'
    """
    return _LIKE_MARKS.sub(lambda found: "" if any(found[0] in each.text for each in messages) else found[0], text)


def why_unread(text: str, marks: Marks | None = None) -> RejectionReason:
    """Why an answer holds no proposal: it was cut off by the token limit, it refuses, or it is empty.

    >>> why_unread("<START>Add the"), why_unread("I'm sorry, but I can't do that."), why_unread("<START><END>")
    ('truncated', 'refused', 'empty')
    """
    pair = _marks_in(text, marks)
    if _is_cut_off(text, pair):
        return "truncated"
    return "refused" if _is_refusal(_read_unmarked(text, pair)) else "empty"


def _marks_in(text: str, marks: Marks | None) -> tuple[str, str]:
    """The marks that an answer goes by: those of its request, unless its model forgot or miswrote one or both."""
    if marks is None:
        return USUAL
    begin, end = marks.answer
    for pair in ((begin, end), (begin, USUAL[1]), (USUAL[0], end)):
        if _span(*pair).search(read_through(text, pair).shown):
            return pair
    shown = read_through(text, marks.answer).shown
    pairs = [(found[1], found[2]) for found in _LIKE_MARKS.finditer(shown)]
    if pairs := [pair for pair in pairs if begin not in shown or pair[0] == begin]:
        return pairs[-1]
    begins = [begin] if begin in shown else re.findall(f"(?i){_LIKE_BEGIN}", shown)
    ends = re.findall(f"(?i){_LIKE_END}", shown)
    return begins[-1] if begins else USUAL[0], ends[-1] if ends else USUAL[1]


@lru_cache(maxsize=16)
def _span(begin: str, end: str) -> re.Pattern[str]:
    """Some text between two marks, without either in it."""
    # Only one part of it can match a character, or an answer without an end would take minutes.
    begin, end = re.escape(begin), re.escape(end)
    return re.compile(rf"(?s){begin}(\s*(?!{begin}|{end})\S(?:(?!{begin}|{end}).)*){end}")


def _is_cut_off(text: str, pair: tuple[str, str]) -> bool:
    """Whether an answer ends within a proposal, or within the reasoning before it."""
    begin, end = pair
    shown, is_cut_off = read_through(text, pair)
    return is_cut_off or (not _span(begin, end).search(shown) and begin in shown.rsplit(end, 1)[-1])


def _is_refusal(text: str) -> bool:
    return _REFUSAL.match(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")) is not None


def _read_unmarked(text: str, pair: tuple[str, str]) -> str:
    begin, end = pair
    # A proposal may speak of such tags itself.
    text = read_through(text, pair).shown
    # The last one: what comes before may repeat marks that stand in the data.
    if found := _span(begin, end).findall(text):
        text = found[-1]
    text = _PREAMBLE.sub("", text.rsplit(begin, 1)[-1].split(end, 1)[0].strip())
    return (text[1:-1] if _is_quoted(text) else text).strip()


def _is_quoted(text: str) -> bool:
    """Whether one pair of quotes holds the whole text, and does not only begin and end other pairs.

    >>> _is_quoted('"Say yes."'), _is_quoted('"Say "yes" now."'), _is_quoted('"Yes" or "no"'), _is_quoted("'Don't.'")
    (True, True, False, True)
    """
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"'`":
        return False
    quote, inner = text[0], text[1:-1]
    # An apostrophe stands between letters and is no quote.
    first = re.search(rf"(?<!\w){quote}|{quote}(?!\w)", inner)
    return first is None or re.search(r"(^|[\s(\[])$", inner[: first.start()]) is not None
