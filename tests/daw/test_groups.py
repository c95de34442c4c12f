"""Groups: folders of tracks, whose sound goes through the group's fader, pan, mute and solo."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import socketio

from dawg_server.audio.mixing import mixer
from dawg_server.generation.finishing.material import Material
from tests.daw.song import Song
from tests.servers import dawg

NOTES = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 100}]}


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


class Band:
    """Tracks that play a note each."""

    def __init__(self, song: Song) -> None:
        self.song, self.ids = song, dict[str, str]()

    async def add(self, *names: str) -> list[str]:
        for name in names:
            self.ids[name] = (await self.song.add("track", name=name, trackType="MIDI"))["id"]
            await self.song.add("clip", trackId=self.ids[name], startTime=0, duration=0.5, midiData=NOTES)
        return [self.ids[name] for name in names]

    async def group(self, label: str, *names: str) -> dict[str, Any]:
        body = {"trackIds": [self.ids[name] for name in names], "name": label}
        made = dict((await self.song.call("POST", "/tracks/group", body))["track"])
        self.ids[label] = made["id"]
        return made

    async def change(self, name: str, *, expect: int = 200, **fields: Any) -> dict[str, Any]:
        return await self.song.change("track", self.ids[name], expect=expect, **fields)

    async def order(self) -> list[tuple[str, str | None]]:
        """The names of the tracks with those of their groups."""
        names = {id: name for name, id in self.ids.items()}
        tracks = (await self.song.shown())["tracks"]
        return [(track["name"], names.get(track["groupId"])) for track in tracks]

    async def heard(self, folder: Path) -> np.ndarray:
        """Half a second of the project, as a render of it begins."""
        parts = self.song.server.services
        document = parts.documents.document
        material = Material(parts.platform.database, document, parts.platform.storage)
        arrangement = await material.arrangement(await document.snapshot(self.song.id, "ada"), folder)
        return np.concatenate(list(mixer.played(arrangement, 0, arrangement.rate // 2)))


async def test_tracks_are_put_into_groups_and_taken_out_in_one_step(server: dawg.Dawg) -> None:
    band = Band(song := await Song.new(server))
    kick, _, snare, keys = await band.add("kick", "voice", "snare", "keys")
    drums = await band.group("drums", "snare", "kick")
    assert (drums["trackType"], drums["volume"], drums["order"]) == ("GROUP", 1, 0)
    in_drums = [("drums", None), ("kick", "drums"), ("snare", "drums")]
    assert await band.order() == [*in_drums, ("voice", None), ("keys", None)]
    await band.group("all", "drums", "keys")
    assert (await band.order())[:2] == [("all", None), ("drums", "all")]
    version, before = await song.version(), await band.order()
    await band.change("all", order=9)  # with everything in it
    assert await band.order() == [before[-1], *before[:-1]]
    await song.undo()
    assert await band.order() == before
    await song.call("POST", f"/tracks/{band.ids['drums']}/ungroup", {})
    assert dict(await band.order())["kick"] == "all"
    await song.undo()
    assert await band.order() == before
    await song.call("DELETE", f"/tracks/{band.ids['drums']}")
    assert dict(await band.order())["kick"] is None
    await song.restore(version)
    assert await band.order() == before
    copies = {each["id"]: each for each in (await song.copied())["tracks"]}
    parents = {each["name"]: copies.get(each["groupId"], {}).get("name") for each in copies.values()}
    assert parents == dict(before)
    # What cannot be.
    for name, fields in (
        ("kick", {"groupId": keys}),
        ("all", {"groupId": band.ids["drums"]}),
        ("drums", {"groupId": band.ids["drums"]}),
    ):
        assert "groupId" in (await band.change(name, expect=400, **fields))["details"]
    await band.change("drums", expect=409, trackType="AUDIO")
    for body in ({"trackIds": [kick, band.ids["drums"]]}, {"trackIds": []}):
        await song.call("POST", "/tracks/group", body, expect=400)
    await song.call("POST", f"/tracks/{snare}/ungroup", {}, expect=400)
    await song.call("POST", "/tracks/group", {"trackIds": [kick]}, user="eve", expect=404)
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        named = {"projectId": song.id, "trackIds": [kick], "name": "Low"}
        low = await page.call("tracks:group", named)
        assert low["track"]["groupId"] == band.ids["drums"]
        assert (await page.call("track:ungroup", {"projectId": song.id, "trackId": low["track"]["id"]}))["success"]
    assert await band.order() == before


async def test_a_group_is_heard_through_its_fader_and_muted_and_soloed_with_its_tracks(
    server: dawg.Dawg, tmp_path: Path
) -> None:
    band = Band(song := await Song.new(server))
    kick, _ = await band.add("kick", "voice")
    await band.change("kick", volume=1)
    await band.change("voice", volume=0.5)
    both = await band.heard(tmp_path)
    await band.group("group", "kick")
    assert np.allclose(await band.heard(tmp_path), both, atol=1e-6)
    await band.change("group", isMuted=True)
    voice = await band.heard(tmp_path)
    alone = both - voice  # the kick, at unity
    assert np.abs(alone).max() > 0.01 < np.abs(voice).max()
    await band.change("group", isMuted=False, volumeDb=-6, pan=-1)
    quiet = await band.heard(tmp_path) - voice
    assert np.allclose(quiet[:, 0], alone[:, 0] * 10 ** (-6 / 20) * np.sqrt(2), atol=1e-5)
    assert np.abs(quiet[:, 1]).max() < 1e-5
    await band.change("group", isSolo=True, volume=1, pan=0)
    assert np.allclose(await band.heard(tmp_path), alone, atol=1e-5)
    # What a track of the group sends elsewhere is soloed and muted with the group.
    echo = (await song.add("track", name="echo", trackType="AUX", volume=1))["id"]
    await song.call("POST", f"/tracks/{kick}/sends", {"destinationTrackId": echo, "level": 1}, expect=200)
    assert np.allclose(await band.heard(tmp_path), 2 * alone, atol=1e-5)
    await band.change("group", isMuted=True)
    assert not (await band.heard(tmp_path)).any()
    await band.change("group", isMuted=False, isSolo=False)
    await band.change("kick", isSolo=True)
    assert np.allclose(await band.heard(tmp_path), 2 * alone, atol=1e-5)
