"""The task spec: one YAML file that says what to improve, on which data, by which measure, with which models.

Unknown keys are errors with a suggestion, so that a misspelt option never falls back to its default in silence.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from gpo.errors import suggestion
from gpo.gate_spec import GateSpec
from gpo.method import OptimizerSpec
from gpo.metric_spec import MetricSpec
from gpo.model_spec import ModelsSpec
from gpo.production_spec import ProductionSpec
from gpo.records import Record, content_hash
from gpo.template import INSTRUCTION, Message, Position, Role, place, variables_in

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
EnvironmentVariable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]

_PLACES = frozenset(
    {"path", "hub", "config", "revision", "sql", "url_env", "name", "version", "encoding", "delimiter", "on_bad_row"}
)
"""Where a dataset comes from and how it is read: the fingerprint of its content says what it is."""


_OPTIONS = (("config", "hub"), ("revision", "hub"), ("url_env", "sql"), ("version", "name"), ("delimiter", "path"))
"""Options of a dataset that belong to one kind of source."""


class PromptSpec(Record):
    """The prompt: messages with `{{variables}}` and one `{{instruction}}`, and the instruction to start from.

    In place of `messages`, `question` and `position` are short for the usual ones: `gpo.template.place` has them.
    Only the instruction is optimised. All other text, the variables and the roles stay as written.
    """

    instruction: str = Field(min_length=1, description="The instruction to start from.")
    messages: tuple[Mapping[Role, str], ...] | None = Field(
        default=None,
        min_length=1,
        description="Messages in order, each `role: text`, with exactly one {{instruction}} in all.",
    )
    question: str | None = Field(
        default=None, min_length=1, description="In place of `messages`: the question, such as `Q: {{input}}`."
    )
    position: Position | None = Field(
        default=None,
        description="Where the instruction stands: `before` the question as a paragraph, at its `beginning`, at its "
        "`end` (the default), or where the `answer` begins, which the model then continues.",
    )
    role: Literal["user", "system"] = Field(
        default="user", description="`system`: the instruction is a system message before the question."
    )
    description: str = Field(
        default="",
        description="What an instruction asks for, as a noun phrase; shown to the optimizer model.",
    )

    @field_validator("instruction")
    @classmethod
    def _instruction_is_plain(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("the starting instruction is blank")
        if found := variables_in(value):
            raise ValueError(f"the instruction holds {{{{{found[0]}}}}}: put variables into `messages` instead")
        return value.strip()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.messages is None) == (self.question is None):
            found = "neither" if self.messages is None else "both"
            raise ValueError(f"needs either `messages` or `question`, found {found}")
        if self.messages is not None and (self.position is not None or self.role != "user"):
            raise ValueError("`position` and `role` belong to `question`; in `messages`, {{instruction}} says where")
        if self.role == "system" and self.position not in (None, "before"):
            raise ValueError(f"a system message stands before the question; leave out `position: {self.position}`")
        if self.question is not None and INSTRUCTION in variables_in(self.question):
            raise ValueError("`question` holds {{instruction}}, which `position` places; leave it out")
        return self

    @model_validator(mode="after")
    def _one_instruction(self) -> Self:
        for number, message in enumerate(self.messages or (), start=1):
            if len(message) != 1:
                raise ValueError(f"message {number} must be one `role: text` pair, found {len(message)}")
        found = [name for message in self.template for name in variables_in(message.text)]
        if (count := found.count(INSTRUCTION)) != 1:
            raise ValueError(f"messages must hold {{{{instruction}}}} exactly once, found {count} times")
        return self

    @property
    def template(self) -> tuple[Message, ...]:
        """The messages as records."""
        if self.question is not None:
            return place(self.question, self.position or "end", self.role)
        return tuple(Message(role=role, text=text) for message in self.messages or () for role, text in message.items())

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the messages, in order of first use, without `instruction`."""
        found = (name for message in self.template for name in variables_in(message.text))
        return tuple(dict.fromkeys(name for name in found if name != INSTRUCTION))


class SplitSpec(Record):
    """How many examples go where. `test` is locked: only the final comparison reads it."""

    train: int = Field(default=48, ge=0, description="Examples that may be shown to the optimizer model.")
    dev: int = Field(default=48, ge=1, description="Examples that candidates are scored on.")
    test: int = Field(default=144, ge=1, description="Locked examples that prove the gain.")


class DatasetSpec(Record):
    """Where the labelled rows are and which of their fields are what. One source: `path`, `hub`, `sql` or `name`."""

    path: Path | None = Field(
        default=None,
        description="A .jsonl, .json, .csv, .tsv or .parquet file, or a folder with train, dev and test in "
        "one of these formats; relative to the spec.",
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
    input: tuple[str, ...] = Field(min_length=1, description="Field or fields that fill the prompt's variables.")
    reference: str = Field(description="Field that holds the right answer, or a list of right answers.")
    solution: str | None = Field(
        default=None, description="Field with a worked solution, which demonstrations show; some rows may lack it."
    )
    id: str | None = Field(default=None, description="Field with a unique id; by default the row's content is hashed.")
    split: SplitSpec = Field(default=SplitSpec(), description="How many examples go where.")
    seed: int = Field(default=0, description="Which examples go to which split.")
    encoding: str = Field(default="utf-8", description="Of text files: `utf-8`, `cp1252`, `utf-16` and so on.")
    delimiter: str | None = Field(
        default=None, min_length=1, max_length=1, description="Of .csv and .tsv files; by default a comma and a tab."
    )
    on_bad_row: Literal["stop", "skip"] = Field(
        default="stop", description="`skip` leaves rows out that cannot be used, and tells how many."
    )
    _rows: Path | None = PrivateAttr(default=None)

    @field_validator("input", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

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
        sources = {"path": self.path, "hub": self.hub, "sql": self.sql, "name": self.name}
        given = [name for name, value in sources.items() if value is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"needs exactly one of `path`, `hub`, `sql` and `name`, found {found}")
        for option, source in _OPTIONS:
            if getattr(self, option) is not None and given != [source]:
                raise ValueError(f"`{option}` belongs to `{source}`; leave it out with `{given[0]}`")
        return self

    @property
    def source(self) -> str:
        """What messages call the source: a path, a name of the hub, or the query's place."""
        if self.name is not None:
            return f"dataset {self.name}" if self.version is None else f"dataset {self.name} version {self.version}"
        return str(self.path) if self.path is not None else self.hub or "dataset.sql"

    def stored_as(self, version: int, rows: Path) -> Self:
        """The same with its version found: `rows` is a file of this machine, and in no dump of the spec."""
        found = self.model_copy(update={"version": version})
        found._rows = rows  # noqa: SLF001 - its own class
        return found

    @property
    def rows(self) -> Path | None:
        """For `name`: the file with the version's rows; None until `stored_as` has told it."""
        return self._rows

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that every row must have."""
        return tuple(dict.fromkeys([*self.input, self.reference, *([self.id] if self.id else [])]))


class ExtractSpec(Record):
    """A second call that asks for the answer of the first, which may then think freely. A text is its prompt."""

    prompt: str = Field(min_length=1, description="What is asked after the answer: `Therefore, the answer is`.")
    when: Literal["always", "unparsed"] = Field(
        default="always", description="After every answer, or only where none could be read: cheaper, less even."
    )
    max_tokens: int = Field(default=64, ge=1, description="Length of what is extracted, thinking included.")

    @model_validator(mode="before")
    @classmethod
    def _bare_prompt(cls, value: object) -> object:
        return {"prompt": value} if isinstance(value, str) else value


class AnswerSpec(Record):
    """How an answer is read from what the task model writes."""

    kind: Literal["choice", "number", "boolean", "list", "json", "exact", "free"] = Field(
        default="exact", description="What is looked for in the text; `exact` is one line, `free` the whole text."
    )
    labels: tuple[str, ...] = Field(default=(), description="For `choice`: the allowed answers.")
    extract: ExtractSpec | None = Field(default=None, description="A second call that asks for the answer alone.")

    @model_validator(mode="after")
    def _labels_for_choice(self) -> Self:
        if self.kind == "choice" and len(self.labels) < 2:
            raise ValueError("kind `choice` needs at least two labels")
        if self.kind != "choice" and self.labels:
            raise ValueError(f"labels belong to kind `choice`, not `{self.kind}`")
        if len({label.casefold() for label in self.labels}) != len(self.labels):
            raise ValueError("labels must differ by more than case")
        return self


class BudgetSpec(Record):
    """What a run may use. Answers from the ledger count, so that a resumed run ends where a whole one would."""

    max_calls: int | None = Field(default=None, ge=1, description="Calls of all models together.")
    max_task_calls: int | None = Field(
        default=None, ge=1, description="Calls of the task model in the search; the final comparison is not among them."
    )
    max_tokens: int | None = Field(default=None, ge=1, description="Input and output tokens of all models together.")
    max_cost: float | None = Field(default=None, gt=0, description="In the currency of the models' prices.")


class TaskSpec(Record):
    """One task: a prompt, a dataset, a metric, the models and the optimizer."""

    name: Name = Field(description="The task's name: lower case letters, digits, - and _.")
    prompt: PromptSpec
    dataset: DatasetSpec
    answer: AnswerSpec = AnswerSpec()
    metric: MetricSpec = MetricSpec(name="exact_match")
    few_shot: int = Field(default=0, ge=0, le=64, description="Demonstrations before each question.")
    models: ModelsSpec = ModelsSpec()
    optimizer: OptimizerSpec = OptimizerSpec()
    budget: BudgetSpec = BudgetSpec()
    gate: GateSpec = Field(default=GateSpec(), description="What a better prompt has to show before it is promoted.")
    production: ProductionSpec = Field(
        default=ProductionSpec(), description="What becomes of a better prompt: alias, approval, notifications."
    )
    max_failure_rate: Fraction = Field(
        default=0.05, description="Stop when more of the examples than this get no answer, because their calls failed."
    )
    max_unparsed_rate: Fraction = Field(
        default=0.9, description="Stop before the start when more answers than this cannot be read."
    )
    seed: int = Field(default=0, description="Another seed, another search, on the same splits.")

    @model_validator(mode="after")
    def _variables_are_inputs(self) -> Self:
        for name in self.prompt.variables:
            if name not in self.dataset.input:
                raise ValueError(
                    f"the prompt uses {{{{{name}}}}}, which dataset.input does not list"
                    f"{suggestion(name, self.dataset.input)}"
                )
        return self

    @model_validator(mode="after")
    def _gate_can_be_kept(self) -> Self:
        self.gate.check(priced=self.models.task.price is not None)
        return self

    def fingerprint(self) -> str:
        """Hash of everything that decides a run's course; machine limits, paths and names of presets are left out."""
        elsewhere: dict[str, Any] = {"models": True, "dataset": _PLACES, "metric": {"folder"}, "optimizer": {"preset"}}
        elsewhere |= {"gate": True, "production": True}  # what happens to the result, not what it is
        content = self.model_dump(mode="json", exclude=elsewhere)
        content["models"] = {role: model and model.identity() for role, model in self.models}
        if self.budget.max_cost is not None:
            content["prices"] = {role: model.price.model_dump() for role, model in self.models if model and model.price}
        return content_hash(content)
