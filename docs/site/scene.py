"""A state folder with one of everything, made by the commands that a person types: what pictures are taken of.

Its models are the synthetic ones: no key, no network, and the same words each time.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "synthetic"

PROMPT, ASKED, COMPARED = "sums", "asked", "compared"
DATASET, ROWS_AT_FIRST = "questions", 300


class CommandError(RuntimeError):
    """A command did not do what it was asked."""


@dataclass(frozen=True)
class Scene:
    """A working folder, its state folder, and the environment of commands there."""

    folder: Path
    environment: dict[str, str]

    @property
    def home(self) -> Path:
        """The state folder."""
        return self.folder / ".gpo"

    @property
    def printed(self) -> Path:
        """What the run of `demo.yaml` printed, with its colours."""
        return self.folder / "printed.txt"

    def gpo(self, *arguments: str, colours: bool = False) -> str:
        """What a command of `gpo` prints.

        Raises:
            CommandError: its exit code is not 0.
        """
        colour = {"FORCE_COLOR": "1", "COLUMNS": "100"} if colours else {"NO_COLOR": "1"}
        return self.python("-m", "flows.cli.app", *arguments, **colour)

    def python(self, *arguments: str, **variables: str) -> str:
        """What a Python program prints.

        Raises:
            CommandError: its exit code is not 0.
        """
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise CommandError(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def pages(self) -> dict[str, Path]:
        """One page of each kind, by its kind."""
        reports = self.home / "reports"
        first = {kind: next(iter(sorted((reports / f"{kind}s").glob("*.html")))) for kind in ("decision", "comparison")}
        return {
            "report": next(iter(sorted(reports.glob("synthetic-demo-*.html")))),
            **first,
            "prompt": reports / "prompts" / f"{PROMPT}.html",
            "dataset": reports / "datasets" / f"{DATASET}.html",
            "index": reports / "index.html",
        }


def set_up(folder: Path) -> Scene:
    """A working folder with specs and data, and nothing done yet."""
    shutil.copy(EXAMPLE / "demo.yaml", folder)
    shutil.copy(EXAMPLE / "questions.jsonl", folder)
    rows = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "first.jsonl").write_text("".join(rows[:ROWS_AT_FIRST]), encoding="utf-8")
    spec = (folder / "demo.yaml").read_text(encoding="utf-8")
    kept = spec.replace("path: questions.jsonl", f"name: {DATASET}")
    specs = {PROMPT: kept, ASKED: f"{kept}\nproduction: {{approval: required}}\n", COMPARED: spec}
    for name, content in specs.items():
        named = re.sub(r"(?m)^name: .*", f"name: {name}", content)
        (folder / f"{name}.yaml").write_text(named, encoding="utf-8")
    return at(folder)


def at(folder: Path) -> Scene:
    """A folder that is set up already."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_"))}
    own = {
        "GPO_HOME": str(folder / ".gpo"),
        "GPO_REPORTS_KEY": "pictures",
        "PYTHONPATH": str(ROOT),
        "PREFECT_HOME": str(folder / "no-profile"),
    }
    return Scene(folder, {**inherited, **own})


def fill(scene: Scene) -> None:
    """Have a run, a prompt in production with a history, a dataset with two versions, a decision and a comparison."""
    scene.printed.write_text(scene.gpo("optimize", "demo.yaml", colours=True), encoding="utf-8")
    scene.gpo("dataset", "push", DATASET, "first.jsonl")
    scene.gpo("prompt", "register", "sums.yaml", "--promote")
    scene.gpo("dataset", "push", DATASET, "questions.jsonl")
    scene.gpo("reoptimize", "sums.yaml")
    scene.gpo("compare", "compared.yaml", "--presets", "gpo,opro,ape", "--seeds", "2", "--calls", "500")
    scene.gpo("reports")
