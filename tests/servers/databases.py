"""Databases of the session's Postgres, migrated and empty, which are emptied and lent again.

Making one copies about a thousand files, which takes a tenth of a second together with its removal. Emptying one over
a connection that knows its tables takes a few milliseconds: most tests write a handful of rows.
"""

from __future__ import annotations

import contextlib
import urllib.parse
from collections.abc import Iterator
from typing import Any

import psycopg2

from dawg_server.database import migrate

TEMPLATE = "dawg_template"
# Statements that make, change or drop a table, a function, an index: who runs one gets a database for itself.
WATCH = """CREATE SCHEMA test;
    CREATE TABLE test.altered (command text);
    CREATE FUNCTION test.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO test.altered VALUES (tg_tag); END $$;
    CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION test.note();
    CREATE EVENT TRIGGER dropped ON sql_drop EXECUTE FUNCTION test.note()"""
ALTERED = """SELECT EXISTS (SELECT FROM test.altered)
    OR EXISTS (SELECT FROM pg_db_role_setting)
    OR (SELECT datconnlimit <> -1 FROM pg_database WHERE datname = current_database())"""
TABLES = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"
SEQUENCES = "SELECT format('%I', sequencename), start_value FROM pg_sequences WHERE schemaname = 'public'"
OTHERS = """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


class Lending:
    """One database, and the connection that empties it."""

    def __init__(self, dsn: str, clearing: str) -> None:
        self.dsn = dsn
        self._clearing = clearing
        self._connection = psycopg2.connect(dsn, application_name="tests")
        self._connection.autocommit = True

    def emptied(self) -> bool:
        """False when a test has changed more than rows, or has ended this connection."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(OTHERS)
                if _one(cursor, ALTERED):
                    return False
                cursor.execute(self._clearing)
        except psycopg2.OperationalError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()


class TestDatabases:
    """`dsn` leads to the server."""

    __test__ = False

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._number = 0
        self._empty: list[Lending] = []
        administer(dsn, f"CREATE DATABASE {TEMPLATE}")
        migrate.migrate(named(dsn, TEMPLATE))
        with connected(named(dsn, TEMPLATE)) as cursor:
            self._clearing = _clearing(cursor)
            cursor.execute(WATCH)

    @contextlib.contextmanager
    def lent(self) -> Iterator[str]:
        """The DSN of one that nobody else uses meanwhile."""
        lending = self._empty.pop() if self._empty else self._made()
        try:
            yield lending.dsn
        finally:
            if lending.emptied():
                self._empty.append(lending)
            else:
                lending.close()
                administer(self._dsn, f"DROP DATABASE {lending.dsn.rpartition('/')[2].partition('?')[0]} WITH (FORCE)")

    def close(self) -> None:
        for lending in self._empty:
            lending.close()

    def _made(self) -> Lending:
        self._number += 1
        name = f"test_{self._number}"
        administer(self._dsn, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        return Lending(named(self._dsn, name), self._clearing)


def _clearing(cursor: Any) -> str:
    """One text that removes all rows, without what that would set off, and begins all sequences again."""
    cursor.execute(TABLES)
    tables = [table for (table,) in cursor.fetchall()]
    # The records of migrations stay.
    filled = {table for table in tables if _one(cursor, f"SELECT count(*) FROM {table}")}
    cursor.execute(SEQUENCES)
    begun = [f"SELECT setval('{sequence}', {start}, false)" for sequence, start in cursor.fetchall()]
    cleared = [f"DELETE FROM {table}" for table in tables if table not in filled]
    return "; ".join(["SET session_replication_role = replica", *cleared, *begun])


def _one(cursor: Any, statement: str) -> Any:
    cursor.execute(statement)
    return cursor.fetchone()[0]


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[Any]:
    """A cursor on a connection of its own, each statement of which is a transaction."""
    connection = psycopg2.connect(dsn)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def administer(dsn: str, statement: str) -> None:
    with connected(dsn) as cursor:
        cursor.execute(statement)


def named(dsn: str, name: str) -> str:
    """The DSN of another database of that server."""
    return urllib.parse.urlsplit(dsn)._replace(path=f"/{name}").geturl()
