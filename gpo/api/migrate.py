"""`gpo.migrate`: which model, with which prompt, may replace the pair in production; also to be awaited."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from gpo.api.calls import running
from gpo.api.runner import find_runner
from gpo.api.running import run_to_end
from gpo.api.spec import TASK_MODEL_WRITES, Spec, SpecParts, as_spec
from gpo.errors import InputError
from gpo.migration.keep import promote_pair
from gpo.migration.pairs import Migration, ModelPair, Optimize
from gpo.migration.plan import plan_migration
from gpo.migration.run import MigrationSteps
from gpo.migration.run import migrate as migrate_job
from gpo.production.decision_log import open_production
from gpo.report.checks.migration import claim, pair_rows
from gpo.runs.job import Job
from gpo.settings import user_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MigrationResult:
    """What came of a migration: `migration` has all about it, `told` what a person should know."""

    migration: Migration = field(repr=False)
    job: Job = field(repr=False)
    told: tuple[str, ...] = ()

    @property
    def best(self) -> ModelPair | None:
        """The pair of model and prompt that may replace the present one, if there is one."""
        return self.migration.best

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each pair, the present one first, as the command shows it."""
        import pandas as pd  # noqa: PLC0415 - takes longer than everything else here

        head, *rows = pair_rows(self.migration)
        return pd.DataFrame(rows, columns=list(head))

    def promote(self, who: str | None = None) -> Migration:
        """Point the alias to the recommended pair, which is kept as a version with its model.

        Raises:
            InputError: no pair may replace the present one.
            AliasMovedError: the alias points elsewhere by now.
        """
        if self.best is None:
            raise InputError(f"there is nothing to promote: {claim(self.migration)}")
        with open_production(self.job.settings, self.job.home) as production:
            promoted, _ = promote_pair(production, self.migration, who or user_name())
            return promoted

    def __repr__(self) -> str:
        return f"MigrationResult({self.migration.id}: {claim(self.migration)})"


def migrate(
    spec: Spec | str | Path | None = None,
    *,
    to: object,
    optimize: Optimize = "promising",
    margin: float | None = None,
    seed: int | None = None,
    calls: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> MigrationResult:
    """Find out by the gate which pair of model and prompt may replace the one in production; nothing is promoted.

        result = gpo.migrate("tickets.yaml", to=["openai:new-model"], margin=0.02)
        result.best, result.to_pandas()
        result.promote()

    Args:
        spec: The task; or leave it out and give its `parts`: see `gpo.Spec`. Its prompt is in the registry.
        to: A model, or several in a list: names, options as a dict, or chat models of LangChain.
        optimize: With which models a better prompt is searched for: `promising`, `all` or `none`.
        margin: How much worse a pair may be; by default what the spec's gate says.
        seed: Another seed, another search.
        calls: Calls of the task model that each search may make.
        home: The state folder, as for `gpo.optimize`.
        fresh: Ask anew, whatever the ledger holds.
        progress: Show how it goes, and tell what was guessed.
        parts: `prompt`, `data`, `reference`, `metric`, `task` and so on.

    Raises:
        InputError: what is wrong with the task, the data or the models; nothing was scored.
        GpoError: calls failed; what was paid for is kept.
    """
    options = {"optimize": optimize, "margin": margin, "seed": seed, "calls": calls, "home": home}
    return run_to_end(migrate_async(spec, to=to, fresh=fresh, progress=progress, **options, **parts))  # type: ignore[arg-type]


async def migrate_async(
    spec: Spec | str | Path | None = None,
    *,
    to: object,
    optimize: Optimize = "promising",
    margin: float | None = None,
    seed: int | None = None,
    calls: int | None = None,
    home: str | Path | None = None,
    fresh: bool = False,
    progress: bool = True,
    **parts: Unpack[SpecParts],
) -> MigrationResult:
    """As `gpo.migrate`, to be awaited."""
    whole = await asyncio.to_thread(as_spec, spec, parts)
    job = await asyncio.to_thread(whole.job, seed, home, calls)
    models = to if isinstance(to, Sequence) and not isinstance(to, str) else [to]
    told = tuple(each for each in whole.told if each != TASK_MODEL_WRITES or optimize != "none")
    with running(progress, told, fresh=fresh) as shown, open_production(job.settings, job.home) as production:
        splits = await asyncio.to_thread(whole.splits, job.spec)
        search = await asyncio.to_thread(find_runner, job.home)
        plan = plan_migration(job, production, models, optimize=optimize, margin=margin, splits=splits)
        found = await migrate_job(plan, production, MigrationSteps(search=search))
    return MigrationResult(migration=found, job=job, told=tuple(shown.told))
