"""The websocket to the service, when it does not go well."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from dawg_server.voice.realtime import LOST, MAX_WAITING_AUDIO, NO_STATUS, UpstreamRefused, UpstreamSocket, client
from tests import patience
from tests.simulators import openai_realtime as realtime
from tests.simulators.loopback import break_off

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

FRAME = {"type": "input_audio_buffer.append", "audio": "A" * 16_000}


@contextlib.asynccontextmanager
async def connected(url: str, key: str = "sk-test") -> AsyncIterator[UpstreamSocket]:
    async with client() as http:
        line = await UpstreamSocket.connect(http, url, key, "gpt-realtime-2.1", "test")
        try:
            yield line
        finally:
            await line.close()


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/v1/realtime", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    await runner.cleanup()


async def test_the_handshake_has_the_key_the_model_and_nothing_of_the_beta() -> None:
    async with realtime.RealtimeSimulator(key="sk-test") as service, connected(service.base_url) as line:
        first = await line.receive()
        headers = service.connections[0].headers
    assert isinstance(first, bytes)
    assert b'"model":"gpt-realtime-2.1"' in first
    assert headers["authorization"] == "Bearer sk-test"
    assert "openai-beta" not in headers
    assert "sec-websocket-extensions" not in headers


@pytest.mark.parametrize(("code", "told"), [(1001, 1001), (4000, 4000), (1011, 1011)])
async def test_the_code_of_a_close_is_told(code: int, told: int) -> None:
    async with realtime.RealtimeSimulator() as service, connected(service.base_url) as line:
        connection = await service.connection()
        await connection.said("conversation.created")
        closing = asyncio.create_task(connection.close(code))
        while isinstance(ending := await line.receive(), bytes):
            pass
        await closing
    assert ending == told


async def test_a_connection_that_breaks_is_lost() -> None:
    async with realtime.RealtimeSimulator() as service, connected(service.base_url) as line:
        await line.receive()
        (await service.connection()).cut()
        while isinstance(ending := await line.receive(), bytes):
            pass
    assert ending in (LOST, NO_STATUS)


@pytest.mark.parametrize(
    ("status", "final"), [(400, True), (401, True), (403, True), (404, True), (429, False), (500, False), (503, False)]
)
async def test_a_refusal_says_whether_it_is_final(status: int, final: bool) -> None:
    async with realtime.RealtimeSimulator() as service:
        service.refuse_connections = (status, "no")
        with pytest.raises(UpstreamRefused) as refused:
            await connected(service.base_url).__aenter__()
    assert (refused.value.status, refused.value.final) == (status, final)
    assert (refused.value.code, refused.value.request_id) == ("no", "req_1")


async def test_nobody_there_and_a_broken_handshake_are_worth_another_try() -> None:
    async def hang_up(request: web.Request) -> web.Response:
        break_off(request)
        return web.Response()

    async with serving(hang_up) as url:
        for address in (url, "http://127.0.0.1:9/v1"):
            with pytest.raises(UpstreamRefused) as refused:
                await connected(address).__aenter__()
            assert not refused.value.final


async def test_a_service_that_does_not_read_gets_the_newest_sound_and_every_word() -> None:
    released = asyncio.Event()
    got: list[str] = []

    async def read_late(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await released.wait()
        async for message in socket:
            got.append(message.data[:40])
        return socket

    async with serving(read_late) as url, connected(url) as line:
        line.send({"type": "first"})
        for _ in range(1500):
            line.send_audio(FRAME)
            await asyncio.sleep(0)
        line.send({"type": "last"})
        released.set()
        async with asyncio.timeout(patience.SECONDS):
            while not got or "last" not in got[-1]:
                await asyncio.sleep(0.01)
    assert "first" in got[0]
    assert line.dropped_frames > 0
    assert len(got) == 2 + 1500 - line.dropped_frames
    assert line.dropped_frames * len(FRAME["audio"]) < 1500 * len(FRAME["audio"]) - MAX_WAITING_AUDIO // 2
