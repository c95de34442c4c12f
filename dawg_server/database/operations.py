"""Rows of `operations`: the log of a project, in one gapless order, and the one who writes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from dawg_server import errors
from dawg_server.database import presence_sessions, projects, users
from dawg_server.database.driver import InvalidText
from dawg_server.database.pool import Connection, Database, Json
from dawg_server.database.table import Batch, Table, moment


class LoggedChange(Protocol):
    """What is kept of a change besides what clients see."""

    @property
    def inverse(self) -> Mapping[str, Any]: ...

    @property
    def follows(self) -> bool: ...


_SHOWN = f"""json_build_object('id', id, 'revision', revision, 'groupId', group_id, 'actorId', actor_id,
    'source', source, 'kind', kind, 'entity', entity, 'entityId', entity_id, 'changes', forward,
    'createdAt', {moment("created_at")})"""


async def lock(
    connection: Connection,
    project_id: str,
    user_id: str,
    *,
    named: Mapping[str, tuple[Table, Collection[str] | None]] | None = None,
    client_operation_id: str | None = None,
) -> dict[str, Any] | None:
    """Makes the caller the only writer of a project until the transaction ends, and reads what it has to know.

    `project` (as JSON), `role`, `username`, `now` (the transaction's time), the rows of each table of `named` (with
    these ids, or all; None when there are none), `locks` (of tracks, which others hold; likewise), `replay` (`reply`
    and `digest` that were stored for that client operation). None when there is no such project.
    """
    values: dict[str, Any] = {"project": project_id, "user": user_id, "operation": client_operation_id}
    wanted = [
        f"{projects.SHOWN} AS project",
        f"{projects.ROLE} AS role",
        f"{projects.USERNAME} AS username",
        f"{moment('now()')} AS now",
        f"""(SELECT json_agg(held) FROM (SELECT {presence_sessions.LOCK} FROM track_locks
            WHERE project_id = p.id AND user_id <> %(user)s AND expires_at > clock_timestamp()) AS held) AS locks""",
    ]
    for name, (table, ids) in (named or {}).items():
        values[name] = ids if ids is None else list(ids)
        these = "" if ids is None else f"AND x.id = ANY(%({name})s::uuid[])"
        wanted.append(f"""(SELECT json_agg({table.json("x")}) FROM {table.table} x
            WHERE {table.within("x", "p.id")} {these}) AS "{name}" """)
    if client_operation_id is not None:
        wanted.append("""(SELECT json_build_object('reply', o.reply, 'digest', encode(o.digest, 'hex'))
            FROM client_operations o
            WHERE o.project_id = p.id AND o.actor_id = %(user)s AND o.id = %(operation)s) AS replay""")
    # Two statements, because the second one has to see what others committed while the first one waited. The lock does
    # not hinder foreign keys: recordings may be added to the project meanwhile.
    query = f"""SELECT FROM projects WHERE id = %(project)s AND deleted_at IS NULL FOR NO KEY UPDATE;
            SELECT {", ".join(wanted)} FROM projects p WHERE p.id = %(project)s AND p.deleted_at IS NULL"""
    try:
        return await connection.fetch_one(query, values)
    except (InvalidText, errors.ValidationError):  # not even text that Postgres knows: a malformed id names nothing
        return None


_LOGGED = """id, project_id, revision, group_id, actor_id, source, kind, entity, entity_id, forward, inverse, follows,
    client_operation_id"""
_APPEND = f"""INSERT INTO operations ({_LOGGED})
    SELECT {_LOGGED} FROM json_populate_recordset(NULL::operations, %s::json)"""


def append(
    batch: Batch,
    project_id: str,
    operation: Mapping[str, Any],
    change: LoggedChange,
    *,
    client_operation_id: str | None,
) -> None:
    """`operation` is as clients see it, `change` what it was made of."""
    row = {
        "id": operation["id"],
        "project_id": project_id,
        "revision": operation["revision"],
        "group_id": operation["groupId"],
        "actor_id": operation["actorId"],
        "source": operation["source"],
        "kind": operation["kind"],
        "entity": operation["entity"],
        "entity_id": operation["entityId"],
        "forward": operation["changes"],
        "inverse": change.inverse,
        "follows": change.follows,
        "client_operation_id": client_operation_id,
    }
    batch.add_row(_APPEND, row)


def remember(
    batch: Batch, project_id: str, user_id: str, client_operation_id: str, digest: bytes, reply: Mapping[str, Any]
) -> None:
    """Keeps what the first use of a client operation is answered."""
    batch.add(
        "INSERT INTO client_operations (project_id, actor_id, id, digest, reply) VALUES (%s, %s, %s, %s, %s)",
        (project_id, user_id, client_operation_id, digest, Json(reply)),
    )


def advance(batch: Batch, project_id: str, steps: int) -> None:
    batch.add("UPDATE projects SET revision = revision + %s WHERE id = %s", (steps, project_id))


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
    what was made or deleted `track_id`, the track that it was on."""
    return await database.fetch_all(
        f"""SELECT * FROM (
            SELECT {_SHOWN} AS operation, revision, {users.named("actor_id")} AS username,
                coalesce(forward ->> 'trackId', inverse ->> 'trackId') AS track_id
            FROM operations WHERE project_id = %s AND revision > %s ORDER BY revision DESC LIMIT %s
        ) AS newest ORDER BY revision""",
        (project_id, revision, limit),
    )


async def touched_since(connection: Connection, project_id: str, revision: int) -> list[dict[str, Any]]:
    """What was changed after `revision`: `entity`, `entity_id`, `kind`, `forward`, `inverse`."""
    return await connection.fetch_all(
        "SELECT entity, entity_id, kind, forward, inverse FROM operations WHERE project_id = %s AND revision > %s",
        (project_id, revision),
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
