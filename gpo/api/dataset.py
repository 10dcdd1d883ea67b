"""Labelled rows that are given in Python: a pandas frame, a list of dicts, or a file, with what their fields are."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gpo.api.cell import text_cell
from gpo.data.guessing.choices import Choices, UndecidedError
from gpo.data.guessing.found import find_in
from gpo.data.guessing.guess import Guess, guess
from gpo.data.guessing.remarks import remarks_on
from gpo.data.sources.files import FileReading, typed_json
from gpo.data.sources.frames import RowList, rows_of_frame
from gpo.data.splits import load_splits, splits_of
from gpo.errors import DatasetError, suggestion
from gpo.files import real_path, write_whole
from gpo.formatting import count
from gpo.records import Splits, content_hash
from gpo.spec.dataset import DatasetSpec, SplitSpec
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    import pandas as pd

    Rows = pd.DataFrame | Sequence[Mapping[str, Any]] | str | Path

Sizes = Mapping[str, int] | Sequence[int] | str
"""How many examples go where: `{"train": 40, "dev": 60, "test": 200}`, `(40, 60, 200)`, or a column that says it."""

_OPTION = re.compile(r"--([a-z-]+) (\S+)")
_OURS = {"kind": "answer", "split": "sizes"}
"""Options of `gpo spec init` that have another name here."""


class Dataset:
    """Labelled rows, and which of their fields are what. What is not said is guessed from the rows, and told in `told`.

    `section` is the same as a spec has it, and `guess` what the rows show.
    """

    def __init__(
        self,
        rows: "Rows",
        *,
        input: str | Sequence[str] | Mapping[str, str] | None = None,  # noqa: A002 - the name that specs have
        reference: str | None = None,
        answer: str | None = None,
        sizes: Sizes | None = None,
        **options: Any,
    ) -> None:
        """Read the rows.

        Args:
            rows: A frame, a list of dicts, or a path of a file or a folder.
            input: Fields that fill the prompt's variables, or fields by the variables that they fill.
            reference: The field with the right answer, or with a list of right answers.
            answer: What kind of answer it is: choice, labels, boolean, number, list, json, exact or free.
            sizes: How many examples go where, or the field whose values say it.
            options: Further options of the section `dataset` of a spec: `group`, `id`, `solution`, `on_bad_row`.

        Raises:
            DatasetError: they cannot be read, or do not show what is input and what is the right answer.
        """
        self._frame = None if isinstance(rows, str | Path) else _as_frame(rows)
        choices = _choices(input, reference, answer, sizes, options)
        self.guess, looked_at = self._look(rows, choices)
        self.section = self._section(rows, options)
        guessed = [] if reference else [f"the right answer is `{self.guess.reference}` (`reference=`)"]
        self.told = (*guessed, *_told_of(self.guess, answer, sizes), *remarks_on(looked_at, self.guess))

    def _look(self, rows: "Rows", choices: Choices) -> tuple[Guess, Sequence[Mapping[str, Any]]]:
        try:
            if self._frame is None:
                found = find_in(Path(str(rows)), choices)
                return found.guess, found.rows
            read = [row for _, row in rows_of_frame(self._frame, FileReading()) if isinstance(row, Mapping)]
            self._check_columns(choices)
            return guess(Path("data"), read, choices), read
        except UndecidedError as error:
            raise DatasetError(_OPTION.sub(_as_keyword, str(error))) from None
        except ValidationError:
            raise DatasetError(
                f"sizes='{choices.split}': a column that says the split needs rows of `test` and of `train` or `dev`; "
                "give three numbers to split the rows here"
            ) from None

    def _check_columns(self, choices: Choices) -> None:
        assert self._frame is not None  # noqa: S101 - for the type checker
        columns = [str(name) for name in self._frame.columns]
        wanted = {"reference": [choices.reference], "group": [choices.group]}
        wanted["input"] = [each.partition("=")[2] or each for each in choices.input]
        for option, fields in wanted.items():
            for field in filter(None, fields):
                if field not in columns and "." not in field and "[" not in field:
                    raise DatasetError(f"{option}='{field}': data has no such column{suggestion(field, columns)}")

    def _section(self, rows: "Rows", options: Mapping[str, Any]) -> DatasetSpec:
        found = self.guess
        known = {
            "input": found.inputs if not found.has_own_names else tuple(found.inputs),
            "path": self._path(rows),
            **{name: getattr(found, name) for name in ("reference", "id", "solution", "feedback", "group")},
            **{name: getattr(found, name) for name in ("split_field", "split", "encoding", "delimiter", "sheet")},
        }
        try:
            return DatasetSpec.model_validate({**known, **options})
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            names = suggestion(where, DatasetSpec.model_fields) if first["type"] == "extra_forbidden" else ""
            raise DatasetError(f"data: `{where}`: {first['msg'].removeprefix('Value error, ')}{names}") from None

    def _path(self, rows: "Rows") -> Path:
        """Where the rows are, or for those in memory the name of the file that `save` writes."""
        if self._frame is None:
            return real_path(Path(str(rows)).expanduser())
        return Path(f"rows-{content_hash(self._lines())}.jsonl")

    def _lines(self) -> list[str]:
        assert self._frame is not None  # noqa: S101 - for the type checker
        return [_as_line(row) for _, row in rows_of_frame(self._frame, FileReading())]

    def splits(self, spec: TaskSpec) -> Splits:
        """The examples of a spec whose section `dataset` this is.

        Raises:
            DatasetError: rows are malformed or contradict each other, or there are too few.
        """
        return load_splits(spec) if self._frame is None else splits_of(self._frame, spec)

    def save(self, folder: Path) -> None:
        """Write rows that are in memory to the file that `section` names, in a folder.

        Raises:
            OSError: the folder cannot be written.
        """
        if self._frame is not None and self.section.path is not None:
            write_whole(folder / self.section.path.name, "".join(f"{line}\n" for line in self._lines()))

    def __repr__(self) -> str:
        inputs, sizes = ", ".join(self.section.columns), self.section.split
        split = f"train {sizes.train}, dev {sizes.dev}, test {sizes.test}"
        return f"Dataset({self.section.source}: {inputs} -> {self.section.reference}; {split})"

    def _repr_html_(self) -> str:
        return text_cell(repr(self), self.told)


def _as_frame(rows: Any) -> "pd.DataFrame | RowList":
    if isinstance(rows, Sequence) and rows and all(isinstance(row, Mapping) for row in rows):
        return RowList([dict(row) for row in rows])
    # Who has a frame has imported pandas.
    if "pandas" in sys.modules and isinstance(rows, sys.modules["pandas"].DataFrame):
        frame: pd.DataFrame = rows
        return frame
    raise DatasetError(
        f"data: received {type(rows).__name__}; give a pandas frame, a list of dicts, the path of a file, or a Dataset"
    )


def _as_keyword(option: re.Match[str]) -> str:
    return f"{_OURS.get(option[1], option[1].replace('-', '_'))}={option[2]}"


def _choices(
    given: object, reference: str | None, answer: str | None, sizes: Sizes | None, options: Mapping[str, Any]
) -> Choices:
    inputs = (given,) if isinstance(given, str) else given or ()
    pairs = inputs.items() if isinstance(inputs, Mapping) else ((None, str(each)) for each in _sequence(inputs))
    split = sizes if isinstance(sizes, str) or sizes is None else ",".join(map(str, _sizes(sizes)))
    fields = tuple(field if variable in (None, field) else f"{variable}={field}" for variable, field in pairs)
    return Choices(input=fields, reference=reference, kind=answer, group=options.get("group"), split=split)


def _sequence(inputs: object) -> Sequence[object]:
    if not isinstance(inputs, Sequence):
        raise DatasetError(f"input: received {type(inputs).__name__}; give a column, or a list or dict of columns")
    return inputs


def _sizes(sizes: Mapping[str, int] | Sequence[int]) -> tuple[int, ...]:
    names = tuple(SplitSpec.model_fields)
    if isinstance(sizes, Mapping):
        if odd := next((name for name in sizes if name not in names), None):
            raise DatasetError(f"sizes: no split '{odd}'{suggestion(odd, names)}")
        usual = SplitSpec()
        sizes = [sizes.get(name, getattr(usual, name)) for name in names]
    if len(sizes) != len(names):
        raise DatasetError(f"sizes: received {len(sizes)} numbers; give three, of {', '.join(names)}")
    return tuple(sizes)


def _told_of(found: Guess, answer: str | None, sizes: Sizes | None) -> list[str]:
    told = []
    if answer is None:
        spec = found.answer.spec
        labels = f": {', '.join(spec.labels)}" if spec.labels else ""
        told.append(f"answers are read as {spec.kind}{labels} (`answer=`)")
    if sizes is None:
        split = found.split
        told.append(f"train {split.train}, dev {split.dev}, test {count(split.test, 'example')} (`sizes=`)")
    return told


def _as_line(row: object) -> str:
    """A row as a line of JSON, with its numbers as they are; a cell without a value is null."""
    cells = {name: None if value != value else value for name, value in dict(_mapping(row)).items()}  # noqa: PLR0124
    return json.dumps(typed_json(cells), ensure_ascii=False, default=str)


def _mapping(row: object) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    raise row if isinstance(row, DatasetError) else DatasetError(f"data: {type(row).__name__} is no row")
