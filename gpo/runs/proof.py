"""Proves the result of a search on the locked test split: scores both prompts, at once or in parts, and asks the gate.

With `gate.stop_early` the split is looked at part by part, until the gate says that the result is clear.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

from gpo.concurrency import gather_or_cancel
from gpo.evaluation.calls import calls_an_example
from gpo.gate.early_stop import ProofLook, plan_looks
from gpo.gate.error_budget import AliasUse
from gpo.gate.guards import describe_unguarded, group_by_slice, measure_prompts
from gpo.gate.likely_groups import LikelyGroups, find_likely_groups
from gpo.gate.paired_scores import PairedScores, groups_of
from gpo.gate.rule import apply_gate, is_settled
from gpo.gate.verdict import GateVerdict
from gpo.progress import Began, emit
from gpo.records import Candidate, Example, Score
from gpo.runs.run import Run
from gpo.search.run_limits import final_calls
from gpo.search.state import Search
from gpo.spec.task import TaskSpec

ScoreOnTest = Callable[[Run, Candidate, int | None], Coroutine[Any, Any, Score]]
"""Scores a prompt on the first examples of the test split, or on all."""


@dataclass(frozen=True)
class Proof:
    """Champion and challenger on the locked test split; where nothing better was found, they are the same.

    `look` is how much of it was looked at, where the proof may stop early. `earlier_uses`: how often the split has
    decided before.
    """

    start: Score
    best: Score
    look: ProofLook | None = None
    earlier_uses: int = 0

    def examples_of(self, tested: Sequence[Example]) -> list[str]:
        """The test examples that it looked at, by the hashes of their inputs."""
        return [each.inputs_hash for each in tested[: None if self.look is None else self.look.examples]]


@dataclass(frozen=True)
class Pair:
    """A champion and a challenger, the test examples that decide between them, and the use of the alias that it is.

    `challenger_spec` has the task model of the challenger, where it is another than the champion's. `challengers` is
    the number of those that are compared with the champion on these examples.
    """

    spec: TaskSpec
    champion: Candidate
    challenger: Candidate
    tested: Sequence[Example]
    use: AliasUse | None = None
    challenger_spec: TaskSpec | None = None
    challengers: int = 1


ScoreFirst = Callable[[int | None], Coroutine[Any, Any, Score]]
"""Scores one prompt on the first test examples, or on all."""


async def prove(run: Run, search: Search, score: ScoreOnTest) -> Proof:
    """Score champion and challenger on the test split, each example once, and note that the split was used."""
    finalists = {each.id: each for each in (run.start, search.best.candidate)}
    proof = await prove_pair(_pair(run, search), [partial(score, run, each) for each in finalists.values()])
    return replace(proof, earlier_uses=await _note_test_use(run, search, proof))


async def prove_pair(pair: Pair, scorers: Sequence[ScoreFirst]) -> Proof:
    """Score by the champion's scorer and the challenger's, or by one where both are the same, until it is clear."""
    rules, examples = pair.spec.gate, pair.tested
    ends: tuple[int, ...] = (len(examples),)
    if rules.stop_early and len(scorers) > 1:
        ends = plan_looks([len(list(part)) for _, part in groupby(examples, key=lambda each: each.group or each.id)])
    for end in ends:
        part = end if len(ends) > 1 else None
        emit(Began("test" if part is None else f"test, {end} of {len(examples)}", final_calls(pair.spec, end)))
        tests = await gather_or_cancel(*(score(part) for score in scorers))
        calls = 2 * calls_an_example(pair.spec)
        look = None if part is None else ProofLook(examples=end, of=len(examples), ends=ends, calls=calls)
        proof = Proof(tests[0], tests[-1], look)
        if look is None or look.is_last or is_settled(judge_pair(pair, proof), rules):
            break
    return proof


def judge(run: Run, search: Search, proof: Proof) -> GateVerdict:
    """The gate's verdict on the best prompt of a search, with what nothing guards."""
    return judge_pair(_pair(run, search), proof)


def judge_pair(pair: Pair, proof: Proof) -> GateVerdict:
    """The gate's verdict on a challenger, with what nothing guards."""
    rules, tested = pair.spec.gate, pair.tested
    found = group_by_slice(tested, rules.slices)
    verdict = apply_gate(
        proof.best,
        proof.start,
        rules,
        slices=found.slices,
        measures=measure_prompts(
            pair.spec,
            (pair.champion, proof.start),
            (pair.challenger, proof.best),
            challenger_spec=pair.challenger_spec,
        ),
        challengers=pair.challengers,
        earlier_uses=proof.earlier_uses,
        groups=groups_of(tested),
        use=pair.use,
        look=proof.look,
    )
    told = [*filter(None, [describe_unguarded(found)])]
    if (likely := _likely_groups(pair, proof)) is not None:
        told.append(likely.sentence)
        verdict = _in_likely_groups(verdict, proof, likely)
    return verdict.model_copy(update={"warnings": (*verdict.warnings, *told)}) if told else verdict


def _pair(run: Run, search: Search) -> Pair:
    use = None if run.looks is None else run.looks.use_of(run.id)
    return Pair(run.spec, search.start.candidate, search.best.candidate, run.examples("test"), use)


def _likely_groups(pair: Pair, proof: Proof) -> LikelyGroups | None:
    """Groups that show among the test examples, where the spec names none."""
    dataset = pair.spec.dataset
    if dataset.group is not None:
        return None
    differences = PairedScores(proof.best, proof.start, {}).differences
    return find_likely_groups(pair.tested, differences, dataset.columns, has_ids=dataset.id is not None)


def _in_likely_groups(verdict: GateVerdict, proof: Proof, likely: LikelyGroups) -> GateVerdict:
    """The same verdict, which asks a person in an unattended run if the gain does not pass by group."""
    if verdict.decision != "promote" or verdict.use is None or not verdict.use.unattended:
        return verdict
    by_group = PairedScores(proof.best, proof.start, likely.groups).compare(verdict.confidence, verdict.required)
    if by_group.gain.low > verdict.required:
        return verdict
    return verdict.model_copy(update={"ask": f"{verdict.ask or ''} {likely.sentence}".strip()})


async def _note_test_use(run: Run, search: Search, proof: Proof) -> int:
    """Note that a run uses test examples for its decision, and return how often other runs used them before.

    A search that found nothing better than its start leaves nothing to decide.

    Raises:
        StateError: the database cannot be used.
    """
    if search.best == search.start:
        return 0
    return await asyncio.to_thread(run.history.note_test_use, run.key, proof.examples_of(run.examples("test")))
