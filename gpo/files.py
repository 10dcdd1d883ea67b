"""Writing a file whole or not at all, and telling one state of files from another."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from uuid import uuid4

DRAFT = ".draft"
"""How the names of drafts end."""


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Put `content` in the place of a file: a reader sees the old file or the whole new one, also after a power cut.

    Text is written as UTF-8 with its line ends as they are. The folder is made if there is none. `mode` are the file's
    rights before the user's mask is taken off.

    Raises:
        OSError: the folder cannot be written or the disk is full; the old file, if there was one, is untouched.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with replace_whole(path) as draft, os.fdopen(os.open(draft, flags, mode), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def open_regular(path: Path) -> BufferedReader:
    """Open a file to be read. A pipe, a device or a socket might never end, or never begin: it is not opened.

    Raises:
        OSError: it is not there, is no file, or cannot be read.
    """
    found = path.stat().st_mode
    if not stat.S_ISREG(found) and not stat.S_ISDIR(found):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return path.open("rb")


def read_regular(path: Path) -> bytes:
    """What a file holds, under the same conditions.

    Raises:
        OSError: it is not there, is no file, or cannot be read.
    """
    with open_regular(path) as file:
        return file.read()


def real_path(path: Path) -> Path:
    """The path from the root, without links; of links in a circle, as far as they lead.

    `Path.resolve` raises RuntimeError there, before Python 3.13.
    """
    return Path(os.path.realpath(path))


def check_writable(path: Path) -> None:
    """Find out whether a file can be written later, without touching it. Its folder is made if there is none.

    Raises:
        OSError: it is a folder, or its own folder cannot be made or written.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with draft_in(path.parent, path.name) as draft:
        draft.touch()


def make_private(folder: Path) -> None:
    """Make a folder that only its owner may enter; one that is there becomes so, if it is this user's.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def make_own(folder: Path) -> None:
    """Make a folder of this user alone where others may write, too; what another user put in its place is refused.

    Raises:
        OSError: it cannot be made, is a link or no folder, or belongs to somebody else.
    """
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.ENOTDIR, "it is a link or a file, not a folder", str(folder))
    if hasattr(os, "getuid") and found.st_uid != os.getuid():
        raise OSError(errno.EPERM, "it belongs to another user", str(folder))
    folder.chmod(0o700)


@contextmanager
def replace_whole(path: Path) -> Iterator[Path]:
    """A draft beside `path` to be written by whoever needs more than `write_whole`; on leaving, it is put in its place.

    On an error the draft is removed, and the old file, if there was one, is untouched.

    Raises:
        OSError: the folder cannot be written or the disk is full.
    """
    with draft_in(path.parent, path.name) as draft:
        yield draft
        put_in_place(draft, path)


@contextmanager
def draft_in(folder: Path, name: str = "") -> Iterator[Path]:
    """A name for a draft in `folder`, for a file whose own name is not known before it is written.

    Nobody else has this name, and no file is there yet. `put_in_place` makes the draft the file; what is still there on
    leaving is removed. The folder is made if there is none.

    Raises:
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{name}{'.' if name else ''}{uuid4().hex}{DRAFT}"
    try:
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def put_in_place(draft: Path, path: Path) -> None:
    """Give a draft that is written and closed the name `path`, on the same disk; after a power cut it has it still.

    The folder of `path` is made if there is none.

    Raises:
        OSError: the draft is not there, the folder cannot be written or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _sync(draft, os.O_RDONLY)
    draft.replace(path)
    # Windows has no such call and needs none: the new name of the file lasts.
    if hasattr(os, "O_DIRECTORY"):
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_files(files: Mapping[str, Path]) -> str:
    """Hash of files by their names and contents: 12 hex digits of SHA-256."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name].read_bytes() + b"\0")
    return digest.hexdigest()[:12]
