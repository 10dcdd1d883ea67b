"""The texts of a program's prompts as one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.spec.program_text import join_texts, split_texts

NAMES = ("plan", "answer-2", "check")
LINES = st.sampled_from(["# plan", "\\# plan", "\\\\# check", "# Rules", "", " ", "a", "# answer-2 ", "\r", "\\"])
TEXTS = st.one_of(st.lists(LINES, min_size=1).map("\n".join), st.text(min_size=1))


@given(st.tuples(TEXTS, TEXTS, TEXTS))
def test_texts_come_back_as_they_were_whatever_they_hold(texts: tuple[str, ...]) -> None:
    given_texts = dict(zip(NAMES, texts, strict=True))
    assert split_texts(join_texts(given_texts), NAMES) == given_texts


@pytest.mark.parametrize("text", ["Be brief.", "# answer\nb\n\n# plan\na", "# plan\na", "x\n# plan\na\n\n# answer\nb"])
def test_a_text_of_other_prompts_is_told_from_one_of_these(text: str) -> None:
    with pytest.raises(ValueError, match="once: `# plan`, `# answer`"):
        split_texts(text, ["plan", "answer"])
