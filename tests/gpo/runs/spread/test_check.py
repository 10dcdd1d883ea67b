"""What keeps examples from being scored in other processes is said before anything is paid for."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from gpo.errors import SpecError
from gpo.runs.job import Job
from gpo.runs.spread.check import check_execution
from gpo.scoring.spec import MetricSpec
from gpo.settings import Settings
from gpo.spec.execution import ExecutionSpec
from gpo.spec.target import TargetSpec
from gpo.spec.task import TaskSpec
from tests.support.labelled import spec_for


def job(tmp_path: Path, database: str | None = None, **execution: Any) -> Job:
    spec = spec_for(tmp_path / "rows.jsonl").model_copy(update={"execution": ExecutionSpec(**execution)})
    return Job(spec, tmp_path, Settings(database_url=SecretStr(database) if database else None))


def changed(given: Job, **changes: Any) -> Job:
    spec: TaskSpec = given.spec.model_copy(update=changes)
    return Job(spec, given.home, given.settings)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: SimpleNamespace())


def test_a_runner_without_its_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    check_execution(job(tmp_path))
    with pytest.raises(SpecError, match=r"`execution.runner: ray` needs the package prefect-ray: .*\[ray\]"):
        check_execution(job(tmp_path, runner="ray", workers=2))


@pytest.mark.usefixtures("installed")
def test_what_is_an_object_of_this_process_is_refused(tmp_path: Path) -> None:
    given = job(tmp_path, runner="dask", workers=2)
    check_execution(given)
    metric = MetricSpec.of_function(lambda answer, reference: float(answer == reference))
    target = TargetSpec(call="app:answer").with_program(lambda _: "yes")
    task = given.spec.models.task.model_copy(update={"model": "python:Fake"})
    for name, change in {
        "`metric`": {"metric": metric},
        "`target`": {"target": target},
        "`models.task`": {"models": given.spec.models.model_copy(update={"task": task})},
    }.items():
        with pytest.raises(SpecError, match=f"{name} is an object of this one: name it in a spec"):
            check_execution(changed(given, **change))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("address", ["tcp://10.0.0.5:8786", "scheduler:8786", "ray://head:10001"])
def test_machines_of_a_cluster_cannot_share_an_sqlite_file(tmp_path: Path, address: str) -> None:
    with pytest.raises(SpecError, match="SQLite file, which other machines must not open: name a PostgreSQL"):
        check_execution(job(tmp_path, runner="dask", workers=2, address=address))
    check_execution(job(tmp_path, "postgresql+psycopg://gpo@db/gpo", runner="dask", workers=2, address=address))
    check_execution(job(tmp_path, runner="dask", workers=2, address="tcp://127.0.0.1:8786"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"runner": "dask"}, "needs `workers`"),
        ({"workers": 2}, "`workers` is for the runners dask and ray"),
        ({"address": "tcp://x:1"}, "`address` is for the runners dask and ray"),
        ({"runner": "spark", "workers": 2}, "'threads', 'dask' or 'ray'"),
    ],
)
def test_what_does_not_go_together_is_told(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ExecutionSpec.model_validate(given)
