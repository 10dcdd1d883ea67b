"""The job of a run: spec, state folder and settings; and the same with its data, once its check has passed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from gpo.errors import SpecError, StateError
from gpo.files import hash_files, real_path
from gpo.gate.error_budget import AliasLooks
from gpo.names import FROM_REGISTRY, PRODUCTION
from gpo.records import Example, Splits, content_hash
from gpo.settings import Settings, load_settings
from gpo.spec.file import explain_validation, load_spec
from gpo.spec.prompt import PromptSpec, TextSpec
from gpo.spec.task import TaskSpec

if TYPE_CHECKING:
    from gpo.prompts.version import PromptVersion

DECIDING = (
    "gpo/*.py",
    *(
        f"gpo/{room}/**/*.py"
        for room in ("messages", "scoring", "spec", "data", "models", "evaluation", "search", "gate")
    ),
    *(
        f"gpo/runs/{name}.py"
        for name in ("conclude", "history", "job", "optimize", "outcome", "preflight", "probe", "proof", "run")
    ),
    "gpo/runs/steps.py",
    "gpo/runs/spread/chunks.py",
    *(f"gpo/prompts/{name}.py" for name in ("candidate", "held", "langchain/template", "version")),
    "tasks/*.py",
    "flows/optimize.py",
)
"""The source that decides a run's course. The other rooms show, store or compare what a run came to."""


@cache
def code_version() -> str:
    """Hash of the source: what another version computed is not taken for what this one would."""
    return source_hash(Path(__file__).parents[2])


def source_hash(root: Path) -> str:
    """Hash of the `DECIDING` files below `root` by their names and contents; other files there do not matter."""
    found = {path.relative_to(root).as_posix(): path for pattern in DECIDING for path in root.glob(pattern)}
    return hash_files({name: path for name, path in found.items() if path.is_file()})


@dataclass(frozen=True)
class Job:
    """A task and where its state lives; `earlier` are instructions of earlier runs, to be tried again at the start.

    `looks` are the decisions about the alias that the run is for; None: it is for none. `path` is the spec's file, None
    where it was made otherwise.
    """

    spec: TaskSpec
    home: Path
    settings: Settings
    earlier: tuple[str, ...] = ()
    looks: AliasLooks | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Checked:
    """A job whose check has passed, with the data that the check has read: nobody reads it a second time.

    `demonstrations` are the examples that stand before every question, in their order; none without `few_shot`.
    `fitted` is the job's spec with the steps that its cap on calls affords. A run is known by the job's own, since
    whoever looks for it later has only that.
    """

    job: Job
    splits: Splits
    demonstrations: tuple[Example, ...] = ()
    fitted: TaskSpec | None = None

    @property
    def spec(self) -> TaskSpec:
        """The task as it is run."""
        return self.fitted or self.job.spec


def load_job(
    path: Path,
    seed: int | None = None,
    home: Path | None = None,
    *,
    calls: int | None = None,
    dataset_version: int | None = None,
) -> Job:
    """Read a spec file; `seed` replaces the spec's own, `home` the state folder that the settings give it.

    `calls` replaces the spec's cap on task-model calls of the search.

    Where the spec names a stored dataset, its version is found and its rows are fetched: `dataset_version`, else the
    spec's own, else the newest.

    Prompts that the spec names are read from the registry of the state folder.

    Raises:
        SpecError: the file is missing or wrong, or has no versions to choose `dataset_version` from.
        PromptError: the registry has no such prompt, alias or version.
        DatasetError: there is no such dataset or version.
        InputError: the rows of the dataset, or the database, cannot be had.
    """
    spec, settings = override_search(load_spec(path), seed, calls), load_settings()
    home = settings.home_for(path) if home is None else real_path(home)
    names_data = spec.dataset.name is not None or dataset_version is not None
    if names_data or spec.registered:
        # They bring SQLAlchemy: half a second, for few specs.
        from gpo.database.writable import before_paying  # noqa: PLC0415
        from gpo.datasets.registry import Datasets  # noqa: PLC0415

        with before_paying():
            spec = with_registered_prompts(spec, settings, home)
            spec = Datasets(settings, home).resolved(spec, dataset_version) if names_data else spec
    return Job(spec=spec, home=home, settings=settings, path=path)


def with_registered_prompts(spec: TaskSpec, settings: Settings, home: Path) -> TaskSpec:
    """The spec with the messages and texts that the registry has of the prompts it names, all as of one moment.

    Raises:
        PromptError: there is no such prompt, alias or version.
        SpecError: it is not what the spec takes it for, or there is no registry.
    """
    if not spec.registered:
        return spec
    # They bring SQLAlchemy: half a second, for few specs.
    from gpo.database.engine import open_read_only, read_transaction  # noqa: PLC0415
    from gpo.prompts.registry import Registry  # noqa: PLC0415

    named = {name: _reference(text) for name, text in spec.registered.items()}
    try:
        engine = open_read_only(settings.database_for(home))
    except StateError as error:
        raise SpecError(f"{spec.name}: names prompts of the registry, and there is none: {error}") from None
    try:
        with read_transaction(engine) as connection:
            registry = Registry(engine)
            found = {name: registry.resolve_within(connection, *reference) for name, reference in named.items()}
    finally:
        engine.dispose()
    try:
        return spec.with_registered({name: _written(spec, name, version) for name, version in found.items()})
    except ValidationError as error:
        raise SpecError(explain_validation(error, source=spec.name)) from None


def _reference(text: str) -> tuple[str, str]:
    match = FROM_REGISTRY.fullmatch(text)
    return (match[1], match[2] or PRODUCTION) if match else (text, PRODUCTION)


def _written(spec: TaskSpec, part: str, version: "PromptVersion") -> PromptSpec | TextSpec:
    """A version as the spec would have it written."""
    content, where = version.content, f"{spec.name}: {part} is version {version.version} of {version.name}, which"
    if content.parts:
        raise SpecError(f"{where} is a whole program; name its prompts: {', '.join(content.parts)}")
    if content.demonstrations:
        raise SpecError(f"{where} has demonstrations; write its messages into the spec, with `few_shot`")
    if content.is_text != (part in spec.texts):
        kind, section = ("text", "texts") if content.is_text else ("prompt", "prompts")
        raise SpecError(f"{where} is a {kind}; name it in `{section}`")
    about = spec.parts[part].description
    if content.is_text:
        return TextSpec(text=content.instruction, description=about)
    return PromptSpec.of_template(content.instruction, content.template, about)


def override_search(spec: TaskSpec, seed: int | None, calls: int | None) -> TaskSpec:
    """The spec with another seed, or another cap on task-model calls of the search; None leaves what it says."""
    changed: dict[str, object] = {} if seed is None else {"seed": seed}
    if calls is not None:
        changed["budget"] = spec.budget.model_copy(update={"max_task_calls": calls})
    return spec.model_copy(update=changed)


def run_id(spec: TaskSpec, key: str) -> str:
    """Readable name of a run: task and the start of the key."""
    return f"{spec.name}-{key[:8]}"


def run_key(spec: TaskSpec, splits: Splits, earlier: Sequence[str] = (), anew: str = "") -> str:
    """Hash of everything that decides a run's course; `anew` is the time since which it asks anew, if it does."""
    known = [list(earlier)] if earlier else []
    known += [[anew]] if anew else []
    return content_hash([spec.fingerprint(), splits.fingerprint, code_version(), *known], length=16)
