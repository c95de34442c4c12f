"""Rows of `messages`: what was said in a conversation, in order.

`content` is a list of blocks as a model reads them: `{"type": "text", "text": …}` for words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from dawg_server.database.pool import Connection, Database, Json

Role = Literal["user", "assistant", "tool"]
Origin = Literal["text", "voice"]
Content = Sequence[Mapping[str, Any]]

_COLUMNS = """id, conversation_id, seq, role, content, request_id, stop_reason, model, usage, group_id, origin,
    created_at, updated_at"""


async def append(
    database: Database,
    conversation_id: str,
    role: Role,
    content: Content,
    *,
    origin: Origin = "text",
    request_id: str | None = None,
    stop_reason: str | None = None,
    model: str | None = None,
    usage: Mapping[str, Any] | None = None,
    group_id: str | None = None,
    id: str | None = None,
    instead_of: Sequence[str] = (),
) -> dict[str, Any]:
    """Adds a message at the end; two at once get one place after the other. `id`: a UUID that is known already.

    `instead_of`: ids of messages that are deleted with that.
    """
    async with database.transaction() as connection:
        await connection.execute(
            "UPDATE conversations SET updated_at = clock_timestamp() WHERE id = %s", (conversation_id,)
        )
        if instead_of:
            await connection.execute(
                "DELETE FROM messages WHERE conversation_id = %s AND id = ANY(%s::uuid[])",
                (conversation_id, list(instead_of)),
            )
        row = await connection.fetch_one(
            f"""INSERT INTO messages (id, conversation_id, seq, role, content, request_id, stop_reason, model, usage,
                    group_id, origin)
                SELECT coalesce(%(id)s::uuid, gen_random_uuid()), %(conversation)s,
                    coalesce(max(seq) + 1, 0), %(role)s, %(content)s, %(request)s, %(reason)s,
                    %(model)s, %(usage)s, %(group)s, %(origin)s
                FROM messages WHERE conversation_id = %(conversation)s RETURNING {_COLUMNS}""",
            {
                "conversation": conversation_id,
                "role": role,
                "content": Json(list(content)),
                "request": request_id,
                "reason": stop_reason,
                "model": model,
                "usage": Json(dict(usage)) if usage is not None else None,
                "group": group_id,
                "origin": origin,
                "id": id,
            },
        )
    assert row is not None
    return row


async def rewrite(database: Database, message_id: str, content: Content) -> None:
    """Less was said than was thought."""
    await database.execute("UPDATE messages SET content = %s WHERE id = %s", (Json(list(content)), message_id))


async def delete(database: Database, *message_ids: str) -> None:
    await database.execute("DELETE FROM messages WHERE id = ANY(%s::uuid[])", (list(message_ids),))


async def of_conversation(
    database: Database | Connection, conversation_id: str, *, after: int = -1, newest: int | None = None
) -> list[dict[str, Any]]:
    """In order; those with a `seq` greater than `after`, and of them the `newest` so many."""
    rows = await database.fetch_all(
        f"SELECT {_COLUMNS} FROM messages WHERE conversation_id = %s AND seq > %s ORDER BY seq DESC LIMIT %s",
        (conversation_id, after, newest),
    )
    return rows[::-1]


async def page(
    database: Database, conversation_id: str, limit: int, before: int | None = None
) -> tuple[list[dict[str, Any]], int | None]:
    """(the newest `limit` messages with a `seq` below `before`, and the results of tools that belong to them, in order;
    the `before` of the page before this one, None when there is none). Results and empty messages do not count."""
    rows = await database.fetch_all(
        f"""WITH counted AS (
                SELECT seq FROM messages
                WHERE conversation_id = %(id)s AND seq < coalesce(%(before)s, 2147483647)
                    AND role <> 'tool' AND (content <> '[]' OR stop_reason IS NOT NULL)
                ORDER BY seq DESC LIMIT %(limit)s + 1),
            further AS (SELECT count(*) > %(limit)s AS more FROM counted),
            first AS (SELECT seq FROM counted ORDER BY seq OFFSET (SELECT more::int FROM further) LIMIT 1)
            SELECT {_COLUMNS}, (SELECT more FROM further) FROM messages
            WHERE conversation_id = %(id)s AND seq >= (SELECT seq FROM first)
                AND seq < coalesce(%(before)s, 2147483647) ORDER BY seq""",
        {"id": conversation_id, "limit": limit, "before": before},
    )
    return rows, int(rows[0]["seq"]) if rows and rows[0]["more"] else None
