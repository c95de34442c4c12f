"""Emit, handler, ack: 64 websocket clients that each wait for one ack before the next event, stock against ours.

    python -m tests.benchmarks.socket_ack

`echo` is a coroutine function on both servers, `plain` a plain function on ours.
"""

from __future__ import annotations

import asyncio
import statistics

import uvloop

from tests.benchmarks import socket_load

CLIENTS = 64
ROUND_TRIPS = 300  # per client
ROUNDS = 3
RUNS = (("stock", "echo"), ("ours", "echo"), ("ours", "plain"))


async def round_trips_per_second(kind: str, event: str) -> tuple[float, float]:
    """Round trips per second of processor, and of the clock."""
    request = socket_load.frame(f'427["{event}",{{"projectId":"7d5c1f5e-5b0e-4f1c-9d0c-000000000001","volume":0.5}}]')
    ack = len('437[{"success":true}]') + 2
    left = dict.fromkeys(range(CLIENTS), ROUND_TRIPS)
    done = asyncio.Event()
    with socket_load.server(kind) as server:
        clients = await socket_load.connect(server, CLIENTS)

        def next_request(number: int) -> None:
            def answered(client: socket_load.Client, data: bytes) -> None:
                assert len(data) == ack
                left[number] -= 1
                if left[number]:
                    client.send(request)
                    return
                del left[number]
                if not left:
                    done.set()

            clients[number].on_data = answered
            clients[number].send(request)

        with socket_load.measured(server) as result:
            for number in range(CLIENTS):
                next_request(number)
            await asyncio.wait_for(done.wait(), 300)
        for client in clients:
            client.abort()
    total = CLIENTS * ROUND_TRIPS
    return total / result.cpu, total / result.wall


async def main() -> None:
    found: dict[tuple[str, str], list[float]] = {run: [] for run in RUNS}
    for number in range(ROUNDS):
        for (kind, event), values in found.items():
            cpu, wall = await round_trips_per_second(kind, event)
            values.append(cpu)
            print(f"round {number + 1}  {kind:5} {event:5}  {cpu:7,.0f} acks per CPU second  {wall:7,.0f} per second")
    stock, echo, plain = (statistics.median(values) for values in found.values())
    print(f"\nmedian: stock {stock:,.0f}; ours {echo:,.0f}, ratio {echo / stock:.1f} with a coroutine function;")
    print(f"ours {plain:,.0f}, ratio {plain / stock:.1f} with a plain function (target 3)")


if __name__ == "__main__":
    uvloop.run(main())
