"""What the server remembers: Postgres, embedded or given, and all SQL of ours, one module per aggregate."""

from dawg_server.database.driver import (
    CheckViolation,
    ForeignKeyViolation,
    IntegrityError,
    NotNullViolation,
    RestrictViolation,
    UniqueViolation,
    constraint,
)
from dawg_server.database.embedded import EmbeddedPostgres, running_dsn
from dawg_server.database.pool import Connection, Database, Json

__all__ = [
    "CheckViolation",
    "Connection",
    "Database",
    "EmbeddedPostgres",
    "ForeignKeyViolation",
    "IntegrityError",
    "Json",
    "NotNullViolation",
    "RestrictViolation",
    "UniqueViolation",
    "constraint",
    "running_dsn",
]
