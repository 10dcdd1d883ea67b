"""What a person has decided about a dataset, and what they are asked."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from gpo.errors import DatasetError

OnBadRow = Literal["stop", "skip"]


class Choices(NamedTuple):
    """What is not left to guess; each is an option of `gpo spec init`.

    An input is a field, or `variable=field`. `split` is three sizes, `train,dev,test`, or a field that names splits.
    """

    input: tuple[str, ...] = ()
    reference: str | None = None
    kind: str | None = None
    metric: str | None = None
    group: str | None = None
    split: str | None = None
    on_bad_row: OnBadRow | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The fields that are named, some of which may be inside others."""
        inputs = (each.partition("=")[2] or each for each in self.input)
        return tuple(filter(None, (*inputs, self.reference, self.group)))

    def as_options(self) -> str:
        """As they are written on a command line.

        >>> Choices(input=("Customer message",), on_bad_row="skip").as_options()
        "--input 'Customer message' --on-bad-row skip"
        """
        given = [("input", each) for each in self.input]
        given += [(name, value) for name, value in self._asdict().items() if name != "input" and value is not None]
        return " ".join(f"--{name.replace('_', '-')} {shlex.quote(value)}" for name, value in given)


UNDECIDED = Choices()


class ChoiceToMake(NamedTuple):
    """A doubt about the data: what is asked, the answers that are possible, and the one that is taken unasked.

    `option` is the one of `gpo spec init` that settles it, where nothing may be taken unasked.
    """

    text: str
    answers: tuple[str, ...]
    default: str
    option: str = ""


Ask = Callable[[ChoiceToMake], str]


def take_default(question: ChoiceToMake) -> str:
    """For those whom nobody can ask.

    Raises:
        UndecidedError: only a person can say.
    """
    if question.option:
        found = ", ".join(f"`{each}`" for each in question.answers)
        raise UndecidedError(f"{question.text} It could be any of {found}; name it with {question.option}")
    return question.default


class UndecidedError(DatasetError):
    """The data leaves open what only a person can say; `choices` would settle it, where that can be told.

    `data` is what is better read than what was named: one of several files, or the same rows under another ending.
    """

    def __init__(self, text: str, choices: Choices | None = None, data: Path | None = None) -> None:
        super().__init__(text)
        self.choices, self.data = choices, data
