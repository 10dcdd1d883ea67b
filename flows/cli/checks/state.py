"""Checks of the state folder: whether it can be written, its database, its search index, and the Prefect server."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from flows.cli.checks.check import CONNECT_S, DISTRIBUTION, Check, check_server
from flows.stack.environment import api_url
from gpo.settings import DATABASE_FILE, Settings

FREE_MB = 500


def check_state(settings: Settings, home: Path) -> Iterator[Check]:
    """The state folder `home`, its disk, its database and its Chroma, or those that the settings name instead."""
    yield (folder := _folder(home))
    yield _disk(home)
    if folder.state == "failed":
        return  # what is in it cannot be looked at
    if settings.database_url is not None:
        yield _named_database(settings.database_url.get_secret_value())
    else:
        yield _database_file(home / DATABASE_FILE)
    yield _chroma_folder(home) if settings.chroma_url is None else _chroma_server(settings.chroma_url)


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(each for each in (path, *path.resolve().parents) if _is_there(each))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder above it may not be entered
        return False


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
        socket.create_connection((host, port), timeout=CONNECT_S).close()
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
    from gpo.database.glance import REVISION

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
    return check_server("Chroma server", f"{url.rstrip('/')}/api/v2/heartbeat", "GPO_CHROMA_URL")


def check_prefect() -> Check:
    """Whether the Prefect server that is configured answers."""
    url = api_url()
    if not url:
        return Check(name="Prefect server", state="ok", text="temporary, for each run; `--ui` starts one that stays")
    return check_server("Prefect server", f"{url.rstrip('/')}/health", "PREFECT_API_URL")
