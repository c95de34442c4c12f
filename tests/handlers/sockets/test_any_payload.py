"""Whatever is sent to a namespace: an answer that says no, a connection that stays, a database that is the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests import patience
from tests.handlers.sockets import wrong_payloads
from tests.handlers.sockets.wrong_payloads import dumps
from tests.servers import dawg
from tests.tenants import estate, samples
from tests.tenants.estate import Estate

PAYLOADS = int(os.environ.get("WRONG_PAYLOADS", "2000"))
AT_ONCE = 50
JUNK = 0.3  # of the payloads; the others are right but for one thing
SECRET = "payloads" * 8
NOWHERE = "http://127.0.0.1:9"  # the discard port: whoever got there did not check the payload
SERVER = {
    "JWT_SECRET": SECRET,
    "REQUESTS_PER_MINUTE": "1000000",
    "SOCKET_CHANGES_PER_SECOND": "10000",
    "JOB_CONCURRENCY": "0",
    "ANTHROPIC_API_KEY": "key",
    "ANTHROPIC_BASE_URL": NOWHERE,
    "OPENAI_API_KEY": "key",
    "OPENAI_BASE_URL": f"{NOWHERE}/v1",
}
EXAMPLES: dict[str, dict[str, Any]] = {  # that no schema tells how to make
    "clip:create": {"clip": {"duration": 1}},
    "send-audio": {"audio": "AAA="},
    "audio-data": {"audio": "AAA="},
}
# What no payload makes right.
NEEDS_MORE = {"no_session"}


@dataclass
class Event:
    namespace: str
    name: str
    right: Any
    required: bool  # something of the payload is
    breaks: list[tuple[tuple[Any, ...], Any]]

    def wrong(self, dice: random.Random) -> Any:
        if self.breaks and dice.random() > JUNK:
            return wrong_payloads.broken(self.right, *dice.choice(self.breaks))
        junk = wrong_payloads.junk(dice)
        fits = junk is None or isinstance(junk, dict) or junk == wrong_payloads.Raw("")  # where nothing is required
        return junk if self.required or not fits else 0


class Talker:
    """A websocket in one namespace that sends whatever text it is given, and waits for the acks."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse, namespace: str) -> None:
        self._websocket = websocket
        self._prefix = "" if namespace == "/" else f"{namespace},"
        self._acks: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def enter(self, token: str) -> None:
        await self._websocket.send_str(f"40{self._prefix}{json.dumps({'token': token})}")
        while not (text := await self._websocket.receive_str(timeout=patience.SECONDS)).startswith(f"40{self._prefix}"):
            assert text[0] == "0", text

    async def ask(self, event: str, payload: str) -> dict[str, Any]:
        """The ack; `payload` is what stands behind the name, or "" for nothing."""
        number = len(self._acks)
        self._acks[number] = ack = asyncio.get_running_loop().create_future()
        arguments = f'["{event}",{payload}]' if payload else f'["{event}"]'
        await self._websocket.send_str(f"42{self._prefix}{number}{arguments}")
        return await asyncio.wait_for(ack, patience.SECONDS)

    async def listen(self) -> None:
        async for message in self._websocket:
            if message.data == "2":
                await self._websocket.send_str("3")
            elif message.data.startswith(f"43{self._prefix}"):
                number, _, rest = message.data[2 + len(self._prefix) :].partition("[")
                self._acks[int(number)].set_result(json.loads("[" + rest)[0])


@contextlib.asynccontextmanager
async def talkers(server: dawg.Dawg, person: Estate) -> AsyncIterator[dict[str, Talker]]:
    """One in each namespace; that in `/` has opened the person's project."""
    found: dict[str, Talker] = {}
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as listening:
        for namespace in ("/", "/ai-brain", "/voice"):
            url = f"{server.url}/socket.io/?EIO=4&transport=websocket"
            websocket = await stack.enter_async_context(server.http.ws_connect(url, max_msg_size=0))
            found[namespace] = talker = Talker(websocket, namespace)
            await talker.enter(person.token)
            listening.create_task(talker.listen(), name=f"listen {namespace}")
            stack.push_async_callback(websocket.close)
        assert (await found["/"].ask("join:project", dumps({"projectId": person.ids["project"]})))["success"]
        yield found
        await stack.aclose()


async def events(server: dawg.Dawg, person: Estate) -> list[Event]:
    """Every event that clients can send, with a payload that fits the documents and names what the person has."""
    _, document = await server.json("GET", "/asyncapi.json")
    schemas = document["components"]["schemas"]
    found = []
    for name, operation in document["operations"].items():
        if operation["action"] != "receive":
            continue
        _, namespace, event = name.split(" ")
        payload = document["channels"][namespace]["messages"][event]["payload"]
        sample = samples.sample(payload, schemas)
        right = sample.filled([person.ids[(*slot.kinds, "project")[0]] for slot in sample.slots])
        right = samples.over(right, EXAMPLES.get(event, {}))
        schema = samples.resolved(payload, schemas)
        required = bool(schema.get("required"))
        breaks = wrong_payloads.breaks(payload, schemas, right) if schema.get("properties") else []
        found.append(Event(namespace, event, right, required, breaks))
    return found


async def rows(server: dawg.Dawg) -> dict[str, list[str]]:
    """Everything in the database, as text, but the signs of life."""
    return {
        table: [
            row["row"]
            for row in await server.services.platform.database.fetch_all(
                f"SELECT to_jsonb(t)::text AS row FROM {table} t ORDER BY 1"
            )
        ]
        for table in await estate.tables(server)
        if table != "replicas"
    }


async def test_thousands_of_wrong_payloads_change_nothing_and_end_no_connection(
    database_dsn: str, tmp_path: Path
) -> None:
    dice = random.Random(7)
    async with dawg.running(database_dsn, tmp_path, **SERVER) as server:
        ada = await estate.settle(server, "ada", SECRET)
        known = await events(server, ada)
        async with talkers(server, ada) as talking:
            before = await rows(server)

            async def send(event: Event) -> None:
                payload = event.wrong(dice)
                ack = await talking[event.namespace].ask(event.name, dumps(payload))
                what = (event.namespace, event.name, dumps(payload)[:300], ack)
                assert ack["success"] is False, what
                assert ack["code"] in {"validation_error", "not_joined", "not_found", *NEEDS_MORE}, what

            for start in range(0, PAYLOADS, AT_ONCE):
                await asyncio.gather(*(send(known[n % len(known)]) for n in range(start, start + AT_ONCE)))
            assert await rows(server) == before
            for event in (
                each for each in known if each.breaks
            ):  # and what is right is not refused for the same reason
                ack = await talking[event.namespace].ask(event.name, dumps(event.right))
                assert ack.get("code") != "validation_error", (event.name, event.right, ack)


async def test_what_requires_nothing_may_come_bare_or_with_null(database_dsn: str, tmp_path: Path) -> None:
    async with dawg.running(database_dsn, tmp_path, **SERVER) as server:
        ada = await estate.settle(server, "ada", SECRET)
        _, document = await server.json("GET", "/asyncapi.json")
        schemas = document["components"]["schemas"]
        async with talkers(server, ada) as talking:
            for event in await events(server, ada):
                payload = document["channels"][event.namespace]["messages"][event.name]["payload"]
                required = samples.resolved(payload, schemas).get("required", [])
                assert ({"type": "null"} in payload.get("anyOf", [])) is not event.required
                for bare in ("", "null"):
                    ack = await talking[event.namespace].ask(event.name, bare)
                    told = ack.get("details") or {}
                    what = (event.namespace, event.name, ack)
                    assert "body" not in told, what
                    if required:
                        assert (ack["code"], bool(set(required) & set(told))) == ("validation_error", True), what
