"""Whatever is sent to the root namespace: an answer that says no, a connection that stays, a project that is the same."""

from __future__ import annotations

import asyncio
import random
import uuid
from pathlib import Path
from typing import Any

from dawg_server.daw.schema import Choice, Field, Flag, Id, Items, Number, Parameters, Record
from handlers.schemas.commands import ParametersBody
from handlers.sockets import tables
from handlers.sockets.routing import ClientEvent
from tests.javascript.client import JavaScript
from tests.servers import dawg

PAYLOADS = 2000
AT_ONCE = 50
JUNK: list[Any] = [
    None, 0, -1, 1.5, 2**60, -1e308, True, False, "", "text", "constructor", "'; DROP TABLE tracks; --", "\x00", "💥" * 50,
    [], [[]], [None], {}, {"": {}}, {"a": {"b": {"c": [1]}}}, {"__proto__": 1}, "x" * 20_000, ["x"] * 3000,
    {"$bytes": "AAAA"},
]  # fmt: skip
UNKNOWN = str(uuid.uuid4())


def wrong(event: ClientEvent, project_id: str, dice: random.Random) -> Any:
    """A payload that can never be right: junk, or a nearly right one with something missing, wrong or unknown."""
    if dice.random() < 0.3 or not isinstance(event.payload, ParametersBody):
        return dice.choice([junk for junk in JUNK if junk != {} or event.name != "generation:cancel"])
    parameters = event.payload.parameters
    payload = {name: good(field) for name, field in parameters.fields.items() if field.required or dice.random() < 0.3}
    payload["projectId"] = project_id
    required = [name for name, field in parameters.fields.items() if field.required and not takes_anything(field)]
    name = dice.choice(required)
    if dice.random() < 0.2:
        del payload[name]
    elif dice.random() < 0.2 or name == "projectId":
        payload["projectId"] = dice.choice([UNKNOWN, None, 7, "nonsense", [project_id], {"id": project_id}])
    else:
        payload[name] = dice.choice([junk for junk in JUNK if refused(parameters, name, junk)])
    return payload


def refused(parameters: Parameters, name: str, junk: Any) -> bool:
    if not isinstance(parameters.fields[name], Id | Items | Record | Number | Flag | Choice):
        return not isinstance(junk, str | dict)
    return junk != [] and not isinstance(junk, dict)


def takes_anything(field: Field) -> bool:
    return type(field).__name__ == "Any_"


def good(field: Field) -> Any:
    if isinstance(field, Id):
        return UNKNOWN
    if isinstance(field, Items):
        return [good(field.inner)]
    if isinstance(field, Record):
        return {name: good(each) for name, each in field.parameters.fields.items() if each.required}
    if isinstance(field, Number):
        return field.low or 1
    return {"Flag": True, "Any_": {"a": 1}, "TimeSignature": "4/4", "Colour": "#aabbcc"}.get(type(field).__name__, "text")


async def test_two_thousand_wrong_payloads_change_nothing_and_end_no_connection(
    database_dsn: str, tmp_path: Path, javascript: JavaScript
) -> None:
    dice = random.Random(7)
    async with dawg.running(database_dsn, tmp_path) as server:
        _, project = await server.json("POST", "/api/projects", json={"name": "Song"})
        await server.json("POST", "/api/tracks", json={"projectId": project["id"], "name": "Kick"})
        before = await server.services.document.snapshot(project["id"], "ada")
        clients = [await javascript.connect(server.url, auth={"userId": "ada"}) for _ in range(4)]
        for client in clients:
            assert (await client.emit_ack("join:project", {"projectId": project["id"]}))["success"]
        events = list(tables.MAIN.all)
        sent: set[str] = set()

        async def send(number: int) -> None:
            event = events[number % len(events)]
            payload = wrong(event, project["id"], dice)
            ack = await clients[number % len(clients)].emit_ack(event.name, payload, timeout=30)
            assert ack["success"] is False, (event.name, payload, ack)
            assert ack["code"] != "internal_error", (event.name, payload)
            sent.add(event.name)

        for start in range(0, PAYLOADS, AT_ONCE):
            await asyncio.gather(*(send(number) for number in range(start, start + AT_ONCE)))
        assert sent == {event.name for event in events}
        for client in clients:
            assert client.disconnected is None
            assert (await client.emit_ack("cursor:move", {"projectId": project["id"], "position": {"x": 1}}))["success"]
        assert await server.services.document.snapshot(project["id"], "ada") == before
