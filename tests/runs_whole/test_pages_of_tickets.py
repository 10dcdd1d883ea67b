"""The pages about the reader's own `tickets`: what they say is typed, with a server of OpenAI's protocol on loopback.

The README's own lines make the folder in which the other pages are followed.
"""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd
import pytest

import gpo
from tests.runs_whole.test_python_pages import fresh_loader
from tests.support.commands import gpo as command
from tests.support.endpoint import Endpoint, Request, serving
from tests.support.pages import Block, blocks
from tests.support.reader import Reader

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_environment")]

SAYS = {"billing": "was charged twice for", "fault": "cannot switch on", "delivery": "still wait for"}
LABELS = tuple(SAYS)
THINGS = ("lamp", "kettle", "radio", "clock", "heater", "drill", "scale", "fan")
CARE = "Say what the writer wants."


def tickets(count: int, first: int = 0) -> list[dict[str, str]]:
    """Tickets of three kinds, which came by two channels."""
    found = []
    for number in range(first, first + count):
        label, thing = LABELS[number % 3], THINGS[number % 8]
        text = f"Order {number}: I {SAYS[label]} the {thing} of week {number % 50}."
        found.append({"ticket": text, "label": label, "channel": ("mail", "chat", "phone")[number % 7 % 3]})
    return found


def reply(request: Request) -> str:
    """Without a word of care, the task model is wrong about each third ticket."""
    if "<START" in request.text:
        return f"<START>{CARE} Answer with the label alone. Way {request.number}.<END>"
    asked = re.findall(r"Order (\d+): I (.*?) the ", request.text)
    if not asked:
        return "ready"
    number, says = asked[-1]
    label = next(label for label, phrase in SAYS.items() if phrase == says)
    is_right = CARE in request.text or int(number) // 3 % 3
    return label if is_right else LABELS[LABELS.index(label) - 1]


@dataclass(frozen=True)
class Followed:
    """A folder in which the README's lines about a prompt of one's own were typed, and what they make known."""

    folder: Path
    shown: str
    stand_ins: dict[str, str]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with (
        serving(reply) as server,
        patch.dict("os.environ", {"OPENAI_API_KEY": "of-a-test", "OPENAI_BASE_URL": server.url}),
    ):
        yield server


@pytest.fixture(scope="module")
def followed(own_environment: None, endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    folder = tmp_path_factory.mktemp("tickets")
    with (folder / "tickets.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["ticket", "label", "channel"])
        writer.writeheader()
        writer.writerows(tickets(105))
    for name, rows in (("tickets", tickets(105)), ("reviews", tickets(60)), ("new", tickets(63, 3))):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "prompts").mkdir()
    (folder / "prompts" / "tickets.txt").write_text(f"{CARE} One word.")
    own, models = _readme("spec init"), _readme("max_task_calls")

    def fill_in(line: str) -> None:
        """As the starter spec says: put your prompt and your models into it."""
        if "spec init" in line:
            path = folder / "tickets.yaml"
            starter = path.read_text(encoding="utf-8").partition("\nmodels:")[0]
            named = models.text.replace("http://localhost:8080/v1", endpoint.url).replace("1500", "150")
            named = named.replace("max_concurrency", f'base_url: "{endpoint.url}", max_concurrency')
            path.write_text(f"{starter}\n{named}\ngate: {{slices: [channel]}}\n", encoding="utf-8")

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        shown = Reader(monkeypatch).type_block(own, fill_in)
        run = json.loads(command("reports", "--json").stdout)[0]["run"]
    label = re.findall(r"^ +(s[1-9]\d*c\d+)  ", shown, re.MULTILINE)[0]
    return Followed(folder, shown, {"tickets-1a2b3c4d": run, "tickets-1a2b": run[:-4], "s3c07": label})


def _readme(part: str) -> Block:
    return next(block for block in blocks("README.md") if part in block.text)


@pytest.fixture
def at_work(followed: Followed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """A reader in a copy of that folder, with a browser that opens nothing."""
    folder = tmp_path / "tickets"
    shutil.copytree(followed.folder, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr("webbrowser.open", lambda _: True)
    with fresh_loader():
        yield Reader(monkeypatch, followed.stand_ins)


def write_export(path: Path) -> None:
    """A file as the page about data has it: Western letters, rows without an answer, rows that come again."""
    labels = ["billing"] * 122 + ["bug"] * 107 + ["how_to"] * 61 + ["cancellation"] * 25
    # Shares are alike everywhere, so that no label depends on where its row stands.
    labels = [labels[number * 101 % len(labels)] for number in range(len(labels))]
    rows = [
        {"Ticket ID": f"T-{number}", "Channel": ("mail", "chat", "phone")[number % 3],
         "Customer message": f"I write for the {number}th time about the {THINGS[number % 8]}.", "Category": label}
        for number, label in enumerate(labels)
    ]  # fmt: skip
    rows[5]["Customer message"] = "The café has no receipt."
    for number in (7, 100, 200):
        rows.insert(number, {**rows[number], "Ticket ID": f"E-{number}", "Category": ""})
    for number, first in ((39, 10), (120, 40), (220, 50)):
        rows[number] = {**rows[first], "Ticket ID": f"D-{number}"}
    next(row for row in rows[250:] if row["Category"] == "bug")["Category"] = "billing"
    with path.open("w", newline="", encoding="cp1252") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_reviews(path: Path, new: Path) -> None:
    """Two versions of a dataset: of the second, 5 rows are new, 3 are gone and 7 have another label."""
    rows = [{"review": f"Thing {number} is fine.", "label": ("good", "bad")[number % 2]} for number in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    changed = [{**row, "label": "good"} if number in range(3, 17, 2) else row for number, row in enumerate(rows)]
    added = [{"review": f"Another {number} is fine.", "label": "bad"} for number in range(5)]
    new.write_text("".join(json.dumps(row) + "\n" for row in [*changed[3:], *added]))


def type_page(page: str, reader: Reader) -> str:
    return "".join(
        reader.type_block(block) for block in blocks(page) if block.kind == "console" and not block.needs_stack
    )


def test_the_lines_of_the_readme_put_a_better_prompt_live(followed: Followed, at_work: Reader) -> None:
    assert "Better by +" in followed.shown
    names: dict[str, Any] = {"text": "Order 1: I cannot switch on the lamp of week 2."}
    reads = next(block.text for block in blocks("README.md") if "from gpo import load_prompt" in block.text)
    exec(reads, names)
    assert CARE in names["messages"].to_string()


def test_the_readme_does_the_same_from_python(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from langchain_openai import ChatOpenAI

    monkeypatch.chdir(tmp_path)
    text = next(block.text for block in blocks("README.md") if "gpo.optimize" in block.text)
    # Of the numbers of a run the page says nothing: the default would be 1,500 calls.
    text = text.replace("task=ChatOpenAI", "calls=100, task=ChatOpenAI")
    names: dict[str, Any] = {"frame": pd.DataFrame(tickets(90))[["ticket", "label"]], "ChatOpenAI": ChatOpenAI}
    with fresh_loader():
        exec(text, names)
    assert names["result"].verdict == "promote"


def test_what_is_said_of_the_results_of_a_run(at_work: Reader) -> None:
    command("dataset", "push", "tickets", "tickets.jsonl")
    command("check", "tickets.yaml", "--prompt", "prompts/tickets.txt")
    decided = json.loads(command("decisions", "--json").stdout)[0]["run"]
    at_work.stand_ins["RUN"] = decided
    type_page("docs/results-of-a-run.md", at_work)
    assert Path("wrong.csv").exists()
    names: dict[str, Any] = {}
    for block in blocks("docs/results-of-a-run.md"):
        if block.kind == "python":
            exec(block.text, names)
    assert len(names["frame"])


def test_what_is_said_of_another_model(at_work: Reader) -> None:
    (block,) = (block for block in blocks("docs/migration.md") if block.kind == "python")
    # No search: the model that answers as the present one does is not promising, and is within no small margin either.
    text = block.text.replace("margin=0.02", 'margin=0.1, optimize="none"')
    names: dict[str, Any] = {"gpo": gpo}
    exec(text, names)
    assert names["result"].migration.outcome == "passes"
    assert (gpo.load_prompt("tickets").metadata or {})["version"] == 3


def test_what_is_said_of_datasets(at_work: Reader) -> None:
    write_export(Path("tickets.csv"))
    Path("tickets.yaml").unlink()
    write_reviews(Path("reviews.jsonl"), Path("new.jsonl"))
    shown = type_page("docs/datasets.md", at_work)
    (promised,) = (block.text for block in blocks("docs/datasets.md") if block.kind == "text")
    for line in [*promised.splitlines(), "version 2: 62 rows (5 added, 3 removed, 7 relabelled)"]:
        assert line in shown


def test_what_is_said_of_a_prompt_that_a_person_changes(at_work: Reader) -> None:
    assert "tickets" in type_page("docs/production.md", at_work)
    assert Path("check.xml").exists()
    assert Path("summary.md").exists()
