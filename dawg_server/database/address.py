"""`DATABASE_URL` as people have it: libpq's own addresses, and those that other libraries read in ways of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import psycopg2  # type: ignore[import-untyped]
import structlog
from psycopg2 import extensions

from dawg_server import errors, logs

# What other libraries call what libpq has, too: (parameter, value) there, None for any value, to the same here.
_TRANSLATED = {
    ("sslmode", "no-verify"): ("sslmode", "require"),  # node-postgres
    ("ssl", "true"): ("sslmode", "require"),
    ("sslaccept", "accept_invalid_certs"): ("sslmode", "require"),  # Prisma
    ("sslaccept", "strict"): ("sslmode", "verify-full"),
}
_SCHEMAS = ("schema", "currentSchema")  # Prisma's and JDBC's

log: structlog.stdlib.BoundLogger = logs.get("main")


def parse(dsn: str) -> dict[str, str]:
    """The parts of a `postgresql://` or `postgres://` address; `errors.ConfigurationError` when it is none.

    Parameters that libpq does not know are translated where that can be done, else left out, which the log tells.
    """
    scheme, slashes, rest = dsn.partition("://")
    secret, at, rest = rest.rpartition("@") if "@" in rest.partition("/")[0] else ("", "", rest)
    rest, _, query = rest.partition("?")  # a ? in the password is not the one before the parameters
    head = f"{scheme}{slashes}{secret}{at}{rest}"
    given = parse_qsl(query, keep_blank_values=True)
    kept = [_TRANSLATED.get(each, each) for each in given if each[0] not in _SCHEMAS]
    schema = next((value for name, value in given if name in _SCHEMAS and value), "public")
    if schema != "public":
        kept.append(("options", f"-c search_path={schema}"))
    unknown = sorted({name for name, _ in kept if not _is_known(name)})
    known = urlencode([each for each in kept if each[0] not in unknown], safe="/")
    try:
        parts: dict[str, str] = extensions.parse_dsn(f"{head}?{known.replace('+', '%20')}" if known else head)
        for port in filter(None, parts.get("port", "").split(",")):
            int(port)
        if "@" in parts.get("host", ""):
            raise ValueError
    except (psycopg2.ProgrammingError, ValueError):  # their messages may quote the password
        raise errors.ConfigurationError(_advice(dsn)) from None
    if unknown:
        log.warning(
            "DATABASE_URL has parameters that Postgres does not know; they are left out. DATABASE_CONNECTIONS says "
            "how many connections there are.",
            action="database_url_parameters",
            parameters=unknown,
        )
    return parts


def unreachable(parts: Mapping[str, str], cause: BaseException | None) -> errors.ConfigurationError:
    """The sentence for an operator whose database does not answer; it shows the address without the password."""
    user = f"{parts['user']}@" if "user" in parts else ""
    port = f":{parts['port']}" if "port" in parts else ""
    address = f"postgresql://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"
    reason = str(cause or "").strip().partition("\n")[0] or "no answer in time"
    return errors.ConfigurationError(f"The database of DATABASE_URL, {address}, does not answer ({reason}).")


def forget_shell() -> None:
    """Takes `PGHOST`, `PGOPTIONS`, `PGSERVICE` and their like from this process: libpq would use them wherever the
    address of the embedded database leaves something open."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def _is_known(parameter: str) -> bool:
    try:
        extensions.parse_dsn(f"postgresql://?{urlencode({parameter: ''})}")
    except psycopg2.ProgrammingError:
        return False
    return True


def _advice(dsn: str) -> str:
    looks = "DATABASE_URL is not an address of Postgres; it looks like postgresql://user:password@host:5432/name."
    secret = dsn.partition("://")[2].rpartition("@")[0]
    if any(sign in secret for sign in "@/?#[]% "):
        looks += (
            " Characters such as @ / ? # % in a password have to be encoded: "
            "python3 -c 'import urllib.parse; print(urllib.parse.quote(input(), \"\"))'"
        )
    return looks
