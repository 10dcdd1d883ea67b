"""Real outputs of two small models, and the answer that a reader finds in each.

`answer_cases.jsonl` holds one output a line: `expected` is what the text states, whether it is right or not, and null
where it states nothing; `cut` marks a text that the token limit ended; `options` are those of its question; `missed`
marks an answer that a reader finds and the parser does not: it must stay unread, and never be read as another.
docs/results/answers.md says where the outputs come from.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gpo.scoring.answers import canonical_reference, parse_answer
from gpo.scoring.spec import AnswerSpec

LINES = Path(__file__).with_name("answer_cases.jsonl").read_text("utf-8").split("\n")
CASES: list[dict[str, Any]] = [json.loads(line) for line in LINES if line]


def test_there_are_hundreds_of_different_outputs() -> None:
    assert len({(case["text"], case["kind"]) for case in CASES}) == len(CASES) >= 200


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_what_a_reader_finds_is_read(case: dict[str, Any]) -> None:
    answer = AnswerSpec(kind=case["kind"], labels=tuple(case.get("labels", ())))
    question = "\n".join(f"{label} {text}" for label, text in zip(answer.labels, case.get("options", ()), strict=False))
    found = parse_answer(case["text"], answer, question, cut=case.get("cut", False))
    assert found == (None if case.get("missed") else case["expected"])


@pytest.mark.parametrize("kind", ["choice", "number", "boolean", "list"])
def test_what_is_expected_is_canonical(kind: str) -> None:
    for case in CASES:
        if case["kind"] == kind and case["expected"] is not None:
            answer = AnswerSpec(kind=case["kind"], labels=tuple(case.get("labels", ())))
            assert canonical_reference(case["expected"], answer) == case["expected"]
