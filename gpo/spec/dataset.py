"""The section `dataset` of a spec: where the rows are, which fields are what, and the sizes of the splits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from gpo.names import EnvironmentVariable, Name
from gpo.records import Record
from gpo.template import INSTRUCTION, VARIABLE

SOURCES = ("path", "hub", "sql", "name")
"""The options that say where the rows are, one of which a dataset has; `gpo.data.sources` has a function for each."""

_OPTIONS = (
    ("config", "hub"),
    ("revision", "hub"),
    ("url_env", "sql"),
    ("version", "name"),
    ("delimiter", "path"),
    ("sheet", "path"),
)
"""Options of a dataset that belong to one kind of source."""

PLACES = frozenset({*SOURCES, *(option for option, _ in _OPTIONS), "encoding", "on_bad_row"})
"""Where a dataset comes from and how it is read: the fingerprint of its content says what it is."""


Inputs = tuple[str, ...] | Mapping[str, str]
"""Fields that are variables by their own names, or fields by the variables that they fill."""


class SplitSpec(Record):
    """How many examples go where. `test` is locked: only the final comparison reads it."""

    train: int = Field(default=48, ge=0, description="Examples that may be shown to the optimizer model.")
    dev: int = Field(default=48, ge=1, description="Examples that candidates are scored on.")
    test: int = Field(default=144, ge=1, description="Locked examples that prove the gain.")


class DatasetSpec(Record):
    """Where the labelled rows are and which of their fields are what. One source: `path`, `hub`, `sql` or `name`."""

    path: Path | None = Field(
        default=None,
        description="A .jsonl, .json, .csv, .tsv, .yaml, .parquet or .xlsx file, or a folder with train, dev and test "
        "in one of these formats; relative to the spec.",
    )
    hub: str | None = Field(
        default=None, pattern=r"^[\w.-]+(/[\w.-]+)?$", description="A dataset of the Hugging Face hub: `org/name`."
    )
    config: str | None = Field(default=None, description="For `hub`: which of the dataset's configurations.")
    revision: str | None = Field(default=None, description="For `hub`: branch, tag or commit.")
    sql: str | None = Field(default=None, description="A SELECT; the database's URL is in GPO_DATASET_URL.")
    url_env: EnvironmentVariable | None = Field(
        default=None, description="For `sql`: another environment variable that holds the database's URL."
    )
    name: Name | None = Field(
        default=None, description="A dataset that `gpo dataset push` keeps; its examples stay in their splits for ever."
    )
    version: int | None = Field(default=None, ge=1, description="For `name`: which version; by default the newest.")
    input: Inputs = Field(
        min_length=1,
        description="Field or fields that fill the prompt's variables; or a mapping, where a variable has another name "
        "than its field: `{customer_message: Customer message}`. A field may be a path: `inputs.messages[-1].content`.",
    )
    reference: str = Field(description="Field that holds the right answer, or a list of right answers.")
    solution: str | None = Field(
        default=None, description="Field with a worked solution, which demonstrations show; some rows may lack it."
    )
    feedback: str | None = Field(
        default=None,
        description="Field with what people said of answers to a row; the optimizer model is told it of training rows; "
        "some rows may lack it.",
    )
    id: str | None = Field(default=None, description="Field with a unique id; by default the row's content is hashed.")
    group: str | None = Field(
        default=None,
        description="Field whose rows belong together, as those of one customer or one document: they stay in one "
        "split. A hash of the group says which, so that the sizes of `split` are proportions and caps.",
    )
    split_field: str | None = Field(
        default=None, description="For one table: field that says which split a row is of: train, dev or test."
    )
    split: SplitSpec = Field(default=SplitSpec(), description="How many examples go where.")
    seed: int = Field(default=0, description="Which examples go to which split.")
    encoding: str = Field(default="utf-8", description="Of text files: `utf-8`, `cp1252`, `utf-16` and so on.")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="Of .csv and .tsv files; by default a comma and a tab."
    )
    sheet: str | None = Field(default=None, description="Of a workbook with several sheets: which of them.")
    on_bad_row: Literal["stop", "skip"] = Field(
        default="stop", description="`skip` leaves rows out that cannot be used, and tells how many."
    )
    _rows: Path | None = PrivateAttr(default=None)

    @field_validator("input", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("input")
    @classmethod
    def _named_variables(cls, value: Inputs) -> Inputs:
        for variable in value if isinstance(value, Mapping) else ():
            if not VARIABLE.fullmatch(variable) or variable == INSTRUCTION:
                raise ValueError(
                    f"'{variable}' cannot be a variable; allowed are letters, digits and _, and not `{INSTRUCTION}`: "
                    "write `variable: field`"
                )
        return value

    @field_validator("path")
    @classmethod
    def _may_be_a_path(cls, value: Path | None) -> Path | None:
        if "\0" in str(value):
            raise ValueError("a path holds no character U+0000")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        try:
            "a".encode(value)
        except LookupError:
            raise ValueError(
                "no encoding that is known here; allowed: utf-8, utf-16, cp1252, latin-1 and so on"
            ) from None
        return value

    @field_validator("delimiter")
    @classmethod
    def _separates(cls, value: str | None) -> str | None:
        if value is not None and value in '"\r\n':
            raise ValueError("a quote or a line break cannot separate fields; allowed: `,` `;` a tab and the like")
        return value

    @field_validator("sql")
    @classmethod
    def _only_reads(cls, value: str | None) -> str | None:
        if value is not None and not value.lower().lstrip("( \t\r\n").startswith(("select", "with")):
            raise ValueError("must be one SELECT, or WITH ... SELECT: the data is only read")
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [name for name in SOURCES if getattr(self, name) is not None]
        if len(given) != 1:
            *names, last = (f"`{name}`" for name in SOURCES)
            found = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of {', '.join(names)} and {last}, found {found}")
        for option, source in _OPTIONS:
            if getattr(self, option) is not None and given != [source]:
                raise ValueError(f"`{option}` belongs to `{source}`; leave it out with `{given[0]}`")
        return self

    @property
    def source_option(self) -> str:
        """Which of `SOURCES` says where the rows are."""
        return next(name for name in SOURCES if getattr(self, name) is not None)

    @property
    def source(self) -> str:
        """What messages call the source: a path, a name of the hub, or the query's place."""
        if self.name is not None:
            return f"dataset {self.name}" if self.version is None else f"dataset {self.name} version {self.version}"
        return str(self.path) if self.path is not None else self.hub or "dataset.sql"

    def with_stored_rows(self, version: int, rows: Path) -> Self:
        """The same with its version found: `rows` is a file of this machine, and in no dump of the spec."""
        found = self.model_copy(update={"version": version})
        found._rows = rows  # noqa: SLF001 - its own class
        return found

    @property
    def rows(self) -> Path | None:
        """For `name`: the file with the version's rows; None until `with_stored_rows` has told it."""
        return self._rows

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that every row must have."""
        others = (self.reference, self.id, self.group, self.split_field)
        return tuple(dict.fromkeys([*self.columns.values(), *filter(None, others)]))

    @property
    def folder(self) -> Path | None:
        """The folder of the data, where files lie that rows name; None where there is none."""
        if self.path is None:
            return None
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def columns(self) -> Mapping[str, str]:
        """The fields of the inputs by the variables that they fill."""
        return self.input if isinstance(self.input, Mapping) else {field: field for field in self.input}

    @property
    def names(self) -> dict[str, str]:
        """The fields of what is known of a row besides its input, by what they hold."""
        known = {"reference": self.reference, "solution": self.solution, "id": self.id}
        return {name: field for name, field in known.items() if field is not None}
