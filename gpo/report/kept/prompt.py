"""The page of a prompt: what is live, how it came there, and every version with what was measured of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gpo.formatting import fraction, interval, minute, signed
from gpo.names import PRODUCTION
from gpo.production.decision import Decision
from gpo.prompts.version import Lineage, Measurement, Move, PromptRecord, PromptVersion
from gpo.report.charts.versions import VersionPoint, versions_svg
from gpo.report.kept.decision import tone_of, words_of
from gpo.report.kept.places import PageLink, place_of, place_of_run
from gpo.report.page.facts import Command
from gpo.report.page.templates import fill_page
from gpo.words import DiffPart, word_difference

_SHOWN = 60
"""Versions, and events, that the page shows."""


class TimelineEvent(NamedTuple):
    """One thing that happened: `tone` is a class of the style sheet, `place` where one reads more of it."""

    at: str
    what: str
    why: str
    who: str
    alias: str
    tone: str
    place: PageLink


class VersionCard(NamedTuple):
    """One version: what tells it from its parent, and its facts; `run` is where it was made."""

    version: PromptVersion
    aliases: Sequence[str]
    score: str
    parent: int | None
    difference: Sequence[DiffPart]
    facts: Sequence[tuple[str, str]]
    run: PageLink | None
    messages: Sequence[tuple[str, str]]


def prompt_page(record: PromptRecord, decisions: Sequence[Decision], home: Path) -> str:
    """The page of a prompt, from all that the registry has of it and what was decided about it."""
    live = record.find(PRODUCTION) or (record.versions[-1] if record.versions else None)
    alias = PRODUCTION if PRODUCTION in record.aliases else ""
    moved = next((move for move in reversed(record.moves) if move.alias == alias), None)
    waiting = [each for each in decisions if each.is_open]
    events = _events(record.moves, decisions)
    cards = [_card(record, version, home) for version in reversed(record.versions[-_SHOWN:])]
    return fill_page(
        "prompt.html.j2",
        kind="Prompt",
        title=record.name,
        record=record,
        live=live,
        live_messages=[] if live is None else _messages(live),
        verdict_tone="better" if alias else "unclear",
        claim=f"Version {live.version} is in {alias}" if live and alias else "No version is in production",
        detail=_detail(moved),
        waiting=waiting,
        tiles=_tiles(record, live, decisions),
        picture=versions_svg(_points(record, live)),
        events=events[:_SHOWN],
        events_left=max(0, len(events) - _SHOWN),
        cards=cards,
        cards_left=max(0, len(record.versions) - _SHOWN),
        commands=_commands(record, waiting),
    )


def _detail(moved: Move | None) -> str:
    if moved is None:
        return ": `gpo prompt promote` puts one there."
    why = f": {moved.why}" if moved.why else ""
    return f" since {minute(moved.at)} UTC, put there by {moved.who}{why}"


def _tiles(
    record: PromptRecord, live: PromptVersion | None, decisions: Sequence[Decision]
) -> list[tuple[str, str, str]]:
    tiles = [("Versions", f"{len(record.versions):,}", f"since {record.created_at[:10]}")]
    lineage = live.lineage if live else None
    if lineage and lineage.test:
        test = lineage.test
        tiles.append(("Test score", fraction(test.value, 2), f"{interval(test.low, test.high)}, {test.n:,} examples"))
    if lineage and lineage.gain:
        gain = lineage.gain
        tiles.append(("Gain", signed(gain.value), f"{signed(gain.low)} to {signed(gain.high)}, when it was made"))
    tiles.append(
        ("Decisions", f"{len(decisions):,}", f"{sum(each.status == 'promoted' for each in decisions)} promoted")
    )
    return tiles


def _points(record: PromptRecord, live: PromptVersion | None) -> list[VersionPoint]:
    """The measured versions; those on other data than the live one cannot be compared with it."""
    data = live.lineage.dataset.fingerprint if live and live.lineage and live.lineage.test else None
    found = []
    for version in record.versions[-_SHOWN:]:
        lineage = version.lineage
        if lineage is None or lineage.test is None:
            continue
        test, is_live = lineage.test, live is not None and version.version == live.version
        alike = data is None or lineage.dataset.fingerprint == data
        found.append(VersionPoint(version.version, test.value, test.low, test.high, is_live, alike))
    return found


def _events(moves: Sequence[Move], decisions: Sequence[Decision]) -> list[TimelineEvent]:
    """The moves, and the decisions that moved nothing, the latest first."""
    found = [_moved(move) for move in moves]
    found += [_decided(each) for each in decisions if each.status != "promoted"]
    return sorted(found, key=lambda event: event.at, reverse=True)


def _moved(move: Move) -> TimelineEvent:
    before = f", in place of version {move.from_version}" if move.from_version else ""
    words = "rolled back to" if move.action == "rollback" else "now"
    what = f"{move.alias}: {words} version {move.to_version}{before}"
    tone = "worse" if move.action == "rollback" else "better"
    where = PageLink(f"version {move.to_version}", f"#v{move.to_version}")
    return TimelineEvent(move.at, what, move.why, move.who, move.alias, tone, where)


def _decided(decision: Decision) -> TimelineEvent:
    version = f"version {decision.challenger}: " if decision.challenger is not None else ""
    what = f"{decision.alias}: {version}{words_of(decision)}"
    at, why = decision.decided_at or decision.created_at, decision.why or decision.reason
    where = place_of("decisions", decision.run, "the decision")
    return TimelineEvent(at, what, why, decision.who or "", decision.alias, tone_of(decision), where)


def _card(record: PromptRecord, version: PromptVersion, home: Path) -> VersionCard:
    number = version.parent if version.parent is not None else version.version - 1
    parent = record.find(number) if number > 0 else None
    before = parent.content.instruction if parent else ""
    lineage = version.lineage
    return VersionCard(
        version=version,
        aliases=[alias for alias, each in record.aliases.items() if each == version.version],
        score=_measured(lineage.test) if lineage else "",
        parent=parent.version if parent else None,
        difference=word_difference(before, version.content.instruction) if parent else (),
        facts=[("Note", version.note)] * bool(version.note) + ([] if lineage is None else _lineage(lineage)),
        run=place_of_run(home, lineage.run) if lineage and lineage.run else None,
        messages=_messages(version),
    )


def _messages(version: PromptVersion) -> list[tuple[str, str]]:
    """The messages as they are sent, with the variables left open."""
    return [
        (
            piece.role,
            "".join(f"{{{{{part.text}}}}}" if part.is_variable else part.text for part in piece.parts),
        )
        for piece in version.content.pieces()
    ]


def _lineage(lineage: Lineage) -> list[tuple[str, str]]:
    data = lineage.dataset
    rows: Mapping[str, str] = {
        "Data": data.name + (f" version {data.version}" if data.version else ""),
        "Metric": lineage.metric,
        "Models": ", ".join(f"{role}: {model}" for role, model in lineage.models.items()),
        "Dev": _measured(lineage.dev),
        "Test": _measured(lineage.test),
        "Gain": ""
        if lineage.gain is None
        else f"{signed(lineage.gain.value)} ({signed(lineage.gain.low)} to {signed(lineage.gain.high)})",
        "Shortened from": lineage.proposed or "",
    }
    return [(name, value) for name, value in rows.items() if value]


def _measured(found: Measurement | None) -> str:
    return "" if found is None else f"{fraction(found.value)} ({interval(found.low, found.high)}, n={found.n})"


def _commands(record: PromptRecord, waiting: Sequence[Decision]) -> list[Command]:
    name = record.name
    found = [Command("Puts it live", f"gpo approve {each.run} --why '...'") for each in waiting]
    if len(record.versions) > 1:
        a, b = record.versions[-2].version, record.versions[-1].version
        found.append(Command("What the last version changed, in a terminal", f"gpo prompt diff {name} {a} {b}"))
    if len({move.to_version for move in record.moves if move.alias == PRODUCTION}) > 1:
        found.append(Command("Takes the last promotion back", f"gpo prompt rollback {name} --why '...'"))
    return [*found, Command("Keeps it in version control, history and all", f"gpo prompt export {name} --to prompts")]
