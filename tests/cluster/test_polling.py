"""Clients stay connected through a balancer that knows nothing of sessions, whatever transport they use."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence

import aiohttp
import pytest

from tests.cluster.topology import Cluster
from tests.javascript.client import JavaScript

TRANSPORTS: tuple[Sequence[str], ...] = (("polling",), ("polling", "websocket"), ("websocket",))


async def test_every_transport_gets_through_and_survives_the_restart_of_a_replica(
    cluster: Cluster, javascript: JavaScript
) -> None:
    project = await cluster.project("ada", *(f"user{number}" for number in range(6)))
    clients = [
        await javascript.connect(
            cluster.url, auth={"userId": f"user{number}"}, transports=TRANSPORTS[number % 3], reconnection=True
        )
        for number in range(6)
    ]
    for client in clients:
        assert (await client.emit_ack("join:project", {"projectId": project}))["success"]
    await clients[1].wait_transport("websocket")
    await clients[4].wait_transport("websocket")
    for number, client in enumerate(clients):
        ack = await client.emit_ack("track:create", {"projectId": project, "track": {"name": f"track {number}"}})
        assert ack["revision"] == number + 1
        for other in clients:
            if other is not client:
                await other.wait_for("track:created", lambda news, n=number: news["track"]["name"] == f"track {n}")
    before = [client.sid for client in clients]

    victim = cluster.replicas[0]
    await victim.stop(signal.SIGKILL)
    await victim.start()
    async with asyncio.timeout(60):
        while any(client.disconnected for client in clients):
            await asyncio.sleep(0.05)
    moved = [client for client, sid in zip(clients, before, strict=True) if client.sid != sid]
    for client in moved:
        assert (await client.emit_ack("join:project", {"projectId": project, "since": 6}, timeout=20))["success"]
    for number, client in enumerate(clients):
        ack = await client.emit_ack(
            "track:create", {"projectId": project, "track": {"name": f"later {number}"}}, timeout=20
        )
        assert ack["success"], ack
        for other in clients:
            if other is not client:
                await other.wait_for(
                    "track:created", lambda news, n=number: news["track"]["name"] == f"later {n}", timeout=20
                )


@pytest.mark.parametrize("header", ["nonsense", "1760000000.abcdef", ""])
async def test_only_replicas_may_say_that_they_pass_a_request_on(cluster: Cluster, header: str) -> None:
    url = f"{cluster.replicas[0].url}/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession() as http, http.get(url, headers={"X-Dawg-Forwarded": header}) as reply:
        assert reply.status == 403


async def test_a_session_of_a_replica_that_is_gone_is_unknown(cluster: Cluster, javascript: JavaScript) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"{cluster.replicas[1].url}/socket.io/?EIO=4&transport=polling"
        async with http.get(url) as reply:
            sid = (await reply.text()).split('"sid":"')[1].split('"')[0]
        async with http.post(f"{cluster.replicas[0].url}/socket.io/?EIO=4&transport=polling&sid={sid}", data="40") as r:
            assert (r.status, await r.text()) == (200, "OK")
        await cluster.replicas[1].stop(signal.SIGKILL)
        async with http.get(f"{cluster.replicas[0].url}/socket.io/?EIO=4&transport=polling&sid={sid}") as reply:
            assert reply.status == 400
