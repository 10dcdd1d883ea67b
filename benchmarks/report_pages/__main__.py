"""What the pages of reports are for a browser and for its user: `python -m benchmarks.report_pages`.

Every kind of page is opened from its file, light, dark and as wide as a phone, all of it unfolded. axe-core looks for
what keeps people out, and the console for errors; a page that asks a network for anything is told of. Then a run of
500 candidates and 1,000 test examples: how long its page takes to be written and opened, and how large it is.

It needs Debian's package `chromium`, and `axe.min.js` of the npm package `axe-core`: with `npm` at hand it is fetched,
else `--axe` names it.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.report_pages.large import CANDIDATES, EXAMPLES, write_large_report
from benchmarks.tables import markdown_table
from docs.site.browser import Browser, BrowserError, Page, browser
from docs.site.scene import at, fill, set_up

LOOKS = {"light": (1280, False), "dark": (1280, True), "phone": (390, False)}
LIMIT_S, LIMIT_BYTES = 2.0, 1_000_000
AXE = "axe-core@4"

_VIOLATIONS = (
    "axe.run().then(found => found.violations.map(each => "
    "`${each.id} (${each.impact}): ${each.nodes.slice(0, 3).map(node => node.target).join(' ')}`))"
)
_REQUESTS = "performance.getEntriesByType('resource').map(each => each.name).filter(name => !name.startsWith('data:'))"
_LOADED_MS = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_WIDER = "document.documentElement.scrollWidth > innerWidth"


class Seen(NamedTuple):
    """What was found on a page, in all its looks; `loaded_s` is the least of them."""

    kind: str
    bytes: int
    problems: tuple[str, ...]
    loaded_s: float


def look_at(browser: Browser, kind: str, path: Path, axe: str) -> Seen:
    """Open a page from its file in each look."""
    problems, loaded = [], []
    for look, (width, dark) in LOOKS.items():
        with browser.page() as page:
            page.look(width, 900, dark=dark)
            page.open(path.resolve().as_uri())
            page.wait(f"{_LOADED_MS} > 0")
            loaded.append(page.run(_LOADED_MS) / 1000)
            problems += [f"{kind}, {look}: {each}" for each in _problems(page, axe)]
    return Seen(kind, path.stat().st_size, tuple(problems), min(loaded))


def _problems(page: Page, axe: str) -> Iterator[str]:
    yield from (f"asks for {each}" for each in page.run(_REQUESTS))
    if page.run(_WIDER):
        yield "is wider than the window"
    page.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    page.unlock()
    page.run(axe + "; true")
    yield from (f"axe: {each}" for each in page.run(_VIOLATIONS))
    yield from (f"console: {each}" for each in page.errors)


@contextmanager
def axe_source(path: Path | None) -> Iterator[str]:
    """The script of axe-core: from a file, or fetched by npm."""
    if path is not None:
        yield path.read_text(encoding="utf-8")
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("no npm to fetch axe-core with: `--axe` names its axe.min.js")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([npm, "install", "--silent", "--prefix", folder, AXE], check=True, stdout=sys.stderr)
        yield (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--axe", type=Path, help="axe.min.js of the npm package axe-core")
    parser.add_argument("--scene", type=Path, help="a folder that docs.site.scene has filled; by default a new one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, axe_source(options.axe) as axe, browser() as opened:
        scene = at(options.scene) if options.scene else set_up(Path(folder))
        if options.scene is None:
            fill(scene)
        seen = [look_at(opened, kind, path, axe) for kind, path in scene.pages().items()]
        begun = time.process_time()  # other programs on the machine do not count
        large = write_large_report(Path(folder) / "large")
        written_s = time.process_time() - begun
        seen.append(look_at(opened, f"report, {CANDIDATES} x {EXAMPLES:,}", large, axe))
    rows = [[each.kind, f"{each.bytes / 1000:,.0f}", str(len(each.problems)), f"{each.loaded_s:.2f}"] for each in seen]
    print(markdown_table(["page", "kB", "problems", "seconds to open"], rows))
    print(f"\nThe page of {CANDIDATES} candidates and {EXAMPLES:,} examples took {written_s:.2f} s of CPU to write.")
    problems = [problem for each in seen for problem in each.problems]
    if seen[-1].bytes > LIMIT_BYTES or max(written_s, seen[-1].loaded_s) > LIMIT_S:
        problems.append(f"the large page is over its limits of {LIMIT_S:.0f} s and {LIMIT_BYTES:,} bytes")
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    try:
        main()
    except BrowserError as error:
        sys.exit(str(error))
