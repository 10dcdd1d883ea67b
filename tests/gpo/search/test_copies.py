"""How often the guard refuses what it should, and what it should not, on published data."""

import pytest
import yaml

from gpo.data.splits import load_splits
from gpo.data.starter import task_of
from gpo.records import Example
from gpo.search.edit import ProposalFilter
from gpo.spec.task import TaskSpec
from tests.support.paths import ROOT
from tests.support.published import PUBLISHED, needs_published_data

ORDINARY = yaml.safe_load((ROOT / "tests/gpo/search/ordinary_instructions.yaml").read_text(encoding="utf-8"))

pytestmark = [needs_published_data, pytest.mark.slow]


def opened(name: str) -> tuple[ProposalFilter, list[Example]]:
    spec: TaskSpec = task_of(PUBLISHED / name)
    splits = load_splits(spec)
    guarded = [*splits.dev, *splits.test]
    guard = ProposalFilter(guarded, allowed=spec.prompt.instruction, shown=splits.train)
    return guard, [*splits.train, *guarded]


def refuses(guard: ProposalFilter, text: str) -> bool:
    return guard.leaks(text) or guard.copies(text)


def test_ordinary_instructions_pass_and_examples_do_not() -> None:
    passed, refused, missed, examples = 0, [], 0, 0
    for name, instructions in ORDINARY.items():
        guard, rows = opened(name)
        wrong = [text for text in instructions if refuses(guard, text)]
        refused += wrong
        passed += len(instructions) - len(wrong)
        examples += len(rows)
        missed += sum(not refuses(guard, f"Think. As in: {row.inputs['input']} Then answer.") for row in rows)
    assert (passed, len(refused)) == (199, 1), refused
    # Those that it misses have fewer than four words of their own.
    assert missed <= 0.005 * examples
