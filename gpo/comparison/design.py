"""What a user compares: tasks, methods and seeds, and the sizes that hold for all of them."""

from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from gpo.comparison.arms import Arm
from gpo.errors import InputError
from gpo.formatting import count
from gpo.records import Record


class Sizes(Record):
    """What all cells have in common; None: as each task's spec has it."""

    calls: int | None = Field(default=None, ge=1, description="Task-model calls of a search.")
    dev: int | None = Field(default=None, ge=1)
    test: int | None = Field(default=None, ge=1)
    train: int | None = Field(default=None, ge=0)
    candidates: int | None = Field(default=None, ge=1, le=64)

    @classmethod
    def given(cls, **sizes: int | None) -> Self:
        """The sizes that were given on the command line.

        Raises:
            InputError: one is out of its range.
        """
        try:
            return cls(**sizes)
        except ValidationError as error:
            first = error.errors()[0]
            wrong = f"--{first['loc'][0]}: {first['msg']}, received {first['input']}"
            raise InputError(wrong) from None


class Design(Record):
    """What is compared. `tasks` are spec files or benchmark folders; `models` is a file whose models replace theirs."""

    tasks: tuple[Path, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    sizes: Sizes = Sizes()
    models: Path | None = None

    @property
    def title(self) -> str:
        """The design in words, such as `4 tasks x 6 presets x 2 seeds`."""
        arms = count(len(self.arms), "method" if any(arm.name != arm.preset for arm in self.arms) else "preset")
        return f"{count(len(self.tasks), 'task')} x {arms} x {count(len(self.seeds), 'seed')}"
