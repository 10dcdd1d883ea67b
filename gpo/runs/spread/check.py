"""Whether examples can be scored where a spec wants it; found out before anything is paid for."""

import importlib.util
from collections.abc import Iterator
from typing import get_args
from urllib.parse import urlsplit

from gpo.errors import SpecError
from gpo.runs.job import Job
from gpo.spec.models import ModelRole
from gpo.spec.task import TaskSpec

_PACKAGES = {"dask": "prefect_dask", "ray": "prefect_ray"}
_HERE = ("", "localhost", "127.0.0.1", "::1", "auto", "local")


def check_execution(job: Job) -> None:
    """Look for what the runner of a spec needs.

    Raises:
        SpecError: its package is missing, something cannot be sent to another process, or a cluster cannot reach the
            database.
    """
    execution = job.spec.execution
    if not execution.is_spread:
        return
    package = _PACKAGES[execution.runner]
    if importlib.util.find_spec(package) is None:
        raise SpecError(
            f"`execution.runner: {execution.runner}` needs the package {package.replace('_', '-')}: "
            f"`pip install 'gpo-pipeline[{execution.runner}]'`, or `runner: threads`"
        )
    if bound := next(_bound_here(job.spec), None):
        raise SpecError(
            f"`execution.runner: {execution.runner}` scores in other processes, and {bound} is an object of this one: "
            "name it in a spec, as `module:name` or `provider:name`, or leave `execution` out"
        )
    elsewhere = execution.address is not None and _host(execution.address) not in _HERE
    if elsewhere and job.settings.database_is_file():
        raise SpecError(
            f"`execution.address` is {execution.address}, and the database is an SQLite file, which other machines "
            "must not open: name a PostgreSQL in GPO_DATABASE_URL, here and on the cluster's machines"
        )


def _bound_here(spec: TaskSpec) -> Iterator[str]:
    """What of a spec was given in Python."""
    yield from (f"`models.{role}`" for role in get_args(ModelRole) if spec.models.of(role).is_given)
    if spec.metric.function is not None:
        yield "`metric`"
    if spec.target is not None and spec.target.program is not None:
        yield "`target`"


def _host(address: str) -> str:
    return urlsplit(address if "://" in address else f"//{address}").hostname or ""
