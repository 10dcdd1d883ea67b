"""Who uses a process that several others share: each user holds a lease, a locked file, for as long as it lives.

The operating system frees a dead process's locks. A lease that can be taken therefore belongs to a user that died, and
one that is gone to a user that left in order: no process identifier has to be trusted.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from filelock import FileLock, Timeout


class Users(NamedTuple):
    """How many users live, and how many were found dead since one last looked."""

    alive: int
    died: int


@dataclass(frozen=True)
class Leases:
    """The leases in a folder. Taking one and looking for users need one lock of the caller's around them."""

    folder: Path

    def new(self) -> FileLock:
        """A lease to be locked; the folder must be there by then."""
        return FileLock(self.folder / f"{uuid4().hex}.lease", thread_local=False)

    def take(self) -> FileLock:
        """A lease that is held; the folder is made if there is none."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lease = self.new()
        lease.acquire(blocking=False)
        return lease

    def end(self, lease: FileLock) -> None:
        """Leave in order, whether or not the lease was taken; needs no lock."""
        lease.release()
        with suppress(OSError):
            Path(lease.lock_file).unlink()

    def look(self) -> Users:
        """Who is there; the leases of dead users are removed."""
        alive = died = 0
        for path in self.folder.glob("*.lease"):
            if is_free(FileLock(path)):
                path.unlink(missing_ok=True)
                died += 1
            else:
                alive += 1
        return Users(alive, died)


def is_free(lock: FileLock) -> bool:
    """Whether nobody holds a lock."""
    try:
        with lock.acquire(blocking=False):
            return True
    except Timeout:
        return False
