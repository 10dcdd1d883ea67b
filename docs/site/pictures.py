"""Takes the pictures of `docs/images` anew: `python -m docs.site.pictures`, or some of them by their names.

It makes one of everything in a temporary folder, on a stack of its own, and looks at it with Chromium. It needs the
package `chromium` of Debian, and takes some minutes. Look at each picture before you commit it.
"""

import argparse
import base64
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from docs.site.browser import Browser, BrowserError, Page, browser
from docs.site.scene import DATASET, PROMPT, ROOT, Scene, at, fill, set_up

IMAGES = ROOT / "docs" / "images"
COLOURS = 128
MOST_BYTES = 250_000
STILL_S, LONGEST_S = 5.0, 40.0
"""A page of Prefect has drawn itself when it has not changed for so long; one with a clock never stands still."""

WAIT_S = 600.0

A4, EDGE = (794, 1123), 57
"""A sheet and its margin, in pixels of 1/96 inch."""

_FOLLOWER = """
from prefect import flow
@flow(name="reload-bot", flow_run_name="{prompt} version {version}", log_prints=True)
def reload_bot(prompt: str, version: int):
    print(f"the bot takes version {version} of {prompt}")
"""

_WHOLE = "p, tr, h2, h3, pre, li, dd, svg, article, details"
_END = """(limit => {
  const parts = [...document.querySelectorAll(%s)].map(each => each.getBoundingClientRect());
  let end = limit, last;
  do {
    last = end;
    for (const part of parts) if (part.top < end && part.bottom > end) end = part.top;
  } while (end !== last);
  const heads = [...document.querySelectorAll('h2, h3')].map(each => each.getBoundingClientRect());
  const isLast = head => head.bottom <= end && !parts.some(part => part.top >= head.bottom && part.bottom <= end);
  return (heads.find(isLast) || {top: end}).top;
})(%d)"""
"""Where a page is to be cut at the latest, so that no line, picture or card of it is cut in two."""

Take = Callable[[Page], Image.Image]


def picture_of(page: Page, **part: Any) -> Image.Image:
    """What a page shows; `part` as `Page.picture` takes it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.png"
        page.picture(path, **part)
        return Image.open(io.BytesIO(path.read_bytes())).convert("RGB")


def save(name: str, image: Image.Image) -> None:
    """Write a picture with few colours, which is a fifth of its size."""
    path = IMAGES / f"{name}.png"
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    sys.stdout.write(f"{path.relative_to(ROOT)}  {image.width} x {image.height}  {size / 1000:.0f} kB\n")
    if size > MOST_BYTES:
        sys.exit(f"{path} is larger than {MOST_BYTES:,} bytes")


def of_file(path: Path, width: int = 1100, height: float = 1150, *, dark: bool = False, media: str = "screen") -> Take:
    """The top of a page of a report."""

    def take(page: Page) -> Image.Image:
        page.look(width, 900, scale=1 if width > 600 else 1.5, dark=dark, media=media)
        page.open(path.resolve().as_uri())
        return picture_of(page, height=page.run(_END % (json.dumps(_WHOLE), height)))

    return take


def of_sheet(path: Path) -> Take:
    """The first sheet of a report as it is printed: A4 with 15 mm around it."""
    inner, edge = of_file(path, width=A4[0] - 2 * EDGE, height=A4[1] - 2 * EDGE, media="print"), (EDGE, EDGE)

    def take(page: Page) -> Image.Image:
        sheet = Image.new("RGB", A4, "white")
        sheet.paste(inner(page), edge)
        return sheet

    return take


def of_terminal(printed: str) -> Take:
    """The last lines that a command printed, as a terminal shows them."""
    console = Console(record=True, width=100, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed), soft_wrap=False)
    style = "padding:18px 22px;margin:0;font:14px/1.35 'DejaVu Sans Mono',monospace;width:max-content"
    code = f'<pre style="{style}">{{code}}</pre>'
    page = console.export_html(theme=MONOKAI, inline_styles=True, code_format=code)
    html = f'<body style="margin:0;background:#0c0c0c;color:#d9d9d9">{page}</body>'

    def take(page: Page) -> Image.Image:
        page.look(940, 1400)
        page.open(f"data:text/html;charset=utf-8;base64,{base64.b64encode(html.encode()).decode()}")
        return picture_of(page, selector="pre")

    return take


def of_prefect(
    address: str, *scripts: str, height: int = 820, selector: str | None = None, below: tuple[int, int] = (0, 0)
) -> Take:
    """A page of the Prefect UI, after some clicks; without what is left of or above a place."""

    def take(page: Page) -> Image.Image:
        page.look(1280, height)
        page.open(address)
        for script in scripts:
            page.wait(script)
        shown = _still(page, selector)
        return shown.crop((*below, *shown.size))

    return take


def _still(page: Page, selector: str | None) -> Image.Image:
    begun = since = time.monotonic()
    last = picture_of(page)
    while time.monotonic() - since < STILL_S and time.monotonic() - begun < LONGEST_S:
        time.sleep(1)
        if (now := picture_of(page)).tobytes() != last.tobytes():
            last, since = now, time.monotonic()
    return last if selector is None else picture_of(page, selector=selector)


def click(what: str, text: str) -> str:
    """A script that clicks the element `what` whose text begins so, and is true once it is there."""
    press = "new PointerEvent('pointerdown', {bubbles: true, button: 0})"  # menus open before the button is let go
    return (
        f"(found => found && (found.dispatchEvent({press}), found.click(), true))"
        f"([...document.querySelectorAll({json.dumps(what)})]"
        f".find(each => each.textContent.trim().startsWith({json.dumps(text)})))"
    )


def take_pages(scene: Scene) -> Mapping[str, Take]:
    """Pictures of reports, and of the terminal."""
    pages = scene.pages()
    return {
        "report": of_file(pages["report"]),
        "report-dark": of_file(pages["report"], dark=True),
        "report-phone": of_file(pages["report"], width=390, height=1100),
        "report-print": of_sheet(pages["report"]),
        "comparison": of_file(pages["comparison"], height=1225),
        **{kind: of_file(pages[kind]) for kind in ("decision", "prompt", "dataset")},
        "index": of_file(pages["index"], height=1250),
        "terminal": of_terminal(scene.printed.read_text(encoding="utf-8")),
    }


class Stage:
    """The stack of a scene, with two prompts in production: one goes live by itself, one waits for a person."""

    def __init__(self, scene: Scene) -> None:
        """Speak to the stack that runs there."""
        self.scene = scene
        stack = json.loads((scene.home / "stack.json").read_text(encoding="utf-8"))
        self.url, self.key = stack["ui_url"], (scene.home / "prefect-key").read_text(encoding="utf-8").strip()
        user, _, password = self.key.partition(":")
        self._api = httpx.Client(base_url=stack["api_url"], auth=(user, password), trust_env=False, timeout=30)

    def ask(self, what: str, wanted: dict[str, Any]) -> Any:
        """What the server has of a kind."""
        return self._api.post(f"/{what}/filter", json=wanted).raise_for_status().json()

    def run_in_state(self, flow: str, state: str) -> str:
        """The id of the newest run of a flow in a state, once there is one."""
        wanted = {
            "flows": {"name": {"any_": [flow]}},
            "flow_runs": {"state": {"name": {"any_": [state]}}},
            "sort": "START_TIME_DESC",
        }
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if runs := self.ask("flow_runs", wanted):
                return str(runs[0]["id"])
            time.sleep(1)
        raise BrowserError(f"no run of {flow} came to the state {state}")

    def play(self) -> None:
        """Put both prompts into production, follow one, and let new data come."""
        self.scene.gpo("dataset", "push", DATASET, "first.jsonl")
        for spec in ("sums.yaml", "asked.yaml"):
            self.scene.gpo("prompt", "register", spec, "--promote")
            self.scene.gpo("deploy", spec)
        (self.scene.folder / "bot.py").write_text(
            f"{_FOLLOWER}\nfrom prefect.client.orchestration import get_client\n"
            "with get_client(sync_client=True) as client:\n"
            "    client.create_deployment(client.create_flow(reload_bot), name='production')\n",
            encoding="utf-8",
        )
        server = {"PREFECT_API_URL": f"{self.url}/api", "PREFECT_API_AUTH_STRING": self.key}
        self.scene.python("bot.py", **server)
        follow = str(ROOT / "deployments" / "follow_prompt.py")
        self.scene.python(follow, PROMPT, "reload-bot/production", **server)
        self.scene.gpo("dataset", "push", DATASET, "questions.jsonl")


def take_prefect(stage: Stage) -> Mapping[str, Take]:
    """Pictures of the Prefect UI."""
    run = "runs/flow-run/{}".format
    promoted, waiting = (run(stage.run_in_state("reoptimize-prompt", state)) for state in ("Promoted", "Suspended"))
    event = {"name": ["prefect.automation.action.executed"]}
    acted = stage.ask("events", {"filter": {"event": event}, "limit": 1})["events"][0]
    pages, resources = f"{stage.url}/v2", quote(json.dumps([f"gpo.prompt.{PROMPT}"]))
    below = (256, 508)  # without the menu and the graph
    return {
        # Only the pages of V1 draw the tasks of a step as one group.
        "run": of_prefect(f"{stage.url}/{promoted}"),
        "logs": of_prefect(
            f"{pages}/{promoted}?tab=Logs", "document.body.innerText.includes('INFO')", height=1595, below=below
        ),
        "artifacts": of_prefect(f"{pages}/{promoted}?tab=Artifacts", height=1046, below=below),
        "approval": of_prefect(
            f"{pages}/{waiting}",
            click("button", "Open menu"),
            click("[role=menuitem]", "Resume"),
            "document.querySelector('[role=dialog] textarea, [role=dialog] input')",
            height=1700,
            selector="[role=dialog]",
        ),
        "events": of_prefect(f"{pages}/events?resource={resources}", height=1028),
        "automation": of_prefect(
            f"{pages}/events/event/{acted['occurred'][:10]}/{acted['id']}", height=492, below=(256, 0)
        ),
    }


@contextmanager
def the_page(opened: Browser, key: str | None = None) -> Any:
    """A page that Prefect lets in."""
    with opened.page() as page:
        if key is not None:
            page.before_each(f"localStorage.setItem('prefect-password', btoa({json.dumps(key)}))")
        yield page


def main() -> None:
    """Take the pictures that are asked for; ends with 1 where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="pictures, as `report-dark`; by default all of them")
    parser.add_argument("--pages", type=Path, help="a working folder of before, whose reports are there already")
    parser.add_argument("--stack", type=Path, help="a working folder of before, whose stack runs and has been played")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gpo-pictures-") as folder, browser() as opened:
        if options.stack is None or options.pages:
            scene = at(options.pages) if options.pages else set_up(_made(Path(folder) / "pages"))
            if options.pages is None:
                fill(scene)
            with the_page(opened) as page:
                _take(take_pages(scene), page, options.names)
        if options.pages is None or options.stack:
            scene = at(options.stack) if options.stack else set_up(_made(Path(folder) / "stack"))
            try:
                if options.stack is None:
                    scene.gpo("up")
                    Stage(scene).play()
                stage = Stage(scene)
                with the_page(opened, stage.key) as page:
                    _take(take_prefect(stage), page, options.names)
            finally:
                if options.stack is None:
                    scene.gpo("down")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _take(takes: Mapping[str, Take], page: Page, names: Collection[str]) -> None:
    for name, take in takes.items():
        if not names or name in names:
            save(name, take(page))


if __name__ == "__main__":
    try:
        main()
    except BrowserError as error:
        sys.exit(str(error))
