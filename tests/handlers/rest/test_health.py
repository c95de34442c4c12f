"""What `/health` and `/metrics` say when something is missing, and that the dashboard asks for what there is."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dawg_server import logs
from dawg_server.daw.presence import Member
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.servers.valkey import Valkey

DASHBOARD = Path(__file__).parents[3] / "docs" / "grafana.json"
SUFFIXES = re.compile(r"_(total|bucket|sum|count)$")


async def _becomes(server: dawg.Dawg, wanted: dict[str, str], seconds: float = 5.0) -> dict[str, Any]:
    """The body of /health once the state of the whole and of Redis is as wanted."""
    async with asyncio.timeout(seconds):
        while True:
            status, body = await server.json("GET", "/health")
            assert status == 200
            if {"whole": body["status"], "redis": body["dependencies"]["redis"]["status"]} == wanted:
                return dict(body)
            await asyncio.sleep(0.1)


async def _families(server: dawg.Dawg) -> dict[str, Any]:
    async with server.http.get(server.url + "/metrics") as reply:
        text = await reply.text()
    return {each.name: each for each in text_string_to_metric_families(text)}


async def _values(server: dawg.Dawg) -> dict[str, float]:
    return {name: sample.value for name, family in (await _families(server)).items() for sample in family.samples}


@pytest.mark.parametrize("adapter", ["false", "true"])
async def test_a_redis_that_stops_degrades_the_server_and_nothing_more(
    database_dsn: str, tmp_path: Path, valkey: Valkey, adapter: str
) -> None:
    options = {"REDIS_URL": valkey.url, "WEBSOCKET_REDIS_ADAPTER": adapter}
    async with dawg.running(database_dsn, tmp_path, **options) as server:
        body = await _becomes(server, {"whole": "healthy", "redis": "ok"})
        assert body["dependencies"]["redis"]["latencyMs"] < 1000
        assert body["dependencies"]["redis"].get("detail") == (None if adapter == "true" else "rate limits only")
        assert body["replica"] == server.services.platform.settings.replica
        valkey.stop()
        body = await _becomes(server, {"whole": "degraded", "redis": "failing"})
        assert body["services"]["main"] == "healthy"
        assert (await server.json("GET", "/health/ready"))[0] == 200
        valkey.start()
        await _becomes(server, {"whole": "healthy", "redis": "ok"})


async def test_a_redis_that_hangs_does_not_hang_the_health_check(
    database_dsn: str, tmp_path: Path, valkey: Valkey
) -> None:
    async with dawg.running(database_dsn, tmp_path, REDIS_URL=valkey.url) as server:
        valkey.pause()
        async with asyncio.timeout(30):  # it hangs as long as it is paused
            status, body = await server.json("GET", "/health")
        assert (status, body["status"]) == (200, "degraded")


async def test_what_replicas_know_of_each_other_can_be_counted(
    database_dsn: str, tmp_path: Path, valkey_url: str
) -> None:
    options = {"REDIS_URL": valkey_url, "WEBSOCKET_REDIS_ADAPTER": "true", "HOST": "127.0.0.1"}
    port = dawg.free_port()
    async with dawg.running(database_dsn, tmp_path / "a", PORT=str(port), **options) as one:
        assert (await _values(one))["dawg_other_replicas"] == 0
        async with dawg.running(database_dsn, tmp_path / "b", **options) as other:
            async with other.http.get(f"{one.url}/socket.io/?EIO=4&transport=polling") as reply:
                sid = (await reply.text()).split('"sid":"')[1].split('"')[0]
            url = f"{other.url}/socket.io/?EIO=4&transport=polling&sid={sid}"
            async with other.http.post(url, data="40") as reply:
                assert reply.status == 200
            values = await _values(other)
            assert values["dawg_other_replicas"] == 1
            assert values["dawg_forwarded_requests"] == 1
            assert values["dawg_bus_dropped_events"] == values["dawg_feed_recovered_changes"] == 0
            assert 0 < values["dawg_bus_listener_age_seconds"] < 15
        assert (await _values(one))["dawg_other_replicas"] == 0


async def test_open_projects_are_counted(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
        for sid in ("one", "two"):
            await server.services.documents.presence.join(project["id"], Member(sid, "ada", "Ada", "owner"))
        assert (await _values(server))["dawg_project_visits"] == 2
        await server.services.documents.presence.leave(project["id"], "one")
        assert (await _values(server))["dawg_project_visits"] == 1


async def test_the_dashboard_shows_every_metric_and_none_that_does_not_exist(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path) as server:
        families = await _families(server)
    ours = {name for name in families if name.startswith("dawg_") and not name.endswith("_created")}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = {
        SUFFIXES.sub("", name)
        for panel in panels
        for target in panel["targets"]
        for name in re.findall(r"\b(?:dawg|process)_\w+", target["expr"])
    }
    assert ours - asked == set()
    assert asked - set(families) == set()
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [tuple(panel["gridPos"][side] for side in "xy") for panel in panels]
    assert len(set(places)) == len(places)


# -- for who runs the server -------------------------------------------------------------------------------------------

TOKEN, SIGN_IN = "o" * 32, {"JWT_SECRET": "s" * 40}


async def test_in_development_mode_the_status_tells_everything(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as server:
        await javascript.connect(server.url, auth={"userId": "ada"})
        job = {"genre": "trap", "duration": 5}
        assert (await server.json("POST", "/api/generate/beat", json=job))[0] == 202
        database = server.services.platform.database
        await database.execute(
            """INSERT INTO usage_records (owner_id, service, operation, units, unit_cost, total_cost, request_id)
               VALUES ('ada', 'suno', 'music', 1, 1.5, 1.5, 'one')"""
        )
        await server.json("PUT", "/api/cost-monitoring/budget", json={"dailyLimit": 1})
        status, body = await server.json("GET", "/api/status")
    assert status == 200
    assert body["health"]["status"] == "healthy"
    assert (body["jobs"]["byState"]["waiting"], body["jobs"]["running"]) == (1, 0)
    assert body["costs"] == {"today": 1.5, "month": 1.5, "reserved": 0, "budgets": 1, "over": 1}
    assert body["sockets"] == {"/": 1, "/ai-brain": 0, "/voice": 0}
    assert len(body["replicas"]) == 1


@pytest.mark.parametrize(
    ("variables", "given", "status"),
    [
        (SIGN_IN, None, 404),
        (SIGN_IN, TOKEN, 404),
        ({"ALLOW_DEVELOPMENT_MODE": "true", "PUBLIC_URL": "https://dawg.example"}, None, 404),
        (SIGN_IN | {"OPERATOR_TOKEN": TOKEN}, None, 403),
        (SIGN_IN | {"OPERATOR_TOKEN": TOKEN}, "x" * 32, 403),
        (SIGN_IN | {"OPERATOR_TOKEN": TOKEN}, TOKEN, 200),
        ({"OPERATOR_TOKEN": TOKEN}, None, 403),
    ],
)
async def test_where_others_come_the_status_is_the_operators(
    database_dsn: str, tmp_path: Path, variables: dict[str, str], given: str | None, status: int
) -> None:
    headers = {"Authorization": f"Bearer {given}"} if given else {}
    async with dawg.running(database_dsn, tmp_path, **variables) as server:
        answered, body = await server.json("GET", "/api/status", headers=headers)
    assert answered == status
    assert body.get("log") is None


async def test_the_log_of_the_status_has_no_secrets(tmp_path: Path) -> None:
    secret = "sl_" + "a" * 43
    async with dawg.DawgProcess(tmp_path, LOG_LEVEL="info") as server, aiohttp.ClientSession() as http:
        async with http.post(f"{server.url}/api/links/{secret}/accept") as reply:
            assert reply.status == 404
        async with http.get(f"{server.url}/api/status") as reply:
            lines = (await reply.json())["log"]
    assert 0 < len(lines) <= logs.TAIL
    assert any("/api/links/[hidden]/accept" in line for line in lines)
    assert not any(secret in line for line in lines)


async def test_with_sign_in_metrics_are_for_this_machine_and_for_who_has_the_token(
    database_dsn: str, tmp_path: Path
) -> None:
    """A proxy on this machine that nobody said is trusted is not this machine's program."""
    options = {"JWT_SECRET": "x" * 32, "METRICS_TOKEN": "m" * 32}
    async with dawg.running(database_dsn, tmp_path, **options) as server:

        async def ask(**headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            async with server.http.get(server.url + "/metrics", headers=named) as reply:
                return reply.status

        assert await ask() == 200
        assert await ask(X_Forwarded_For="9.9.9.9") == 403
        assert await ask(X_Forwarded_For="127.0.0.1") == 403
        assert await ask(X_Forwarded_For="9.9.9.9", Authorization=f"Bearer {'m' * 32}") == 200
        assert await ask(X_Forwarded_For="9.9.9.9", Authorization=f"Bearer {'x' * 32}") == 403
