"""A session answers through every replica: polls, posts and upgrades reach the one that has it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from handlers.addresses import FORWARDED
from handlers.sockets import transport
from handlers.sockets.transport.forwarding import HEADER, Forwarder
from tests import patience
from tests.handlers.sockets.transport.conftest import ORIGIN, Running, Serve

KEY = b"k" * 32


class Pair:
    """Two replicas; the session was begun at `home` and everything is asked of `other`."""

    def __init__(self, home: Running, other: Running, http: aiohttp.ClientSession) -> None:
        self.home, self.other, self.http = home, other, http

    @property
    def forwarder(self) -> Forwarder:
        assert self.other.server.eio.forwarder is not None
        return self.other.server.eio.forwarder

    async def handshake(self) -> str:
        async with self.http.get(f"{self.home.url}/socket.io/?EIO=4&transport=polling") as reply:
            return str(json.loads((await reply.text())[1:])["sid"])

    def url(self, sid: str, transport: str = "polling") -> str:
        return f"{self.other.url}/socket.io/?EIO=4&transport={transport}&sid={sid}"

    async def post(self, sid: str, body: str, **options: Any) -> tuple[int, str]:
        async with self.http.post(self.url(sid), data=body, **options) as reply:
            return reply.status, await reply.text()

    async def poll(self, sid: str, **options: Any) -> tuple[int, str]:
        async with self.http.get(self.url(sid), **options) as reply:
            return reply.status, await reply.text()


def handlers(server: transport.Server) -> None:
    server.on("connect", lambda sid, environ, auth: None)
    server.on("echo", lambda sid, data: data)


@pytest.fixture
async def pair(serve: Serve) -> AsyncIterator[Pair]:
    addresses: dict[str, str] = {}

    async def find(name: str) -> str | None:
        return addresses.get(name)

    home = await serve(handlers, forwarder=Forwarder(find, "home", KEY))
    other = await serve(handlers, forwarder=Forwarder(find, "other", KEY))
    addresses |= {"home": home.url, "other": other.url}
    async with aiohttp.ClientSession() as http:
        yield Pair(home, other, http)


async def test_polls_and_posts_reach_the_session(pair: Pair) -> None:
    sid = await pair.handshake()
    assert sid.startswith("home-")
    assert await pair.post(sid, "40") == (200, "ok")
    status, text = await pair.poll(sid)
    assert (status, text[:9]) == (200, '40{"sid":')
    large = "ä" * 300_000
    await pair.post(sid, f'420["echo","{large}"]\x1e421["echo",1]')
    assert await pair.poll(sid) == (200, f'430["{large}"]\x1e431[1]')
    assert pair.forwarder.forwarded == 4


async def test_a_poll_waits_as_long_as_it_would_at_home(pair: Pair) -> None:
    sid = await pair.handshake()
    await pair.post(sid, "40")
    await pair.poll(sid)
    waiting = asyncio.create_task(pair.poll(sid))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    pair.home.server.broadcast("news", 1)
    assert await waiting == (200, '42["news",1]')


async def test_an_upgrade_goes_through_and_either_end_ends_both(pair: Pair) -> None:
    for hang_up_first in ("browser", "server"):
        sid = await pair.handshake()
        await pair.post(sid, "40")
        await pair.poll(sid)
        async with pair.http.ws_connect(pair.url(sid, "websocket")) as websocket:
            await websocket.send_str("2probe")
            assert await websocket.receive_str() == "3probe"
            await websocket.send_str("5")
            await websocket.send_str('427["echo",{"deep":[1]}]')
            assert await websocket.receive_str() == '437[{"deep":[1]}]'
            await websocket.send_str('451-8["echo",{"_placeholder":true,"num":0}]')
            await websocket.send_bytes(b"\x00\xff" * 1000)
            assert await websocket.receive_str() == '461-8[{"_placeholder":true,"num":0}]'
            assert await websocket.receive_bytes() == b"\x00\xff" * 1000
            if hang_up_first == "server":
                await pair.home.server.eio.sockets[sid].close()
                while (await websocket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
                assert websocket.closed
        await patience.until(lambda: not pair.home.server.eio.sockets and not pair.forwarder._pumps.running)


async def test_what_the_session_refuses_is_refused_with_its_own_words(pair: Pair) -> None:
    sid = await pair.handshake()
    status, text = await pair.post(sid, "x" * 1_020_000)
    assert status == 400
    assert await pair.poll("home-unknown") == (400, '"Session ID unknown"')
    assert await pair.poll("nobody-unknown") == (400, '"Session ID unknown"')
    assert text


async def test_origins_are_checked_at_the_session(pair: Pair) -> None:
    sid = await pair.handshake()
    assert (await pair.post(sid, "40", headers={"Origin": "https://elsewhere.example"}))[0] == 400
    async with pair.http.post(pair.url(sid), data="40", headers={"Origin": ORIGIN}) as reply:
        assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


async def test_a_replica_that_does_not_answer_costs_its_session(pair: Pair) -> None:
    sid = await pair.handshake()
    await pair.home.runner.cleanup()
    assert (await pair.poll(sid))[0] == 400


async def test_a_session_is_passed_on_once_and_never_back(pair: Pair, serve: Serve) -> None:
    """Also when two replicas each think that the other one has it."""

    async def misled(name: str) -> str | None:
        return pair.home.url if name == "lost" else None

    async def misled_too(name: str) -> str | None:
        return third.url if name == "lost" else None

    third = await serve(handlers, forwarder=Forwarder(misled, "third", KEY))
    assert pair.home.server.eio.forwarder is not None
    pair.home.server.eio.forwarder._find = misled_too
    async with (
        asyncio.timeout(patience.SECONDS),
        pair.http.get(f"{third.url}/socket.io/?EIO=4&transport=polling&sid=lost-1") as reply,
    ):
        assert reply.status == 400


@pytest.mark.parametrize("forged", ["", "nonsense", "999.00", "now.00", "²³.00", "now.é"])
async def test_only_replicas_may_say_that_they_pass_a_request_on(pair: Pair, forged: str) -> None:
    sid = await pair.handshake()
    forged = forged.replace("now", str(int(time.time())))
    assert (await pair.poll(sid, headers={HEADER: forged}))[0] == 403
    path = URL(pair.url(sid)).raw_path_qs
    for key, method, signed_path in (
        (KEY, "GET", URL(pair.url("home-of-another-session")).raw_path_qs),
        (KEY, "POST", path),
        (b"wrong", "GET", path),
    ):
        signed = Forwarder(pair.forwarder._find, "other", key).sign(method, signed_path, {})
        assert (await pair.poll(sid, headers={HEADER: signed}))[0] == 403


@dataclass
class Eavesdropper:
    """Stands at the address of a replica and keeps what another one passes on to it."""

    url: str
    heard: list[tuple[str, dict[str, str]]]  # path with query, and headers


@pytest.fixture
async def eavesdropper() -> AsyncIterator[Eavesdropper]:
    heard: list[tuple[str, dict[str, str]]] = []

    async def keep(request: web.Request) -> web.Response:
        heard.append((request.raw_path, dict(request.headers)))
        return web.Response(text="6")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", keep)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Eavesdropper(f"http://127.0.0.1:{runner.addresses[0][1]}", heard)
    await runner.cleanup()


@pytest.mark.parametrize(
    "changed",
    [*({name: "192.0.2.1"} for name in FORWARDED), {FORWARDED[0]: None}, {"method": "POST"}, {"path": "&t=1"}],
)
async def test_what_was_passed_on_once_vouches_for_nothing_else(
    pair: Pair, serve: Serve, eavesdropper: Eavesdropper, changed: dict[str, str | None]
) -> None:
    """A request that somebody has seen does not let them say where another one comes from."""

    async def misled(name: str) -> str | None:
        return eavesdropper.url

    sid = await pair.handshake()
    assert await pair.post(sid, "40") == (200, "ok")
    third = await serve(handlers, forwarder=Forwarder(misled, "third", KEY))
    async with pair.http.get(f"{third.url}/socket.io/?EIO=4&transport=polling&sid={sid}") as reply:
        assert reply.status == 200
    ((path, headers),) = eavesdropper.heard
    sent = {**headers, **{name: value for name, value in changed.items() if name in FORWARDED}}
    sent = {name: value for name, value in sent.items() if value is not None}
    url = URL(pair.home.url + path + (changed.get("path") or ""), encoded=True)
    async with pair.http.request(changed.get("method") or "GET", url, headers=sent) as reply:
        assert reply.status == 403
    async with pair.http.get(URL(pair.home.url + path, encoded=True), headers=headers) as reply:
        assert reply.status == 200


async def test_a_slow_reader_behind_a_forward_costs_what_it_costs_at_home(pair: Pair) -> None:
    """Its backlog stays within the budget of the session's replica, which then lets it go."""
    sid = await pair.handshake()
    await pair.post(sid, "40")
    await pair.poll(sid)
    async with pair.http.ws_connect(pair.url(sid, "websocket"), max_msg_size=0) as websocket:
        await websocket.send_str("2probe")
        await websocket.receive_str()
        await websocket.send_str("5")
        await websocket.send_str('421["echo",1]')
        await websocket.receive_str()
        assert websocket._response.connection is not None  # type: ignore[union-attr]
        transport = websocket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.pause_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(patience.SECONDS):
            while sid in pair.home.server.eio.sockets:
                pair.home.server.broadcast("noise", "x" * 100_000)
                await asyncio.sleep(0.005)
        assert len(pair.home.slow) == 1
        transport.abort()  # else aiohttp waits ten seconds for the end of what it does not read
