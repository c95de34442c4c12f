"""Which rows of `generations` there are, and how many: for lists, statistics and metrics."""

from __future__ import annotations

from dawg_server.database import generations
from dawg_server.database.pool import Connection, Database
from dawg_server.generation.job import Job, State


async def page(
    database: Database,
    user_id: str,
    *,
    state: str | None,
    type: str | None,
    project_id: str | None,
    limit: int,
    offset: int,
) -> tuple[list[Job], int]:
    """(jobs newest first, how many there are in all)."""
    where = f"""WHERE {generations.VISIBLE} AND (%(state)s::text IS NULL OR state = %(state)s)
        AND (%(type)s::text IS NULL OR type = %(type)s) AND (%(project)s::uuid IS NULL OR project_id = %(project)s)"""
    values = {"user": user_id, "state": state, "type": type, "project": project_id, "limit": limit, "offset": offset}
    total = await database.fetch_value(f"SELECT count(*) FROM generations {where}", values)
    rows = await database.fetch_all(
        f"""SELECT {generations.COLUMNS} FROM generations {where}
            ORDER BY created_at DESC, id LIMIT %(limit)s OFFSET %(offset)s""",
        values,
    )
    return [generations.job_of(row) for row in rows], int(total)


async def totals(database: Database, owner_id: str | None) -> dict[str, int]:
    """Jobs by state; of everybody when no owner is given."""
    rows = await database.fetch_all(
        """SELECT state, count(*) AS total FROM generations WHERE %(owner)s::text IS NULL OR owner_id = %(owner)s
           GROUP BY state""",
        {"owner": owner_id},
    )
    return {state.value: 0 for state in State} | {row["state"]: int(row["total"]) for row in rows}


async def totals_by_type(database: Database) -> list[tuple[str, str, int]]:
    """(type, state, how many) over all users, for the metrics."""
    rows = await database.fetch_all("SELECT type, state, count(*) AS total FROM generations GROUP BY type, state")
    return [(row["type"], row["state"], int(row["total"])) for row in rows]


async def oldest_waiting_age(database: Database) -> float:
    """Seconds that the job at the head of the queue has waited; 0 when none waits."""
    age = await database.fetch_value(
        """SELECT extract(epoch FROM now() - min(run_after)) FROM generations
           WHERE state = 'waiting' AND run_after <= now()"""
    )
    return float(age or 0.0)


async def position(database: Database | Connection, job: Job) -> int:
    """How many jobs are before this one: 0 is next."""
    before = await database.fetch_value(
        "SELECT count(*) FROM generations WHERE state = 'waiting' AND (created_at, id) < (%s, %s)",
        (job.created_at, job.id),
    )
    return int(before)
