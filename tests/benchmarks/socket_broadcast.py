"""Room broadcast: one `track:updated` of about 300 bytes to 500 websocket clients, python-socketio against ours.

    python -m tests.benchmarks.socket_broadcast

One more client sends the updates, four at a time. Throughput is counted per second of the server's processor, so that
it does not depend on what else the machine is doing; no client offers per-message deflate, which only helps the stock.
"""

from __future__ import annotations

import asyncio
import json
import statistics

import uvloop

from tests.benchmarks import socket_load

CLIENTS = 500
UPDATES = {"stock": 60, "ours": 300}
WINDOW = 4  # updates under way
ROUNDS = 3
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
    """Deliveries per second of processor, and of the clock."""
    body = json.dumps(UPDATE, separators=(",", ":"))
    size = len(f'42["track:updated",{body}]') + 4
    updates, received, sent = UPDATES[kind], 0, 0
    done = asyncio.Event()
    with socket_load.server(kind) as server:
        sender, *listeners = await socket_load.connect(server, CLIENTS + 1)

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
        with socket_load.measured(server) as result:
            send()
            await asyncio.wait_for(done.wait(), 300)
        for client in (sender, *listeners):
            client.abort()
    return updates * CLIENTS / result.cpu, updates * CLIENTS / result.wall


async def main() -> None:
    found: dict[str, list[float]] = {"stock": [], "ours": []}
    for number in range(ROUNDS):
        for kind, values in found.items():
            cpu, wall = await deliveries_per_second(kind)
            values.append(cpu)
            print(f"round {number + 1}  {kind:5}  {cpu:9,.0f} deliveries per CPU second  {wall:9,.0f} per second")
    stock, ours = (statistics.median(values) for values in found.values())
    print(f"\nmedian: stock {stock:,.0f}, ours {ours:,.0f}, ratio {ours / stock:.1f} (target 5)")


if __name__ == "__main__":
    uvloop.run(main())
