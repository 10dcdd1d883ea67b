"""Blocks of pages that speak to a Prefect server: a shell types them, in a folder like a clone, on a stack of its own.

The models are a server of OpenAI's protocol on the loopback interface.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.runs_whole.test_pages_of_tickets import reply, tickets
from tests.runs_whole.test_python_pages import fresh_loader
from tests.support.endpoint import Request, serving
from tests.support.pages import LONG, Block, blocks
from tests.support.paths import EXAMPLES, ROOT
from tests.support.reader import Reader, follow_page

pytestmark = [pytest.mark.slow, pytest.mark.services, pytest.mark.usefixtures("own_environment")]

LONGEST_S = 900
SPEC = """
name: tickets
prompt:
  description: a label
  instruction: Sort it.
  messages: [{user: "{{ticket}}\\n{{instruction}}"}]
dataset: {name: tickets, input: ticket, reference: label, split: {train: 10, dev: 20, test: 90}}
answer: {kind: choice, labels: [billing, fault, delivery]}
metric: exact_match
models: {task: "openai:gpt-4o-mini", optimizer: "openai:gpt-4o", embedding: "synthetic:words"}
budget: {max_task_calls: 150}
"""
PORT = 4800
"""Away from where others begin to look for a free one."""
ADDRESS = """
import os, pathlib
from flows.stack.environment import find_api_url
print(find_api_url(pathlib.Path(".gpo").resolve()))
"""
EXPORT = 'export PREFECT_API_URL="$(address)" PREFECT_API_AUTH_STRING="$(cat .gpo/prefect-key)"\n'
"""What the pages say of Prefect's own commands, with the address as `gpo status` shows it."""


def either(request: Request) -> str:
    return "positive" if "positive or negative" in request.text else reply(request)


@dataclass(frozen=True)
class Clone:
    """A working folder, and the environment of its shell."""

    folder: Path
    environment: dict[str, str]

    def type(self, block: Block | str, stand_ins: Mapping[str, str] | None = None) -> str:
        """What a shell prints that ends with the first command that fails."""
        script = block if isinstance(block, str) else typed(block)
        for name, there in (stand_ins or {}).items():
            assert name in script, name
            script = script.replace(name, there)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment, text=True, capture_output=True, check=False, timeout=LONGEST_S,
        )  # fmt: skip
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout


def typed(block: Block) -> str:
    """The lines of a block; servers in a program of the reader's go on beside the next lines, once they serve."""
    address = block.text.replace("http://127.0.0.1:4200/api", '"$(address)"')
    kept = Block(block.page, block.kind, address)
    whole = "\n".join(kept.lines) if '-c "' not in address else address
    serves = r"\1 >\2.log 2>&1 &\nuntil grep -q 'Your flow' \2.log; do kill -0 $! || exit 1; sleep 0.2; done"
    script = re.sub(r"(?m)^(python (\w+)\.py)$", serves, whole)
    return EXPORT + script if re.search(r"(?m)^prefect ", script) and "make up" not in script else script


@pytest.fixture(scope="module")
def clone(own_environment: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    folder = tmp_path_factory.mktemp("clone")
    programs = folder / "programs"
    programs.mkdir()
    command = Path(sys.executable).with_name("gpo")
    for name, runs in (
        ("make", 'exec gpo "$@"'),
        ("gpo", f'case $1 in up) shift; set -- up --port {PORT} "$@";; esac\nexec {command} "$@"'),
        ("address", f"exec {sys.executable} -c '{ADDRESS}'"),
    ):
        (programs / name).write_text(f"#!/bin/sh\n{runs}\n")
        (programs / name).chmod(0o755)
    (folder / ".venv").mkdir()
    (folder / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for name in ("prefect.yaml", "flows", "tasks", "gpo"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "deployments", folder / "deployments")
    shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns(".gpo"))
    example = folder / "examples" / "review-sentiment" / "production.yaml"
    example.write_text(example.read_text().replace("local:smollm2-135m", "openai:gpt-4o-mini"))
    (folder / "tickets.yaml").write_text(SPEC)
    (folder / "new.txt").write_text("Say what the writer wants.")
    for name, rows in (("tickets", tickets(130)), ("new", tickets(150))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with serving(either) as endpoint:
        path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        models = {"OPENAI_API_KEY": "of-a-test", "OPENAI_BASE_URL": endpoint.url, "PYTHONUNBUFFERED": "1"}
        # What commands of other tests have set for Prefect in this process is not the reader's.
        plain = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        made = Clone(folder, {**plain, **models, "PATH": path, "PREFECT_HOME": str(folder / "no-profile")})
        made.type("gpo dataset push tickets tickets.jsonl; gpo prompt register tickets.yaml --promote")
        made.type("sed 's/Sort it/Sort this/' tickets.yaml >other.yaml; gpo prompt register other.yaml --promote")
        try:
            yield made
        finally:
            made.type("gpo down; gpo ui stop || true")


def on_the_stack(page: str, kind: str = "console") -> list[Block]:
    return [
        each for each in blocks(page) if each.kind == kind and each.needs_stack and (each.lines or kind != "console")
    ]


DECIDED = "until gpo decisions tickets --json | grep -q '\"champion\": 1'; do sleep 1; done\n"
"""Whoever reads on does so once the run that the push has started is over."""


@pytest.mark.parametrize("page", LONG)
def test_every_command_of_a_long_page_does_what_the_page_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`docs/tutorial.md`."""
    monkeypatch.chdir(tmp_path)
    with fresh_loader():
        follow_page(page, Reader(monkeypatch))


def test_a_prompt_in_production_from_its_data_to_its_way_back(clone: Clone) -> None:
    (block,) = on_the_stack("README.md")
    clone.type(block)
    assert '"version": 1' in clone.type("gpo prompt show tickets --json")
    block, *_ = on_the_stack("docs/production.md")
    looks = ".venv/bin/gpo decisions"
    assert "promoted" in clone.type(block, {looks: f"{DECIDED}{looks}"})
    assert '"version": 1' in clone.type("gpo prompt show tickets --json")


def test_a_prompt_in_one_process_and_a_bot_that_follows_it(clone: Clone) -> None:
    for page in ("docs/production.md", "docs/events.md"):
        for block in blocks(page):
            if block.kind in ("python", "yaml") and (file := re.match(r"# (\w+\.\w+)\n", block.text)):
                (clone.folder / file[1]).write_text(block.text.replace("gpo.flows.", "flows."))
    nightly = next(each for each in on_the_stack("docs/production.md") if "nightly" in each.text)
    clone.type(f"{typed(nightly)}\nkill $!; wait $! || true; gpo ui stop")
    assert "tickets" in (clone.folder / "nightly.log").read_text()

    clone.type("gpo up")
    follow, automation = on_the_stack("docs/events.md")
    heard = (
        "until grep -q 'the bot takes version 2 of tickets' bot.log; do kill -0 $! || exit 1; sleep 0.2; done\nkill $!"
    )
    clone.type(f"{typed(follow)}\n{heard}", {"promote tickets 4": "promote tickets 2"})
    clone.type(automation)
    assert "tickets has changed" in clone.type(f"{EXPORT}prefect automation ls")
    clone.type("gpo down")


def test_the_runbook(clone: Clone) -> None:
    stand_ins = {"SPEC": "tickets.yaml", "rollback NAME": "rollback tickets", "announce NAME": "announce tickets"}
    for block in on_the_stack("deployments/README.md"):
        if "history review-sentiment" in block.text:  # which the first run would have begun
            clone.type("gpo prompt register examples/review-sentiment/production.yaml --promote --home .gpo")
        clone.type(block, {name: there for name, there in stand_ins.items() if name in typed(block)})
        if "gpo down" in block.text and "gpo up\n" not in block.text:
            clone.type("gpo up")
    clone.type("gpo prompt show tickets")


def test_a_migration_is_a_deployment(clone: Clone) -> None:
    block = next(each for each in on_the_stack("docs/migration.md"))
    shutil.copy(clone.folder / "tickets.yaml", clone.folder / "examples" / "review-sentiment" / "production.yaml")
    clone.type("gpo up")
    clone.type(block, {"migrate-prompt/migrate ": "migrate-prompt/migrate --watch "})
    assert "migrate" in clone.type("gpo decisions tickets --json")
