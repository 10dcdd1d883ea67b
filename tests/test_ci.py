"""What CI runs: the workflow of GitHub fits its schema, and names the Pythons and the make targets that there are."""

import json
import re
import subprocess
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.support.paths import ROOT

# PyYAML reads YAML 1.1, in which `on` is true.
WORKFLOW: dict[str, Any] = {
    "on" if name is True else name: value
    for name, value in yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text()).items()
}
TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_workflow_fits_the_schema_of_github_workflows() -> None:
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/github-workflows.json").read_text())
    jsonschema.validate(WORKFLOW, schema)


def test_the_forms_for_issues_fit_the_schema_of_github() -> None:
    folder = files("check_jsonschema") / "builtin_schemas/vendor"
    schema = json.loads((folder / "github-issue-forms.json").read_text())
    forms = [path for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml"]
    assert len(forms) == 3
    for path in forms:
        jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), schema)


def test_every_place_names_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    for path in (ROOT / "deployments").iterdir():
        named = re.findall(r"gpo-pipeline:(\d[\w.]*)", path.read_text(encoding="utf-8"))
        assert set(named) <= {version}, path


def test_the_workflow_tests_every_python_that_the_package_names() -> None:
    names = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    versions = [
        found[1] for name in names if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", name))
    ]
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == versions


def test_the_workflow_calls_make_targets_that_are_there() -> None:
    steps = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    assert {"make check", "make test", "make test-services"} == set(steps)
    assert {step.removeprefix("make ") for step in steps} <= TARGETS


@pytest.mark.parametrize(
    ("installs", "ends", "calls"),
    [
        (0, 0, ["check", "test", "test-services"]),
        (77, 0, ["check", "test"]),
        (1, 1, ["check", "test"]),
    ],
)
def test_ci_leaves_the_services_out_only_where_they_cannot_be_had(
    tmp_path: Path, installs: int, ends: int, calls: list[str]
) -> None:
    script = tmp_path / ".ci" / "run"
    installer = tmp_path / "tests" / "services" / "install"
    make = tmp_path / "bin" / "make"
    for path, text in (
        (script, (ROOT / ".ci" / "run").read_text()),
        (installer, f"#!/bin/sh\nexit {installs}\n"),
        (make, f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\n'),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    result = subprocess.run(
        [str(script)], env={"PATH": f"{make.parent}:/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert result.returncode == ends
    assert (tmp_path / "calls").read_text().split() == calls
    assert ("left out" in result.stderr) == (installs == 77)
