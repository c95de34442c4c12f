"""Rows of `generations`: the truth about every job.

A worker writes under a `Lease`, so that one that was thought dead and comes back can change nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dawg_server.database.pool import Connection, Database, Json
from dawg_server.generation.job import Job, Lease, State

QUEUE_TASK = "run_generation"
COLUMNS = """id, owner_id, project_id, type, state, stage, progress, input, result, error, provider, provider_ref,
    provider_state, attempts, max_attempts, worker, base_url, created_at, started_at, finished_at"""
# `after`: seconds, or NULL for at once.
_DEFER = """procrastinate_defer_jobs_v1(ARRAY[ROW('default', %(task)s, 0, NULL, %(job)s,
    jsonb_build_object('job_id', %(job)s), now() + %(after)s * interval '1 second')::procrastinate_job_to_defer_v1])"""
_LEASED = "id = %(job)s AND state = 'active' AND worker = %(worker)s AND attempts = %(attempt)s"
# A job is seen by its owner and by the members of its project.
VISIBLE = """(owner_id = %(user)s OR project_id IN (
    SELECT project_id FROM collaborators WHERE user_id = %(user)s AND accepted_at IS NOT NULL))"""


async def lock_owner(connection: Connection, owner_id: str) -> None:
    """Makes counting the owner's jobs and acting on the count one step."""
    await connection.fetch_value("SELECT 1 FROM users WHERE id = %s FOR UPDATE", (owner_id,))


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs of one kind that are at work or wait; seconds of all of them together."""

    type: str
    provider: str | None
    state: State
    jobs: int
    audio_seconds: float
    elapsed_seconds: float


Past = dict[tuple[str, str | None], list[tuple[float, float]]]
"""(type, provider) -> (seconds asked, seconds it took) of the newest finished jobs of that kind."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`job` is None when `waiting` jobs of its owner waited already; `load` and `past` tell how long it should take."""

    job: Job | None
    waiting: int
    load: list[Load]
    past: Past


async def accept(
    connection: Connection,
    *,
    job_id: str,
    owner_id: str,
    project_id: str | None,
    type: str,
    input: dict[str, Any],
    provider: str,
    base_url: str,
    max_attempts: int,
    waiting_limit: int,
) -> Accepted:
    """Writes a job down and has a worker woken for it, unless too many of its owner wait.

    The owner has to be locked in an earlier statement of the transaction, so that the count sees the one before.
    """
    row = await connection.fetch_one(
        f"""WITH own AS (SELECT count(*) AS waiting FROM generations WHERE owner_id = %(owner)s AND state = 'waiting'),
            job AS (INSERT INTO generations (id, owner_id, project_id, type, state, stage, progress, input, provider,
                    provider_state, attempts, max_attempts, run_after, base_url)
                SELECT %(id)s, %(owner)s, %(project)s, %(type)s, 'waiting', 'queued', 0, %(input)s, %(provider)s,
                    '{{}}', 0, %(attempts)s, now(), %(base_url)s FROM own WHERE waiting < %(limit)s
                RETURNING {COLUMNS}),
            load AS (SELECT type, provider, state, count(*) AS jobs,
                    coalesce(sum((input->>'duration')::double precision), 0) AS audio_seconds,
                    coalesce(sum(extract(epoch FROM now() - started_at)), 0)::double precision AS elapsed_seconds
                FROM generations WHERE state IN ('active', 'waiting') GROUP BY type, provider, state),
            kinds AS (SELECT type, provider FROM load UNION SELECT %(type)s, %(provider)s),
            past AS (SELECT kinds.type, kinds.provider, each.asked, each.took FROM kinds, LATERAL (
                SELECT coalesce((input->>'duration')::double precision, 0) AS asked,
                    extract(epoch FROM finished_at - started_at)::double precision AS took
                FROM generations g WHERE g.state = 'completed' AND g.type = kinds.type
                    AND g.provider IS NOT DISTINCT FROM kinds.provider ORDER BY finished_at DESC LIMIT 30) each)
            SELECT own.waiting AS own_waiting, job.*,
                (SELECT coalesce(jsonb_agg(to_jsonb(load)), '[]') FROM load) AS load,
                (SELECT coalesce(jsonb_agg(to_jsonb(past)), '[]') FROM past) AS past,
                CASE WHEN job.id IS NOT NULL THEN {_DEFER} END AS entry
            FROM own LEFT JOIN job ON true""",
        {
            "id": job_id,
            "owner": owner_id,
            "project": project_id,
            "type": type,
            "input": Json(input),
            "provider": provider,
            "attempts": max_attempts,
            "base_url": base_url,
            "limit": waiting_limit,
            "task": QUEUE_TASK,
            "job": job_id,
            "after": None,
        },
    )
    assert row is not None
    waiting, load, found = int(row.pop("own_waiting")), row.pop("load"), row.pop("past")
    row.pop("entry")
    past: Past = {}
    for each in found:
        past.setdefault((each["type"], each["provider"]), []).append((each["asked"], each["took"]))
    loads = [Load(**(each | {"state": State(each["state"])})) for each in load]
    return Accepted(job_of(row) if row["id"] is not None else None, waiting, loads, past)


async def enqueue(target: Database | Connection, job_id: str, *, after: float = 0.0) -> None:
    """Has procrastinate wake a worker for the job `after` seconds from now; `UniqueViolation` when it will already."""
    await target.execute(
        f"SELECT {_DEFER}",
        {"task": QUEUE_TASK, "job": job_id, "after": after or None},  # NULL: at once
    )


async def get(database: Database | Connection, job_id: str) -> Job | None:
    row = await database.fetch_one(f"SELECT {COLUMNS} FROM generations WHERE id = %s", (job_id,))
    return job_of(row) if row else None


async def get_visible(database: Database, job_id: str, user_id: str) -> Job | None:
    row = await database.fetch_one(
        f"SELECT {COLUMNS} FROM generations WHERE id = %(job)s AND {VISIBLE}", {"job": job_id, "user": user_id}
    )
    return job_of(row) if row else None


async def claim(database: Database, job_id: str, worker: str, *, running_limit: int) -> Job | None:
    """Takes a waiting job, or returns None when there is nothing to take. At most one worker succeeds."""
    async with database.transaction() as connection:
        owner = await connection.fetch_value(
            "SELECT id FROM users WHERE id = (SELECT owner_id FROM generations WHERE id = %s) FOR UPDATE", (job_id,)
        )
        # A statement of its own: what it counts includes whatever was claimed while it waited for the lock.
        row = await connection.fetch_one(
            f"""UPDATE generations SET state = 'active', worker = %(worker)s, heartbeat_at = now(),
                    attempts = attempts + 1, started_at = coalesce(started_at, now())
                WHERE id = %(job)s AND state = 'waiting' AND run_after <= now() AND %(limit)s > (
                    SELECT count(*) FROM generations WHERE owner_id = %(owner)s AND state = 'active')
                RETURNING {COLUMNS}""",
            {"worker": worker, "job": job_id, "owner": owner, "limit": running_limit},
        )
    return job_of(row) if row else None


async def set_progress(database: Database, lease: Lease, percent: int, stage: str) -> bool:
    """Shows that the worker lives; False when the job is not its own any more.

    Percent never falls, also not across attempts.
    """
    changes = "progress = greatest(progress, %(percent)s), stage = %(stage)s, heartbeat_at = now()"
    return await _update(database, lease, changes, percent=percent, stage=stage) == 1


async def set_provider(
    database: Database, lease: Lease, *, provider: str, ref: str | None, state: dict[str, Any]
) -> bool:
    """Remembers the provider's own id before anybody waits for it, so that it is never bought twice."""
    changes = "provider = %(provider)s, provider_ref = %(ref)s, provider_state = %(state)s"
    return await _update(database, lease, changes, provider=provider, ref=ref, state=Json(state)) == 1


async def note_purchase(database: Database, job_id: str, provider: str, ref: str) -> None:
    """Keeps the provider's id of what was bought for a job that has ended meanwhile, so that it can be settled."""
    await database.execute(
        """UPDATE generations SET provider = %(provider)s, provider_ref = %(ref)s
           WHERE id = %(job)s AND provider_ref IS NULL AND state IN ('completed', 'failed', 'cancelled')""",
        {"job": job_id, "provider": provider, "ref": ref},
    )


async def note_hint(database: Database, job_id: str, provider: str, ref: str) -> None:
    """Keeps an id that the provider has named by itself, for a job that does not know its own yet."""
    await database.execute(
        """UPDATE generations SET provider_state = coalesce(provider_state, '{}') || jsonb_build_object('hint', %(ref)s)
           WHERE id = %(job)s AND provider = %(provider)s AND provider_ref IS NULL
               AND state IN ('waiting', 'active')""",
        {"job": job_id, "provider": provider, "ref": ref},
    )


async def redirect(database: Database, lease: Lease, *, provider: str, state: dict[str, Any]) -> bool:
    """Gives the job back to the queue, for another provider that knows nothing of it yet."""
    changes = """state = 'waiting', worker = NULL, heartbeat_at = NULL, run_after = now(), attempts = attempts - 1,
        provider = %(provider)s, provider_ref = NULL, provider_state = %(provider_state)s"""
    return await _update(database, lease, changes, provider=provider, provider_state=Json(state)) == 1


async def unsettled(database: Database, providers: list[str], *, ended_for: float, kept: float) -> list[Job]:
    """Ended jobs whose purchase is not in the ledger, though they ended `ended_for` seconds ago, at most `kept`."""
    rows = await database.fetch_all(
        f"""SELECT {COLUMNS} FROM generations WHERE provider = ANY(%(providers)s) AND provider_ref IS NOT NULL
            AND finished_at BETWEEN now() - %(kept)s * interval '1 second'
                AND now() - %(ended_for)s * interval '1 second'
            AND NOT EXISTS (SELECT 1 FROM usage_records
                WHERE service = generations.provider
                    AND request_id = generations.provider || ':' || generations.provider_ref)
            ORDER BY finished_at LIMIT 100""",
        {"providers": providers, "ended_for": ended_for, "kept": kept},
    )
    return [job_of(row) for row in rows]


async def sum_cost(database: Database, job_id: str) -> None:
    """Tells in the job what the ledger says about it."""
    await database.execute(
        """UPDATE generations SET cost = (SELECT coalesce(sum(total_cost), 0) FROM usage_records
               WHERE generation_id = %(job)s) WHERE id = %(job)s""",
        {"job": job_id},
    )


async def complete(connection: Connection, lease: Lease, result: dict[str, Any]) -> bool:
    changes = """state = 'completed', stage = 'complete', progress = 100, result = %(result)s, finished_at = now(),
        worker = NULL, heartbeat_at = NULL"""
    return await _update(connection, lease, changes, result=Json(result)) == 1


async def fail(database: Database, lease: Lease, error: dict[str, Any]) -> bool:
    changes = """state = 'failed', error = %(error)s, finished_at = now(), worker = NULL,
        heartbeat_at = NULL"""
    return await _update(database, lease, changes, error=Json(error)) == 1


async def release(database: Database, lease: Lease, *, after: float = 0.0, attempt_counts: bool = True) -> bool:
    """Gives the job back to the queue, to be taken again `after` seconds from now."""
    changes = """state = 'waiting', worker = NULL, heartbeat_at = NULL,
        run_after = now() + %(after)s * interval '1 second', attempts = attempts - %(uncounted)s"""
    return await _update(database, lease, changes, after=after, uncounted=0 if attempt_counts else 1) == 1


async def cancel(database: Database, job_id: str) -> bool:
    """True when this call ended the job."""
    return (
        await database.execute(
            """UPDATE generations SET state = 'cancelled', cancel_requested = true, finished_at = now(),
               worker = NULL, heartbeat_at = NULL
           WHERE id = %s AND state IN ('waiting', 'active')""",
            (job_id,),
        )
        == 1
    )


async def unfinished(database: Database, project_id: str) -> list[Job]:
    """The waiting and running jobs of a project."""
    rows = await database.fetch_all(
        f"SELECT {COLUMNS} FROM generations WHERE project_id = %s AND state IN ('waiting', 'active')", (project_id,)
    )
    return [job_of(row) for row in rows]


async def reclaim(database: Database, *, lost_after: float) -> list[str]:
    """Gives jobs whose worker has been silent for `lost_after` seconds back to the queue; returns their ids."""
    rows = await database.fetch_all(
        """UPDATE generations SET state = 'waiting', worker = NULL, heartbeat_at = NULL, run_after = now()
           WHERE state = 'active' AND heartbeat_at <= now() - %s * interval '1 second' RETURNING id""",
        (lost_after,),
    )
    return [row["id"] for row in rows]


async def due(database: Database, *, since: float, limit: int = 1000) -> list[str]:
    """Ids of waiting jobs that could have been taken for `since` seconds: their wake-up may have got lost."""
    rows = await database.fetch_all(
        """SELECT id FROM generations WHERE state = 'waiting' AND run_after <= now() - %s * interval '1 second'
           ORDER BY created_at LIMIT %s""",
        (since, limit),
    )
    return [row["id"] for row in rows]


async def _update(target: Database | Connection, lease: Lease, changes: str, **values: Any) -> int:
    held = {"job": lease.job_id, "worker": lease.worker, "attempt": lease.attempt}
    return await target.execute(f"UPDATE generations SET {changes} WHERE {_LEASED}", values | held)


def job_of(row: dict[str, Any] | None) -> Job:
    if row is None:
        raise LookupError("a row was expected")
    return Job(**(row | {"state": State(row["state"])}))
