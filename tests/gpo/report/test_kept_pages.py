"""The pages of prompts, decisions, datasets and comparisons: what they say, and that links lead on."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from gpo.data.sources.files import NumberedRow
from gpo.datasets.registry import Datasets, FieldNames, Origin
from gpo.errors import InputError
from gpo.gate.rule import apply_gate
from gpo.production.decision import Decision, Status
from gpo.production.decision_log import Production, open_production
from gpo.prompts.version import DatasetReference, Lineage, Measurement, prompt_content
from gpo.report.comparison import WHOLE
from gpo.report.kept.comparison import read_comparison
from gpo.report.kept.decision import tone_of, words_of
from gpo.report.kept.write import write_all
from gpo.settings import Settings
from tests.gpo.comparison.test_results import whole
from tests.support import outcomes

NAME = "tickets"
HOSTILE = "<b onclick=alert(1)>`x`</b> & \u202e"


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    with open_production(Settings(), tmp_path) as opened:
        yield opened


def register(production: Production, text: str, score: float, data: str = "f") -> int:
    lineage = Lineage(
        task=NAME,
        spec="s",
        metric="exact_match",
        models={"task": "openai:m"},
        dataset=DatasetReference(name="tickets", version="2", fingerprint=data),
        run=f"{NAME}-{data}",
        test=Measurement(value=score, low=score - 0.1, high=score + 0.1, n=100),
    )
    content = prompt_content(outcomes.spec().prompt.template, text)
    return production.registry.register(NAME, content, lineage=lineage, note=HOSTILE).version.version


def decide(production: Production, run: str, status: Status, challenger: int | None, right: int = 60) -> Decision:
    verdict = apply_gate(outcomes.score(right, 100), outcomes.score(50, 100))
    decision = Decision(
        run=run,
        prompt=NAME,
        alias="production",
        basis=run,
        champion=1,
        challenger=challenger,
        status=status,
        dataset=DatasetReference(name="tickets", version="2", fingerprint="f"),
        dev=None if status == "checked" else (0.5, 0.6),
        verdict=verdict,
        reason=verdict.reasons[0],
        why=HOSTILE if status == "kept" else None,
        text=f"Judge {HOSTILE} badly." if status == "checked" else "",
        created_at=f"2026-01-0{challenger or 1}T00:00:00.000+00:00",
    )
    return production.decisions.keep(decision)


def rows(*labels: str) -> Iterator[NumberedRow]:
    for number, label in enumerate(labels, start=1):
        yield number, {"text": f"Ticket {number} {HOSTILE}", "label": label}


def pages_of(home: Path) -> dict[str, str]:
    folder = home / "reports"
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}


@pytest.fixture
def pages(production: Production, tmp_path: Path) -> dict[str, str]:
    """A prompt with three versions, three decisions, a dataset of two versions and a comparison."""
    for text, score, data in (("Judge.", 0.5, "f"), ("Judge well.", 0.6, "f"), (f"Judge {HOSTILE}", 0.7, "other")):
        register(production, text, score, data)
    production.registry.promote(NAME, 1, who="ada", why="first")
    production.registry.promote(NAME, 2, who="ada", why=HOSTILE)
    decide(production, "tickets-one", "waiting", 3)
    decide(production, "tickets-two", "kept", 2, right=40)
    decide(production, "tickets-check-3", "checked", None, right=30)
    datasets = Datasets(Settings(), tmp_path)
    datasets.push(NAME, rows("a", "b", "a"), Origin("one.jsonl"), FieldNames(("text",), "label"))
    datasets.push(NAME, rows("a", "a", "a", "b"), Origin("two.jsonl", "ada", HOSTILE))
    folder = tmp_path / "comparisons" / whole().id
    folder.mkdir(parents=True)
    (folder / WHOLE).write_text(whole().model_dump_json(), encoding="utf-8")
    write_all(tmp_path, production, datasets)
    return pages_of(tmp_path)


def test_a_check_that_passed_by_a_repeated_example_is_not_proven(production: Production) -> None:
    kept = decide(production, "tickets-check", "checked", None, right=90)
    assert (words_of(kept), tone_of(kept)) == ("a prompt was checked and passed", "better")
    repeats = kept.model_copy(update={"repeats_example": True})
    assert (words_of(repeats), tone_of(repeats)) == ("a prompt was checked and not proven", "unclear")


@pytest.mark.slow
def test_pages_say_what_is_live_what_was_decided_and_what_changed(pages: dict[str, str]) -> None:
    prompt = pages["prompts/tickets.html"]
    assert "Version 2 is in production" in prompt
    assert "Version 3 waits for a word" in prompt
    assert "gpo approve tickets-one" in prompt
    assert 'class="dropped"' in prompt  # measured on other data
    assert "a prompt was checked and turned down" in prompt
    waiting = pages["decisions/tickets-one.html"]
    assert "Version 3: waits for approval" in waiting
    assert "gpo reject tickets-one" in waiting
    assert "A prompt was checked and turned down" in pages["decisions/tickets-check-3.html"]
    assert "The prompt that was checked" in pages["decisions/tickets-check-3.html"]
    dataset = pages["datasets/tickets.html"]
    assert "Version 2: 4 rows" in dataset
    assert "75.0%" in dataset
    assert "Relabelled, some of them" in dataset
    assert "0.700" in dataset  # the latest version of the prompt that was measured on it
    compared = pages[f"comparisons/{whole().id}.html"]
    assert "gpo has the highest mean test score" in compared
    assert compared.count('<path class="method') == 2 * 3  # two methods, over all tasks and on each of two

    # Whatever the texts are, they stay texts; every link leads to a page or to a place on one.
    for name, page in pages.items():
        assert "<b onclick" not in page, name
        assert "\u202e" not in page, name
        for target in re.findall(r'href="([^"]*)"', page):
            path, _, place = target.partition("#")
            where = (Path(name).parent / unquote(path)).as_posix() if path else name
            parts: list[str] = []
            for part in where.split("/"):
                parts = parts[:-1] if part == ".." else [*parts, part]
            assert "/".join(parts) in pages, (name, target)
            assert not place or f'id="{place}"' in page, (name, target)


def test_a_comparison_is_named_by_its_id_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / WHOLE).write_text("{}", encoding="utf-8")
    for identity in ("../secret", "none"):
        with pytest.raises(InputError, match="there is no comparison"):
            read_comparison(tmp_path, identity)
