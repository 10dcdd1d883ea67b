"""Names that a person can search for: of flow runs, and of artifacts, with the order in which one reads them."""

from pathlib import Path

from prefect.runtime import flow_run

from gpo.datasets.registry import Datasets
from gpo.errors import GpoError
from gpo.formatting import shorten
from gpo.migration.models import title_of
from gpo.settings import load_settings
from gpo.spec.file import load_spec

_READING_ORDER = {
    "decision": 0, "migration": 0, "report": 1, "pairs": 1, "page": 2, "history": 3, "candidates": 4, "progress": 5,
}  # fmt: skip
"""Their numbers in the keys: where the pages of Prefect list artifacts by key, they stand so."""

_SCHEDULED = "auto-scheduled"
"""The tag that Prefect gives to runs of a schedule."""


def optimize_name() -> str:
    """`tickets · optimize · seed 3 · 1500 calls`: what was asked for beside the spec, and a file of another name."""
    given = flow_run.parameters
    path = Path(given["spec"])
    name = task_name(path)
    parts = [name, "optimize"]
    parts += [f"{path.parent.name}/{path.name}"] if path.stem not in (name, "spec") else []
    parts += [f"seed {given['seed']}"] if given.get("seed") is not None else []
    parts += [f"{given['calls']} calls"] if given.get("calls") is not None else []
    return " · ".join(parts)


def reoptimize_name() -> str:
    """`tickets · reoptimize · data v7`, of the version that started it; else with `scheduled` or `by hand` behind."""
    given = flow_run.parameters
    path, version = Path(given["spec"]), given.get("dataset_version")
    how = [] if version is not None else ["scheduled" if _SCHEDULED in (flow_run.tags or []) else "by hand"]
    known = version if version is not None else _newest_version(path, given.get("home"))
    data = [f"data v{known}"] if known is not None else []
    return " · ".join([task_name(path), "reoptimize", *data, *how])


def _newest_version(spec: Path, home: Path | str | None) -> int | None:
    """That of the data of a spec; None where the data has no versions, or cannot be asked for now."""
    try:
        name, settings = load_spec(spec).dataset.name, load_settings()
        newest = Datasets(settings, Path(home or settings.home_here())).newest(name) if name else None
    except (GpoError, OSError):
        return None
    return newest.version if newest else None


def migrate_name() -> str:
    """`tickets · migrate · to openai:new-model`."""
    given = flow_run.parameters
    return " · ".join([task_name(given["spec"]), "migrate", f"to {shorten(title_of(given['to']))}"])


def task_name(spec: Path | str) -> str:
    """The name of a spec's task; that of its file where it cannot be read, which the run will say itself."""
    path = Path(spec)
    try:
        return load_spec(path).name
    except (GpoError, OSError):
        return f"{path.parent.name}/{path.name}"


def artifact_key(name: str, subject: str) -> str:
    """A stable key for an artifact of a task or a prompt, of which each run makes a version.

    >>> artifact_key("my_tickets", "report")
    'my-tickets-1-report'
    """
    return f"{name.replace('_', '-')}-{_READING_ORDER[subject]}-{subject}"
