"""The job of a run: spec, state folder and settings; and the same with its data, once its check has passed."""

from dataclasses import dataclass
from pathlib import Path

from gpo.datasets.registry import Datasets
from gpo.gate.error_budget import AliasLooks
from gpo.records import Example, Splits
from gpo.settings import Settings, load_settings
from gpo.spec.file import load_spec
from gpo.spec.task import TaskSpec


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

    Raises:
        SpecError: the file is missing or wrong, or has no versions to choose `dataset_version` from.
        DatasetError: there is no such dataset or version.
        StateError: the rows of the dataset cannot be had.
    """
    spec, settings = override_search(load_spec(path), seed, calls), load_settings()
    home = settings.home_for(path) if home is None else home.resolve()
    return Job(spec=Datasets(settings, home).resolved(spec, dataset_version), home=home, settings=settings, path=path)


def override_search(spec: TaskSpec, seed: int | None, calls: int | None) -> TaskSpec:
    """The spec with another seed, or another cap on task-model calls of the search; None leaves what it says."""
    changed: dict[str, object] = {} if seed is None else {"seed": seed}
    if calls is not None:
        changed["budget"] = spec.budget.model_copy(update={"max_task_calls": calls})
    return spec.model_copy(update=changed)
