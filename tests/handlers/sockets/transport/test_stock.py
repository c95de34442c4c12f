"""What `stock` and the transport take for granted of the libraries besides their public interface."""

from __future__ import annotations

import inspect
from types import CodeType
from typing import Any

import engineio
import pytest
import socketio
from aiohttp import test_utils, web
from engineio.async_drivers import aiohttp as driver
from socketio import async_manager

from handlers.sockets.transport import stock
from handlers.sockets.transport.connection import TextQueue
from tests import patience

SIGNATURES: list[tuple[Any, str, str]] = [
    (socketio.AsyncServer, "_get_event_handler", "(self, event, namespace, args)"),
    (socketio.AsyncServer, "_get_namespace_handler", "(self, namespace, args)"),
    (socketio.AsyncServer, "_engineio_server_class", "(self)"),
    (socketio.AsyncServer, "_handle_eio_connect", "(self, eio_sid, environ)"),
    (async_manager.AsyncManager, "can_disconnect", "(self, sid, namespace)"),
    *(
        (async_manager.AsyncManager, kind + name, arguments)
        for kind in ("", "basic_")
        for name, arguments in (
            ("enter_room", "(self, sid, namespace, room, eio_sid=None)"),
            ("leave_room", "(self, sid, namespace, room)"),
            ("close_room", "(self, room, namespace)"),
        )
    ),
    (async_manager.AsyncManager, "eio_sid_from_sid", "(self, sid, namespace)"),
    (async_manager.AsyncManager, "get_participants", "(self, namespace, room)"),
    (async_manager.AsyncManager, "get_rooms", "(self, sid, namespace)"),
    (engineio.AsyncServer, "generate_id", "(self)"),
    (driver, "translate_request", "(request)"),
]


@pytest.mark.parametrize(("owner", "name", "signature"), SIGNATURES)
def test_the_libraries_still_have_the_names_that_are_overridden_or_called(
    owner: Any, name: str, signature: str
) -> None:
    assert str(inspect.signature(getattr(owner, name))) == signature


@pytest.mark.parametrize(
    ("caller", "names"),
    [
        (socketio.AsyncServer.enter_room, {"enter_room"}),
        (socketio.AsyncServer.leave_room, {"leave_room"}),
        (socketio.AsyncServer.close_room, {"close_room"}),
        (async_manager.AsyncManager.enter_room, {"basic_enter_room"}),
        (async_manager.AsyncManager.leave_room, {"basic_leave_room"}),
        (async_manager.AsyncManager.close_room, {"basic_close_room"}),
        (socketio.AsyncServer.rooms, {"get_rooms"}),
        (socketio.AsyncServer.get_environ, {"eio_sid_from_sid", "environ"}),
        (socketio.AsyncServer._handle_eio_connect, {"environ"}),
        (socketio.base_server.BaseServer.__init__, {"_engineio_server_class"}),
    ],
)
def test_python_socketio_still_calls_what_is_overridden(caller: Any, names: set[str]) -> None:
    code: CodeType = caller.__code__
    assert names <= set(code.co_names)


def test_the_engine_still_keeps_its_handlers_by_event() -> None:
    server = socketio.AsyncServer(async_mode="aiohttp")
    assert set(server.eio.handlers) == {"connect", "message", "disconnect"}


async def test_texts_go_from_the_socket_to_who_takes_them_without_a_task_and_in_order() -> None:
    """What is refused waits, and so does all that comes after it until `take` is set again."""
    taken: list[str] = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        websocket = stock.DirectWebSocket(TextQueue)
        await websocket.prepare(request)
        assert websocket.queue is not None

        def take(text: str) -> bool:
            taken.append(text)
            return text != "third"

        websocket.queue.take = take
        heard = [(await websocket.receive()).data for _ in range(3)]
        heard[2] = heard[2].decode()
        assert websocket.queue.empty
        websocket.queue.take = take
        await websocket.send_json(heard)
        await websocket.receive()
        return websocket

    app = web.Application()
    app.router.add_get("/", handle)
    async with test_utils.TestClient(test_utils.TestServer(app)) as client:
        websocket = await client.ws_connect("/")
        for text in ("first", "second", "third", "fourth"):
            await websocket.send_str(text)
        await websocket.send_bytes(b"fifth")
        heard = await websocket.receive_str(timeout=patience.SECONDS)
        assert (taken, heard) == (["first", "second", "third"], '["third", "fourth", "fifth"]')
        await websocket.send_str("sixth")
        await websocket.close()
        await patience.until(lambda: taken[-1] == "sixth")
