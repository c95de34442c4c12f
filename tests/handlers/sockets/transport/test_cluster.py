"""python-socketio's interface over two replicas: rooms, single sockets and disconnects, wherever they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from bus import events
from bus.redis import RedisBus
from handlers.sockets import transport
from handlers.sockets.transport import ClusterManager
from tests import patience
from tests.handlers.sockets.transport.conftest import Running, Serve
from tests.javascript.client import JavaScript, JsClient


@dataclass
class Replica:
    running: Running
    client: JsClient
    left: list[str]

    @property
    def server(self) -> transport.Server:
        return self.running.server


@pytest.fixture
async def replicas(serve: Serve, javascript: JavaScript, valkey_url: str) -> AsyncIterator[tuple[Replica, Replica]]:
    """Each with one client."""
    made: list[Replica] = []
    buses: list[RedisBus] = []
    for name in ("one", "two"):
        bus = RedisBus(valkey_url)
        await bus.start()
        buses.append(bus)
        left: list[str] = []

        def register(server: transport.Server, left: list[str] = left) -> None:
            server.on("connect", lambda sid, environ, auth: None)
            server.on("disconnect", lambda sid, reason: left.append(sid))

        running = await serve(register, manager=ClusterManager(bus, name))
        made.append(Replica(running, await javascript.connect(running.url), left))
    yield made[0], made[1]
    for bus in buses:
        await bus.close()


async def test_what_one_tells_all_hear_in_order_and_once(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    for number in range(200):
        await one.server.emit("number", number)
    await one.server.emit("several", (1, "two", None))
    await one.server.emit("nothing")
    assert await two.client.wait_for("several") == [1, "two", None]
    await two.client.wait_for("nothing")
    await one.client.wait_for("nothing")
    assert two.client.received("number") == one.client.received("number") == list(range(200))


async def test_a_room_reaches_over_both_and_skips_whom_it_should(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    await one.server.enter_room(one.client.sid, "studio")
    await one.server.enter_room(two.client.sid, "studio")  # a socket of the other replica
    await patience.until(lambda: "studio" in two.server.rooms(two.client.sid))
    await two.server.emit("song", 1, room="studio", skip_sid=one.client.sid)
    await two.server.emit("song", 2, room=["studio", "empty"])
    await one.client.wait_for("song", lambda number: number == 2)
    await two.client.wait_for("song", lambda number: number == 2)
    assert (one.client.received("song"), two.client.received("song")) == ([2], [1, 2])
    await one.server.leave_room(two.client.sid, "studio")
    await patience.until(lambda: "studio" not in two.server.rooms(two.client.sid))
    await two.server.close_room("studio")
    await patience.until(lambda: "studio" not in one.server.rooms(one.client.sid))


async def test_one_socket_is_told_and_disconnected_from_afar(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    await one.server.emit("private", "hello", to=two.client.sid)
    assert await two.client.wait_for("private") == "hello"
    await one.server.disconnect(two.client.sid)
    assert await two.client.wait_disconnected() == "io server disconnect"
    await patience.until(lambda: two.left == [two.client.sid] or two.left)
    assert one.client.received("private") == []
    assert one.client.disconnected is None


async def test_nothing_but_the_known_commands_is_obeyed(replicas: tuple[Replica, Replica]) -> None:
    """Whoever can write to Redis names no function of the server."""
    one, two = replicas
    bus = one.server.manager._bus  # type: ignore[attr-defined]
    for name in ("pre_disconnect", "connect", "basic_disconnect", "no such thing"):
        bus.publish_nowait(events.SocketCommand(name, "/", {"sid": two.client.sid}))
    await one.server.emit("still", "here")
    assert await two.client.wait_for("still") == "here"
    assert two.server.manager.is_connected(two.client.sid, "/")


async def test_what_concerns_one_process_stays_there(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    one.server.broadcast("local", 1)
    await one.server.emit("global", 2)
    await two.client.wait_for("global")
    assert two.client.received("local") == []
    assert await one.client.wait_for("local") == 1


async def test_unknown_sockets_and_rooms_harm_nobody(replicas: tuple[Replica, Replica]) -> None:
    one, two = replicas
    calls: list[Any] = [
        one.server.disconnect("nobody"),
        one.server.enter_room("nobody", "r"),
        one.server.leave_room("nobody", "r"),
        one.server.close_room("empty"),
        one.server.emit("x", 1, to="nobody"),
        one.server.emit("x", 1, room="empty"),
    ]
    await asyncio.gather(*calls)
    await one.server.emit("still", "here")
    await two.client.wait_for("still")
