"""What may be pushed: a file, and for those that do not push, a URL, a SELECT, or a dataset of the hub, as a file.

Each has a stamp, where one can be had: equal stamps are equal rows, told without reading them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from gpo.data.sources.encodings import check_encoding
from gpo.data.sources.files import COMPRESSED, LOADERS, FileReading, NumberedRow, detect_reading, ending_of
from gpo.data.sources.folders import read_file
from gpo.data.sources.hub import hub_tables, rows_of_table
from gpo.data.sources.sql import rows_of_query
from gpo.datasets.lines import canonical_line
from gpo.errors import DatasetError, SourceUnreachableError, StateError, suggestion
from gpo.files import open_regular
from gpo.records import content_hash
from gpo.redaction import safe_url
from gpo.spec.dataset import DatasetSpec

HUB = "hub:"
_ADDRESS = re.compile(r"\w+://[^\s'\"]+")
_HUB_OPTIONS = {"config", "revision"}
_MARKS = (
    "ETag",
    "etag",
    "e_tag",
    "md5Hash",
    "content_md5",
    "LastModified",
    "last_modified",
    "mtime",
    "created",
)
"""What file systems call what changes with a file's content, the surest first."""
_NO_FIELDS: dict[str, Any] = {"input": ("input",), "reference": "reference"}
"""A source is read whole: what its fields are is decided later."""


class FileFormat(NamedTuple):
    """What a person says of how a file is written; the rest is seen from it, which gives a `FileReading`."""

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


DETECT = FileFormat()


class Fetched(NamedTuple):
    """A file of this machine with a source's rows, and how it is written."""

    path: Path
    written: FileFormat = DETECT


def rows_of_file(path: Path, written: FileFormat = DETECT) -> Iterator[NumberedRow]:
    """All fields of a file's rows, one by one.

    Raises:
        DatasetError: there is no such file, its format is unknown, or it cannot be read.
    """
    if not path.exists():
        raise DatasetError(f"{path}: no such file")
    if path.is_dir():
        raise DatasetError(f"{path}: is a folder; name one file, whose rows a spec's dataset.split then divides")
    _check_ending(str(path), ending_of(path))
    if written.encoding:
        check_encoding(written.encoding)
    seen = detect_reading(path, written.encoding)
    reading = FileReading(seen.encoding, written.delimiter or seen.delimiter, sheet=written.sheet)
    return read_file(path, reading)


def stamp_of(source: str, written: FileFormat = DETECT) -> str | None:
    """What tells whether the source changed, without its rows being read; None where nothing does.

    Raises:
        DatasetError: the source is not there, or not of a kind that is known.
        SourceUnreachableError: it does not answer.
    """
    if is_query(source):
        return None
    if source.startswith(HUB):
        found = _commit(_hub_dataset(source))
    elif is_url(source):
        _check_ending(source_name(source), _ending(source))
        with _file_system(source) as (system, path):
            info = system.info(path)
        marks = [str(info[mark]) for mark in _MARKS if info.get(mark)]
        found = content_hash([marks[0], info.get("size")], length=64) if marks else None
    else:
        try:
            with open_regular(Path(source)) as file:
                return content_hash([_ending(source), *written, hashlib.file_digest(file, "sha256").hexdigest()], 64)
        except OSError as error:
            raise DatasetError(f"{source}: cannot be read: {error.strerror or error}") from None
    return found and content_hash([source, *written, found], length=64)


def fetch_source(source: str, folder: Path, written: FileFormat = DETECT) -> Fetched:
    """The source as a file of rows; what is no local file is copied to `folder`. `written` is of no use but for files.

    Raises:
        DatasetError: the source is not there, or cannot be read.
        SourceUnreachableError: it does not answer.
    """
    if is_query(source):
        dataset = DatasetSpec(sql=source, **_NO_FIELDS)
        return _written_down(rows_of_query(dataset, FileReading()), folder, "the query")
    if source.startswith(HUB):
        return _written_down(_rows_of_hub(_hub_dataset(source)), folder, source)
    if not is_url(source):
        return Fetched(Path(source), written)
    ending = _ending(source)
    _check_ending(source_name(source), ending)
    path = folder / f"rows{ending}{COMPRESSED if source_name(source).lower().endswith(COMPRESSED) else ''}"
    with _file_system(source) as (system, there):
        system.get_file(there, str(path))
    return Fetched(path, written)


def source_name(source: str) -> str:
    """What records and messages call a source: a URL without its password."""
    return safe_url(source) if is_url(source) else source


def is_query(source: str) -> bool:
    """Whether a source is a SELECT."""
    return source.lower().lstrip("( \t\r\n").startswith(("select ", "select\n", "with ", "with\n"))


def is_url(source: str) -> bool:
    """Whether a source is a URL that fsspec reads."""
    return "://" in source and not is_query(source)


def _ending(source: str) -> str:
    path = urlsplit(source).path or source.partition("://")[2] if is_url(source) else source
    return ending_of(PurePosixPath(path))


def _check_ending(where: str, ending: str) -> None:
    if ending.lower() not in LOADERS:
        raise DatasetError(f"{where}: cannot tell the format from the ending '{ending}'{suggestion(ending, LOADERS)}")


@contextmanager
def _file_system(url: str) -> Iterator[tuple[Any, str]]:
    """The file system of a URL, and the path in it."""
    import fsspec  # noqa: PLC0415 - seldom needed

    try:
        system, path = fsspec.url_to_fs(url)
        system.invalidate_cache()
        yield system, path
    except (DatasetError, StateError):
        raise
    except FileNotFoundError as error:
        # Over HTTP, a server that is away is said to have no such file, too.
        if isinstance(error.__cause__, FileNotFoundError | None):
            raise DatasetError(f"{safe_url(url)}: no such file") from None
        raise SourceUnreachableError(
            f"{safe_url(url)}: cannot be reached ({type(error.__cause__).__name__}); check the network"
        ) from None
    except (ImportError, ValueError) as error:
        raise DatasetError(f"{safe_url(url)}: cannot be read ({type(error).__name__}: {_first(error, url)})") from None
    except Exception as error:  # noqa: BLE001 - each file system has errors of its own
        raise SourceUnreachableError(
            f"{safe_url(url)}: cannot be reached ({type(error).__name__}: {_first(error, url)}); check network and keys"
        ) from None


def _first(error: Exception, url: str) -> str:
    """The first line of an error, in which a library may have written the address anew, secrets and all."""
    first = str(error).strip().partition("\n")[0].replace(url, safe_url(url))
    return _ADDRESS.sub(lambda found: safe_url(found[0]), first)


def _hub_dataset(source: str) -> DatasetSpec:
    """`hub:org/name?config=...&revision=...`."""
    name, _, query = source.removeprefix(HUB).partition("?")
    options: Mapping[str, str] = dict(parse_qsl(query))
    for option in options.keys() - _HUB_OPTIONS:
        raise DatasetError(f"{source}: unknown option '{option}'{suggestion(option, _HUB_OPTIONS)}")
    try:
        return DatasetSpec(hub=name, **options, **_NO_FIELDS)
    except ValueError:
        raise DatasetError(f"{source}: names no dataset; write hub:org/name") from None


def _commit(dataset: DatasetSpec) -> str | None:
    """The commit of the hub's dataset; None where the hub does not tell."""
    try:
        from huggingface_hub import HfApi  # noqa: PLC0415 - an extra

        return HfApi().dataset_info(str(dataset.hub), revision=dataset.revision).sha
    except Exception:  # noqa: BLE001 - then the rows are read, and that tells what is wrong
        return None


def _rows_of_hub(dataset: DatasetSpec) -> Iterator[NumberedRow]:
    for name, table in hub_tables(dataset).items():
        yield from rows_of_table(table, f"{dataset.hub} {name}", FileReading())


def _written_down(rows: Iterator[NumberedRow], folder: Path, where: str) -> Fetched:
    path = folder / "rows.jsonl"
    with path.open("wb") as file:
        for number, row in rows:
            if isinstance(row, DatasetError):
                raise DatasetError(f"{where}: row {number}: {row}")
            try:
                file.write(canonical_line(row))
            except DatasetError as error:
                raise DatasetError(f"{where}: row {number}: {error}") from None
    return Fetched(path)
