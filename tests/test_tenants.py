"""Nobody gets at what belongs to somebody else: every route and every socket event, as the documents describe them.

Ada owns one of everything. Bob, who has as much of his own, calls everything with her ids in every place where an id
can stand. With hers in all places he is shown the door (401, 403, 404); with one of hers beside his own he is told what
he would be told about an id that does not exist. Nothing of hers may come with it, and her rows have to stay the same.

New routes, events and tables are walked through by themselves. What they may need is an example in `EXAMPLES`, or rows
in `tests/tenants/estate.py`; the tests say so.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.archives import packages
from tests.javascript.client import JavaScript
from tests.servers import dawg
from tests.tenants import estate, samples
from tests.tenants.estate import Estate
from tests.tenants.samples import Sample, Slot

SECRET = "tenants" * 8
NOWHERE = "http://127.0.0.1:9"  # the discard port: paid services that would be asked after all could not answer
SERVER = {
    "JWT_SECRET": SECRET,
    "AUTH_REQUESTS_PER_MINUTE": "1000000",
    "REQUESTS_PER_MINUTE": "1000000",
    "JOBS_PER_MINUTE": "100000",
    "JOBS_WAITING_PER_USER": "100000",
    "JOB_CONCURRENCY": "0",
    "SMTP_URL": NOWHERE.replace("http", "smtp"),
    "MAIL_FROM": "dawg@example.com",
    "ANTHROPIC_API_KEY": "key",
    "ANTHROPIC_BASE_URL": NOWHERE,
    "OPENAI_API_KEY": "key",
    "OPENAI_BASE_URL": f"{NOWHERE}/v1",
    "REPLICATE_API_KEY": "key",
    "REPLICATE_BASE_URL": NOWHERE,
    "SUNO_API_KEY": "key",
    "SUNO_BASE_URL": NOWHERE,
}
HIDDEN = {401, 403, 404}
HIDDEN_CODES = {"unauthorized", "forbidden", "not_joined", "not_found", "no_session"}  # of one's own
# Bodies that no schema tells how to make: route or event -> fields that are put over the sample; ... is left out.
COMPRESSOR = {"type": "compressor", "audioFileId": ...}
FOR_A_SEND = {"target": "send", "deviceId": ...}
STAYS = {"target": ..., "sendId": ..., "deviceId": ..., "enabled": True}
EXAMPLES: dict[str, dict[str, Any]] = {
    "POST /api/generate/stems": {"stemTypes": ["drums"]},
    "POST /api/clips": {"startTime": 8, "duration": 1},
    "clip:create": {"clip": {"startTime": 8, "duration": 1}},
    "POST /api/clips/{clip_id}/split": {"beat": 1},
    "POST /api/clips/transpose": {"semitones": 2},
    "POST /api/devices": COMPRESSOR,
    "device:create": {"device": COMPRESSOR},
    **{f"{method} /api/devices/{{device_id}}": {"audioFileId": ...} for method in ("PUT", "PATCH")},
    "device:update": {"changes": {"audioFileId": ...}},
    "POST /api/automations": FOR_A_SEND,
    "automation:create": {"automation": FOR_A_SEND},
    **{f"{method} /api/automations/{{automation_id}}": STAYS for method in ("PUT", "PATCH")},
    "automation:update": {"changes": STAYS},
    **{f"{method} /api/takes/{{take_id}}": {"clipId": ...} for method in ("PUT", "PATCH")},
    "take:update": {"changes": {"clipId": ...}},
    "POST /api/freezes": {"soundDigest": ...},
    "freeze:create": {"freeze": {"soundDigest": ...}},
    **{f"{method} /api/freezes/{{freeze_id}}": {"soundDigest": ...} for method in ("PUT", "PATCH")},
    "freeze:update": {"changes": {"soundDigest": ...}},
    "POST /api/sections/{section_id}/move": {"beat": 8},
    "section:move": {"beat": 8},
}
# These have no ids, and are refused for other reasons than a wrong body.
UNTRIED = {
    "POST /api/webhooks/replicate",
    "POST /api/webhooks/suno/{job_id}/{secret}",
    "POST /api/links/{token}/accept",  # whose secret is told once
}


@dataclasses.dataclass
class Request:
    """A route or an event with a sample of everything that goes into it."""

    name: str
    sample: Sample
    public: bool = False
    form: bool = False

    def variants(self, own: Estate, other: Estate) -> Iterator[list[str]]:
        """Ids for the slots: all of `other`, and each one of `other` among those of `own`."""
        slots = self.sample.slots
        hers, mine = [_ids(slot, other) for slot in slots], [_ids(slot, own) for slot in slots]
        seen = []
        for chosen in itertools.zip_longest(*hers):
            seen.append([id or first[0] for id, first in zip(chosen, hers, strict=True)])
        for place, options in enumerate(hers):
            for id in options if len(slots) > 1 else ():
                if id not in _NUMBERS:  # which everybody has
                    seen.append([id if n == place else first[0] for n, first in enumerate(mine)])
        yield from seen


def _is_answer(status: int) -> bool:
    """Nothing broke; 501 is what a server answers that does not sell anything."""
    return status < 500 or status == 501


_NUMBERS = ("1", "2")  # of versions


def _ids(slot: Slot, person: Estate) -> list[str]:
    """Of the kinds that may be meant; of every kind when nobody knows."""
    return [person.ids[kind] for kind in slot.kinds] if slot.kinds else list(person.ids.values())


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, **SERVER) as running:
        yield running


async def routes(server: dawg.Dawg) -> list[Request]:
    _, document = await server.json("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    found = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            name = f"{method.upper()} {path}"
            bodies = operation.get("requestBody", {}).get("content", {"": {"schema": {"type": "object"}}})
            for content_type, body in bodies.items():
                properties = {
                    "path": _parameters(operation, "path"),
                    "query": _parameters(operation, "query"),
                    "body": body["schema"],
                }
                sample = samples.sample(
                    {"type": "object", "properties": properties, "required": list(properties)}, schemas, name
                )
                sample.with_example({"body": EXAMPLES.get(name, {})})
                found.append(Request(name, sample, not operation["security"], content_type == "multipart/form-data"))
    return found


def _parameters(operation: dict[str, Any], place: str) -> dict[str, Any]:
    listed = [each for each in operation["parameters"] if each["in"] == place]
    required = [each["name"] for each in listed if each["required"]]
    # Whatever stands in a path names something.
    properties = {
        each["name"] if place != "path" or samples.is_id(each["name"]) else f"{each['name']}_id": each["schema"]
        for each in listed
    }
    return {"type": "object", "properties": properties, "required": required}


async def call(server: dawg.Dawg, request: Request, ids: list[str], headers: dict[str, str]) -> tuple[int, str, str]:
    """(status, code or "", text) of the reply."""
    filled = request.sample.filled(ids)
    method, _, path = request.name.partition(" ")
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", str(filled["path"].get(name, filled["path"].get(f"{name}_id"))))
    body: dict[str, Any] = {}
    if request.form:
        form = aiohttp.FormData(default_to_multipart=True)
        for name, value in filled["body"].items():
            if value in (b"", [b""]):
                data = packages.tone()
                if path.endswith("/import"):
                    data = packages.made(packages.song()) if path.endswith("/projects/import") else packages.melody()
                form.add_field(name, io.BytesIO(data), filename="file")
            else:
                form.add_field(name, str(value))
        body = {"data": form}
    elif method not in ("GET", "DELETE"):
        body = {"json": filled["body"]}
    query = {name: str(value) for name, value in filled["query"].items()}
    async with server.http.request(
        method, server.url + path, params=query, headers=headers, allow_redirects=False, **body
    ) as reply:
        text = (await reply.read()).decode("utf-8", "replace")
        is_json = reply.content_type == "application/json" and text.startswith("{")
        code = (await reply.json()).get("code", "") if is_json else ""
        return reply.status, code, text


async def test_strangers_learn_nothing_and_change_nothing_over_rest(server: dawg.Dawg) -> None:
    ada, bob = await estate.settle(server, "ada", SECRET), await estate.settle(server, "bob", SECRET)
    before = await estate.belongings(server, ada)
    tried = 0
    for request in await routes(server):
        for number, ids in enumerate(request.variants(bob, ada)):
            status, code, text = await call(server, request, ids, bob.headers)
            what = (request.name, request.sample.filled(ids), status, text[:300])
            assert status in HIDDEN if number == 0 else _is_answer(status), what
            assert not _leaks(text, ada, ids), what
            if status not in HIDDEN:
                unknown = [str(uuid.uuid4()) if id in ada.ids.values() else id for id in ids]
                assert (status, code) == (await call(server, request, unknown, bob.headers))[:2], what
            tried += 1
        if not request.sample.slots and request.name != "POST /api/auth/logout":
            status, _, text = await call(server, request, [], bob.headers)
            assert not _leaks(text, ada, []), request.name
            assert _is_answer(status), (request.name, text[:300])
    assert tried > 100
    assert _differences(before, await estate.belongings(server, ada)) == []


async def test_nobody_gets_in_without_a_token(server: dawg.Dawg) -> None:
    ada = await estate.settle(server, "ada", SECRET)
    before = await estate.belongings(server, ada)
    for request in await routes(server):
        ids = [_ids(slot, ada)[0] for slot in request.sample.slots]
        for headers in ({}, {"X-User-Id": ada.user_id}):
            status, code, text = await call(server, request, ids, headers)
            assert not _leaks(text, ada, ids), (request.name, text[:300])
            if not request.public:
                assert (status, code) == (401, "unauthorized"), (request.name, text[:300])
    assert _differences(before, await estate.belongings(server, ada)) == []


async def test_the_walk_knocks_at_doors_that_open_for_their_owner(server: dawg.Dawg) -> None:
    """Or else a refusal would only mean that the walk does not know how to ask."""
    ada = await estate.settle(server, "ada", SECRET)
    unknown = [route for route in await routes(server) if any(not slot.kinds for slot in route.sample.slots)]
    assert [route.name for route in unknown if route.name not in UNTRIED] == []
    misunderstood = []
    for request in sorted(await routes(server), key=_turn):
        if request.name in UNTRIED or not request.sample.slots:
            continue
        ids = [_ids(slot, ada)[0] for slot in request.sample.slots]
        status, _, text = await call(server, request, ids, ada.headers)
        # 502: an outside service was asked, which is what its owner may do.
        if status in (400, 401, 403, 415, 500, 503) or (status == 404 and "DELETE" not in request.name):
            misunderstood.append((request.name, request.sample.filled(ids), status, text[:300]))
    assert not misunderstood, "\n".join(map(str, misunderstood))


def _turn(request: Request) -> int:
    """What needs things as they were made comes first, and what destroys them last."""
    order = ("/crossfade", "/split", "", "/glue", "/delete", "DELETE ")
    return max((place for place, word in enumerate(order) if word and word in request.name), default=order.index(""))


async def test_everything_that_belongs_to_people_is_part_of_the_walk(server: dawg.Dawg) -> None:
    ada = await estate.settle(server, "ada", SECRET)
    rows = await estate.belongings(server, ada)
    owned = [
        name for name, columns in (await estate.tables(server)).items() if columns & {*estate.OWNERS, *estate.PARENTS}
    ]
    assert len(owned) > 15
    assert [table for table in owned if not rows[table]] == []


async def test_strangers_learn_nothing_and_change_nothing_over_sockets(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    ada, bob = await estate.settle(server, "ada", SECRET), await estate.settle(server, "bob", SECRET)
    watching = [await javascript.connect(server.url, namespace, {"token": ada.token}) for namespace in _NAMESPACES]
    joined = await watching[0].emit_ack("join:project", {"projectId": ada.ids["project"]})
    assert joined["success"] is True
    before = await estate.belongings(server, ada)
    tried = 0
    for namespace, request in await events(server):
        for number, ids in enumerate(request.variants(bob, ada)):
            payload = request.sample.filled(ids)
            ack, heard = await _emit(server, javascript, bob, namespace, request.name, payload)
            what = (namespace, request.name, payload, ack)
            assert not _leaks(str(ack) + heard, ada, ids), what
            if ack.get("code") not in HIDDEN_CODES:
                assert number > 0 or request.sample.slots is _TEMPTING, what
                unknown = [str(uuid.uuid4()) if id in ada.ids.values() else id for id in ids]
                other, _ = await _emit(server, javascript, bob, namespace, request.name, request.sample.filled(unknown))
                assert (ack["success"], ack.get("code")) == (other["success"], other.get("code")), what
            tried += 1
    assert tried > 40
    assert [socket.events for socket in watching[1:]] == [[], []]
    assert [name for name, _ in watching[0].events] == ["joined:project"]
    assert _differences(before, await estate.belongings(server, ada)) == []


async def test_sockets_in_no_room_hear_nothing_and_their_rooms_are_not_theirs_to_choose(
    server: dawg.Dawg, javascript: JavaScript
) -> None:
    """Other ways to claim to be somebody: fields of the handshake, the header, and a made-up token."""
    ada, bob = await estate.settle(server, "ada", SECRET), await estate.settle(server, "bob", SECRET)
    claims = {"token": bob.token, "userId": ada.user_id, "rooms": [f"user:{ada.user_id}"]}
    socket = await javascript.connect(server.url, "/", claims, headers={"X-User-Id": ada.user_id})
    owner = await javascript.connect(server.url, "/", {"token": ada.token})
    await owner.emit_ack("join:project", {"projectId": ada.ids["project"]})
    change = {"projectId": ada.ids["project"], "trackId": ada.ids["track"], "changes": {"volume": 0.1}}
    assert (await owner.emit_ack("track:update", change))["success"] is True
    body = {"genre": "house", "projectId": ada.ids["project"]}
    assert (await server.json("POST", "/api/generate/beat", headers=ada.headers, json=body))[0] == 202
    await owner.wait_for("generation:queued")
    assert socket.events == []


_NAMESPACES = ("/", "/ai-brain", "/voice")


async def events(server: dawg.Dawg) -> list[tuple[str, Request]]:
    """Every event that clients can send."""
    _, document = await server.json("GET", "/asyncapi.json")
    found = []
    for name, operation in document["operations"].items():
        if operation["action"] == "receive":
            _, namespace, event = name.split(" ")
            payload = document["channels"][namespace]["messages"][event].get("payload", {"type": "object"})
            sample = samples.sample(payload, document["components"]["schemas"], event)
            sample.with_example(EXAMPLES.get(event, {}))
            if not sample.slots:  # it takes whatever comes, so it gets what might tempt it
                sample = Sample({slot.path: slot for slot in _TEMPTING}, _TEMPTING)
            found.append((namespace, Request(event, sample)))
    return found


_TEMPTING = [Slot("projectId", ("project",)), Slot("conversationId", ("conversation",)), Slot("userId", ("user",))]


async def _emit(
    server: dawg.Dawg, javascript: JavaScript, person: Estate, namespace: str, event: str, payload: Any
) -> tuple[dict[str, Any], str]:
    """(the ack, everything else that came), on a socket of its own that has joined the person's own project."""
    socket = await javascript.connect(server.url, namespace, {"token": person.token})
    if namespace == "/":
        assert (await socket.emit_ack("join:project", {"projectId": person.ids["project"]}))["success"]
    ack = await socket.emit_ack(event, payload)
    await socket.disconnect()
    return dict(ack), str(socket.events)


def _leaks(text: str, person: Estate, sent: list[str]) -> list[str]:
    """What is in the text of that person, besides what the caller sent."""
    words = {person.mark, *(id for id in person.ids.values() if len(id) > 8)} - set(sent)
    return [word for word in words if word in text]


def _differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> list[tuple[str, str]]:
    return [(table, row) for table in after for row in before[table] ^ after[table]]
