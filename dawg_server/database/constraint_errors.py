"""What a constraint of the database refuses, under names that need no driver."""

from __future__ import annotations

import psycopg2.errors  # type: ignore[import-untyped]

IntegrityError = psycopg2.IntegrityError  # the root of the five below
UniqueViolation = psycopg2.errors.UniqueViolation
ForeignKeyViolation = psycopg2.errors.ForeignKeyViolation  # a row names another one that does not exist
RestrictViolation = psycopg2.errors.RestrictViolation  # a row is deleted that another one still names
CheckViolation = psycopg2.errors.CheckViolation
NotNullViolation = psycopg2.errors.NotNullViolation


def constraint(error: psycopg2.IntegrityError) -> str:
    """The name of the constraint or unique index that refused, for example `users_email`; for NOT NULL the column."""
    return str(error.diag.constraint_name or error.diag.column_name or "")
