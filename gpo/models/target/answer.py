"""What one run of a program came to, and the keys under which it is found again."""

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, combinations

from pydantic import ValidationError

from gpo.messages.message import Message, json_inputs
from gpo.models.ledger import Answer, CallKey
from gpo.prompts.version import PromptContent
from gpo.records import Example, Record, TracedCall, Usage, canonical_json
from gpo.scoring.functions.trace import Trace
from gpo.spec.target import TargetSpec

_EVERY_SET = 5
"""Prompts of a program up to which every set of them is looked for."""


class ProgramAnswer(Record):
    """The answer of a program for one example: its text, the calls behind it, and how long it took.

    `read` are the candidate's prompts that it has read, `others` the digests of other prompts, by name and reference.
    `saved` is what of it came from the ledger, call by call.
    """

    text: str
    calls: tuple[TracedCall, ...] = ()
    seconds: float
    read: tuple[str, ...] = ()
    others: Mapping[str, str] = {}
    saved: Usage = Usage()

    @property
    def trace(self) -> Trace:
        """What happened inside, as a metric sees it."""
        return Trace(text=self.text, calls=self.calls, wall_s=self.seconds)

    def model_answers(self) -> tuple[Answer, ...]:
        """The model calls as answers of a model; the run itself stands for one where no call was seen."""
        seen = [each for each in self.calls if each.kind == "model"]
        if not seen:
            return (Answer(text=self.text, seconds=self.seconds),)
        return tuple(
            Answer(
                text=each.text,
                model=each.model,
                input_tokens=each.input_tokens,
                output_tokens=each.output_tokens,
                finish_reason=each.finish_reason,
                seconds=each.seconds,
            )
            for each in seen
        )

    @property
    def usage(self) -> Usage:
        """What it took."""
        return tokens_of(self.calls).model_copy(update={"calls": len(self.model_answers())})

    def kept(self, program: str) -> Answer:
        """It as the ledger keeps it."""
        used = self.usage
        return Answer(
            text=json.dumps(self.model_dump(mode="json", exclude_defaults=True)),
            model=program,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            seconds=self.seconds,
        )


def tokens_of(calls: Iterable[TracedCall]) -> Usage:
    """The tokens of calls, which only those of models have."""
    seen = tuple(calls)
    return Usage(
        input_tokens=sum(each.input_tokens for each in seen), output_tokens=sum(each.output_tokens for each in seen)
    )


def read_kept(answer: Answer) -> ProgramAnswer | None:
    """What `kept` made an answer of the ledger; None where another version of the library did."""
    try:
        return ProgramAnswer.model_validate_json(answer.text)
    except ValidationError:
        return None


class AnswerKeys:
    """The keys of a candidate's answers: the program's version, the prompts that it read, the inputs, the repeat.

    A program need not read all prompts for every example. Which it reads is known only after it ran; so an answer is
    kept under those that it has read, and looked for under every set of prompts that may have been.
    """

    def __init__(self, spec: TargetSpec, contents: Mapping[str, PromptContent], seen: Iterable[frozenset[str]]) -> None:
        """Keys for prompts of these contents; `seen` are the sets that were read before."""
        self._identity = spec.identity()
        self._digests = {name: content.digest for name, content in contents.items()}
        sets = [frozenset(names) for names in _subsets(list(contents))] if len(contents) <= _EVERY_SET else []
        self._sets = tuple(dict.fromkeys([frozenset(contents), *seen, *sets]))

    def of(self, example: Example, read: Iterable[str], repeat: int = 0) -> CallKey:
        """The key of an answer for which these prompts were read."""
        prompts = sorted([name, self._digests[name]] for name in read)
        asked = canonical_json(json_inputs(example.inputs))
        return CallKey(
            identity={"target": self._identity, "prompts": list[list[str]](prompts)},
            messages=(Message(role="user", text=asked),),
            repeat=repeat,
        )

    def possible(self, example: Example) -> tuple[CallKey, ...]:
        """The keys under which an answer may be."""
        return tuple(self.of(example, names) for names in self._sets)


def _subsets(names: Sequence[str]) -> Iterable[tuple[str, ...]]:
    """Every set of names, the largest first."""
    return chain.from_iterable(combinations(names, size) for size in range(len(names), -1, -1))
