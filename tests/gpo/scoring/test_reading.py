"""What is read from texts of many kinds, by which rule, and that each rule is needed.

`reading_cases.jsonl` holds one text a line, written for this table: `expected` is what it states, and null where it
states no one answer; `cut` marks a text that the token limit ended, `question` lists its options.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.scoring.answers import canonical_reference, read_answer, rule_by_rule
from gpo.scoring.functions.calling import score
from gpo.scoring.reading import Reading
from gpo.scoring.spec import AnswerSpec, MetricSpec
from gpo.scoring.text.plain import fold

LINES = Path(__file__).with_name("reading_cases.jsonl").read_text("utf-8").split("\n")
CASES: list[dict[str, Any]] = [json.loads(line) for line in LINES if line]

LETTERS = ("(A)", "(B)", "(C)", "(D)")
NUMBER = AnswerSpec(kind="number")
BOOLEAN = AnswerSpec(kind="boolean")


def choice(*labels: str) -> AnswerSpec:
    return AnswerSpec(kind="choice", labels=labels)


def spec_of(case: dict[str, Any]) -> AnswerSpec:
    return AnswerSpec(kind=case["kind"], labels=tuple(case.get("labels", ())), allow_none=case.get("allow_none"))


def reading(case: dict[str, Any], without: frozenset[str] = frozenset()) -> Reading:
    question, cut = case.get("question", ""), case.get("cut", False)
    return read_answer(case["text"], spec_of(case), question, cut=cut, without=without)


def read(case: dict[str, Any]) -> str | None:
    return reading(case).answer


def surely(found: Reading) -> tuple[str | None, bool]:
    return found.answer, found.is_weak


def test_there_are_enough_different_texts_of_every_sort() -> None:
    assert len({(case["kind"], *case.get("labels", ()), case["text"]) for case in CASES}) >= 400
    assert {case["kind"] for case in CASES} == {
        "choice",
        "labels",
        "number",
        "boolean",
        "list",
        "json",
        "exact",
        "free",
    }
    assert len({case["group"] for case in CASES}) >= 12


@pytest.mark.parametrize("group", sorted({case["group"] for case in CASES}))
def test_what_a_text_states_is_read(group: str) -> None:
    wrong = {
        case["text"]: (found, case["expected"])
        for case in CASES
        if case["group"] == group and (found := read(case)) != case["expected"]
    }
    assert wrong == {}


RULES_OF = {
    "choice": ("choice", "boolean"),
    "number": ("number",),
    "list": ("list",),
    "labels": ("labels",),
    "json": ("json",),
    "exact": ("exact",),
    "free": ("free",),
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", RULES_OF)
def test_without_any_one_rule_a_text_is_read_otherwise(reader: str) -> None:
    cases = [case for case in CASES if case["kind"] in RULES_OF[reader]]
    names = {
        name
        for case in cases
        for name, _ in rule_by_rule(case["text"], spec_of(case), case.get("question", ""), cut=case.get("cut", False))
    }
    whole = [(case, surely(reading(case))) for case in cases]
    unneeded = {
        name for name in names if all(surely(reading(case, frozenset({name}))) == found for case, found in whole)
    }
    assert names
    assert unneeded == set()


# The rule of a reading


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", Reading(answer="(B)", rule="whole")),
        ("The answer is (B).", Reading(answer="(B)", rule="answer")),
        ("Verdict: B", Reading(answer="(B)", rule="field")),
        ("Here (B) is correct", Reading(answer="(B)", rule="approved")),
        ("Some words on (B)", Reading(answer="(B)", rule="only", weak=True)),
        ("(A) or (B)", Reading(rule="opening")),
        ("The answer is (A) or (B)", Reading(rule="answer")),
        ("No idea.", Reading()),
    ],
)
def test_a_reading_names_its_rule(text: str, expected: Reading) -> None:
    assert read_answer(text, choice(*LETTERS)) == expected


def test_what_each_rule_makes_of_a_text_can_be_seen() -> None:
    found = dict(rule_by_rule("Verdict: no", choice("yes", "no")))
    assert found["field"] == Reading(answer="no", rule="field")
    assert found["boxed"] is None


# Where a spec says that the answer is


@pytest.mark.parametrize(
    ("where", "text", "expected"),
    [
        ({"field": "label"}, '{"label": "B", "answer": "A"}', "(B)"),
        ({"field": "out.label"}, 'Sure:\n```json\n{"out": {"label": "B"}, "label": "A"}\n```', "(B)"),
        ({"field": "label"}, '{"label": "A"}\n{"label": "C"}', "(C)"),
        ({"field": "label"}, '{"answer": "A"}', None),
        ({"field": "label"}, "The label is A", None),
        ({"after": "Answer:"}, "A?\nAnswer: B\nC would be wrong", "(B)"),
        ({"after": "Answer:"}, "**answer:** B", "(B)"),
        ({"after": "Answer:"}, "Answer:\nB", "(B)"),
        ({"after": "Answer:"}, "Answer: A\nWait.\nAnswer: C", "(C)"),
        ({"after": "Answer:"}, "The answer is A.", None),
        ({"pattern": r"=> (\w)"}, "A => B, so it is => C.", "(C)"),
        ({"pattern": r"[A-D]$"}, "A, B or C: D", "(D)"),
        ({"pattern": r"=> (\w)"}, "A", None),
        ({"tag": "answer"}, "<answer>A</answer> no: <answer>B</answer>", "(B)"),
        ({"tag": "answer"}, "A", None),
        ({"last_line": True}, "The answer is A.\n\nB\n\n", "(B)"),
        ({"last_line": True}, "<think>A</think>\nB", "(B)"),
        ({"last_line": True}, "B\nNothing more.", None),
    ],
)
def test_only_the_place_that_the_spec_names_is_read(where: dict[str, Any], text: str, expected: str | None) -> None:
    spec = AnswerSpec.model_validate({"kind": "choice", "labels": LETTERS, "where": where})
    assert read_answer(text, spec) == Reading(
        answer=expected, rule="where" if expected else read_answer(text, spec).rule
    )


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ({}, "name one place"),
        ({"after": "Answer:", "tag": "answer"}, "received after, tag"),
        ({"pattern": "("}, "no regular expression"),
        ({"tag": "<answer>"}, "name of a tag without its brackets"),
        ({"last_line": False}, "must be true"),
        ({"fields": "a"}, "fields"),
    ],
)
def test_a_place_is_checked_when_the_spec_is_read(where: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        AnswerSpec.model_validate({"kind": "number", "where": where})


def test_a_pattern_that_would_take_for_ever_finds_nothing() -> None:
    spec = AnswerSpec.model_validate({"kind": "number", "where": {"pattern": r"(\d+)+x"}})
    assert read_answer("1" * 5000, spec).answer is None


# One notion of an answer: different answers never score 1, the same one in another form always does

# Between letters, so that no sign stands where quotes and final punctuation do.
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "S", "Mn"]), max_size=5).map("a{}b".format)
OF_WORDS = ("exact_match", "contains", "token_f1", "rouge_l")


def scored(answer: str, reference: str, spec: AnswerSpec, metric: str = "exact_match") -> float:
    return score(MetricSpec(name=metric), answer, [reference], spec.kind)


@given(
    st.lists(
        st.sampled_from(["C", "C++", "C#", "-1", "1", "+1", "<5", ">5", "not a", "a", "\u00e9", "e"]),
        min_size=2,
        unique=True,
    )
)
def test_different_labels_never_score(labels: list[str]) -> None:
    spec = choice(*labels)
    for metric in OF_WORDS:
        assert scored(labels[0], labels[1], spec, metric) < 1
        assert scored(labels[0], labels[0], spec, metric) == 1


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
    st.decimals(allow_nan=False, allow_infinity=False, places=4),
)
def test_numbers_score_by_their_value(one: Decimal, other: Decimal) -> None:
    first, second = (canonical_reference(f"{value:f}", NUMBER) for value in (one, other))
    if first is None or second is None:
        return
    assert (scored(first, second, NUMBER) == 1) == (one == other)
    if one == one.to_integral_value() and other == other.to_integral_value():
        assert (scored(first, second, NUMBER, "numeric_match") == 1) == (one == other)


@given(st.integers(-(10**9), 10**9))
def test_a_number_in_another_form_is_the_same_answer(value: int) -> None:
    minus = "\u2212" if value < 0 else ""
    forms = [
        f"{value}",
        f"{value:,}",
        f"{value}.0",
        f"**{value}**",
        f"The answer is {value:,}.",
        f"{minus}{abs(value)}",
    ]
    forms += [f"\\boxed{{{value}}}", f"${value}$", f'{{"answer": {value}}}', f"Answer: {value} apples"]
    for form in forms:
        assert read_answer(form, NUMBER).answer == str(value), form


@given(st.sampled_from(LETTERS))
def test_a_label_in_another_form_is_the_same_answer(label: str) -> None:
    letter = label.strip("()")
    forms = [letter, label, letter.lower(), f"**{letter}**", f"{letter}.", f"Answer: {letter}", f"\\boxed{{{letter}}}"]
    forms += [
        f"The correct answer is {label}.",
        f"<answer>{letter}</answer>",
        f'{{"choice": "{letter}"}}',
        f"`{letter}`",
    ]
    for form in forms:
        assert read_answer(form, choice(*LETTERS)).answer == label, form


@given(WORDS, WORDS)
def test_prose_is_compared_but_for_case_space_quotes_and_final_punctuation(one: str, other: str) -> None:
    spec = AnswerSpec(kind="exact")
    assert scored(f' "{one}". ', one, spec) == scored(one.upper(), one.upper(), spec) == 1
    # What begins otherwise is another text, whatever sign it is.
    assert scored(f"-{one}", one, spec) == scored(f"@{one}", one, spec) == 0
    if fold(one) != fold(other):
        assert scored(one, other, spec) == 0


@given(st.lists(st.sampled_from(["a", "A", "-a", "a+", "5", "-5", "$5"]), min_size=1, max_size=3), st.data())
def test_lists_are_equal_or_not(items: list[str], data: st.DataObject) -> None:
    spec = AnswerSpec(kind="list")
    others = data.draw(st.permutations(items))
    one, other = (canonical_reference(json.dumps(each), spec) for each in (items, others))
    assert one is not None
    assert other is not None
    for metric in ("exact_match", "list_match"):
        assert (scored(one, other, spec, metric) == 1) == (items == others)


TOPICS = ("C", "C++", "not spam", "health and safety")


@given(
    st.lists(st.sampled_from(TOPICS), min_size=1, unique=True),
    st.lists(st.sampled_from(TOPICS), min_size=1, unique=True),
)
def test_sets_of_labels_are_equal_whatever_their_order_and_form_and_in_no_other_case(
    one: list[str], other: list[str]
) -> None:
    spec = AnswerSpec(kind="labels", labels=TOPICS)
    answer, reference = (canonical_reference(json.dumps(each), spec) for each in (one, other))
    assert answer is not None
    assert reference is not None
    for metric in (*OF_WORDS, "jaccard", "macro_f1", "micro_f1", "list_match"):
        assert (scored(answer, reference, spec, metric) == 1) == (set(one) == set(other)), metric
    listed = ", ".join(one)
    marked = "\n".join(f"- **{each}**" for each in one)
    for text in (
        listed,
        marked,
        " and ".join(one),
        f"Labels: {listed}",
        f"**Answer:** {listed}.",
        f"Labels:\n{marked}",
    ):
        assert read_answer(text, spec).answer == answer, text


@pytest.mark.parametrize("kind", ["labels", "list"])
def test_a_list_below_its_mark_is_read_whole(kind: str) -> None:
    labels = {"labels": ["a", "b", "c"]} if kind == "labels" else {}
    spec = AnswerSpec.model_validate({"kind": kind, "where": {"after": "Answer:"}, **labels})
    found = read_answer("c?\nAnswer:\n- a\n- b\n\nc is no part of it.", spec).answer
    assert found == {"labels": '["a", "b"]', "list": "a b"}[kind]
