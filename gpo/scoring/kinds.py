"""The kinds of answers, and what each means for the rows of a dataset and for comparing: one table, a row a kind."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

AnswerKind = Literal["choice", "number", "boolean", "list", "labels", "json", "exact", "free"]


class ReferenceKind(NamedTuple):
    """The references of one kind of answer.

    `expected` ends the message about a reference that is none of them; `{labels}` are those of the spec. `form` says
    how one is written: as text, as a list of items, or as JSON. With `has_labels`, each split gets its share of every
    label, and two labels of one input contradict each other. With `is_worded`, any two texts of one input are right.
    `is_prose`: answers are compared loosely; those of all other kinds have a canonical value, and are equal or not.
    """

    expected: str
    form: Literal["text", "items", "json"] = "text"
    has_labels: bool = False
    is_worded: bool = False
    is_prose: bool = False

    def is_several(self, value: list[object]) -> bool:
        """Whether a list holds several right answers, and is not the one."""
        if self.form == "items":
            return any(isinstance(item, list) for item in value)
        return self.form == "text"


KINDS: Mapping[AnswerKind, ReferenceKind] = {
    "choice": ReferenceKind("must be one of the labels {labels}", has_labels=True),
    "number": ReferenceKind("must be a number"),
    "boolean": ReferenceKind(
        "must be one of true/false, yes/no, valid/invalid, plausible/implausible", has_labels=True
    ),
    "list": ReferenceKind("must be a list of at least one item", form="items"),
    "labels": ReferenceKind(
        "must be labels of {labels}, as a list or with commas between them (none at all: `answer.allow_none`)",
        form="items",
    ),
    "json": ReferenceKind("must be JSON", form="json"),
    "exact": ReferenceKind(
        "must be a single line for answer kind `exact`; use kind `free` for longer texts", is_prose=True
    ),
    "free": ReferenceKind("must be text", is_worded=True, is_prose=True),
}
"""Every kind of answer by its name in a spec."""
