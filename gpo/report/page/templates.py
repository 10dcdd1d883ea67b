"""The templates of the pages with the functions that they use by name, and what allows a page its own script alone."""

import base64
import hashlib
import re
from typing import Any, NamedTuple

from gpo import formatting
from gpo.jinja import Templates
from gpo.records import START_STEP
from gpo.report import findings
from gpo.report.charts.canvas import STYLE
from gpo.report.findings import CandidateRow
from gpo.report.proposals import describe_reason

_CODE = re.compile(r"`([^`]*)`")

_STATUS = {"best": "best", "current": "was current", "scored": "", "dropped": "dropped early"}


class MarkedText(NamedTuple):
    """A piece of a sentence; `is_code` where it stood between backticks."""

    text: str
    is_code: bool


def hash_of_script(script: str) -> str:
    """By which a page allows its own script and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")


def split_code(text: str) -> list[MarkedText]:
    """The pieces of a text, with what stands between backticks as code.

    >>> [tuple(piece) for piece in split_code("raise `seed` by 1")]
    [('raise ', False), ('seed', True), (' by 1', False)]
    """
    return [MarkedText(piece, bool(number % 2)) for number, piece in enumerate(_CODE.split(text))]


def describe_status(row: CandidateRow) -> str:
    """What became of a scored prompt; empty where nothing did."""
    return "start" if row.step == START_STEP and row.status != "best" else _STATUS[row.status]


def fill_page(name: str, *, kind: str, title: str, **values: Any) -> str:
    """A whole page: the frame with its style and script, and a template's blocks in it."""
    script = TEMPLATES.read("page.js")
    frame = {"style_sheet": TEMPLATES.read("page.css") + STYLE, "script": script, "script_hash": hash_of_script(script)}
    return TEMPLATES.fill(name, kind=kind, title=title, **frame, **values)


TEMPLATES = Templates(
    "gpo.report.page",
    filters={
        "describe_distance": findings.describe_distance,
        "describe_reason": describe_reason,
        "describe_size": findings.describe_size,
        "describe_status": describe_status,
        "duration": formatting.duration,
        "fraction": formatting.fraction,
        "interval": formatting.interval,
        "minute": formatting.minute,
        "shorten": formatting.shorten,
        "split_code": split_code,
        "with_noun": formatting.count,
    },
)
