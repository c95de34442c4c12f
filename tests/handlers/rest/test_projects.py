"""Projects, tracks and clips over REST: the bodies that both published clients read, and every refusal."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.daw.conftest import join
from tests.servers import dawg

NOTES = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 90}]}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000") as running:
        yield running


class Api:
    """Ada's requests, each of which has to end with the status that is expected."""

    def __init__(self, server: dawg.Dawg) -> None:
        self.server = server

    async def __call__(self, expected: int, method: str, path: str, user: str = "ada", **body: Any) -> dict[str, Any]:
        options = {} if method in ("GET", "DELETE") else {"json": body}
        status, reply = await self.server.json(method, f"/api{path}", user, **options)
        assert status == expected, reply
        assert reply["success"] is (status < 400)
        return dict(reply)

    async def project(self, **fields: Any) -> str:
        return str((await self(201, "POST", "/projects", **{"name": "Song", **fields}))["id"])

    async def track(self, project_id: str, **fields: Any) -> str:
        return str((await self(201, "POST", "/tracks", projectId=project_id, **{"name": "Kick", **fields}))["id"])

    async def clip(self, track_id: str, **fields: Any) -> str:
        body = {"trackId": track_id, "startTime": 0, "midiData": NOTES, **fields}
        return str((await self(201, "POST", "/clips", **body))["id"])


@pytest.fixture
def api(server: dawg.Dawg) -> Api:
    return Api(server)


async def test_a_project_comes_with_its_defaults_and_every_field_twice(api: Api) -> None:
    made = await api(201, "POST", "/projects", name="  Song ", tempo=93.456, key="c minor")
    assert {
        name: made[name]
        for name in (
            "name",
            "bpm",
            "key",
            "timeSignature",
            "sampleRate",
            "isPublic",
            "lyrics",
            "description",
            "revision",
            "version",
            "userId",
        )
    } == {
        "name": "Song",
        "bpm": 93.46,
        "key": "Cm",
        "timeSignature": "4/4",
        "sampleRate": 44_100,
        "isPublic": False,
        "lyrics": None,
        "description": None,
        "revision": 0,
        "version": 0,
        "userId": "ada",
    }
    assert made["project"] == {name: value for name, value in made.items() if name not in ("project", "success")}
    read = await api(200, "GET", f"/projects/{made['id']}")
    assert (read["role"], read["tracks"], read["audioFiles"]) == ("owner", [], [])
    assert [each["userId"] for each in read["collaborators"]] == ["ada"]
    assert read["createdAt"] == made["createdAt"]
    assert made["createdAt"].endswith("Z")
    assert len(made["createdAt"]) == len("2026-11-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "x" * 121),
        ("name", None),
        ("bpm", 19),
        ("bpm", 301),
        ("bpm", "120"),
        ("key", "H"),
        ("timeSignature", "4/5"),
        ("sampleRate", 22_050),
        ("isPublic", 1),
        ("description", "x" * 2001),
        ("lyrics", "x" * 20_001),
    ],
)
async def test_a_wrong_field_is_named(api: Api, field: str, value: Any) -> None:
    refused = await api(400, "POST", "/projects", **{"name": "Song", field: value})
    assert (refused["code"], list(refused["details"])) == ("validation_error", [field])


async def test_put_and_patch_change_only_what_they_name_and_null_clears(api: Api) -> None:
    id = await api.project(description="first", lyrics="la")
    for method, expected in (("PUT", 1), ("PATCH", 2)):
        changed = await api(200, method, f"/projects/{id}", bpm=60 + expected, unknown=1)
        assert (changed["bpm"], changed["description"], changed["revision"]) == (60 + expected, "first", expected)
        assert changed["project"]["revision"] == expected
    assert (await api(200, "PUT", f"/projects/{id}", description=None))["description"] is None
    assert (await api(200, "PUT", f"/projects/{id}", baseRevision=3, name="Two"))["name"] == "Two"
    conflict = await api(409, "PUT", f"/projects/{id}", baseRevision=3, name="Three")
    assert (conflict["code"], conflict["details"]["current"]["name"]) == ("revision_conflict", "Two")


async def test_lists_are_paged_sorted_and_searched(api: Api) -> None:
    for name in ("Bravo", "alpha", "Charlie"):
        await api.project(name=name)
    foreign = (await api(201, "POST", "/projects", "bob", name="Delta"))["id"]
    await join(api.server.services.platform.database, foreign, "ada", "viewer")

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await api(200, "GET", f"/projects?{query}"))["projects"]]

    assert await names("sortBy=name&sortOrder=asc") == ["alpha", "Bravo", "Charlie", "Delta"]
    assert await names("search=AL") == ["alpha"]
    assert await names("search=%25") == []
    page = await api(200, "GET", "/projects?sortBy=name&sortOrder=asc&limit=3&page=2")
    assert [each["name"] for each in page["projects"]] == ["Delta"]
    assert page["projects"][0]["role"] == "viewer"
    numbers = {"page": 2, "limit": 3, "total": 4, "totalPages": 2}
    assert page["pagination"] == numbers
    assert {name: page[name] for name in numbers} == numbers
    await api(400, "GET", "/projects?limit=101")


async def test_a_deleted_project_is_gone_with_its_jobs(api: Api) -> None:
    id = await api.project()
    track = await api.track(id)
    slow: dict[str, Any] = {"genre": "trap", "duration": 300, "projectId": id}
    job = (await api(202, "POST", "/generate/beat", **slow))["jobId"]
    gone = await api(200, "DELETE", f"/projects/{id}")
    assert (gone["deleted"], gone["id"]) == (True, id)
    assert (await api(200, "GET", f"/generate/status/{job}"))["state"] == "cancelled"
    for method, path in (
        ("DELETE", f"/projects/{id}"),
        ("GET", f"/projects/{id}"),
        ("GET", f"/tracks/{track}"),
        ("POST", f"/projects/{id}/undo"),
    ):
        assert (await api(404, method, path))["code"] == "not_found"


async def test_tracks_come_twice_in_order_and_with_their_revision(api: Api) -> None:
    id = await api.project()
    made = await api(201, "POST", "/tracks", projectId=id, name="Kick", trackType="audio", volume=0)
    assert (made["volume"], made["track"]["volume"], made["trackType"], made["revision"]) == (0, 0, "AUDIO", 1)
    assert (made["outputDestination"], made["sends"], made["metadata"]) == ("master", [], None)
    first = await api.track(id, name="First", order=0)
    listed = await api(200, "GET", f"/tracks/project/{id}")
    assert [(track["name"], track["order"]) for track in listed["tracks"]] == [("First", 0), ("Kick", 1)]
    assert (listed["total"], listed["limit"]) == (2, 50)
    await api(200, "GET", f"/tracks/project/{id}?limit=500")
    changed = await api(200, "PUT", f"/tracks/{first}", pan=-1, lyrics="la")
    assert (changed["pan"], changed["lyrics"], changed["name"]) == (-1, "la", "First")
    read = await api(200, "GET", f"/tracks/{first}")
    assert read["track"] == changed["track"]
    order = await api(200, "POST", f"/tracks/project/{id}/reorder", trackOrders=[{"id": first, "order": 9}])
    assert [track["name"] for track in order["tracks"]] == ["Kick", "First"]
    bulk = await api(200, "PATCH", "/tracks/bulk", trackIds=[first, made["id"]], updates={"isMuted": True})
    assert (bulk["count"], {track["isMuted"] for track in bulk["tracks"]}) == (2, {True})
    gone = await api(200, "DELETE", f"/tracks/{first}")
    assert (gone["deleted"], gone["id"]) == (True, first)
    await api(404, "DELETE", f"/tracks/{first}")
    assert (await api(400, "POST", "/tracks", projectId=id, name="x", trackType="DRUM"))["details"].keys() == {
        "trackType"
    }


async def test_sends_come_with_their_track_and_loops_are_refused(api: Api) -> None:
    id = await api.project()
    track, one, two = await api.track(id), await api.track(id, trackType="AUX"), await api.track(id, trackType="AUX")
    made = await api(200, "POST", f"/tracks/{track}/sends", destinationTrackId=one)
    send = made["send"]
    assert (send["level"], send["pan"], send["preFader"], send["enabled"]) == (0.8, 0, False, True)
    assert made["track"]["sends"] == [send]
    changed = await api(200, "PUT", f"/tracks/{track}/sends/{send['id']}", level=0)
    assert changed["track"]["sends"][0]["level"] == 0
    await api(200, "POST", f"/tracks/{one}/sends", destinationTrackId=two)
    assert (await api(400, "POST", f"/tracks/{two}/sends", destinationTrackId=one))["code"] == "validation_error"
    gone = await api(200, "DELETE", f"/tracks/{track}/sends/{send['id']}")
    assert (gone["deleted"], gone["id"], gone["track"]["sends"]) == (True, send["id"], [])
    for bad in (send["id"], "nonsense", str(uuid.uuid4())):
        await api(404, "DELETE", f"/tracks/{track}/sends/{bad}")


async def test_clips_come_twice_by_time_and_move_between_tracks(api: Api) -> None:
    id = await api.project()
    track, other = await api.track(id, trackType="MIDI"), await api.track(id, trackType="INSTRUMENT")
    late, early = await api.clip(track, startTime=5), await api.clip(track, startTime=1, name="Hook")
    listed = await api(200, "GET", f"/clips/track/{track}")
    assert ([clip["id"] for clip in listed["clips"]], listed["total"]) == ([early, late], 2)
    read = await api(200, "GET", f"/clips/{early}")
    assert (read["clip"]["name"], read["name"], read["midiData"]) == ("Hook", "Hook", NOTES)
    moved = await api(200, "PATCH", f"/clips/{early}", trackId=other, gain=-3)
    assert (moved["trackId"], moved["clip"]["gain"]) == (other, -3)
    bulk = await api(200, "PATCH", "/clips/bulk", clipIds=[late, early], updates={"color": "#AABBCC"})
    assert (bulk["count"], {clip["color"] for clip in bulk["clips"]}) == (2, {"#aabbcc"})
    await api(200, "DELETE", f"/clips/{late}")
    await api(404, "DELETE", f"/clips/{late}")
    project = await api(200, "GET", f"/projects/{id}")
    assert [[clip["id"] for clip in each["clips"]] for each in project["tracks"]] == [[], [early]]


async def test_the_log_is_read_in_parts_and_steps_are_undone(api: Api) -> None:
    id = await api.project()
    for bpm in (70, 80, 90):
        await api(200, "PUT", f"/projects/{id}", bpm=bpm)
    log = await api(200, "GET", f"/projects/{id}/operations?since=1&limit=1")
    (operation,) = log["operations"]
    assert (log["revision"], log["complete"], operation["revision"]) == (3, False, 2)
    assert (operation["kind"], operation["entity"], operation["changes"]) == ("update", "project", {"bpm": 80})
    assert (operation["actorId"], operation["source"], operation["entityId"]) == ("ada", "rest", id)
    assert (await api(200, "GET", f"/projects/{id}/operations?since=2"))["complete"]
    assert (await api(200, "GET", f"/projects/{id}/operations?since=3"))["operations"] == []
    undone = await api(200, "POST", f"/projects/{id}/undo", steps=2)
    assert (undone["revision"], len(undone["groupIds"]), len(undone["operations"])) == (5, 2, 2)
    assert (await api(200, "GET", f"/projects/{id}"))["bpm"] == 70
    assert len((await api(200, "POST", f"/projects/{id}/redo"))["groupIds"]) == 1
    await api(200, "POST", f"/projects/{id}/undo", steps=20)
    assert (await api(409, "POST", f"/projects/{id}/undo"))["code"] == "conflict"
    await api(400, "POST", f"/projects/{id}/undo", steps=21)


async def test_strangers_find_nothing_and_viewers_change_nothing(api: Api) -> None:
    id = await api.project()
    track, aux = await api.track(id, trackType="MIDI"), await api.track(id, trackType="AUX")
    clip = await api.clip(track)
    send = (await api(200, "POST", f"/tracks/{track}/sends", destinationTrackId=aux))["send"]["id"]
    await api(201, "POST", "/projects", "eve", name="Own")
    await join(api.server.services.platform.database, id, "eve", "viewer")
    reads = (
        f"/projects/{id}",
        f"/projects/{id}/operations",
        f"/tracks/project/{id}",
        f"/tracks/{track}",
        f"/clips/track/{track}",
        f"/clips/{clip}",
    )
    writes: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PUT", f"/projects/{id}", {"bpm": 90}),
        ("DELETE", f"/projects/{id}", {}),
        ("POST", f"/projects/{id}/undo", {}),
        ("POST", f"/projects/{id}/redo", {}),
        ("POST", "/tracks", {"projectId": id, "name": "x"}),
        ("PUT", f"/tracks/{track}", {"pan": 1}),
        ("PATCH", f"/tracks/{track}", {"pan": 1}),
        ("DELETE", f"/tracks/{track}", {}),
        ("POST", f"/tracks/project/{id}/reorder", {"trackOrders": [{"id": track, "order": 1}]}),
        ("PATCH", "/tracks/bulk", {"trackIds": [track], "updates": {"pan": 1}}),
        ("POST", f"/tracks/{track}/sends", {"destinationTrackId": aux}),
        ("PUT", f"/tracks/{track}/sends/{send}", {"level": 0}),
        ("DELETE", f"/tracks/{track}/sends/{send}", {}),
        ("POST", "/clips", {"trackId": track, "startTime": 0, "midiData": NOTES}),
        ("PUT", f"/clips/{clip}", {"gain": 1}),
        ("DELETE", f"/clips/{clip}", {}),
        ("PATCH", "/clips/bulk", {"clipIds": [clip], "updates": {"gain": 1}}),
    )
    before = await api(200, "GET", f"/projects/{id}")
    for path in reads:
        await api(200, "GET", path, "eve")
        assert (await api(404, "GET", path, "mallory"))["code"] == "not_found"
    for method, path, body in writes:
        assert (await api(403, method, path, "eve", **body))["code"] == "forbidden"
        assert (await api(404, method, path, "mallory", **body))["code"] == "not_found"
    assert await api(200, "GET", f"/projects/{id}") == before


@pytest.mark.parametrize("id", ["nonsense", "00000000-0000-0000-0000-000000000000", "%00", "'"])
async def test_a_malformed_id_is_an_unknown_one(api: Api, id: str) -> None:
    for path in ("projects", "tracks", "clips"):
        for method in ("GET", "PUT", "DELETE"):
            assert (await api(404, method, f"/{path}/{id}"))["code"] == "not_found"
    await api(404, "GET", f"/tracks/project/{id}")
    await api(404, "GET", f"/clips/track/{id}")
    await api(404, "GET", f"/projects/{id}/operations")


async def test_a_repeated_post_makes_one_thing(api: Api) -> None:
    project = await api.project()
    track = await api.track(project, trackType="MIDI")
    for path, body in (
        ("/projects", {"name": "x"}),
        ("/tracks", {"projectId": project, "name": "x"}),
        ("/clips", {"trackId": track, "startTime": 0, "midiData": NOTES}),
    ):
        headers = {"Idempotency-Key": f"key-{path}"}
        replies = [await api.server.json("POST", f"/api{path}", json=body, headers=headers) for _ in range(2)]
        assert replies[0] == replies[1]
        other = await api.server.json("POST", f"/api{path}", json={**body, "name": "y"}, headers=headers)
        assert (other[0], other[1]["code"]) == (409, "idempotency_conflict")
    assert (await api(200, "GET", f"/tracks/project/{project}"))["total"] == 2


async def test_a_browser_of_our_own_pages_may_use_every_method(api: Api) -> None:
    id = await api.project()
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        headers = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": method}
        async with api.server.http.options(f"{api.server.url}/api/projects/{id}", headers=headers) as reply:
            assert reply.status == 200
            assert method in reply.headers["Access-Control-Allow-Methods"]


async def test_many_at_once_lose_nothing(api: Api) -> None:
    id = await api.project()
    await asyncio.gather(*(api.track(id) for _ in range(30)))
    project = await api(200, "GET", f"/projects/{id}")
    assert (project["revision"], [track["order"] for track in project["tracks"]]) == (30, list(range(30)))
