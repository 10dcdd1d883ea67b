"""The page of a decision: what became of a challenger, on which evidence, what changed, and what to type next."""

from collections.abc import Sequence
from typing import NamedTuple

from gpo.formatting import count, fraction, minute, signed
from gpo.gate.verdict import GateVerdict
from gpo.production.decision import STATUS_WORDS, Decision, Status
from gpo.prompts.version import PromptRecord, version_difference
from gpo.report.checks.told import REPEATS
from gpo.report.findings import Tone
from gpo.report.gate import MEASURE_HEAD, SLICE_HEAD
from gpo.report.kept.places import PageLink, place_of
from gpo.report.page.facts import Command
from gpo.report.page.numbers import gate_section
from gpo.report.page.templates import fill_page
from gpo.words import DiffPart, word_difference


class PromptChange(NamedTuple):
    """The prompt that was decided about: its text, its name, and what differs from the champion."""

    title: str
    text: str
    name: str
    difference: Sequence[DiffPart]
    notes: Sequence[str] = ()


_TONES: dict[Status, Tone] = {"promoted": "better", "rejected": "worse", "expired": "unclear", "waiting": "unclear"}


def decision_page(decision: Decision, record: PromptRecord | None, run: PageLink) -> str:
    """The page; `record` is the prompt, None where the registry has it no more, and `run` what was decided about."""
    verdict = decision.verdict
    change = _change(decision, record)
    gate = None if verdict is None else gate_section(verdict)
    return fill_page(
        "decision.html.j2",
        kind="Decision",
        title=decision.prompt,
        decision=decision,
        at=minute(decision.decided_at or decision.created_at),
        run=run,
        tone=tone_of(decision),
        claim=claim_of(decision),
        detail=f": {decision.why or decision.reason}",
        reasons=[each for each in gate.reasons if each != decision.reason] if gate else (),
        warnings=[*([REPEATS] if decision.repeats_example else []), *(gate.warnings if gate else ())],
        gate=gate,
        tiles=[] if verdict is None else _tiles(verdict),
        slice_head=SLICE_HEAD,
        measure_head=("Measure", "Before", "After", *MEASURE_HEAD[3:]),
        change=change,
        facts=_facts(decision),
        history=place_of("prompts", decision.prompt),
        commands=_commands(decision),
    )


def tone_of(decision: Decision) -> Tone:
    """The colour of a decision: of one that moved nothing, that of its verdict."""
    by_verdict: dict[str, Tone] = {"promote": "better", "keep": "worse"}
    found = _TONES.get(decision.status)
    return found or by_verdict.get(_said(decision), "unclear")


def _said(decision: Decision) -> str:
    """What the gate said; in a check a gain is not proven if it needs a person's word, or by a repeated example."""
    verdict = decision.verdict
    if verdict is None:
        return "not enough evidence"
    is_gain = decision.status == "checked" and verdict.decision == "promote"
    if is_gain and (verdict.ask or decision.repeats_example):
        return "not enough evidence"
    return verdict.decision


def words_of(decision: Decision) -> str:
    """What became of it, in a few words; of a check, what the gate said."""
    words = STATUS_WORDS[decision.status]
    if decision.status != "checked" or decision.verdict is None:
        return words
    said = {"promote": "and passed", "keep": "and turned down", "not enough evidence": "and not proven"}
    return f"{words} {said[_said(decision)]}"


def claim_of(decision: Decision) -> str:
    """The same, with the version."""
    words = words_of(decision)
    if decision.challenger is None:
        return words.capitalize()
    return f"Version {decision.challenger}: {words}"


def _change(decision: Decision, record: PromptRecord | None) -> PromptChange | None:
    """The prompt that was decided about, beside the champion; None where one of the two is not known."""
    live = None if record is None else record.find(decision.champion)
    if record is None or live is None:
        return None
    if decision.text:
        parts = word_difference(live.content.instruction, decision.text)
        return PromptChange("The prompt that was checked", decision.text, "that prompt", parts)
    new = record.find(decision.challenger) if decision.challenger is not None else None
    if new is None:
        return None
    found = version_difference(live, new)
    title = "The prompt, which is live" if decision.status == "promoted" else "The prompt in question"
    notes = ["The messages around the instruction differ, too."] if found.template_differs else []
    notes += ["The demonstrations differ, too."] if found.demonstrations_differ else []
    name = f"version {decision.challenger}"
    return PromptChange(title, new.content.instruction, name, found.instruction, tuple(notes))


def _tiles(verdict: GateVerdict) -> list[tuple[str, str, str]]:
    low, high = signed(verdict.gain.low), signed(verdict.gain.high)
    scores = f"{fraction(verdict.champion, 2)} → {fraction(verdict.challenger, 2)}"
    tiles = [
        ("Test score", scores, count(verdict.n, "test example")),
        ("Gain", signed(verdict.gain.value), f"{100 * verdict.confidence:.3g}% interval {low} to {high}"),
        ("Examples", f"{verdict.wins:,} won, {verdict.losses:,} lost", "the others are alike"),
    ]
    if verdict.use is not None:
        spends = f"may pass by luck in {100 * verdict.use.level:.2g}%"
        tiles.append(("Use of the alias", f"number {verdict.use.number}", spends))
    return tiles


def _facts(decision: Decision) -> list[tuple[str, str]]:
    data = decision.dataset
    rows = [
        ("Alias", decision.alias),
        ("In production then", f"version {decision.champion}"),
        ("Data", data.name + (f" version {data.version}" if data.version else "")),
        ("Decided on", f"{minute(decision.created_at)} UTC"),
    ]
    if decision.dev is not None:
        rows.append(("Dev score", f"{fraction(decision.dev[0])} before, {fraction(decision.dev[1])} after"))
    if decision.who:
        rows.append(("By", decision.who))
    if decision.is_open and decision.expires_at:
        rows.append(("Can be answered until", f"{minute(decision.expires_at)} UTC"))
    return rows


def _commands(decision: Decision) -> Sequence[Command]:
    name = decision.prompt
    if decision.is_open:
        return [
            Command("Puts it live", f"gpo approve {decision.run} --why '...'"),
            Command("Keeps what is live", f"gpo reject {decision.run} --why '...'"),
        ]
    if decision.status == "promoted":
        return [Command("Takes it back", f"gpo prompt rollback {name} --why '...'")]
    look = Command("All decisions about this prompt", f"gpo decisions {name}")
    if decision.challenger is None:
        return [look]
    live = f"gpo prompt promote {name} {decision.challenger} --why '...'"
    return [look, Command("Puts it live in spite of the decision", live)]
