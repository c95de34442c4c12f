"""Takes of a clip: kept like everything else, chosen stretch by stretch, and heard."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import socketio
import soundfile

from dawg_server.audio.mixing import mixer, take_ranges
from dawg_server.audio.mixing.take_ranges import TakeRanges
from dawg_server.generation.finishing.material import Material
from tests.daw.song import Song, content
from tests.servers import dawg

RATE = 44_100
FADE = 0.02  # seconds


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


class Lane:
    """A clip of two seconds with takes, whose recordings are constants that tell them apart."""

    def __init__(self, song: Song, clip: dict[str, Any]) -> None:
        self.song, self.clip, self.takes = song, clip, list[dict[str, Any]]()

    @classmethod
    async def new(cls, song: Song, *levels: float) -> Lane:
        track = (await song.add("track", name="Voice", volume=1))["id"]
        own = await recording(song, 0.1)
        lane = cls(song, await song.add("clip", trackId=track, audioFileId=own, startTime=1, duration=2))
        for level in levels:
            fields = {"clipId": lane.clip["id"], "audioFileId": await recording(song, level)}
            lane.takes.append(await song.add("take", **fields))
        return lane

    async def comp(self, *ranges: tuple[int, float, float], expect: int = 200) -> Any:
        chosen = [{"takeId": self.takes[take]["id"], "start": start, "end": end} for take, start, end in ranges]
        return await self.song.call("POST", f"/clips/{self.clip['id']}/comp", {"ranges": chosen}, expect=expect)

    async def ranges(self) -> list[list[tuple[float, float]]]:
        """Of each take."""
        found = {each["id"]: each["ranges"] for each in (await self.song.shown())["takes"]}
        return [[(each["start"], each["end"]) for each in found[take["id"]]] for take in self.takes]

    async def heard(self, folder: Path) -> np.ndarray:
        parts = self.song.server.services
        document = parts.documents.document
        material = Material(parts.platform.database, document, parts.platform.storage)
        arrangement = await material.arrangement(await document.snapshot(self.song.id, "ada"), folder)
        return np.concatenate(list(mixer.played(arrangement, 0, 4 * RATE)))[:, 0]


async def recording(song: Song, level: float, user: str = "ada") -> str:
    file = io.BytesIO()
    soundfile.write(file, np.full(3 * RATE, level), RATE, format="WAV", subtype="FLOAT")
    form = aiohttp.FormData()
    form.add_field("file", file.getvalue(), filename=f"take{level}.wav")
    status, made = await song.server.json("POST", "/api/audio/upload", user, data=form)
    assert status == 201, made
    return str(made["audioFile"]["id"])


def steady(sound: np.ndarray, *seconds: float) -> list[float]:
    return [round(float(sound[round(each * RATE)]), 4) for each in seconds]


async def test_the_chosen_stretches_are_heard_and_kept_by_undo_versions_and_archives(
    server: dawg.Dawg, tmp_path: Path
) -> None:
    lane = await Lane.new(song := await Song.new(server), 0.2, 0.4)
    assert lane.takes[0]["name"] == "take0.2.wav"
    assert steady(await lane.heard(tmp_path), 0.9, 1.1, 2.9, 3.1) == [0, 0.1, 0.1, 0]
    told = await lane.comp((0, 0.5, 1.5), (1, 1, 1.2))
    assert [each["id"] for each in told["takes"]] == [each["id"] for each in lane.takes]
    assert await lane.ranges() == [[(0.5, 1), (1.2, 1.5)], [(1, 1.2)]]
    chosen = [0.1, 0.2, 0.4, 0.2, 0.1]
    assert steady(await lane.heard(tmp_path), 1.25, 1.75, 2.1, 2.35, 2.75) == chosen
    # Moved and trimmed, every stretch stays at the same sound.
    await song.change("clip", lane.clip["id"], startTime=0, offset=0.75, duration=1, gain=-6.0206)
    assert steady(await lane.heard(tmp_path), 0.1, 0.35, 0.6, 0.9) == [0.1, 0.2, 0.1, 0.05]
    await song.undo()
    version, kept = await song.version(), content((await song.shown())["takes"])
    await song.change("take", lane.takes[1]["id"], shift=1, gain=6)
    await song.call("DELETE", f"/clips/{lane.clip['id']}")
    assert (await song.shown())["takes"] == []
    await song.undo()
    assert len((await song.shown())["takes"]) == 2
    await song.restore(version)
    assert content((await song.shown())["takes"]) == kept
    copy = await song.copied()
    assert {each["clipId"] for each in copy["takes"]} == {copy["tracks"][0]["clips"][0]["id"]}
    assert sorted((each["ranges"] for each in copy["takes"]), key=len) == [
        [{"start": 1, "end": 1.2}],
        [{"start": 0.5, "end": 1}, {"start": 1.2, "end": 1.5}],
    ]


async def test_a_section_that_cuts_a_clip_leaves_its_takes_to_both_parts(server: dawg.Dawg, tmp_path: Path) -> None:
    lane = await Lane.new(song := await Song.new(server), 0.2)
    await lane.comp((0, 0.5, 1.5))
    section = await song.add("section", name="B", beat=4, length=2)  # the second half of the clip
    await song.call("POST", f"/sections/{section['id']}/move", {"beat": 0})
    assert steady(await lane.heard(tmp_path), 0.25, 0.75, 1.5, 2.25, 2.75) == [0.2, 0.1, 0, 0.1, 0.2]
    await song.undo()
    assert len((await song.shown())["takes"]) == 1


async def test_cut_and_copied_clips_have_the_takes_as_well(server: dawg.Dawg, tmp_path: Path) -> None:
    lane = await Lane.new(song := await Song.new(server), 0.2)
    await lane.comp((0, 0.5, 1.5))
    whole = await lane.heard(tmp_path)
    second = (await song.call("POST", f"/clips/{lane.clip['id']}/split", {"beat": 4}))["clips"][1]
    assert np.allclose(await lane.heard(tmp_path), whole, atol=1e-6)
    await song.call("POST", "/clips/duplicate", {"clipIds": [second["id"]]})
    assert steady(await lane.heard(tmp_path), 3.25, 3.75) == [0.2, 0.1]
    assert len((await song.shown())["takes"]) == 3


async def test_what_cannot_be_of_takes_is_refused_and_sockets_comp_as_well(server: dawg.Dawg) -> None:
    lane = await Lane.new(song := await Song.new(server), 0.2)
    other = await Lane.new(song, 0.4)
    take = lane.takes[0]["id"]
    for ranges in ([{"start": 2, "end": 1}], [{"start": -1, "end": 1}], [{"start": 0}], "all"):
        assert (await song.change("take", take, expect=400, ranges=ranges))["code"] == "validation_error"
    assert list((await song.change("take", take, expect=400, clipId=other.clip["id"]))["details"]) == ["clipId"]
    merged = await song.change("take", take, ranges=[{"start": 1, "end": 2}, {"start": 0, "end": 1.5}])
    assert merged["ranges"] == [{"start": 0, "end": 2}]
    lane.takes += other.takes
    assert list((await lane.comp((1, 0, 1), expect=400))["details"]) == ["ranges.0.takeId"]
    foreign = {"clipId": lane.clip["id"], "audioFileId": await recording(song, 0.3, "eve")}
    await song.add("take", expect=404, **foreign)
    await song.call("POST", f"/clips/{lane.clip['id']}/comp", {"ranges": []}, user="eve", expect=404)
    async with socketio.AsyncSimpleClient() as page:
        await page.connect(server.url, auth={"userId": "ada"}, transports=["websocket"])
        await page.call("join:project", {"projectId": song.id})
        chosen = [{"takeId": take, "start": 0.25, "end": 0.5}]
        payload = {"projectId": song.id, "clipId": lane.clip["id"], "ranges": chosen}
        assert (await page.call("takes:comp", payload))["takes"][0]["ranges"] == [{"start": 0.25, "end": 0.5}]


def test_neighbours_are_joined_by_crossfades_of_equal_power() -> None:
    take = TakeRanges("take", ((1.0, 2.0),), shift=0.5, gain_db=-3, crossfade=FADE)
    first, second, third = take_ranges.parts("own", 0.5, 2.0, [take])
    assert [part.path for part in (first, second, third)] == ["own", "take", "own"]
    assert (first.start, first.offset, first.fade_in) == (0, 0.5, 0)
    assert (first.end, second.start) == pytest.approx((0.51, 0.49))
    assert (second.offset, second.gain_db) == (pytest.approx(1.49), -3)
    assert (second.fade_in, second.fade_out, first.fade_out, third.fade_in) == pytest.approx((FADE,) * 4)
    assert (third.start, third.end, third.fade_out) == pytest.approx((1.49, 2.0, 0))
    assert all(part.equal_power for part in (first, second, third))
    assert take_ranges.parts("own", 2.5, 1.0, [take]) == ()
    newer = TakeRanges("newer", ((0.0, 9.0),))
    assert [part.path for part in take_ranges.parts("own", 0.5, 2.0, [take, newer])] == ["newer"]
