"""A migration in words and as a table, the same in the terminal and in the Prefect UI."""

import json
from collections.abc import Iterator, Mapping
from shlex import quote

from gpo.formatting import count, fraction, money, signed
from gpo.gate.verdict import GateVerdict
from gpo.migration.pairs import CallTimes, Migration, MigrationOutcome, ModelPair
from gpo.migration.verdicts import HEADROOM
from gpo.report.gate import verdict_facts
from gpo.report.markdown import fence, inline, pipe_table

EXIT_CODES: Mapping[MigrationOutcome, int] = {"passes": 0, "worse": 3, "not proven": 4}
"""The exit code of `gpo migrate` by what came of it; 1 and 2 are errors."""

HEAD = (
    *("model", "prompt", "dev", "test", "difference", "interval"),
    *("cost of 1,000", "median s", "p95 s", "gate"),
)

_NEXT = "Next: "


def claim(found: Migration) -> str:
    """What came of a migration, in a few words."""
    best, present = found.best, found.present.model
    if best is not None and best.verdict is not None:
        return f"{name_of(best)} may replace {present}: {_how_good(best.verdict)}"
    if found.live is not None:
        return f"{name_of(found.live)} is in {found.alias} already, as version {found.live.version}"
    if found.asking is not None and found.asking.verdict is not None:
        good = _how_good(found.asking.verdict)
        return f"{name_of(found.asking)} may replace {present} if a person agrees: {good}"
    if found.outcome == "not proven":
        return f"Not proven that a pair may replace {present}"
    on = "on the test split" if found.tested else "on dev already"
    return f"No pair may replace {present}: each is turned down {on}"


def name_of(pair: ModelPair) -> str:
    """A pair in words: `openai:a with a new prompt`."""
    return f"{pair.model} with {'the prompt of production' if pair.prompt == 'production' else 'a new prompt'}"


def _how_good(verdict: GateVerdict) -> str:
    if verdict.gain.low > 0:
        return "better"
    if verdict.is_merely_not_worse and verdict.non_inferior is not None:
        return f"{verdict.non_inferior.when}, and not worse by more than {verdict.non_inferior.margin:g}"
    return f"not worse by more than {-verdict.min_gain:g}"


def rule_line(found: Migration) -> str:
    """What a pair had to show, with what it was corrected for."""
    bar = "0" if not found.required else signed(found.required)
    worse = f": as good within a margin of {found.margin:g}" if found.margin else ""
    family = f" It is corrected for {count(len(found.tested), 'pair')}." if len(found.tested) > 1 else ""
    rule = "A pair may replace the present one where the whole interval of the difference lies above"
    return f"{rule} {bar}{worse}.{family}"


def search_line(found: Migration) -> str:
    """With which models a better prompt was searched for, and why with these."""
    searched = ", ".join(f"{pair.model} (run {pair.run})" for pair in found.pairs if pair.run)
    why = f"may come within {HEADROOM:g} of the present pair on dev and are not clearly ahead of it"
    if searched:
        rule = "" if found.optimize == "all" else f": models that {why}"
        return f"A better prompt was searched for with {searched}{rule}."
    rule = "" if found.optimize == "none" else f": that is for models that {why} (`--optimize`)"
    return f"No better prompt was searched for{rule}."


def pair_rows(found: Migration) -> list[tuple[str, ...]]:
    """The head of the table, the present pair, then the others."""
    return [HEAD, *(_row(found, pair) for pair in (found.present, *found.pairs))]


def _row(found: Migration, pair: ModelPair) -> tuple[str, ...]:
    gain = pair.verdict.gain if pair.verdict else None
    times = pair.times
    prompt = f"version {found.against.version}" if pair.prompt == "production" else "new"
    return (
        pair.model,
        prompt,
        fraction(pair.dev.value) if pair.dev else "",
        fraction(pair.test.value) if pair.test else "",
        signed(gain.value) if gain else "",
        f"{signed(gain.low)} to {signed(gain.high)}" if gain else "",
        money(pair.cost) if pair.cost is not None else "",
        f"{times.median:.2f}{_of_dev(times)}" if times else "",
        f"{times.p95:.2f}{_of_dev(times)}" if times else "",
        gate_word(pair) if not pair.is_present else "the spec's" if found.live else f"in {found.alias}",
    )


def _of_dev(times: CallTimes) -> str:
    """Which examples were timed, where they are not those of the test split: their lengths may differ."""
    return " (dev)" if times.split == "dev" else ""


def gate_word(pair: ModelPair) -> str:
    """What the gate says of a pair, in two words."""
    if pair.verdict is None:
        return "not tested"
    if pair.passes:
        return "live already" if pair.is_live else "may replace"
    if pair.verdict.decision == "promote":
        return "a person has to agree"
    return "turned down" if pair.verdict.decision == "keep" else "not proven"


def reason_lines(found: Migration) -> Iterator[str]:
    """Why, pair by pair: the reasons of the gate, and where the pair was left out, on what grounds."""
    for pair in found.pairs:
        if pair.verdict is None:
            dev = f" ({_on_dev(pair)})" if pair.dev_gain else ""
            yield f"{name_of(pair)}: not tested, {pair.left_out}{dev}."
            continue
        yield f"{name_of(pair)}: {gate_word(pair)}. {' '.join(pair.verdict.reasons)}"


def _on_dev(pair: ModelPair) -> str:
    gain = pair.dev_gain
    return "" if gain is None else f"{signed(gain.value)}, {signed(gain.low)} to {signed(gain.high)}"


def warning_lines(found: Migration) -> list[str]:
    """What a person should know besides, each once."""
    verdicts = [pair.verdict for pair in found.tested if pair.verdict]
    said = [text for verdict in verdicts for text in (verdict.ask, *verdict.warnings) if text]
    return list(dict.fromkeys([*found.warnings, *said]))


def paid_line(found: Migration) -> str:
    """What was paid for, and what it would have cost without the ledger."""
    calls = f"Paid now: {count(found.paid, 'call')}, {found.cached:,} answers from the ledger"
    if found.cost is None:
        return f"{calls}."
    return f"{calls}; cost {money(found.cost_paid or 0.0)} now, {money(found.cost)} in full."


def use_line(found: Migration) -> str:
    """What it counts as."""
    if not found.tested:
        return "The test split was not looked at, and nothing counts."
    return f"It counts as a use of the test split and of `{found.alias}`; the same migration again is the same use."


def next_lines(found: Migration, spec: str = "SPEC", home: str = "") -> list[str]:
    """What to do next: what to type, and what to write into the spec."""
    if found.live is not None:
        model = _model_in_spec(found.live)
        return [f"Name its model in {spec}: {model}. Then a migration compares others with what is in {found.alias}."]
    pair = found.best or found.asking
    if pair is None or pair.version is None:
        return []
    alike = [each for each in found.pairs if each.version and each is not pair and each.asks == pair.asks]
    others = ", ".join(f"version {each.version} ({name_of(each)})" for each in alike)
    told = [f"Then name the model in {spec}: {_model_in_spec(pair)}; `gpo.load_chain` takes that of the version."]
    told += [f"Of the others, these may replace it as well: {others}."] if others else []
    if found.promoted:
        return [f"{found.alias} points to version {pair.version} now.", *told]
    where = f" --home {quote(home)}" if home else ""
    command = f"gpo prompt promote {found.prompt} {pair.version} --alias {found.alias}"
    lines = [f"{_NEXT}{command} --why {quote(f'migration {found.id}')}{where}", *told]
    if pair.asks:
        return ["Nothing was put live: a person has to agree, for the reason above. Whoever does, types:", *lines]
    return lines


def _model_in_spec(pair: ModelPair) -> str:
    asked = pair.asked
    options = {
        "base_url": asked.base_url,
        "api_key_env": asked.api_key_env,
        "completion": asked.completion,
        "parameters": dict(asked.parameters),
    }
    written = {"model": asked.model, **{name: value for name, value in options.items() if value}}
    return f"`models: {{task: {json.dumps(written, ensure_ascii=False)}}}`"


def migration_markdown(found: Migration) -> str:
    """A migration for the Prefect UI: verdict, table, reasons, the whole new prompt, and what to do next."""
    head, *rows = pair_rows(found)
    table = pipe_table(head, [[inline(cell) for cell in row] for row in rows], range(2, len(head) - 1))
    notes = [*reason_lines(found), *(f"Warning: {text}" for text in warning_lines(found))]
    rules = f"{inline(rule_line(found))} {inline(search_line(found))}"
    parts = [f"### {inline(found.prompt)}: {inline(claim(found))}", rules, table]
    parts.append("\n".join(f"- {inline(text)}" for text in notes))
    if found.best is not None and found.best.verdict is not None:
        parts.append(inline(verdict_facts(found.best.verdict)))
        if found.best.prompt == "new":
            parts.append(f"#### The new prompt\n\n{fence(found.best.instruction)}")
    parts.append(f"{inline(paid_line(found))} {inline(use_line(found))}")
    for text in next_lines(found):
        is_command = text.startswith(_NEXT)
        parts.append(fence(text.removeprefix(_NEXT)) if is_command else inline(text))
    return "\n\n".join(part for part in parts if part) + "\n"
