"""Where the rows of datasets lie: each content once, under its own digest, and never changed.

A folder of this machine, by default, or any file system that fsspec knows. What is elsewhere is kept here as well, once
it was read. A reader trusts nothing but the digest, so that a damaged or half-written object is never taken for rows.
"""

import hashlib
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from gpo.errors import StateError
from gpo.files import DRAFT, draft_in, put_in_place
from gpo.redaction import safe_url
from gpo.settings import Settings

VARIABLE = "GPO_DATASET_STORE"

_DEAD_S = 86_400.0

_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci"})
"""Protocols whose objects appear when they are whole. There, moving would be copying."""


def open_store(settings: Settings, home: Path) -> "DatasetStore":
    """The store of the settings; by default the folder `datasets` of the state folder.

    Raises:
        StateError: the file system of `GPO_DATASET_STORE` is unknown, not installed, or refuses.
    """
    here, url = home / "datasets", settings.dataset_store and settings.dataset_store.get_secret_value()
    if not url:
        return DatasetStore(here)
    if "://" not in url or url.startswith("file://"):
        return DatasetStore(Path(url.removeprefix("file://")).expanduser().absolute())
    return DatasetStore(here, Remote(url))


class DatasetStore:
    """Files of lines by their SHA-256, in a folder; what is `remote` is put there as well, and got from there."""

    def __init__(self, folder: Path, remote: "Remote | None" = None) -> None:
        self.folder = folder
        self._remote = remote

    @property
    def where(self) -> str:
        """What messages call it."""
        return str(self.folder) if self._remote is None else self._remote.shown

    def add(self, lines: Iterable[bytes]) -> str:
        """Keep a content and return its digest. Until all of it is there, nothing is.

        A content that is there already is written again: that repairs a damaged one.

        Raises:
            StateError: it cannot be written; nothing was kept.
        """
        digest = hashlib.sha256()
        with self._draft() as draft:
            with draft.open("wb") as file:
                for line in lines:
                    digest.update(line)
                    file.write(line)
            name = digest.hexdigest()
            if self._remote is not None:
                self._remote.put(draft, name)
            put_in_place(draft, self._path(name))
        return name

    def path(self, digest: str) -> Path:
        """The file with a content, checked; it must not be changed.

        Raises:
            StateError: it is nowhere, damaged, or cannot be read.
        """
        path = self._path(digest)
        with _disk_errors(self.folder):
            if path.is_file() and _digest_of(path) == digest:
                return path
            is_damaged = path.is_file()
        if self._remote is not None:
            return self._fetched(digest)
        if is_damaged:
            raise StateError(
                f"{path} is damaged: its content is not what its name says; put a backup in its place, or push the"
                " same file again"
            )
        raise StateError(
            f"dataset store {self.where} has no object {digest[:12]}; if it was pushed on another machine, set"
            f" {VARIABLE} on both to a place that both reach; else push the same file again"
        )

    def _fetched(self, digest: str) -> Path:
        remote = self._remote
        assert remote is not None  # noqa: S101 - for the type checker
        with self._draft() as draft:
            remote.get(digest, draft)
            with _disk_errors(self.folder):
                found = _digest_of(draft)
            if found != digest:
                raise StateError(
                    f"dataset store {remote.shown}: object {digest[:12]} is damaged, its digest is {found[:12]}; remove"
                    " it, or put a backup in its place, and push the same file again"
                )
            path = self._path(digest)
            put_in_place(draft, path)
            return path

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        with _disk_errors(self.folder), draft_in(self.folder) as draft:
            self._forget_drafts()
            yield draft

    def _forget_drafts(self) -> None:
        """Remove what pushes left behind that were killed."""
        for draft in self.folder.glob(f".*{DRAFT}"):
            with suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > _DEAD_S:
                    draft.unlink()

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.jsonl"


class Remote:
    """A folder of a file system that fsspec reaches, such as `s3://bucket/datasets`."""

    def __init__(self, url: str) -> None:
        import fsspec  # noqa: PLC0415 - seldom needed, and its file systems are slow to import

        self.shown = safe_url(url)
        self._url = url
        with self._errors("cannot be opened"):
            self._fs, root = fsspec.url_to_fs(url)
        self._root = str(root).rstrip("/")

    def put(self, path: Path, digest: str) -> None:
        """Copy a local file there, unless it is there in its full size."""
        key, size = self._key(digest), path.stat().st_size
        with self._errors("cannot be written to"):
            self._fs.invalidate_cache()
            if self._fs.exists(key) and self._fs.size(key) == size:
                return
            self._fs.makedirs(key.rpartition("/")[0], exist_ok=True)
            if urlsplit(self._url).scheme in _WHOLE:
                self._fs.put_file(str(path), key)
            else:
                self._put_by_draft(path, key)

    def _put_by_draft(self, path: Path, key: str) -> None:
        draft = f"{key}.{uuid4().hex}{DRAFT}"
        try:
            self._fs.put_file(str(path), draft)
            self._fs.mv(draft, key)
        except BaseException:
            with suppress(Exception):
                self._fs.rm_file(draft)
            raise

    def get(self, digest: str, path: Path) -> None:
        """Copy it to a local file.

        Raises:
            StateError: it is not there, or cannot be had.
        """
        key = self._key(digest)
        with self._errors("cannot be read from"):
            self._fs.invalidate_cache()
            if not self._fs.exists(key):
                raise StateError(
                    f"dataset store {self.shown} has no object {digest[:12]}; correct {VARIABLE}, or push the same file"
                    " again"
                )
            self._fs.get_file(key, str(path))

    def _key(self, digest: str) -> str:
        return f"{self._root}/{digest[:2]}/{digest}.jsonl"

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except StateError:
            raise
        except ImportError as error:
            raise StateError(
                f"dataset store {self.shown} needs a package that is not installed ({error}); install it with pip"
            ) from None
        except Exception as error:  # noqa: BLE001 - each file system has errors of its own
            raise StateError(
                f"dataset store {self.shown} {what}: {self._plainly(error)}; check {VARIABLE}, the network and the keys"
            ) from None

    def _plainly(self, error: Exception) -> str:
        """What went wrong on one line, without the user and password of the URL."""
        text = str(error).strip().partition("\n")[0].replace(self._url, self.shown)
        user, _, _ = urlsplit(self._url).netloc.rpartition("@")
        for secret in filter(None, (user, user.partition(":")[2])):
            text = text.replace(secret, "***")
        return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"dataset store {folder} cannot be used: {error.strerror or error}; see to the disk and its rights, or set"
            f" {VARIABLE} to another place"
        ) from None
