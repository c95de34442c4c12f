"""`/api/voice`: secrets for calls of the browser's own, and the catalogue of functions."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.handlers.sockets import voices
from tests.servers import dawg
from tests.servers.dawg import Dawg
from tests.simulators import openai_realtime as realtime

FUNCTIONS = "/api/voice/functions"


@pytest.fixture
async def service() -> AsyncIterator[voices.Service]:
    async with realtime.RealtimeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, service: voices.Service) -> AsyncIterator[Dawg]:
    async with voices.server(database_dsn, tmp_path, service) as running:
        yield running


async def test_a_secret_begins_a_call_with_the_same_settings(server: Dawg, service: voices.Service) -> None:
    project = await voices.project(server, "ada", name="Nightfall")
    wish = {"voice": "ash", "projectId": project, "expiresIn": 30}
    status, reply = await server.json("POST", "/api/voice/session", json=wish)
    assert status == 200
    assert reply["clientSecret"]["value"].startswith("ek_")
    assert reply["clientSecret"]["expiresAt"] == reply["expiresAt"]
    assert (reply["model"], reply["voice"]) == (voices.MODEL, "ash")
    (asked,) = service.secret_requests
    assert asked["expires_after"] == {"anchor": "created_at", "seconds": 30}
    assert asked["session"]["model"] == voices.MODEL
    assert len(asked["session"]["tools"]) == 41
    assert "Nightfall" in asked["session"]["instructions"]
    rows = await server.services.database.fetch_all("SELECT metered, total_cost, operation FROM usage_records")
    assert [(row["metered"], row["total_cost"]) for row in rows] == [(False, 0)]
    held = await server.services.database.fetch_value(
        "SELECT count(*) FROM budget_reservations WHERE settled_at IS NULL"
    )
    assert held == 0
    address = service.base_url.replace("http", "ws") + "/realtime"
    bearer = {"Authorization": f"Bearer {reply['clientSecret']['value']}"}
    async with aiohttp.ClientSession() as http, http.ws_connect(address, headers=bearer) as socket:
        created = await socket.receive_json()
    assert created["session"]["audio"]["output"]["voice"] == "ash"


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"expiresIn": 9}, 400),
        ({"expiresIn": 7201}, 400),
        ({"voice": "constructor"}, 400),
        ({"projectId": "00000000-0000-4000-8000-000000000000"}, 404),
    ],
)
async def test_wishes_that_cannot_be_met_are_refused(
    server: Dawg, service: voices.Service, wish: dict[str, object], status: int
) -> None:
    assert (await server.json("POST", "/api/voice/session", json=wish))[0] == status
    assert not service.secret_requests


async def test_a_service_that_fails_is_told_as_such(database_dsn: str, tmp_path: Path) -> None:
    async with (
        realtime.RealtimeSimulator(key="another") as service,
        voices.server(database_dsn, tmp_path, service) as server,
    ):
        status, reply = await server.json("POST", "/api/voice/session", json={})
        assert (status, reply["code"]) == (502, "provider_failed")
        assert reply["details"] == {"provider": "openai", "providerCode": "invalid_api_key", "retryable": False}
    keys = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    async with dawg.running(database_dsn, tmp_path / "two", **keys) as server:
        status, reply = await server.json("POST", "/api/voice/session", json={})
        assert (status, reply["details"]["retryable"]) == (502, True)
        rows = await server.services.database.fetch_all("SELECT 1 FROM usage_records")
        assert not rows


async def test_without_budget_or_key_there_is_no_secret(
    server: Dawg, service: voices.Service, database_dsn: str, tmp_path: Path
) -> None:
    limits = {"dailyLimit": 0.01, "pauseOnExceed": True}
    await server.json("PUT", "/api/cost-monitoring/budget", json=limits)
    status, reply = await server.json("POST", "/api/voice/session", json={})
    assert (status, reply["code"]) == (429, "budget_exceeded")
    assert not service.secret_requests
    async with dawg.running(database_dsn, tmp_path / "keyless") as keyless:
        status, reply = await keyless.json("POST", "/api/voice/session", json={})
        assert (status, reply["code"], reply["details"]) == (503, "provider_unconfigured", {"env": ["OPENAI_API_KEY"]})


async def test_the_catalogue_is_published_with_a_hash_that_anybody_can_compute(server: Dawg) -> None:
    _, metadata = await server.json("GET", f"{FUNCTIONS}/metadata")
    _, voice = await server.json("GET", f"{FUNCTIONS}/voice")
    _, daw = await server.json("GET", f"{FUNCTIONS}/daw")
    _, both = await server.json("GET", f"{FUNCTIONS}/all")
    counts = [metadata[f"{kind}FunctionCount"] for kind in ("voice", "daw", "total")]
    assert counts == [len(voice), len(daw), 41] == [41, 40, 41]
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
        assert (status, health["status"], health["functionCount"]) == (200, "healthy", 41)
        assert (await server.json("GET", f"{path}/voice"))[0] == 200
        claim = {"version": "0", "hash": "0"}
        assert (await server.json("POST", f"{path}/validate", json=claim))[1]["valid"] is False
