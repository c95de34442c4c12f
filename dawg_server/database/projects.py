"""Rows of `projects` and `collaborators`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from dawg_server.database import users
from dawg_server.database.pool import Connection, Database
from dawg_server.database.table import TIMES, Table, moment, plain

TABLE = Table(
    "projects",
    plain(
        *("id", "name", "description", "bpm", "key", "timeSignature", "sampleRate", "lyrics", "isPublic"),
        *("loopStart", "loopEnd", "looping"),
    ),
    {
        "userId": "{0}.owner_id",
        "thumbnailUrl": "{0}.thumbnail_url",
        "version": "(SELECT coalesce(max(number), 0) FROM versions v WHERE v.project_id = {0}.id)",
        "revision": "{0}.revision",
        **TIMES,
    },
)
SHOWN = TABLE.json("p")
# Of a member the role, of anybody in a public project `viewer`.
ROLE = """coalesce(
    (SELECT role FROM collaborators WHERE project_id = p.id AND user_id = %(user)s AND accepted_at IS NOT NULL),
    CASE WHEN p.owner_id = %(user)s THEN 'owner' WHEN p.is_public THEN 'viewer' END)"""
USERNAME = users.named("%(user)s")
_COLLABORATORS = f"""(SELECT coalesce(json_agg(json_build_object(
        'id', m.id, 'projectId', m.project_id, 'userId', m.user_id, 'email', m.email, 'role', m.role,
        'invitedAt', {moment("m.invited_at")}, 'acceptedAt', {moment("m.accepted_at")}) ORDER BY m.invited_at, m.id),
        '[]'::json)
    FROM collaborators m WHERE m.project_id = p.id)"""
_AUDIO_FILES = f"""(SELECT coalesce(json_agg(json_build_object(
        'id', a.id, 'projectId', a.project_id, 'generationId', a.generation_id, 'filename', a.filename,
        'originalName', a.original_name, 'mimeType', a.mime_type, 'size', a.size_bytes, 'duration', a.duration,
        'sampleRate', a.sample_rate, 'channels', a.channels, 'bitDepth', a.bit_depth, 'lufs', a.lufs,
        'truePeak', a.true_peak_db, 'checksum', encode(a.sha256, 'hex'), 'source', a.source,
        'waveformStatus', CASE WHEN a.waveform IS NULL THEN 'pending' WHEN a.waveform ? 'pyramid' THEN 'ready'
            ELSE 'failed' END, 'storageKey', a.storage_key,
        'createdAt', {moment("a.created_at")}, 'updatedAt', {moment("a.updated_at")}) ORDER BY a.created_at, a.id),
        '[]'::json)
    FROM audio_files a WHERE a.project_id = p.id OR a.id IN (
        SELECT r.audio_file_id FROM played_recordings r WHERE r.project_id = p.id))"""
_SORTED = {"updatedAt": "p.updated_at", "createdAt": "p.created_at", "name": "lower(p.name)"}


async def role(database: Database | Connection, project_id: str, user_id: str) -> str | None:
    """The role of a member, `viewer` for anybody in a public project, None for strangers and for what is deleted."""
    held = await database.fetch_value(
        f"SELECT {ROLE} FROM projects p WHERE p.id = %(project)s AND p.deleted_at IS NULL",
        {"user": user_id, "project": project_id},
    )
    return str(held) if held else None


async def roles(database: Database, project_id: str, user_ids: Collection[str]) -> dict[str, str]:
    """As `role`, of all those who have one."""
    rows = await database.fetch_all(
        f"""SELECT u.id, r.role FROM projects p, unnest(%(users)s::text[]) AS u(id),
                LATERAL (SELECT {ROLE.replace("%(user)s", "u.id")} AS role) AS r
            WHERE p.id = %(project)s AND p.deleted_at IS NULL AND r.role IS NOT NULL""",
        {"users": list(user_ids), "project": project_id},
    )
    return {row["id"]: row["role"] for row in rows}


async def role_and_revision(database: Database, project_id: str, user_id: str) -> dict[str, Any] | None:
    """`role` (or None), `revision` and the caller's `username`, in one look; None when there is no such project."""
    return await database.fetch_one(
        f"""SELECT {ROLE} AS role, p.revision, {USERNAME} AS username
            FROM projects p WHERE p.id = %(project)s AND p.deleted_at IS NULL""",
        {"user": user_id, "project": project_id},
    )


async def snapshot(
    database: Database | Connection, project_id: str, user_id: str, tables: Mapping[str, Table]
) -> dict[str, Any] | None:
    """The whole project at one moment, as `project`, `role`, `audioFiles`, `collaborators`, and the rows of each of the
    tables under its name."""
    # A row for each entity, because one value of megabytes could only be read at one go.
    contents = "".join(
        f"""
            UNION ALL (SELECT '{name}', {table.json("x")} FROM {table.table} x
                WHERE {table.within("x", "%(project)s")} ORDER BY {table.order("x")})"""
        for name, table in tables.items()
    )
    rows = await database.fetch_all(
        f"""(SELECT NULL AS list, json_build_object('project', {SHOWN}, 'role', {ROLE}, 'audioFiles', {_AUDIO_FILES},
                'collaborators', {_COLLABORATORS}) AS row
            FROM projects p WHERE p.id = %(project)s AND p.deleted_at IS NULL){contents}""",
        {"user": user_id, "project": project_id},
    )
    if not rows or rows[0]["list"] is not None:
        return None
    found: dict[str, Any] = {**rows[0]["row"], **{name: [] for name in tables}}
    for row in rows[1:]:
        found[row["list"]].append(row["row"])
    return found


async def revisions(database: Database, project_ids: Iterable[str]) -> dict[str, int]:
    rows = await database.fetch_all(
        "SELECT id, revision FROM projects WHERE id = ANY(%s::uuid[]) AND deleted_at IS NULL", (list(project_ids),)
    )
    return {row["id"]: row["revision"] for row in rows}


async def insert(database: Database, owner_id: str, values: dict[str, Any]) -> dict[str, Any]:
    """Makes a project; its owner becomes a member by a trigger."""
    columns = [TABLE.columns[name].name for name in values]
    row = await database.fetch_one(
        f"""INSERT INTO projects AS p (owner_id, {", ".join(columns)}) VALUES (%s, {", ".join(["%s"] * len(columns))})
            RETURNING {SHOWN} AS project""",
        (owner_id, *values.values()),
    )
    assert row is not None
    return dict(row["project"])


async def page(
    database: Database, user_id: str, *, search: str | None, sort_by: str, sort_order: str, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """(the user's own and shared projects with `role`, how many there are in all)."""
    where = """p.deleted_at IS NULL AND p.id IN (
            SELECT project_id FROM collaborators WHERE user_id = %(user)s AND accepted_at IS NOT NULL)
        AND (%(search)s::text IS NULL
            OR strpos(lower(p.name), lower(%(search)s)) > 0 OR strpos(lower(p.description), lower(%(search)s)) > 0)"""
    values = {"user": user_id, "search": search or None, "limit": limit, "offset": offset}
    total = await database.fetch_value(f"SELECT count(*) FROM projects p WHERE {where}", values)
    direction = "ASC" if sort_order == "asc" else "DESC"
    rows = await database.fetch_all(
        f"""SELECT {SHOWN} AS project, {ROLE} AS role FROM projects p WHERE {where}
            ORDER BY {_SORTED[sort_by]} {direction}, p.id LIMIT %(limit)s OFFSET %(offset)s""",
        values,
    )
    return [row["project"] | {"role": row["role"]} for row in rows], int(total)


async def delete(database: Database, project_id: str) -> bool:
    """Removes a project with everything in it; recordings and jobs stay with their owners."""
    return await database.execute("DELETE FROM projects WHERE id = %s", (project_id,)) == 1
