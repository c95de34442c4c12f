"""Rows of `operations`: the log of a project, in one gapless order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dawg_server.database import users
from dawg_server.database.batch import Batch
from dawg_server.database.entities import moment
from dawg_server.database.pool import Connection, Database, Json

_SHOWN = f"""json_build_object('id', id, 'revision', revision, 'groupId', group_id, 'actorId', actor_id,
    'source', source, 'kind', kind, 'entity', entity, 'entityId', entity_id, 'changes', forward,
    'createdAt', {moment("created_at")})"""
# Steps that a person took, not those by which they were undone and repeated.
_STEPS = "project_id = %(project)s AND actor_id = %(user)s AND source NOT IN ('undo', 'redo')"


def append(
    batch: Batch,
    project_id: str,
    operations: Iterable[Mapping[str, Any]],
    inverses: Iterable[Mapping[str, Any]],
    *,
    client_operation_id: str | None,
    reply: Mapping[str, Any] | None,
) -> None:
    """`operations` are as clients see them. What belongs to the whole call is kept with its first operation."""
    rows: list[Any] = []
    count = 0
    for operation, inverse in zip(operations, inverses, strict=True):
        rows += [
            operation["id"],
            project_id,
            operation["revision"],
            operation["groupId"],
            operation["actorId"],
            operation["source"],
            operation["kind"],
            operation["entity"],
            operation["entityId"],
            Json(operation["changes"]),
            Json(inverse),
            client_operation_id,
            Json(reply) if client_operation_id is not None else None,
        ]
        client_operation_id = None
        count += 1
    row = f"({', '.join(['%s'] * 13)})"
    batch.add(
        f"""INSERT INTO operations (id, project_id, revision, group_id, actor_id, source, kind, entity, entity_id,
                forward, inverse, client_operation_id, reply) VALUES {", ".join([row] * count)}""",
        rows,
    )


async def since(database: Database | Connection, project_id: str, revision: int, limit: int) -> list[dict[str, Any]]:
    """The operations after `revision`, oldest first."""
    rows = await database.fetch_all(
        f"""SELECT {_SHOWN} AS operation FROM operations WHERE project_id = %s AND revision > %s
            ORDER BY revision LIMIT %s""",
        (project_id, revision, limit),
    )
    return [row["operation"] for row in rows]


async def size_since(database: Database, project_id: str, revision: int) -> int:
    """About how many bytes of JSON the changes after `revision` are."""
    query = (
        "SELECT coalesce(sum(octet_length(forward::text)), 0) FROM operations WHERE project_id = %s AND revision > %s"
    )
    return int(await database.fetch_value(query, (project_id, revision)))


async def newest_since(database: Database, project_id: str, revision: int, limit: int) -> list[dict[str, Any]]:
    """Of the operations after `revision` the newest, oldest first: `operation`, the `username` of who did it, and of
    a send that was made or deleted `send_track`, the track that it comes from."""
    return await database.fetch_all(
        f"""SELECT * FROM (
            SELECT {_SHOWN} AS operation, revision, {users.named("actor_id")} AS username,
                CASE WHEN entity = 'send' THEN coalesce(forward ->> 'trackId', inverse ->> 'trackId') END AS send_track
            FROM operations WHERE project_id = %s AND revision > %s ORDER BY revision DESC LIMIT %s
        ) AS newest ORDER BY revision""",
        (project_id, revision, limit),
    )


async def touched_since(connection: Connection, project_id: str, revision: int) -> list[dict[str, Any]]:
    """What was changed after `revision`: `entity`, `entity_id`, `kind`, `forward`."""
    return await connection.fetch_all(
        "SELECT entity, entity_id, kind, forward FROM operations WHERE project_id = %s AND revision > %s",
        (project_id, revision),
    )


async def newest_group(
    connection: Connection, project_id: str, user_id: str, besides: Iterable[str]
) -> list[dict[str, Any]]:
    """The steps of the newest group that the user could undo, newest first; groups in `besides` don't count."""
    return await connection.fetch_all(
        f"""SELECT revision, group_id, kind, entity, entity_id, forward, inverse FROM operations
            WHERE {_STEPS} AND undone_at IS NULL AND group_id = (
                SELECT group_id FROM operations WHERE {_STEPS} AND undone_at IS NULL
                    AND group_id <> ALL(%(besides)s::uuid[])
                ORDER BY revision DESC LIMIT 1)
            ORDER BY revision DESC""",
        {"project": project_id, "user": user_id, "besides": list(besides)},
    )


async def undone_groups(connection: Connection, project_id: str, user_id: str, limit: int) -> list[dict[str, Any]]:
    """Groups that the user undid after the newest step that still stands: `group_id`, `revision` of their last step.

    The one that was undone last comes first.
    """
    return await connection.fetch_all(
        f"""SELECT group_id, max(revision) AS revision FROM operations
            WHERE {_STEPS} AND undone_at IS NOT NULL AND revision > coalesce((
                SELECT max(revision) FROM operations WHERE {_STEPS} AND undone_at IS NULL), 0)
            GROUP BY group_id ORDER BY max(undone_at) DESC, min(revision) LIMIT %(limit)s""",
        {"project": project_id, "user": user_id, "limit": limit},
    )


async def group(connection: Connection, project_id: str, user_id: str, group_id: str) -> list[dict[str, Any]]:
    """The user's steps of one group, oldest first."""
    return await connection.fetch_all(
        f"""SELECT revision, group_id, kind, entity, entity_id, forward, inverse FROM operations
            WHERE {_STEPS} AND group_id = %(group)s ORDER BY revision""",
        {"project": project_id, "user": user_id, "group": group_id},
    )


def mark(batch: Batch, project_id: str, group_ids: Iterable[str], *, undone: bool) -> None:
    """Groups that are undone together get one time, which is later than that of every undo before: the project is
    locked already, unlike at the beginning of the transaction."""
    batch.add(
        f"""UPDATE operations SET undone_at = {"statement_timestamp()" if undone else "NULL"}
            WHERE project_id = %s AND group_id = ANY(%s::uuid[]) AND source NOT IN ('undo', 'redo')""",
        (project_id, list(group_ids)),
    )
