"""`/api/voice`: secrets for calls of the browser's own, and the catalogue of functions."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import hashlib
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import structlog

from dawg_server.daw.functions import table
from tests.handlers.sockets import voices
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.dawg import Dawg, DawgProcess
from tests.simulators import openai_realtime as realtime

SPOKEN = [each.name for each in table.ALL]  # all that a voice may call
FUNCTIONS = "/api/voice/functions"
SESSION = "/api/voice/session"
HOUR = 60 * (10_000 * 4 + 600 * 32 + 1200 * 64) / 1_000_000  # USD: an hour of speech at the price of gpt-realtime-2.1

GRANTED = {"USER_DAILY_LIMIT_USD": "1000", "SERVER_DAILY_LIMIT_USD": "1000"}  # such an hour is more than the usual day


@pytest.fixture
async def service() -> AsyncIterator[voices.Service]:
    async with realtime.RealtimeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, service: voices.Service) -> AsyncIterator[Dawg]:
    async with voices.server(database_dsn, tmp_path, service, **GRANTED) as running:
        yield running


async def test_a_secret_begins_a_call_with_the_same_settings(server: Dawg, service: voices.Service) -> None:
    project = await voices.project(server, "ada", name="Nightfall")
    parameters = {"voice": "ash", "projectId": project, "expiresIn": 30}
    status, reply = await server.json("POST", "/api/voice/session", json=parameters)
    assert status == 200
    assert reply["clientSecret"]["value"].startswith("ek_")
    assert reply["clientSecret"]["expiresAt"] == reply["expiresAt"]
    assert (reply["model"], reply["voice"]) == (voices.MODEL, "ash")
    (asked,) = service.secret_requests
    assert asked["expires_after"] == {"anchor": "created_at", "seconds": 30}
    assert asked["session"]["model"] == voices.MODEL
    assert [each["name"] for each in asked["session"]["tools"]] == SPOKEN
    assert "Nightfall" in asked["session"]["instructions"]
    rows = await server.services.platform.database.fetch_all("SELECT * FROM usage_records")
    assert [(row["operation"], row["metered"], row["priced"]) for row in rows] == [("voice-secret", False, False)]
    assert [row["total_cost"] for row in rows] == [pytest.approx(HOUR)]
    assert (rows[0]["project_id"], rows[0]["metadata"]["seconds"]) == (project, 3600)
    held = await server.services.platform.database.fetch_value(
        "SELECT count(*) FROM budget_reservations WHERE settled_at IS NULL"
    )
    assert held == 0
    address = service.base_url.replace("http", "ws") + "/realtime"
    bearer = {"Authorization": f"Bearer {reply['clientSecret']['value']}"}
    async with aiohttp.ClientSession() as http, http.ws_connect(address, headers=bearer) as socket:
        created = await socket.receive_json()
    assert created["session"]["audio"]["output"]["voice"] == "ash"


async def test_no_cache_keeps_a_secret(server: Dawg) -> None:
    async with server.http.post(server.url + SESSION, json={}) as reply:
        assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"expiresIn": 9}, 400),
        ({"expiresIn": 7201}, 400),
        ({"voice": "constructor"}, 400),
        ({"projectId": "00000000-0000-4000-8000-000000000000"}, 404),
    ],
)
async def test_wishes_that_cannot_be_met_are_refused(
    server: Dawg, service: voices.Service, parameters: dict[str, object], status: int
) -> None:
    assert (await server.json("POST", "/api/voice/session", json=parameters))[0] == status
    assert not service.secret_requests


async def test_a_secret_is_a_session_on_all_servers_and_after_a_restart(
    service: voices.Service, database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    day = {"VOICE_MINUTES_PER_DAY": "1000"}
    async with (
        voices.server(database_dsn, tmp_path / "one", service, **GRANTED, **day) as server,
        voices.server(database_dsn, tmp_path / "other", service, **GRANTED, **day) as other,
    ):
        talking = await voices.Browser.open(javascript, server)
        await talking.start()
        assert (await other.json("POST", SESSION, json={}))[0] == 200
        assert await refused(server, "sessions", 2) == 10  # one of them can be ended
        await refused(other, "sessions", 2)
        assert (await other.json("POST", SESSION, "eve", json={}))[0] == 200
        await talking.stop()
        assert (await server.json("POST", SESSION, json={}))[0] == 200
    async with voices.server(database_dsn, tmp_path / "third", service, **GRANTED, **day) as third:
        assert 4100 < await refused(third, "sessions", 2) <= 4200  # 60 minutes after the first secret has expired
        ada = await voices.Browser.open(javascript, third)
        ack = await ada.client.emit_ack("start-realtime", {})
        assert (ack["code"], ack["details"]) == (
            "session_limit",
            {"limit": 2, "unit": "sessions", "resetsAt": ack["details"]["resetsAt"]},
        )
    assert len(service.secret_requests) == 3


async def test_a_secret_outlives_the_server_that_was_killed(scratch_folder: Path, service: voices.Service) -> None:
    keys = {"OPENAI_API_KEY": voices.KEY, "OPENAI_BASE_URL": service.base_url, "VOICE_SESSIONS_PER_USER": "1"}
    async with DawgProcess(scratch_folder, **GRANTED, **keys) as process, aiohttp.ClientSession() as http:

        async def mint() -> tuple[int, str]:
            headers = {"X-User-Id": "ada"}
            async with http.post(f"{process.url}{SESSION}", json={}, headers=headers) as reply:
                return reply.status, (await reply.json()).get("code", "")

        assert await mint() == (200, "")
        await process.stop(signal.SIGKILL)
        await process.start()
        assert await mint() == (429, "session_limit")


async def test_many_secrets_at_once_stay_within_the_limit(server: Dawg, service: voices.Service) -> None:
    replies = await asyncio.gather(*(server.json("POST", SESSION, json={}) for _ in range(6)))
    assert sorted(status for status, _ in replies) == [200, 200, 429, 429, 429, 429]
    assert len(service.secret_requests) == 2


async def test_many_secrets_at_once_stay_within_the_minutes(
    database_dsn: str, tmp_path: Path, service: voices.Service
) -> None:
    limits = {"VOICE_MINUTES_PER_DAY": "121", "VOICE_SESSIONS_PER_USER": "10"}
    async with voices.server(database_dsn, tmp_path, service, **GRANTED, **limits) as server:
        replies = await asyncio.gather(*(server.json("POST", SESSION, json={}) for _ in range(6)))
    assert sorted(status for status, _ in replies) == [200, 200, 429, 429, 429, 429]
    assert len(service.secret_requests) == 2


async def test_a_secret_takes_the_minutes_of_its_longest_calls(
    database_dsn: str, tmp_path: Path, service: voices.Service, javascript: JavaScript
) -> None:
    async with voices.server(database_dsn, tmp_path, service, **GRANTED, VOICE_MINUTES_PER_DAY="121") as server:
        await refused(server, "minutes", 121, {"expiresIn": 7200})  # three calls of an hour may follow each other
        assert (await server.json("POST", SESSION, json={"expiresIn": 3599}))[0] == 200
        ada = await voices.Browser.open(javascript, server)
        await ada.start()
        await ada.stop()
        assert (await server.json("POST", SESSION, json={}))[0] == 200
        await server.services.platform.database.execute(
            "UPDATE voice_sessions SET ended_at = now() WHERE reserved_until > now()"
        )
        await refused(server, "minutes", 121)
    assert len(service.secret_requests) == 2


async def test_when_the_longest_call_is_over_there_is_room_for_another(server: Dawg) -> None:
    assert [(await server.json("POST", SESSION, json={"expiresIn": 60}))[0] for _ in range(3)] == [200, 200, 429]
    change = """UPDATE voice_sessions SET started_at = started_at - %(by)s, seen_at = seen_at - %(by)s,
        reserved_until = reserved_until - %(by)s"""
    await server.services.platform.database.execute(change, {"by": datetime.timedelta(minutes=2)})
    await refused(server, "sessions", 2)  # though nobody has seen them for so long
    await server.services.platform.database.execute(change, {"by": datetime.timedelta(days=2)})
    assert (await server.json("POST", SESSION, json={}))[0] == 200


async def test_a_secret_takes_the_money_of_its_longest_call(server: Dawg, service: voices.Service) -> None:
    await budget(server, HOUR - 0.01)
    status, reply = await server.json("POST", SESSION, json={})
    assert (status, reply["code"], reply["details"]["period"]) == (429, "budget_exceeded", "day")
    assert not service.secret_requests
    await budget(server, HOUR + 0.2)
    assert (await server.json("POST", SESSION, json={}))[0] == 200
    status, reply = await server.json("POST", SESSION, json={})
    assert (status, reply["code"], reply["details"]["spent"]) == (429, "budget_exceeded", pytest.approx(HOUR))
    assert len(service.secret_requests) == 1
    open_still = "SELECT count(*) FROM voice_sessions WHERE ended_at IS NULL"
    assert await server.services.platform.database.fetch_value(open_still) == 1


@pytest.mark.parametrize(
    ("trouble", "retryable"),
    [((401, "invalid_api_key"), False), ((429, "insufficient_quota"), False), ((429, "rate_limit_exceeded"), True)],
)
async def test_a_service_that_refuses_costs_nothing_and_the_operator_reads_why(
    server: Dawg, service: voices.Service, trouble: tuple[int, str], retryable: bool
) -> None:
    service.refuse_secrets = trouble
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            status, reply = await server.json("POST", SESSION, json={})
            assert (status, reply["code"]) == (502, "provider_failed")
            assert reply["details"] == {"provider": "openai", "providerCode": trouble[1], "retryable": retryable}
    rows = await server.services.platform.database.fetch_all("SELECT 1 FROM usage_records")
    assert not rows
    service.refuse_secrets = None
    assert [(await server.json("POST", SESSION, json={}))[0] for _ in range(2)] == [200, 200]
    line = next(line for line in lines if line.get("action") == "provider_refused")
    assert (line["provider"], line["status"], line["code"]) == ("openai", *trouble)
    assert line["log_level"] == ("warning" if retryable else "error")
    assert trouble[1] in line["said"]
    assert line["provider_request_id"] == "req_1"


async def test_an_unreachable_service_costs_nothing(database_dsn: str, tmp_path: Path) -> None:
    keys = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    async with dawg.running(database_dsn, tmp_path / "two", **GRANTED, **keys) as server:
        status, reply = await server.json("POST", "/api/voice/session", json={})
        assert (status, reply["details"]["retryable"]) == (502, True)
        rows = await server.services.platform.database.fetch_all("SELECT 1 FROM usage_records")
        assert not rows
        assert (
            await server.services.platform.database.fetch_value(
                "SELECT count(*) FROM voice_sessions WHERE ended_at IS NULL"
            )
            == 0
        )


async def test_without_a_key_there_is_no_secret(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path / "keyless") as keyless:
        status, reply = await keyless.json("POST", "/api/voice/session", json={})
        assert (status, reply["code"], reply["details"]) == (503, "provider_unconfigured", {"env": ["OPENAI_API_KEY"]})


async def test_the_catalogue_is_published_with_a_hash_that_anybody_can_compute(server: Dawg) -> None:
    _, metadata = await server.json("GET", f"{FUNCTIONS}/metadata")
    _, voice = await server.json("GET", f"{FUNCTIONS}/voice")
    _, daw = await server.json("GET", f"{FUNCTIONS}/daw")
    _, both = await server.json("GET", f"{FUNCTIONS}/all")
    counts = [metadata[f"{kind}FunctionCount"] for kind in ("voice", "daw", "total")]
    assert [each["name"] for each in voice] == SPOKEN
    assert {each["name"] for each in daw} == set(SPOKEN) - {each.name for each in table.ALL if each.voice_only}
    assert counts == [len(voice), len(daw), len(SPOKEN)]
    assert all(set(each) == {"type", "name", "description", "parameters"} for each in voice)
    assert all(set(each) == {"name", "description", "parameters"} for each in daw)
    assert (both["voice"], both["daw"]) == (voice, daw)
    assert both["metadata"] == metadata
    plain = [{name: value for name, value in each.items() if name != "type"} for each in voice]
    compact = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(compact.encode()).hexdigest() == metadata["hash"]
    assert len(compact.encode()) == metadata["uncompressedSize"]
    assert all(part.isdigit() for part in metadata["version"].split("."))


async def test_who_has_the_catalogue_is_not_sent_it_again(server: Dawg) -> None:
    address = f"{server.url}{FUNCTIONS}/all"
    async with server.http.get(address) as first:
        etag, plain = first.headers["ETag"], await first.read()
    async with server.http.get(address, headers={"If-None-Match": f'"old", {etag}'}) as again:
        assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)
    async with server.http.get(address, headers={"If-None-Match": '"old"'}) as changed:
        assert changed.status == 200
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        async with http.get(address, headers={"Accept-Encoding": "gzip"}) as packed:
            assert packed.headers["Content-Encoding"] == "gzip"
            data = await packed.read()
        async with http.get(address, headers={"Accept-Encoding": "identity"}) as unpacked:
            assert await unpacked.read() == plain
    assert gzip.decompress(data) == plain
    _, stats = await server.json("GET", f"{FUNCTIONS}/stats")
    assert (stats["cache"]["hits"], stats["cache"]["misses"]) == (1, 4)
    assert stats["bandwidth"]["sentBytes"] == 3 * len(data) + len(plain)


async def test_a_kept_catalogue_can_be_checked(server: Dawg) -> None:
    _, metadata = await server.json("GET", f"{FUNCTIONS}/metadata")
    claim = {"version": metadata["version"], "hash": metadata["hash"]}
    assert await server.json("POST", f"{FUNCTIONS}/validate", json=claim) == (200, {"valid": True})
    _, verdict = await server.json("POST", f"{FUNCTIONS}/validate", json=claim | {"hash": "0"})
    assert verdict == {"valid": False, "metadata": metadata}
    assert (await server.json("POST", f"{FUNCTIONS}/validate", json={}))[0] == 400


async def test_the_catalogue_has_an_alias_and_a_health(server: Dawg) -> None:
    for path in ("/api/functions", "/api/v1/functions", "/api/v1/voice/functions"):
        status, health = await server.json("GET", f"{path}/health")
        assert (status, health["status"], health["functionCount"]) == (200, "healthy", len(SPOKEN))
        assert (await server.json("GET", f"{path}/voice"))[0] == 200
        claim = {"version": "0", "hash": "0"}
        assert (await server.json("POST", f"{path}/validate", json=claim))[1]["valid"] is False


async def budget(server: Dawg, daily: float) -> None:
    limits = {"dailyLimit": daily, "pauseOnExceed": True}
    assert (await server.json("PUT", "/api/cost-monitoring/budget", json=limits))[0] == 200


async def refused(server: Dawg, unit: str, limit: float, parameters: dict[str, object] | None = None) -> float:
    """After how many seconds it is worth to ask again."""
    status, reply = await server.json("POST", SESSION, json=parameters or {})
    assert (status, reply["code"]) == (429, "session_limit")
    assert (reply["details"]["unit"], reply["details"]["limit"]) == (unit, limit)
    assert reply["retryAfter"] > 0
    return float(reply["retryAfter"])
