"""The blocks of the pages, and how each is tried: typed as it stands, or only read, and then why.

A page is read from top to bottom, in one folder, as by who follows it. Blocks that speak to a Prefect server are typed
on a stack of their own, by `tests/services/test_services_pages.py`; all others by `tests/runs_whole/`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from tests.support.paths import ROOT

PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in (
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "docs/**/*.md",
        "deployments/*.md",
        "examples/**/*.md",
    )
    for page in ROOT.glob(pattern)
)

NEWCOMERS = "docs/quickstart.md", "docs/concepts.md", "docs/troubleshooting.md", "docs/migration.md"
"""Pages that bring all that their commands need: synthetic models, and the data of an example."""

LONG = ("docs/tutorial.md",)
"""The same, of pages that take a minute: `tests/services/` follows them."""

OF_TICKETS = "README.md", "docs/datasets.md", "docs/results-of-a-run.md", "docs/production.md"
"""Pages about the reader's own `tickets`, whose models are a server on the loopback interface."""

PYTHON: Mapping[str, str] = {
    "README.md": "tests/runs_whole/test_pages_of_tickets.py",
    "docs/answers.md": "tests/test_docs_blocks.py",
    "docs/events.md": "tests/services/test_services_pages.py",
    "docs/gate.md": "tests/gpo/gate/test_rule.py",
    "docs/migration.md": "tests/runs_whole/test_pages_of_tickets.py",
    "docs/production.md": "tests/services/test_services_pages.py",
    "docs/programs.md": "tests/runs_whole/test_python_pages.py",
    "docs/python.md": "tests/runs_whole/test_python_pages.py",
    "docs/quickstart.md": "tests/runs_whole/test_pages_of_docs.py",
    "docs/results-of-a-run.md": "tests/runs_whole/test_pages_of_tickets.py",
    "docs/tutorial.md": "tests/services/test_services_pages.py",
}
"""Where the Python of a page is run."""

NO_SPECS: Mapping[str, str] = {
    "docs/events.md": "an automation of Prefect, which a stack is told of",
    "deployments/README.md": "steps of Prefect that clone a repository of yours",
}
"""Pages whose YAML is no part of a spec."""

_CONTAINERS = "Docker, which no machine of the tests has; `tests/flows/test_deployments.py` checks the files"
_HOURS = "hours, and data or models that are not part of this project"
_MINUTES = "minutes, on two cores"
_OTHERS = "the tests, or tools that ask a package index"

NOT_TYPED: Mapping[str, str] = {
    "make demo": f"{_MINUTES}; `tests/runs_whole/test_embedded_run.py` and `tests/test_wheel.py` run it",
    "make check": _OTHERS,
    "make docs": _OTHERS,
    "make test": _OTHERS,
    "make format": "writes into the code",
    "make audit": _OTHERS,
    "make lock": _OTHERS,
    "docker ": _CONTAINERS,
    "alias stack=": _CONTAINERS,
    "stack ": _CONTAINERS,
    "cp deployments/.env.example": _CONTAINERS,
    "echo OPENAI_API_KEY=": _CONTAINERS,
    "prefect work-pool create gpo-docker": _CONTAINERS,
    "prefect --no-prompt deploy --all --prefect-file": _CONTAINERS,
    "prefect worker start --pool gpo-docker": _CONTAINERS,
    "gpo examples deployments": "a folder without them; `tests/test_wheel.py` types it",
    "gpo down && git pull": "a newer version of the code",
    "python -m benchmarks.": _HOURS,
    "cat a.jsonl": _HOURS,
    "uv venv PEERS": "packages of other projects",
    "gpo compare navigate.yaml": _HOURS,
    "gpo spec init navigate": _HOURS,
    "gpo optimize navigate.yaml": _HOURS,
    "gpo report --comparison": "a comparison, which takes a minute; `tests/runs_whole/test_compare.py` has one",
    "gpo prompt history rag-answer": "a run of the example; `tests/runs_whole/test_example_programs.py` has it",
    "gpo prompt rollback rag-answer": "likewise",
    "gpo migrate tickets --to openai:new-model": f"{_MINUTES}: the embedded model is asked for all test examples",
    "gpo migrate tickets --to '{model:": "a model server of yours",
    "prefect flow-run ls": "a run that is stuck; `tests/flows/stack/test_stack.py` has one",
    "prefect api POST /flow_runs/ID": "likewise",
}
"""The beginnings of lines that no test types, with what they need. All but those of other programs are still parsed."""

_ON_A_STACK = "docs/events.md", "deployments/README.md"
_STACK = re.compile(r"\bmake up|\bgpo (up|down|deploy|status|ui)\b|^prefect |prefect-key", re.MULTILINE)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of a page: what it is written in, and its text with broken lines in one."""

    page: str
    kind: str
    text: str

    @property
    def needs_stack(self) -> bool:
        """Whether it speaks to the servers of a stack."""
        return self.page in _ON_A_STACK or _STACK.search(self.text) is not None

    @property
    def lines(self) -> list[str]:
        """The commands that are typed."""
        said = (line for line in self.text.splitlines() if line.strip() and not line.startswith("#"))
        return [line for line in said if why_not_typed(line) is None]


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in their order."""
    text = (ROOT / page).read_text(encoding="utf-8").replace("\\\n", "")
    return [Block(page, kind, content) for kind, content in _FENCE.findall(text)]


def why_not_typed(line: str) -> str | None:
    """Why no test types a line; None where one does."""
    plain = line.strip().removeprefix(".venv/bin/")
    return next((why for start, why in NOT_TYPED.items() if plain.startswith(start)), None)
