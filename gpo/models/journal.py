"""A file of paid answers, for as long as there is no database: a killed check finds there what it paid for."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from gpo.models.ledger import Answer, CallKey
from gpo.records import Record


class HeldAnswer(Record):
    """An answer with its call and the role of its model."""

    key: CallKey
    answer: Answer
    role: str


@dataclass
class Journal:
    """One answer a line, in a folder that is made with the first of them where there is none."""

    path: Path
    _made_folder: bool = False

    def read(self) -> list[HeldAnswer]:
        """What is there; a line that was not written to its end counts as none."""
        found = []
        with suppress(OSError):
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with suppress(ValidationError):
                    found.append(HeldAnswer.model_validate_json(line))
        return found

    def add(self, held: HeldAnswer) -> None:
        """Write an answer; where that fails, it is in memory still."""
        with suppress(OSError):
            if not self.path.parent.exists():
                self.path.parent.mkdir(mode=0o700, parents=True)
                self._made_folder = True
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(file, held.model_dump_json().encode() + b"\n")
            finally:
                os.close(file)

    def remove(self) -> None:
        """Take the file away, and the folder that was made for it, if nothing else is in it."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
            if self._made_folder:
                self.path.parent.rmdir()
