import asyncio
import gc
import os
import threading
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

import pytest
from hypothesis import settings
from typer.main import get_command

from gpo.runs.outcome import Outcome

# Each worker has a core; threads of NumPy's that wait for one another burn what the others need.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# The first example of a test pays for imports, and a busy machine makes any of them slow.
settings.register_profile("gpo", deadline=None, max_examples=50)
settings.register_profile("fast", settings.get_profile("gpo"), max_examples=10)
settings.load_profile("gpo")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Files that hold no test of those asked for stay unread: importing Prefect takes seconds."""
    marks = config.getoption("markexpr")
    if marks not in ("not slow", "services") or not collection_path.match("test_*.py"):
        return None
    text = collection_path.read_text(encoding="utf-8")
    if marks == "services":
        return not any(name in text for name in ("mark.services", "database_url", "postgresql_url")) or None
    return "\npytestmark = [pytest.mark.slow" in text or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What all test modules have imported is looked through for garbage once, not at each collection that comes."""
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with the most slow tests come first: one that began last would keep one worker busy alone."""
    slow = Counter(
        item.path for item in items if item.get_closest_marker("slow") and not item.get_closest_marker("services")
    )
    items.sort(key=lambda item: -slow[item.path])


def pytest_runtest_setup(item: pytest.Item) -> None:
    """No thread of Prefect goes on beside a test with drawn values.

    The pings of its connections take numbers from `random`, which Hypothesis takes for a draw that it cannot repeat.
    """
    if getattr(getattr(item, "obj", None), "is_hypothesis_test", False) and any(
        thread.name in ("APILogWorkerThread", "EventsWorkerThread") for thread in threading.enumerate()
    ):
        _tell_all()


@pytest.fixture(autouse=True, scope="session")
def _commands_are_read_once() -> Iterator[None]:
    """Typer makes its tree of commands from their signatures, which takes a while, for each command that is called."""
    with patch("typer.testing._get_command", lru_cache(get_command)):
        yield


@pytest.fixture(autouse=True, scope="session")
def _servers_leave_with_their_run() -> None:
    """No Prefect server of a state folder stays for a next run."""
    os.environ["GPO_PREFECT_IDLE_S"] = "0"


@contextmanager
def without_leftovers_of_prefect(api_url: str) -> Iterator[None]:
    """Let go of the connections that Prefect's own clients leave open to its server; any others are still errors."""
    with warnings.catch_warnings():
        server = rf"unclosed <socket\.socket .* raddr=\('127\.0\.0\.1', {urlsplit(api_url).port}\)>"
        warnings.filterwarnings("ignore", message=server, category=ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server for flows that run inside the tests: its address."""
    # Here, because importing Prefect takes seconds.
    from prefect.settings import PREFECT_API_URL, PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    from tests.services.servers import prefect_on_sqlite

    folder = tmp_path_factory.mktemp("prefect")
    with prefect_on_sqlite(folder) as url:
        changes = {PREFECT_API_URL: url, PREFECT_LOCAL_STORAGE_PATH: folder / "results"}
        with temporary_settings(changes), without_leftovers_of_prefect(url):
            yield url
            _tell_all()


def _tell_all() -> None:
    """Wait until the threads that tell Prefect's server of logs and events have done so."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker
    from prefect.settings import PREFECT_API_URL

    async def drained() -> None:
        # Where no server is, nothing was logged to one; asked all the same, Prefect would start one of its own.
        logs = APILogWorker.instance().drain() if PREFECT_API_URL.value() else None
        for waiting in (logs, EventsWorker.drain_all()):
            if isinstance(waiting, Awaitable):
                await waiting

    asyncio.run(drained())


@pytest.fixture(scope="session")
def optimized(prefect_api: str) -> Callable[..., Outcome]:
    """Run the flow, in this process, with a spec file and maybe a seed."""
    from flows.optimize import optimize_prompt

    def run(spec: Path, seed: int | None = None) -> Outcome:
        with without_leftovers_of_prefect(prefect_api):
            return asyncio.run(optimize_prompt(spec, seed))

    return run


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a database on a PostgreSQL server: that of GPO_TEST_POSTGRES, else a throw-away one."""
    from tests.services.servers import postgresql

    if url := os.environ.get("GPO_TEST_POSTGRES"):
        yield url
        return
    with postgresql() as server:
        yield server.url


@pytest.fixture
def postgresql_url(postgresql_server: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    from benchmarks.databases import database_on

    with database_on(postgresql_server) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.slow, pytest.mark.services])])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, for tests that must hold on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gpo.db'}"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture(scope="module")
def own_environment() -> Iterator[None]:
    """An environment without what the person who runs the tests has set for this library, its models and Prefect."""
    with patch.dict(os.environ):
        for name in list(os.environ):
            if name.startswith(("GPO_", "OPENAI_", "PREFECT_")) and name != "GPO_PREFECT_IDLE_S":
                del os.environ[name]
        os.environ["NO_PROXY"] = "127.0.0.1"
        yield
