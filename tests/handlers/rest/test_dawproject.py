"""Projects out to DAWproject, over REST."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import aiohttp
import pytest

from tests.archives import packages
from tests.daw.song import Song
from tests.servers import dawg


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path) -> AsyncIterator[dawg.Dawg]:
    async with dawg.running(database_dsn, tmp_path, JOB_CONCURRENCY="0") as running:
        yield running


async def test_an_export_has_what_the_format_can_say(server: dawg.Dawg) -> None:
    song = await Song.new(server, name="Ünïted", bpm=90)
    await song.add("tempoEvent", beat=0, bpm=90, curve="linear")
    await song.add("tempoEvent", beat=8, bpm=120)
    await song.add("timeSignatureEvent", bar=2, timeSignature="6/8")
    await song.add("marker", name="Dr\x0bop", beat=6)
    bus = (await song.add("track", name="Echo", trackType="AUX"))["id"]
    keys = (await song.add("track", name="Keys", trackType="MIDI", pan=-0.5))["id"]
    voice = (await song.add("track", name="Voice", isMuted=True))["id"]
    await song.call("POST", f"/tracks/{voice}/sends", {"destinationTrackId": bus, "level": 0.3})
    for kind in ("equalizer", "compressor", "gate", "limiter", "chorus"):
        await song.add("device", trackId=voice, type=kind)
    note = {"pitch": 60, "start": 1, "duration": 0.5, "velocity": 127}
    await song.add("clip", trackId=keys, startBeat=4, lengthBeats=4, offsetBeats=1, midiData={"notes": [note]})
    points = [{"beat": 0, "value": 0.2}, {"beat": 4, "value": 1}]
    await song.call("POST", "/automations", {"trackId": keys, "target": "volume", "points": points}, expect=201)
    form = aiohttp.FormData()
    form.add_field("audio", io.BytesIO(packages.tone(2)), filename="take.wav")
    form.add_field("projectId", song.id)
    _, uploaded = await server.json("POST", "/api/audio/upload", data=form)
    await song.add("clip", trackId=voice, audioFileId=uploaded["audioFile"]["id"], startTime=0.5, duration=1)
    address = f"{server.url}/api/projects/{song.id}/export?format=dawproject"
    async with server.http.get(address, headers=server.as_user("ada")) as reply:
        assert reply.status == 200, await reply.text()
        assert ".dawproject" in reply.headers["Content-Disposition"]
        data = await reply.read()
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert set(package.namelist()) == {"project.xml", "metadata.xml", "audio/take.wav"}
        root = ElementTree.fromstring(package.read("project.xml"))
        assert ElementTree.fromstring(package.read("metadata.xml")).findtext("Title") == "Ünïted"
    assert [each.tag for each in root] == ["Application", "Transport", "Structure", "Arrangement"]
    assert [each.get("name") for each in root.iter("Track")] == ["Master", "Echo", "Keys", "Voice"]
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(set(ids)) == len(ids)
    for name in ("track", "destination", "parameter"):
        assert {each.get(name) for each in root.iter() if each.get(name)} <= set(ids), name
    channel = root.find(f".//Channel[@id='c-{voice}']")
    assert channel is not None
    assert [each.tag for each in channel] == ["Devices", "Mute", "Pan", "Sends", "Volume"]
    assert [each.tag for each in channel[0]] == ["Equalizer", "Compressor", "NoiseGate", "Limiter"]
    (heard,) = root.iter("Note")
    assert (heard.get("key"), heard.get("time"), heard.get("vel")) == ("60", "1", "1")
    arrangement = root.find("Arrangement")
    assert arrangement is not None
    assert [each.tag for each in arrangement] == ["Lanes", "Markers", "TempoAutomation", "TimeSignatureAutomation"]
    assert [each.get("value") for each in arrangement.iterfind("Lanes/Lanes/Points/RealPoint")] == ["0.2", "1"]
    (audio,) = root.iter("Audio")
    assert (audio.get("duration"), audio.get("sampleRate")) == ("2", "44100")
    await song.call("GET", f"/projects/{song.id}/export?format=dawproject", user="eve", expect=404)
