"""Migrations: applied once, by one of many, after every kind of interruption."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from procrastinate import schema

from dawg_server import errors
from dawg_server.database import migrate
from tests.servers import databases
from tests.servers.postgres import TcpPostgres

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def empty_dsn(postgres: str) -> Iterator[str]:
    name = f"empty_{uuid.uuid4().hex}"
    databases.administer(postgres, f"CREATE DATABASE {name}")
    yield databases.named(postgres, name)
    databases.administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


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
    record = "SELECT name, applied_at::text FROM schema_migrations UNION SELECT name, applied_at::text FROM"
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


def test_a_database_of_an_earlier_release_is_brought_up_to_date(empty_dsn: str, database_dsn: str) -> None:
    """Until then yoyo applied the files: it kept the record, and a lock that a killed server left behind."""
    databases.administer(
        empty_dsn,
        """CREATE TABLE _yoyo_migration (migration_hash varchar(64) PRIMARY KEY, migration_id varchar(255),
               applied_at_utc timestamp);
           CREATE TABLE yoyo_lock (locked int PRIMARY KEY DEFAULT 1, ctime timestamp, pid int NOT NULL);
           INSERT INTO yoyo_lock (ctime, pid) VALUES (now(), 999999)""",
    )
    files = sorted(migrate.FOLDER.glob("*.sql"))
    for file in files[:10]:
        databases.administer(empty_dsn, file.read_text())
        digest = hashlib.sha256(file.stem.encode()).hexdigest()
        databases.administer(empty_dsn, f"INSERT INTO _yoyo_migration VALUES ('{digest}', '{file.stem}', now())")
    assert migrate.pending(empty_dsn)
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)
    names = [name for (name,) in rows(empty_dsn, "SELECT name FROM schema_migrations ORDER BY 1")]
    assert names == [file.stem for file in files[10:]]
    columns = """SELECT table_name, column_name, data_type FROM information_schema.columns
                 WHERE table_schema = 'public' AND table_name !~ 'yoyo' ORDER BY 1, 2"""
    assert rows(empty_dsn, columns) == rows(database_dsn, columns)


def test_clips_of_an_earlier_release_get_the_beats_of_their_tempo(empty_dsn: str) -> None:
    files = sorted(migrate.FOLDER.glob("*.sql"))
    before = next(number for number, file in enumerate(files) if file.stem.endswith("_beats"))
    databases.administer(empty_dsn, "CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz)")
    for file in files[:before]:
        databases.administer(empty_dsn, file.read_text())
        databases.administer(empty_dsn, f"INSERT INTO schema_migrations VALUES ('{file.stem}', now())")
    databases.administer(
        empty_dsn,
        """INSERT INTO users (id, origin) VALUES ('ada', 'development');
           INSERT INTO projects (owner_id, name, bpm, revision) VALUES ('ada', 'Song', 90, 7);
           INSERT INTO tracks (project_id, name, position) SELECT id, 'Voice', 0 FROM projects;
           INSERT INTO clips (track_id, name, start_time, duration, fade_out, midi, updated_at)
               SELECT id, 'Notes', 10 / 3.0, 32 / 3.0, 2, '{"notes": []}', '2026-01-01' FROM tracks;
           INSERT INTO clips (track_id, name, start_time, duration, source_offset)
               SELECT id, 'Sound', 4, 2, 1 FROM tracks""",
    )
    migrate.migrate(empty_dsn)
    columns = "timebase, start_beat, length_beats, offset_beats, fade_in_beats, fade_out_beats"
    assert rows(empty_dsn, f"SELECT {columns} FROM clips ORDER BY name") == [
        ("musical", 5, 16, 0, 0, 3),
        ("absolute", 6, 3, 1.5, 0, 0),
    ]
    assert rows(empty_dsn, "SELECT start_time::numeric(9, 6) FROM clips ORDER BY name")[1] == (4,)
    assert rows(empty_dsn, "SELECT updated_at::date::text FROM clips WHERE name = 'Notes'") == [("2026-01-01",)]
    assert rows(empty_dsn, "SELECT seconds_until FROM projects") == [(7,)]


KILLED = int(os.environ.get("MIGRATION_KILLS", "20"))
SEED = int(os.environ.get("MIGRATION_SEED", "1"))
# For each line a child that migrates, so that only the first pays for the imports.
MIGRATES = """
import os, sys
from dawg_server.database import migrate
for _ in sys.stdin:
    if (child := os.fork()) == 0:
        if len(sys.argv) > 2:
            os.setgroups([])
            os.setgid(int(sys.argv[2]))
            os.setuid(int(sys.argv[2]))
        migrate.migrate(sys.argv[1])
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@contextlib.contextmanager
def starting(dsn: str, *uid: str) -> Iterator[Callable[[float | None], int]]:
    """A function that starts a migration, kills it after so many seconds (None: not at all) and returns its status."""
    with subprocess.Popen(
        [sys.executable, "-c", MIGRATES, dsn, *uid],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, told = process.stdin, process.stdout

        def start(killed_after: float | None) -> int:
            given.write("start\n")
            given.flush()
            child = int(told.readline())
            if killed_after is not None:
                time.sleep(killed_after)
                with contextlib.suppress(ProcessLookupError):  # it was faster
                    os.kill(child, signal.SIGKILL)
            return int(told.readline())

        yield start


def test_a_server_that_is_killed_at_any_moment_of_its_first_start_can_start_again(
    empty_dsn: str, database_dsn: str
) -> None:
    chance = random.Random(SEED)
    with starting(empty_dsn) as start:
        began = time.monotonic()
        assert start(None) == 0
        whole = time.monotonic() - began  # so that on a slow machine the moments lie further apart
        for _ in range(KILLED):
            databases.administer(empty_dsn, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            start(chance.uniform(0.0, whole))
            migrate.migrate(empty_dsn)
            assert not migrate.pending(empty_dsn)
            assert queue_shape(empty_dsn) == queue_shape(database_dsn)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
def test_an_account_without_a_name_can_migrate(cluster: TcpPostgres) -> None:
    databases.administer(cluster.dsn(), "CREATE DATABASE nameless")
    try:
        dsn = databases.named(cluster.dsn(), "nameless")
        with starting(dsn, "54321") as start:
            assert start(None) == 0
        assert not migrate.pending(dsn)
    finally:
        databases.administer(cluster.dsn(), "DROP DATABASE nameless WITH (FORCE)")


def test_half_of_a_migration_is_never_kept(empty_dsn: str) -> None:
    databases.administer(empty_dsn, "CREATE TABLE clips (in_the_way int)")  # made by one of the later files
    with pytest.raises(psycopg2.errors.DuplicateTable):
        migrate.migrate(empty_dsn)
    assert migrate.pending(empty_dsn)
    assert rows(empty_dsn, "SELECT to_regclass('projects')::text, to_regclass('tracks')::text") == [("projects", None)]
    databases.administer(empty_dsn, "DROP TABLE clips")
    migrate.migrate(empty_dsn)
    assert not migrate.pending(empty_dsn)


def test_the_queue_of_an_older_release_is_brought_up_to_date(empty_dsn: str, database_dsn: str) -> None:
    files = sorted(Path(schema.SchemaManager.get_migrations_path()).glob("*.sql"))
    old = [file for file in files if file.name < "03.01"]
    assert old and len(old) < len(files)
    record = "CREATE TABLE procrastinate_migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
    databases.administer(empty_dsn, record)
    for file in old:
        databases.administer(empty_dsn, file.read_text())
        databases.administer(empty_dsn, f"INSERT INTO procrastinate_migrations VALUES ('{file.stem}', '2025-01-01Z')")
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
