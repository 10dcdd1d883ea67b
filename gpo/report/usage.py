"""What a run took, as every form of the report shows it: calls, tokens and cost."""

from collections.abc import Mapping

from gpo.formatting import money
from gpo.records import Usage, UsageByRole
from gpo.runs.outcome import Calls, Outcome
from gpo.spec.task import TaskSpec

CALL_HEAD = ("Role", "Paid", "From the ledger", "Failed", "Tokens in", "Tokens out")
USAGE_HEAD = ("Role", "Calls", "Tokens in", "Tokens out", "Cost")


def call_rows(calls: Mapping[str, Calls]) -> list[tuple[str, tuple[str, ...]]]:
    """A row a role, and one for all roles together, in the order of `CALL_HEAD`.

    The embedding model is given texts, which are no calls: they have a row of their own and are not in the sum.
    """
    rows: list[tuple[str, tuple[int, ...]]] = [
        (role, (c.paid, c.cached, c.failed, c.input_tokens, c.output_tokens))
        for role, c in calls.items()
        if role != "embedding"
    ]
    if len(rows) > 1:
        rows.append(("all", tuple(map(sum, zip(*(numbers for _, numbers in rows), strict=True)))))
    if texts := calls.get("embedding"):
        rows.append(("embedding texts", (texts.paid, texts.cached, texts.failed, 0, 0)))
    return [(role, tuple(f"{number:,}" for number in numbers)) for role, numbers in rows]


def usage_rows(spec: TaskSpec, usage: UsageByRole) -> list[tuple[str, tuple[str, ...]]]:
    """A row a role, and one for all roles together, in the order of `USAGE_HEAD`.

    These are what the run takes with an empty ledger. The cost is `-` where the models have no price.
    """

    def cells(part: Usage, cost: float | None) -> tuple[str, ...]:
        numbers = (f"{number:,}" for number in (part.calls, part.input_tokens, part.output_tokens))
        return (*numbers, "-" if cost is None else money(cost))

    rows = [(role, cells(part, spec.models.cost({role: part}))) for role, part in usage.items()]
    if len(rows) > 1:
        rows.append(("all", cells(sum(usage.values(), Usage()), spec.models.cost(usage))))
    return rows


def cost_line(outcome: Outcome) -> str | None:
    """What the run costs with an empty ledger, and what was paid now; None where no model has a price."""
    if outcome.cost is None:
        return None
    return f"{money(outcome.cost)} in full, {money(outcome.cost_paid or 0.0)} paid now"
