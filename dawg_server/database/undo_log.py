"""What undo and redo ask the log of a project."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from dawg_server.database import users
from dawg_server.database.pool import Connection

# Steps that a person took, not those by which they were undone and repeated, nor what a measurement has corrected.
_STEPS = "project_id = %(project)s AND actor_id = %(user)s AND source NOT IN ('undo', 'redo', 'measuring')"
_FIELDS = "ARRAY(SELECT jsonb_object_keys(CASE WHEN kind = 'update' THEN forward ELSE '{}' END))"
_STEP = "id, revision, group_id, kind, entity, entity_id, forward, inverse, follows"


async def steps_of(
    connection: Connection, project_id: str, user_id: str, *, group_id: str | None, revision: int | None
) -> list[dict[str, Any]]:
    """Those of the user's steps that stand, newest first: of a group, of the transaction with a revision, of both."""
    return await connection.fetch_all(
        f"""SELECT {_STEP} FROM operations WHERE {_STEPS} AND undone_at IS NULL
                AND (%(group)s::uuid IS NULL OR group_id = %(group)s)
                AND (%(revision)s::bigint IS NULL OR created_at = (
                    SELECT created_at FROM operations WHERE project_id = %(project)s AND revision = %(revision)s))
            ORDER BY revision DESC""",
        {"project": project_id, "user": user_id, "group": group_id, "revision": revision},
    )


async def newest_group(
    connection: Connection, project_id: str, user_id: str, *, within: str | None = None, besides: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """The steps of the newest group that the user could undo, newest first; those in `besides` (ids) do not count.

    How new a group is, what undo has skipped for good tells as well: what a redo repeats is what the next undo takes.
    `within`: of that group, as long as anything of it stands, only what its newest transaction did.
    """
    able = "undone_at IS NULL AND id <> ALL(%(besides)s::uuid[])"
    turn = f"(SELECT max(created_at) FROM operations WHERE {_STEPS} AND {able} AND group_id = %(within)s::uuid)"
    # From group to group, because there may be a hundred thousand steps, and it mostly is the first one.
    newest = f"""(WITH RECURSIVE groups AS (
            (SELECT group_id, revision, ARRAY[group_id] AS seen FROM operations WHERE {_STEPS} AND undone_by IS NULL
                ORDER BY revision DESC LIMIT 1)
            UNION ALL
            SELECT next.group_id, next.revision, seen || next.group_id FROM groups CROSS JOIN LATERAL (
                SELECT group_id, revision FROM operations
                WHERE {_STEPS} AND undone_by IS NULL AND revision < groups.revision AND group_id <> ALL(seen)
                ORDER BY revision DESC LIMIT 1) AS next
            WHERE NOT EXISTS (SELECT FROM operations WHERE {_STEPS} AND {able} AND group_id = groups.group_id))
        SELECT group_id FROM groups ORDER BY revision LIMIT 1)"""
    return await connection.fetch_all(
        f"""SELECT {_STEP} FROM operations WHERE {_STEPS} AND {able}
                AND group_id = CASE WHEN {turn} IS NOT NULL THEN %(within)s::uuid ELSE {newest} END
                AND (group_id IS DISTINCT FROM %(within)s::uuid OR created_at = {turn})
            ORDER BY revision DESC""",
        {"project": project_id, "user": user_id, "within": within, "besides": list(besides)},
    )


async def newest_undone(connection: Connection, project_id: str, user_id: str) -> dict[str, Any] | None:
    """What the user took back last, of what may be repeated: `undone_by`, `group_ids`, and the `steps` that did it,
    newest first.

    A step that was taken after an undo ends what could be repeated, also when it is undone itself.
    """
    unit = await connection.fetch_one(
        f"""SELECT undoing.group_id AS undone_by, (
                SELECT array_agg(DISTINCT group_id) FROM operations WHERE {_STEPS} AND undone_by = undoing.group_id
            ) AS group_ids
            FROM operations AS undoing
            WHERE project_id = %(project)s AND actor_id = %(user)s AND source = 'undo'
                AND revision > (SELECT max(revision) FROM operations WHERE {_STEPS})
                AND EXISTS (SELECT FROM operations WHERE {_STEPS} AND undone_by = undoing.group_id)
            ORDER BY revision DESC LIMIT 1""",
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
    connection: Connection, project_id: str, revision: int, besides: Iterable[str]
) -> list[dict[str, Any]]:
    """All steps after `revision`, but those in `besides` (ids), that nobody has taken back, newest first: `id`,
    `revision`, `kind`, `entity`, `entity_id`, `fields`, of a new order the ids that `moved`, `actor_id`, `username`,
    `final` (undo has skipped it, so it stays).

    Changes that follow others by themselves are not among them.
    """
    return await connection.fetch_all(
        f"""SELECT id, revision, kind, entity, entity_id, actor_id, group_id, {users.named("actor_id")} AS username,
                undone_at IS NOT NULL AS final, {_FIELDS} AS fields,
                CASE WHEN kind = 'reorder' THEN ARRAY(SELECT pair ->> 'id' FROM jsonb_array_elements(
                    forward -> (entity || 'Orders')) AS pair) END AS moved
            FROM operations
            WHERE project_id = %(project)s AND revision > %(revision)s AND undone_by IS NULL AND NOT follows
                AND source NOT IN ('undo', 'redo', 'measuring') AND id <> ALL(%(besides)s::uuid[])
            ORDER BY revision DESC""",
        {"project": project_id, "revision": revision, "besides": list(besides)},
    )


async def needing(
    connection: Connection,
    project_id: str,
    user_id: str,
    revision: int,
    ids: Collection[str],
    *,
    by: Collection[str],
    besides: Iterable[str],
) -> list[tuple[int, str]]:
    """(revision, id) of the user's steps after `revision`, but those in `besides` (ids), that can still be taken back
    and then need one of these things again, which they name in one of the fields `by`."""
    named = ", ".join(f"(inverse ->> '{field}')" for field in by)
    rows = await connection.fetch_all(
        f"""SELECT revision, named.id FROM operations CROSS JOIN LATERAL (VALUES {named}) AS named (id)
            WHERE {_STEPS} AND revision > %(revision)s AND undone_at IS NULL AND kind IN ('update', 'delete')
                AND operations.id <> ALL(%(besides)s::uuid[]) AND named.id = ANY(%(ids)s::text[])""",
        {"project": project_id, "user": user_id, "revision": revision, "ids": list(ids), "besides": list(besides)},
    )
    return [(row["revision"], row["id"]) for row in rows]


async def values_of(
    connection: Connection, project_id: str, step_ids: Iterable[str], field: str
) -> list[tuple[str, Any, Any]]:
    """(id, value before, value after) of a field that steps have changed."""
    rows = await connection.fetch_all(
        """SELECT id, inverse -> %(field)s AS before, forward -> %(field)s AS after FROM operations
            WHERE project_id = %(project)s AND id = ANY(%(steps)s::uuid[]) AND forward ? %(field)s""",
        {"project": project_id, "steps": list(step_ids), "field": field},
    )
    return [(row["id"], row["before"], row["after"]) for row in rows]


async def removers(connection: Connection, project_id: str, entity_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """By id the newest deletion of each thing: `id`, `actor_id`, `username`, `final`, `source`."""
    rows = await connection.fetch_all(
        f"""SELECT DISTINCT ON (entity_id) entity_id, id, actor_id, group_id, {users.named("actor_id")} AS username,
                source, (undone_at IS NOT NULL OR source IN ('undo', 'redo')) AS final
            FROM operations WHERE project_id = %s AND entity_id = ANY(%s::uuid[]) AND kind = 'delete'
            ORDER BY entity_id, revision DESC""",
        (project_id, list(entity_ids)),
    )
    return {row["entity_id"]: row for row in rows}


async def tempo_in_seconds(connection: Connection, project_id: str, revision: int) -> float | None:
    """The tempo after a revision at which clips knew nothing but seconds; None for later revisions."""
    tempo: float | None = await connection.fetch_value(
        """SELECT coalesce((SELECT (inverse ->> 'bpm')::double precision FROM operations
               WHERE project_id = p.id AND entity_id = p.id AND revision > %(revision)s AND forward ? 'bpm'
               ORDER BY revision LIMIT 1), p.bpm)
           FROM projects p WHERE p.id = %(project)s AND p.seconds_until >= %(revision)s""",
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
