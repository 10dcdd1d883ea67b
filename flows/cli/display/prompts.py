"""What a person sees of the prompt registry: tables on a terminal, plain lines with tabs in a pipe."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from flows.cli.console import format_time, print_json, print_table, program
from gpo import formatting
from gpo.production.decision import Decision, Status
from gpo.prompts.version import AskedWith, Lineage, Measurement, Move, PromptDifference, PromptRecord, PromptVersion
from gpo.records import Interval
from gpo.report.markdown import as_markdown

_TURNED_DOWN: Mapping[Status, str] = {"rejected": "reject", "expired": "expire", "kept": "keep"}

NO_DECISIONS = "none yet; `gpo reoptimize SPEC` makes one"

_HIDDEN = {"standing", "below"}
"""Fields of a move that only the registry needs."""

_CHANGES = {"removed": "red strike", "added": "bold green"}


def print_prompts(console: Console, records: Sequence[PromptRecord]) -> None:
    """All prompts, one a line."""
    rows = [
        [
            record.name,
            str(len(record.versions)),
            _aliases(record.aliases),
            format_time(console, record.moves[-1].at) if record.moves else "",
        ]
        for record in records
    ]
    print_table(console, ["prompt", "versions", "aliases", "last moved (UTC)"], rows)


def print_version(console: Console, version: PromptVersion, aliases: Sequence[str]) -> None:
    """One version whole: where it comes from, then the messages as they are sent, variables left open."""
    facts = {
        "prompt": f"{version.name} version {version.version}",
        "aliases": ", ".join(aliases),
        "created": version.created_at,
        "parent": "" if version.parent is None else f"version {version.parent}",
        "note": version.note,
        "digest": version.digest[:12],
        **(_lineage(version.lineage) if version.lineage else {}),
    }
    for label, value in facts.items():
        if value:
            _print(console, Text.assemble((f"{label:<9}", "dim"), formatting.one_line(value)))
    for piece in version.content.pieces():
        _print(console, Text(f"\n{piece.role}", style="bold"))
        text = Text()
        for part in piece.parts:
            shown = f"{{{{{part.text}}}}}" if part.is_variable else formatting.printable(part.text)
            text.append(shown, style="cyan" if part.is_variable else "default")
        _print(console, text)


def events(moves: Sequence[Move], decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """The moves, and between them the challengers that were turned down, from the first to the last."""
    turned_down = [each for each in decisions if each.status in _TURNED_DOWN and each.challenger is not None]
    found = [
        *({**move.model_dump(mode="json", exclude=_HIDDEN), "challenger": None} for move in moves),
        *(_turned_down(each) for each in turned_down),
    ]
    return sorted(found, key=lambda event: str(event["at"]))


def _turned_down(decision: Decision) -> dict[str, Any]:
    return {
        "name": decision.prompt,
        "number": None,
        "alias": decision.alias,
        "action": _TURNED_DOWN[decision.status],
        "from_version": decision.champion,
        "to_version": decision.champion,
        "who": decision.who or "",
        "why": decision.why or decision.reason,
        "at": decision.decided_at or decision.created_at,
        "challenger": decision.challenger,
    }


def print_history(console: Console, record: PromptRecord, happened: Sequence[Mapping[str, Any]]) -> None:
    """The versions, then what happened to them, as `events` has it."""
    holders = {number: alias for alias, number in sorted(record.aliases.items(), reverse=True)}
    versions = [
        [
            str(version.version),
            format_time(console, version.created_at),
            "" if version.parent is None else str(version.parent),
            _measured(version.lineage.test) if version.lineage else "",
            _gain(version.lineage.gain) if version.lineage else "",
            holders.get(version.version, ""),
            formatting.shorten(formatting.printable(version.content.instruction)),
        ]
        for version in record.versions
    ]
    print_table(console, ["version", "created (UTC)", "parent", "test", "gain", "alias", "instruction"], versions)
    console.print()
    rows = [
        [
            str(event["number"] or ""),
            format_time(console, event["at"]),
            event["alias"],
            event["action"],
            _from_to(event),
            formatting.one_line(event["who"]),
            formatting.one_line(event["why"]),
        ]
        for event in happened
    ]
    print_table(console, ["move", "at (UTC)", "alias", "action", "version", "who", "why"], rows)


def print_decisions(console: Console, decisions: Sequence[Decision], if_none: str) -> None:
    """One decision a line, the latest first; `if_none` where there is none."""
    if not decisions:
        _print(console, Text(if_none))
        return
    rows = [
        [
            format_time(console, each.created_at),
            each.prompt,
            each.run,
            each.status,
            each.alias,
            _champion_or_challenger(each),
            formatting.one_line(each.who or ""),
            formatting.one_line(each.why or each.reason),
        ]
        for each in decisions
    ]
    print_table(console, ["at (UTC)", "prompt", "run", "status", "alias", "version", "who", "why"], rows)


def _champion_or_challenger(decision: Decision) -> str:
    if decision.challenger is None:
        return str(decision.champion)
    if decision.status == "promoted":
        return f"{decision.champion} -> {decision.challenger}"
    between = " or" if decision.is_open or decision.status == "checked" else ", not"
    return f"{decision.champion}{between} {decision.challenger}"


def print_difference(console: Console, difference: PromptDifference) -> None:
    """The instruction with removed and added words marked, and what else differs."""
    a, b = difference.a.version, difference.b.version
    _print(console, Text(f"{difference.name}: version {a} to version {b}", style="bold"))
    if a == b:
        _print(console, Text("the same version"))
        return
    if console.color_system is None or console.no_color:
        _print(console, Text(formatting.printable(as_markdown(difference.instruction))))
    else:
        text = Text()
        for part in difference.instruction:
            text.append(f"{formatting.printable(part.text)} ", style=_CHANGES.get(part.kind, "default"))
        _print(console, text)
    if difference.b.lineage is not None and difference.b.lineage.proposed is not None:
        _print(console, Text(f"shortened from: {formatting.printable(difference.b.lineage.proposed)}", style="dim"))
    if difference.template_differs:
        _print(console, Text("The messages around the instruction differ: `gpo prompt show` has each."))
    if difference.demonstrations_differ:
        _print(console, Text("The demonstrations differ: `gpo prompt show` has each."))


def print_move(move: Move, *, as_json: bool) -> None:
    """Where an alias points now, and where it pointed before."""
    if as_json:
        print_json(move.model_dump(mode="json", exclude=_HIDDEN))
        return
    before = f", before version {move.from_version}" if move.from_version else ""
    typer.echo(f"{move.name}: {move.alias} points to version {move.to_version}{before} ({move.who}, {move.at})")


def print_registered(version: PromptVersion, aliases: Mapping[str, int], *, is_new: bool) -> None:
    """Under which version a prompt is kept now, and what is left to do where no alias points to it."""
    kept = "Registered" if is_new else "Already registered, as"
    typer.echo(f"{kept} {version.name} version {version.version}; {alias_text(aliases)}")
    if version.version not in aliases.values():
        typer.echo(f"Next: {program()} prompt promote {version.name} {version.version} --why ...")


def alias_text(aliases: Mapping[str, int]) -> str:
    """Where the aliases of a prompt point, in words."""
    return ", ".join(f"{alias} points to version {number}" for alias, number in aliases.items()) or "no alias yet"


def _lineage(lineage: Lineage) -> Mapping[str, str]:
    data = lineage.dataset
    return {
        "run": lineage.run or "",
        "data": " ".join(filter(None, [data.name, data.version and f"version {data.version}", data.fingerprint])),
        "metric": lineage.metric,
        "models": ", ".join(f"{role}: {model}" for role, model in lineage.models.items()),
        **(_asked(lineage.asked) if lineage.asked else {}),
        "dev": _measured(lineage.dev),
        "test": _measured(lineage.test),
        "gain": _gain(lineage.gain),
        "original": lineage.proposed or "",
    }


def _asked(asked: AskedWith) -> Mapping[str, str]:
    """With what the prompt was measured, as the spec writes it."""
    options = ", ".join(f"{name}: {json.dumps(value)}" for name, value in asked.parameters.items())
    answer = ", ".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in asked.answer.items()
    )
    return {"asked": ", ".join(filter(None, [asked.model, options])), "answer": answer}


def _measured(measurement: Measurement | None) -> str:
    if measurement is None:
        return ""
    interval = formatting.interval(measurement.low, measurement.high)
    return f"{formatting.fraction(measurement.value)} ({interval}, n={measurement.n})"


def _gain(gain: Interval | None) -> str:
    if gain is None:
        return ""
    return f"{formatting.signed(gain.value)} ({formatting.signed(gain.low)} to {formatting.signed(gain.high)})"


def _aliases(aliases: Mapping[str, int]) -> str:
    return ", ".join(f"{alias}: {version}" for alias, version in aliases.items())


def _from_to(event: Mapping[str, Any]) -> str:
    before, after, challenger = event["from_version"], event["to_version"], event["challenger"]
    if challenger is not None:
        return f"{after}, not {challenger}"
    return str(after) if before is None else f"{before} -> {after}"


def _print(console: Console, text: Text) -> None:
    """A text as it is: wrapped by the terminal, never broken in a pipe."""
    console.print(text, soft_wrap=True)
