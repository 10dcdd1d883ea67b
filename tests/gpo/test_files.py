"""Files that are there whole or not at all."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpo.files import draft_in, put_in_place, replace_whole, write_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@contextmanager
def umask(value: int) -> Iterator[None]:
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A limit of the operating system: as on a full disk, the rest of what is written does not fit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@given(content=st.text(st.characters(codec="utf-8")) | st.sampled_from(["a\r\nb\n", "\r", "\ufeff"]) | st.binary())
def test_what_is_written_is_what_is_there(tmp_path_factory: pytest.TempPathFactory, content: str | bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "whole" / "file"
    write_whole(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert names(path.parent) == ["file"]


def test_the_folder_is_made(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "file", "x")
    with replace_whole(tmp_path / "c" / "file") as draft:
        draft.write_text("y")
    assert (tmp_path / "a" / "b" / "file").read_text() + (tmp_path / "c" / "file").read_text() == "xy"


@pytest.mark.parametrize(
    ("mode", "mask", "found"), [(0o666, 0o022, 0o644), (0o666, 0o077, 0o600), (0o600, 0, 0o600), (0o644, 0o002, 0o644)]
)
def test_the_rights_are_those_that_were_asked_for_without_the_user_s_mask(
    tmp_path: Path, mode: int, mask: int, found: int
) -> None:
    path = tmp_path / "file"
    with umask(mask):
        write_whole(path, "x", mode=mode)
    assert path.stat().st_mode & 0o777 == found


def test_an_error_in_the_middle_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write_half() -> None:
        with replace_whole(path) as draft:
            draft.write_text("half of the n")
            assert path.read_text() == "old"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])
    with pytest.raises(FileNotFoundError), replace_whole(path):
        pass  # nothing was written, so nothing can take the file's place
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_a_disk_that_is_full_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")
    with largest_file(10_000), pytest.raises(OSError, match=r"File too large|No space left"):
        write_whole(path, b"x" * 20_000)
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_a_disk_that_fails_to_keep_what_it_took_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    monkeypatch.undo()
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_writers_at_once_do_not_share_a_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replace_whole(path) as one, replace_whole(path) as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    # The one that ended last has the file.
    assert (path.read_text(), names(tmp_path)) == ("one", ["file"])


def test_a_reader_never_sees_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "0" * 50_000)
    program = (
        "import sys; from pathlib import Path; from gpo.files import write_whole\n"
        "for number in range(60): write_whole(Path(sys.argv[1]), str(number % 10) * 50_000)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as writer:
        while writer.poll() is None:
            text = path.read_text()
            assert (len(text), len(set(text))) == (50_000, 1)
    assert writer.returncode == 0


def test_a_name_that_is_known_only_when_all_is_written(tmp_path: Path) -> None:
    with draft_in(tmp_path / "new") as draft:
        draft.write_text("x")
        put_in_place(draft, tmp_path / "new" / "deep" / "name")
    assert (tmp_path / "new" / "deep" / "name").read_text() == "x"
    with draft_in(tmp_path / "new") as draft:
        draft.write_text("not wanted after all")
    assert names(tmp_path / "new") == ["deep"]
