"""Server-sent events as they stand on the wire."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer

from handlers.rest.event_stream import EventStream


async def test_events_are_numbered_and_comments_come_between_them_at_any_pace() -> None:
    async def tell(request: web.Request) -> web.StreamResponse:
        stream = EventStream(request, comment_interval=0.1)
        await stream.open()
        for number in range(10):
            await stream.breathe()
            await stream.send("news", {"number": number, "text": "a\nb"})
            await asyncio.sleep(0.03)
        await stream.close()
        return stream.reply

    app = web.Application()
    app.router.add_get("/", tell)
    async with TestServer(app) as server, aiohttp.ClientSession() as http, http.get(server.make_url("/")) as reply:
        assert reply.content_type == "text/event-stream"
        parts = (await reply.text()).split("\n\n")
    told = [part for part in parts if part.startswith("id:")]
    assert told[0] == 'id: 1\nevent: news\ndata: {"number":0,"text":"a\\nb"}'
    assert [part.splitlines()[0] for part in told] == [f"id: {n}" for n in range(1, 11)]
    assert 2 <= sum(part == ": still here" for part in parts) <= 4
