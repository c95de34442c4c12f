"""Rows of `conversations`: talk with the assistants, typed or spoken, always of one user alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dawg_server.database.pool import Connection, Database, Json

_COLUMNS = "id, owner_id, project_id, title, summary, summarized_seq, created_at, updated_at"
_SPOKEN = """(SELECT count(*) FROM messages m
    WHERE m.conversation_id = c.id AND m.role <> 'tool' AND m.content <> '[]') AS message_count"""


async def insert(
    database: Database | Connection, owner_id: str, *, project_id: str | None = None, title: str | None = None
) -> dict[str, Any]:
    row = await database.fetch_one(
        f"INSERT INTO conversations (owner_id, project_id, title) VALUES (%s, %s, %s) RETURNING {_COLUMNS}",
        (owner_id, project_id, title),
    )
    assert row is not None
    return row


async def begin(
    database: Database,
    conversation_id: str,
    owner_id: str,
    project_id: str | None,
    question: Sequence[Mapping[str, Any]],
    request_id: str | None,
) -> None:
    """A conversation together with its first message, both or none."""
    await database.execute(
        """WITH made AS (INSERT INTO conversations (id, owner_id, project_id)
               VALUES (%(id)s, %(owner)s, %(project)s) RETURNING id)
           INSERT INTO messages (conversation_id, seq, role, content, request_id)
           SELECT id, 0, 'user', %(content)s, %(request)s FROM made""",
        {
            "id": conversation_id,
            "owner": owner_id,
            "project": project_id,
            "content": Json(list(question)),
            "request": request_id,
        },
    )


async def get(database: Database | Connection, conversation_id: str, owner_id: str) -> dict[str, Any] | None:
    """None also for a conversation of somebody else."""
    return await database.fetch_one(
        f"SELECT {_COLUMNS} FROM conversations WHERE id = %s AND owner_id = %s", (conversation_id, owner_id)
    )


async def counted(database: Database, conversation_id: str, owner_id: str) -> dict[str, Any] | None:
    """As `get`, with `message_count`."""
    return await database.fetch_one(
        f"SELECT {_COLUMNS}, {_SPOKEN} FROM conversations c WHERE id = %s AND owner_id = %s",
        (conversation_id, owner_id),
    )


async def newest(database: Database, owner_id: str, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    """(those used last, with `message_count`; how many there are)."""
    rows = await database.fetch_all(
        f"""SELECT {_COLUMNS}, {_SPOKEN} FROM conversations c WHERE owner_id = %s
            ORDER BY updated_at DESC, id LIMIT %s OFFSET %s""",
        (owner_id, limit, offset),
    )
    total = await database.fetch_value("SELECT count(*) FROM conversations WHERE owner_id = %s", (owner_id,))
    return rows, int(total)


async def rename(database: Database, conversation_id: str, owner_id: str, title: str) -> bool:
    return bool(
        await database.execute(
            "UPDATE conversations SET title = %s WHERE id = %s AND owner_id = %s", (title, conversation_id, owner_id)
        )
    )


async def name_first(database: Database, conversation_id: str, title: str) -> None:
    """Gives a title to a conversation that has none."""
    await database.execute(
        "UPDATE conversations SET title = %s WHERE id = %s AND title IS NULL", (title, conversation_id)
    )


async def summarize(database: Database, conversation_id: str, summary: str, seq: int) -> None:
    """`summary` stands for every message up to `seq`."""
    await database.execute(
        "UPDATE conversations SET summary = %s, summarized_seq = %s WHERE id = %s AND summarized_seq < %s",
        (summary, seq, conversation_id, seq),
    )


async def delete(database: Database, conversation_id: str, owner_id: str) -> bool:
    return bool(
        await database.execute("DELETE FROM conversations WHERE id = %s AND owner_id = %s", (conversation_id, owner_id))
    )
