from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from mood_sweeps.errors import DatabaseError
from mood_sweeps.results.database import Database
from mood_sweeps.results.schema import HEAD_REVISION, METADATA, VIEWS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "results.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{file}")
    database.prepare()
    yield database
    database.close()


def test_nothing_is_made_before_it_is_prepared(file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    assert not database.exists()
    assert not file.parent.exists()
    database.prepare()
    assert database.exists()
    database.prepare()  # again changes nothing


def test_a_relative_path_is_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    database = Database("sqlite:///here.db")
    monkeypatch.chdir("/")
    assert database.path == tmp_path / "here.db"


def test_sqlite_is_in_wal_mode_and_keeps_foreign_keys(database: Database) -> None:
    with database.reading() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30000


def test_migrating_gives_what_the_schema_says(database: Database) -> None:
    with database.reading() as connection:
        found = inspect(connection)
        assert set(found.get_table_names()) == {*METADATA.tables, "alembic_version"}
        assert set(found.get_view_names()) == set(VIEWS)
        for name, table in METADATA.tables.items():
            columns = {column["name"]: column for column in found.get_columns(name)}
            assert set(columns) == {column.name for column in table.columns}
            for column in table.columns:
                assert columns[column.name]["nullable"] is bool(column.nullable)
            assert set(found.get_pk_constraint(name)["constrained_columns"]) == {
                column.name for column in table.primary_key
            }
            assert {index["name"] for index in found.get_indexes(name)} >= {
                index.name for index in table.indexes
            }
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert revision == HEAD_REVISION


def test_the_newest_migration_is_the_one_the_schema_names() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from mood_sweeps.results import migrate

    config = Config()
    config.set_main_option("path_separator", "os")
    folder = Path(migrate.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD_REVISION


def test_an_older_database_is_migrated_with_its_rows(file: Path) -> None:
    from alembic import command

    from mood_sweeps.results import migrate

    real = command.upgrade
    database = Database(f"sqlite:///{file}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate.command, "upgrade", lambda config, _: real(config, "0001"))
        patch.setattr(migrate, "_apply_registry", lambda _: None)
        database.prepare()
    with database.writing() as connection:
        connection.execute(text("INSERT INTO sweeps VALUES ('a', 1)"))
        connection.execute(
            text(
                "INSERT INTO evaluations (score_key, auroc, id_accuracy_from, n_id, n_ood, seconds,"
                " object_key, input_digest, environment, created_at)"
                " VALUES ('k', 0.75, 'head', 1, 1, 0, 'o', 'i', 'cpu', 'now')"
            )
        )
        connection.execute(text("INSERT INTO confusions VALUES ('k', '{}')"))
    assert database.exists()
    with database.reading() as connection:
        rows = connection.execute(text("SELECT auroc, note, ap_in, ap_out FROM evaluations")).all()
        assert rows == [(0.75, None, None, None)]
        shown = {column["name"] for column in inspect(connection).get_columns("results")}
        assert {"note", "ap_in", "ap_out", "missing_metrics"} <= shown
        keys = "SELECT e.evaluation_key FROM evaluations e JOIN confusions USING (evaluation_key)"
        assert connection.execute(text(keys)).scalar() == "k"
        assert connection.execute(text("SELECT metrics_digest FROM evaluations")).scalar() is None
        assert connection.execute(text("SELECT name FROM sweeps")).scalar() == "a"
    database.close()


def test_a_database_of_a_newer_version_is_refused_and_left_alone(
    database: Database, file: Path
) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for use in (Database(f"sqlite:///{file}").exists, Database(f"sqlite:///{file}").prepare):
        with pytest.raises(DatabaseError, match=r"newer mood-sweeps \(revision 9999"):
            use()


def test_what_raises_inside_a_transaction_undoes_it(database: Database) -> None:
    def half() -> None:
        with database.writing() as connection:
            connection.execute(text("INSERT INTO sweeps VALUES ('a', 1)"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    with database.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM sweeps")).scalar() == 0


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_it(database: Database) -> None:
    with database.writing() as writer:
        writer.execute(text("INSERT INTO sweeps VALUES ('a', 1)"))
        with database.reading() as reader:
            assert reader.execute(text("SELECT count(*) FROM sweeps")).scalar() == 0
        assert database.exists()
    with database.reading() as reader:
        assert reader.execute(text("SELECT count(*) FROM sweeps")).scalar() == 1


WRITER = """\
import sys
from sqlalchemy import text
from mood_sweeps.results.database import Database
database = Database(sys.argv[1])
database.prepare()
for number in range(60):
    with database.writing() as connection:
        known = connection.execute(text("SELECT count(*) FROM sweeps")).scalar()
        connection.execute(
            text("INSERT INTO sweeps VALUES (:name, :known)"),
            {"name": f"{sys.argv[2]}-{number}", "known": known},
        )
"""


def test_processes_that_read_then_write_at_once_wait_for_each_other(file: Path) -> None:
    """A deferred transaction that reads first would fail with "database is locked" at once.

    They also make the database at once: the second one finds it made.
    """
    url = f"sqlite:///{file}"
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, name], stderr=subprocess.PIPE)
        for name in ("one", "two", "three")
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    with sqlite3.connect(file) as connection:
        known = [row[0] for row in connection.execute("SELECT current_revision FROM sweeps")]
    assert sorted(known) == list(range(180))  # every transaction saw all before it


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "is no database URL"),
        ("results.db", "is no database URL"),
        ("sqlite", "is no database URL"),
        ("mysql://u:hunter2@host/db", "'mysql' is not supported; allowed: sqlite, postgresql"),
        ("postgresql://u:hunter2@host:port/db", "is no database URL"),
        ("postgresql://u:hunter2@x@host:port/db", "is no database URL"),
        ("u:hunter2@host/db", "is no database URL"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("postgresql+nodriver://u:hunter2@host/db", "nodriver"),
        ("sqlite+nodriver:///file.db", "nodriver"),
    ],
)
def test_a_url_that_cannot_be_one_is_refused(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message) as caught:
        Database(url).prepare()
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("use", ["exists", "prepare"])
def test_a_server_that_does_not_answer_is_named_without_its_password(use: str) -> None:
    database = Database("postgresql+psycopg://u:hunter2@127.0.0.1:9/db?password=hunter2")
    with pytest.raises(DatabaseError, match="refused") as caught:
        getattr(database, use)()
    assert "u:***@127.0.0.1:9" in str(caught.value)
    assert "password=***" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["folder", "under a file", "no database"])
def test_a_file_that_cannot_be_one_is_refused(tmp_path: Path, place: str) -> None:
    text_file = tmp_path / "text"
    text_file.write_text("not a database, but long enough to be looked at as one\n" * 100)
    path = {
        "folder": tmp_path,
        "under a file": text_file / "results.db",
        "no database": text_file,
    }[place]
    with pytest.raises(DatabaseError) as caught:
        Database(f"sqlite:///{path}").prepare()
    assert str(path) in str(caught.value)
    assert text_file.read_text().startswith("not a database")


def test_views_can_be_read_by_anything_that_speaks_sql(database: Database, file: Path) -> None:
    del database
    with sqlite3.connect(file) as connection:
        for view in VIEWS:
            assert connection.execute(f"SELECT * FROM {view}").fetchall() == []


def test_an_older_revision_is_migrated(file: Path) -> None:
    file.parent.mkdir()
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
    engine.dispose()
    database = Database(f"sqlite:///{file}")
    assert not database.exists()
    database.prepare()
    assert database.exists()
    database.close()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")
def test_postgresql_knows_at_once_how_much_there_is(postgresql: Database) -> None:
    with postgresql.writing() as connection:
        connection.execute(
            text("INSERT INTO sweeps SELECT 'sweep' || n, n FROM generate_series(1, 5000) n")
        )
    postgresql.refresh_statistics()
    with postgresql.reading() as connection:
        known = "SELECT reltuples FROM pg_class WHERE relname = 'sweeps'"
        assert connection.execute(text(known)).scalar() == 5000
