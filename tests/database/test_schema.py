"""The tables refuse what the contract forbids (section 8), whoever writes."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from dawg_server import database as db

OWNER = "owner-1"


@pytest.fixture
async def project(database: db.Database) -> str:
    await database.execute("INSERT INTO users (id, origin, email) VALUES (%s, 'token', 'owner@example.org')", (OWNER,))
    await database.execute("INSERT INTO users (id, origin) VALUES ('guest', 'token')")
    return str(
        await database.fetch_value("INSERT INTO projects (owner_id, name) VALUES (%s, 'Song') RETURNING id", (OWNER,))
    )


@pytest.fixture
async def track(database: db.Database, project: str) -> str:
    return await add(database, "tracks", project_id=project, name="Drums", position=0)


@pytest.fixture
async def audio(database: db.Database, project: str) -> str:
    return await add(
        database,
        "audio_files",
        owner_id=OWNER,
        project_id=project,
        filename="kick.wav",
        mime_type="audio/wav",
        size_bytes=1000,
        duration=1.5,
        storage_key="audio/kick",
        source="upload",
    )


async def add(database: db.Database | db.Connection, table: str, **columns: Any) -> str:
    """Inserts a row and returns its id."""
    names = ", ".join(columns)
    places = ", ".join(f"%({name})s" for name in columns)
    return str(await database.fetch_value(f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING id", columns))


async def refuses(database: db.Database, constraint: str, table: str, **columns: Any) -> None:
    with pytest.raises(db.IntegrityError) as caught:
        await add(database, table, **columns)
    assert db.constraint(caught.value) == constraint


# Accounts


async def test_two_accounts_never_share_an_address_and_addresses_are_lower_case(database: db.Database) -> None:
    await add(database, "users", origin="local", email="a@example.org", password_hash="x")
    await refuses(database, "users_email", "users", origin="local", email="a@example.org")
    await refuses(database, "users_email_check", "users", origin="local", email="B@example.org")
    for _ in range(2):  # no address is no conflict
        await add(database, "users", origin="development")


async def test_only_local_accounts_have_a_password(database: db.Database) -> None:
    await refuses(database, "users_password_only_local", "users", origin="token", password_hash="x")
    await refuses(database, "users_origin_check", "users", origin="elsewhere")


async def test_a_login_has_one_unspent_token_and_rotating_it_is_one_transaction(
    database: db.Database, project: str
) -> None:
    family, successor = str(uuid.uuid4()), str(uuid.uuid4())
    token = {"user_id": OWNER, "family": family, "expires_at": "2099-01-01Z"}
    first = await add(database, "sessions", **token, refresh_hash=b"1")
    await refuses(database, "sessions_one_unspent_per_family", "sessions", **token, refresh_hash=b"2")
    async with database.transaction() as connection:
        await connection.execute("UPDATE sessions SET replaced_by = %s WHERE id = %s", (successor, first))
        await add(connection, "sessions", id=successor, **token, refresh_hash=b"2")
    await database.execute("UPDATE sessions SET revoked_at = now() WHERE id = %s", (successor,))
    await refuses(database, "sessions_refresh_hash", "sessions", **token, refresh_hash=b"1")


async def test_an_idempotency_key_belongs_to_one_request_of_one_user(database: db.Database, project: str) -> None:
    row = "INSERT INTO idempotency_keys (user_id, key, route, request_hash) VALUES (%s, 'k', 'POST /projects', '')"
    await database.execute(row, (OWNER,))
    await database.execute(row, ("guest",))
    with pytest.raises(db.UniqueViolation):
        await database.execute(row, (OWNER,))
    with pytest.raises(db.CheckViolation) as caught:
        await database.execute("UPDATE idempotency_keys SET state = 'done'")
    assert db.constraint(caught.value) == "idempotency_done_has_reply"


# Projects and their members


async def test_a_project_has_exactly_one_owner_from_its_first_moment_to_its_last(
    database: db.Database, project: str
) -> None:
    owners = "SELECT user_id, email, accepted_at IS NOT NULL AS accepted FROM collaborators WHERE role = 'owner'"
    assert await database.fetch_all(owners) == [{"user_id": OWNER, "email": "owner@example.org", "accepted": True}]
    second = {"project_id": project, "user_id": "guest", "role": "owner"}
    await refuses(database, "collaborators_one_owner", "collaborators", **second)
    for change in ("DELETE FROM collaborators", "UPDATE collaborators SET role = 'editor'"):
        with pytest.raises(db.RestrictViolation) as caught:
            await database.execute(change)
        assert db.constraint(caught.value) == "collaborators_one_owner"
    await database.execute("DELETE FROM projects")
    assert await database.fetch_value("SELECT count(*) FROM collaborators") == 0


async def test_nobody_is_invited_twice_and_only_an_account_accepts(database: db.Database, project: str) -> None:
    invitation = {"project_id": project, "email": "guest@example.org", "role": "viewer"}
    await add(database, "collaborators", **invitation)
    await refuses(database, "collaborators_project_email", "collaborators", **invitation)
    with pytest.raises(db.CheckViolation) as caught:
        await database.execute("UPDATE collaborators SET accepted_at = now() WHERE role = 'viewer'")
    assert db.constraint(caught.value) == "collaborators_accepted_has_user"
    await database.execute("UPDATE collaborators SET accepted_at = now(), user_id = 'guest' WHERE role = 'viewer'")
    again = {"project_id": project, "user_id": "guest", "role": "editor"}
    await refuses(database, "collaborators_project_user", "collaborators", **again)
    await database.execute("DELETE FROM users WHERE id = 'guest'")
    left = await database.fetch_one("SELECT user_id, accepted_at FROM collaborators WHERE role = 'viewer'")
    assert left == {"user_id": None, "accepted_at": None}


@pytest.mark.parametrize(("column", "value"), [("bpm", 19.9), ("bpm", 300.1), ("revision", -1)])
async def test_a_project_stays_in_its_ranges(database: db.Database, project: str, column: str, value: float) -> None:
    await refuses(database, f"projects_{column}_check", "projects", owner_id=OWNER, name="x", **{column: value})


async def test_deleting_an_account_deletes_what_it_owns(database: db.Database, project: str, track: str) -> None:
    await add(database, "conversations", owner_id=OWNER, project_id=project)
    await add(database, "usage_records", owner_id=OWNER, service="suno", operation="music", total_cost=1)
    await database.execute("DELETE FROM users WHERE id = %s", (OWNER,))
    for table in ("projects", "collaborators", "tracks", "conversations", "usage_records"):
        assert await database.fetch_value(f"SELECT count(*) FROM {table}") == 0


async def test_a_change_moves_updated_at_and_a_write_without_change_does_not(
    database: db.Database, project: str
) -> None:
    times = "SELECT created_at, updated_at FROM projects"
    before = await database.fetch_one(times)
    await database.execute("UPDATE projects SET name = name")
    assert await database.fetch_one(times) == before
    await database.execute("UPDATE projects SET name = 'Other'")
    after = await database.fetch_one(times)
    assert before and after and after["created_at"] == before["created_at"]
    assert after["updated_at"] > before["updated_at"]


# The document


async def test_tracks_may_swap_places_within_a_transaction_but_never_share_one(
    database: db.Database, project: str, track: str
) -> None:
    other = await add(database, "tracks", project_id=project, name="Bass", position=1)
    async with database.transaction() as connection:
        await connection.execute("UPDATE tracks SET position = 1 WHERE id = %s", (track,))
        await connection.execute("UPDATE tracks SET position = 0 WHERE id = %s", (other,))
    await refuses(database, "tracks_project_position", "tracks", project_id=project, name="Keys", position=1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("volume", 2.01),
        ("volume", -0.01),
        ("pan", 1.01),
        ("pan", -1.01),
        ("position", -1),
        ("channels", "surround"),
        ("track_type", "VIDEO"),
        ("color", "red"),
        ("color", "#FFFFFF"),
        ("volume", float("nan")),
    ],
)
async def test_a_track_stays_in_its_ranges(database: db.Database, project: str, column: str, value: object) -> None:
    row = {"project_id": project, "name": "x", "position": 5} | {column: value}
    await refuses(database, f"tracks_{column}_check", "tracks", **row)


async def test_a_track_does_not_feed_itself(database: db.Database, project: str, track: str) -> None:
    with pytest.raises(db.CheckViolation):
        await database.execute("UPDATE tracks SET output_track_id = id")
    await refuses(database, "sends_destination_is_another", "sends", track_id=track, destination_track_id=track)
    reverb = await add(database, "tracks", project_id=project, name="Reverb", track_type="AUX", position=1)
    await add(database, "sends", track_id=track, destination_track_id=reverb)
    await refuses(database, "sends_track_destination", "sends", track_id=track, destination_track_id=reverb)
    await refuses(database, "sends_level_check", "sends", track_id=reverb, destination_track_id=track, level=2.1)
    await database.execute("UPDATE tracks SET output_track_id = %s WHERE id = %s", (reverb, track))
    await database.execute("DELETE FROM tracks WHERE id = %s", (reverb,))
    assert await database.fetch_one("SELECT output_track_id FROM tracks") == {"output_track_id": None}
    assert await database.fetch_value("SELECT count(*) FROM sends") == 0


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("clips_start_time_check", {"start_time": -0.1}),
        ("clips_duration_check", {"duration": 0}),
        ("clips_source_offset_check", {"source_offset": -0.1}),
        ("clips_fade_in_check", {"fade_in": -0.1}),
        ("clips_fade_out_check", {"fade_out": -0.1}),
        ("clips_fades_fit", {"fade_in": 1.0, "fade_out": 1.1}),
        ("clips_gain_db_check", {"gain_db": 24.1}),
    ],
)
async def test_a_clip_stays_in_its_ranges(
    database: db.Database, track: str, constraint: str, columns: dict[str, float]
) -> None:
    await refuses(database, constraint, "clips", **({"track_id": track, "name": "x", "duration": 2} | columns))


async def test_fades_may_meet_even_when_their_sum_is_not_exact(database: db.Database, track: str) -> None:
    await add(database, "clips", track_id=track, name="x", duration=0.3, fade_in=0.1, fade_out=0.2)


async def test_a_clip_has_audio_or_notes_and_its_audio_cannot_vanish(
    database: db.Database, track: str, audio: str
) -> None:
    clip = {"track_id": track, "name": "x", "duration": 1, "audio_file_id": audio}
    await refuses(database, "clips_audio_or_midi", "clips", **clip, midi=db.Json({"notes": []}))
    await add(database, "clips", **clip)
    with pytest.raises(db.IntegrityError) as caught:
        await database.execute("DELETE FROM audio_files")
    assert db.constraint(caught.value) == "clips_audio_file_id_fkey"
    await database.execute("DELETE FROM projects")
    assert await database.fetch_one("SELECT project_id FROM audio_files") == {"project_id": None}


@pytest.mark.parametrize(
    ("constraint", "columns"),
    [
        ("audio_files_storage_key", {"storage_key": "audio/kick"}),
        ("audio_files_size_bytes_check", {"size_bytes": 0}),
        ("audio_files_duration_check", {"duration": 0}),
        ("audio_files_source_check", {"source": "elsewhere"}),
    ],
)
async def test_an_audio_file_is_a_real_file(
    database: db.Database, audio: str, constraint: str, columns: dict[str, Any]
) -> None:
    row = {
        "owner_id": OWNER,
        "filename": "x",
        "mime_type": "audio/wav",
        "size_bytes": 1,
        "storage_key": "y",
        "source": "mix",
    }
    await refuses(database, constraint, "audio_files", **(row | columns))


# History


async def test_operations_have_one_order_and_are_never_rewritten(database: db.Database, project: str) -> None:
    row = {
        "project_id": project,
        "group_id": str(uuid.uuid4()),
        "actor_id": OWNER,
        "source": "rest",
        "kind": "update",
        "entity": "track",
        "forward": db.Json({}),
        "inverse": db.Json({}),
    }
    await add(database, "operations", **row, revision=1, client_operation_id="c1")
    await refuses(database, "operations_project_revision", "operations", **row, revision=1)
    await refuses(database, "operations_client_operation", "operations", **row, revision=2, client_operation_id="c1")
    await refuses(database, "operations_source_check", "operations", **(row | {"source": "magic"}), revision=2)
    for column, value in (("forward", db.Json({"x": 1})), ("actor_id", "guest"), ("revision", 7)):
        with pytest.raises(db.RestrictViolation):
            await database.execute(f"UPDATE operations SET {column} = %s", (value,))
    assert await database.execute("UPDATE operations SET undone_at = now()") == 1


async def test_versions_are_numbered_once(database: db.Database, project: str) -> None:
    row = {"project_id": project, "number": 1, "revision": 0, "snapshot": db.Json({})}
    await add(database, "versions", **row)
    await refuses(database, "versions_project_number", "versions", **row)


# Jobs


async def test_a_job_has_a_result_exactly_when_it_completed(database: db.Database, project: str) -> None:
    job = {"owner_id": OWNER, "type": "beat"}
    await add(database, "generations", **job)
    result = db.Json({"takes": []})
    await refuses(
        database, "generations_result_iff_completed", "generations", **job, state="completed", finished_at="2026-01-01Z"
    )
    await refuses(database, "generations_result_iff_completed", "generations", **job, result=result)
    await refuses(database, "generations_finished_iff_ended", "generations", **job, state="completed", result=result)
    await refuses(database, "generations_finished_iff_ended", "generations", **job, finished_at="2026-01-01Z")
    await refuses(database, "generations_active_has_heartbeat", "generations", **job, state="active")
    await refuses(database, "generations_progress_check", "generations", **job, progress=101)
    await refuses(database, "generations_type_check", "generations", owner_id=OWNER, type="video")
    await refuses(database, "generations_state_check", "generations", **job, state="lost")


async def test_what_a_provider_made_belongs_to_one_job(database: db.Database, project: str) -> None:
    job = {"owner_id": OWNER, "type": "music", "provider": "suno", "provider_ref": "task-1"}
    await add(database, "generations", **job)
    await refuses(database, "generations_provider_ref", "generations", **job)
    await add(database, "generations", **(job | {"provider": "replicate"}))


# Conversations


async def test_messages_have_one_order_and_a_request_is_asked_once(database: db.Database, project: str) -> None:
    conversation = await add(database, "conversations", owner_id=OWNER)
    message = {"conversation_id": conversation, "content": db.Json("Hi"), "request_id": "r1"}
    await add(database, "messages", **message, seq=1, role="user")
    await add(database, "messages", **message, seq=2, role="assistant")
    await refuses(database, "messages_conversation_seq", "messages", **message, seq=2, role="assistant")
    await refuses(database, "messages_request", "messages", **message, seq=3, role="user")
    await refuses(database, "messages_role_check", "messages", **message, seq=3, role="system")


async def test_memories_stay_in_their_ranges_and_are_found_by_word(database: db.Database, project: str) -> None:
    memory = {"user_id": OWNER, "content": "Likes a warm, slow bass"}
    await refuses(database, "memories_type_check", "memories", **memory, type="dream")
    for importance in (0, 11):
        await refuses(database, "memories_importance_check", "memories", **memory, type="fact", importance=importance)
    kept = await add(database, "memories", **memory, type="fact")
    found = "SELECT id FROM memories WHERE to_tsvector('simple', content) @@ plainto_tsquery('simple', %s)"
    assert await database.fetch_value(found, ("WARM bass",)) == kept
    assert await database.fetch_value(found, ("loud",)) is None
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = await connection.fetch_all(f"EXPLAIN {found}", ("warm",))
    assert "memories_words" in str(plan)


async def test_reading_a_memory_does_not_change_it(database: db.Database, project: str) -> None:
    await add(database, "memories", user_id=OWNER, type="fact", content="x")
    before = await database.fetch_value("SELECT updated_at FROM memories")
    await database.execute("UPDATE memories SET access_count = access_count + 1, last_accessed = now()")
    assert await database.fetch_value("SELECT updated_at FROM memories") == before
    await database.execute("UPDATE memories SET content = 'y'")
    assert await database.fetch_value("SELECT updated_at FROM memories") > before


# Costs


async def test_the_ledger_is_append_only_and_books_a_request_once(database: db.Database, project: str) -> None:
    row = {"owner_id": OWNER, "service": "anthropic", "operation": "chat", "request_id": "r1", "total_cost": 0.000123}
    await add(database, "usage_records", **row, project_id=project)
    await refuses(database, "usage_records_request", "usage_records", **row)
    await refuses(database, "usage_records_total_cost_check", "usage_records", **(row | {"total_cost": -1}))
    for change in ("UPDATE usage_records SET total_cost = 0", "DELETE FROM usage_records"):
        with pytest.raises(db.RestrictViolation):
            await database.execute(change)
    await database.execute("DELETE FROM projects")  # which only clears the link
    assert await database.fetch_all("SELECT project_id, total_cost FROM usage_records") == [
        {"project_id": None, "total_cost": 0.000123}
    ]


async def test_first_budgets_made_in_parallel_are_one_row(database: db.Database, project: str) -> None:
    insert = "INSERT INTO budgets (user_id) VALUES (%s) ON CONFLICT (user_id) DO NOTHING"
    assert sum(await asyncio.gather(*(database.execute(insert, (OWNER,)) for _ in range(10)))) == 1
    row = await database.fetch_one("SELECT daily_limit, monthly_limit, alert_thresholds FROM budgets")
    assert row == {"daily_limit": None, "monthly_limit": None, "alert_thresholds": [0.75, 0.9, 1.0]}
    for change in ("daily_limit = -0.01", "monthly_limit = -1", "alert_threshold = 0", "alert_threshold = 1.1"):
        with pytest.raises(db.CheckViolation):
            await database.execute(f"UPDATE budgets SET {change}")
    reservation = {"user_id": OWNER, "amount": -1, "service": "suno"}
    await refuses(database, "budget_reservations_amount_check", "budget_reservations", **reservation)


async def test_an_alert_is_sent_once_per_type_and_period(database: db.Database, project: str) -> None:
    alert = {
        "user_id": OWNER,
        "type": "threshold_reached",
        "severity": "warning",
        "message": "x",
        "period": "day",
        "period_start": "2026-03-01",
        "current_spent": 8,
        "budget_limit": 10,
        "percentage": 80,
    }
    await add(database, "alerts", **alert)
    await refuses(database, "alerts_once_per_period", "alerts", **alert)
    await add(database, "alerts", **(alert | {"period": "month"}))
    await refuses(database, "alerts_period_check", "alerts", **(alert | {"period": "year"}))
