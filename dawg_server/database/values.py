"""How values travel between Python and Postgres: the one place that knows psycopg2's type casters."""

from __future__ import annotations

import uuid
from typing import Any

import orjson
import psycopg2  # type: ignore[import-untyped]
import psycopg2.extensions  # type: ignore[import-untyped]
import psycopg2.extras  # type: ignore[import-untyped]

from dawg_server import errors

# Type numbers, fixed in Postgres' src/include/catalog/pg_type.dat.
BYTEA, JSON, JSONB, NUMERIC, NUMERIC_ARRAY, UUID, UUID_ARRAY = 17, 114, 3802, 1700, 1231, 2950, 2951


class Json(psycopg2.extras.Json):  # type: ignore[misc]
    """Wraps a dict, list or any other JSON value that is to be stored in a `jsonb` column."""

    def dumps(self, value: Any) -> str:
        try:
            return orjson.dumps(value).decode()
        except TypeError as error:
            if "surrogates" in str(error):
                raise unstorable_text() from error
            raise


def unstorable_text() -> errors.ValidationError:
    """Postgres stores every character but NUL; half a surrogate pair is none."""
    return errors.ValidationError("Text must not contain the NUL character or broken Unicode.")


def prepare(raw: Any) -> None:
    """Tells a psycopg2 connection to return uuid as str, json as objects, numeric as float and bytea as bytes."""
    for caster in _CASTERS:
        psycopg2.extensions.register_type(caster, raw)


def _bytes(value: str | None, cursor: Any) -> bytes | None:
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


def _json(value: str | None, _: Any) -> Any:
    return None if value is None else orjson.loads(value)


def _float(value: str | None, _: Any) -> float | None:
    return None if value is None else float(value)


def _text(value: str | None, _: Any) -> str | None:
    return value


_FLOAT = psycopg2.extensions.new_type((NUMERIC,), "DAWG_NUMERIC", _float)
_UUID = psycopg2.extensions.new_type((UUID,), "DAWG_UUID", _text)
_CASTERS = (
    _FLOAT,
    _UUID,
    psycopg2.extensions.new_type((BYTEA,), "DAWG_BYTEA", _bytes),
    psycopg2.extensions.new_type((JSON, JSONB), "DAWG_JSON", _json),
    psycopg2.extensions.new_array_type((NUMERIC_ARRAY,), "DAWG_NUMERICS", _FLOAT),
    psycopg2.extensions.new_array_type((UUID_ARRAY,), "DAWG_UUIDS", _UUID),
)
psycopg2.extensions.register_adapter(uuid.UUID, psycopg2.extras.UUID_adapter)
