"""The official JavaScript client over every way to connect that it has."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import socketio

from handlers.sockets import transport
from tests import patience
from tests.handlers.sockets.transport.conftest import ORIGIN, Serve
from tests.javascript.client import ConnectError, JavaScript

WAYS = [["websocket"], ["polling"], ["polling", "websocket"], ["websocket", "polling"]]
NAMESPACES = ("/", "/ai-brain", "/voice")


def handlers(server: transport.Server) -> None:
    def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> None:
        if auth and auth.get("token") == "wrong":
            raise socketio.exceptions.ConnectionRefusedError("Sign in first.", {"code": "unauthorized"})

    async def echo(sid: str, data: Any) -> Any:
        await asyncio.sleep(0)
        return {"success": True, "data": data}

    async def join(sid: str, room: str) -> dict[str, Any]:
        await server.enter_room(sid, room)
        return {"success": True}

    for namespace in NAMESPACES:
        server.on("connect", connect, namespace=namespace)
        server.on("echo", echo, namespace=namespace)
    server.on("join", join)
    server.on("shout", lambda sid, data: server.broadcast("shouted", data, room="studio", skip_sid=sid))
    server.on("two", lambda sid, first, second: (first, second))


@pytest.mark.parametrize("transports", WAYS, ids="+".join)
async def test_three_namespaces_over_one_connection_answer_acks_with_text_and_bytes(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    running = await serve(handlers)
    main = await javascript.connect(running.url, transports=transports)
    others = [await javascript.connect(running.url, name, over=main) for name in NAMESPACES[1:]]
    payload = {"text": "Grüße 🎧", "bytes": b"\x00\xff\x1e" * 100, "list": [1, None, {"more": b""}], "number": 1.5}
    for client in (main, *others):
        assert await client.emit_ack("echo", payload) == {"success": True, "data": payload}
    assert await main.emit_ack("two", 1, "b") == 1  # emitWithAck resolves with the first
    assert running.server.sockets_by_namespace() == dict.fromkeys(NAMESPACES, 1)
    assert len(running.server.eio.sockets) == 1
    for client in (main, *others):
        await client.disconnect()
    await patience.until(lambda: running.server.sockets_by_namespace() == {} and not running.server.eio.sockets)


@pytest.mark.parametrize("transports", WAYS, ids="+".join)
async def test_the_room_hears_what_one_of_it_shouts_and_nobody_else_does(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    running = await serve(handlers)
    shouting, hearing, outside = [await javascript.connect(running.url, transports=transports) for _ in range(3)]
    for client in (shouting, hearing):
        assert await client.emit_ack("join", "studio") == {"success": True}
    await shouting.emit("shout", {"note": 60, "audio": b"\x01\x02"})
    assert await hearing.wait_for("shouted") == {"note": 60, "audio": b"\x01\x02"}
    running.server.broadcast("end")
    for client in (shouting, outside):
        await client.wait_for("end")
        assert client.received("shouted") == []


async def test_a_polling_client_moves_to_a_websocket_without_losing_or_reordering_anything(
    serve: Serve, javascript: JavaScript
) -> None:
    running = await serve(handlers)
    client = await javascript.connect(running.url, transports=["polling", "websocket"])
    sent = 0
    while client.transport == "polling" or sent < 50:
        running.server.broadcast("count", sent)
        sent += 1
        await asyncio.sleep(0.001)
    running.server.broadcast("count", sent)
    await client.wait_for("count", lambda number: number == sent)
    assert client.received("count") == list(range(sent + 1))
    await client.wait_transport("websocket")


async def test_a_thousand_messages_reach_twenty_clients_in_order(serve: Serve, javascript: JavaScript) -> None:
    running = await serve(handlers)
    clients = [await javascript.connect(running.url, transports=WAYS[number % 3]) for number in range(20)]
    for number in range(1000):
        running.server.broadcast("count", {"number": number, "filling": "." * (number % 700)})
        if number % 100 == 0:
            await asyncio.sleep(0)
    for client in clients:
        await client.wait_for("count", lambda data: data["number"] == 999, timeout=patience.SECONDS)
        assert [data["number"] for data in client.received("count")] == list(range(1000))


@pytest.mark.parametrize("transports", WAYS[:2], ids="+".join)
async def test_the_server_hears_a_thousand_events_of_one_client_in_order(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    heard: list[int] = []
    running = await serve(lambda server: server.on("count", lambda sid, number: heard.append(number)))
    client = await javascript.connect(running.url, transports=transports)
    await asyncio.gather(*(client.emit("count", number) for number in range(1000)))
    await patience.until(lambda: len(heard) == 1000)
    assert heard == list(range(1000))


@pytest.mark.parametrize("transports", WAYS[:2], ids="+".join)
async def test_the_server_can_ask_a_client_and_gets_its_ack(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    running = await serve(handlers)
    client = await javascript.connect(running.url, transports=transports)
    answer = await running.server.call("question", ("a", b"bytes"), to=client.sid, timeout=patience.SECONDS)
    assert answer == ("a", b"bytes")


@pytest.mark.parametrize("transports", WAYS[:2], ids="+".join)
async def test_an_unlisted_origin_is_refused_and_a_listed_one_passes(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    running = await serve(handlers)
    with pytest.raises(ConnectError):
        await javascript.connect(running.url, transports=transports, headers={"Origin": "https://evil.example"})
    await javascript.connect(running.url, transports=transports, headers={"Origin": ORIGIN})
    assert running.server.sockets_by_namespace() == {"/": 1}


@pytest.mark.parametrize("transports", WAYS[:2], ids="+".join)
async def test_a_refused_client_is_told_why_and_may_try_again_on_the_same_connection(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    running = await serve(handlers)
    main = await javascript.connect(running.url, transports=transports)
    with pytest.raises(ConnectError, match=r"Sign in first\.") as refused:
        await javascript.connect(running.url, "/voice", {"token": "wrong"}, over=main)
    assert refused.value.data == {"code": "unauthorized"}
    with pytest.raises(ConnectError, match="Invalid namespace"):
        await javascript.connect(running.url, "/nowhere", over=main)
    assert running.server.sockets_by_namespace() == {"/": 1}
    assert await main.emit_ack("echo", 1) == {"success": True, "data": 1}


@pytest.mark.parametrize("transports", WAYS[:2], ids="+".join)
async def test_a_disconnected_client_knows_who_did_it(
    serve: Serve, javascript: JavaScript, transports: list[str]
) -> None:
    left: list[str] = []
    running = await serve(lambda server: server.on("disconnect", lambda sid, reason: left.append(reason)))
    client = await javascript.connect(running.url, transports=transports)
    await running.server.disconnect(client.sid)
    assert await client.wait_disconnected() == "io server disconnect"
    again = await javascript.connect(running.url, transports=transports)
    await again.disconnect()
    await patience.until(lambda: len(left) == 2)
    assert left == ["server disconnect", "client disconnect"]


async def test_pings_keep_an_idle_connection(serve: Serve, javascript: JavaScript) -> None:
    running = await serve(handlers, ping_interval=0.1, ping_timeout=2.0)
    clients = [await javascript.connect(running.url, transports=transports) for transports in WAYS[:2]]
    await asyncio.sleep(2.5)
    for client in clients:
        assert await client.emit_ack("echo", 1) == {"success": True, "data": 1}


@pytest.mark.parametrize("transports", [["websocket"], ["polling"]], ids="+".join)
async def test_pythons_own_client_is_served_too(serve: Serve, transports: list[str]) -> None:
    running = await serve(handlers)
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(running.url, transports=transports, wait_timeout=patience.SECONDS)
        answer = await client.call("echo", {"bytes": b"\x00"}, timeout=patience.SECONDS)
        assert answer == {"success": True, "data": {"bytes": b"\x00"}}
        for number in range(100):
            running.server.broadcast("count", number)
        counted = [await client.receive(timeout=patience.SECONDS) for _ in range(100)]
        assert counted == [["count", number] for number in range(100)]
