"""What one prompt got for one example, as a record that people and their programs read."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from gpo.formatting import storable
from gpo.messages.message import shown_inputs
from gpo.records import Candidate, Example, Sample, Score, TracedCall
from gpo.runs.results.steps import StepResult, cut_calls, steps_of

Change = Literal["fixed", "broken", "both_right", "both_wrong"]

RIGHT_FROM = 0.5
"""An answer with this score or a higher one counts as right. Scores of 0 and 1 alone leave nothing to choose."""


class ExampleResult(NamedTuple):
    """One example of a split and what one prompt got for it. A tuple, since a listing may have very many.

    `run` is the run's id, empty outside of one; `prompt` the candidate's id; `place` the example's place in its split,
    from 0. `input` maps the prompt's variables to text, a conversation to lines such as `user: Hello`. `expected` has
    all right answers. `answer` is what was read from `text` by `rule`, None where nothing could be. `score` is from 0
    to 1, None where the call failed: then there is no text either, and `feedback` says why. `seconds` and tokens are
    those of the task model. `steps` are those of a program.

    The `before` fields are those of the prompt that this one is compared with, and `change` says what became of the
    example; all None where there is no such prompt, or one of the two has no score.
    """

    run: str
    split: str
    prompt: str
    place: int
    example: str
    slices: Mapping[str, str]
    input: Mapping[str, str]
    expected: tuple[str, ...]
    text: str = ""
    answer: str | None = None
    rule: str = ""
    score: float | None = None
    feedback: str = ""
    seconds: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    steps: tuple[StepResult, ...] = ()
    before_text: str | None = None
    before_answer: str | None = None
    before_score: float | None = None
    before_feedback: str | None = None
    change: Change | None = None

    @property
    def is_unread(self) -> bool:
        """Whether an answer came and nothing could be read from it."""
        return self.score is not None and self.answer is None


COMPARED = frozenset({"before_text", "before_answer", "before_score", "before_feedback", "change"})
"""Fields that only a comparison with another prompt fills."""


def change_of(before: float | None, after: float | None, right_from: float = RIGHT_FROM) -> Change | None:
    """What became of an example, by its scores before and after; None where one of them is missing.

    >>> change_of(1.0, 0.0), change_of(0.0, 1.0), change_of(0.6, 0.7), change_of(None, 1.0)
    ('broken', 'fixed', 'both_right', None)
    """
    if before is None or after is None:
        return None
    if before >= right_from:
        return "both_right" if after >= right_from else "broken"
    return "fixed" if after >= right_from else "both_wrong"


def results_of(
    score: Score,
    examples: Sequence[Example],
    split: str,
    candidate: Candidate,
    run: str = "",
    *,
    places: Mapping[str, int] | None = None,
) -> list[ExampleResult]:
    """The results behind a score that still has all of its samples, in the order of `examples`.

    Examples that the race left out have none. `places` are those of the examples in their split, by id, where they are
    but a part of it. Characters that no database takes are replaced.
    """
    samples = {sample.example: sample for sample in score.samples}
    tried = examples[: score.n + score.failed]
    places = places or {}
    return [
        ExampleResult(
            run=run,
            split=split,
            prompt=candidate.id,
            place=places.get(example.id, place),
            example=storable(example.id),
            slices=_storable(example.slices),
            input=_storable(shown_inputs(example.inputs)),
            expected=tuple(map(storable, example.references)),
            **_given(
                samples.get(example.id), score.failures.get(example.id, ""), score.failed_calls.get(example.id, ())
            ),
        )
        for place, example in enumerate(tried)
    ]


def compare_results(before: Sequence[ExampleResult], after: Sequence[ExampleResult]) -> list[ExampleResult]:
    """The results `after` with those of another prompt `before` on the same examples beside them."""
    others = {each.example: each for each in before}
    return [_beside(each, others[each.example]) if each.example in others else each for each in after]


def _beside(after: ExampleResult, before: ExampleResult) -> ExampleResult:
    return after._replace(
        before_text=before.text,
        before_answer=before.answer,
        before_score=before.score,
        before_feedback=before.feedback,
        change=change_of(before.score, after.score),
    )


def with_few_samples(score: Score, kept: int) -> Score:
    """The score with as many samples as are to travel with it, cut, without how long each took, and why others failed.

    So equal answers make equal scores; the results have the rest.
    """
    few = (
        sample.model_copy(update={"seconds": None, "calls": cut_calls(sample.calls)}) for sample in score.samples[:kept]
    )
    return score.model_copy(update={"samples": tuple(few), "failures": {}, "failed_calls": {}})


def _given(sample: Sample | None, failure: str, failed_calls: Sequence[TracedCall]) -> dict[str, Any]:
    """The fields that a prompt's answer fills; where the call failed, only why it did, and what was called before."""
    if sample is None:
        return {"feedback": storable(failure), "steps": steps_of(failed_calls)}
    return {
        "text": storable(sample.text),
        "answer": None if sample.answer is None else storable(sample.answer),
        "rule": sample.rule,
        "score": sample.value,
        "feedback": storable(sample.feedback),
        "seconds": sample.seconds,
        "input_tokens": sample.input_tokens,
        "output_tokens": sample.output_tokens,
        "steps": steps_of(sample.calls),
    }


def _storable(texts: Mapping[str, str]) -> dict[str, str]:
    return {storable(name): storable(text) for name, text in texts.items()}
