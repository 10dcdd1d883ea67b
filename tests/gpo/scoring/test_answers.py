"""What is read from a model's text, and from a dataset's reference."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.scoring.answers import canonical_reference, parse_answer
from gpo.scoring.read_list import canonical_list, items_of
from gpo.scoring.spec import AnswerSpec

LETTERS = ("(A)", "(B)", "(C)", "(D)", "(E)")
NUMBER = AnswerSpec(kind="number")
BOOLEAN = AnswerSpec(kind="boolean")
EXACT = AnswerSpec(kind="exact")
FREE = AnswerSpec(kind="free")
LIST = AnswerSpec(kind="list")
JSON = AnswerSpec(kind="json")


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
        ("The answer is not (A), it is (C).", "(C)"),
        ("The correct option would be B", "(B)"),
        ("**Final Answer**\n\nB", "(B)"),
        ("### Answer\n(D) midsize", "(D)"),
        ("<answer>C</answer>\nThe answer to (A) is open.", "(C)"),
        ("The answer to this question is (B).", "(B)"),
        ("The answer is therefore: (B)", "(B)"),
        ("\\[\\boxed{\\text{(B)}}\\]", "(B)"),
        ("(A) is wrong.\n(B) is right.\nThe best choice is (B).\n(C) is wrong as well, as is (D).", "(B)"),
        ("I would choose option C because A and B are wrong.", "(C)"),
        ("Based on this, I'd go with (B).\n\nNote that (A) may be right as well.", "(B)"),
        ("Therefore, (D) is correct, and (A), (B), (C) are incorrect.", "(D)"),
        ("C) Rome\n\nA) Paris is no city of Italy.", "(C)"),
        ("(A) is too long.\nI take (C).", "(C)"),
        ("The answer is (A) or (B).", None),
        ("I choose (C). The answer is both (A) and (B).", None),
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
        (("good", "bad", "neutral"), "The review is bad rather than good.", "bad"),
        (("good", "bad", "neutral"), "This one is neutral, as it is neither good nor bad.", "neutral"),
        (("good", "bad"), "It is not good.", None),
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
        ("from 3-5", None),
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
        ("The last one is 5, which one?", None),
        ("twenty-one", "21"),
        ("someone often", None),
        ("1.5e3", "1500"),
        ("2E-3", "0.002"),
        ("3 x 10^4", "30000"),
        ("3 \u00d7 10^{-2}", "0.03"),
        ("1e999", None),
        ("1e-999", None),
        ("-0", "0"),
        ("007", "7"),
        ("1,2345", None),
        ("3,14", "3.14"),
        ("The answer is 3,14.", "3.14"),
        ("1,2", None),
        ("The answer is 5!", "5"),
        ("12,34,567 rupees", "1234567"),
        ("The answer is 1.234.567,5", "1234567.5"),
        ("1.234,56", "1234.56"),
        ("1.234", "1.234"),
        ("1.234.567", "1234567"),
        ("12,50 \u20ac", "12.5"),
        ("\u20ac3,5", "3.5"),
        ("1,5", None),
        ("1'234'567", "1234567"),
        ("1\u202f234\u00a0567", "1234567"),
        ("$1{,}234$", "1234"),
        ("\\(1\\,234\\)", "1234"),
        ("US$ 40", "40"),
        ("Rs. 500/-", "500"),
        ("2 1/2", "2.5"),
        ("2\u00bd cups", "2.5"),
        ("3 and 3/4 hours", "3.75"),
        ("12 24/6", None),
        ("\\(\\frac{3}{4}\\)", "0.75"),
        ("\\boxed{2\\dfrac{1}{2}}", "2.5"),
        ("\\boxed{42 \\text{ apples}}", "42"),
        ("\\boxed{\\$1,250.50}", "1250.5"),
        ("The answer is $x = 5$.", "5"),
        ("The answer is 10 apples + 5 pears = 15 fruits.", "15"),
        ("The answer is 2 x 3 = 6 = 6.0 metres", "6"),
        ("The answer is 5, since 2 + 3 = 4 + 1.", "5"),
        ("The answer is 10. With x = 3 it is 9.", "10"),
        ("1.2 million people", "1200000"),
        ("3 lakh", "300000"),
        ("_18_", "18"),
        ("-\u00a35", "-5"),
        ("Final Answer\n\n42 km in 3 hours", "42"),
        ("Thus, it takes **3** bolts for 1 robe.", "3"),
        ("1. **Lamps: 2**\n2. Sofas: 3\nTogether 5", "5"),
        ("one hundred", "100"),
        ("thirty one", "31"),
        ("5kg", "5"),
        ("GPT4", None),
        ("version 1.2.3", None),
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
        ("\\boxed{apple banana}", "apple banana"),
        ("<answer>apple</answer> and more", "apple"),
        ("So the answer is apple banana", "apple banana"),
        ("Answer:", None),
        (" \n", None),
    ],
)
def test_one_line(text: str, expected: str | None) -> None:
    assert parse_answer(text, EXACT) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apple banana cherry", "apple banana cherry"),
        ("apple, banana, and cherry.", "apple banana cherry"),
        ("apple; banana; cherry", "apple banana cherry"),
        ("apple\nbanana\ncherry", "apple banana cherry"),
        ("1. apple\n2. banana\n3. cherry", "apple banana cherry"),
        ("1) apple 2) banana 3) cherry", "apple banana cherry"),
        ('- **apple**\n- `banana`\n\n- "cherry"', "apple banana cherry"),
        ("apple -> banana \u2192 cherry", "apple banana cherry"),
        ("['apple', 'banana', 'cherry']", "apple banana cherry"),
        ('```json\n["apple", "banana"]\n```', "apple banana"),
        (
            "Sure! Here is the sorted list:\n\napple banana cherry\n\nLet me know, please, if I can help.",
            "apple banana cherry",
        ),
        ("The words: b, c, a.\nSorted:\n* a (first)\n* b - second\n* c comes last\n\nDone, as you wished.", "a b c"),
        ("So the answer is: New York, Rome", "New York, Rome"),
        ("Answer: apple", "apple"),
        ("New York\nNew Delhi", "New York, New Delhi"),
        ('["New York"]', '["New York"]'),
        ('["a, b", "c"]', '["a, b", "c"]'),
        ("To sort the words:\n1. Identify the words in the list.\n2. Compare them with one another.", None),
        ("I cannot do that, sorry, as it is not a list.", None),
        ("", None),
    ],
)
def test_lists(text: str, expected: str | None) -> None:
    assert parse_answer(text, LIST) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"b": 1, "a": [1.0, 2.5, null, true]}', '{"a":[1,2.5,null,true],"b":1}'),
        ('Here you are:\n```json\n{"a": 1}\n```\nAs [1] says, {not} this.', '{"a":1}'),
        ('{"a": 1}\n\nor rather\n\n{"a": 2}', '{"a":2}'),
        ('{"a": 1}, see [1]', '{"a":1}'),
        ('So: {"a": {"b": []}} it is.', '{"a":{"b":[]}}'),
        ('{"a": [1, 2,], "b": "x,]",}', '{"a":[1,2],"b":"x,]"}'),
        ('{"a": "a } and a \\" and a {"}', '{"a":"a } and a \\" and a {"}'),
        ('[see {"a": 1}]', '{"a":1}'),
        ('It broke off: [{"a": 1}, {"a":', '{"a":1}'),
        ("{'a': 1}", '{"a":1}'),
        ('{"a": NaN}', None),
        ('{"a": 1e999}', None),
        ('{"a": "\\ud800"}', None),
        ('"just a text" and 5', None),
        ("", None),
    ],
)
def test_json(text: str, expected: str | None) -> None:
    assert parse_answer(text, JSON) == expected


QUESTION = 'Who is "he"?\nOptions:\n(A) Tom\n(B) Tom Sawyer\n(C) The old man'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He is Tom Sawyer.", "(B)"),
        ("the old man", "(C)"),
        ('The pronoun "he" refers to Tom. Tom Sawyer is someone else.', "(A)"),
        ("The answer is Tom Sawyer, not Tom.", "(B)"),
        ("It is Tom Sawyer (A).", "(A)"),
        ("Huckleberry Finn", None),
    ],
)
def test_the_text_of_an_option_stands_for_its_label(text: str, expected: str | None) -> None:
    assert parse_answer(text, choice("(A)", "(B)", "(C)"), QUESTION) == expected


def test_options_with_equal_texts_stand_for_nothing() -> None:
    assert parse_answer("Tom", choice("(A)", "(B)"), "(A) Tom\n(B) tom") is None


@pytest.mark.parametrize(
    ("answer", "text", "expected"),
    [
        (NUMBER, "First, 3 + 4 = 7. Next, 7 times", None),
        (NUMBER, "The answer is 7. To check this, take 3", "7"),
        (choice(*LETTERS), "(A) is too long. (B) is too", None),
        (choice(*LETTERS), "(B)\n\n(A) is too", "(B)"),
        (choice(*LETTERS), "The correct answer is (C) because (A) is", "(C)"),
        (BOOLEAN, "not True is False, and so", None),
        (LIST, "The sorted list is:\n1. apple\n2. ban", None),
        (LIST, "The sorted list is:\n1. apple\n2. banana\n\nThis is in", "apple banana"),
        (JSON, '{"a": 1}\n{"b":', '{"a":1}'),
    ],
)
def test_of_a_text_that_was_cut_off_only_a_statement_counts(
    answer: AnswerSpec, text: str, expected: str | None
) -> None:
    assert parse_answer(text, answer, cut=True) == expected


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
        ("<reasoning>(A)</reasoning>\n<answer>(B)</answer>", "(B)"),
        ("[THINK](A)?[/THINK](B)", "(B)"),
        ("<|channel|>analysis<|message|>(A)?<|end|><|start|>assistant<|channel|>final<|message|>(B)<|return|>", "(B)"),
        ("<|channel|>analysis<|message|>I think (A), since", None),
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
        (NUMBER, "$ 5", "5"),
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
        (LIST, "abutted agamemnon aquatic", "abutted agamemnon aquatic"),
        (LIST, "New York, Rome", "New York, Rome"),
        (JSON, '{"b": 1, "a": 2.0}', '{"a":2,"b":1}'),
        (JSON, "5", None),
        *[(answer, " ", None) for answer in (choice(*LETTERS), NUMBER, BOOLEAN, EXACT, FREE, LIST, JSON)],
    ],
)
def test_references(answer: AnswerSpec, reference: str, expected: str | None) -> None:
    assert canonical_reference(reference, answer) == expected


ANSWERS = st.sampled_from([choice(*LETTERS), choice("yes", "no", "not sure"), NUMBER, BOOLEAN, EXACT, FREE, LIST, JSON])
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
    ", ",
    "- ",
    "1. ",
    "[",
    "]",
    '{"a": ',
    '"',
    "\\frac{1}{",
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


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), min_size=1), min_size=1))
def test_a_canonical_list_reads_back(items: list[str]) -> None:
    assert items_of(canonical_list(items)) == tuple(items)


@given(st.text() | st.lists(FRAGMENTS, max_size=12).map("".join), st.sampled_from([LIST, JSON]))
def test_what_was_read_is_its_own_reference(text: str, answer: AnswerSpec) -> None:
    found = parse_answer(text, answer)
    if found is not None:
        assert canonical_reference(found, answer) == found


@pytest.mark.slow
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
        "[",
        "[1,",
        "[]",
        '{"a":',
        '"',
        '\\"',
        "1. a\n",
        "a, ",
        " -> ",
        "the answer to the ",
        "correct a b is ",
        "sorted ",
        "\\frac{",
        "\\boxed{",
        "1 1/",
        "\u20ac1,",
        "1.000.",
        "<|channel|>",
        "```",
    ],
)
@pytest.mark.parametrize(
    "answer", [choice(*LETTERS), NUMBER, BOOLEAN, EXACT, LIST, JSON], ids=lambda answer: answer.kind
)
def test_long_texts_take_no_long_time(unit: str, answer: AnswerSpec) -> None:
    started = time.process_time()
    parse_answer(f"x{unit * (60_000 // len(unit))}x", answer)
    assert time.process_time() - started < 5
