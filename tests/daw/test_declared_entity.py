"""Adding an entity is one declaration and one migration: everything else follows from it, over the real wire."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio

from dawg_server.daw import entities
from dawg_server.daw import entity as registry
from dawg_server.daw.entity import EntityType
from handlers import asyncapi
from tests.daw.flag import CUE, FLAG, FLAG_FIELDS, KNOB, MIGRATION, added
from tests.handlers.rest.recordings import form, wav
from tests.servers import dawg


@pytest.fixture
def flag() -> Iterator[EntityType]:
    with added(FLAG, KNOB, CUE):
        yield FLAG


@pytest.fixture
async def server(flag: EntityType, database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        await running.services.platform.database.execute(MIGRATION)
        yield running


class Song:
    def __init__(self, server: dawg.Dawg, id: str) -> None:
        self.server, self.id = server, id

    async def call(self, method: str, path: str, body: Any = None, user: str = "ada", expect: int = 200) -> Any:
        status, reply = await self.server.json(method, f"/api{path}", user, json=body)
        assert status == expect, reply
        return reply

    async def flag(self, **fields: Any) -> dict[str, Any]:
        body = {"projectId": self.id, "label": "Hook", "beat": 16, **fields}
        return dict((await self.call("POST", "/flags", body, expect=201))["flag"])

    async def flags(self) -> list[dict[str, Any]]:
        found = (await self.call("GET", f"/projects/{self.id}"))["flags"]
        times = ("createdAt", "updatedAt")
        return sorted(
            ({k: v for k, v in each.items() if k not in times} for each in found), key=lambda each: each["id"]
        )


@pytest.fixture
async def song(server: dawg.Dawg) -> Song:
    _, made = await server.json("POST", "/api/projects", json={"name": "Song"})
    return Song(server, made["id"])


def test_a_file_among_the_entities_is_all_that_makes_one_known() -> None:
    files = {path.stem for path in Path(entities.__file__).parent.glob("[!_]*.py")}
    assert {kind.module.rpartition(".")[2] for kind in registry.every()} == files


async def test_it_is_made_changed_listed_and_deleted_over_rest(song: Song) -> None:
    made = await song.flag(extra={"a": [1]})
    assert {name: made[name] for name in FLAG_FIELDS} == {
        "label": "Hook",
        "beat": 16,
        "kind": "verse",
        "color": None,
        "trackId": None,
        "extra": {"a": [1]},
    }
    for method, changes in (("PUT", {"beat": 8}), ("PATCH", {"kind": "CHORUS"})):
        reply = await song.call(method, f"/flags/{made['id']}", changes)
        assert reply["flag"]["beat"] == 8
    assert (await song.call("GET", f"/flags/{made['id']}"))["kind"] == "chorus"
    assert [each["id"] for each in (await song.call("GET", f"/flags/project/{song.id}"))["flags"]] == [made["id"]]
    for wrong in ({"beat": -1}, {"label": ""}, {"color": "red"}):
        refused = await song.call("PATCH", f"/flags/{made['id']}", wrong, expect=400)
        assert list(refused["details"]) == list(wrong)
    await song.call("PATCH", f"/flags/{made['id']}", {"trackId": made["id"]}, expect=404)
    for method, path in (("GET", f"/flags/{made['id']}"), ("DELETE", f"/flags/{made['id']}")):
        await song.call(method, path, user="eve", expect=404)
    await song.call("DELETE", f"/flags/{made['id']}")
    assert await song.flags() == []
    for _ in range(FLAG.limit):
        await song.flag()
    await song.call("POST", "/flags", {"projectId": song.id, "label": "x", "beat": 0}, expect=409)


async def test_undo_and_redo_know_it_also_when_its_track_goes(song: Song) -> None:
    track = (await song.call("POST", "/tracks", {"projectId": song.id, "name": "Voice"}, expect=201))["id"]
    made = await song.flag(trackId=track)
    await song.call("PATCH", f"/flags/{made['id']}", {"beat": 32})
    await song.call("DELETE", f"/tracks/{track}")
    states = [await song.flags()]
    assert states[0][0]["trackId"] is None
    for _ in range(3):
        await song.call("POST", f"/projects/{song.id}/undo", {})
        states.append(await song.flags())
    assert [(each[0]["trackId"], each[0]["beat"]) for each in states[:3]] == [(None, 32), (track, 32), (track, 16)]
    assert states[3] == []
    for expected in states[2::-1]:
        await song.call("POST", f"/projects/{song.id}/redo", {})
        assert await song.flags() == expected


async def test_sockets_make_it_and_everybody_hears(song: Song) -> None:
    heard: list[tuple[str, Any]] = []
    clients = [socketio.AsyncClient(), socketio.AsyncClient()]
    for client in clients:
        await client.connect(song.server.url, auth={"userId": "ada"}, transports=["websocket"])
        await client.call("join:project", {"projectId": song.id})
    for name in ("flag:created", "flag:updated", "flag:deleted"):
        clients[1].on(name, lambda data, name=name: heard.append((name, data)))
    made = await clients[0].call("flag:create", {"projectId": song.id, "flag": {"label": "Hook", "beat": 4}})
    assert made["success"], made
    id = made["flag"]["id"]
    await clients[0].call("flag:update", {"projectId": song.id, "flagId": id, "changes": {"beat": 5}})
    wrong = await clients[0].call("flag:update", {"projectId": song.id, "flagId": id, "changes": {"beat": "x"}})
    assert list(wrong["details"]) == ["changes.beat"]
    await clients[0].call("flag:delete", {"projectId": song.id, "flagId": id})
    await clients[1].call("join:project", {"projectId": song.id})  # what was sent before has come by now
    assert [(name, data["revision"]) for name, data in heard] == [
        ("flag:created", 1),
        ("flag:updated", 2),
        ("flag:deleted", 3),
    ]
    assert heard[1][1]["changes"] == {"beat": 5}
    assert heard[1][1]["flag"]["label"] == "Hook"
    for client in clients:
        await client.disconnect()


async def test_versions_keep_it_and_bring_it_back(song: Song) -> None:
    kept, changed = await song.flag(label="kept"), await song.flag(label="changed")
    before = await song.flags()
    version = (await song.call("POST", f"/projects/{song.id}/versions", {}, expect=201))["version"]["number"]
    await song.call("DELETE", f"/flags/{kept['id']}")
    await song.call("PATCH", f"/flags/{changed['id']}", {"label": "other"})
    await song.flag(label="new")
    after = await song.flags()
    await song.call("POST", f"/projects/{song.id}/versions/{version}/restore")
    assert await song.flags() == before
    await song.call("POST", f"/projects/{song.id}/undo", {})
    assert await song.flags() == after


async def test_archives_carry_it_to_another_project(song: Song) -> None:
    track = (await song.call("POST", "/tracks", {"projectId": song.id, "name": "Voice"}, expect=201))["id"]
    await song.flag(trackId=track, extra={"deep": {"er": 1}})
    headers = song.server.as_user("ada")
    async with song.server.http.get(f"{song.server.url}/api/projects/{song.id}/export", headers=headers) as reply:
        assert reply.status == 200, await reply.text()
        archive = await reply.read()
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(archive), filename="song.zip")
    status, copy = await song.server.json("POST", "/api/projects/import", data=form)
    assert status == 201, copy
    (flag,) = copy["project"]["flags"]
    assert (flag["label"], flag["beat"], flag["extra"]) == ("Hook", 16, {"deep": {"er": 1}})
    assert flag["trackId"] == copy["project"]["tracks"][0]["id"] != track


async def test_both_descriptions_of_the_api_have_it(song: Song) -> None:
    _, openapi = await song.server.json("GET", "/openapi.json")
    assert {"get", "put", "patch", "delete"} <= openapi["paths"]["/api/flags/{flag_id}"].keys()
    body = openapi["components"]["schemas"]["FlagCreate"]
    assert set(body["required"]) == {"beat", "label", "projectId"}
    assert body["properties"]["beat"]["maximum"] == 10_000
    sockets = asyncapi.document()
    known = sockets["channels"]["/"]["messages"].keys()
    assert {"flag:create", "flag:update", "flag:deleted"} <= known
    assert {"/api/knobs/bulk", "/api/knobs/track/{track_id}/reorder"} <= openapi["paths"].keys()
    assert {"knobs:update", "knob:reorder", "knob:reordered"} <= known


class Chain:
    """Knobs on a track, over the wire."""

    def __init__(self, song: Song, track: str) -> None:
        self.song, self.track = song, track

    async def add(self, type: str, **fields: Any) -> dict[str, Any]:
        body = {"trackId": self.track, "type": type, **fields}
        return dict((await self.song.call("POST", "/knobs", body, expect=201))["knob"])

    async def types(self, track: str | None = None) -> list[str]:
        """In their order, as a whole project shows them."""
        tracks = (await self.song.call("GET", f"/projects/{self.song.id}"))["tracks"]
        (found,) = (each for each in tracks if each["id"] == (track or self.track))
        assert [each["order"] for each in found["knobs"]] == list(range(len(found["knobs"])))
        return [each["type"] for each in found["knobs"]]


@pytest.fixture
async def chain(song: Song) -> Chain:
    return Chain(song, (await song.call("POST", "/tracks", {"projectId": song.id, "name": "Voice"}, expect=201))["id"])


async def test_what_is_on_a_track_keeps_its_order_through_everything(chain: Chain) -> None:
    song = chain.song
    eq, gate, echo = await chain.add("eq"), await chain.add("gate"), await chain.add("echo", order=0)
    assert await chain.types() == ["echo", "eq", "gate"]
    await song.call("POST", "/knobs", {"trackId": chain.track, "type": "eq"}, expect=409)  # named once
    await song.call("PATCH", f"/knobs/{gate['id']}", {"order": 0, "amount": 10})
    assert await chain.types() == ["gate", "echo", "eq"]
    orders = [{"id": eq["id"], "order": 0}, {"id": echo["id"], "order": 2}]
    told = await song.call("POST", f"/knobs/track/{chain.track}/reorder", {"knobOrders": orders})
    assert [each["id"] for each in told["knobs"]] == [eq["id"], gate["id"], echo["id"]]
    same = {"knobIds": [eq["id"], echo["id"]], "updates": {"bypassed": True}}
    assert (await song.call("PATCH", "/knobs/bulk", same))["count"] == 2
    listed = (await song.call("GET", f"/knobs/track/{chain.track}"))["knobs"]
    assert [(each["type"], each["bypassed"]) for each in listed] == [("eq", True), ("gate", False), ("echo", True)]
    await song.call("DELETE", f"/tracks/{chain.track}")
    seen = []
    for _ in range(4):
        await song.call("POST", f"/projects/{song.id}/undo", {})
        seen.append(await chain.types())
    assert seen == [["eq", "gate", "echo"], ["eq", "gate", "echo"], ["gate", "echo", "eq"], ["echo", "eq", "gate"]]
    for expected in (["gate", "echo", "eq"], ["eq", "gate", "echo"]):
        await song.call("POST", f"/projects/{song.id}/redo", {})
        assert await chain.types() == expected


async def test_rooms_and_sockets_know_orders_parts_and_several_at_once(chain: Chain) -> None:
    song = chain.song
    heard: list[tuple[str, Any]] = []
    async with socketio.AsyncSimpleClient() as maker, socketio.AsyncSimpleClient() as other:
        for client in (maker, other):
            await client.connect(song.server.url, auth={"userId": "ada"}, transports=["websocket"])
            await client.call("join:project", {"projectId": song.id})
        names = ("knob:created", "knob:updated", "knob:reordered")
        for name in names:
            other.client.on(name, lambda data, name=name: heard.append((name, data)))
        where = {"projectId": song.id}
        ids = []
        for type in ("eq", "gate"):
            made = await maker.call("knob:create", {**where, "knob": {"trackId": chain.track, "type": type}})
            ids.append(made["knob"]["id"])
        orders = [{"id": ids[1], "order": 0}]
        assert (await maker.call("knob:reorder", {**where, "knobOrders": orders}))["success"]
        changed = await maker.call("knobs:update", {**where, "knobIds": ids, "changes": {"amount": 7}})
        assert [each["amount"] for each in changed["knobs"]] == [7, 7]
        await other.call("join:project", where)  # what was sent before has come by now
    assert [name for name, _ in heard] == [*names[:1] * 2, "knob:reordered", *["knob:updated"] * 2]
    places = {each["id"]: each["order"] for each in heard[2][1]["knobOrders"]}
    assert places == {ids[1]: 0, ids[0]: 1}


async def test_versions_and_archives_keep_what_is_on_tracks(chain: Chain) -> None:
    song = chain.song
    bus = (await song.call("POST", "/tracks", {"projectId": song.id, "name": "Kick"}, expect=201))["id"]
    gate, duck = await chain.add("gate"), await chain.add("duck", sidechainTrackId=bus)
    version = (await song.call("POST", f"/projects/{song.id}/versions", {}, expect=201))["version"]["number"]
    await song.call("DELETE", f"/tracks/{bus}")
    assert (await song.call("GET", f"/knobs/{duck['id']}"))["sidechainTrackId"] is None
    await song.call("DELETE", f"/knobs/{gate['id']}")
    await chain.add("eq", order=0)
    await song.call("POST", f"/projects/{song.id}/versions/{version}/restore")
    assert await chain.types() == ["gate", "duck"]
    assert (await song.call("GET", f"/knobs/{duck['id']}"))["sidechainTrackId"] == bus
    await song.call("POST", f"/projects/{song.id}/undo", {})
    tracks = (await song.call("GET", f"/projects/{song.id}"))["tracks"]
    assert [each["type"] for each in tracks[0]["knobs"]] == ["eq", "duck"]
    await song.call("POST", f"/projects/{song.id}/redo", {})
    headers = song.server.as_user("ada")
    async with song.server.http.get(f"{song.server.url}/api/projects/{song.id}/export", headers=headers) as reply:
        archive = await reply.read()
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(archive), filename="song.zip")
    status, copy = await song.server.json("POST", "/api/projects/import", data=form)
    assert status == 201, copy
    voice, kick = copy["project"]["tracks"]
    assert [(each["type"], each["order"]) for each in voice["knobs"]] == [("gate", 0), ("duck", 1)]
    assert voice["knobs"][1]["sidechainTrackId"] == kick["id"] != bus


class Cues:
    """What plays a recording or says something, over the wire."""

    def __init__(self, song: Song) -> None:
        self.song = song

    async def add(self, expect: int = 201, **fields: Any) -> dict[str, Any]:
        reply = await self.song.call("POST", "/cues", {"projectId": self.song.id, "beat": 4, **fields}, expect=expect)
        return dict(reply.get("cue") or reply)

    async def change(self, cue: dict[str, Any], expect: int = 200, **changes: Any) -> dict[str, Any]:
        reply = await self.song.call("PATCH", f"/cues/{cue['id']}", changes, expect=expect)
        return dict(reply.get("cue") or reply)

    async def recording(self, user: str = "ada") -> str:
        status, audio = await self.song.server.json("POST", "/api/audio/upload", user, data=form(wav(0.1)))
        assert status == 201, audio
        return str(audio["audioFile"]["id"])

    async def home(self, audio_id: str) -> Any:
        """The project that the recording belongs to."""
        return (await self.song.call("GET", f"/audio/{audio_id}"))["projectId"]


@pytest.fixture
def cues(song: Song) -> Cues:
    return Cues(song)


async def test_a_recording_that_it_plays_is_ones_own_and_becomes_the_projects(cues: Cues) -> None:
    own, second, foreign = await cues.recording(), await cues.recording(), await cues.recording("eve")
    made = await cues.add(audioFileId=own)
    assert await cues.home(own) == cues.song.id
    for unknown in (foreign, made["id"]):
        refused = await cues.add(404, audioFileId=unknown)
        assert refused["details"] == {"kind": "audioFile", "missing": [unknown]}
        await cues.change(made, 404, audioFileId=unknown)
        same = {"cueIds": [made["id"]], "updates": {"audioFileId": unknown}}
        await cues.song.call("PATCH", "/cues/bulk", same, expect=404)
    assert await cues.home(second) is None
    assert (await cues.change(made, audioFileId=second))["audioFileId"] == second
    assert await cues.home(second) == cues.song.id


async def test_it_has_exactly_one_of_two(cues: Cues) -> None:
    own = await cues.recording()
    for fields in ({}, {"audioFileId": own, "words": "Now"}):
        assert list((await cues.add(400, **fields))["details"]) == ["audioFileId"]
    assert await cues.home(own) is None
    made = await cues.add(words="Now")
    assert list((await cues.change(made, 400, audioFileId=own))["details"]) == ["audioFileId"]
    assert list((await cues.change(made, 400, words=None))["details"]) == ["audioFileId"]
    changed = await cues.change(made, audioFileId=own, words=None)
    assert (changed["audioFileId"], changed["words"]) == (own, None)
    assert list((await cues.change(made, 400, words="Now"))["details"]) == ["words"]
    await cues.change(made, beat=8)
    await cues.song.call("POST", f"/projects/{cues.song.id}/undo", {})
    await cues.song.call("POST", f"/projects/{cues.song.id}/undo", {})
    before = await cues.song.call("GET", f"/cues/{made['id']}")
    assert (before["audioFileId"], before["words"]) == (None, "Now")
