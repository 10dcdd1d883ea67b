"""The record of a decision about a challenger: the evidence, the person, and its status, such as `promoted`."""

from datetime import datetime
from typing import Literal

from gpo.gate.verdict import GateVerdict
from gpo.prompts.version import DatasetReference
from gpo.records import Record, content_hash

Status = Literal["kept", "waiting", "promoted", "rejected", "expired", "superseded", "checked"]

STATUS_WORDS: dict[Status, str] = {
    "kept": "the champion stays",
    "waiting": "waits for approval",
    "promoted": "promoted",
    "rejected": "rejected",
    "expired": "nobody answered in time; the champion stays",
    "superseded": "superseded; the champion stays",
    "checked": "a prompt was checked",
}
"""Each status in words."""


class Decision(Record):
    """What became of one run for one alias of a prompt. `run` is the run's id; times are ISO text in UTC.

    `basis` is the hash of what was decided on: spec, gate and data; an equal one would be decided alike. `challenger`
    is None when the search found nothing worth registering. `flow_run` is the id of the Prefect run that waits.
    `dev` are the mean scores of the champion and of the best prompt on the dev split. It may be approved until
    `expires_at`. A prompt that `gpo check` has `checked`, by the digest of its content, moves nothing: it counts as a
    use of the alias, and has no dev score. `text` is its instruction, or the texts of a program, which has no digest.
    One that `repeats_example` of dev or test proves nothing by its gain.
    """

    run: str
    prompt: str
    alias: str
    basis: str
    champion: int
    challenger: int | None = None
    status: Status
    dataset: DatasetReference
    dev: tuple[float, float] | None
    verdict: GateVerdict | None = None
    reason: str
    report: str = ""
    flow_run: str | None = None
    who: str | None = None
    why: str | None = None
    created_at: str
    decided_at: str | None = None
    expires_at: str | None = None
    checked: str = ""
    text: str = ""
    repeats_example: bool = False

    @property
    def id(self) -> str:
        """What it is kept under: another alias or prompt, or other grounds, make another decision of the same run."""
        return content_hash([self.run, self.prompt, self.alias, self.basis], length=32)

    @property
    def is_open(self) -> bool:
        """Whether a person has yet to answer."""
        return self.status == "waiting"

    def is_expired(self, now: str) -> bool:
        """Whether it waited for longer than it may."""
        return self.is_open and self.expires_at is not None and _time(now) > _time(self.expires_at)

    @property
    def sentence(self) -> str:
        """What became of it, in one sentence."""
        by = f" by {self.who}" if self.who else ""
        version = f"version {self.challenger} " if self.challenger is not None else ""
        why = f": {self.why}" if self.why else f": {self.reason}"
        return f"{self.prompt}: {version}{STATUS_WORDS[self.status]}{by}{why}"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
