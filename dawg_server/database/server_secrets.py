"""Rows of `server_secrets`: keys that all replicas share and no operator has to invent. What is kept of others'."""

from __future__ import annotations

import hashlib
import secrets

from dawg_server.database.pool import Database


def digest(token: str) -> bytes:
    """What tables keep of a secret that somebody else has. Such tokens are random, so a plain hash is enough to keep a
    stolen table from being of use."""
    return hashlib.sha256(token.encode()).digest()


async def get_or_create(database: Database, name: str) -> bytes:
    """The key of that name, 32 bytes; made once by whichever replica comes first."""
    await database.execute(
        "INSERT INTO server_secrets (name, value) VALUES (%s, %s) ON CONFLICT DO NOTHING", (name, secrets.token_hex(32))
    )
    value = await database.fetch_value("SELECT value FROM server_secrets WHERE name = %s", (name,))
    return bytes.fromhex(value)
