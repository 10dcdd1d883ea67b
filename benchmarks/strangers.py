"""What strangers can do with a local stack that runs: another user of the machine, and a page in a browser.

`python -m benchmarks.strangers`, as root on Linux: raises a stack with `gpo up`, lets a run of synthetic models write
prompts and answers into its state folder, and then tries to read them and to start a run: as the user 65534 (its
requests, and reads of every file), and as pages in headless Chromium (Debian's package `chromium`): one of another
address, one of a foreign name, and one whose name was made to point to this machine. A trial that reads or starts
anything ends the program with 1. Without root or Chromium that part is left out, and said so.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from benchmarks.tables import markdown_table

ROOT = Path(__file__).parents[1]
GPO = [sys.executable, "-m", "flows.cli.entry"]
NOBODY = 65534
PYTHON = "/usr/bin/python3"
"""The system's: the one that runs this may lie where others may not read."""
FOREIGN = "evil.example"
CREATE = "/api/deployments/{deployment}/create_flow_run"
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"

AS_NOBODY = """
import base64, http.client, json, os, socket, sys
told = json.load(sys.stdin)
found = []

def ask(what, url, method, path, body=None, headers={}):
    host, port = url
    link = http.client.HTTPConnection(host, port, timeout=60)
    sent = None if body is None else json.dumps(body)
    link.request(method, path, sent, {"content-type": "application/json", **headers})
    answer = link.getresponse()
    text = answer.read().decode(errors="replace")
    got = answer.status < 400 or any(each in text for each in told["secrets"])
    found.append([what, str(answer.status), got])
    link.close()

def watch(what, url, path):
    # A WebSocket that offers no key: what comes back before it is closed.
    with socket.create_connection(tuple(url), timeout=60) as link:
        key = base64.b64encode(b"0123456789abcdef").decode()
        head = [f"GET {path} HTTP/1.1", f"Host: {url[0]}:{url[1]}", "Upgrade: websocket", "Connection: Upgrade"]
        head += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: prefect", "", ""]
        link.sendall("\\r\\n".join(head).encode())
        first = link.recv(65536)
        status = first.split(b" ", 2)[1].decode()
        text = b""
        if status == "101":
            word = json.dumps({"type": "auth", "token": "wrong"}).encode()
            link.sendall(bytes([0x81, 0x80 | len(word)]) + b"\\0\\0\\0\\0" + word)
            while new := link.recv(65536):
                text += new
        said = "closed" if status == "101" else status
        found.append([what, said + (", auth_failure" if b"auth_failure" in text else ""), b"\\"event\\"" in text])

for each in told["requests"]:
    ask(*each)
for each in told["sockets"]:
    watch(*each)
refused, read = 0, []
for path in told["files"]:
    try:
        with open(path, "rb") as file:
            file.read(1)
        read.append(path)
    except OSError:
        refused += 1
found.append([f"open each of {len(told['files'])} files of the state folder", f"{refused} refused", bool(read)])
seen = []
for name in os.listdir("/proc"):
    if name.isdecimal():
        for part in ("cmdline", "environ"):
            try:
                with open(f"/proc/{name}/{part}", "rb") as file:
                    seen.append(file.read())
            except OSError:
                pass
keys = any(key.encode() in each for key in told["keys"] for each in seen)
found.append(["look for keys in what /proc tells of processes", "none found" if not keys else "FOUND", keys])
try:
    names = os.listdir(told["runtime"])
    found.append(["list the folder of the embedded model servers", "listed", True])
except OSError as error:
    found.append(["list the folder of the embedded model servers", type(error).__name__, False])
print(json.dumps(found))
"""

PAGE = """<!doctype html><title>page</title><pre id=out></pre><script>
const told = TOLD, found = [];
async function tried(what, work) {
  try { found.push([what, await work()]); } catch (error) { found.push([what, error.name]); }
}
function socket(url) {
  return new Promise(done => {
    const link = new WebSocket(url, ["prefect"]);
    link.onmessage = event => done("MESSAGE " + event.data);
    link.onopen = () => link.send(JSON.stringify({type: "auth", token: "wrong"}));
    link.onclose = event => done("closed " + event.code);
  });
}
(async () => {
  for (const [what, url, options] of told.requests)
    await tried(what, async () => {
      const answer = await fetch(url, options);
      return answer.type === "opaque" ? "opaque" : answer.status + " " + await answer.text();
    });
  for (const [what, url] of told.sockets) await tried(what, () => socket(url));
  document.getElementById("out").textContent = JSON.stringify(found);
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


class Trial(NamedTuple):
    """Who tried what, what came back, and whether it got anything."""

    who: str
    what: str
    back: str
    got: bool


class Parts(NamedTuple):
    """The addresses of a stack, the keys of its parts, and a deployment of it."""

    prefect: str
    chroma: str
    prompts: str
    keys: Mapping[str, str]
    deployment: str
    secrets: tuple[str, ...]


def gpo(folder: Path, *arguments: str) -> str:
    """What a command prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GPO_", "PREFECT_"))}
    environment = {**kept, "PYTHONPATH": str(ROOT), "PREFECT_HOME": str(folder / "prefect")}
    done = subprocess.run([*GPO, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"gpo {' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


@contextmanager
def stack(folder: Path) -> Iterator[Parts]:
    """A stack that runs, with a run and a registered prompt in its state folder."""
    for name in ("spec.yaml", "questions.jsonl"):
        shutil.copy(ROOT / "examples" / "synthetic" / name, folder)
    shutil.copy(ROOT / "prefect.yaml", folder)
    home = folder / ".gpo"
    try:
        gpo(folder, "up")
        gpo(folder, "optimize", "spec.yaml")
        gpo(folder, "prompt", "register", "spec.yaml", "--name", "secret-prompt")
        found = json.loads((home / "stack.json").read_text())
        keys = {name: (home / f"{name}-key").read_text().strip() for name in ("prefect", "chroma", "prompts")}
        prefect = found["ui_url"]
        listed = httpx.post(
            f"{prefect}/api/deployments/filter", json={}, auth=tuple(keys["prefect"].split(":", 1)), trust_env=False
        )
        secrets = ("Solve the problem", "secret-prompt", listed.json()[0]["id"])
        yield Parts(prefect, found["chroma_url"], found["prompts_url"], keys, listed.json()[0]["id"], secrets)
    finally:
        gpo(folder, "down")


def counted(parts: Parts) -> list[int]:
    """How many flow runs, collections and prompts there are: for who knows the keys."""
    with httpx.Client(trust_env=False, timeout=60) as client:
        basic = tuple(parts.keys["prefect"].split(":", 1))
        runs = client.post(f"{parts.prefect}/api/flow_runs/count", json={}, auth=basic).json()
        known = {name: {"Authorization": f"Bearer {parts.keys[name]}"} for name in ("chroma", "prompts")}
        collections = client.get(f"{parts.chroma}{COLLECTIONS}", headers=known["chroma"]).json()
        prompts = client.get(f"{parts.prompts}/v1/prompts", headers=known["prompts"]).json()["prompts"]
    return [runs, len(collections), len(prompts)]


def requests(parts: Parts) -> list[tuple[str, str, str, str, object]]:
    """What is asked: its name, base address, method, path and body."""
    create = CREATE.format(deployment=parts.deployment)
    run = {"parameters": {}, "job_variables": {"command": "touch /tmp/gpo-was-here"}}
    return [
        ("start a run of a deployment, with a command of its own", parts.prefect, "POST", create, run),
        ("read the flow runs", parts.prefect, "POST", "/api/flow_runs/filter", {}),
        ("read the logs of runs", parts.prefect, "POST", "/api/logs/filter", {}),
        ("read the artifacts, which hold prompts", parts.prefect, "POST", "/api/artifacts/filter", {}),
        ("read Prefect's settings", parts.prefect, "GET", "/api/admin/settings", None),
        ("list the index", parts.chroma, "GET", COLLECTIONS, None),
        ("write into the index", parts.chroma, "POST", COLLECTIONS, {"name": "mine", "get_or_create": True}),
        ("read the prompts", parts.prompts, "GET", "/v1/prompts", None),
        ("read one prompt", parts.prompts, "GET", "/v1/prompts/secret-prompt?version=1", None),
        ("read the reports", parts.prompts, "GET", "/reports/index.html", None),
    ]


def place(url: str) -> tuple[str, int]:
    """Host and port of an address."""
    parts = urlsplit(url)
    return str(parts.hostname), int(parts.port or 80)


def as_nobody(parts: Parts, folder: Path) -> list[Trial]:
    """The trials of another user, which has no more than the machine's own Python."""
    asked: list[list[Any]] = [[what, place(url), *rest] for what, url, *rest in requests(parts)]
    named = {"Host": FOREIGN}
    asked += [
        [f"{what}, by the host name {FOREIGN}", place(url), "GET", path, None, named]
        for what, url, path in (
            ("ask for health", parts.prefect, "/api/health"),
            ("list the index", parts.chroma, COLLECTIONS),
            ("read the prompts", parts.prompts, "/v1/prompts"),
        )
    ]
    told = {
        "requests": asked,
        "sockets": [["follow the events", place(parts.prefect), "/api/events/out"]],
        "files": [str(path) for path in (folder / ".gpo").rglob("*") if path.is_file()],
        "keys": [key.rpartition(":")[2] for key in parts.keys.values()],
        "runtime": str(Path(tempfile.gettempdir()) / "gpo-root"),
        "secrets": parts.secrets,
    }
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", PYTHON, "-c", AS_NOBODY]
    done = subprocess.run(command, input=json.dumps(told), stdout=subprocess.PIPE, text=True, check=True, cwd="/")
    return [Trial("another user", *each) for each in json.loads(done.stdout)]


def in_browser(parts: Parts, name: str, who: str) -> list[Trial]:
    """The trials of a page at `http://NAME:PORT`."""
    asked = [
        (what, url + path, {"method": method, **({"body": json.dumps(body), "headers": JSON} if body else {})})
        for what, url, method, path, body in requests(parts)
    ]
    # What a page may send without asking first; it cannot see what came back, so the runs are counted.
    blind = [
        (f"{what}, as a form", url, {**options, "mode": "no-cors", "headers": {"content-type": "text/plain"}})
        for what, url, options in asked[:1]
    ]
    sockets = [("follow the events", parts.prefect.replace("http", "ws") + "/api/events/out")]
    page = PAGE.replace("TOLD", json.dumps({"requests": [*asked, *blind], "sockets": sockets}))
    found: list[list[str]] = json.loads(show(page, name))
    return [
        Trial(who, what, back.partition(" ")[0][:40], any(secret in back for secret in parts.secrets) or back[0] == "2")
        for what, back in found
    ]


def renamed(parts: Parts) -> list[Trial]:
    """What Chromium shows under a foreign name that was made to point to this machine."""
    trials = []
    for what, url, path in (
        ("show Prefect's page", parts.prefect, "/"),
        ("ask for health", parts.prefect, "/api/health"),
        ("list the index", parts.chroma, COLLECTIONS),
        ("read the prompts", parts.prompts, "/v1/prompts"),
    ):
        with tempfile.TemporaryDirectory() as profile:
            command = [*chromium(profile), "--dump-dom", f"http://{FOREIGN}:{place(url)[1]}{path}"]
            shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout
        is_refused = "does not answer under that host name" in shown
        back = "421" if is_refused else shown[:100]
        trials.append(Trial(f"a page at {FOREIGN}, which points here", what, back, not is_refused))
    return trials


def chromium(profile: str) -> list[str]:
    """The browser, for which the foreign name is this machine."""
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", f"--user-data-dir={profile}"]
    return [str(shutil.which("chromium")), *options, f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1"]


JSON = {"content-type": "application/json"}


def show(page: str, name: str) -> str:
    """What a page sends back that Chromium shows under a host name, all of which point to this machine."""
    sent: list[str] = []
    is_sent = threading.Event()

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()
            is_sent.set()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site, tempfile.TemporaryDirectory() as profile:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        command = [*chromium(profile), f"http://{name}:{site.server_port}/"]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        is_sent.wait(300)
        browser.terminate()
        browser.wait()
        site.shutdown()
    if not sent:
        raise SystemExit("the page did not come to its end in Chromium")
    return sent[0]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    trials: list[Trial] = []
    with tempfile.TemporaryDirectory() as name, stack(Path(name)) as parts:
        Path(name).chmod(0o755)  # the state folder alone has to keep others out
        before = counted(parts)
        if os.geteuid() == 0 and shutil.which("setpriv") and Path(PYTHON).exists():
            trials += as_nobody(parts, Path(name))
        else:
            print("left out: another user, which needs root, setpriv and /usr/bin/python3", file=sys.stderr)
        if shutil.which("chromium"):
            trials += in_browser(parts, "localhost", "a page of another port")
            trials += in_browser(parts, FOREIGN, "a page of a foreign name")
            trials += renamed(parts)
        else:
            print("left out: pages, which need Chromium", file=sys.stderr)
        after = counted(parts)
    print(markdown_table(["who", "tries to", "comes back"], [[each.who, each.what, each.back] for each in trials]))
    print(f"\nflow runs, collections, prompts before and after: {before}, {after}")
    if got := [each for each in trials if each.got] or before != after:
        raise SystemExit(f"something was read or started: {got}")


if __name__ == "__main__":
    main()
