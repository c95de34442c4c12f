"""What is kept long enough goes, and nothing else."""

from __future__ import annotations

import uuid

import pytest

from dawg_server.database import Database, retention, users
from dawg_server.database.retention import STEPS_KEPT
from dawg_server.retention import Retention

# For each table: columns besides those with defaults, and the one by which age is told.
ROWS = {
    "idempotency_keys": ("user_id, key, route, request_hash", "'ada', %(id)s, 'x', ''", "expires_at"),
    "sessions": ("user_id, refresh_hash, family", "'ada', sha256(%(id)s::bytea), %(id)s::uuid", "expires_at"),
    "password_resets": ("user_id", "'ada'", "expires_at"),
    "share_links": (
        "project_id, role, token_hash, created_by",
        "%(project)s, 'viewer', sha256(%(id)s::bytea), 'ada'",
        "expires_at",
    ),
    "brain_turns": ("id, user_id, conversation_id, request_id", "%(id)s, 'ada', %(id)s, 'x'", "expires_at"),
    "memories": ("user_id, type, content", "'ada', 'fact', %(id)s", "expires_at"),
    "budget_reservations": ("user_id, amount, service", "'ada', 1, 'suno'", "expires_at"),
    "voice_sessions": ("user_id, started_at, seen_at", "'ada', now() - interval '1 year', now()", "ended_at"),
    "generations": ("owner_id, type, state, stage, error", "'ada', 'beat', 'failed', 'queued', '{}'", "finished_at"),
}
AGES = {"budget_reservations": 31, "voice_sessions": 8, "generations": 91}  # days; the others are due when they expire


@pytest.fixture
async def project(database: Database) -> str:
    await users.ensure(database, "ada", "development")
    id = await database.fetch_value("INSERT INTO projects (owner_id, name) VALUES ('ada', 'Song') RETURNING id")
    return str(id)


async def test_rows_that_are_due_go_and_the_others_stay(database: Database, project: str) -> None:
    for table, (columns, values, age) in ROWS.items():
        for days in (AGES.get(table, 1), AGES.get(table, 1) - 2):
            await database.execute(
                f"INSERT INTO {table} ({columns}, {age}) VALUES ({values}, now() - make_interval(days => %(days)s))",
                {"id": str(uuid.uuid4()), "project": project, "days": days},
            )
    before = {table: await database.fetch_value(f"SELECT count(*) FROM {table}") for table in ROWS}
    assert before == dict.fromkeys(ROWS, 2)
    await Retention(database, jobs=90, steps=90).forget()
    assert {table: await database.fetch_value(f"SELECT count(*) FROM {table}") for table in ROWS} == dict.fromkeys(
        ROWS, 1
    )
    assert set(retention.TABLES) == {*ROWS, "operations"}


async def test_steps_go_when_they_are_old_and_many_have_come_since(database: Database, project: str) -> None:
    revision = STEPS_KEPT + 10
    await database.execute("UPDATE projects SET revision = %s WHERE id = %s", (revision, project))
    await database.execute(
        """INSERT INTO operations (
               project_id, revision, group_id, actor_id, source, kind, entity, forward, inverse, created_at)
           SELECT %s, n, gen_random_uuid(), 'ada', 'rest', 'update', 'project', '{}', '{}',
               now() - make_interval(days => CASE WHEN n < 8 OR n > 20 THEN 91 ELSE 1 END)
           FROM generate_series(1, %s) n""",
        (project, revision),
    )
    await Retention(database, jobs=90, steps=90).forget()
    left = await database.fetch_all("SELECT revision FROM operations ORDER BY revision")
    assert [row["revision"] for row in left] == list(range(8, revision + 1))
