"""What a Postgres says about itself, for those who check a deployment."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2  # type: ignore[import-untyped]

from dawg_server.database import address


@dataclass(frozen=True, slots=True)
class Facts:
    """`version` is the major one; `connections` is how many it allows to us, all clients together."""

    version: int
    connections: int


_LIMITS = """
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
               - coalesce(current_setting('reserved_connections', true)::int, 0),
           datconnlimit, rolconnlimit
      FROM pg_database, pg_roles
     WHERE datname = current_database() AND rolname = current_user
"""  # a limit of -1 is none


def inspect(dsn: str, patience: float) -> Facts:
    """Blocks for at most about `patience` seconds; raises psycopg2.Error."""
    connection = psycopg2.connect(**{**address.parse(dsn), "connect_timeout": int(patience)})
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, false)", (f"{int(patience)}s",))
            cursor.execute(_LIMITS)
            limits = cursor.fetchone()
    finally:
        connection.close()
    return Facts(connection.server_version // 10_000, min(limit for limit in limits if limit >= 0))
