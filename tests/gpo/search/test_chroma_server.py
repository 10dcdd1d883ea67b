"""The Chroma server of a stack, as a trajectory and as a stranger see it; a real index and a real port."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from gpo.errors import StateError
from gpo.records import Candidate, Score, Scored
from gpo.search.memory.chroma import HEARTBEAT, open_folder
from gpo.search.memory.chroma_server import ChromaServer, shut
from gpo.search.memory.trajectory import Scope, open_trajectory
from gpo.settings import Settings

pytestmark = [pytest.mark.slow]

KEY = "sesame"
SCOPE = Scope(task="reviews", dataset="d1", metric="exact_match", task_model="m1", embedding="words")
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    client = open_folder(str(tmp_path_factory.mktemp("chroma")))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = shut(ChromaServer(client._server).app, KEY, port)
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield f"http://127.0.0.1:{port}"
        server.should_exit = True
        thread.join()
    client.close()


async def embed(texts: list[str]) -> list[list[float]]:
    return [[1.0, float(len(text))] for text in texts]


def scored(text: str, step: int, value: float) -> Scored:
    return Scored(candidate=Candidate(instruction=text, step=step), score=Score(values={"e": value}, planned=1))


def settings(url: str, key: str | None) -> Settings:
    return Settings(chroma_url=url, chroma_token=None if key is None else SecretStr(key))


def test_a_trajectory_works_over_it(url: str, tmp_path: Path) -> None:
    rows = [scored("x" * length, length, length / 10) for length in range(1, 9)]

    async def work() -> None:
        async with open_trajectory(SCOPE, settings(url, KEY), tmp_path, embed) as trajectory:
            await trajectory.add("r", rows)
            await trajectory.add("r", [scored("x", 1, 0.9)])
            assert await trajectory.count("r") == 8
            found = await trajectory.nearest("r", rows[3].candidate, 3, 99)
            assert [len(hit.instruction) for hit in found][-1] == 4
            (first,) = await trajectory.nearest("r", Candidate(instruction="x", step=1), 1, 99)
            assert (first.instruction, first.percent) == ("x", 90.0)
            await trajectory.rebuild({"r": rows[:2]})
            assert len(await trajectory.vectors("r")) == 2

    asyncio.run(work())


@pytest.mark.parametrize("key", [None, "another"])
def test_who_lacks_the_key_is_told_so(key: str | None, url: str, tmp_path: Path) -> None:
    async def work() -> None:
        async with open_trajectory(SCOPE, settings(url, key), tmp_path, embed):
            pass

    with pytest.raises(StateError, match=r"Chroma server .*the key of this server is needed.*GPO_CHROMA_TOKEN"):
        asyncio.run(work())


def test_a_stranger_learns_that_it_is_there_and_nothing_else(url: str) -> None:
    known = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=url, trust_env=False) as stranger:
        assert stranger.get(HEARTBEAT).status_code == 200
        for path in (COLLECTIONS, "/api/v2/version", "/api/v2/auth/identity", "/docs", "/"):
            assert stranger.get(path).status_code == 401
        assert stranger.post(COLLECTIONS, json={"name": "mine"}).status_code == 401
        assert stranger.get(COLLECTIONS, headers=known).status_code == 200
        assert stranger.get(COLLECTIONS, headers={**known, "Host": "evil.example"}).status_code == 421
        preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "GET"}
        assert stranger.options(COLLECTIONS, headers=preflight).status_code == 403
        assert stranger.get(f"{COLLECTIONS}/none", headers=known).json()["error"] == "NotFoundError"
