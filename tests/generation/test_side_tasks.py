"""What looks after jobs goes on whatever the database answers, and jobs find a worker after every outage."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bus import supervision
from dawg_server.database.migrate import migrate
from tests.servers import dawg
from tests.servers.postgres import TcpPostgres

BEAT = {"genre": "trap", "bpm": 140, "duration": 8, "provider": "embedded"}
DEADLOCK = """
CREATE FUNCTION answer_with_a_deadlock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
END $$;
CREATE TRIGGER answer_with_a_deadlock BEFORE UPDATE ON generations
    FOR EACH STATEMENT EXECUTE FUNCTION answer_with_a_deadlock()
"""
# A sequence counts on when a transaction is rolled back.
GIVES_WAY_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION give_way() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') < 2 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER give_way BEFORE UPDATE ON generations
    FOR EACH ROW WHEN (NEW.state = 'completed') EXECUTE FUNCTION give_way()
"""


async def test_a_deadlock_is_logged_and_lost_jobs_are_looked_for_again(
    database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "BROKEN_AFTER", 0.5)
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as server:
        database = server.services.platform.database
        reaper = server.services.jobs.reaper
        await reaper.close()
        with capture_logs() as lines:
            await database.execute(DEADLOCK)
            reaper.start(alone=False, ready=lambda: None)
            async with asyncio.timeout(30):
                while not supervision.broken():
                    await asyncio.sleep(0.05)
            status, body = await server.json("GET", "/health/ready")
            assert status == 503, body
            assert "job-" in body["status"]
            await database.execute("DROP FUNCTION answer_with_a_deadlock CASCADE")
            async with asyncio.timeout(30):
                while supervision.broken():
                    await asyncio.sleep(0.05)
        assert (await server.json("GET", "/health/ready"))[0] == 200
        failures = [line for line in lines if line["action"] == "loop_failed"]
        assert failures
        assert all("deadlock" in line["error"] and "lost jobs" in line["event"] for line in failures)


async def test_a_job_that_has_to_give_way_when_it_is_stored_is_stored_again_and_not_made_again(
    database_dsn: str, tmp_path: Path
) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        await server.services.platform.database.execute(GIVES_WAY_ONCE)
        status, accepted = await server.json("POST", "/api/generate/beat", json=BEAT)
        assert status == 202, accepted
        job = await server.finished(accepted["jobId"])
        assert (job["state"], job["status"]["attemptsMade"]) == ("completed", 1), job
        assert await server.services.platform.database.fetch_value("SELECT last_value FROM tries") == 2


async def test_jobs_are_announced_again_after_the_database_was_away(
    scratch_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener is lost with its session; polling would find the job much later here."""
    monkeypatch.setattr("dawg_server.generation.queue.POLLING_INTERVAL", 3600.0)
    monkeypatch.setattr("dawg_server.generation.reaper.OVERDUE", 3600.0)
    postgres = TcpPostgres(scratch_folder)
    migrate(postgres.start())
    try:
        async with dawg.running(postgres.dsn(), tmp_path, JOB_CONCURRENCY="1") as server:
            for _ in range(2):
                await asyncio.to_thread(postgres.kill)
                postgres.start()
                async with asyncio.timeout(30):
                    while (answer := await server.json("POST", "/api/generate/beat", json=BEAT))[0] != 202:
                        assert answer[0] == 503, answer
                        await asyncio.sleep(0.1)
                job = await server.finished(answer[1]["jobId"])
                assert job["state"] == "completed"
    finally:
        postgres.stop()


async def test_everything_speaks_to_postgres_through_one_pool(database_dsn: str, tmp_path: Path) -> None:
    """procrastinate brings another driver, which never connects; one session besides the pool's listens."""
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="1", DATABASE_CONNECTIONS="3") as server:
        jobs = [await server.json("POST", "/api/generate/beat", json=BEAT) for _ in range(2)]
        for _, answer in jobs:
            assert (await server.finished(answer["jobId"]))["state"] == "completed"
        sessions = await server.services.platform.database.fetch_all(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'tests'"
        )
    assert {each["application_name"] for each in sessions} == {"dawg"}
    assert len(sessions) <= 3 + 1
