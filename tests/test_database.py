import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from gpo.database import SCHEMA_VERSION, metadata, open_database, reading, runs, schema_info, upsert, writing
from gpo.errors import InputError, StateError

ROOT = Path(__file__).parent.parent
RUN = {"key": "r", "task": "t", "scope": "s", "spec": "", "dataset": "", "attempts": 1, "started_at": "2026-01-01"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state" / "gpo.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{path}", busy_s=0.1)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_url() -> str:
    if url := os.environ.get("GPO_TEST_POSTGRES"):
        return url
    pytest.skip("GPO_TEST_POSTGRES names no PostgreSQL database for tests")


def test_sqlite_is_set_up_to_survive_and_to_share(engine: Engine, path: Path) -> None:
    assert path.exists()
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 100, "foreign_keys": 1}


OPENER = """
import sys
from gpo.database import open_database
print("ready", flush=True)
sys.stdin.readline()
open_database(sys.argv[1]).dispose()
"""


def open_at_once(url: str, processes: int = 4) -> None:
    command = [sys.executable, "-c", OPENER, url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    children = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(processes)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors


@pytest.mark.slow
def test_several_processes_may_open_a_new_database_at_once(path: Path) -> None:
    open_at_once(f"sqlite:///{path}")
    engine = open_database(f"sqlite:///{path}")
    with reading(engine) as connection:
        assert connection.execute(select(schema_info.c.version)).all() == [(SCHEMA_VERSION,)]
    engine.dispose()


def test_a_newer_schema_is_refused_and_an_older_one_completed(engine: Engine, path: Path) -> None:
    with writing(engine) as connection:
        connection.execute(update(schema_info).values(version=SCHEMA_VERSION + 1))
    with pytest.raises(StateError, match=r"gpo\.db was made by a newer version.* schema is 2.*upgrade"):
        open_database(f"sqlite:///{path}")

    with writing(engine) as connection:
        connection.execute(update(schema_info).values(version=SCHEMA_VERSION - 1))
        connection.execute(text("DROP TABLE calls"))
    again = open_database(f"sqlite:///{path}")
    with reading(again) as connection:
        assert connection.execute(select(schema_info.c.version)).scalar() == SCHEMA_VERSION
        assert connection.execute(text("SELECT count(*) FROM calls")).scalar() == 0
    again.dispose()


def test_a_locked_database_says_so(engine: Engine, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with reading(engine) as connection:
            assert connection.execute(select(runs)).all() == []
        with pytest.raises(StateError, match=r"gpo\.db is locked by another process: wait"), writing(engine):
            pass


def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(engine: Engine, path: Path) -> None:
    engine.dispose()
    frozen = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with reading(frozen) as connection:
        assert connection.execute(select(runs)).all() == []
    with pytest.raises(StateError, match=r"gpo\.db is read-only: make"), writing(frozen) as connection:
        connection.execute(insert(runs), RUN)
    frozen.dispose()


def test_a_full_disk_says_so_and_leaves_nothing_half_written(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def limit(connection: object) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    with pytest.raises(StateError, match="does not fit on the disk: free some space"), writing(engine) as connection:
        connection.execute(insert(runs), [RUN | {"key": str(number), "task": "x" * 4000} for number in range(9)])
    with reading(engine) as connection:
        assert connection.execute(select(runs)).all() == []


@pytest.mark.parametrize(
    ("content", "message"), [(b"no database" * 999, "is not an SQLite database"), (None, "is damaged")]
)
def test_a_damaged_file_says_so(path: Path, content: bytes | None, message: str) -> None:
    open_database(f"sqlite:///{path}").dispose()
    if content is None:
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 4000)
    else:
        path.write_bytes(content)
    with pytest.raises(StateError, match=message):
        open_database(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_or_opened(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="folder cannot be made"):
        open_database(f"sqlite:///{tmp_path}/file/gpo.db")
    with pytest.raises(StateError, match="cannot be opened: make"):
        open_database(f"sqlite:///{tmp_path}")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://me:hunter2@localhost/gpo",
        "postgresql+asyncpg://me:hunter2@localhost/gpo?password=hunter2",
        "mysql://me:hunter2@localhost/gpo",
        "me:hunter2@localhost",
        "postgresql://me:hunter2@localhost:hunter2/gpo",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError, match=r"sqlite|postgresql") as caught:
        open_database(url)
    assert "hunter2" not in str(caught.value)


def test_a_wrong_statement_stays_an_error_of_the_program_and_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(insert(runs), [RUN, RUN])
    with reading(engine) as connection:
        assert connection.execute(select(runs)).all() == []


def test_postgresql_has_the_same_tables(postgresql_url: str) -> None:
    open_at_once(postgresql_url)
    engine = open_database(postgresql_url)
    for _ in range(2):
        with writing(engine) as connection:
            connection.execute(upsert(connection, runs).values(RUN).on_conflict_do_nothing())
    with reading(engine) as connection:
        assert connection.execute(select(runs.c.key)).all() == [("r",)]
    metadata.drop_all(engine)
    engine.dispose()
