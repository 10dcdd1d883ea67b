"""The section `execution` of a spec: where examples are scored, in the process of the run or in several."""

from typing import Literal, Self

from pydantic import Field, model_validator

from gpo.records import Record


class ExecutionSpec(Record):
    """Where examples are scored. It decides how long a run takes, and nothing of what it comes to."""

    runner: Literal["threads", "dask", "ray"] = Field(
        default="threads",
        description="`threads`: in the process of the run. `dask` and `ray`: in chunks, in processes of Prefect's task "
        "runner of that name, for programs and metrics that compute; it comes with the extra of that name.",
    )
    workers: int | None = Field(default=None, ge=1, le=1024, description="For `dask` and `ray`: how many processes.")
    address: str | None = Field(
        default=None,
        description="For `dask` and `ray`: a cluster that runs already, such as `tcp://host:8786`. By default the run "
        "starts processes on its own machine.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.runner == "threads" and (self.workers is not None or self.address is not None):
            given = "workers" if self.workers is not None else "address"
            raise ValueError(
                f"`{given}` is for the runners dask and ray: name one of them in `runner`, or leave it out"
            )
        if self.runner != "threads" and self.workers is None:
            raise ValueError(f"`runner: {self.runner}` needs `workers`: how many processes score at once")
        return self

    @property
    def is_spread(self) -> bool:
        """Whether examples are scored in other processes."""
        return self.runner != "threads"
