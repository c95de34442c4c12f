"""Every case of the conformance suite of the Engine.IO protocol, revision 4, against the engine alone, which echoes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from handlers.sockets.transport import packets
from handlers.sockets.transport.connection import ClientConnection
from handlers.sockets.transport.engine import Engine
from tests import patience
from tests.handlers.sockets.transport.conftest import addresses

PING_INTERVAL, PING_TIMEOUT = 0.3, 0.2  # seconds, as in the suite; where neither matters pings never come
KEYS = {"sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"}


class Bytes(packets.Message):
    """A binary packet of the engine's own, which Socket.IO only sends as attachments."""

    def __init__(self, data: bytes) -> None:
        super().__init__(b"", [data])
        self.frame = self.frame[2:]  # without the empty text

    def encode(self) -> str:
        return super().encode()[1:]


class Echo:
    def receive(self, connection: ClientConnection, data: str | bytes) -> None:
        text = isinstance(data, str)
        connection.send_queue.put(packets.engine(packets.MESSAGE, data) if text else Bytes(data))


class Server:
    def __init__(self, engine: Engine, http: aiohttp.ClientSession, port: int) -> None:
        self.engine, self._http = engine, http
        self._url = f"http://127.0.0.1:{port}/engine.io/?"

    async def request(self, method: str, query: str, data: str | AsyncIterator[bytes] | None = None) -> tuple[int, str]:
        async with self._http.request(method, self._url + query, data=data) as reply:
            return reply.status, await reply.text()

    async def open_polling(self) -> str:
        """The query of a new session."""
        status, text = await self.request("GET", "EIO=4&transport=polling")
        assert (status, text[0]) == (200, "0")
        return f"EIO=4&transport=polling&sid={json.loads(text[1:])['sid']}"

    async def websocket(self, query: str = "EIO=4&transport=websocket") -> aiohttp.ClientWebSocketResponse:
        return await self._http.ws_connect(self._url + query)

    async def open_websocket(self) -> aiohttp.ClientWebSocketResponse:
        websocket = await self.websocket()
        assert (await websocket.receive_str(timeout=patience.SECONDS))[0] == "0"
        return websocket

    async def polled(self, session: str) -> asyncio.Task[tuple[int, str]]:
        """A poll that has arrived and waits."""
        (connection,) = self.engine.sockets.values()
        poll = asyncio.create_task(self.request("GET", session))
        await patience.until(lambda: connection.send_queue.polled)
        return poll


async def start(ping_interval: float, ping_timeout: float) -> tuple[Engine, web.AppRunner]:
    engine = Engine(
        addresses=addresses(), max_queue_bytes=2**20, ping_interval=ping_interval, ping_timeout=ping_timeout
    )
    engine.dispatcher = Echo()
    app = web.Application()
    engine.attach(app, "engine.io")
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return engine, runner


@pytest.fixture(params=[(25, 20)])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[Server]:
    engine, runner = await start(*request.param)
    async with aiohttp.ClientSession() as http:
        yield Server(engine, http, runner.addresses[0][1])
    await engine.shutdown()
    await runner.cleanup()


pings = pytest.mark.parametrize("server", [(PING_INTERVAL, 5)], indirect=True)
timeouts = pytest.mark.parametrize("server", [(PING_INTERVAL, PING_TIMEOUT)], indirect=True)


async def closed(websocket: aiohttp.ClientWebSocketResponse) -> bool:
    """Reads on to the end."""
    async with asyncio.timeout(patience.SECONDS):
        async for _ in websocket:
            pass
    return websocket.closed


# -- handshake ---------------------------------------------------------------------------------------------------------


async def test_polling_opens_a_session(server: Server) -> None:
    status, text = await server.request("GET", "EIO=4&transport=polling")
    opened = json.loads(text[1:])
    assert (status, text[0], set(opened)) == (200, "0", KEYS)
    assert isinstance(opened["sid"], str)
    assert (opened["upgrades"], opened["maxPayload"]) == (["websocket"], 1_000_000)
    assert (opened["pingInterval"], opened["pingTimeout"]) == (25_000, 20_000)


async def test_websocket_opens_a_session(server: Server) -> None:
    websocket = await server.websocket()
    text = await websocket.receive_str()
    opened = json.loads(text[1:])
    assert (text[0], set(opened), opened["upgrades"], opened["maxPayload"]) == ("0", KEYS, [], 1_000_000)
    assert (opened["pingInterval"], opened["pingTimeout"]) == (25_000, 20_000)
    await websocket.close()


WRONG = ["transport={}", "EIO=abc&transport={}", "EIO=4", "EIO=4&transport=abc"]


@pytest.mark.parametrize("query", WRONG)
async def test_polling_fails_with_an_invalid_query(server: Server, query: str) -> None:
    assert (await server.request("GET", query.format("polling")))[0] == 400


@pytest.mark.parametrize("query", WRONG)
async def test_websocket_fails_with_an_invalid_query(server: Server, query: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.websocket(query.format("websocket"))
    assert refused.value.status == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_a_handshake_with_another_method_fails(server: Server, method: str) -> None:
    assert (await server.request(method, "EIO=4&transport=polling"))[0] == 400


# -- messages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", ["4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA=="])
async def test_polling_sends_and_receives_payloads(server: Server, body: str) -> None:
    session = await server.open_polling()
    assert await server.request("POST", session, body) == (200, "ok")
    assert await server.request("GET", session) == (200, body)


async def test_polling_closes_the_session_upon_an_invalid_packet(server: Server) -> None:
    session = await server.open_polling()
    assert (await server.request("POST", session, "abc"))[0] == 400
    assert (await server.request("GET", session))[0] == 400


async def test_polling_closes_the_session_upon_duplicate_polls(server: Server) -> None:
    session = await server.open_polling()
    first = await server.polled(session)
    assert (await server.request("GET", session + "&t=burst"))[0] == 400
    assert await first == (200, "1")
    assert (await server.request("GET", session))[0] == 400


async def test_polling_closes_the_session_upon_posts_at_once(server: Server) -> None:
    """Their packets would be handled in no order."""
    session = await server.open_polling()
    begun, gate = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"4one"
        begun.set()
        await gate.wait()
        yield b"\x1e4two"

    first = asyncio.create_task(server.request("POST", session, slowly()))
    await begun.wait()
    await patience.until(lambda: any(each.posting for each in server.engine.sockets.values()))
    assert (await server.request("POST", session, "4three"))[0] == 400
    gate.set()
    await first
    assert (await server.request("GET", session))[0] == 400


async def test_posts_one_after_the_other_go_on(server: Server) -> None:
    session = await server.open_polling()
    for number in range(3):
        assert await server.request("POST", session, f"4{number}") == (200, "ok")
    assert await server.request("GET", session) == (200, "40\x1e41\x1e42")


async def test_polling_closes_the_session_upon_a_cancelled_poll(server: Server) -> None:
    session = await server.open_polling()
    (await server.polled(session)).cancel()
    assert (await server.request("GET", session))[0] == 400


async def test_websocket_sends_and_receives_text_and_bytes(server: Server) -> None:
    websocket = await server.open_websocket()
    await websocket.send_str("4hello")
    assert await websocket.receive_str(timeout=patience.SECONDS) == "4hello"
    await websocket.send_bytes(b"\1\2\3\4")
    assert await websocket.receive_bytes(timeout=patience.SECONDS) == b"\1\2\3\4"
    await websocket.close()


async def test_websocket_closes_upon_an_invalid_packet(server: Server) -> None:
    websocket = await server.open_websocket()
    await websocket.send_str("abc")
    assert await closed(websocket)


# -- heartbeat ---------------------------------------------------------------------------------------------------------


@pings
async def test_polling_sends_pings(server: Server) -> None:
    session = await server.open_polling()
    for _ in range(3):
        assert await server.request("GET", session) == (200, "2")
        assert (await server.request("POST", session, "3"))[0] == 200


@pings
async def test_websocket_sends_pings(server: Server) -> None:
    websocket = await server.open_websocket()
    for _ in range(3):
        assert await websocket.receive_str(timeout=patience.SECONDS) == "2"
        await websocket.send_str("3")
    await websocket.close()


@timeouts
async def test_polling_closes_upon_ping_timeout(server: Server) -> None:
    session = await server.open_polling()
    await patience.until(lambda: server.engine.sockets == {})
    assert (await server.request("GET", session))[0] == 400


@timeouts
async def test_websocket_closes_upon_ping_timeout(server: Server) -> None:
    assert await closed(await server.open_websocket())


# -- close -------------------------------------------------------------------------------------------------------------


async def test_polling_is_closed_by_the_client(server: Server) -> None:
    session = await server.open_polling()
    poll = await server.polled(session)
    assert await server.request("POST", session, "1") == (200, "ok")
    assert await poll == (200, "6")
    assert (await server.request("GET", session))[0] == 400


async def test_websocket_is_closed_by_the_client(server: Server) -> None:
    websocket = await server.open_websocket()
    await websocket.send_str("1")
    assert await closed(websocket)


# -- upgrade -----------------------------------------------------------------------------------------------------------


async def probed(server: Server, session: str) -> aiohttp.ClientWebSocketResponse:
    websocket = await server.websocket(session.replace("polling", "websocket"))
    await websocket.send_str("2probe")
    assert await websocket.receive_str(timeout=patience.SECONDS) == "3probe"
    return websocket


@pytest.mark.parametrize("waiting", [True, False])
async def test_an_upgrade_ends_the_poll_and_goes_on_over_websocket(server: Server, waiting: bool) -> None:
    session = await server.open_polling()
    poll = await server.polled(session) if waiting else None
    websocket = await probed(server, session)
    assert await (poll or server.request("GET", session)) == (200, "6")
    await websocket.send_str("5")
    await websocket.send_str("4hello")
    assert await websocket.receive_str(timeout=patience.SECONDS) == "4hello"
    await websocket.close()


@pytest.mark.parametrize("patient", [True, False])
async def test_polls_after_an_upgrade_are_refused(server: Server, patient: bool) -> None:
    session = await server.open_polling()
    if patient:
        websocket = await probed(server, session)
    else:
        websocket = await server.websocket(session.replace("polling", "websocket"))
        await websocket.send_str("2probe")
    await websocket.send_str("5")
    assert (await server.request("GET", session))[0] == 400
    assert (await server.request("POST", session, "4no"))[0] == 400
    await websocket.send_str("4hello")
    answers = [await websocket.receive_str(timeout=patience.SECONDS) for _ in range(1 if patient else 2)]
    assert answers[-1] == "4hello"
    await websocket.close()


async def test_a_second_websocket_of_an_upgraded_session_is_closed(server: Server) -> None:
    session = await server.open_polling()
    websocket = await probed(server, session)
    await websocket.send_str("5")
    second = await server.websocket(session.replace("polling", "websocket"))
    assert await closed(second)
    await websocket.send_str("4hello")
    assert await websocket.receive_str(timeout=patience.SECONDS) == "4hello"
    await websocket.close()
