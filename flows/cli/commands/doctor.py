"""`gpo doctor`: what a run needs, looked at from outside. Nothing heavy is imported, and nothing is written.

Only with a spec the models are asked a few questions, as before every run; what they answer is kept when all is well.
"""

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from packaging.requirements import Requirement
from rich.console import Console
from rich.text import Text

from flows.stack.environment import api_url
from gpo.errors import INSTALL, GpoError, InputError
from gpo.models.local.gguf import resolve
from gpo.models.local.servers import status
from gpo.records import Record
from gpo.settings import Settings, load_settings

State = Literal["ok", "warning", "failed"]

DISTRIBUTION = "gpo-pipeline"
OLDEST_PYTHON = (3, 11)
FREE_MB = 500

_SHOWN_PACKAGES = ("prefect", "langchain", "chromadb")
_PREFECT_PINS = ("fastapi", "sqlalchemy")
_EMBEDDED_PACKAGES = ("xllamacpp", "wordllama")
_EMBEDDED_MODEL = "local:smollm2-135m"
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}
_CONNECT_S = 2.0
_NAME_WIDTH = 18


class Check(Record):
    """One thing that was looked at. `text` is what was found and, where it is not ok, what to do."""

    name: str
    state: State
    text: str


def examine(console: Console, spec: Path | None) -> bool:
    """Print one line for each check as it is made; True when none failed."""
    found = []
    for check in _checks(spec):
        found.append(check.state)
        console.print(_line(check), soft_wrap=True)
    console.print(_summary(found))
    return "failed" not in found


def _line(check: Check) -> Text:
    line = Text(f"{check.state:<8}", style=_STYLES[check.state])
    # A message of several lines stays in its column.
    text = check.text.replace("\n", "\n" + " " * (8 + _NAME_WIDTH))
    line.append(f"{check.name:<{_NAME_WIDTH}}{text}", style="default")
    return line


def _summary(found: list[State]) -> Text:
    failed, warnings = found.count("failed"), found.count("warning")
    if failed:
        return Text(f"\n{failed} failed: a run will not work before this is put right.", style=_STYLES["failed"])
    if warnings:
        return Text(f"\nReady, with {warnings} to know about.", style=_STYLES["warning"])
    return Text("\nAll is well.", style=_STYLES["ok"])


def _checks(spec: Path | None) -> Iterator[Check]:
    yield _python()
    yield from _packages()
    yield from _embedded_models()
    try:
        settings = load_settings()
    except InputError as error:
        yield Check(name="settings", state="failed", text=str(error))
        return
    yield _model_servers(settings)
    yield from _state(settings, settings.home_for(spec or Path.cwd() / "spec.yaml"))
    yield _prefect()
    if spec is not None:
        yield from _spec(spec)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return Check(name="Python", state="ok", text=version)
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return Check(name="Python", state="failed", text=f"{version}; install Python {wanted} or newer")


def _packages() -> Iterator[Check]:
    try:
        required = [Requirement(text) for text in importlib.metadata.requires(DISTRIBUTION) or ()]
    except importlib.metadata.PackageNotFoundError:
        text = f"{DISTRIBUTION} is not installed, so what it needs is not known; in a clone: pip install -e ."
        yield Check(name="packages", state="warning", text=text)
        return
    wanted = {requirement.name: requirement for requirement in required if requirement.marker is None}
    for name in (*_SHOWN_PACKAGES, *_PREFECT_PINS):
        yield _package(wanted[name])


def _package(requirement: Requirement) -> Check:
    install = f"pip install '{requirement}'"
    version = _version(requirement.name)
    if version is None:
        return Check(name=requirement.name, state="failed", text=f"is not installed; {install}")
    if not requirement.specifier.contains(version, prereleases=True):
        return Check(name=requirement.name, state="failed", text=f"{version} does not fit; {install}")
    pin = ", held back for Prefect" if requirement.name in _PREFECT_PINS else ""
    return Check(name=requirement.name, state="ok", text=f"{version} ({requirement.specifier}{pin})")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _embedded_models() -> Iterator[Check]:
    """The extra `local`: without it a run works with remote models only."""
    for name in _EMBEDDED_PACKAGES:
        version = _version(name)
        if version is None:
            yield Check(name=name, state="warning", text=f"is not installed; for embedded models: {INSTALL}")
        else:
            yield Check(name=name, state="ok", text=version)
    try:
        path = resolve(_EMBEDDED_MODEL)
    except GpoError as error:
        yield Check(name="embedded model", state="warning", text=str(error))
    else:
        text = f"{path.name}, {path.stat().st_size / 1e6:.0f} MB, checksum right"
        yield Check(name="embedded model", state="ok", text=text)


def _model_servers(settings: Settings) -> Check:
    running = [f"{each.model}, pid {each.pid}, port {each.port}, users {each.users}" for each in status(settings)]
    return Check(name="model servers", state="ok", text="; ".join(running) or "none runs; a run starts its own")


def _state(settings: Settings, home: Path) -> Iterator[Check]:
    yield _folder(home)
    yield _disk(home)
    if settings.database_url is not None:
        yield _named_database(settings.database_url.get_secret_value())
    else:
        yield _database_file(home / "gpo.db")
    yield _chroma_folder(home) if settings.chroma_url is None else _chroma_server(settings.chroma_url)


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.resolve().parents) if each.exists())


def _folder(home: Path) -> Check:
    there = _existing(home)
    if not there.is_dir():
        text = f"{there} is a file; set GPO_HOME to a folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        text = f"{there} cannot be written to; change its permissions, or set GPO_HOME to another folder"
    else:
        note = "" if there == home else ", made by the first run"
        return Check(name="state folder", state="ok", text=f"{home}{note}")
    return Check(name="state folder", state="failed", text=text)


def _disk(home: Path) -> Check:
    free = shutil.disk_usage(_existing(home)).free / 1e6
    if free < FREE_MB:
        text = f"{free:.0f} MB free; make room for {FREE_MB} MB, or set GPO_HOME to another disk"
        return Check(name="disk", state="failed", text=text)
    return Check(name="disk", state="ok", text=f"{free / 1000:.1f} GB free")


def _named_database(url: str) -> Check:
    """The database of GPO_DATABASE_URL. The URL may hold a password and is never shown."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return Check(name="database", state="failed", text="GPO_DATABASE_URL is not a URL; correct it")
    if parts.scheme.startswith("sqlite"):
        return _database_file(Path(parts.path.removeprefix("/")))
    if not host:
        text = "GPO_DATABASE_URL names no host; allowed: sqlite:///FILE, postgresql+psycopg://USER@HOST/DATABASE"
        return Check(name="database", state="failed", text=text)
    port = port or 5432
    try:
        socket.create_connection((host, port), timeout=_CONNECT_S).close()
    except OSError as error:
        text = f"{host}:{port} cannot be reached ({error}); start it, or correct GPO_DATABASE_URL"
        return Check(name="database", state="failed", text=text)
    return Check(name="database", state="ok", text=f"{host}:{port} can be reached; a run opens it")


def _database_file(path: Path) -> Check:
    if not path.exists():
        return Check(name="database", state="ok", text=f"{path.name}, made by the first run")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not {"schema_info", "calls"} <= tables:
                return Check(name="database", state="ok", text=f"{path.name}, still empty")
            revision = _revision(connection) if "gpo_revision" in tables else ""
            (answers,) = connection.execute("SELECT count(*) FROM calls").fetchone()
    except sqlite3.Error as error:
        text = f"{path} cannot be read ({error}); put a backup in its place, or move it away to start anew"
        return Check(name="database", state="failed", text=text)
    from gpo.database.engine import REVISION

    if revision > REVISION:
        text = f"{path} was made by a newer version; upgrade {DISTRIBUTION}, or set GPO_HOME to another folder"
        return Check(name="database", state="failed", text=text)
    return Check(name="database", state="ok", text=f"{path.name} opens, {answers:,} model answers kept")


def _revision(connection: sqlite3.Connection) -> str:
    (revision,) = connection.execute("SELECT max(version_num) FROM gpo_revision").fetchone()
    return str(revision or "")


def _chroma_folder(home: Path) -> Check:
    lock = home / "chroma.lock"
    try:
        # Only a lock file that is there can be held; taking it would make one.
        if lock.exists():
            with FileLock(lock).acquire(blocking=False):
                pass
    except Timeout:
        text = "held by another run; a second one waits for its end, or both use a Chroma server (GPO_CHROMA_URL)"
        return Check(name="Chroma folder", state="warning", text=text)
    except OSError as error:
        text = f"{lock} cannot be locked ({error.strerror}); the state folder must be on a local disk"
        return Check(name="Chroma folder", state="failed", text=text)
    return Check(name="Chroma folder", state="ok", text="free")


def _chroma_server(url: str) -> Check:
    return _reached("Chroma server", f"{url.rstrip('/')}/api/v2/heartbeat", "GPO_CHROMA_URL")


def _prefect() -> Check:
    url = api_url()
    if not url:
        return Check(name="Prefect server", state="ok", text="temporary, for each run; `--ui` starts one that stays")
    return _reached("Prefect server", f"{url.rstrip('/')}/health", "PREFECT_API_URL")


def _reached(name: str, url: str, variable: str) -> Check:
    import httpx

    try:
        parts = urlsplit(url)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        response = httpx.get(url, timeout=_CONNECT_S)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        # The address may hold a password, which the exception's text would repeat.
        text = f"no answer ({type(error).__name__}); start it, or correct or unset {variable}"
        return Check(name=name, state="failed", text=text)
    if response.status_code in (401, 403):
        return Check(name=name, state="warning", text=f"{where} asks for a key")
    if response.is_success:
        return Check(name=name, state="ok", text=f"{where} answers")
    text = f"{where} answers with HTTP {response.status_code}; correct or unset {variable}"
    return Check(name=name, state="failed", text=text)


def _spec(path: Path) -> Iterator[Check]:
    """The spec, its data and its models; what comes after a failure cannot be checked."""
    from gpo.data.splits import load_splits
    from gpo.runs.run import load_job

    def spec() -> str:
        loaded = load_job(path).spec
        return f"{loaded.name}: answer kind {loaded.answer.kind}, metric {loaded.metric.identity}"

    def dataset() -> str:
        splits = load_splits(load_job(path).spec)
        sizes = f"{len(splits.train)} train, {len(splits.dev)} dev, {len(splits.test)} test examples"
        return "; ".join([sizes, *splits.left_out])

    def models() -> str:
        from gpo.progress import Note, listening
        from gpo.runs.preflight import preflight

        place = load_job(path)
        known = load_splits(place.spec).left_out
        told: list[str] = []
        with listening(lambda event: told.append(event.text) if isinstance(event, Note) else None):
            asyncio.run(preflight(place))
        named = place.spec.models
        answer = (
            f"answer: task {named.task.model}, optimizer {named.optimizer.model}, embedding {named.embedding.model}"
        )
        return "\n".join([answer, *(text for text in told if text not in known)])

    looks: tuple[tuple[str, Callable[[], str]], ...] = (("spec", spec), ("dataset", dataset), ("models", models))
    for name, look in looks:
        try:
            found = look()
        except GpoError as error:
            yield Check(name=name, state="failed", text=str(error))
            return
        yield Check(name=name, state="ok", text=found)
