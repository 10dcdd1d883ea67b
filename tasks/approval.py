"""A person's answer about a challenger, as the form of the Prefect UI asks for it."""

from typing import Literal

from prefect.input import RunInput
from pydantic import Field


class Approval(RunInput):
    """Promote the challenger, or keep the champion."""

    decision: Literal["promote", "reject"] = Field(description="What becomes of the challenger.")
    why: str = Field(default="", description="Kept in the prompt's history.")
    who: str = Field(default="someone in the Prefect UI", description="Your name, for the prompt's history.")
