"""A task that is put together in Python: the same as a spec file, with frames, models and functions as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypedDict, Unpack

import yaml
from pydantic import ValidationError

from gpo.api.cell import text_cell
from gpo.api.dataset import Dataset, Sizes
from gpo.api.program import place_part, read_parts, read_target
from gpo.api.prompts import GivenPrompt, read_prompt
from gpo.data.splits import load_splits
from gpo.data.starter_text import question_lines
from gpo.errors import SpecError, suggestion
from gpo.files import real_path, write_whole
from gpo.models.given import read_model
from gpo.progress import Event, Note, listen
from gpo.records import Splits
from gpo.runs.job import Job, load_job, override_search, with_registered_prompts
from gpo.scoring.metric_registry import Scoring
from gpo.scoring.spec import AnswerSpec, MetricSpec
from gpo.settings import load_settings
from gpo.spec.file import dump_spec, explain_validation, load_spec
from gpo.spec.models import ModelsSpec
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    from gpo.api.dataset import Rows

UNNAMED = "prompt"
"""The name of a task that was given none."""

TASK_MODEL_WRITES = "the task model writes the new instructions as well (`optimizer=`)"
"""What is told where no optimizer model is named; it matters to a search alone."""


class SpecParts(TypedDict, total=False):
    """What a task is made of; the last group has the names, and means the same, as in a spec file.

    `task`, `optimizer`, `judge` and `embedding` are models: names, options as a dict, chat models of LangChain, or
    plain functions. `method` is what a spec file calls `optimizer`. `metric` is a name, a dict, or a function. `target`
    is a program in the place of `task`: a function, runnable, graph, `module:name`, or a dict of options; `prompts` and
    `texts` are its parts by name, where it has several.
    """

    prompt: object
    instruction: str
    target: object
    prompts: Mapping[str, object]
    texts: Mapping[str, object]
    data: "Rows | Dataset"
    input: str | Sequence[str] | Mapping[str, str]
    reference: str
    answer: str | Mapping[str, Any]
    sizes: Sizes
    metric: str | Mapping[str, Any] | Scoring
    task: object
    optimizer: object
    judge: object
    embedding: str | Mapping[str, Any]
    method: str | Mapping[str, Any]

    name: str
    description: str
    group: str
    few_shot: int
    budget: Mapping[str, Any]
    gate: Mapping[str, Any]
    production: Mapping[str, Any]
    max_failure_rate: float
    max_unparsed_rate: float


_OF_DATA = ("input", "reference", "answer", "sizes", "group")
"""What is said of rows that are no `Dataset` yet."""

_AS_IN_FILES = ("name", "few_shot", "budget", "gate", "production", "max_failure_rate", "max_unparsed_rate")


@dataclass(frozen=True, init=False)
class Spec:
    """A task: prompt, data, metric, models, method. `told` says what was guessed.

    `content` is what a spec file holds, `dataset` the rows where they were given in Python, `path` the file that it was
    read from.
    """

    content: TaskSpec
    told: tuple[str, ...] = ()
    dataset: Dataset | None = None
    path: Path | None = None

    def __init__(self, **parts: Unpack[SpecParts]) -> None:
        """Put a task together.

        Raises:
            InputError: what is missing or does not fit, where, and what to do.
        """
        told: list[str] = []

        def hear(event: Event) -> None:
            if isinstance(event, Note):
                told.append(event.text)

        with listen(hear):
            content, dataset = _read(parts, told)
        self._set(content, tuple(told), dataset, None)

    def _set(self, content: TaskSpec, told: tuple[str, ...], dataset: Dataset | None, path: Path | None) -> None:
        for name, value in (("content", content), ("told", told), ("dataset", dataset), ("path", path)):
            object.__setattr__(self, name, value)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The task of a spec file.

        Raises:
            SpecError: the file is missing or wrong.
        """
        found = cls.__new__(cls)
        found._set(load_spec(Path(path)), (), None, Path(path))  # noqa: SLF001 - its own class
        return found

    def job(self, seed: int | None = None, home: str | Path | None = None, calls: int | None = None) -> Job:
        """The task as it is run: with another `seed` or cap on `calls` of the search, in the state folder `home`.

        The folder is by default GPO_HOME, or else `.gpo`: beside the spec file, or in the working folder.

        Raises:
            InputError: the spec file, its dataset or a setting cannot be used.
        """
        folder = None if home is None else Path(home).expanduser()
        if self.path is not None:
            return load_job(self.path, seed, folder, calls=calls)
        settings, content = load_settings(), override_search(self.content, seed, calls)
        home = real_path(folder or settings.home_here())
        return Job(spec=with_registered_prompts(content, settings, home), home=home, settings=settings)

    def splits(self, content: TaskSpec) -> Splits:
        """The examples, for the content as it is run.

        Raises:
            DatasetError: the rows cannot be read, are malformed, or there are too few.
        """
        return load_splits(content) if self.dataset is None else self.dataset.splits(content)

    def save(self, path: str | Path) -> Path:
        """Write a spec file, and beside it the rows that are in memory, so that the command `gpo` goes on from here.

        Raises:
            SpecError: a model or the metric is an object of Python, which no file can hold.
            OSError: the file cannot be written.
        """
        path = Path(path)
        held = [f"{role}=" for role, model in self.content.models if model is not None and model.is_given]
        held += ["target="] if self.content.target and self.content.target.program is not None else []
        held += ["metric="] if self.content.metric.function is not None else []
        if held:
            raise SpecError(
                f"{' and '.join(held)}: an object of Python, which no file can hold; give a name, for a metric "
                "`module:function`"
            )
        if self.dataset is not None:
            self.dataset.save(path.parent)
        write_whole(path, self.yaml)
        return path

    @property
    def yaml(self) -> str:
        """The task as a spec file has it."""
        return dump_spec(self.content)

    def __repr__(self) -> str:
        return f"Spec({self.content.name}: {self.content.prompt.instruction!r}, {self.content.metric.name})"

    def _repr_html_(self) -> str:
        return text_cell(self.yaml, self.told)


def as_spec(given: Spec | str | Path | None, parts: SpecParts) -> Spec:
    """The task that a call names: a spec, the path of a spec file, or parts.

    Raises:
        InputError: what is missing or does not fit.
    """
    if given is None:
        return Spec(**parts)
    if parts:
        raise SpecError(f"received a spec and {', '.join(parts)} as well; give one of both")
    return given if isinstance(given, Spec) else Spec.load(given)


def _read(parts: SpecParts, told: list[str]) -> tuple[TaskSpec, Dataset]:
    known = SpecParts.__annotations__
    if odd := next((name for name in parts if name not in known), None):
        raise SpecError(f"unknown option `{odd}`{suggestion(odd, known)}")
    is_program = parts.get("target") is not None
    several = is_program and bool(parts.get("prompts") or parts.get("texts"))
    needed = {"prompt": "the prompt to improve", "data": "labelled rows", "task": "the model to ask"}
    for name, what in needed.items():
        if parts.get(name) is None and not (name == "prompt" and several) and not (name == "task" and is_program):
            raise SpecError(f"`{name}=` is missing: {what}")
    prompt = GivenPrompt("") if several else read_prompt(parts["prompt"], parts.get("instruction"))
    dataset = _read_dataset(parts, GivenPrompt("") if is_program else prompt)
    told += dataset.told
    answer = _read_answer(parts, dataset)
    content: dict[str, Any] = {
        "name": UNNAMED,
        **(_read_program(parts, prompt, told) if is_program else _read_prompt(parts, prompt, dataset, told)),
        "dataset": dataset.section,
        "answer": answer,
        "metric": _read_metric(parts, dataset, told),
        "models": _read_models(parts, told),
        "optimizer": parts.get("method", {}),
        **{name: parts[name] for name in _AS_IN_FILES if name in parts},  # type: ignore[literal-required]
    }
    try:
        spec = TaskSpec.model_validate(content)
    except ValidationError as error:
        text = explain_validation(error, source="gpo.Spec")
        raise SpecError(text.replace("`optimizer", "`method").replace("`models.", "`")) from None
    return spec.model_copy(update={"metric": spec.metric.beside(Path.cwd())}), dataset


def _read_prompt(parts: SpecParts, prompt: GivenPrompt, dataset: Dataset, told: list[str]) -> dict[str, Any]:
    """The section `prompt` for a prompt that is sent to the task model."""
    told += prompt.told
    about = parts.get("description", dataset.guess.answer.description)
    return {"prompt": {**_place(prompt, dataset, told), "description": about}}


def _read_program(parts: SpecParts, prompt: GivenPrompt, told: list[str]) -> dict[str, Any]:
    """The sections of a program: its target, and its prompt or its parts."""
    found: dict[str, Any] = {"target": read_target(parts["target"], Path.cwd())}
    if prompt.instruction:
        placed, said = place_part(prompt, "prompt")
        found["prompt"] = {**placed, "description": parts.get("description", "")}
    else:
        found["prompts"], said = read_parts(parts.get("prompts") or {})
        found["texts"] = dict(parts.get("texts") or {})
    told += said
    return found


def _read_dataset(parts: SpecParts, prompt: GivenPrompt) -> Dataset:
    data = parts["data"]
    if isinstance(data, Dataset):
        if said := [f"`{name}=`" for name in _OF_DATA if name in parts]:
            raise SpecError(f"data is a gpo.Dataset, which says itself what its fields are: give it {', '.join(said)}")
        return data
    answer = parts.get("answer")
    kind = answer.get("kind") if isinstance(answer, Mapping) else answer
    inputs = parts.get("input") or prompt.variables or None
    group = {"group": parts["group"]} if "group" in parts else {}
    return Dataset(data, input=inputs, reference=parts.get("reference"), answer=kind, sizes=parts.get("sizes"), **group)


def _read_answer(parts: SpecParts, dataset: Dataset) -> Mapping[str, Any] | AnswerSpec:
    answer, guessed = parts.get("answer"), dataset.guess.answer.spec
    if not isinstance(answer, Mapping):
        return guessed
    return answer if "kind" in answer else {**guessed.model_dump(exclude_defaults=True), **answer}


def _read_metric(parts: SpecParts, dataset: Dataset, told: list[str]) -> object:
    metric = parts.get("metric")
    if metric is None:
        guessed = yaml.safe_load(dataset.guess.answer.metric)
        told.append(f"answers are scored by {dataset.guess.answer.metric} (`metric=`)")
        return guessed
    return MetricSpec.of_function(metric) if callable(metric) else metric


def _read_models(parts: SpecParts, told: list[str]) -> ModelsSpec:
    models = {
        role: read_model(parts[role], role)  # type: ignore[literal-required]
        for role in ModelsSpec.model_fields
        if parts.get(role) is not None
    }
    if "optimizer" not in models and "task" not in models:
        raise SpecError("`optimizer=` is missing: the model that writes new prompts")
    if "optimizer" not in models:
        models["optimizer"] = models["task"]
        told.append(TASK_MODEL_WRITES)
    return ModelsSpec(**models)


def _place(prompt: GivenPrompt, dataset: Dataset, told: list[str]) -> dict[str, Any]:
    """The section `prompt`; an instruction without a place stands after the inputs, as in a starter spec."""
    if prompt.messages:
        return {"instruction": prompt.instruction, "messages": prompt.messages}
    lines = question_lines(dataset.guess)
    told.append(f"the prompt has no variables: the instruction stands after {', '.join(lines)} (`prompt=`)")
    question = "\n".join(lines)
    messages = [{"user": f"{question}\n\n{{{{instruction}}}}"}] if lines else [{"system": "{{instruction}}"}]
    messages += [{"placeholder": f"{{{{{name}}}}}"} for name in dataset.guess.conversations]
    return {"instruction": prompt.instruction, "messages": messages}
