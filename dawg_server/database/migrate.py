"""Brings the tables up to date: ours with the files of `migrations`, the job queue's with those of procrastinate.

Each file and the record that it was applied commit together, under an advisory lock: whenever a server is killed, the
next start goes on where it was. Any number of replicas may start at once: one does the work, the others wait and find
it done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]
import psycopg2.errors  # type: ignore[import-untyped]
from procrastinate import schema

from dawg_server import errors
from dawg_server.database import address

FOLDER = Path(__file__).parent / "migrations"
ADVISORY_LOCK = 0x44415747  # "DAWG"; any number that is the same on every replica
LOCK_TIMEOUT = 120_000  # ms; as long as another replica may take over its migration
CONNECT_TIMEOUT = 10  # seconds
NO_TIMEOUT = "SET statement_timeout = 0"  # tables may be large, and the advisory lock may take its time
OUR_TABLE = "schema_migrations"
YOYO_TABLE = "_yoyo_migration"  # the record of databases that earlier releases made; read, never written
QUEUE_TABLE = "procrastinate_migrations"


def migrate(dsn: str) -> None:
    """Applies whatever is missing. Blocks, so it runs before the event loop or in a thread.

    Raises `errors.ConfigurationError` when the database does not answer.
    """
    with _connected(dsn) as cursor:
        if not _pending(cursor):
            return
        cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT}")
        try:  # freed when the connection ends, however it ends
            cursor.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        except psycopg2.errors.LockNotAvailable as error:
            raise errors.ConfigurationError(
                "Another server has been changing the tables of this database for two minutes; look at what it does."
            ) from error
        cursor.execute("SET lock_timeout = 0")  # for a table that is in use
        _migrate_ours(cursor)
        _migrate_queue(cursor)


def pending(dsn: str) -> bool:
    """Whether this version of the server needs something that the database does not have yet. Blocks."""
    with _connected(dsn) as cursor:
        return _pending(cursor)


def _connect(parts: Mapping[str, str]) -> Any:
    connection = psycopg2.connect(
        **{"connect_timeout": CONNECT_TIMEOUT, **parts, "application_name": "dawg-migrate"},
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(NO_TIMEOUT)
    return connection


@contextlib.contextmanager
def _connected(dsn: str) -> Iterator[Any]:
    parts = address.parse(dsn)
    try:
        connection = _connect(parts)
    except psycopg2.OperationalError as error:
        raise address.unreachable(parts, error) from None
    with contextlib.closing(connection), connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def _transaction(cursor: Any) -> Iterator[None]:
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def _pending(cursor: Any) -> bool:
    queue = {file.stem for file in _queue_files()}
    return bool(_missing(cursor) or queue - _recorded(cursor, QUEUE_TABLE, "name"))


def _missing(cursor: Any) -> list[Path]:
    applied = _recorded(cursor, OUR_TABLE, "name") | _recorded(cursor, YOYO_TABLE, "migration_id")
    return [file for file in sorted(FOLDER.glob("*.sql")) if file.stem not in applied]


def _recorded(cursor: Any, table: str, column: str) -> set[str]:
    cursor.execute("SELECT to_regclass(%s)", (table,))
    if cursor.fetchone()[0] is None:
        return set()
    cursor.execute(f"SELECT {column} FROM {table}")
    return {name for (name,) in cursor.fetchall()}


def _migrate_ours(cursor: Any) -> None:
    cursor.execute(
        f"CREATE TABLE IF NOT EXISTS {OUR_TABLE} (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    for file in _missing(cursor):
        with _transaction(cursor):
            cursor.execute(file.read_text(encoding="utf-8"))
            cursor.execute(f"INSERT INTO {OUR_TABLE} (name) VALUES (%s)", (file.stem,))


def _queue_files() -> list[Path]:
    return sorted(Path(schema.SchemaManager.get_migrations_path()).glob("*.sql"))


def _migrate_queue(cursor: Any) -> None:
    recorded = _recorded(cursor, QUEUE_TABLE, "name")
    with _transaction(cursor):
        if not recorded:  # the whole schema as it is today, which all migrations so far lead to
            cursor.execute(schema.SchemaManager.get_schema())
            cursor.execute(f"CREATE TABLE {QUEUE_TABLE} (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())")
        for file in _queue_files():
            if file.stem not in recorded:
                if recorded:
                    cursor.execute(file.read_text(encoding="utf-8"))
                cursor.execute(f"INSERT INTO {QUEUE_TABLE} (name) VALUES (%s)", (file.stem,))
