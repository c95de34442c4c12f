"""The chain of a track: what it takes, what it refuses, and that it travels with everything else of the project."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dawg_server.audio.devices.catalogue import TYPES
from dawg_server.audio.mixing import mixer
from dawg_server.generation.finishing.material import Material
from tests.daw.song import TIMES, Song
from tests.handlers.rest.recordings import uploaded, wav
from tests.servers import dawg


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, REQUESTS_PER_MINUTE="100000", JOB_CONCURRENCY="0") as running:
        yield running


class Desk(Song):
    """Four tracks, by name: voice, kick, room (a bus) and main (the master)."""

    tracks: dict[str, str]

    async def device(self, type: str, track: str = "voice", expect: int = 201, **fields: Any) -> Any:
        reply = await self.add("device", trackId=self.tracks[track], type=type, expect=expect, **fields)
        return reply if expect == 201 else reply["details"]

    async def chain(self, track: str = "voice") -> list[dict[str, Any]]:
        return chain(await self.shown(), track)


def chain(project: dict[str, Any], track: str = "voice") -> list[dict[str, Any]]:
    found = next(each for each in project["tracks"] if each["name"] == track)
    return [{name: value for name, value in each.items() if name not in TIMES} for each in found["devices"]]


@pytest.fixture
async def song(server: dawg.Dawg) -> Desk:
    desk = await Desk.new(server)
    kinds = {"voice": "AUDIO", "kick": "AUDIO", "room": "AUX", "main": "MASTER"}
    desk.tracks = {name: (await desk.add("track", name=name, trackType=kind))["id"] for name, kind in kinds.items()}
    return desk


async def test_types_are_told_with_schema_units_and_presets(song: Desk) -> None:
    types = {each["type"]: each for each in (await song.call("GET", "/devices"))["types"]}
    assert list(types) == list(TYPES)
    threshold = types["compressor"]["parameters"]["properties"]["threshold"]
    assert (threshold["minimum"], threshold["maximum"], threshold["default"]) == (-60, 0, -24)
    assert (threshold["unit"], threshold["automatable"]) == ("dB", True)
    for each in types.values():
        assert all(preset.keys() == each["parameters"]["properties"].keys() for preset in each["presets"].values())


async def test_every_type_stands_on_every_kind_of_track_with_its_defaults(song: Desk) -> None:
    for track in song.tracks:
        for name, kind in TYPES.items():
            if not kind.recording:
                assert (await song.device(name, track))["parameters"] == kind.defaults
        assert [each["order"] for each in await song.chain(track)] == list(range(len(TYPES) - 1))


async def test_parameters_are_held_to_the_type_and_merge_into_what_is_there(song: Desk) -> None:
    for type, fields, wrong in (
        ("echo", {}, "type"),
        ("compressor", {"parameters": {"threshold": 3}}, "parameters.threshold"),
        ("compressor", {"parameters": {"volume": 1}}, "parameters.volume"),
        ("compressor", {"parameters": {"ratio": "2"}}, "parameters.ratio"),
        ("compressor", {"parameters": {"ratio": None}}, "parameters.ratio"),
        ("compressor", {"preset": "nothing"}, "preset"),
        ("equalizer", {"sidechainTrackId": song.tracks["kick"]}, "sidechainTrackId"),
        ("compressor", {"sidechainTrackId": song.tracks["voice"]}, "sidechainTrackId"),
        ("sampler", {}, "audioFileId"),
    ):
        assert list(await song.device(type, expect=400, **fields)) == [wrong]
    made = await song.device("compressor", preset="glue", parameters={"ratio": 2})
    assert made["parameters"] == TYPES["compressor"].preset("glue") | {"ratio": 2}
    path = f"/devices/{made['id']}"
    changed = await song.call("PATCH", path, {"parameters": {"threshold": -30}})
    assert changed["parameters"] == made["parameters"] | {"threshold": -30}
    refused = await song.call("PATCH", path, {"parameters": {"threshold": 1}, "bypassed": True}, expect=400)
    assert list(refused["details"]) == ["parameters.threshold"]
    assert list((await song.call("PATCH", path, {"type": "gate"}, expect=400))["details"]) == ["type"]
    assert (await song.call("PATCH", path, {"preset": "vocal"}))["parameters"] == TYPES["compressor"].preset("vocal")
    assert (await song.call("PATCH", path, {"preset": None}))["parameters"] == TYPES["compressor"].preset("vocal")
    await song.call("GET", path, user="eve", expect=404)


async def test_sidechains_make_no_loops_and_let_go_of_deleted_tracks(song: Desk) -> None:
    first = await song.device("compressor", sidechainTrackId=song.tracks["kick"])
    assert "sidechainTrackId" in await song.device("gate", "kick", 400, sidechainTrackId=song.tracks["voice"])
    second = await song.device("gate", "kick")
    body = {"sidechainTrackId": song.tracks["voice"]}
    await song.call("PATCH", f"/devices/{second['id']}", body, expect=400)
    # Sound that goes to a bus must not come back by what listens to the bus, nor the other way round.
    await song.device("compressor", "kick", 201, sidechainTrackId=song.tracks["room"])
    await song.call("PATCH", f"/tracks/{song.tracks['kick']}", {"outputDestination": song.tracks["room"]}, expect=400)
    await song.call("DELETE", f"/tracks/{song.tracks['kick']}")
    assert [each["sidechainTrackId"] for each in await song.chain()] == [None]
    await song.undo()
    assert (await song.chain())[0] == {k: v for k, v in first.items() if k in (await song.chain())[0]}
    assert len(await song.chain("kick")) == 2


async def test_chains_are_undone_and_kept_in_versions_and_archives(song: Desk) -> None:
    first = await song.device("equalizer", parameters={"gain2": 3})
    second = await song.device("reverb", parameters={"mix": 0.5})
    await song.device("compressor", sidechainTrackId=song.tracks["kick"])
    states = [await song.chain()]
    orders = {"deviceOrders": [{"id": second["id"], "order": 0}]}
    await song.call("POST", f"/devices/track/{song.tracks['voice']}/reorder", orders)
    states.append(await song.chain())
    await song.call("PATCH", f"/devices/{first['id']}", {"parameters": {"gain2": -6, "q2": 2}, "bypassed": True})
    states.append(await song.chain())
    assert states[2][1]["parameters"]["gain2"] == -6 and states[1][0]["type"] == "reverb"
    kept = await song.version()
    for expected in (states[1], states[0]):
        await song.undo()
        assert await song.chain() == expected
    await song.call("DELETE", f"/devices/{first['id']}")
    await song.restore(kept)
    assert await song.chain() == states[2]
    copied = chain(await song.copied())
    same = ("type", "parameters", "bypassed", "order")
    assert [[each[name] for name in same] for each in copied] == [[each[name] for name in same] for each in states[2]]
    assert copied[-1]["sidechainTrackId"] not in (None, song.tracks["kick"])


async def test_a_sampler_keeps_its_recording(song: Desk) -> None:
    audio_id = (await uploaded(song.server, wav(0.2), projectId=song.id))["id"]
    made = await song.device("sampler", audioFileId=audio_id, preset="hit")
    assert made["parameters"]["oneShot"] is True
    assert (await song.call("PATCH", f"/devices/{made['id']}", {"audioFileId": None}, expect=400))["details"]
    await song.call("DELETE", f"/audio/{audio_id}", expect=409)


async def test_renders_play_what_the_document_says_of_devices_and_envelopes(song: Desk, tmp_path: Path) -> None:
    tone = (await uploaded(song.server, wav(1.0, frequency=480), projectId=song.id))["id"]
    at = {"trackId": song.tracks["voice"], "startTime": 0, "duration": 1, "audioFileId": tone}
    await song.add("clip", **at)
    for fields in ({"name": "voice", "volume": 1}, {"name": "main", "volume": 1}):
        await song.change("track", song.tracks[fields.pop("name")], **fields)

    async def heard(only: set[str] | None = None) -> np.ndarray:
        parts = song.server.services
        document = parts.documents.document
        material = Material(parts.platform.database, document, parts.platform.storage)
        arrangement = await material.arrangement(await document.snapshot(song.id, "ada"), tmp_path, only=only)
        return np.concatenate(list(mixer.played(arrangement, 0, arrangement.rate)))

    before = await heard()
    gain = await song.device("utility", "main", parameters={"gain": -6})
    assert np.allclose(await heard(), before * 10 ** (-6 / 20), atol=1e-6)
    await song.change("device", gain["id"], bypassed=True)
    assert np.allclose(await heard(), before, atol=1e-6)
    # At 120 beats a minute the second beat begins after half a second.
    points = [{"beat": 1, "value": 1}, {"beat": 1.02, "value": 0}]
    fade = await song.add("automation", trackId=song.tracks["voice"], target="volume", points=points)
    faded = await heard()
    rate = len(faded)
    line = np.interp(np.arange(rate) / rate, (0.5, 0.51), (1, 0))[:, None]
    assert np.allclose(faded, before * line, atol=1e-5)
    await song.change("automation", fade["id"], enabled=False)
    # A track that is left out moves the compressors of those that play.
    await song.add("clip", **{**at, "trackId": song.tracks["kick"]})
    both = await heard({song.tracks["voice"]})
    assert np.allclose(both, before, atol=1e-6)
    duck = {"threshold": -60, "ratio": 20, "attack": 1}
    await song.device("compressor", sidechainTrackId=song.tracks["kick"], parameters=duck)
    ducked = await heard({song.tracks["voice"]})
    assert np.abs(ducked[rate // 2 :]).max() < np.abs(before).max() / 50
    # Notes are played by a sampler if there is one, else by the track's instrument.
    notes = {"notes": [{"pitch": 60, "start": 0, "duration": 1, "velocity": 127}]}
    keys = await song.add("track", name="Keys", trackType="MIDI", instrument="organ", volume=1)
    await song.add("clip", trackId=keys["id"], startTime=0, duration=0.5, midiData=notes)
    organ = await heard({keys["id"]})
    song.tracks["keys"] = keys["id"]
    await song.device("sampler", "keys", audioFileId=tone, parameters={"rootPitch": 60, "attack": 0})
    sampled = await heard({keys["id"]})
    assert np.allclose(sampled[: rate // 2], before[: rate // 2], atol=1e-5)
    assert not np.allclose(organ[: rate // 2], sampled[: rate // 2], atol=1e-2)
