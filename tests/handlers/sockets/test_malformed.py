"""Whatever bytes a client makes up: at most its own connection ends, and nothing of it is an error of the server's."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog

from tests import patience
from tests.javascript.client import JavaScript
from tests.servers import dawg

PATH = "/socket.io/"
WEBSOCKET = f"{PATH}?EIO=4&transport=websocket"
POLLING = f"{PATH}?EIO=4&transport=polling"
NAMESPACES = ("/", "/ai-brain", "/voice")
DEEP = ("[" * 260 + "]" * 260, '{"a":' * 260 + "1" + "}" * 260, "[" * 100_000 + "]" * 100_000, "[" * 260)


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="1000000") as running:
        yield running


@pytest.fixture(autouse=True)
def errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No client can make an error in the log."""
    with caplog.at_level(logging.ERROR), structlog.testing.capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []
    assert [f"{record.message} {record.exc_info}" for record in caplog.records if record.levelno >= logging.ERROR] == []


def prefix(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


class Raw:
    """A websocket that says exactly what it is told to."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket

    async def say(self, *texts: str | bytes) -> None:
        for text in texts:
            await (self._websocket.send_str(text) if isinstance(text, str) else self._websocket.send_bytes(text))

    async def hear(self, start: str) -> str:
        """The rest of the next message that begins like that."""
        while not (text := await self._websocket.receive_str(timeout=patience.SECONDS)).startswith(start):
            pass
        return text[len(start) :]

    async def enter(self, namespace: str = "/") -> None:
        await self.say(f'40{prefix(namespace)}{{"userId":"ada"}}')
        await self.hear(f"40{prefix(namespace)}")

    async def end(self) -> None:
        """Reads on until the server or this side ends it."""
        if not self._websocket.closed:
            await self._websocket.close()


async def connect(server: dawg.Dawg) -> Raw:
    return Raw(await server.http.ws_connect(server.url + WEBSOCKET, max_msg_size=0))


@pytest.mark.parametrize("namespace", NAMESPACES)
async def test_a_payload_that_is_nested_too_deep_is_refused_in_the_ack(server: dawg.Dawg, namespace: str) -> None:
    client = await connect(server)
    await client.enter(namespace)
    events = {"/": "join:project", "/ai-brain": "message", "/voice": "start-realtime"}
    for number, deep in enumerate(DEEP):
        for name in (events[namespace], "unknown"):
            await client.say(f'42{prefix(namespace)}{number}["{name}",{deep}]')
            (answer,) = json.loads(await client.hear(f"43{prefix(namespace)}{number}"))
            assert (answer["success"], answer["code"]) == (False, "validation_error")
            await client.say(f'42{prefix(namespace)}["{name}",{deep}]')
            assert json.loads(await client.hear(f"42{prefix(namespace)}"))[1]["code"] == "validation_error"
    await client.end()


@pytest.mark.parametrize("namespace", NAMESPACES)
async def test_credentials_that_are_nested_too_deep_are_refused(server: dawg.Dawg, namespace: str) -> None:
    for deep in DEEP:
        client = await connect(server)
        await client.say(f"40{prefix(namespace)}{deep}")
        assert json.loads(await client.hear(f"44{prefix(namespace)}"))["data"]["code"] == "validation_error"
        await client.end()


def frames(dice: random.Random) -> list[str | bytes]:
    """A few messages of which the first goes wrong somewhere."""
    deep = dice.choice(DEEP)
    sound = [
        '420["join:project",{"projectId":"\\u0000"}]',
        '421["presence:update",{"projectId":"x","state":"\\ud800"}]',
        "422" + json.dumps(["join:project", {"projectId": 1e308, "since": 10**30}]),
        '423["join:project",NaN]',
        "431[1]",
        f"431{deep}",
        '451-["a",{"_placeholder":true,"num":0}]',
        '451-["join:project",{"_placeholder":true,"num":9}]',
        '450-["join:project"]',
        "461-1[]",
        "40/admin,",
        "40/voice?x=1,{}",
        "40{}",
        f"40{deep}",
        "41",
        "41/nowhere,",
        "44",
        '44{"message":"no"}',
        "2probe",
        "5",
        "6",
        "3probe",
        "2" + "x" * 5000,
        "429999999999999999999[]",
        '42["connect"]',
        '42["disconnect"]',
        '42["__class__"]',
    ]
    text = dice.choice(sound)
    made = dice.randrange(5)
    if made == 0:
        at = dice.randrange(len(text))
        return [
            text[:at] + chr(dice.choice((0, 9, 47, 91, 127, 0x80, 0xFFFF, 0x1F600))) + text[at + dice.randrange(2) :]
        ]
    if made == 1:
        return [text[: dice.randrange(len(text))]]
    if made == 2:
        return [dice.randbytes(dice.randrange(40))]
    if made == 3:
        return [text, dice.randbytes(dice.randrange(40)), dice.choice(sound)]
    return [text]


async def test_made_up_frames_end_at_most_their_own_connection(server: dawg.Dawg, javascript: JavaScript) -> None:
    dice = random.Random(11)
    bystander = await javascript.connect(server.url, auth={"userId": "bob"})
    for _ in range(300):
        client = await connect(server)
        if dice.random() < 0.8:
            await client.enter()
        await client.say(*frames(dice))
        await client.end()
    assert (await bystander.emit_ack("generation:cancel", {"jobId": "none"}))["success"] is False
    assert bystander.disconnected is None


async def test_made_up_polling_bodies_end_at_most_their_own_connection(server: dawg.Dawg) -> None:
    dice = random.Random(12)
    for _ in range(150):
        async with server.http.get(server.url + POLLING) as reply:
            session = f"{server.url}{POLLING}&sid={json.loads((await reply.text())[1:])['sid']}"
        messages = frames(dice) + frames(dice)
        texts = [each if isinstance(each, str) else "b" + base64.b64encode(each).decode() for each in messages]
        body = "\x1e".join(["40", *texts]).encode(errors="replace")
        body = dice.choice((body, body, b"b!!!" + body, body + b"\xff", b"d=" + body, b""))
        async with server.http.post(session, data=body) as reply:
            assert reply.status in (200, 400, 413), await reply.text()


QUERIES = (
    "",
    "EIO=4",
    "EIO=3&transport=polling",
    "EIO=abc&transport=polling",
    "EIO=4&transport=carrier-pigeon",
    "EIO=4&transport=polling&j=0",
    "EIO=4&transport=polling&j=abc",
    "EIO=4&transport=polling&j=-1",
    "EIO=4&transport=polling&sid=",
    "EIO=4&transport=polling&sid=unknown",
    "EIO=4&transport=polling&sid=%00%ff",
    "EIO=4&transport=websocket",
    "EIO=4&transport=websocket&sid=unknown-replica",
    "EIO=4&EIO=3&transport=polling&transport=websocket",
    "EIO=4&transport=polling&b64=1&t=%F0%9F%98%80",
)


@pytest.mark.parametrize("query", QUERIES)
async def test_made_up_requests_are_never_errors_of_the_server(server: dawg.Dawg, query: str) -> None:
    headers: list[dict[str, Any]] = [
        {},
        {"Origin": "null"},
        {"Origin": "http://\x80"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "12", "Sec-WebSocket-Key": "x"},
        {"Content-Encoding": "gzip"},
        {"Authorization": "Bearer " + "x" * 4000},
        {"X-Forwarded-For": "\x80, ,", "X-Forwarded-Proto": "gopher"},
    ]
    for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
        for each in headers:
            body = b"4" if method in ("POST", "PUT") else None
            url = f"{server.url}{PATH}?{query}"
            async with server.http.request(method, url, headers=each, data=body) as reply:
                assert reply.status < 500, (method, each, await reply.text())


async def test_a_body_that_never_ends_is_given_up(server: dawg.Dawg) -> None:
    async with server.http.get(server.url + POLLING) as reply:
        sid = json.loads((await reply.text())[1:])["sid"]
    _, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    head = f"POST {POLLING}&sid={sid} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n4"
    writer.write(head.encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with server.http.get(f"{server.url}{POLLING}&sid={sid}") as reply:
        assert reply.status in (200, 400)


@pytest.mark.parametrize("odd", ['"a\\u0000b"', "[" * 90 + "]" * 90, "1e308", "-0.0", '{"\\u0000":1}', '{"":{}}'])
async def test_odd_values_in_sound_events_are_no_errors_of_the_server(server: dawg.Dawg, odd: str) -> None:
    _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
    id = project["id"]
    client = await connect(server)
    await client.enter()
    await client.say(f'420["join:project",{{"projectId":"{id}"}}]')
    await client.hear("430")
    payloads = [
        ("presence:update", f'"state":{odd}'),
        ("cursor:move", f'"position":{odd}'),
        ("selection:change", f'"selection":{odd}'),
        ("ai:complete", f'"taskId":{odd},"result":{odd}'),
        ("lyrics:update", f'"lyrics":{odd}'),
        ("track:create", f'"track":{{"name":{odd}}}'),
        ("project:update", f'"update":{{"name":{odd}}}'),
        ("project:update", f'"update":{{"name":"x"}},"clientOperationId":{odd}'),
        ("track:lock", f'"trackId":{odd}'),
        ("join:project", f'"since":{odd}'),
        ("generation:cancel", f'"jobId":{odd}'),
        ("join:conversation", f'"conversationId":{odd}'),
    ]
    for number, (name, fields) in enumerate(payloads, 1):
        await client.say(f'42{number}["{name}",{{"projectId":"{id}",{fields}}}]')
        (answer,) = json.loads(await client.hear(f"43{number}"))
        assert answer["success"] or answer["code"] != "internal_error", (name, answer)
    await client.end()
