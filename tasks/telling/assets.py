"""Versions of prompts and datasets as Prefect assets: `gpo://prompts/NAME` is made from `gpo://datasets/NAME`.

Prefect's open-source server keeps each as an event, `prefect.asset.materialization.succeeded`; Prefect Cloud draws what
was made from what.
"""

from typing import Any

from prefect.assets import Asset, add_asset_metadata, materialize
from prefect.assets.core import AssetProperties
from prefect.cache_policies import NO_CACHE

from gpo.datasets.version import DatasetVersion
from gpo.production.decision import Decision
from tasks.telling.links import served_page


async def tell_prompt_version(decision: Decision) -> None:
    """A prompt has a new version, the challenger, made with a version of a dataset."""
    data = decision.dataset
    # Data without a name in the registry is a file or a query, and has no versions.
    upstream = [_asset("datasets", data.name)] if data.version else []
    facts = {
        "version": decision.challenger,
        "run": decision.run,
        "status": decision.status,
        "before": decision.champion,
    }
    await _tell(_asset("prompts", decision.prompt), upstream, facts, f"{decision.prompt} version {decision.challenger}")


async def tell_dataset_version(version: DatasetVersion) -> None:
    """A dataset has a new version."""
    facts = {"version": version.version, "rows": version.rows, "digest": version.digest, "source": version.source}
    await _tell(_asset("datasets", version.name), [], facts, version.label)


def _asset(kind: str, name: str) -> Asset:
    # The page of a dataset is written when somebody asks for it.
    url = served_page(kind, name) if kind == "prompts" else None
    return Asset(key=f"gpo://{kind}/{name}", properties=AssetProperties(name=name, url=url))


async def _tell(asset: Asset, upstream: list[Asset], facts: dict[str, Any], name: str) -> None:
    @materialize(
        asset, by="gpo", asset_deps=list(upstream), name="new version", task_run_name=name, cache_policy=NO_CACHE
    )
    async def note_version() -> None:
        add_asset_metadata(asset, facts)

    await note_version(return_state=True)  # type: ignore[misc]  # no run fails for it
