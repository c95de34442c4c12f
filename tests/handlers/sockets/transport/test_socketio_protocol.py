"""Every case of the conformance suite of the Socket.IO protocol, revision 5, that is not the engine's already."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from handlers.sockets import transport
from tests import patience
from tests.handlers.sockets.transport.conftest import Running, Serve
from tests.handlers.sockets.transport.test_engineio_protocol import closed

PING_INTERVAL = 0.3  # seconds, as in the suite

Open = Callable[..., Awaitable[aiohttp.ClientWebSocketResponse]]


def suite(server: transport.Server) -> None:
    """The server that the suite asks for."""
    for namespace in ("/", "/custom"):

        async def connect(sid: str, environ: Any, auth: Any, namespace: str = namespace) -> None:
            await server.save_session(sid, {"auth": auth}, namespace)

        async def message(sid: str, *data: Any, namespace: str = namespace) -> None:
            await server.emit("message-back", data, to=sid, namespace=namespace)

        server.on("connect", connect, namespace)
        server.on("message", message, namespace)
        server.on("message-with-ack", lambda sid, *data: data, namespace)


@pytest.fixture
async def running(serve: Serve) -> Running:
    return await serve(suite, ping_interval=PING_INTERVAL, ping_timeout=5)


@pytest.fixture
async def open(running: Running) -> Any:
    """Opens a websocket; with `join` it is in the main namespace."""
    async with aiohttp.ClientSession() as http:

        async def opened(*, join: bool = True) -> aiohttp.ClientWebSocketResponse:
            websocket = await http.ws_connect(running.websocket_url)
            assert (await websocket.receive_str(timeout=patience.SECONDS))[0] == "0"
            if join:
                await websocket.send_str("40")
                assert (await hear(websocket)).startswith("40{")
            return websocket

        yield opened


async def hear(websocket: aiohttp.ClientWebSocketResponse) -> Any:
    """The next packet, pings apart."""
    while (message := await websocket.receive(timeout=patience.SECONDS)).data == "2":
        pass
    return message.data


@pytest.mark.parametrize("namespace", ["", "/custom,"])
@pytest.mark.parametrize("auth", [None, {"token": "123"}])
async def test_a_namespace_is_joined(open: Open, running: Running, namespace: str, auth: Any) -> None:
    websocket = await open(join=False)
    await websocket.send_str(f"40{namespace}" + (json.dumps(auth) if auth else ""))
    text = await hear(websocket)
    assert text.startswith(f"40{namespace}{{")
    handshake = json.loads(text[2 + len(namespace) :])
    assert set(handshake) == {"sid"}
    session = await running.server.get_session(handshake["sid"], namespace.strip(",") or "/")
    assert session["auth"] == auth


async def test_an_unknown_namespace_is_refused(open: Open) -> None:
    websocket = await open(join=False)
    await websocket.send_str("40/random")
    assert await hear(websocket) == '44/random,{"message":"Invalid namespace"}'


async def test_an_invalid_handshake_ends_the_connection(open: Open) -> None:
    websocket = await open(join=False)
    await websocket.send_str("4abc")
    assert await closed(websocket)


@pytest.mark.parametrize("transports", ["websocket", "polling"])
async def test_a_connection_that_joins_nothing_is_closed(serve: Serve, transports: str) -> None:
    running = await serve(suite, connect_timeout=0.1)
    async with aiohttp.ClientSession() as http:
        if transports == "websocket":
            assert await closed(await http.ws_connect(running.websocket_url))
        else:
            async with http.get(f"{running.url}/socket.io/?EIO=4&transport=polling") as reply:
                assert reply.status == 200
        await patience.until(lambda: running.server.eio.sockets == {})


async def test_who_leaves_the_main_namespace_stays_connected_for_a_while(serve: Serve) -> None:
    running = await serve(suite, ping_interval=PING_INTERVAL, connect_timeout=3.0)
    async with aiohttp.ClientSession() as http:
        websocket = await http.ws_connect(running.websocket_url)
        await websocket.receive_str()
        await websocket.send_str("40")
        assert (await websocket.receive_str(timeout=patience.SECONDS)).startswith("40")
        await websocket.send_str("41")
        assert await websocket.receive_str(timeout=patience.SECONDS) == "2"
        await websocket.send_str("3")
        await websocket.send_str("40")
        assert (await hear(websocket)).startswith("40{")
        await websocket.send_str("41")
        await patience.until(lambda: running.server.sockets_by_namespace() == {})
        assert await closed(websocket)


async def test_another_namespace_is_joined_and_left(open: Open) -> None:
    websocket = await open()
    await websocket.send_str("40/custom")
    assert (await hear(websocket)).startswith("40/custom,")
    await websocket.send_str("41/custom")
    await websocket.send_str('42["message","message to main namespace"]')
    assert await hear(websocket) == '42["message-back","message to main namespace"]'


async def test_plain_text_packets(open: Open) -> None:
    websocket = await open()
    await websocket.send_str('42["message",1,"2",{"3":[true]}]')
    assert await hear(websocket) == '42["message-back",1,"2",{"3":[true]}]'
    await websocket.send_str('42456["message-with-ack",1,"2",{"3":[false]}]')
    assert await hear(websocket) == '43456[1,"2",{"3":[false]}]'


PLACEHOLDERS = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}'


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (f'452-["message",{PLACEHOLDERS}]', f'452-["message-back",{PLACEHOLDERS}]'),
        (f'452-789["message-with-ack",{PLACEHOLDERS}]', f"462-789[{PLACEHOLDERS}]"),
    ],
)
async def test_packets_with_binary_attachments(open: Open, sent: str, answer: str) -> None:
    websocket = await open()
    await websocket.send_str(sent)
    await websocket.send_bytes(b"\1\2\3")
    await websocket.send_bytes(b"\4\5\6")
    assert [await hear(websocket) for _ in range(3)] == [answer, b"\1\2\3", b"\4\5\6"]


@pytest.mark.parametrize("packet", ["4abc", '4{"a":1}', "47", "452-"])
async def test_invalid_packets_end_the_connection(open: Open, packet: str) -> None:
    websocket = await open()
    await websocket.send_str(packet)
    await websocket.send_str(packet)
    assert await closed(websocket)


@pytest.mark.parametrize("packet", ["42{}", '42abc["message-with-ack",1]', '42["connect"]', "42[{}]"])
async def test_what_is_no_event_is_answered_with_an_error(serve: Serve, packet: str) -> None:
    """The protocol asks for an end of the connection, which comes with the next ping that such a client ignores."""
    running = await serve(suite, ping_interval=PING_INTERVAL, ping_timeout=0.2)
    async with aiohttp.ClientSession() as http:
        websocket = await http.ws_connect(running.websocket_url)
        await websocket.receive_str()
        await websocket.send_str("40")
        await websocket.receive_str()
        await websocket.send_str(packet)
        assert '"code":"validation_error"' in await hear(websocket)
        assert await closed(websocket)
