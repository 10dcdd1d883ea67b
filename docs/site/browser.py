"""Chromium without a window, by its DevTools protocol: it opens pages, runs scripts on them and takes pictures.

It needs the program `chromium` (Debian's package of that name) and nothing else: it speaks JSON over a web socket.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
MISSING = f"no browser: install Debian's package `chromium`; looked for {', '.join(PROGRAMS)}"

_START_S = 60.0
_ANSWER_S = 600.0
_NO_LIMIT = None


class BrowserError(RuntimeError):
    """A page did not do what was asked of it."""


def find_program() -> str | None:
    """The path of the browser; None where none is installed."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


class Page:
    """A page of the browser. `errors` are what its console and its requests have complained of."""

    def __init__(self, address: str) -> None:
        """Connect to a page by the address of its web socket."""
        self._socket: ClientConnection = connect(address, max_size=_NO_LIMIT, open_timeout=_START_S)
        self._number = 0
        self.errors: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(BrowserError):
            self.ask("Page.close")
        self._socket.close()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result.

        Raises:
            BrowserError: the browser refused it.
        """
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(timeout=_ANSWER_S))
            self._hear(said)
            if said.get("id") == self._number:
                if "error" in said:
                    raise BrowserError(f"{method}: {said['error']['message']}")
                return dict(said["result"])

    def _hear(self, said: dict[str, Any]) -> None:
        about = said.get("params", {})
        match said.get("method"):
            case "Runtime.exceptionThrown":
                self.errors.append(str(about["exceptionDetails"].get("exception", {}).get("description", about)))
            case "Runtime.consoleAPICalled" if about["type"] == "error":
                self.errors.append(" ".join(str(each.get("value", "")) for each in about["args"]))
            case "Log.entryAdded" if about["entry"]["level"] == "error":
                self.errors.append(about["entry"]["text"])

    def look(self, width: int, height: int, *, scale: float = 1, dark: bool = False, media: str = "screen") -> None:
        """The size of the window, the colours that its user likes, and whether it is a screen or `print`."""
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        wanted = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", media=media, features=wanted)

    def open(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self.ask("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, which may be a promise.

        Raises:
            BrowserError: it threw.
        """
        done = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise BrowserError(str(done["exceptionDetails"].get("exception", {}).get("description", script)))
        return done["result"].get("value")

    def wait(self, script: str, seconds: float = 60) -> None:
        """Return once an expression is true.

        Raises:
            BrowserError: it did not become so in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(BrowserError):  # a page that is on its way to another has no such thing yet
                if self.run(f"!!({script})"):
                    return
            time.sleep(0.1)
        raise BrowserError(f"after {seconds:.0f} s this is not so: {script}; the page: {self.run('location.href')}")

    def before_each(self, script: str) -> None:
        """Run a script on every page before the page's own."""
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=script)

    def unlock(self) -> None:
        """Let scripts run that the page's own policy would not: those of a test."""
        self.ask("Page.setBypassCSP", enabled=True)

    def picture(self, path: Path, *, selector: str | None = None, height: float | None = None) -> None:
        """Take a picture, as PNG: of the window, an element in it, or the page down to `height` (0: all of it)."""
        clip: dict[str, float] | None = None
        if selector is not None:
            box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
            clip = self.run(f"(b => ({{x: b.x, y: b.y, width: b.width, height: b.height}}))({box})")
        elif height is not None:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(height or size["height"], size["height"])}
        beyond = selector is None  # what is fixed to the window would move
        part = {} if clip is None else {"clip": {**clip, "scale": 1}, "captureBeyondViewport": beyond}
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png", **part)["data"]))

    def paper(self, path: Path) -> None:
        """Print the page as a PDF of A4 sheets."""
        done = self.ask("Page.printToPDF", printBackground=True, paperWidth=8.27, paperHeight=11.69)
        path.write_bytes(base64.b64decode(done["data"]))


class Browser:
    """A running browser."""

    def __init__(self, port: int) -> None:
        """Speak to the browser that listens at a port of this machine."""
        self._port = port

    def page(self) -> Page:
        """A new page."""
        with connect(f"ws://127.0.0.1:{self._port}{self._path}", open_timeout=_START_S) as socket:
            socket.send(json.dumps({"id": 1, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
            while (said := json.loads(socket.recv(timeout=_ANSWER_S))).get("id") != 1:
                continue
        return Page(f"ws://127.0.0.1:{self._port}/devtools/page/{said['result']['targetId']}")

    _path = ""

    @classmethod
    def at(cls, said: str) -> Self:
        """The browser that wrote its port and its path into a file."""
        port, path = said.split()
        browser = cls(int(port))
        browser._path = path
        return browser


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own, which goes with it.

    Raises:
        BrowserError: none is installed, or it does not start.
    """
    program = find_program()
    if program is None:
        raise BrowserError(MISSING)
    with tempfile.TemporaryDirectory(prefix="gpo-browser-", ignore_cleanup_errors=True) as profile:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # which root cannot have
        command = [program, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}", *sandbox]
        command += ["--no-first-run", "--disable-gpu", "--hide-scrollbars", "--force-color-profile=srgb"]
        process = subprocess.Popen(  # noqa: S603 - the program that was found above
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        )
        try:
            yield Browser.at(_await_port(Path(profile) / "DevToolsActivePort", process))
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_port(path: Path, process: "subprocess.Popen[bytes]") -> str:
    end = time.monotonic() + _START_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError):
            if len(said := path.read_text(encoding="utf-8").split()) == 2:
                return " ".join(said)
        time.sleep(0.05)
    raise BrowserError(f"{process.args!r} did not start (exit code {process.poll()})")
