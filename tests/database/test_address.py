"""Addresses of Postgres as other libraries and hosts write them."""

from __future__ import annotations

import os

import psycopg2
import pytest

from dawg_server import errors
from dawg_server.database import Database, address

BASE = "postgresql://u:p@db.example:5432/music"
PARTS = {"user": "u", "password": "p", "host": "db.example", "port": "5432", "dbname": "music"}


@pytest.mark.parametrize(
    ("query", "more"),
    [
        ("", {}),
        ("?schema=public&connection_limit=5&pgbouncer=true", {}),
        ("?schema=songs", {"options": "-c search_path=songs"}),
        ("?currentSchema=songs&sslmode=require", {"options": "-c search_path=songs", "sslmode": "require"}),
        ("?sslmode=no-verify", {"sslmode": "require"}),
        ("?ssl=true", {"sslmode": "require"}),
        ("?sslaccept=accept_invalid_certs&pool_timeout=20", {"sslmode": "require"}),
        ("?sslmode=verify-full&sslrootcert=/etc/ca.pem", {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}),
        ("?options=-c%20geqo%3Doff&application_name=a+b", {"options": "-c geqo=off", "application_name": "a b"}),
    ],
)
def test_parameters_of_other_libraries_are_translated_or_left_out(query: str, more: dict[str, str]) -> None:
    assert address.parse(BASE + query) == PARTS | more


def test_several_hosts_are_one_address() -> None:
    assert address.parse("postgresql://u@a,b:5433/x?target_session_attrs=read-write")["host"] == "a,b"


@pytest.mark.parametrize("password", ["a?b", "a#b", "a b", "[x]"])
def test_libpq_takes_some_signs_as_they_are(password: str) -> None:
    assert address.parse(f"postgresql://u:{password}@db.example/music?schema=public")["password"] == password


@pytest.mark.parametrize("password", ["p@ss", "a/b", "100%", "a/b?c"])
def test_a_password_that_is_not_encoded_is_told_how_to_be_and_not_shown(password: str) -> None:
    with pytest.raises(errors.ConfigurationError) as refused:
        address.parse(f"postgresql://u:{password}@db.example/music")
    assert "encoded" in str(refused.value)
    assert password not in str(refused.value).replace("@ / ? # %", "")


async def test_a_prisma_address_opens_the_database(database_dsn: str) -> None:
    mark = "&" if "?" in database_dsn else "?"
    database = await Database.open(f"{database_dsn}{mark}schema=public&connection_limit=5&pgbouncer=true")
    assert await database.fetch_value("SELECT count(*) FROM projects") == 0
    await database.close()


def test_what_the_shell_says_of_a_database_is_forgotten(monkeypatch: pytest.MonkeyPatch, database_dsn: str) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c nothing=ofthekind")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(database_dsn)
    address.forget_shell()
    assert "PGOPTIONS" not in os.environ
    psycopg2.connect(database_dsn).close()
