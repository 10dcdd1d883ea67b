"""What is read from a model's text, and from a dataset's reference."""

import doctest
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpo.answers
from gpo.answers import canonical_reference, parse_answer
from gpo.spec import AnswerSpec

LETTERS = ("(A)", "(B)", "(C)", "(D)", "(E)")
NUMBER = AnswerSpec(kind="number")
BOOLEAN = AnswerSpec(kind="boolean")
EXACT = AnswerSpec(kind="exact")
FREE = AnswerSpec(kind="free")


def choice(*labels: str) -> AnswerSpec:
    return AnswerSpec(kind="choice", labels=labels)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(B)", "(B)"),
        ("B", "(B)"),
        ("b", "(B)"),
        ("a", "(A)"),
        ("B.", "(B)"),
        ("B)", "(B)"),
        ("[B]", "(B)"),
        ("**B**", "(B)"),
        ("( B )", "(B)"),
        ('"B"', "(B)"),
        ("Option B is correct.", "(B)"),
        ("A is correct.", "(A)"),
        ("(B) terrible midsize snorkeling baby", "(B)"),
        ("B) terrible midsize snorkeling baby", "(B)"),
        ("The answer is (B).", "(B)"),
        ("The answer is (B), because (A) and (C) are not.", "(B)"),
        ("The correct answer is: **(B)**\n\n(A) is wrong.", "(B)"),
        ("**Answer:** (B)\nThe other one, (A), is not.", "(B)"),
        ("Final answer = $\\boxed{B}$", "(B)"),
        ('{"answer": "B"}', "(B)"),
        ("The answer is (A). No, wait: the answer is (C).", "(C)"),
        ("Answer:\n\n(D)", "(D)"),
        ("A) foo\nB) bar\nC) baz\nThe answer is a matter of taste.\nC", "(C)"),
        ("(A) foo\n(B) bar\n(A)", "(A)"),
        ("(A) is too long.\n(B) is too short.\nSo I take (C).", "(C)"),
        ("Between (A) and (B), it must be (B)", "(B)"),
        ("(C)\n\n(A) has the wrong order, and so has (B).", "(C)"),
        ("A man walks into a bar. I think of (D).", "(D)"),
        ("A good sentence, e.g. for a child. The first one.", None),
        ("The U.S.A. won.", None),
        ("It's Plan-B or A's turn", None),
        ("None of them.", None),
        ("(F)", None),
        ("", None),
        (" \n ", None),
    ],
)
def test_letters(text: str, expected: str | None) -> None:
    assert parse_answer(text, choice(*LETTERS)) == expected


@pytest.mark.parametrize(
    ("labels", "text", "expected"),
    [
        (("Yes", "No"), "yes", "Yes"),
        (("Yes", "No"), "Answer: no", "No"),
        (("Yes", "No"), "Yes, because there is no turn.", "Yes"),
        (("Yes", "No"), "No. The steps add up to 3, and yes, that is far.\nThere is yes and no.", "No"),
        (("Yes", "No"), "Nobody knows.", None),
        (("Yes", "No"), "Not yesterday", None),
        (("positive", "negative", "neutral"), "Positive, negative or neutral?\nNegative", "negative"),
        (("valid", "invalid"), "The argument is INVALID.", "invalid"),
        (("valid", "invalid"), "non-valid", None),
        (("sarcastic", "not sarcastic"), "This is not  sarcastic.", "not sarcastic"),
        (("sarcastic", "not sarcastic"), "This is sarcastic.", "sarcastic"),
        (("York", "New York"), "The answer is New York.", "New York"),
        (("card_lost", "card_arrival", "card"), "I choose card_arrival", "card_arrival"),
        (("C", "C++", "C#"), "Answer: C++", "C++"),
        (("C", "C++", "C#"), "Answer: C#", "C#"),
        (("C", "C++", "C#"), "Answer: C.", "C"),
        (("1", "2", "3"), "Rating: 2", "2"),
        (("1", "2", "3"), "It costs 1.50 or 2,000.", None),
        (("(a)", "[a]"), "It is [A]", "[a]"),
        (("Straße", "Weg"), "STRASSE", "Straße"),
        (("ja", "nein"), "Die Antwort: NEIN!", "nein"),
        (("是", "否"), "是", "是"),
    ],
)
def test_labels(labels: tuple[str, ...], text: str, expected: str | None) -> None:
    assert parse_answer(text, choice(*labels)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("18", "18"),
        ("18.", "18"),
        ("18.0", "18"),
        ("The answer is 18.", "18"),
        ("The answer is **18** dollars, not 20.", "18"),
        ("The answer is 3 + 4 = 7 apples", "7"),
        ("Answer: (3 + 4) * 2 = $14", "14"),
        ("So $\\boxed{1,234}$ it is, of 5,000.", "1234"),
        ("3 cows and 4 pigs make 7 animals", "7"),
        ("2 + 2 = 5\n#### 4\nThank you, 100%!", "4"),
        ("#### 1. Add\n3 + 4 = 7\n#### 2. Check\nIt is 7", "7"),
        ("#### Step 3: done\nIt is 9", "9"),
        ("$1,234,567.50", "1234567.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("\u22127", "-7"),
        ("from 3-5", "5"),
        ("50%", "50"),
        ("€ 12", "12"),
        (".5", "0.5"),
        ("wait...5", "5"),
        ("3/4", "0.75"),
        ("1/3", "0.3333333333333333333333333333"),
        ("4 / 2", "2"),
        ("8/0", None),
        ("six", "6"),
        ("The answer is Twelve.", "12"),
        ("The last one is 5, which one?", "5"),
        ("twenty-one", None),
        ("someone often", None),
        ("1.5e3", "1500"),
        ("2E-3", "0.002"),
        ("3 x 10^4", "30000"),
        ("3 \u00d7 10^{-2}", "0.03"),
        ("1e999", None),
        ("1e-999", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("1,2345", "2345"),
        ("5kg", "5"),
        ("GPT4", None),
        ("version 1.2.3", "1.2"),
        ("no number", None),
        ("", None),
    ],
)
def test_numbers(text: str, expected: str | None) -> None:
    assert parse_answer(text, NUMBER) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("True", "true"),
        ("yes.", "true"),
        ("NO", "false"),
        ("The argument is invalid.", "false"),
        ("This is implausible", "false"),
        ("It is plausible, so yes.", "true"),
        ("The argument is not valid.", "false"),
        ("No, the sentence is not in order.\nThe word 'yes' says so.", "false"),
        ("Yes. There is no reason to doubt it.", "true"),
        ("There is no doubt. The answer is yes.", "true"),
        ("not True or False = False\nSo the answer is False", "false"),
        ("False and True\nis\nFalse", "false"),
        ("nothing, truly", None),
        ("", None),
    ],
)
def test_booleans(text: str, expected: str | None) -> None:
    assert parse_answer(text, BOOLEAN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n  apple banana \n\nsorted.", "apple banana"),
        ("First I sort.\nAnswer: apple banana\nDone.", "apple banana"),
        ("**Answer:** apple banana", "apple banana"),
        ("Answer:\n`apple banana`", "apple banana"),
        ("So the answer is apple banana", "apple banana"),
        ("Answer:", None),
        (" \n", None),
    ],
)
def test_one_line(text: str, expected: str | None) -> None:
    assert parse_answer(text, EXACT) == expected


@pytest.mark.parametrize(("text", "expected"), [("  two\n\nlines ", "two\n\nlines"), (" \n\t", None)])
def test_free_text(text: str, expected: str | None) -> None:
    assert parse_answer(text, FREE) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>The answer is (A).</think>(B)", "(B)"),
        ("<think>\n(A)?\n</think>\n\n(B) <THINK>or (C)</THINK>", "(B)"),
        ("The opening tag was in the prompt: (A)</think>(B)", "(B)"),
        ("(B)<think>or is it (C)", "(B)"),
        ("<think>I believe (A), but", None),
        ("<think>(A)</think>", None),
    ],
)
def test_hidden_reasoning_is_not_read(text: str, expected: str | None) -> None:
    assert parse_answer(text, choice(*LETTERS)) == expected


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        (choice(*LETTERS), "(b)", "(B)"),
        (choice(*LETTERS), " (B) ", "(B)"),
        (choice(*LETTERS), "B", None),
        (choice(*LETTERS), "Monsters, Inc", None),
        (choice("New York", "York"), "new  york", "New York"),
        (NUMBER, "1,000.50", "1000.5"),
        (NUMBER, "$ 5", None),
        (NUMBER, "$5", "5"),
        (NUMBER, "50 %", "50"),
        (NUMBER, "3/4", "0.75"),
        (NUMBER, "Seven", "7"),
        (NUMBER, "3 + 4 = 7\n#### 7", "7"),
        (NUMBER, "5 or 6", None),
        (NUMBER, "NaN", None),
        (BOOLEAN, "Yes", "true"),
        (BOOLEAN, "False", "false"),
        (BOOLEAN, "invalid", "false"),
        (BOOLEAN, "maybe", None),
        (EXACT, " an answer ", "an answer"),
        (EXACT, "two\nlines", None),
        (FREE, "two\nlines", "two\nlines"),
        *[(answer, " ", None) for answer in (choice(*LETTERS), NUMBER, BOOLEAN, EXACT, FREE)],
    ],
)
def test_references(answer: AnswerSpec, reference: str, expected: str | None) -> None:
    assert canonical_reference(reference, answer) == expected


ANSWERS = st.sampled_from([choice(*LETTERS), choice("yes", "no", "not sure"), NUMBER, BOOLEAN, EXACT, FREE])
MARKS = [
    "the answer is ",
    "Answer:",
    "####",
    "\\boxed{",
    "<think>",
    "</think>",
    " ",
    "\n",
    "\x1c",
    "\ud800",
    "\u0130",
    "=",
]
VALUES = [
    "(A)",
    "b)",
    "yes",
    "no",
    "-",
    "$",
    "1",
    ",000",
    ".5",
    "e9",
    "/0",
    "10^",
    "}",
    "three",
    "\u017fix",
    "f\u0131ve",
]
FRAGMENTS = st.sampled_from([*MARKS, *VALUES])
ALPHANUMERIC = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6)


@given(st.text() | st.lists(FRAGMENTS, max_size=12).map("".join), ANSWERS)
def test_any_text_is_read_or_not_but_never_raises(text: str, answer: AnswerSpec) -> None:
    for read in (parse_answer, canonical_reference):
        found = read(text, answer)
        assert found is None or found.strip()
        if answer.kind == "choice":
            assert found in {*answer.labels, None}
        if answer.kind == "boolean":
            assert found in {"true", "false", None}


@given(st.lists(ALPHANUMERIC, min_size=2, max_size=5, unique_by=str.casefold), st.booleans())
def test_a_stated_label_is_read_back(labels: list[str], bracketed: bool) -> None:
    spelled = [f"({label})" for label in labels] if bracketed else labels
    for plain, label in zip(labels, spelled, strict=True):
        assert parse_answer(f"the answer is ({plain}).", choice(*spelled)) == label


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3))
def test_a_canonical_number_is_its_own_reference(value: object) -> None:
    canonical = canonical_reference(str(value), NUMBER)
    assert canonical is not None
    assert canonical_reference(canonical, NUMBER) == parse_answer(canonical, NUMBER) == canonical
    assert float(canonical) == float(str(value))


@pytest.mark.parametrize(
    "unit",
    [
        "answer is ",
        "answer: ",
        " ",
        "\n",
        "1",
        "1,",
        "1,000,",
        "-",
        "a ",
        "<think>",
        "</think>",
        "=",
        "#### 1 ",
        "(",
        "*",
    ],
)
@pytest.mark.parametrize("answer", [choice(*LETTERS), NUMBER, BOOLEAN, EXACT], ids=lambda answer: answer.kind)
def test_long_texts_take_no_long_time(unit: str, answer: AnswerSpec) -> None:
    started = time.perf_counter()
    parse_answer(f"x{unit * (60_000 // len(unit))}x", answer)
    assert time.perf_counter() - started < 2


def test_the_examples_of_the_docstrings() -> None:
    assert doctest.testmod(gpo.answers).failed == 0
