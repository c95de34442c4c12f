"""Room broadcast: one `track:updated` of about 300 bytes to a thousand websocket clients, ours against a peer.

    python -m tests.benchmarks.socket_broadcast --peer node

One more client sends the updates, four at a time. No client offers per-message deflate.
"""

from __future__ import annotations

import asyncio
import json

import uvloop

from tests.benchmarks import socket_load

CLIENTS = 1000
UPDATES = {"stock": 40, "ours": 300, "node": 200}
WARM_UP = 20  # updates before it is measured
WINDOW = 4  # updates under way
UPDATE = {
    "projectId": "7d5c1f5e-5b0e-4f1c-9d0c-000000000001",
    "trackId": "7d5c1f5e-5b0e-4f1c-9d0c-000000000002",
    "changes": {"volume": 0.75, "pan": -0.25, "muted": False, "name": "Lead vocal"},
    "userId": "someone",
    "username": "Someone",
    "revision": 1234,
    "timestamp": "2026-11-22T12:00:00.000Z",
}


async def deliveries_per_second(kind: str) -> tuple[float, float]:
    updates = UPDATES[kind]
    with socket_load.server(kind) as server:
        sender, *listeners = await socket_load.connect(server, CLIENTS + 1)
        await _broadcast(sender, listeners, WARM_UP)
        with socket_load.measured(server) as result:
            await _broadcast(sender, listeners, updates)
        for client in (sender, *listeners):
            client.abort()
    return updates * CLIENTS / result.cpu, updates * CLIENTS / result.wall


async def _broadcast(sender: socket_load.Client, listeners: list[socket_load.Client], updates: int) -> None:
    body = json.dumps(UPDATE, separators=(",", ":"))
    size = len(f'42["track:updated",{body}]') + 4
    received, sent = 0, 0
    done = asyncio.Event()

    def count(client: socket_load.Client, data: bytes) -> None:
        nonlocal received
        received += len(data)
        send()

    def send() -> None:
        nonlocal sent
        while sent < updates and sent * size * CLIENTS < received + WINDOW * size * CLIENTS:
            sender.send(socket_load.frame(f'42["update",{body}]'))
            sent += 1
        if received >= updates * size * CLIENTS:
            done.set()

    for listener in listeners:
        listener.on_data = count
    send()
    await asyncio.wait_for(done.wait(), 300)


if __name__ == "__main__":
    uvloop.run(socket_load.compare("deliveries of a room broadcast", deliveries_per_second, target=1.9))
