"""Asks the gate about pairs of model and prompt: one family of comparisons with the present pair, corrected as such."""

from collections.abc import Mapping, Sequence

from gpo.gate.error_budget import AliasUse
from gpo.gate.paired_scores import groups_of
from gpo.gate.rule import paired_gain
from gpo.gate.verdict import GateVerdict
from gpo.migration.plan import MigrationPlan
from gpo.production.contender import Contender
from gpo.records import Interval, Score, Usage
from gpo.runs.proof import Pair, Proof, judge_pair

_CALLS = 1000

HEADROOM = 0.2
"""What a search gains where it goes well, by the measured runs: so much behind on dev may be made up for."""


def judge_family(
    plan: MigrationPlan,
    present: Score,
    pairs: Mapping[int, tuple[Contender, Score]],
    *,
    earlier_uses: int,
    use: AliasUse | None,
) -> dict[int, GateVerdict]:
    """The verdict on each pair by its place, from scores on the test split; intervals are corrected for their number.

    Each is compared with the present pair at a level that all of them share (Bonferroni), as `choose_challenger` does.
    """
    champion = plan.contender(0)
    rules = {"gate": plan.rules.model_copy(update={"stop_early": False})}
    found = {}
    for place, (contender, score) in pairs.items():
        pair = Pair(
            champion.spec.model_copy(update=rules),
            champion.candidate,
            contender.candidate,
            plan.splits.test,
            use,
            challenger_spec=contender.spec,
            challengers=len(pairs),
        )
        found[place] = judge_pair(pair, Proof(present, score, earlier_uses=earlier_uses))
    return found


def dev_gain(plan: MigrationPlan, score: Score, present: Score) -> Interval:
    """How much better than the present pair a pair does on dev."""
    return paired_gain(score, present, groups_of(plan.splits.dev))


def may_reach(plan: MigrationPlan, gain: Interval) -> bool:
    """Whether the interval on dev leaves it open that a pair may replace the present one."""
    return gain.high >= plan.required


def is_worth_search(plan: MigrationPlan, gain: Interval) -> bool:
    """Whether a better prompt is searched for with a model, by how the prompt of production does with it on dev.

    `promising`: with what a search may gain it may reach the present pair, and it has not done so clearly already.
    """
    if plan.optimize == "promising":
        return gain.high >= plan.required - HEADROOM and not gain.low > plan.required
    return plan.optimize == "all"


def cost_of_calls(contender: Contender, scores: Sequence[Score]) -> float | None:
    """What 1,000 calls of the task model cost, by the tokens of these answers; None without a price, or tokens."""
    price = contender.spec.models.task.price
    usage = sum((score.usage.get("task", Usage()) for score in scores), Usage())
    if price is None or not usage.calls or not usage.input_tokens + usage.output_tokens:
        return None
    return price.of(usage) / usage.calls * _CALLS
