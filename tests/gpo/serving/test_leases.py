"""Who uses a shared process: users that live, that left, and that died."""

import subprocess
import sys
from pathlib import Path

from gpo.serving.leases import Leases
from tests.support.commands import environment

USER = """
import sys
from pathlib import Path
from gpo.serving.leases import Leases

lease = Leases(Path(sys.argv[1])).take()
print("in", flush=True)
input()
"""


def test_a_user_that_leaves_in_order_is_no_longer_there(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "users")
    lease = leases.take()
    assert leases.look() == (1, 0)
    leases.end(lease)
    assert leases.look() == (0, 0)


def test_a_user_that_was_killed_is_told_of_once(tmp_path: Path) -> None:
    leases = Leases(tmp_path / "users")
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(leases.folder)], stdin=pipe, stdout=pipe, env=environment()
    ) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"in\n"
        assert leases.look() == (1, 0)
        user.kill()
    assert leases.look() == (0, 1)
    assert leases.look() == (0, 0)
