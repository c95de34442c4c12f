"""What the database forgets by itself: rows that nothing is read from any more, and those that have been kept long."""

from __future__ import annotations

from dawg_server.database.pool import Database

BATCH = 1000  # rows of one statement, so that nobody waits long for their locks
STEPS_KEPT = 5000  # of each project, however old: enough for undo and for clients that come back

_EXPIRED = "expires_at <= now()"
# By table: which rows go. `jobs` and `steps` are days.
_DUE = {
    "idempotency_keys": _EXPIRED,
    "sessions": _EXPIRED,
    "password_resets": f"user_id IS NULL OR {_EXPIRED}",
    "share_links": _EXPIRED,
    "brain_turns": _EXPIRED,
    "memories": _EXPIRED,
    # After a day nothing is counted from it, but a call may still be reported.
    "voice_sessions": "coalesce(ended_at, reserved_until, seen_at) <= now() - interval '7 days'",
    "budget_reservations": "expires_at <= now() - interval '30 days'",
    "generations": "finished_at <= now() - make_interval(days => %(jobs)s)",
    "operations": f"""created_at <= now() - make_interval(days => %(steps)s)
        AND revision <= (SELECT revision FROM projects WHERE projects.id = project_id) - {STEPS_KEPT}""",
}
TABLES = tuple(_DUE)


async def forget(database: Database, table: str, *, jobs: int, steps: int) -> int:
    """Deletes at most `BATCH` rows of one of `TABLES`; returns how many. Rows that others hold are left for later."""
    return await database.execute(
        f"""DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM {table} WHERE {_DUE[table]} LIMIT {BATCH} FOR UPDATE SKIP LOCKED))""",
        {"jobs": jobs, "steps": steps},
    )
