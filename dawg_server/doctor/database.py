"""Whether Postgres answers, and has room for everybody."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2  # type: ignore[import-untyped]

from dawg_server import errors
from dawg_server.database import inspection, running_dsn
from dawg_server.database.binaries import find as find_postgres
from dawg_server.database.migrate import pending
from dawg_server.doctor.findings import PROBE_TIMEOUT, Finding, bad, good, judge
from dawg_server.settings import Settings

OLDEST = 13  # Postgres
LISTENING = 1  # connection besides the pool's, for the notifications of the job queue


def examine(settings: Settings) -> Iterator[Finding]:
    dsn = settings.database_url
    try:
        if dsn is None and (dsn := running_dsn(settings.data_dir / "postgres")) is None:
            find_postgres(None)
            yield good("database", "Embedded: starts with the server.")
            return
        facts = inspection.inspect(dsn, PROBE_TIMEOUT)
        pending_note = " The next start brings its tables up to date." if pending(dsn) else ""
    except (psycopg2.Error, errors.ConfigurationError) as error:
        reason = str(error).strip().splitlines()[0] if isinstance(error, errors.ConfigurationError) else "no connection"
        yield bad("database", f"It does not answer ({reason}). Check DATABASE_URL, its network and password.")
        return
    yield judge(
        facts.version >= OLDEST,
        "database",
        f"Postgres {facts.version} answers.{pending_note}",
        f"Postgres {facts.version} is too old: use {OLDEST} or later.",
    )
    yield _room(settings, facts)


def _room(settings: Settings, facts: inspection.Facts) -> Finding:
    each = settings.database_connections + LISTENING
    least = 2 if settings.redis_adapter else 1
    fit = facts.connections // each
    return judge(
        fit >= least,
        "connections",
        f"Postgres allows {facts.connections}, a replica or worker takes up to {each}: room for {fit}.",
        f"Postgres allows {facts.connections}, a replica or worker takes up to {each}: too few for {least}. Lower "
        "DATABASE_CONNECTIONS, raise max_connections of Postgres, or put a pooler in front of it.",
    )
