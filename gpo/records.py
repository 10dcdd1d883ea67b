"""Frozen records that the rooms hand to each other: examples, candidates, their scores, and what they cost."""

import hashlib
import json
import math
import operator
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gpo.messages.message import InputValue, json_inputs
from gpo.set_metrics import SetMetric, mean_interval, set_interval, set_value

Split = Literal["train", "dev", "test"]

START_STEP = 0


def content_hash(content: object, length: int = 12) -> str:
    """First `length` hex digits of the SHA-256 of `content` as canonical JSON."""
    text = canonical_json(content)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]


class Record(BaseModel):
    """Base of all records: frozen, closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(Record):
    """One labelled row. `inputs` maps the template's variables to text or messages; `reference` is the right answer.

    `also` holds further right answers, where there are several; an answer counts by the one that it meets best.
    `solution` is how the answer is found, for demonstrations. `slices` has the values of the fields that `gate.slices`
    names; no prompt shows them. `group` names what it belongs to, as a customer or a document: examples of one
    group are no independent evidence. `feedback` is what people said of answers to it.
    """

    id: str
    inputs: Mapping[str, InputValue]
    reference: str
    also: tuple[str, ...] = ()
    solution: str | None = None
    slices: Mapping[str, str] = {}
    group: str | None = None
    feedback: str | None = None

    @property
    def inputs_hash(self) -> str:
        """Hash of the inputs alone, 64 hex digits: equal for examples that ask the same, whatever the answer."""
        return content_hash(tuple(json_inputs(self.inputs).values()), length=64)

    @property
    def references(self) -> tuple[str, ...]:
        """All right answers."""
        return (self.reference, *self.also)


class Usage(Record):
    """What answers cost, whether they were paid for now or came from the ledger."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """The usage of both."""
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
        )


UsageByRole = Mapping[str, Usage]
"""Usage by the role of the model in the run: task, optimizer, judge."""


def total_usage(parts: Iterable[UsageByRole]) -> dict[str, Usage]:
    """The usage of all parts together, by role."""
    total: dict[str, Usage] = {}
    for part in parts:
        for role, usage in part.items():
            total[role] = total.get(role, Usage()) + usage
    return total


class Timing(Record):
    """How long the answers of the task model took, in seconds together; of `calls` the time is known.

    Answers from the ledger bring the time of when they were paid for.
    """

    calls: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Timing") -> "Timing":
        """The timing of both."""
        return Timing(calls=self.calls + other.calls, seconds=self.seconds + other.seconds)

    @property
    def mean(self) -> float | None:
        """Seconds a call; None where no time is known."""
        return self.seconds / self.calls if self.calls else None


class Splits(Record):
    """Three disjoint lists of examples and the fingerprint of the dataset they come from.

    `few_shot` are demonstrations that the dataset brings along, none of them with an input of its dev or test data.
    `left_out` tells, a line each, which rows were left out and why; empty where all could be used. `notes` tell what
    else a person should know of the rows: equal ones that count once, nearly equal ones in two splits.
    """

    train: tuple[Example, ...]
    dev: tuple[Example, ...]
    test: tuple[Example, ...]
    fingerprint: str
    few_shot: tuple[Example, ...] = ()
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Candidate(Record):
    """An instruction that was, or is to be, scored.

    `distance` and `proposed_distance` are word edit distances to the parent, after and before projection onto
    `budget` (None: no limit). `proposed` is what the optimizer model wrote, where the instruction is not that in full.
    `place` is that of its proposal among those asked for in the step, from 0, and `way` how it was asked for, empty
    where all are asked for alike. The start instruction has step 0 and no parent. Of a program, the instruction is the
    texts of all its prompts (`gpo.spec.program_text`), and `part` the one that was changed, empty where several were.
    `shown` are the ids of the examples that stand before each question, in their order, where the search chooses them.
    """

    instruction: str
    step: int = START_STEP
    number: int = 0
    place: int = 0
    way: str = ""
    parent: str | None = None
    budget: int | None = None
    proposed_distance: int = 0
    distance: int = 0
    proposed: str | None = None
    part: str = Field(default="", exclude_if=operator.not_)
    shown: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)

    @property
    def id(self) -> str:
        """Content hash of the instruction, and of the examples shown with it: equal ones are the same prompt."""
        return content_hash([self.instruction, *self.shown] if self.shown else self.instruction)

    @property
    def label(self) -> str:
        """Short name for run names and tables, such as `s3c07`."""
        return f"s{self.step}c{self.number:02d}"


class Labels(Record):
    """The right label of each scored example, and the given one, None where unread; or both as sets in JSON."""

    metric: SetMetric
    pairs: Mapping[str, tuple[str, str | None]]
    are_sets: bool = False


class Score(Record):
    """The scores of one prompt on an ordered list of examples.

    `values` maps example id to a score in 0..1. `failed` examples have no value: a call that failed is not a wrong
    answer. `planned` is the number of examples of the whole list; a score with fewer was stopped early by the race.
    `cut` counts answers that the token limit ended, `weak` those that were read by a weak rule: one that goes by what a
    text mentions, where it does not state its answer. `labels` is there for measures of the whole set alone.
    `failures` says by example id why it has no value, and `failed_calls` what a program did before it failed.
    """

    values: Mapping[str, float]
    planned: int
    labels: Labels | None = None
    unparsed: int = 0
    weak: int = 0
    failed: int = 0
    cut: int = 0
    samples: tuple["Sample", ...] = ()
    failures: Mapping[str, str] = {}
    failed_calls: Mapping[str, tuple["TracedCall", ...]] = Field(default={}, exclude_if=operator.not_)
    usage: UsageByRole = {}
    timing: Timing = Timing()

    @property
    def mean(self) -> float:
        """Mean over the scored examples, or over their labels for a measure of the set; 0 when there are none."""
        return self.mean_of(self.values)

    def mean_of(self, examples: Collection[str]) -> float:
        """The same over some of the scored examples."""
        if self.labels is not None:
            pairs = (self.labels.pairs[each] for each in examples)
            return set_value(self.labels.metric, pairs, are_sets=self.labels.are_sets)
        return math.fsum(self.values[each] for each in examples) / len(examples) if examples else 0.0

    @property
    def n(self) -> int:
        """Number of scored examples."""
        return len(self.values)

    @property
    def complete(self) -> bool:
        """Whether every planned example was tried."""
        return self.n + self.failed >= self.planned

    def interval(self) -> tuple[float, float]:
        """95% interval of the mean.

        Wilson's for 0/1 scores; for other scores, the normal interval, clipped to 0..1; for a measure of the set, the
        bootstrap.
        """
        if self.labels is not None:
            return set_interval(self.labels.metric, self.labels.pairs.values(), are_sets=self.labels.are_sets)
        return mean_interval(list(self.values.values()))


class TracedCall(Record):
    """One call behind an answer: what came of it, how long it took (None: not known), and a model call's tokens.

    In a program a call may be of a model, a tool or a retriever. Then `input` is what it was given, `part` the prompt
    that a model call was made with, empty where none is known, `name` that of the tool or retriever, and `error` why
    nothing came of it. `number` is its place from 1 where calls before it are left out; else 0.
    """

    text: str
    model: str = ""
    seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    finish_reason: str | None = None
    kind: Literal["model", "tool", "retriever"] = "model"
    part: str = ""
    name: str = ""
    input: str = ""
    error: str = ""
    number: int = 0


class Sample(Record):
    """One raw answer: what the model wrote, what `rule` read from it, and what it scored.

    `feedback` is what the metric or the judge said about it, empty where nothing. `seconds` (None: not known) and the
    tokens are those of the task model. `calls` are those inside of a program.
    """

    example: str
    text: str
    answer: str | None
    value: float
    rule: str = ""
    feedback: str = ""
    seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    calls: tuple[TracedCall, ...] = Field(default=(), exclude_if=operator.not_)


class Scored(Record):
    """A candidate with its score on the dev split."""

    candidate: Candidate
    score: Score

    @property
    def percent(self) -> float:
        """Mean dev score from 0 to 100, as the meta-prompt shows it."""
        return round(100 * self.score.mean, 1)


class Interval(Record):
    """A point with its interval, at 95% unless it is said otherwise; all are fractions of 1."""

    value: float
    low: float
    high: float


def canonical_json(content: Any) -> str:
    """`content` as JSON with sorted keys and no spaces: the same text for the same content."""
    return _CANONICAL(content)


_CANONICAL = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
