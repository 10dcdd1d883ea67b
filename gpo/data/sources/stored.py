"""The source `name`: a version of a dataset that was pushed, whose rows are a file of this machine by now."""

from gpo.data.sources.files import FileReading
from gpo.data.sources.folders import read_file
from gpo.data.sources.registry import Table, Tables, source
from gpo.errors import DatasetError
from gpo.spec.dataset import DatasetSpec


@source("name")
def stored_tables(dataset: DatasetSpec, _reading: FileReading) -> Tables:
    """The one table of the version.

    Raises:
        DatasetError: nobody has looked for the version's rows.
    """
    if dataset.rows is None:
        raise DatasetError(
            f"{dataset.source}: nothing is known of its rows; `gpo.runs.job.load_job` reads a spec with them"
        )
    # Stored as UTF-8, whatever they came from.
    return Tables(whole=(Table(dataset.source, dataset.source, read_file(dataset.rows, FileReading())),))
