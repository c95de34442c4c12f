"""Clients that read too slowly, send too much or send nonsense harm themselves at most."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from handlers.sockets import transport
from handlers.sockets.transport import dispatcher
from tests import patience
from tests.handlers.sockets.transport.conftest import RawClient, Running, Serve, StalledClient
from tests.javascript.client import JavaScript

Raw = Callable[[Running], Awaitable[RawClient]]
Stalled = Callable[[Running], Awaitable[StalledClient]]

BUDGET = 1_000_000  # bytes, in these tests


def echo(server: transport.Server) -> None:
    server.on("echo", lambda sid, data: {"success": True, "data": data})


async def test_a_stalled_client_is_closed_within_its_budget_and_delays_nobody(
    serve: Serve, raw: Raw, stalled: Stalled
) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    stuck, quick = await stalled(running), await raw(running)
    sid = await quick.join()
    queue = next(
        client.connection.send_queue for client in running.server.manager.clients.values() if client.sid != sid
    )
    largest = 0
    for number in range(1000):
        running.server.broadcast("filling", {"number": number, "filling": "." * 10_000})
        largest = max(largest, queue.size)
        assert f'"number":{number},' in await quick.receive()
    assert 0.5 * BUDGET < largest <= BUDGET
    assert queue.size < 200_000  # given back at once, but for what the transport itself still holds
    assert [namespace for namespace, _ in running.slow] == ["/"]
    await patience.until(lambda: running.server.sockets_by_namespace() == {"/": 1})
    assert await stuck.read_all() is not None


async def test_a_slow_client_that_reads_on_learns_why_it_was_closed(serve: Serve, stalled: Stalled) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    client = await stalled(running)
    while not running.slow:
        running.server.broadcast("filling", "." * 10_000)
    assert b'42["server:slow-client",{"maxQueueBytes":1000000,"timestamp":' in await client.read_all()


async def test_a_broken_hook_for_slow_clients_spares_the_sender_and_the_others(
    serve: Serve, raw: Raw, stalled: Stalled
) -> None:
    slow: list[str] = []

    def broken(namespace: str, sid: str) -> None:
        slow.append(sid)
        raise ZeroDivisionError

    running = await serve(echo, max_queue_bytes=BUDGET, on_slow_client=broken)
    await stalled(running)
    quick = await raw(running)
    await quick.join()
    while not slow:
        running.server.broadcast("filling", "." * 10_000)
        assert (await quick.receive()).startswith('42["filling"')


async def test_voice_audio_is_dropped_while_everything_else_still_waits(serve: Serve, stalled: Stalled) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    await stalled(running)
    (sid,) = running.server.manager.clients
    sent = 0
    while running.server.try_send_volatile("audio-delta", {"audio": "." * 10_000}, sid=sid):
        sent += 1
    assert sent * 10_000 > 0.4 * BUDGET
    running.server.broadcast("important", "." * 10_000)
    assert not running.server.try_send_volatile("audio-delta", {"audio": "." * 10_000}, sid=sid)
    assert running.slow == []
    assert not running.server.try_send_volatile("audio-delta", {}, sid="nobody")


async def test_a_polling_client_that_polls_no_more_is_closed_within_its_budget(serve: Serve) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    async with aiohttp.ClientSession() as session:
        url = f"{running.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(url) as reply:
            sid = json.loads((await reply.text())[1:])["sid"]
        await session.post(f"{url}&sid={sid}", data="40")
        async with session.get(f"{url}&sid={sid}") as reply:
            assert (await reply.text()).startswith('40{"sid"')
        for _ in range(200):
            running.server.broadcast("filling", "." * 10_000)
        await patience.until(lambda: running.server.eio.sockets == {})


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]])
async def test_messages_larger_than_the_budget_reach_a_client_that_reads(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    """Some at once, as after a reconnect that opens several projects, with news of others in between."""

    async def snapshot(sid: str, data: Any) -> dict[str, Any]:
        return {"project": "." * 2 * BUDGET}

    running = await serve(lambda server: server.on("snapshot", snapshot), max_queue_bytes=BUDGET)
    client = await javascript.connect(running.url, transports=transports)
    asked = [asyncio.create_task(client.emit_ack("snapshot", number)) for number in range(4)]
    while not all(task.done() for task in asked):
        running.server.broadcast("news", "." * 1000)
        await asyncio.sleep(0.01)
    assert [len(task.result()["project"]) for task in asked] == [2 * BUDGET] * 4
    running.server.broadcast("large", "." * 2 * BUDGET)
    assert len(await client.wait_for("large")) == 2 * BUDGET
    assert (client.disconnected, running.slow) == (None, [])


async def test_behind_a_message_larger_than_the_budget_the_budget_holds(serve: Serve, stalled: Stalled) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    await stalled(running)
    (client,) = running.server.manager.clients.values()
    running.server.broadcast("large", "." * 2 * BUDGET)
    running.server.broadcast("small", "." * (BUDGET // 2))
    assert running.slow == []
    while not running.slow:
        running.server.broadcast("filling", "." * 10_000)
        assert client.connection.send_queue.size < 3 * BUDGET + 100_000
    await patience.until(lambda: running.server.eio.sockets == {})


async def test_an_unanswered_ping_ends_the_connection(serve: Serve, raw: Raw) -> None:
    left: list[str] = []
    running = await serve(
        lambda server: server.on("disconnect", lambda sid, reason: left.append(reason)),
        ping_interval=0.05,
        ping_timeout=0.1,
    )
    client = await raw(running)
    await client.join()
    await patience.until(lambda: left == ["ping timeout"])
    await patience.until(lambda: running.server.eio.sockets == {})


async def test_the_largest_packet_passes_and_a_larger_one_disconnects(serve: Serve, javascript: JavaScript) -> None:
    running = await serve(echo, max_packet_bytes=100_000)
    for transports, frame in (["websocket"], len('420["echo",""]')), (["polling"], len('420["echo",""]')):
        client = await javascript.connect(running.url, transports=transports)
        text = "." * (100_000 - frame)
        assert (await client.emit_ack("echo", text))["data"] == text
        await client.emit("echo", "." * 100_001)
        assert await client.wait_disconnected() in ("transport close", "transport error")
    binary = await javascript.connect(running.url, transports=["websocket"])
    await binary.emit("echo", [b"." * 60_000, b"." * 60_000])
    await binary.wait_disconnected()


PAYLOADS = ["", "null", "[]", "{}", "17", '"text"', "[[]]", "[null]", "[17]", '[{"a":1}]', '["connect"]', '["*",1]']


@pytest.mark.parametrize("payload", [*PAYLOADS, '["echo",NaN]', '["echo",', '["echo","\\ud800"]', '["nothing"]'])
async def test_a_payload_of_the_wrong_type_is_answered_and_the_connection_goes_on(
    serve: Serve, raw: Raw, payload: str
) -> None:
    connected: list[Any] = []

    def register(server: transport.Server) -> None:
        echo(server)
        server.on("connect", lambda sid, environ, auth: connected.append(sid))
        server.on("disconnect", connected.append)

    running = await serve(register)
    client = await raw(running)
    await client.join()
    # An id needs something after it that is no digit, or it would be part of it.
    await client.send(f"425{payload}" if not payload[:1].isdigit() else f"42{payload}")
    answer = await client.receive()
    assert '"code":"validation_error"' in answer
    assert answer.startswith("435[") or payload[:1].isdigit()
    await client.send('427["echo",null]')
    assert await client.receive() == '437[{"success":true,"data":null}]'
    assert len(connected) == 1


@pytest.mark.parametrize("depth", [101, 1000, 100_000])
async def test_absurd_nesting_is_refused_and_sane_nesting_passes(serve: Serve, raw: Raw, depth: int) -> None:
    running = await serve(echo)
    client = await raw(running)
    await client.join()
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        await client.send(f'421["echo",{opening * depth}0{closing * depth}]')
        answer = await client.receive()
        assert answer.startswith("431[") and '"validation_error"' in answer
        await client.send(f'42["echo",{opening * depth}0{closing * depth}]')
        answer = await client.receive()
        assert answer.startswith('42["error",') and '"event":"echo"' in answer
    sane = "[" * 90 + "]" * 90
    await client.send(f'422["echo",{sane}]')
    assert await client.receive() == f'432[{{"success":true,"data":{sane}}}]'


@pytest.mark.parametrize(
    "packets",
    [["x"], [""], ["8"], ["49"], ["4"], ["45"], ["45999-[]"], ["451-[]", '42["echo"]'], ["45-[]"], ["4299-[]"]],
    ids=str,
)
async def test_whoever_breaks_the_protocol_loses_the_connection(serve: Serve, raw: Raw, packets: list[str]) -> None:
    running = await serve(echo)
    client = await raw(running)
    await client.join()
    for text in packets:
        await client.send(text)
    await patience.until(lambda: running.server.eio.sockets == {})


@pytest.mark.parametrize("number", ["-1", "1", "true", '"0"', "null", "1e9"])
async def test_a_placeholder_without_its_attachment_is_refused(serve: Serve, raw: Raw, number: str) -> None:
    running = await serve(echo)
    client = await raw(running)
    await client.join()
    await client.send(f'451-3["echo",{{"_placeholder":true,"num":{number}}}]')
    await client.websocket.send_bytes(b"bytes")
    answer = await client.receive()
    assert answer.startswith("433[") and '"validation_error"' in answer


async def test_two_thousand_fuzzed_packets_leave_the_server_and_the_other_clients_alone(serve: Serve, raw: Raw) -> None:
    running = await serve(echo)
    witness = await raw(running)
    await witness.join()
    chance = random.Random(20_26)
    seeds = [
        '42["echo",{"a":[1,2,{"b":null}]}]',
        '421["echo","text"]',
        "40",
        "41",
        '40/voice,{"token":"x"}',
        "43[1]",
        '42/voice,12["echo",[]]',
        '451-["echo",{"_placeholder":true,"num":0}]',
        "3",
        "2probe",
        "5",
        "6",
        '44{"message":1}',
        '461-7[{"_placeholder":true,"num":0}]',
        "40/voice?x=1,{}",
        "4212345678901234567890[]",
    ]
    client: RawClient | None = None
    for number in range(2000):
        if client is None or client.websocket.closed:
            client = await raw(running)
            await client.send("40")
        text = list(chance.choice(seeds))
        for _ in range(chance.randrange(4)):
            position = chance.randrange(len(text) + 1)
            text[position : position + chance.randrange(3)] = chance.choice('[]{}",:-/\\0123456789eé\x1e\x00 ')
        try:
            if chance.random() < 0.05:
                await client.websocket.send_bytes(chance.randbytes(chance.randrange(50)))
            else:
                await client.send("".join(text))
        except ConnectionError:
            client = None
        if number % 50 == 0:
            await witness.send(f'42{number}["echo",{number}]')
            assert await witness.receive() == f'43{number}[{{"success":true,"data":{number}}}]'


BODIES = [b"\xff\xfe", b"\x1e", b"b!!!", b"4" * 1_000_001, b"", b"x" * 100, b'42["echo"]\x1e' * 3]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:12]))
async def test_a_bad_polling_body_is_answered_and_the_server_lives(serve: Serve, body: bytes) -> None:
    running = await serve(echo)
    async with aiohttp.ClientSession() as session:
        url = f"{running.url}/socket.io/?EIO=4&transport=polling"
        async with session.get(url) as reply:
            sid = json.loads((await reply.text())[1:])["sid"]
        async with session.post(f"{url}&sid={sid}", data=body) as reply:
            assert reply.status in (200, 400)
        async with session.get(f"{url}&sid=unknown") as reply:
            assert reply.status == 400
        await patience.until(lambda: running.server.eio.sockets == {})


async def test_small_messages_are_joined_and_stay_in_order_with_all_others(serve: Serve, raw: Raw) -> None:
    running = await serve(echo)
    client = await raw(running)
    sid = await client.join()
    for number in range(9):
        if number % 3 == 2:
            running.server.broadcast("number", number)
        else:
            assert running.server.try_send_volatile("number", number, sid=sid, joined=True)
    assert [await client.receive() for _ in range(9)] == [f'42["number",{number}]' for number in range(9)]
    running.server.try_send_volatile("number", 9, sid=sid, joined=True)
    assert await client.receive() == '42["number",9]'


async def test_what_is_told_to_all_and_what_is_told_to_one_stay_in_order(serve: Serve, raw: Raw) -> None:
    """Broadcasts of one turn of the loop are one write; what is larger than such a write is not kept back for it."""

    def register(server: transport.Server) -> None:
        def shout(sid: str, sizes: list[int]) -> str:
            for number, size in enumerate(sizes):
                server.broadcast("shouted", [number, "." * size])
            return "done"

        server.on("shout", shout)

    running = await serve(register)
    client, other = await raw(running), await raw(running)
    await client.join()
    await other.join()
    sizes = [1, 2, 70_000, 3, 40_000, 40_000, 4]
    told = [f'42["shouted",[{number},"{"." * size}"]]' for number, size in enumerate(sizes)]
    await client.send(f'427["shout",{json.dumps(sizes)}]')
    assert [await client.receive() for _ in range(8)] == [*told, '437["done"]']
    assert [await other.receive() for _ in range(7)] == told


async def test_broadcasts_of_one_turn_of_the_loop_stay_within_the_budget(serve: Serve, stalled: Stalled) -> None:
    running = await serve(echo, max_queue_bytes=BUDGET)
    await stalled(running)
    (client,) = running.server.manager.clients.values()
    for _ in range(10_000):
        running.server.broadcast("filling", "." * 1000)
        assert client.send_queue.size <= BUDGET
    assert [namespace for namespace, _ in running.slow] == ["/"]


@pytest.mark.parametrize("slow", ["connect", "disconnect"])
async def test_a_flood_of_joining_and_leaving_ends_its_connection(serve: Serve, raw: Raw, slow: str) -> None:
    """However slow whatever a connect or disconnect handler waits for may be."""
    gate = asyncio.Event()
    waiting: list[str] = []

    async def wait(sid: str, *_: Any) -> None:
        waiting.append(sid)
        await gate.wait()

    running = await serve(lambda server: server.on(slow, wait))
    client = await raw(running)
    for _ in range(10 * dispatcher.MAX_TRANSITIONS):
        await client.send("40")
        await client.send("41")
    await patience.until(lambda: all(each.closing for each in running.server.eio.sockets.values()))
    assert len(waiting) <= dispatcher.MAX_TRANSITIONS + 1  # the last one leaves with the connection
    gate.set()
    await patience.until(lambda: running.server.eio.sockets == {} and running.server.manager.clients == {})


async def test_whoever_joins_and_leaves_in_peace_keeps_the_connection(serve: Serve, raw: Raw) -> None:
    async def connect(sid: str, *_: Any) -> None:
        await asyncio.sleep(0.001)

    running = await serve(lambda server: server.on("connect", connect))
    client = await raw(running)
    for _ in range(3 * dispatcher.MAX_TRANSITIONS):
        await client.join()
        await client.send("41")
    await client.join()
    assert len(running.server.manager.clients) == 1
