import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

from gpo.errors import LocalModelError
from gpo.models.local import servers
from gpo.models.local.gguf import resolve
from gpo.models.local.server import ServerFolder
from gpo.models.local.servers import Endpoint, ServerStatus, chat_server, status
from gpo.settings import Settings
from tests.support.paths import ROOT

MODEL = "local:smollm2-135m"
IDLE_S = 1.0
T = TypeVar("T")

USER = """
import asyncio, sys
from pathlib import Path
from gpo.models.local.servers import chat_server
from gpo.settings import Settings

async def use(model, runtime_dir, idle_s):
    settings = Settings(runtime_dir=Path(runtime_dir), local_idle_s=float(idle_s), local_threads=1)
    async with chat_server(model, settings) as endpoint:
        print(endpoint.base_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(use(*sys.argv[1:]))
"""


def until(condition: Callable[[], T], seconds: float = 60.0) -> T:
    """The first true value of `condition`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def is_gone(pid: int) -> bool:
    """Whether no process, not even a zombie, has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def server_of(starter: int) -> int | None:
    """The server process that a user has started. A look at the server lock says less: who looks holds it, too."""
    with contextlib.suppress(OSError):  # A thread or a child that has just ended.
        for thread in Path(f"/proc/{starter}/task").iterdir():
            for child in (thread / "children").read_text().split():
                if b"gpo.models.local.server\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return None


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(runtime_dir=tmp_path / "run", local_idle_s=IDLE_S, local_start_s=60.0, local_threads=1)
    yield made
    until(lambda: not any(folder.alive() for folder in folders(made)))


@contextlib.contextmanager
def user(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """A process, leader of its own group, that uses the model until its stdin closes or it is killed."""
    command = [sys.executable, "-c", USER, MODEL, str(settings.runtime_dir), str(settings.local_idle_s)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def folders(settings: Settings) -> list[ServerFolder]:
    return [ServerFolder(path) for path in settings.runtime_dir.glob("*")]


def only_server(settings: Settings) -> ServerStatus:
    (server,) = status(settings)
    return server


async def choose(endpoint: Endpoint) -> str:
    """What the model answers when a grammar leaves it two labels."""
    headers = {"Authorization": f"Bearer {endpoint.key}"}
    async with httpx.AsyncClient(base_url=endpoint.base_url, headers=headers, trust_env=False, timeout=60) as client:
        response = await client.post(
            "/chat/completions",
            json={
                "model": endpoint.model,
                "messages": [{"role": "user", "content": "I love it. What is the sentiment?"}],
                "grammar": 'root ::= "positive" | "negative"',
                "temperature": 0,
                "max_tokens": 8,
            },
        )
    answer: str = response.raise_for_status().json()["choices"][0]["message"]["content"]
    return answer


@pytest.mark.slow
def test_a_model_answers_within_a_grammar_and_the_loop_goes_on_meanwhile(settings: Settings) -> None:
    async def use() -> tuple[str, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        async with chat_server(MODEL, settings) as endpoint:
            ticking.cancel()
            server = only_server(settings)
            assert endpoint.base_url == f"http://127.0.0.1:{server.port}/v1"
            assert (server.model, server.users) == (endpoint.model, 1) == ("smollm2-135m", 1)
            answer = await choose(endpoint)
        assert ticks > 5
        return answer, server.pid

    answer, pid = asyncio.run(use())
    assert answer in {"positive", "negative"}
    until(lambda: is_gone(pid))
    assert status(settings) == []


@pytest.mark.slow
def test_processes_that_start_at_once_share_one_server_until_the_last_is_killed(settings: Settings) -> None:
    with user(settings) as first, user(settings) as second:
        assert address_of(first) == address_of(second)
        server = only_server(settings)
        assert server.users == 2
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
        assert only_server(settings) == server.model_copy(update={"users": 1})
        os.killpg(second.pid, signal.SIGKILL)
        second.wait()
    until(lambda: is_gone(server.pid))
    assert status(settings) == []


@pytest.mark.slow
def test_a_server_whose_starter_died_during_the_start_leaves_too(settings: Settings) -> None:
    with user(settings) as starter:
        (folder,) = until(lambda: folders(settings))
        server = until(lambda: server_of(starter.pid))
        os.killpg(starter.pid, signal.SIGKILL)
        starter.wait()
    assert not is_gone(server)
    until(lambda: not folder.alive())


@pytest.mark.slow
def test_a_killed_server_comes_back_at_the_same_address(settings: Settings) -> None:
    async def use() -> None:
        async with chat_server(MODEL, settings) as endpoint:
            killed = only_server(settings)
            os.kill(killed.pid, signal.SIGKILL)
            await asyncio.gather(endpoint.ensure(), endpoint.ensure())
            server = only_server(settings)
            assert (server.port, server.users) == (killed.port, 1)
            assert server.pid != killed.pid
            assert is_gone(killed.pid)
            assert await choose(endpoint) in {"positive", "negative"}
            os.kill(server.pid, signal.SIGKILL)
        async with chat_server(MODEL, settings) as endpoint:
            assert await choose(endpoint) in {"positive", "negative"}

    asyncio.run(use())


@pytest.mark.slow
def test_a_cancelled_start_leaves_no_lease(settings: Settings) -> None:
    async def use() -> None:
        async with chat_server(MODEL, settings):
            pytest.fail("was to be cancelled")

    async def cancel() -> None:
        using = asyncio.create_task(use())
        await asyncio.to_thread(until, lambda: any(folder.alive() for folder in folders(settings)))
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using

    asyncio.run(cancel())
    assert list(settings.runtime_dir.glob("*/leases/*")) == []


@pytest.mark.slow
def test_a_model_that_does_not_load_shows_the_log(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "torn.gguf"
    with resolve(MODEL).open("rb") as whole:
        path.write_bytes(whole.read(4_000_000))

    async def use() -> None:
        async with chat_server(str(path), settings):
            pytest.fail("was not to start")

    with pytest.raises(LocalModelError, match=r"(?s)exit code 1.*server\.log.*corrupted or incomplete"):
        asyncio.run(use())
    assert list(settings.runtime_dir.glob("*/leases/*")) == []


@pytest.mark.slow
def test_a_start_that_takes_too_long_is_given_up(settings: Settings) -> None:
    hasty = settings.model_copy(update={"local_start_s": 0.1})

    async def use() -> None:
        async with chat_server(MODEL, hasty):
            pytest.fail("was not to start")

    with pytest.raises(LocalModelError, match=r"not ready after 0\.1 s"):
        asyncio.run(use())


def test_a_runtime_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    (tmp_path / "run").touch()

    async def use() -> None:
        async with chat_server(MODEL, Settings(runtime_dir=tmp_path / "run")):
            pytest.fail("was not to start")

    with pytest.raises(LocalModelError, match="GPO_RUNTIME_DIR"):
        asyncio.run(use())


def test_only_the_user_may_enter_the_runtime_folder(settings: Settings) -> None:
    folder = ServerFolder(settings.runtime_dir / "model")
    servers._make_private(folder)
    made = (settings.runtime_dir, folder.path, folder.leases.folder)
    assert [path.stat().st_mode & 0o777 for path in made] == [0o700] * 3


@pytest.mark.parametrize("planted", ["a link", "another user's folder"])
def test_a_runtime_folder_that_somebody_else_planted_is_refused(
    planted: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    if planted == "a link":
        (tmp_path / "elsewhere").mkdir()
        settings.runtime_dir.symlink_to(tmp_path / "elsewhere")
    else:
        settings.runtime_dir.mkdir()
        monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(LocalModelError, match=r"link|another user"):
        servers._make_private(ServerFolder(settings.runtime_dir / "model"))
    assert list(tmp_path.glob("elsewhere/*")) == []


@pytest.mark.slow
def test_who_has_no_key_is_not_answered(settings: Settings) -> None:
    async def use() -> None:
        async with chat_server(MODEL, settings) as endpoint, httpx.AsyncClient(base_url=endpoint.base_url) as stranger:
            body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 1}
            for key in ("", "Bearer local", f"Bearer {endpoint.key[:-1]}"):
                answer = await stranger.post("chat/completions", json=body, headers={"Authorization": key})
                assert answer.status_code == 401
            good = {"Authorization": f"Bearer {endpoint.key}"}
            assert (await stranger.post("chat/completions", json=body, headers=good)).is_success
            (record,) = settings.runtime_dir.glob("*/server.json")
            assert record.stat().st_mode & 0o077 == 0
            # Whoever may list the machine's processes sees their arguments.
            arguments = await asyncio.to_thread(Path(f"/proc/{only_server(settings).pid}/cmdline").read_text)
            assert endpoint.key not in arguments

    asyncio.run(use())
