"""Where the pages of a state folder lie, and how one names another."""

from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from gpo.report.page.material import report_path

PageKind = Literal["prompts", "datasets", "decisions", "comparisons"]


class PageLink(NamedTuple):
    """Something by its name, with the address of its page as another page names it; empty where there is none."""

    name: str
    page: str = ""


def page_path(home: Path, kind: PageKind, name: str) -> Path:
    """Where the page of a prompt, a dataset, a decision or a comparison lies."""
    return home / "reports" / kind / f"{name}.html"


def place_of(kind: PageKind, name: str, shown: str | None = None) -> PageLink:
    """A page of this kind, as the pages in the folders beside it name it."""
    return PageLink(shown or name, f"../{kind}/{quote(name)}.html")


def place_of_run(home: Path, run: str) -> PageLink:
    """A run, with its report where there is one."""
    return PageLink(run, f"../{quote(run)}.html" if report_path(home, run).exists() else "")
