"""The doctor finds what is wrong, and says what to do about it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from dawg_server import doctor, settings
from dawg_server.platform import open_storage
from tests.servers import dawg
from tests.servers.databases import administer
from tests.servers.s3 import S3Server

PAGE = "https://dawg.example.org"


async def findings(folder: Path, **variables: str) -> dict[str, doctor.Finding]:
    chosen = settings.load({"DATA_DIR": str(folder), **variables})
    return {each.what: each for each in await doctor.examine(chosen, open_storage)}


async def test_a_machine_with_nothing_set_is_fine(tmp_path: Path) -> None:
    found = await findings(tmp_path)
    assert doctor.healthy(list(found.values()))
    assert "Embedded" in found["database"].sentence
    assert "Development mode" in found["sign-in"].sentence
    assert not (tmp_path / "postgres").exists()
    assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]


@pytest.mark.parametrize("variables", [{"HOST": "0.0.0.0"}, {"RAILWAY_PROJECT_ID": "p"}])
@pytest.mark.parametrize("allowed", [{}, {"ALLOW_DEVELOPMENT_MODE": "true"}])
async def test_development_mode_that_others_can_reach_is_a_fault(
    tmp_path: Path, variables: dict[str, str], allowed: dict[str, str]
) -> None:
    found = await findings(tmp_path, **variables, **allowed)
    assert found["sign-in"].verdict is doctor.Verdict.BAD
    assert "JWT_SECRET" in found["sign-in"].sentence


async def test_tokens_for_other_programs_are_mentioned(tmp_path: Path) -> None:
    found = await findings(tmp_path, JWT_JWKS_URL="https://tenant.example/keys", JWT_AUDIENCE="any")
    assert found["JWT_AUDIENCE"].verdict is doctor.Verdict.NOTE


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "accounts reset"),
        ({"SMTP_URL": "smtp://mail.example", "MAIL_FROM": "a@b.example", "FRONTEND_URL": PAGE}, PAGE),
    ],
)
async def test_the_way_to_a_new_password_is_told(tmp_path: Path, variables: dict[str, str], words: str) -> None:
    found = await findings(tmp_path, JWT_SECRET="x" * 32, **variables)
    assert words in found["SMTP_URL"].sentence


async def test_a_cluster_that_works_is_told(
    tmp_path: Path, database_dsn: str, valkey_url: str, s3_server: S3Server
) -> None:
    found = await findings(
        tmp_path,
        DATABASE_URL=database_dsn,
        REDIS_URL=valkey_url,
        WEBSOCKET_REDIS_ADAPTER="true",
        JWT_SECRET="x" * 32,
        **s3_server.settings(),
    )
    assert doctor.healthy(list(found.values())), doctor.report(list(found.values()))
    for what, words in {
        "sign-in": "Tokens are checked",
        "database": "answers",
        "connections": "room for",
        "Redis": "share events",
        "replicas": "one database",
        "REPLICA_URL": "http://127.0.0.1:3001",
        "running": "No replica is heard",
        "storage": "written, read and deleted",
        "links": f"play from {s3_server.url}",
    }.items():
        assert words in found[what].sentence
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{s3_server.url}/{s3_server.bucket}?list-type=2&prefix=doctor/") as reply,
    ):
        assert "<Key>" not in await reply.text()


async def test_what_does_not_answer_is_named_with_its_variable_and_without_its_password(tmp_path: Path) -> None:
    found = await findings(
        tmp_path,
        DATABASE_URL="postgres://me:hidden-pass@127.0.0.1:1/none",
        REDIS_URL="redis://:hidden-pass@127.0.0.1:1",
        AWS_S3_BUCKET="songs",
        AWS_ACCESS_KEY_ID="key",
        AWS_SECRET_ACCESS_KEY="hidden-pass",
        AWS_ENDPOINT_URL="http://127.0.0.1:1",
    )
    for what, variable in (("database", "DATABASE_URL"), ("Redis", "REDIS_URL"), ("storage", "AWS_S3_BUCKET")):
        assert found[what].verdict is doctor.Verdict.BAD
        assert variable in found[what].sentence
    text = doctor.report(list(found.values()))
    assert "hidden-pass" not in text
    assert "3 to fix" in text


async def test_replicas_without_a_common_database_or_bucket_are_a_fault(tmp_path: Path, valkey_url: str) -> None:
    found = await findings(tmp_path, REDIS_URL=valkey_url, WEBSOCKET_REDIS_ADAPTER="true")
    assert found["replicas"].verdict is doctor.Verdict.BAD
    assert found["files"].verdict is doctor.Verdict.BAD
    assert "Files of one replica are not seen by the others" in found["files"].sentence


async def test_more_connections_than_postgres_allows_are_a_fault(tmp_path: Path, database_dsn: str) -> None:
    administer(database_dsn, f"ALTER DATABASE {database_dsn.rpartition('/')[2].partition('?')[0]} CONNECTION LIMIT 20")
    found = await findings(tmp_path, DATABASE_URL=database_dsn, DATABASE_CONNECTIONS="19")
    assert found["connections"].verdict is doctor.Verdict.GOOD
    assert "up to 20: room for 1" in found["connections"].sentence
    found = await findings(tmp_path, DATABASE_URL=database_dsn, DATABASE_CONNECTIONS="20")
    assert found["connections"].verdict is doctor.Verdict.BAD
    assert "DATABASE_CONNECTIONS" in found["connections"].sentence


async def test_a_redis_whose_user_may_not_subscribe_is_a_fault(tmp_path: Path, valkey_url: str) -> None:
    import redis

    client = redis.Redis.from_url(valkey_url)
    client.execute_command("ACL", "SETUSER", "deaf", "on", ">secret-word", "~*", "resetchannels", "+@all")
    try:
        found = await findings(tmp_path, REDIS_URL=valkey_url.replace("redis://", "redis://deaf:secret-word@"))
    finally:
        client.execute_command("ACL", "DELUSER", "deaf")
        client.close()
    assert found["Redis"].verdict is doctor.Verdict.BAD
    assert "SUBSCRIBE" in found["Redis"].sentence


async def test_a_loopback_address_is_a_fault_when_redis_is_elsewhere(tmp_path: Path) -> None:
    found = await findings(
        tmp_path, REDIS_URL="redis://redis.invalid", WEBSOCKET_REDIS_ADAPTER="true", REPLICA_URL="http://localhost:3001"
    )
    assert found["REPLICA_URL"].verdict is doctor.Verdict.BAD
    found = await findings(
        tmp_path,
        REDIS_URL="redis://redis.invalid",
        WEBSOCKET_REDIS_ADAPTER="true",
        REPLICA_URL="http://replica.invalid:3001",
    )
    assert found["REPLICA_URL"].verdict is doctor.Verdict.NOTE


async def test_it_hears_the_replicas_that_run_and_tries_to_reach_them(
    tmp_path: Path, database_dsn: str, valkey_url: str
) -> None:
    options = {"DATABASE_URL": database_dsn, "REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true"}
    port = str(dawg.free_port())
    async with dawg.running(database_dsn, tmp_path / "a", PORT=port, **options):
        found = await findings(tmp_path, **options)
        assert "Replicas that run: 1. All of them" in found["running"].sentence
        wrong = "http://127.0.0.1:1"
        async with dawg.running(database_dsn, tmp_path / "b", REPLICA_URL=wrong, **options):
            found = await findings(tmp_path, **options)
    assert found["running"].verdict is doctor.Verdict.BAD
    assert wrong in found["running"].sentence
    assert port not in found["running"].sentence


@contextlib.asynccontextmanager
async def in_front(store: S3Server, *, origin: str | None, status: int | None = None) -> AsyncIterator[str]:
    """Another address of the store, which lets only pages of `origin` read; `status` replaces that of its answers."""

    async def answer(request: web.Request) -> web.Response:
        url, headers = store.url + request.raw_path, {"Range": request.headers["Range"]}
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as reply:
            headers = {"Access-Control-Allow-Origin": origin} if origin else {}
            return web.Response(status=status or reply.status, body=await reply.read(), headers=headers)

    front = web.Application()
    front.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(front)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("origin", "status", "verdict", "words"),
    [
        (PAGE, None, doctor.Verdict.GOOD, "play from"),
        ("https://elsewhere.example.org", None, doctor.Verdict.BAD, "CORS rule"),
        (None, None, doctor.Verdict.BAD, "CORS rule"),
        (PAGE, 403, doctor.Verdict.BAD, "AWS_PUBLIC_ENDPOINT_URL"),
    ],
)
async def test_links_are_tried_as_a_page_would(
    tmp_path: Path, s3_server: S3Server, origin: str | None, status: int | None, verdict: doctor.Verdict, words: str
) -> None:
    async with in_front(s3_server, origin=origin, status=status) as url:
        found = await findings(tmp_path, CORS_ORIGINS=PAGE, AWS_PUBLIC_ENDPOINT_URL=url, **s3_server.settings())
    assert found["storage"].verdict is doctor.Verdict.GOOD
    assert (found["links"].verdict, words in found["links"].sentence) == (verdict, True), found["links"]


async def test_a_store_that_only_browsers_reach_is_no_fault(tmp_path: Path, s3_server: S3Server) -> None:
    found = await findings(tmp_path, AWS_PUBLIC_ENDPOINT_URL="http://127.0.0.1:1", **s3_server.settings())
    assert found["links"].verdict is doctor.Verdict.NOTE
