"""Names that a person can search for, and that stand in the order in which one reads: of flow runs and of artifacts."""

from pathlib import Path

from prefect.runtime import flow_run

from gpo.errors import GpoError
from gpo.formatting import shorten
from gpo.migration.models import title_of
from gpo.spec.file import load_spec

_READING_ORDER = {"decision": 0, "migration": 0, "report": 1, "pairs": 1, "candidates": 2, "progress": 3}
"""The pages of a run list artifacts by their keys."""

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
    """`tickets · reoptimize · data v7`: the version that started it, `scheduled`, or `by hand`."""
    given = flow_run.parameters
    version = given.get("dataset_version")
    by_schedule = _SCHEDULED in (flow_run.tags or [])
    how = f"data v{version}" if version is not None else "scheduled" if by_schedule else "by hand"
    return " · ".join([task_name(given["spec"]), "reoptimize", how])


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
