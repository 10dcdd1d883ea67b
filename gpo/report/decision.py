"""A decision as Markdown, for the Prefect UI and for the person who is asked to approve."""

from gpo.formatting import fraction, signed
from gpo.gate.verdict import GateVerdict
from gpo.production.decision import STATUS_WORDS, Decision
from gpo.prompts.version import PromptDifference
from gpo.report.markdown import as_markdown, inline, pipe_table


def decision_markdown(decision: Decision, difference: PromptDifference | None) -> str:
    """The decision with its reason, the facts, the evidence of the gate, and the change of the prompt."""
    by = f" By {inline(decision.who)}." if decision.who else ""
    parts = [
        f"# {inline(decision.prompt)}: {STATUS_WORDS[decision.status]}",
        inline(decision.why or decision.reason) + by,
        _facts(decision),
    ]
    if decision.verdict is not None:
        parts.append(_evidence(decision.verdict))
    if difference is not None:
        parts += ["## The change", as_markdown(difference.instruction), _origin(difference)]
    return "\n\n".join(part for part in parts if part) + "\n"


def approval_text(decision: Decision, difference: PromptDifference | None) -> str:
    """The question to the person who approves, with the change, the evidence and the commands that answer it."""
    change = "" if difference is None else f"\n\n{_marked(difference)}"
    origin = "" if difference is None or not (found := _origin(difference)) else f"\n\n{found}"
    evidence = "" if decision.verdict is None else f"{_evidence(decision.verdict)}\n\n"
    return (
        f"**Promote version {decision.challenger} of {inline(decision.prompt)} to `{decision.alias}`, "
        f"in place of version {decision.champion}?**\n\n{inline(decision.reason)}{change}{origin}\n\n{evidence}"
        f"Run {decision.run}. From a terminal: `gpo approve {decision.run}` or `gpo reject {decision.run}`."
    )


def _marked(difference: PromptDifference) -> str:
    """The change in Markdown alone: the form in the UI shows no HTML."""
    marks = {"same": "{}", "removed": "~~{}~~", "added": "**{}**"}
    return " ".join(marks[part.kind].format(inline(part.text)) for part in difference.instruction)


def _origin(difference: PromptDifference) -> str:
    """What the model wrote, where the new instruction is not that in full."""
    lineage = difference.b.lineage
    if lineage is None or lineage.proposed is None:
        return ""
    return f"The new instruction is not the model's own text. Shortened from: {inline(lineage.proposed)}"


def _facts(decision: Decision) -> str:
    data = decision.dataset
    version = f" version {data.version}" if data.version else ""
    rows = [
        ("champion", f"version {decision.champion}"),
        ("challenger", "none" if decision.challenger is None else f"version {decision.challenger}"),
        ("data", inline(data.name + version)),
        *(("dev score", f"{fraction(each[0])} before, {fraction(each[1])} after") for each in [decision.dev] if each),
        ("run", f"`{decision.run}`"),
        ("report", f"`{decision.report}`"),
    ]
    return pipe_table(("alias", f"`{decision.alias}`"), rows)


def _evidence(verdict: GateVerdict) -> str:
    low, high = signed(verdict.gain.low), signed(verdict.gain.high)
    gain = f"{signed(verdict.gain.value)}, {100 * verdict.confidence:.3g}% interval {low} to {high}"
    head = ("test examples", str(verdict.n))
    rows = [
        ("test score", f"{fraction(verdict.champion)} before, {fraction(verdict.challenger)} after"),
        ("gain", gain),
        ("better and worse on", f"{verdict.wins} and {verdict.losses} examples"),
        ("sign test", f"p = {verdict.sign_test:.3g}"),
    ]
    notes = [f"- {inline(text)}" for text in (*verdict.reasons, *verdict.warnings)]
    return "\n\n".join(["## The evidence", pipe_table(head, rows), "\n".join(notes)])
