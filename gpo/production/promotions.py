"""Which decisions about an alias were promotions, and what the last of them means for the next one."""

from gpo.gate.verdict import GateVerdict
from gpo.production.decision import Decision
from gpo.production.decision_log import Production
from gpo.prompts.version import PromptVersion


def list_promotions(production: Production, prompt: str, alias: str) -> list[Decision]:
    """The decisions whose prompt was put live, the latest first.

    A prompt that passed a check, or a pair of a migration, and was put live after that is a promotion too, unless it
    repeats an example.
    """
    record = production.registry.record(prompt)
    versions = {each.version: each for each in record.versions}
    live = [(move.at, versions[move.to_version]) for move in record.moves if move.alias == alias]

    def is_promotion(each: Decision) -> bool:
        if each.status != "checked" or each.verdict is None or each.verdict.decision != "promote":
            return each.status == "promoted"
        if each.repeats_example:
            return False
        return any(at >= each.created_at and _is_of(each, version) for at, version in live)

    return [each for each in production.decisions.list_decisions(prompt, alias) if is_promotion(each)]


def why_margin_asks(production: Production, prompt: str, alias: str, run: str, verdict: GateVerdict) -> str | None:
    """Why a run without a person may not put live what is not worse by more than a margin; None where it may.

    Prompts that are each a little worse than the last would wear the quality away, so only the first such goes live by
    itself, until a true gain was promoted.
    """
    if verdict.use is None or not verdict.use.unattended or not verdict.is_within_margin:
        return None
    last = next((each.verdict for each in list_promotions(production, prompt, alias) if each.run != run), None)
    if last is None or not last.is_within_margin:
        return None
    return "the last promotion was of a prompt that is not worse by more than a margin, and so is this one"


def _is_of(checked: Decision, version: PromptVersion) -> bool:
    """Whether a check was of this version; that of a program is known by its texts."""
    if version.content.parts:
        return version.content.instruction == checked.text
    return version.digest == checked.checked
