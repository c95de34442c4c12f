"""Rows of `operations`: the log of a project, in one gapless order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from dawg_server.database import users
from dawg_server.database.batch import Batch
from dawg_server.database.pool import Connection, Database, Json
from dawg_server.database.table import moment


class LoggedChange(Protocol):
    """What is kept of a change besides what clients see."""

    @property
    def inverse(self) -> Mapping[str, Any]: ...

    @property
    def follows(self) -> bool: ...


_SHOWN = f"""json_build_object('id', id, 'revision', revision, 'groupId', group_id, 'actorId', actor_id,
    'source', source, 'kind', kind, 'entity', entity, 'entityId', entity_id, 'changes', forward,
    'createdAt', {moment("created_at")})"""
# Steps that a person took, not those by which they were undone and repeated, nor what a measurement has corrected.
_STEPS = "project_id = %(project)s AND actor_id = %(user)s AND source NOT IN ('undo', 'redo', 'measuring')"
_FIELDS = "ARRAY(SELECT jsonb_object_keys(CASE WHEN kind = 'update' THEN forward ELSE '{}' END))"
_STEP = "id, revision, group_id, kind, entity, entity_id, forward, inverse, follows"


def append(
    batch: Batch,
    project_id: str,
    operations: Iterable[Mapping[str, Any]],
    changes: Iterable[LoggedChange],
    *,
    client_operation_id: str | None,
) -> None:
    """`operations` are as clients see them, `changes` what they were made of. `client_operation_id` is kept with the
    first one."""
    rows: list[Any] = []
    count = 0
    for operation, change in zip(operations, changes, strict=True):
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
            Json(change.inverse),
            change.follows,
            client_operation_id,
        ]
        client_operation_id = None
        count += 1
    row = f"({', '.join(['%s'] * 13)})"
    batch.add(
        f"""INSERT INTO operations (id, project_id, revision, group_id, actor_id, source, kind, entity, entity_id,
                forward, inverse, follows, client_operation_id) VALUES {", ".join([row] * count)}""",
        rows,
    )


def remember(
    batch: Batch, project_id: str, user_id: str, client_operation_id: str, digest: bytes, reply: Mapping[str, Any]
) -> None:
    """Keeps what the first use of a client operation is answered."""
    batch.add(
        "INSERT INTO client_operations (project_id, actor_id, id, digest, reply) VALUES (%s, %s, %s, %s, %s)",
        (project_id, user_id, client_operation_id, digest, Json(reply)),
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
    connection: Connection, project_id: str, user_id: str, *, within: str | None = None, besides: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """The steps of the newest group that the user could undo, newest first; those in `besides` (ids) do not count.

    `within`: of that group, as long as anything of it stands, only what its newest transaction did.
    """
    standing = f"{_STEPS} AND undone_at IS NULL AND id <> ALL(%(besides)s::uuid[])"
    first = "group_id IS NOT DISTINCT FROM %(within)s::uuid DESC," if within else ""
    return await connection.fetch_all(
        f"""WITH newest AS (
                SELECT group_id, created_at FROM operations WHERE {standing} ORDER BY {first} revision DESC LIMIT 1)
            SELECT {_STEP} FROM operations WHERE {standing}
                AND group_id = (SELECT group_id FROM newest)
                {"AND (group_id <> %(within)s OR created_at = (SELECT created_at FROM newest))" if within else ""}
            ORDER BY revision DESC""",
        {"project": project_id, "user": user_id, "within": within, "besides": list(besides)},
    )


async def standing_of(connection: Connection, project_id: str, user_id: str, revision: int) -> list[dict[str, Any]]:
    """The user's own steps after `revision` that could be undone: `id`, `revision`, `kind`, `entity_id`, `fields`."""
    return await connection.fetch_all(
        f"""SELECT id, revision, kind, entity_id, {_FIELDS} AS fields FROM operations
            WHERE {_STEPS} AND undone_at IS NULL AND NOT follows AND revision > %(revision)s""",
        {"project": project_id, "user": user_id, "revision": revision},
    )


async def newest_undone(connection: Connection, project_id: str, user_id: str) -> dict[str, Any] | None:
    """What the user took back last, of what may be repeated: `undone_by`, `group_ids`, and the `steps` that did it,
    newest first.

    A step that was taken after an undo ends what could be repeated, also when it is undone itself.
    """
    unit = await connection.fetch_one(
        f"""SELECT undone_by, group_ids FROM (
                SELECT undone_by, array_agg(DISTINCT group_id) AS group_ids FROM operations
                WHERE {_STEPS} AND undone_by IS NOT NULL GROUP BY undone_by) AS units
            CROSS JOIN LATERAL (
                SELECT max(revision) AS revision FROM operations
                WHERE project_id = %(project)s AND group_id = units.undone_by) AS undoing
            WHERE undoing.revision > (SELECT max(revision) FROM operations WHERE {_STEPS})
            ORDER BY undoing.revision DESC LIMIT 1""",
        {"project": project_id, "user": user_id},
    )
    if unit is None:
        return None
    steps = await connection.fetch_all(
        f"SELECT {_STEP} FROM operations WHERE project_id = %s AND group_id = %s ORDER BY revision DESC",
        (project_id, unit["undone_by"]),
    )
    return {**unit, "steps": steps}


async def standing_since(
    connection: Connection, project_id: str, entity: str, entity_id: str, revision: int
) -> list[dict[str, Any]]:
    """Steps after `revision` on one thing (or on the order of tracks) that nobody has taken back, newest first:
    `id`, `kind`, `fields`, `actor_id`, `username`, `final` (undo has skipped it, so it stays).

    Changes that follow others by themselves are not among them.
    """
    return await connection.fetch_all(
        f"""SELECT id, kind, actor_id, group_id, {users.named("actor_id")} AS username, undone_at IS NOT NULL AS final,
                {_FIELDS} AS fields
            FROM operations
            WHERE project_id = %(project)s AND revision > %(revision)s AND undone_by IS NULL AND NOT follows
                AND source NOT IN ('undo', 'redo', 'measuring')
                AND (entity_id = %(id)s OR (%(entity)s = 'track' AND kind = 'reorder' AND forward @> %(moved)s))
            ORDER BY revision DESC""",
        {
            "project": project_id,
            "entity": entity,
            "id": entity_id,
            "revision": revision,
            "moved": Json({"trackOrders": [{"id": entity_id}]}),
        },
    )


async def remover(connection: Connection, project_id: str, entity_id: str) -> dict[str, Any] | None:
    """The newest deletion of a thing: `id`, `actor_id`, `username`, `final`, `source`."""
    return await connection.fetch_one(
        f"""SELECT id, actor_id, group_id, {users.named("actor_id")} AS username, source,
                (undone_at IS NOT NULL OR source IN ('undo', 'redo')) AS final
            FROM operations WHERE project_id = %s AND entity_id = %s AND kind = 'delete'
            ORDER BY revision DESC LIMIT 1""",
        (project_id, entity_id),
    )


async def tempo_after(connection: Connection, project_id: str, revision: int) -> float | None:
    """The tempo that the project had after that revision; None when it has not changed since."""
    tempo: float | None = await connection.fetch_value(
        """SELECT (inverse ->> 'bpm')::double precision FROM operations
           WHERE project_id = %(project)s AND entity_id = %(project)s AND revision > %(revision)s AND forward ? 'bpm'
           ORDER BY revision LIMIT 1""",
        {"project": project_id, "revision": revision},
    )
    return tempo


async def mark_undone(
    connection: Connection, project_id: str, unit: str, taken: Iterable[str], skipped: Iterable[str]
) -> None:
    """Steps (ids) that were taken back by the operations of the group `unit`, and those that are skipped for good."""
    await connection.execute(
        """UPDATE operations SET undone_at = statement_timestamp(),
               undone_by = CASE WHEN id = ANY(%(taken)s::uuid[]) THEN %(unit)s::uuid END
           WHERE project_id = %(project)s AND id = ANY(%(taken)s::uuid[] || %(skipped)s::uuid[])""",
        {"project": project_id, "unit": unit, "taken": list(taken), "skipped": list(skipped)},
    )


async def mark_repeated(connection: Connection, project_id: str, user_id: str, unit: str) -> None:
    await connection.execute(
        f"UPDATE operations SET undone_at = NULL, undone_by = NULL WHERE {_STEPS} AND undone_by = %(unit)s",
        {"project": project_id, "user": user_id, "unit": unit},
    )


async def project_of(database: Database, user_id: str, client_operation_id: str, entity_id: str) -> str | None:
    """The project of the user's in which that client operation was, and an entity that may be gone."""
    found: str | None = await database.fetch_value(
        """SELECT c.project_id FROM collaborators c
            JOIN client_operations r ON r.project_id = c.project_id AND r.actor_id = c.user_id AND r.id = %(operation)s
            WHERE c.user_id = %(user)s AND EXISTS (
                SELECT FROM operations o WHERE o.project_id = c.project_id AND o.entity_id = %(entity)s)
            LIMIT 1""",
        {"user": user_id, "operation": client_operation_id, "entity": entity_id},
    )
    return found
