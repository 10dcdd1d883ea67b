"""The flow that looks at a source of data and, when it has changed, keeps it as the next version of a dataset."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

from flows.stack.environment import find_api_url
from gpo.datasets.fetch import Fetched, FileFormat, fetch_source, rows_of_file, source_name, stamp_of
from gpo.datasets.fields import chosen_fields
from gpo.datasets.registry import Datasets, FieldNames, Origin
from gpo.datasets.version import Pushed
from gpo.errors import StateError
from gpo.report.dataset import version_markdown
from gpo.settings import load_settings
from tasks.announce import announce_and_record
from tasks.policy import PATIENT, RETRIED
from tasks.telling.assets import tell_dataset_version


@flow(name="watch-dataset", flow_run_name="watch {name}", persist_result=False)
async def watch_dataset(
    name: str,
    source: str,
    *,
    input_fields: list[str] | None = None,
    reference_field: str | None = None,
    id_field: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    home: Path | None = None,
) -> Pushed:
    """Push what a source holds as the next version of a dataset, if that is new, and emit `gpo.dataset.updated`.

    Args:
        name: The dataset's name.
        source: The path of a file, a URL that fsspec reads, a SELECT for the database of GPO_DATASET_URL, or
            `hub:org/name` (`?config=...&revision=...`) of the Hugging Face hub.
        input_fields: Fields that fill the prompt's variables; by default as in the version before, or guessed.
        reference_field: The field with the right answer; by default likewise.
        id_field: The field with a unique id; by default likewise.
        encoding: Of text files; by default UTF-8, or UTF-16 by its mark.
        delimiter: Of .csv and .tsv files; by default as their header has it.
        sheet: Of a workbook with several sheets: which of them.
        home: The state folder; by default GPO_HOME, or .gpo in the working folder.
    """
    settings, log = load_settings(), get_run_logger()
    folder = home or settings.home_here()
    datasets, written = Datasets(settings, folder), FileFormat(encoding, delimiter, sheet)
    given = FieldNames(tuple(input_fields or ()), reference_field, id_field)
    newest = await asyncio.to_thread(datasets.newest, name)
    with TemporaryDirectory(prefix="gpo-watch-") as place:
        stamp = await look(source, written)
        is_known = newest is not None and stamp is not None and stamp == newest.stamp
        if newest is not None and is_known and chosen_fields(newest.fields, *given) == newest.fields:
            pushed = Pushed(version=newest, is_new=False)
        else:
            copy = await read(source, Path(place), written)
            origin = Origin(source_name(source), "watch-dataset", stamp=stamp)
            pushed = await asyncio.to_thread(datasets.push, name, rows_of_file(*copy), origin, given)
    if not pushed.is_new:
        log.info("%s: nothing changed since version %s", source_name(source), pushed.version.version)
    if pushed.version.announced_at is None:
        await tell(datasets, pushed, folder)
        await tell_dataset_version(pushed.version)
    return pushed


@task(name="look", task_run_name="look", cache_policy=NO_CACHE, **RETRIED)
async def look(source: str, written: FileFormat) -> str | None:
    """What tells whether the source changed without reading it; None where nothing does."""
    return await asyncio.to_thread(stamp_of, source, written)


@task(name="read", task_run_name="read", cache_policy=NO_CACHE, **RETRIED)
async def read(source: str, folder: Path, written: FileFormat) -> Fetched:
    """The source as a local file."""
    return await asyncio.to_thread(fetch_source, source, folder, written)


@task(
    name="tell",
    task_run_name="tell {pushed.version.name} version {pushed.version.version}",
    cache_policy=NO_CACHE,
    **PATIENT,
)
async def tell(datasets: Datasets, pushed: Pushed, folder: Path) -> None:
    """Emit the event, and keep what changed as an artifact.

    Raises:
        StateError: the Prefect server did not take the event; the version is kept.
    """
    version = pushed.version
    announcement = await asyncio.to_thread(
        announce_and_record, datasets, version, PREFECT_API_URL.value() or find_api_url(folder)
    )
    get_run_logger().info("%s version %s; %s", version.name, version.version, announcement.text)
    if announcement.status == "failed":
        raise StateError(f"{version.label} is kept, but {announcement.text}")
    difference = None
    if version.version > 1:
        difference = await asyncio.to_thread(datasets.diff, version.name, version.version - 1, version.version)
    markdown = version_markdown(version, difference, announcement.text)
    await acreate_markdown_artifact(markdown, key=f"dataset-{version.name.replace('_', '-')}")
