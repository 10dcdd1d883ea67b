"""Puts the site together from `docs/` and from the code, builds it, and checks every link of what came out.

The pages stay as they are read in the repository. Links to files that are no pages become plain text, since the site
does not have them. The reference is made of the command line, the spec and the settings as they are.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.site.reference import commands_page, python_page, settings_page, spec_page

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SITE = ROOT / ".site"

ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "deployments/README.md": "deployments.md",
}
"""Files outside of `docs/` that are pages, or that a page stands for."""

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_DOCTEST = re.compile(r"^```python\n(?=>>>)", re.MULTILINE)


def main() -> None:
    """Build the site into `.site/html`; ends with 1 where a page or a link is wrong."""
    shutil.rmtree(SITE, ignore_errors=True)
    pages = gather()
    for name, text in pages.items():
        target = SITE / "pages" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    shutil.copytree(DOCS / "images", SITE / "pages" / "images")
    for picture in (DOCS / "results").glob("*.png"):
        shutil.copy(picture, SITE / "pages" / "results")
    shutil.copy(DOCS / "site" / "site.css", SITE / "pages")
    shutil.copy(DOCS / "site" / "zensical.toml", SITE)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(SITE / "zensical.toml")]
    done = subprocess.run(command, cwd=SITE, env={**os.environ, "NO_COLOR": "1"}, check=False)  # noqa: S603 - our own
    if done.returncode:
        sys.exit(done.returncode)
    if broken := sorted(set(broken_links(SITE / "html"))):
        sys.exit("\n".join(["Broken links:", *broken]))
    sys.stdout.write(f"{len(pages)} pages: {SITE / 'html' / 'index.html'}\n")


def gather() -> dict[str, str]:
    """All pages by their path on the site."""
    sources = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md") if path.parent != DOCS / "site"}
    outside = {page: ROOT / name for name, page in ELSEWHERE.items() if page not in sources}
    pages = {name: on_site(path, name) for name, path in {**sources, **outside}.items()}
    decisions = sorted(name for name in sources if name.startswith("decisions/"))
    return {
        **pages,
        "decisions/index.md": _decisions({name: pages[name] for name in decisions}),
        "reference/commands.md": commands_page(),
        "reference/spec.md": spec_page(),
        "reference/python.md": python_page(),
        "reference/settings.md": settings_page(),
    }


def on_site(path: Path, name: str) -> str:
    """A page with its links as the site has them; `name` is its place there."""
    depth = "../" * name.count("/")

    def moved(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        parts = urlsplit(target)
        if parts.scheme or not parts.path:
            return found[0]
        file = (path.parent / unquote(parts.path)).resolve()
        inside = file.relative_to(ROOT).as_posix()
        anchor = f"#{parts.fragment}" if parts.fragment else ""
        if inside in ELSEWHERE:
            # The page that stands for the README has other headings.
            page = ELSEWHERE[inside]
            return f"{mark}[{text}]({depth}{page}{'' if page == 'index.md' else anchor})"
        if file.is_relative_to(DOCS) and file.is_file():
            return f"{mark}[{text}]({depth}{file.relative_to(DOCS).as_posix()}{anchor})"
        if file == DOCS / "decisions":
            return f"{mark}[{text}]({depth}decisions/index.md)"
        return text if text.startswith("`") else f"`{text}`" if "/" in text else text

    text = _LINK.sub(moved, path.read_text(encoding="utf-8"))
    # As the highlighter calls them: commands without a prompt, and Python with one.
    return _DOCTEST.sub("```pycon\n", text.replace("```console\n", "```sh\n"))


def _decisions(pages: Mapping[str, str]) -> str:
    rows = [f"- [{text.partition(chr(10))[0].lstrip('# ')}]({name.partition('/')[2]})" for name, text in pages.items()]
    return "\n".join(
        ["# Decisions", "", "Why it is as it is: a page for each choice that one might want to undo.", "", *rows, ""]
    )


class _Page(HTMLParser):
    """The targets of a page's links, and the places on it that a link may name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {value for name in ("id", "name") if (value := named.get(name))}
        target = named.get("href") if tag in {"a", "link"} else named.get("src")
        if target:
            self.targets.append(target)


def broken_links(html: Path) -> Iterator[str]:
    """The links of a built site that lead nowhere, each with its page."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in html.rglob("*.html") if path.name != "404.html"}
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            file = file / "index.html" if file.is_dir() else file
            known = pages.get(file)
            is_there = file.is_file() and (
                not parts.fragment or known is None or unquote(parts.fragment) in known.places
            )
            if not is_there:
                yield f"{path.relative_to(html)}: {target}"


if __name__ == "__main__":
    main()
