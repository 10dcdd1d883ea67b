"""The trajectory on a real Chroma server: shared by processes, equal to the embedded one, and restarted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gpo.errors import StateError
from gpo.search.memory.trajectory import Trajectory
from tests.gpo.search.test_trajectory import in_trajectory, prompts
from tests.services.servers import Server, chroma
from tests.support.paths import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.services]


WRITER = """
import sys
from pathlib import Path
from tests.gpo.search.test_trajectory import in_trajectory, prompts

home, url, run, seed = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])

async def write(trajectory):
    print("ready", flush=True)
    sys.stdin.readline()
    rows = prompts(200, seed)
    for start in range(0, len(rows), 8):
        await trajectory.add(run, rows[start : start + 8])

in_trajectory(home, write, url=url)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    with chroma(tmp_path_factory.mktemp("chroma")) as running:
        yield running


def answers(rows: dict[str, Any]) -> Any:
    async def ask_all(trajectory: Trajectory) -> list[Any]:
        return [
            await trajectory.nearest(run, scored[at].candidate, k, before_step)
            for run, scored in rows.items()
            for at, k, before_step in ((9, 5, 4), (150, 3, 25), (0, 1000, 99))
        ]

    return ask_all


def test_two_processes_write_at_once_and_are_answered_as_by_the_embedded_one(
    tmp_path: Path, server: tuple[Server, str]
) -> None:
    _, url = server
    rows = {"one": prompts(200, 1), "two": prompts(200, 2)}
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Each starts with an import of two seconds, then waits for the other.
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), url, run, str(seed)], cwd=ROOT, **pipes)
        for seed, run in enumerate(rows, 1)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors

    async def fill(trajectory: Trajectory) -> None:
        for run, scored in rows.items():
            await trajectory.add(run, scored)

    in_trajectory(tmp_path, fill)
    embedded = in_trajectory(tmp_path, answers(rows))
    assert in_trajectory(tmp_path / "other", answers(rows), url=url) == embedded
    assert not (tmp_path / "other").exists()


def test_an_open_trajectory_goes_on_when_the_server_is_back(tmp_path: Path, server: tuple[Server, str]) -> None:
    process, url = server
    rows = prompts(40, 3)

    async def work(trajectory: Trajectory) -> None:
        await trajectory.add("run", rows[:20])
        before = await trajectory.nearest("run", rows[3].candidate, 3, 9)
        process.kill()
        with pytest.raises(StateError, match=r"Chroma server http://127\.0\.0\.1:\d+ cannot be used.*`chroma run`"):
            await trajectory.add("run", rows[20:])
        process.start()
        assert await trajectory.nearest("run", rows[3].candidate, 3, 9) == before
        await trajectory.add("run", rows)
        assert await trajectory.count("run") == 40

    in_trajectory(tmp_path, work, url=url)
