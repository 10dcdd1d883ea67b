"""What a sentence may say of a phrase that it names."""

from enum import Enum
from typing import NamedTuple

from gpo.scoring.text.clauses import Clause


class Role(Enum):
    """What a sentence says of a phrase."""

    APPROVED = "approved"
    """It is called right: `B is correct`."""
    ASSERTED = "asserted"
    DENIED = "denied"
    MENTIONED = "mentioned"
    """It is talked about, stands in an aside, or describes something else: `B is too long`, `negative words`."""


class SaidOf(NamedTuple):
    """A phrase of a sentence, its role, and what it says: for a denied one its opposite, where there is one."""

    meaning: str | None
    role: Role
    start: int
    end: int
    clause: Clause

    @property
    def states(self) -> bool:
        """Whether it is said to be so."""
        return self.role in {Role.APPROVED, Role.ASSERTED}
