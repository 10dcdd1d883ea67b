"""The store of datasets' rows: whole or not at all, and never taken for what they are not."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pydantic import SecretStr

from gpo.datasets.store import DatasetStore, Remote, open_store
from gpo.errors import StateError
from gpo.settings import Settings
from tests.support.paths import ROOT

LINES = [b'{"a":1}\n', b'{"a":2}\n']
DIGEST = hashlib.sha256(b"".join(LINES)).hexdigest()


class Broken(MemoryFileSystem):
    """A file system that fails half-way through a file."""

    protocol = "broken"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes()[:5])
        raise OSError(28, "No space left on device")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "datasets"


@pytest.fixture
def store(folder: Path) -> DatasetStore:
    return DatasetStore(folder)


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    MemoryFileSystem.store.clear()
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def remote_store(folder: Path, url: str) -> DatasetStore:
    return open_store(Settings(dataset_store=SecretStr(url)), folder)


def test_a_content_is_found_under_its_digest(store: DatasetStore, folder: Path) -> None:
    assert store.add(LINES) == store.add(LINES) == DIGEST
    assert store.path(DIGEST).read_bytes() == b"".join(LINES)
    assert files(folder) == [f"{DIGEST}.jsonl"]


def test_what_is_damaged_or_missing_is_refused_and_pushing_it_again_repairs_it(store: DatasetStore) -> None:
    with pytest.raises(StateError, match=f"has no object {DIGEST[:12]}; .* GPO_DATASET_STORE"):
        store.path(DIGEST)
    store.add(LINES)
    store.path(DIGEST).write_bytes(LINES[0])
    with pytest.raises(StateError, match="is damaged: its content is not what its name says"):
        store.path(DIGEST)
    store.add(LINES)
    assert store.path(DIGEST).read_bytes() == b"".join(LINES)


def test_an_error_on_the_way_leaves_nothing(store: DatasetStore, folder: Path) -> None:
    def lines() -> Iterator[bytes]:
        yield LINES[0]
        raise OSError(28, "No space left on device")

    with pytest.raises(StateError, match=r"datasets cannot be used: No space left on device; see to the disk"):
        store.add(lines())
    assert files(folder) == []


def ran(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    code = f"from pathlib import Path; from gpo.datasets.store import DatasetStore\n{program}"
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_killed_process_leaves_no_object_and_its_draft_is_cleared_away(store: DatasetStore, folder: Path) -> None:
    done = ran(
        "import os, sys\n"
        "def lines():\n"
        "    yield b'x' * (1 << 20)\n"
        "    os.kill(os.getpid(), 9)\n"
        "DatasetStore(Path(sys.argv[1])).add(lines())",
        folder,
    )
    assert done.returncode == -9
    assert not list(folder.rglob("*.jsonl"))
    store.add(LINES)
    assert len(files(folder)) == 2  # it might still be at work
    (draft,) = folder.glob(".*.draft")
    os.utime(draft, times=(time.time() - 90_000,) * 2)
    store.add(LINES)
    assert files(folder) == [f"{DIGEST}.jsonl"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no limits for files")
def test_a_file_that_may_not_grow_leaves_nothing(folder: Path) -> None:
    done = ran(
        "import resource, sys; from gpo.errors import StateError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: DatasetStore(Path(sys.argv[1])).add(b'x' * 100 + b'\\n' for _ in range(1000))\n"
        "except StateError as error: print(error)",
        folder,
    )
    assert "cannot be used: File too large; see to the disk" in done.stdout, done.stderr
    assert files(folder) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/datasets cannot be used: Not a directory"):
        DatasetStore(tmp_path / "file" / "datasets").add(LINES)


# Elsewhere


def test_other_machines_find_what_was_put_elsewhere(tmp_path: Path, memory: MemoryFileSystem) -> None:
    remote_store(tmp_path / "one", "memory://team/data").add(LINES)
    other = remote_store(tmp_path / "other", "memory://team/data")
    path = other.path(DIGEST)
    assert path.is_relative_to(tmp_path / "other")
    assert path.read_bytes() == b"".join(LINES)
    memory.rm("/team", recursive=True)
    assert other.path(DIGEST) == path  # kept here
    path.write_bytes(b"damaged")
    with pytest.raises(StateError, match=f"memory://team/data has no object {DIGEST[:12]}"):
        other.path(DIGEST)


def test_half_an_object_elsewhere_is_never_taken_and_is_put_right_by_the_next_push(
    tmp_path: Path, memory: MemoryFileSystem
) -> None:
    store = remote_store(tmp_path / "one", "memory://team")
    store.add(LINES)
    (there,) = memory.find("/team")
    memory.pipe_file(there, LINES[0])
    other = remote_store(tmp_path / "other", "memory://team")
    with pytest.raises(StateError, match=f"memory://team: object {DIGEST[:12]} is damaged, its digest is"):
        other.path(DIGEST)
    assert files(tmp_path / "other") == []
    store.add(LINES)
    assert other.path(DIGEST).read_bytes() == b"".join(LINES)
    assert memory.find("/team") == [there]


def test_what_cannot_be_written_elsewhere_is_not_kept_at_all(tmp_path: Path) -> None:
    fsspec.register_implementation("broken", Broken, clobber=True)
    store = remote_store(tmp_path, "broken://me:hunter2@team/data")
    with pytest.raises(StateError) as caught:
        store.add(LINES)
    assert "dataset store broken://team/data cannot be written to: OSError: [Errno 28] No space left" in str(
        caught.value
    )
    assert "hunter2" not in str(caught.value)
    assert files(tmp_path) == []
    assert Broken.store == {}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nosuch://bucket", "dataset store nosuch://bucket cannot be opened: ValueError: Protocol not known: nosuch"),
        ("hdfs3x://me:hunter2@host/x", "dataset store hdfs3x://host/x cannot be opened"),
    ],
)
def test_a_file_system_that_is_not_known_is_said(url: str, message: str) -> None:
    with pytest.raises(StateError, match=message) as caught:
        Remote(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_a_folder_may_be_set_as_the_store(tmp_path: Path, prefix: str) -> None:
    store = remote_store(tmp_path / "home", f"{prefix}{tmp_path}/shared")
    assert store.path(store.add(LINES)).is_relative_to(tmp_path / "shared")
    assert not (tmp_path / "home").exists()
