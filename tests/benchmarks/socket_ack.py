"""Emit, handler, ack: 64 websocket clients that each wait for one ack before the next event, ours against a peer.

    python -m tests.benchmarks.socket_ack --peer node

The handler is an async function on every server.
"""

from __future__ import annotations

import asyncio

import uvloop

from tests.benchmarks import socket_load

CLIENTS = 64
ROUND_TRIPS = 400  # per client
WARM_UP = 50  # likewise, before it is measured


async def round_trips_per_second(kind: str) -> tuple[float, float]:
    with socket_load.server(kind) as server:
        clients = await socket_load.connect(server, CLIENTS)
        await _ask(clients, WARM_UP)
        with socket_load.measured(server) as result:
            await _ask(clients, ROUND_TRIPS)
        for client in clients:
            client.abort()
    total = CLIENTS * ROUND_TRIPS
    return total / result.cpu, total / result.wall


async def _ask(clients: list[socket_load.Client], times: int) -> None:
    request = socket_load.frame('427["echo",{"projectId":"7d5c1f5e-5b0e-4f1c-9d0c-000000000001","volume":0.5}]')
    ack = len('437[{"success":true}]') + 2
    left = dict.fromkeys(clients, times)
    done = asyncio.Event()

    def answered(client: socket_load.Client, data: bytes) -> None:
        assert len(data) == ack
        left[client] -= 1
        if left[client]:
            client.send(request)
            return
        del left[client]
        if not left:
            done.set()

    for client in clients:
        client.on_data = answered
        client.send(request)
    await asyncio.wait_for(done.wait(), 300)


if __name__ == "__main__":
    uvloop.run(socket_load.compare("acks", round_trips_per_second, target=1.2))
