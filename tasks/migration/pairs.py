"""The tasks of a migration: score a pair of model and prompt on a split, and publish the table of all pairs."""

from prefect import task
from prefect.artifacts import acreate_markdown_artifact, acreate_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from gpo.formatting import fraction
from gpo.migration import score as plain
from gpo.migration.pairs import Migration
from gpo.migration.plan import MigrationPlan
from gpo.migration.score import PairScore
from gpo.production.contender import Contender
from gpo.records import Split
from gpo.report.checks.migration import claim, migration_markdown, pair_rows
from tasks.policy import RETRIED, opaque
from tasks.record import tell
from tasks.telling.names import artifact_key


async def score(plan: MigrationPlan, name: str, contender: Contender, split: Split) -> PairScore:
    """Score a pair on all examples of a split."""
    return await _score(opaque(plan), name, opaque(contender), split)


# Not cached: the ledger has every answer, and the scores are soon put together again.
@task(name="score pair", task_run_name="score {name} on {split}", cache_policy=NO_CACHE, **RETRIED)
async def _score(plan: MigrationPlan, name: str, contender: Contender, split: Split) -> PairScore:
    found = await plain.score_pair(plan, name, contender, split)
    get_run_logger().info(f"{name} on {split}: {fraction(found.score.mean)} on {found.score.n} examples")
    return found


@task(name="publish", task_run_name="publish {found.id}", cache_policy=NO_CACHE)
async def publish(found: Migration) -> None:
    """Publish what came of a migration as artifacts: the verdict with its reasons, then the table of pairs."""
    get_run_logger().info(f"{found.prompt}: {claim(found)}")
    key = artifact_key(found.prompt, "migration")
    await tell(acreate_markdown_artifact(migration_markdown(found), key=key, description=claim(found)))
    head, *rows = pair_rows(found)
    table = [dict(zip(head, row, strict=True)) for row in rows]
    await tell(
        acreate_table_artifact(table, key=artifact_key(found.prompt, "pairs"), description=f"Pairs of {found.id}")
    )
