"""Where a sentence ends, in every script, and what belongs together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.search.edits.sentences import Unit, cut_units, ends_sentence, plain, unclosed


def texts(text: str) -> list[str]:
    return [plain(unit) for unit in cut_units(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Use a tool, e.g. a saw, i.e. none.",
        "The limit is 3.5 points, or .5 of it.",
        "Ask Dr. Who or Mr. J. R. Smith of the U.S. Navy.",
        "See Fig. 3 and No. 4, p. 12, vs. the rest, approx. 5.",
        "Nimm z.B. Holz, d.h. Bretter, bzw. Latten.",
        "Wait ... and see.",
        "Is it Yahoo! or not?",
        'Write "Yes. No." or (Maybe. Never.) as the answer.',
        "See https://example.com/a.b?c=d! now",
        "Answer with [A. B. C.] in `a. B` form",
        "Version 2.0.1 of it",
    ],
)
def test_one_sentence_stays_one(text: str) -> None:
    assert texts(text) == [text]


@pytest.mark.parametrize(
    "parts",
    [
        ["Read it.", "Then answer!", "Is it good?", "Say so"],
        ['Say "yes."', "Say no.", "(Both count.)", "*Never* both."],
        ["Wait...", "Then see."],
        ["Sort the words, etc.", "Answer then."],
        ["It was 2024.", "Answer now."],
        ["Do this.", "2. Do that."],
        ["¿Es bueno?", "¡Di sí!", "Ya."],
        ["यह अच्छा है।", "हाँ कहो।"],
        ["هل هو جيد؟", "قل نعم.", "ثم توقف\u06d4", "نعم"],
        ["Это хорошо.", "Скажи да."],
        ["Ist es gut?", "Ändere z.B. nichts.", "Übung zählt."],
    ],
)
def test_sentences_end_where_their_marks_are(parts: list[str]) -> None:
    assert texts(" ".join(parts)) == parts


@pytest.mark.parametrize(
    "parts",
    [
        ["请判断情感。", "回答“正面。”或负面\uff01", "不要解释"],
        ["この文は肯定的ですか\uff1f", "「はい。」と答えてください。", "以上。"],
        ["判断它。", "Say yes."],
    ],
)
def test_scripts_without_spaces_need_none_after_a_mark(parts: list[str]) -> None:
    assert texts("".join(parts)) == parts


def test_thai_has_no_marks_so_that_a_line_is_one_unit() -> None:
    assert len(texts("อ่านรีวิว แล้วตอบว่าดีหรือไม่ดี\nตอบสั้นๆ")) == 2


def test_lines_and_items_of_lists_are_units() -> None:
    text = "Read it\nDecide\n\n- one. Two.\n  and more\n* three\n1) four\n(b) five\n一、六\n• seven"
    assert texts(text) == [
        *("Read it", "Decide", "- one. Two.\n  and more", "* three", "1) four", "(b) five", "一、六", "• seven"),
    ]


def test_a_line_that_announces_others_is_one_with_them() -> None:
    text = "Read it. Follow these rules:\n- a\n- b\nAnswer.\n\n## Labels\ngood: likes it\nbad: does not\n\nLast."
    found = cut_units(text)
    assert [unit.text for unit in found] == [
        "Read it.",
        "Follow these rules:\n- a\n- b",
        "Answer.",
        "## Labels\ngood: likes it\nbad: does not",
        "Last.",
    ]
    assert [plain(part) for part in found[1].parts] == ["Follow these rules:", "- a", "- b"]
    assert texts("Classify the text:") == ["Classify the text:"]


def test_clauses_between_semicolons_are_parts_of_their_sentence() -> None:
    (unit,) = cut_units("Accept it if it is new; refuse it if (old; worn); ask otherwise.")
    assert [part.text for part in unit.parts] == [
        "Accept it if it is new;",
        "refuse it if (old; worn);",
        "ask otherwise.",
    ]


@pytest.mark.parametrize(
    "text", ['Write {\n "a": 1,\n\t"b": [2]\n} now.', "```\na. B.\n\nc\n```", "<rules>\nOne.\nTwo.\n</rules>"]
)
def test_what_brackets_fences_and_tags_hold_stays_together(text: str) -> None:
    assert texts(f"First.\n{text}\nLast.") == ["First.", text, "Last."]


PIECES = [
    "Read it.",
    "e.g.",
    "3.5",
    "- a",
    "1. b",
    ":",
    ";",
    "(",
    ")",
    '"',
    "\n",
    "\n\n",
    " ",
    "。",
    "判断",
    "yes",
    "No!",
    "```",
    "#",
    "{",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PIECES), max_size=20).map("".join)))
def test_the_units_are_the_text(text: str) -> None:
    def whole(units: tuple[Unit, ...]) -> str:
        return "".join(unit.gap + plain(unit) for unit in units)

    found = cut_units(text)
    assert whole(found) == text.rstrip()
    for unit in found:
        assert unit.text.strip()
        if unit.parts:
            assert len(unit.parts) > 1
            assert whole(unit.parts).lstrip() == unit.text.lstrip()


def test_ends_and_open_brackets() -> None:
    assert [ends_sentence(text) for text in ("Yes.", "Yes?)", "**Yes.**", "是。”", "Yes", "Yes:")] == [True] * 4 + [
        False
    ] * 2
    assert [unclosed(text) for text in ("a (b", "a (b) c", "a) b", "[a (b]", "a {")] == [True, False, False, True, True]
