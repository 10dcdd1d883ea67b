"""The task `score chunk`: examples of a candidate, scored in the process that Prefect's task runner gives it to."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from gpo.runs.spread.chunks import score_sent


# Bytes: Prefect would look for futures in whatever else it is given. The ledger is the cache.
@task(name="score chunk", cache_policy=NO_CACHE, persist_result=False)
async def score_chunk(chunk: bytes) -> bytes:
    """Score a chunk, and give back what came of it."""
    return await score_sent(chunk)
