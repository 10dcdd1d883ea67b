import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, insert, select, update
from sqlalchemy.exc import IntegrityError

from gpo.database import migrations
from gpo.database.engine import (
    REVISION,
    database_label,
    open_database,
    open_read_only,
    read_transaction,
    schema_revision,
    write_transaction,
)
from gpo.database.tables import (
    calls,
    dataset_versions,
    decisions,
    metadata,
    prompts,
    revisions,
    runs,
    schema_info,
    scored_prompts,
)
from gpo.errors import InputError, StateError
from gpo.records import Score, content_hash
from tests.support.paths import ROOT

RUN = {"key": "r", "task": "t", "scope": "s", "spec": "", "dataset": "", "attempts": 1, "started_at": "2026-01-01"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "state" / "gpo.db"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{path}", busy_s=0.1)
    yield engine
    engine.dispose()


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
from gpo.database.engine import open_database
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
def test_a_new_folder_is_its_owners(tmp_path: Path) -> None:
    open_database(f"sqlite:///{tmp_path}/state/gpo.db").dispose()
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_several_processes_may_open_a_new_database_at_once(path: Path) -> None:
    open_at_once(f"sqlite:///{path}")
    engine = open_database(f"sqlite:///{path}")
    with read_transaction(engine) as connection:
        assert connection.execute(select(revisions.c.version_num)).all() == [(REVISION,)]
    engine.dispose()


def unrank(connection: Connection) -> None:
    """Take away what came with 0009."""
    for name in ("time", "score"):
        connection.exec_driver_sql(f"DROP INDEX scored_prompts_by_{name}")
    for name in ("percent", "complete"):
        connection.exec_driver_sql(f"ALTER TABLE scored_prompts DROP COLUMN {name}")


def before_alembic(url: str) -> None:
    """Make the database as the last version without migrations made it, with a row in each table."""
    engine = create_engine(url)
    old = [schema_info, calls, runs, scored_prompts]
    metadata.create_all(engine, tables=old)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE calls DROP COLUMN seconds")  # came with 0003
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN labels")  # came with 0005
        unrank(connection)
        connection.execute(insert(schema_info).values(id=1, version=1))
        connection.execute(insert(runs).values(RUN))
        answer = {"role": "task", "model": "m", "repeat": 0, "messages": "[]", "input_tokens": 1, "output_tokens": 1}
        connection.execute(insert(calls).values({**answer, "digest": "d", "text": "paid", "created_at": "2026"}))
        prompt = {"run_key": "r", "candidate_id": "c", "step": 0, "number": 0, "scope": "s"}
        connection.execute(insert(scored_prompts).values({**prompt, "candidate": "{}", "score": "{}"}))
    engine.dispose()


def check_taken_over(url: str) -> None:
    engine = open_database(url)
    with read_transaction(engine) as connection:
        assert schema_revision(connection) == REVISION
        assert connection.execute(select(runs.c.key)).all() == [("r",)]
        assert connection.execute(select(calls.c.text)).all() == [("paid",)]
        assert connection.execute(select(scored_prompts.c.candidate_id)).all() == [("c",)]
        assert connection.execute(select(prompts)).all() == []
        # The version of the time before refuses what is above 1.
        assert connection.execute(select(schema_info.c.version)).all() == [(2,)]
        assert differences(connection) == []
    engine.dispose()


def differences(connection: Connection) -> list[object]:
    """What the tables of the code have and the database has not, and the other way round."""
    options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_a_database_from_before_the_migrations_is_taken_over_whole(path: Path) -> None:
    path.parent.mkdir(parents=True)
    before_alembic(f"sqlite:///{path}")
    check_taken_over(f"sqlite:///{path}")


@pytest.mark.slow
def test_several_processes_may_take_a_database_over_at_once(path: Path) -> None:
    path.parent.mkdir(parents=True)
    before_alembic(f"sqlite:///{path}")
    open_at_once(f"sqlite:///{path}")
    check_taken_over(f"sqlite:///{path}")


def test_a_new_database_is_as_the_migrations_make_it(engine: Engine, tmp_path: Path) -> None:
    assert migrations.last_revision() == REVISION
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with migrated.begin() as connection:
        migrations.upgrade(connection, taken_over=False)
    with read_transaction(engine) as new, migrated.connect() as old:
        assert differences(new) == differences(old) == []
        assert made(new) == made(old)
    migrated.dispose()


def made(connection: Connection) -> dict[str, object]:
    """Of each table its columns, keys, indexes and rows, whatever their order."""
    found: dict[str, object] = {}
    for (table,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").all():
        columns = {row[1:] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})")}
        keys = {row[2:] for row in connection.exec_driver_sql(f"PRAGMA foreign_key_list({table})")}
        indexes = {
            (is_unique, *(row[2] for row in connection.exec_driver_sql(f"PRAGMA index_info({name})")))
            for _, name, is_unique, *_ in connection.exec_driver_sql(f"PRAGMA index_list({table})").all()
        }
        rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
        found[table] = (columns, keys, indexes, rows)
    return found


@pytest.mark.slow
def test_a_database_that_is_up_to_date_is_opened_without_alembic(engine: Engine, path: Path) -> None:
    engine.dispose()
    code = "import sys; from gpo.database.engine import open_database; open_database(sys.argv[1]).dispose(); "
    check = "print('alembic' in sys.modules)"
    command = [sys.executable, "-c", code + check, f"sqlite:///{path}"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "False\n"


def test_threads_may_open_a_new_database_at_once(path: Path) -> None:
    def opened(number: int) -> str | None:
        engine = open_database(f"sqlite:///{path}-{number % 3}")
        with read_transaction(engine) as connection:
            revision = schema_revision(connection)
        engine.dispose()
        return revision

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(opened, range(12))) == {REVISION}


def test_a_database_of_a_newer_version_is_refused_and_stays_as_it_is(engine: Engine, path: Path) -> None:
    with write_transaction(engine) as connection:
        connection.execute(update(revisions).values(version_num="0099"))
    with pytest.raises(StateError, match=r"gpo\.db was made by a newer version.* schema is 0099.*upgrade"):
        open_database(f"sqlite:///{path}")
    with read_transaction(engine) as connection:
        assert schema_revision(connection) == "0099"


def test_a_failing_upgrade_leaves_nothing_behind(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE prompt_moves (of TEXT)")
    with pytest.raises(StateError, match="table prompt_moves already exists"):
        open_database(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall() == [("prompt_moves",)]


def test_opening_to_read_makes_and_changes_nothing(engine: Engine, path: Path, tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"none\.db: there is no such file"):
        open_read_only(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()

    with write_transaction(engine) as connection:
        connection.execute(insert(runs), RUN)
    reader = open_read_only(f"sqlite:///{path}")
    with read_transaction(reader) as connection:
        assert connection.execute(select(runs.c.key)).all() == [("r",)]
    with pytest.raises(StateError, match=r"deep/state/gpo\.db is read-only"), write_transaction(reader) as connection:
        connection.execute(insert(runs), RUN | {"key": "another"})
    reader.dispose()


def test_a_path_with_spaces_and_percent_signs(tmp_path: Path) -> None:
    path = tmp_path / "50% done" / "g p o%20.db"
    open_database(f"sqlite:///{path}").dispose()
    assert path.is_file()
    reader = open_read_only(f"sqlite:///{path}")
    with read_transaction(reader) as connection:
        assert schema_revision(connection) == REVISION
    assert database_label(reader.url) == str(path)


def test_a_locked_database_says_so(engine: Engine, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with read_transaction(engine) as connection:
            assert connection.execute(select(runs)).all() == []
        with pytest.raises(StateError, match=r"gpo\.db is locked by another process: wait"), write_transaction(engine):
            pass


def test_a_read_only_database_can_be_read_and_says_why_it_cannot_be_written(engine: Engine, path: Path) -> None:
    engine.dispose()
    frozen = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    with read_transaction(frozen) as connection:
        assert connection.execute(select(runs)).all() == []
    with pytest.raises(StateError, match=r"gpo\.db is read-only: make"), write_transaction(frozen) as connection:
        connection.execute(insert(runs), RUN)
    frozen.dispose()


def test_a_full_disk_says_so_and_leaves_nothing_half_written(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def limit(connection: object) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # type: ignore[attr-defined]

    with (
        pytest.raises(StateError, match="does not fit on the disk: free some space"),
        write_transaction(engine) as connection,
    ):
        connection.execute(insert(runs), [RUN | {"key": str(number), "task": "x" * 4000} for number in range(9)])
    with read_transaction(engine) as connection:
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
    with pytest.raises(IntegrityError), write_transaction(engine) as connection:
        connection.execute(insert(runs), [RUN, RUN])
    with read_transaction(engine) as connection:
        assert connection.execute(select(runs)).all() == []


def test_decisions_and_versions_of_revision_0003_are_taken_over(database_url: str) -> None:
    engine = open_database(database_url)
    with write_transaction(engine) as connection:
        connection.execute(update(revisions).values(version_num="0003"))
        connection.exec_driver_sql("ALTER TABLE dataset_versions DROP COLUMN announced_at")
        connection.exec_driver_sql("ALTER TABLE runs DROP COLUMN labels")
        connection.exec_driver_sql("ALTER TABLE prompt_moves DROP COLUMN program")
        unrank(connection)
        connection.execute(insert(runs), [{**RUN, "key": "r"}])
        score = Score(values={"a": 1.0, "b": 0.0, "c": 0.0}, planned=4).model_dump_json()
        connection.exec_driver_sql(
            f"INSERT INTO scored_prompts VALUES ('r', 'c', 1, 2, 's', '{{}}', '{score}'), ('r', 'd', 1, 3, 's', '', '')"
        )
        connection.exec_driver_sql("DROP TABLE results")
        connection.exec_driver_sql("DROP TABLE result_examples")
        connection.exec_driver_sql("DROP TABLE call_claims")
        connection.exec_driver_sql("DROP TABLE minute_bookings")
        connection.exec_driver_sql(
            "INSERT INTO dataset_versions VALUES ('reviews', 1, 'd', 3, '{}', '{}', 's', 'n', 'ada', '2026-11-22')"
        )
        columns = [each.name for each in decisions.columns if each.name != "id"]
        connection.exec_driver_sql("DROP TABLE decisions")
        connection.exec_driver_sql(
            f"CREATE TABLE decisions ({', '.join(f'{name} TEXT' for name in columns)}, PRIMARY KEY (run))".replace(
                "champion TEXT, challenger TEXT", "champion INTEGER, challenger INTEGER"
            )
        )
        connection.exec_driver_sql("CREATE INDEX decisions_by_prompt ON decisions (prompt, alias, created_at)")
        connection.exec_driver_sql(
            f"INSERT INTO decisions ({', '.join(columns)}) VALUES"
            " ('run-1', 'sums', 'production', 'b', 1, 2, 'kept', '{}', NULL, NULL, NULL, '2026-11-22', NULL)"
        )
    engine.dispose()
    engine = open_database(database_url)
    with read_transaction(engine) as connection:
        kept = connection.execute(select(decisions.c.id, decisions.c.run, decisions.c.challenger)).one()
        told = connection.execute(select(dataset_versions.c.announced_at)).scalar_one()
        ranks = connection.execute(select(scored_prompts.c.percent, scored_prompts.c.complete).order_by("percent"))
        assert ranks.all() == [(0.0, 0), (33.3, 0)]
    engine.dispose()
    assert kept == (content_hash(["run-1", "sums", "production", "b"], length=32), "run-1", 2)
    assert told == "2026-11-22"
