"""Rows of `project_visits`, `track_locks` and `replicas`: who has which project open, on all replicas together.

A session is one connection (`sid`) in one project. Whatever counts the sessions of a project or changes them holds an
advisory lock on the project, so that two who come or go at once count each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dawg_server.database.pool import Database, Json

_ONE_BY_ONE = "SELECT pg_advisory_xact_lock(hashtextextended('visits:' || %(project)s, 0));"
LOCK = "track_id, sid, user_id, username, extract(epoch FROM expires_at)::float8 AS expires_at"


# -- replicas ----------------------------------------------------------------------------------------------------------


async def beat(database: Database, replica: str, address: str | None = None) -> bool:
    """Says that a replica lives, and where the others reach it; True when it was not known."""
    return bool(
        await database.fetch_value(
            """INSERT INTO replicas (id, address) VALUES (%s, %s)
               ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp() RETURNING xmax = 0""",
            (replica, address),
        )
    )


async def expire(database: Database, lost_after: float) -> list[str]:
    """Forgets replicas of which nothing was heard for `lost_after` seconds, and names them."""
    rows = await database.fetch_all(
        "DELETE FROM replicas WHERE seen_at < clock_timestamp() - make_interval(secs => %s) RETURNING id", (lost_after,)
    )
    return [row["id"] for row in rows]


async def addresses(database: Database) -> dict[str, str]:
    """Where each of several replicas is reached, by name."""
    rows = await database.fetch_all("SELECT id, address FROM replicas WHERE address IS NOT NULL")
    return {row["id"]: row["address"] for row in rows}


async def forget_replica(database: Database, replica: str) -> None:
    await database.execute("DELETE FROM replicas WHERE id = %s", (replica,))


async def forget_everybody(database: Database) -> None:
    await database.execute("TRUNCATE replicas, project_visits, track_locks")


# -- sessions ----------------------------------------------------------------------------------------------------------


async def begin(database: Database, replica: str, session: dict[str, Any]) -> int:
    """`session`: project, sid, user, username, role, login. The number of that user's sessions there, with this."""
    return int(
        await database.fetch_value(
            f"""{_ONE_BY_ONE}
            WITH mine AS (
                INSERT INTO project_visits (project_id, sid, replica, user_id, username, role, login)
                VALUES (%(project)s, %(sid)s, %(replica)s, %(user)s, %(username)s, %(role)s, %(login)s)
                ON CONFLICT (project_id, sid) DO UPDATE SET role = excluded.role, username = excluded.username
            )
            SELECT 1 + count(*) FROM project_visits
            WHERE project_id = %(project)s AND user_id = %(user)s AND sid <> %(sid)s""",
            {**session, "replica": replica},
        )
    )


async def restore(database: Database, replica: str, sessions: Sequence[dict[str, Any]]) -> None:
    """Visits that go on although their rows are gone."""
    await database.execute(
        """INSERT INTO project_visits (project_id, sid, replica, user_id, username, role, login)
           SELECT session.project, session.sid, %s, session.user, session.username, session.role, session.login
           FROM json_to_recordset(%s)
               AS session (project uuid, sid text, "user" text, username text, role text, login text)
           JOIN projects ON projects.id = session.project JOIN users ON users.id = session.user
           ON CONFLICT DO NOTHING""",
        (replica, Json(list(sessions))),
    )


async def end(database: Database, project_id: str, sids: Sequence[str]) -> list[dict[str, Any]]:
    """The sessions that this call has ended: sid, user_id, username, `connections` that this user still has to the
    project, and `locks`, the ids of the tracks that were locked."""
    return await database.fetch_all(
        f"""{_ONE_BY_ONE}
        WITH gone AS (
            DELETE FROM project_visits WHERE project_id = %(project)s AND sid = ANY(%(sids)s)
            RETURNING sid, user_id, username
        )
        SELECT gone.*,
            (SELECT count(*) FROM project_visits AS other
             WHERE other.project_id = %(project)s AND other.user_id = gone.user_id
                 AND other.sid NOT IN (SELECT sid FROM gone)) AS connections,
            ARRAY(SELECT track_id::text FROM track_locks AS lock
                  WHERE lock.project_id = %(project)s AND lock.sid = gone.sid
                      AND lock.expires_at > clock_timestamp()) AS locks
        FROM gone""",
        {"project": project_id, "sids": list(sids)},
    )


async def projects_of(database: Database, user_id: str, login: str | None) -> list[str]:
    """The projects that a user has open by a login, two at most; None: without a login of ours."""
    rows = await database.fetch_all(
        """SELECT DISTINCT project_id::text AS project_id FROM project_visits
           WHERE user_id = %s AND login IS NOT DISTINCT FROM %s LIMIT 2""",
        (user_id, login),
    )
    return [row["project_id"] for row in rows]


async def of_replica(database: Database, replica: str) -> list[tuple[str, str]]:
    """Project and sid of every session on that replica."""
    rows = await database.fetch_all(
        "SELECT project_id::text AS project_id, sid FROM project_visits WHERE replica = %s", (replica,)
    )
    return [(row["project_id"], row["sid"]) for row in rows]


async def stale(database: Database) -> list[dict[str, Any]]:
    """Visits to replicas that are not there any more: `project_id` and its `sids`."""
    return await database.fetch_all(
        """SELECT project_id, array_agg(sid) AS sids FROM project_visits AS session
           WHERE NOT EXISTS (SELECT FROM replicas WHERE replicas.id = session.replica) GROUP BY project_id"""
    )


async def set_state(database: Database, project_id: str, sid: str, state: Any) -> None:
    await database.execute(
        "UPDATE project_visits SET state = %s, state_at = clock_timestamp() WHERE project_id = %s AND sid = %s",
        (Json(state), project_id, sid),
    )


async def of_project(database: Database, project_id: str, fresh: float) -> list[dict[str, Any]]:
    """The people in the order in which they came: user_id, username, role, `connections`, and the newest `state` that
    one of their connections has told, None when it is older than `fresh` seconds."""
    return await database.fetch_all(
        """SELECT user_id, min(username) AS username, min(role) AS role, count(*) AS connections,
               (array_agg(state ORDER BY state_at DESC)
                   FILTER (WHERE state_at > clock_timestamp() - make_interval(secs => %s)))[1] AS state
           FROM project_visits WHERE project_id = %s GROUP BY user_id ORDER BY min(joined_at), user_id""",
        (fresh, project_id),
    )


# -- locks -------------------------------------------------------------------------------------------------------------


async def lock(database: Database, project_id: str, track_id: str, sid: str, lease: float) -> dict[str, Any] | None:
    """The lock, when that session's user has it now for `lease` seconds; None when somebody else has."""
    return await database.fetch_one(
        f"""INSERT INTO track_locks (project_id, track_id, sid, user_id, username, expires_at)
            SELECT project_id, %(track)s, sid, user_id, username, clock_timestamp() + make_interval(secs => %(lease)s)
            FROM project_visits WHERE project_id = %(project)s AND sid = %(sid)s
            ON CONFLICT (project_id, track_id) DO UPDATE
                SET sid = excluded.sid, user_id = excluded.user_id, username = excluded.username,
                    expires_at = excluded.expires_at
                WHERE track_locks.user_id = excluded.user_id OR track_locks.expires_at <= clock_timestamp()
            RETURNING {LOCK}""",
        {"project": project_id, "track": track_id, "sid": sid, "lease": lease},
    )


async def unlock(database: Database, project_id: str, track_id: str, user_id: str) -> bool:
    """Whether a lock of that user has ended with this call."""
    return bool(
        await database.fetch_value(
            """DELETE FROM track_locks WHERE project_id = %s AND track_id = %s AND user_id = %s
               RETURNING expires_at > clock_timestamp()""",
            (project_id, track_id, user_id),
        )
    )


async def locks(database: Database, project_id: str, track_id: str | None = None) -> list[dict[str, Any]]:
    """Those of the project that have not expired; with `track_id` that track's alone."""
    return await database.fetch_all(
        f"""SELECT {LOCK} FROM track_locks
            WHERE project_id = %(project)s AND expires_at > clock_timestamp()
                AND (%(track)s::uuid IS NULL OR track_id = %(track)s::uuid)""",
        {"project": project_id, "track": track_id},
    )
