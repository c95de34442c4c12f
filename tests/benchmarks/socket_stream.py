"""Streaming: small deltas of text to 200 websocket clients at once, each its own, ours against a peer.

    python -m tests.benchmarks.socket_stream --peer node

Eight deltas at a time for one client, as they come out of one chunk of a language model's answer, then the next client.
"""

from __future__ import annotations

import asyncio

import uvloop

from tests.benchmarks import socket_load

CLIENTS = 200
DELTAS = 400  # per client
WARM_UP = 40  # likewise, before it is measured


async def deltas_per_second(kind: str) -> tuple[float, float]:
    with socket_load.server(kind) as server:
        clients = await socket_load.connect(server, CLIENTS)
        await _stream(clients, WARM_UP)
        with socket_load.measured(server) as result:
            await _stream(clients, DELTAS)
        for client in clients:
            client.abort()
    total = CLIENTS * DELTAS
    return total / result.cpu, total / result.wall


async def _stream(clients: list[socket_load.Client], deltas: int) -> None:
    request = socket_load.frame(f'427["stream",{{"deltas":{deltas},"interval":0}}]')
    texts = [f'42["response-delta",{{"requestId":"benchmark","delta":"word {number} "}}]' for number in range(deltas)]
    expected = sum(len(text) + 2 for text in texts) + len('437[{"success":true}]') + 2
    left = dict.fromkeys(clients, expected)
    done = asyncio.Event()

    def received(client: socket_load.Client, data: bytes) -> None:
        left[client] -= len(data)
        if left[client] == 0:
            del left[client]
            if not left:
                done.set()

    for client in clients:
        client.on_data = received
        client.send(request)
    await asyncio.wait_for(done.wait(), 300)


if __name__ == "__main__":
    uvloop.run(socket_load.compare("deltas", deltas_per_second, target=1.2))
