r"""The texts of a program's prompts as one text, and back: the canonical form in which a candidate of several is kept.

Each text stands below a line with the name of its prompt. So a candidate of several prompts is kept, compared, shown
and found again as that of one is: by its text.

>>> print(join_texts({"plan": "Find facts.", "answer": "Be brief."}))
# plan
Find facts.
<BLANKLINE>
# answer
Be brief.
"""

import re
from collections.abc import Iterable, Mapping

_NAME = r"[a-z0-9][a-z0-9_-]*"
_HEADING = re.compile(rf"(?m)^# ({_NAME})$")
_LIKE_HEADING = re.compile(rf"(?m)^(?=\\*# {_NAME}$)")
_ESCAPED = re.compile(rf"(?m)^\\(?=\\*# {_NAME}$)")
_GAP = "\n\n"


def join_texts(texts: Mapping[str, str]) -> str:
    """The texts, by the names of their prompts, as one. A line of theirs that is like a heading gets a backslash."""
    escaped = {name: _LIKE_HEADING.sub(lambda _: "\\", text) for name, text in texts.items()}
    return _GAP.join(f"# {name}\n{text}" for name, text in escaped.items())


def split_texts(joined: str, names: Iterable[str]) -> dict[str, str]:
    r"""The texts that `join_texts` joined.

    >>> split_texts("# plan\nFind facts.\n\n# answer\nBe brief.", ["plan", "answer"])
    {'plan': 'Find facts.', 'answer': 'Be brief.'}

    Raises:
        ValueError: it is no such text, or not of these prompts in this order.
    """
    before, *pieces = _HEADING.split(joined)
    found = dict(zip(pieces[::2], pieces[1::2], strict=True))
    wanted = list(names)
    if before or list(found) != wanted or len(pieces) != 2 * len(found):
        headings = ", ".join(f"`# {name}`" for name in wanted)
        raise ValueError(f"a text of several prompts must hold, each on a line before its text and once: {headings}")
    bodies = {name: body.removeprefix("\n") for name, body in found.items()}
    last = wanted[-1]
    whole = {name: body if name == last else body.removesuffix(_GAP) for name, body in bodies.items()}
    return {name: _ESCAPED.sub("", text) for name, text in whole.items()}
