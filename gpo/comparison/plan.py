"""Plans a comparison: from the design (tasks, methods, seeds) to its cells, each of which is one run.

All cells of a task share start prompt, splits, models and the number of task-model calls that the search may make. The
schedules of the word budget span the steps that those calls afford, and no cell stops early for want of progress. Each
method is run as its users would run it, with its own number of proposals and its own way to turn them away.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Self

from pydantic import Field, ValidationError

from gpo.comparison.arms import REFERENCE, Arm
from gpo.comparison.cells import TaskPlan, cell_spec
from gpo.data.splits import load_splits
from gpo.database.engine import open_state
from gpo.datasets.registry import Datasets
from gpo.errors import GpoError, InputError
from gpo.evaluation.calls import example_calls
from gpo.files import real_path, write_whole
from gpo.formatting import count, error_line
from gpo.models.failures import without_keys
from gpo.records import Record, Splits, content_hash
from gpo.runs.history import History
from gpo.runs.job import Job, run_key, with_registered_prompts
from gpo.runs.outcome import Outcome
from gpo.search.run_limits import least_task_calls, sizes_of
from gpo.settings import Settings, load_settings
from gpo.spec.file import dump_spec, load_models, load_spec
from gpo.spec.method import OptimizerSpec
from gpo.spec.models import ModelSpec
from gpo.spec.task import TaskSpec


class Sizes(Record):
    """What all cells have in common; None: as each task's spec has it."""

    calls: int | None = Field(default=None, ge=1, description="Task-model calls of a search.")
    dev: int | None = Field(default=None, ge=1)
    test: int | None = Field(default=None, ge=1)
    train: int | None = Field(default=None, ge=0)
    candidates: int | None = Field(default=None, ge=1, le=64)

    @classmethod
    def from_options(cls, **sizes: int | None) -> Self:
        """The sizes that were given on the command line.

        Raises:
            InputError: one is out of its range.
        """
        try:
            return cls(**sizes)
        except ValidationError as error:
            first = error.errors()[0]
            wrong = f"--{first['loc'][0]}: {first['msg']}, received {first['input']}"
            raise InputError(wrong) from None


class Design(Record):
    """What is compared. `tasks` are spec files or benchmark folders; `models` is a file whose models replace theirs."""

    tasks: tuple[Path, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    sizes: Sizes = Sizes()
    models: Path | None = None

    @property
    def title(self) -> str:
        """The design in words, such as `4 tasks x 6 presets x 2 seeds`."""
        arms = count(len(self.arms), "method" if any(arm.name != arm.preset for arm in self.arms) else "preset")
        return f"{count(len(self.tasks), 'task')} x {arms} x {count(len(self.seeds), 'seed')}"


class Cell(Record):
    """One run of a comparison. `spec` is the file that it runs from, `key` the run key under which it is found."""

    task: str
    arm: str
    seed: int
    spec: Path
    key: str


class Plan(Record):
    """All cells of a design, and their specs by the files to write. Equal designs on equal data have equal ids."""

    id: str
    title: str
    home: Path
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    tasks: tuple[TaskPlan, ...]
    cells: tuple[Cell, ...]
    specs: Mapping[Path, TaskSpec] = Field(repr=False)

    @property
    def folder(self) -> Path:
        """Where the comparison's specs and results lie."""
        return self.home / "comparisons" / self.id

    @property
    def reference(self) -> str:
        """The arm that the others are measured against: GPO where it is there, else the first."""
        names = [arm.name for arm in self.arms]
        return REFERENCE if REFERENCE in names else names[0]

    def task(self, name: str) -> TaskPlan:
        """What the cells of a task share."""
        return next(task for task in self.tasks if task.name == name)

    def job(self, cell: Cell, settings: Settings) -> Job:
        """The task of a cell, with its seed, and where its state lives."""
        spec = self.specs[cell.spec].model_copy(update={"seed": cell.seed})
        return Job(spec=spec, home=self.home, settings=settings)


def comparison_home(chosen: Path | None) -> Path:
    """The state folder of a comparison: the one chosen, else `GPO_HOME`, else `.gpo/` in the working folder."""
    return real_path((chosen or load_settings().home or Path(".gpo")).expanduser())


def plan_comparison(design: Design, home: Path) -> Plan:
    """Read specs and data, and lay out the cells. Nothing is written.

    Raises:
        InputError: a task, a size or a model does not fit; the message says what would.
    """
    _check_lists(design)
    models = load_models(design.models) if design.models else {}
    datasets = Datasets(load_settings(), home)
    read = [(path, _with_sizes(datasets.resolved(_task_spec(path)), design.sizes, models)) for path in design.tasks]
    _check_names(read)
    return lay_out(design, ((spec, load_splits(spec)) for _, spec in read), home)


def lay_out(design: Design, read: Iterable[tuple[TaskSpec, Splits]], home: Path) -> Plan:
    """The cells of tasks whose specs and data have been read.

    Raises:
        InputError: a size or a method does not fit.
    """
    _check_lists(design)
    tasks, cells, specs, prints = [], [], {}, []
    for spec, splits in read:
        task = _task_plan(spec, splits, design)
        tasks.append(task)
        for arm in design.arms:
            own = cell_spec(spec, arm, task)
            file = Path(f"{task.name}-{arm.slug}.yaml")
            specs[file] = own
            prints.append([arm.name, own.fingerprint(), splits.fingerprint])
            keys = {seed: run_key(own.model_copy(update={"seed": seed}), splits) for seed in design.seeds}
            cells += [Cell(task=task.name, arm=arm.name, seed=seed, spec=file, key=key) for seed, key in keys.items()]
    # Seed by seed, so that a comparison that is cut short has whole rounds of all methods on all tasks.
    cells.sort(key=lambda cell: design.seeds.index(cell.seed))
    identity = content_hash([prints, design.seeds], length=10)
    folder = home / "comparisons" / identity
    return Plan(
        id=identity,
        title=design.title,
        home=home,
        arms=design.arms,
        seeds=design.seeds,
        tasks=tuple(tasks),
        cells=tuple(cell.model_copy(update={"spec": folder / cell.spec}) for cell in cells),
        specs={folder / file: spec for file, spec in specs.items()},
    )


def _task_spec(path: Path) -> TaskSpec:
    """A spec file, or a benchmark's folder with the published start prompt and settings.

    That prompt is nobody's choice for these models: where they cannot be read with it, that is what is compared.
    """
    if path.is_dir():
        from gpo.data.starter import task_of  # noqa: PLC0415 - a comparison of spec files has no use for it

        return task_of(path).model_copy(update={"optimizer": OptimizerSpec(), "max_unparsed_rate": 1.0})
    settings = load_settings()
    return with_registered_prompts(load_spec(path), settings, settings.home_for(path))


def _with_sizes(spec: TaskSpec, sizes: Sizes, models: Mapping[str, ModelSpec]) -> TaskSpec:
    given = {name: size for name in ("train", "dev", "test") if (size := getattr(sizes, name)) is not None}
    split = spec.dataset.split.model_copy(update=given)
    changes = {
        "dataset": spec.dataset.model_copy(update={"split": split}),
        "models": spec.models.model_copy(update=dict(models)),
    }
    return spec.model_copy(update=changes)


def _task_plan(spec: TaskSpec, splits: Splits, design: Design) -> TaskPlan:
    sizes, candidates = sizes_of(splits), design.sizes.candidates
    task = TaskPlan(name=spec.name, candidates=candidates, calls=1, **sizes.model_dump())
    dearest = max(least_task_calls(cell_spec(spec, arm, task), sizes) for arm in design.arms)
    start = sizes.dev * example_calls(spec)["task"]
    own = start + spec.optimizer.max_steps * (dearest - start)
    calls = design.sizes.calls or spec.budget.max_task_calls or own
    if calls < dearest:
        raise InputError(
            f"{spec.name}: a search of {count(calls, 'task-model call')} has no step: the start prompt and "
            f"a step on {count(sizes.dev, 'dev example')} need {dearest:,}; give --calls "
            f"{dearest} or more, or lower --dev or --candidates"
        )
    return task.model_copy(update={"calls": calls})


def _check_lists(design: Design) -> None:
    for name, items in (("task", design.tasks), ("method", design.arms), ("seed", design.seeds)):
        if not items:
            raise InputError(f"nothing to compare: give at least one {name}")
    names = [arm.name for arm in design.arms]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"the method {twice} is given twice")


def _check_names(read: Sequence[tuple[Path, TaskSpec]]) -> None:
    """Tables know a task by its name."""
    first: dict[str, Path] = {}
    for path, spec in read:
        if (other := first.get(spec.name)) is not None:
            same = path.resolve() == other.resolve()
            raise InputError(
                f"{path} is given twice" if same else f"{other} and {path} are both named {spec.name}: rename one"
            )
        first[spec.name] = path


def write_specs(plan: Plan) -> None:
    """Write the spec of every cell, so that each can be run by hand.

    Raises:
        OSError: the folder of the comparison cannot be written or the disk is full.
    """
    for path, spec in plan.specs.items():
        cell = next(cell for cell in plan.cells if cell.spec == path)
        head = f"# {spec.name} with {cell.arm}, of comparison {plan.id}. To run it by hand, with one of its seeds:\n"
        command = f"GPO_HOME={quote(str(plan.home))} gpo optimize {quote(str(path))} --seed {cell.seed}"
        write_whole(path, f"{head}#   {command}\n{dump_spec(spec)}")


def describe_failure(error: Exception, spec: TaskSpec) -> str:
    """What went wrong in a run with this spec, on one line and without its keys."""

    def mask(text: str) -> str:
        for model in dict(spec.models).values():
            text = text if model is None else without_keys(text, model)
        return text

    line = error_line(error, mask)
    return line if isinstance(error, GpoError) else f"{type(error).__name__}: {line}"


def find_finished(plan: Plan) -> dict[Cell, Outcome]:
    """The cells that were run before, here or by hand, with what they came to."""
    settings = load_settings()
    if not settings.has_database(plan.home):
        return {}
    with open_state(settings, plan.home) as engine:
        history = History(engine)
        found = {cell: history.outcome(cell.key) for cell in plan.cells}
    return {cell: outcome for cell, outcome in found.items() if outcome is not None}
