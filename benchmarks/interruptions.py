"""Interrupts `gpo optimize` on a real terminal at many moments, runs it again, and compares with an undisturbed run.

`python -m benchmarks.interruptions --rounds 5`: each round presses Ctrl-C, sends SIGTERM and SIGKILL at the start, in
the check, in the search and in the proof, twelve interruptions. A model server of this program counts the calls.

Each interruption is a line of `--out` as soon as it is over. The same command goes on where it was stopped: what the
file has of this state of the code is not done again, and the table is made of it. `--minutes` ends it early.
"""

import argparse
import json
import math
import os
import pty
import re
import select
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml

from flows.stack.process import start_time
from gpo.files import hash_files

SIGNALS = {"Ctrl-C": signal.SIGINT, "SIGTERM": signal.SIGTERM, "SIGKILL": signal.SIGKILL}
MOMENTS = ("start", "check", "search", "proof")
ROOT = Path(__file__).parents[1]
ROOMS = ("flows", "gpo", "tasks")
LATENCY_S = 0.2
SLOTS = 8
LINE = 300


@dataclass
class Model:
    """Answers after a moment, and remembers what it was asked."""

    calls: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: dict[str, Any]) -> str:
        text = "\n".join(str(message["content"]) for message in body["messages"])
        with self.lock:
            self.calls.append(json.dumps(body, sort_keys=True))
        time.sleep(LATENCY_S)
        if body["model"] == "optimizer":
            word = ("carefully", "exactly", "briefly")[len(text) % 3]
            return "ready" if "ready" in text else f"<START>Decide {word} whether it is good.<END>"
        return "positive" if ("is good." in text) == ("Decide" in text) else "negative"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: ClassVar[Model]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        message = {"role": "assistant", "content": self.model.answer(body)}
        usage = {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        raw = json.dumps(
            {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed hangs up."""


@contextmanager
def serving(model: Model) -> Iterator[str]:
    with Server(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"model": model})) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def write_spec(folder: Path, url: str) -> Path:
    rows = [{"text": f"Thing {i} is {'good' if i % 2 else 'bad'}.", "label": ("no", "yes")[i % 2]} for i in range(60)]
    labels = {"no": "negative", "yes": "positive"}
    lines = [json.dumps({**row, "label": labels[row["label"]]}) for row in rows]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    model = {"base_url": url, "max_concurrency": SLOTS, "timeout_s": 30}
    spec = {
        "name": "interrupted",
        "prompt": {"instruction": "Is it good?", "messages": [{"user": "{{text}}\n{{instruction}}"}]},
        "dataset": {"path": "rows.jsonl", "input": "text", "reference": "label"},
        "answer": {"kind": "choice", "labels": ["positive", "negative"]},
        "models": {
            "task": {"model": "openai:task", **model},
            "optimizer": {"model": "openai:optimizer", **model},
            "embedding": "local:wordllama",
        },
        "optimizer": {"max_steps": 2, "candidates": 3},
    }
    spec["dataset"] |= {"split": {"train": 8, "dev": 24, "test": 28}}  # type: ignore[operator]
    path = folder / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    return path


class Ended(NamedTuple):
    """How a command ended: its code, how long it took after the interruption, the longest line, calls before it."""

    code: int
    seconds: float
    longest: int
    before: int
    summary: dict[str, Any]


def run(path: Path, model: Model, is_time: Callable[[str], bool], number: int | None) -> Ended:
    """Run the command; when it `is_time`, interrupt it. `summary` is what it printed, where it came to an end."""
    out = path.parent / "out.json"
    command = f"exec {sys.executable} -m flows.cli.entry optimize {path} --json > {out}"
    pid, screen = pty.fork()
    if pid == 0:
        os.execv("/bin/sh", ["sh", "-c", command])
    shown, pressed, before = "", 0.0, 0
    while True:
        if select.select([screen], [], [], 0.02)[0]:
            try:
                new = os.read(screen, 65536)
            except OSError:
                break
            if not new:
                break
            shown += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", new.decode(errors="replace"))
        if number is not None and not pressed and is_time(shown):
            pressed, before = time.monotonic(), len(model.calls)
            if number == signal.SIGINT:
                os.write(screen, b"\x03")
            else:
                os.kill(pid, number)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(screen)
    lines = re.split(r"[\r\n]+", shown)
    text = out.read_text()
    summary = json.loads(text) if text.strip() else {}
    took = time.monotonic() - pressed if pressed else 0.0
    return Ended(code if code >= 0 else 128 - code, took, max(map(len, lines)), before, summary)


def is_time_for(moment: str, model: Model, began: int) -> Callable[[str], bool]:
    whole = 8 + 1 + 24
    return {
        "start": lambda shown: "Prefect: http" in shown,
        "check": lambda _shown: len(model.calls) - began >= 3,
        "search": lambda _shown: len(model.calls) - began >= whole + 20,
        "proof": lambda shown: re.search(r"[\r\n]test ", shown) is not None,
    }[moment]


def left_running(home: Path) -> bool:
    """Whether the state folder's server still runs after ten seconds."""
    deadline = time.monotonic() + 10
    record = home / "prefect-server.json"
    server = json.loads(record.read_text()) if record.exists() else None
    while server and start_time(server["pid"]) == server["start_time"]:
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False


def key_result(summary: dict[str, Any]) -> object:
    return summary["best"], summary["start"]


class Seen(NamedTuple):
    """An interruption, how the command ended, the calls repeated, whether a server stays and the result is the same."""

    code_hash: str
    moment: str
    by: str
    number: int
    code: int
    seconds: float
    longest: int
    repeated: int
    stays: bool
    same: bool


def hash_code() -> str:
    """Known by all that runs in a command, also what decides no run."""
    files = {path.relative_to(ROOT).as_posix(): path for room in ROOMS for path in (ROOT / room).rglob("*.py")}
    return hash_files(files)


def read_seen(path: Path) -> list[Seen]:
    """What the file has; a line whose writer was killed is left out."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [Seen(**json.loads(line)) for line in lines if line.endswith("}")]


def append_seen(path: Path, seen: Seen) -> None:
    is_cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if is_cut else "") + json.dumps(seen._asdict()) + "\n")


def measure(wanted: list[tuple[int, str, str]], code_hash: str, until: float) -> Iterator[Seen]:
    """What each interruption came to, until the time is over."""
    model = Model()
    with serving(model) as url, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        (calm := Path(place) / "calm").mkdir()
        undisturbed = key_result(run(write_spec(calm, url), model, lambda _: False, None).summary)
        calls = len(model.calls)
        for number, moment, by in wanted:
            if time.monotonic() > until:
                return
            (folder := Path(place) / f"{moment}-{by}-{number}").mkdir()
            path, began = write_spec(folder, url), len(model.calls)
            ended = run(path, model, is_time_for(moment, model, began), SIGNALS[by])
            stays = left_running(folder / ".gpo")
            again = run(path, model, lambda _: False, None)
            same = bool(again.summary) and key_result(again.summary) == undisturbed
            repeated = len(model.calls) - began - calls
            yield Seen(code_hash, moment, by, number, ended.code, ended.seconds, ended.longest, repeated, stays, same)


def show(found: list[Seen]) -> None:
    head = "| at | by | times | exit codes | seconds, median and most | most calls repeated | left running |"
    print(f"{head} other result |")
    print("|---|---|---:|---|---|---:|---:|---:|")
    for moment, by in ((moment, by) for moment in MOMENTS for by in SIGNALS):
        rows = [each for each in found if (each.moment, each.by) == (moment, by)]
        if not rows:
            continue
        seconds = [each.seconds for each in rows]
        codes = ", ".join(map(str, sorted({each.code for each in rows})))
        row = (moment, by, len(rows), codes, f"{statistics.median(seconds):.1f}, {max(seconds):.1f}")
        wrong = (sum(each.stays for each in rows), sum(not each.same for each in rows))
        print(f"| {' | '.join(map(str, (*row, max(each.repeated for each in rows), *wrong)))} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of twelve interruptions each")
    parser.add_argument("--out", type=Path, default=Path("interruptions.jsonl"), help="what is there is not done again")
    parser.add_argument("--minutes", type=float, default=math.inf, help="no interruption begins after so long")
    parser.add_argument(
        "--any-code", action="store_true", help="also take what other states of the code have left there"
    )
    given = parser.parse_args()
    os.environ |= {"OPENAI_API_KEY": "not-needed", "GPO_PREFECT_IDLE_S": "5"}
    code_hash, until = hash_code(), time.monotonic() + 60 * given.minutes
    found = [each for each in read_seen(given.out) if given.any_code or each.code_hash == code_hash]
    done = {(each.number, each.moment, each.by) for each in found}
    every = [(number, moment, by) for number in range(given.rounds) for moment in MOMENTS for by in SIGNALS]
    wanted = [each for each in every if each not in done]
    try:
        for seen in measure(wanted, code_hash, until) if wanted else ():
            append_seen(given.out, seen)
            found.append(seen)
            print(*seen, file=sys.stderr, flush=True)
    except KeyboardInterrupt:  # what there is by then is shown
        print("stopped; the same command goes on from here", file=sys.stderr)
    show(found)


if __name__ == "__main__":
    main()
