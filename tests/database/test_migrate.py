"""Migrations: applied once, by one of many, after every kind of interruption."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from procrastinate import schema

from dawg_server import errors
from dawg_server.database import migrate
from tests import conftest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def empty_dsn(postgres: str) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    conftest.administer(postgres, f"CREATE DATABASE {name}")
    yield conftest.named(postgres, name)
    conftest.administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def rows(dsn: str, query: str) -> list[Any]:
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())
    finally:
        connection.close()


def queue_shape(dsn: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Columns, functions and indexes of the job queue."""
    mine = "LIKE 'procrastinate%' AND {0} <> 'procrastinate_migrations'"
    columns = f"""SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                  WHERE table_name {mine.format("table_name")} ORDER BY 1, 2"""
    functions = """SELECT proname, pg_get_function_identity_arguments(oid) FROM pg_proc
                   WHERE proname LIKE 'procrastinate%' ORDER BY 1, 2"""
    indexes = f"SELECT indexname FROM pg_indexes WHERE tablename {mine.format('tablename')} ORDER BY 1"
    return rows(dsn, columns), rows(dsn, functions), rows(dsn, indexes)


def test_an_empty_database_is_pending_until_it_is_migrated(empty_dsn: str) -> None:
    assert migrate.pending(empty_dsn)
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)
    assert rows(empty_dsn, "SELECT count(*) FROM users") == [(0,)]
    assert rows(empty_dsn, "SELECT count(*) FROM procrastinate_jobs") == [(0,)]


def test_migrating_again_changes_nothing(empty_dsn: str) -> None:
    migrate.migrate(empty_dsn)
    record = "SELECT migration_id, applied_at_utc::text FROM _yoyo_migration UNION SELECT name, applied_at::text FROM"
    before = rows(empty_dsn, f"{record} procrastinate_migrations ORDER BY 1")
    assert {path.stem for path in migrate.FOLDER.glob("*.sql")} <= {name for name, _ in before}
    migrate.migrate(empty_dsn)
    assert rows(empty_dsn, f"{record} procrastinate_migrations ORDER BY 1") == before


def test_processes_that_start_at_once_all_succeed(empty_dsn: str) -> None:
    program = "import sys; from dawg_server.database import migrate; sys.stdin.read(1); migrate.migrate(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_dsn], cwd=REPOSITORY, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b".")
        process.stdin.flush()
    complaints = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], complaints
    assert not migrate.pending(empty_dsn)
    assert rows(empty_dsn, "SELECT migration_id FROM _yoyo_migration GROUP BY 1 HAVING count(*) > 1") == []


def test_a_lock_that_a_dead_process_left_is_broken(empty_dsn: str) -> None:
    conftest.administer(
        empty_dsn, "CREATE TABLE yoyo_lock (locked int PRIMARY KEY DEFAULT 1, ctime timestamp, pid int NOT NULL)"
    )
    conftest.administer(empty_dsn, "INSERT INTO yoyo_lock (ctime, pid) VALUES (now(), 999999)")
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)
    assert rows(empty_dsn, "SELECT count(*) FROM yoyo_lock") == [(0,)]


def test_half_of_a_migration_is_never_kept(empty_dsn: str) -> None:
    conftest.administer(empty_dsn, "CREATE TABLE clips (in_the_way int)")  # made by one of the later files
    with pytest.raises(psycopg2.errors.DuplicateTable):
        migrate.migrate(empty_dsn)
    assert migrate.pending(empty_dsn)
    assert rows(empty_dsn, "SELECT to_regclass('projects')::text, to_regclass('tracks')::text") == [("projects", None)]
    conftest.administer(empty_dsn, "DROP TABLE clips")
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)


def test_the_queue_of_an_older_release_is_brought_up_to_date(empty_dsn: str, database_dsn: str) -> None:
    files = sorted(Path(schema.SchemaManager.get_migrations_path()).glob("*.sql"))
    old = [file for file in files if file.name < "03.01"]
    assert old and len(old) < len(files)
    record = "CREATE TABLE procrastinate_migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    conftest.administer(empty_dsn, record)
    for file in old:
        conftest.administer(empty_dsn, file.read_text())
        conftest.administer(empty_dsn, f"INSERT INTO procrastinate_migrations VALUES ('{file.stem}', '2025-01-01Z')")
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)
    again = "SELECT count(*) FROM procrastinate_migrations WHERE applied_at < '2026-01-01Z'"
    assert rows(empty_dsn, again) == [(len(old),)]
    assert queue_shape(empty_dsn) == queue_shape(database_dsn)


def test_a_database_that_does_not_answer_is_one_sentence_without_the_password() -> None:
    for call in (migrate.migrate, migrate.pending):
        with pytest.raises(errors.ConfigurationError, match="DATABASE_URL") as caught:
            call("postgresql://dawg:s3cret-word@127.0.0.1:1/songs")
        assert "s3cret-word" not in str(caught.value)
