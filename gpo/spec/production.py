"""The section `production` of a spec: under which alias a better prompt goes live, who approves, who is notified."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from gpo.errors import PromptError
from gpo.names import EnvironmentVariable, check_alias
from gpo.records import Record

_Block = Annotated[str, Field(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]


class NotifySpec(Record):
    """Who is told what became of a run. A message that cannot be sent does not fail the run."""

    when: tuple[Literal["promoted", "waiting", "rejected", "kept", "superseded", "failed"], ...] = Field(
        default=("promoted", "waiting", "failed"), description="Of which outcomes."
    )
    blocks: tuple[_Block, ...] = Field(
        default=(), description="Prefect notification blocks, each `type/name`: `slack-webhook/ops`."
    )
    webhook_env: EnvironmentVariable | None = Field(
        default=None, description="An environment variable that holds a URL, to which the message is posted as JSON."
    )


CHALLENGER = "challenger"
"""The alias of the version that was last good enough to be looked at."""


class ProductionSpec(Record):
    """What becomes of a challenger that passes the gate."""

    prompt: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$",
        description="The prompt's name in the registry; by default the task's.",
    )
    alias: str = Field(
        default="production",
        description="The alias that applications read, which a promotion moves.",
    )
    approval: Literal["none", "required"] = Field(
        default="none", description="`required`: a person promotes or rejects, in the Prefect UI or by `gpo approve`."
    )
    approval_days: float = Field(default=7, gt=0, le=365, description="After so long without an answer, it is kept.")
    warm_start: int = Field(
        default=4, ge=0, le=64, description="How many prompts of earlier runs are tried again at the start."
    )
    notify: NotifySpec = NotifySpec()

    @field_validator("alias")
    @classmethod
    def _goes_live(cls, value: str) -> str:
        if value == CHALLENGER:
            raise ValueError(f"`{CHALLENGER}` is what a version is called before it goes live; name another alias")
        try:
            return check_alias(value)
        except PromptError as error:
            raise ValueError(str(error)) from None
