"""Who may begin a session, and what else the HTTP side answers."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
import socketio

from tests import patience
from tests.handlers.sockets.transport.conftest import ORIGIN, Running, Serve, addresses


@pytest.mark.parametrize("query", ["EIO=4&transport=polling", "EIO=4&transport=websocket"])
@pytest.mark.parametrize("origin", ["https://evil.example", "https://dawg-ai.com.evil.example", "null", ORIGIN + "/x"])
async def test_an_unlisted_origin_is_refused_without_cors_headers(serve: Serve, query: str, origin: str) -> None:
    running = await serve()
    url, headers = f"{running.url}/socket.io/?{query}", {"Origin": origin, **upgrade(query)}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as reply:
        assert reply.status == 400
        assert [name for name in reply.headers if name.startswith("Access-Control")] == []
    assert running.server.eio.sockets == {}


async def test_a_listed_origin_gets_its_cors_headers_and_none_at_all_passes(serve: Serve) -> None:
    running = await serve()
    async with aiohttp.ClientSession() as session:
        for method in (session.get, session.options):
            async with method(f"{running.url}/socket.io/?EIO=4&transport=polling", headers={"Origin": ORIGIN}) as reply:
                assert reply.status == 200
                assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN
                assert reply.headers["Access-Control-Allow-Credentials"] == "true"
                assert reply.headers["Vary"] == "Origin"
        async with session.get(f"{running.url}/socket.io?EIO=4&transport=polling") as reply:
            assert reply.status == 200


async def test_no_origins_means_none_and_not_all(serve: Serve) -> None:
    running = await serve(addresses=addresses())
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{running.url}/socket.io/?EIO=4&transport=polling", headers={"Origin": ORIGIN}) as reply,
    ):
        assert reply.status == 400
        assert [name for name in reply.headers if name.startswith("Access-Control")] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "EIO=3",
        "EIO=4&transport=carrier-pigeon",
        "EIO=4",
        "EIO=4&transport=polling&sid=unknown",
        "EIO=4&transport=websocket",
    ],
)
async def test_what_is_no_handshake_is_a_bad_request(serve: Serve, query: str) -> None:
    running = await serve()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{running.url}/socket.io/?{query}") as reply:
            assert reply.status == 400
        async with session.put(f"{running.url}/socket.io/?EIO=4&transport=polling") as reply:
            assert reply.status == 400
    assert running.server.eio.sockets == {}


async def test_a_class_of_handlers_works_as_with_python_socketio(serve: Serve) -> None:
    class Voice(socketio.AsyncNamespace):
        async def on_echo(self, sid: str, data: Any) -> Any:
            return data

    running = await serve(lambda server: server.register_namespace(Voice("/voice")))
    async with socketio.AsyncSimpleClient() as client:
        await client.connect(running.url, namespace="/voice", transports=["websocket"], wait_timeout=patience.SECONDS)
        assert await client.call("echo", {"a": 1}, timeout=patience.SECONDS) == {"a": 1}


async def polling_session(running: Running, session: aiohttp.ClientSession) -> str:
    url = f"{running.url}/socket.io/?EIO=4&transport=polling"
    async with session.get(url) as reply:
        (opened,) = [await reply.text()]
    return f"{url}&sid={opened.split(chr(34))[3]}"


def upgrade(query: str) -> dict[str, str]:
    if "websocket" not in query:
        return {}
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
