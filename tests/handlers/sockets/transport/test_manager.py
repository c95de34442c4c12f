"""Rooms and membership."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests import patience
from tests.handlers.sockets.transport.conftest import RawClient, Running, Serve

Raw = Callable[[Running], Awaitable[RawClient]]


async def test_an_event_reaches_whom_it_is_for(serve: Serve, raw: Raw) -> None:
    running = await serve()
    server = running.server
    clients = [await raw(running) for _ in range(3)]
    sids = [await client.join() for client in clients]
    await clients[0].join("/voice")
    await server.enter_room(sids[0], "red")
    await server.enter_room(sids[1], "red")
    await server.enter_room(sids[1], "blue")

    async def heard(**whom: object) -> list[bool]:
        server.broadcast("news", **whom)  # type: ignore[arg-type]
        server.broadcast("end")
        got = []
        for client in clients:
            first = await client.receive()
            got.append(first == '42["news"]')
            assert not got[-1] or await client.receive() == '42["end"]'
        return got

    assert await heard() == [True, True, True]
    assert await heard(skip_sid=sids[1]) == [True, False, True]
    assert await heard(skip_sid=[sids[0], sids[2]]) == [False, True, False]
    assert await heard(room="red") == [True, True, False]
    assert await heard(room="red", skip_sid=sids[0]) == [False, True, False]
    assert await heard(room=["red", "blue"]) == [True, True, False]
    assert await heard(room=sids[2]) == [False, False, True]
    assert await heard(room="nobody") == [False, False, False]
    assert await heard(room="red", namespace="/voice") == [False, False, False]
    assert await heard(room=sids[0], namespace="/voice") == [False, False, False]
    await server.leave_room(sids[0], "red")
    assert await heard(room="red") == [False, True, False]
    await server.close_room("red")
    assert await heard(room="red") == [False, False, False]


async def test_whoever_leaves_is_in_no_room_and_the_index_is_empty_again(serve: Serve, raw: Raw) -> None:
    rooms: list[list[str]] = []
    running = await serve(
        lambda server: server.on("disconnect", lambda sid, reason: rooms.append(sorted(server.rooms(sid))))
    )
    client = await raw(running)
    sid = await client.join()
    await running.server.enter_room(sid, "red")
    await running.server.save_session(sid, {"user": 1})
    assert await running.server.get_session(sid) == {"user": 1}
    await client.send("41")
    again = await client.join()
    assert again != sid
    await patience.until(lambda: rooms)
    assert rooms == [sorted([sid, "red"])]  # the disconnect handler still knows where the client was
    manager = running.server.manager
    assert (list(manager.clients), list(manager.rooms["/"])) == ([again], [None])
    await client.websocket.close()
    await patience.until(lambda: not manager.clients and not manager.rooms and not running.server.environ)


async def test_nobody_enters_another_clients_room_or_joins_a_namespace_twice(serve: Serve, raw: Raw) -> None:
    running = await serve()
    first, second = await raw(running), await raw(running)
    sids = [await first.join(), await second.join()]
    with pytest.raises(ValueError, match="sid room"):
        await running.server.enter_room(sids[0], sids[1])
    with pytest.raises(ValueError, match="not connected"):
        await running.server.enter_room("unknown", "red")
    await first.send("40")
    assert (await first.receive()).startswith("44{")
    assert running.server.sockets_by_namespace() == {"/": 2}
