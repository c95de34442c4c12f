"""Faders in dB beside linear ones, up to +6 dB, and the curve of fades."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import socketio

from dawg_server.daw.access import Actor
from tests.daw.song import Song
from tests.servers import dawg


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


async def test_volumes_and_levels_are_told_and_taken_in_both_units(server: dawg.Dawg) -> None:
    song = await Song.new(server)
    made = await song.add("track", name="Keys")
    assert (made["volume"], made["volumeDb"]) == (0.8, -1.9382)
    id = made["id"]
    for given, volume, decibels in (
        ({"volumeDb": 6}, 10 ** (6 / 20), 6),
        ({"volume": 0.5}, 0.5, -6.0206),
        ({"volumeDb": -6.0206}, 0.5, -6.0206),  # what was shown comes back unchanged
        ({"volume": 0.25, "volumeDb": -6.0206}, 0.25, -12.0412),  # that one counts which is new
        ({"volume": 0.25, "volumeDb": -6}, 10 ** (-6 / 20), -6),
        ({"volumeDb": None}, 0, None),
        ({"volumeDb": -144}, 10 ** (-144 / 20), -144),
        ({"volume": 1e-9}, 1e-9, None),
    ):
        changed = await song.change("track", id, **given)
        assert (changed["volume"], changed["volumeDb"]) == (pytest.approx(volume, abs=1e-15), decibels)
        listed = (await song.call("GET", f"/tracks/{id}"))["track"]
        assert (listed["volume"], listed["volumeDb"]) == (changed["volume"], decibels)
    for wrong in ({"volumeDb": 6.1}, {"volumeDb": -145}, {"volumeDb": "0"}, {"volume": 2}):
        assert list((await song.change("track", id, expect=400, **wrong))["details"]) == list(wrong)
    await song.undo()
    assert (await song.shown())["tracks"][0]["volumeDb"] == -144
    await song.call("PATCH", "/tracks/bulk", {"trackIds": [id], "updates": {"volumeDb": 0}})
    assert (await song.copied())["tracks"][0]["volume"] == 1
    loud = await song.add("track", name="Loud", volumeDb=3)
    assert loud["volume"] == pytest.approx(10 ** (3 / 20))
    bus = await song.add("track", name="Echo", trackType="AUX")
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        payload = {"projectId": song.id, "trackId": id, "send": {"destinationTrackId": bus["id"], "levelDb": -20}}
        sent = (await page.call("send:create", {**payload, "send": {**payload["send"], "trackId": id}}))["send"]
    assert (sent["level"], sent["levelDb"]) == (pytest.approx(0.1), -20)
    path = f"/tracks/{id}/sends/{sent['id']}"
    assert (await song.call("PATCH", path, {"level": 1}))["track"]["sends"][0]["levelDb"] == 0
    told = await server.services.documents.functions.run(
        "setTrackVolume", {"trackId": id, "volumeDb": -12}, project_id=song.id, by=Actor("ada", "ai-brain")
    )
    assert (told.message, told.data["track"]["volumeDb"]) == ("The volume is -12 dB now.", -12)


async def test_the_curve_of_fades_is_kept(server: dawg.Dawg) -> None:
    song = await Song.new(server)
    track = await song.add("track", name="Keys", trackType="MIDI")
    clip = await song.add("clip", trackId=track["id"], startTime=0, duration=2, midiData={"notes": []}, fadeOut=1)
    assert clip["fadeCurve"] == "linear"
    version = await song.version()
    assert (await song.change("clip", clip["id"], fadeCurve="equalpower"))["fadeCurve"] == "equalPower"
    assert (await song.copied())["tracks"][0]["clips"][0]["fadeCurve"] == "equalPower"
    await song.change("clip", clip["id"], expect=400, fadeCurve="curly")
    database = server.services.platform.database
    # As an earlier release has kept it, which knew no curves.
    await database.execute("UPDATE versions SET snapshot = replace(snapshot::text, 'fadeCurve', 'old')::jsonb")
    await song.call("DELETE", f"/clips/{clip['id']}")
    await song.restore(version)
    again = await song.change("clip", clip["id"], name="Old")
    assert (again["name"], again["fadeCurve"]) == ("Old", "linear")
