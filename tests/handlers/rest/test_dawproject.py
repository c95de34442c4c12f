"""Projects out to DAWproject and in from it, over REST."""

from __future__ import annotations

import io
import random
import zipfile
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest
import pytest_asyncio

from dawg_server.archives.dawproject import LEVELS
from tests.archives import dawproject_schema, packages
from tests.daw.song import Song
from tests.servers import dawg
from tests.servers.databases import TestDatabases

VARIABLES = {"REQUESTS_PER_MINUTE": "100000", "UPLOADS_PER_MINUTE": "100000", "JOB_CONCURRENCY": "0"}

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(test_databases: TestDatabases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dawg.Dawg]:
    """One for all tests of this module."""
    with test_databases.lent() as dsn:
        async with dawg.running(dsn, tmp_path_factory.mktemp("server"), **VARIABLES) as running:
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
    assert dawproject_schema.problems(root) == []
    assert [each.get("name") for each in root.iter("Track")] == ["Master", "Echo", "Keys", "Voice"]
    channel = root.find(f".//Channel[@id='c-{voice}']")
    assert channel is not None
    assert [each.tag for each in channel[0]] == ["Equalizer", "Compressor", "NoiseGate", "Limiter"]
    (heard,) = root.iter("Note")
    assert (heard.get("key"), heard.get("time"), heard.get("vel")) == ("60", "1", "1")
    assert [each.get("value") for each in root.iterfind("Arrangement/Lanes/Lanes/Points/RealPoint")] == ["0.2", "1"]
    (audio,) = root.iter("Audio")
    assert (audio.get("duration"), audio.get("sampleRate")) == ("2", "44100")
    await song.call("GET", f"/projects/{song.id}/export?format=dawproject", user="eve", expect=404)


async def exported(song: Song) -> bytes:
    address = f"{song.server.url}/api/projects/{song.id}/export?format=dawproject"
    async with song.server.http.get(address, headers=song.server.as_user("ada")) as reply:
        assert reply.status == 200, await reply.text()
        return await reply.read()


async def imported(server: dawg.Dawg, data: bytes, name: str = "Tune.dawproject") -> tuple[int, dict[str, Any]]:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(data), filename=name)
    return await server.json("POST", "/api/projects/import", data=form)


def packed(xml: str, files: dict[str, bytes] | None = None, top: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in {"project.xml": xml.encode(), **(files or {})}.items():
            package.writestr(top + name, data)
    return buffer.getvalue()


async def upload(song: Song, data: bytes, name: str) -> str:
    form = aiohttp.FormData()
    form.add_field("audio", io.BytesIO(data), filename=name)
    form.add_field("projectId", song.id)
    _, uploaded = await song.server.json("POST", "/api/audio/upload", data=form)
    return str(uploaded["audioFile"]["id"])


async def whole_song(server: dawg.Dawg) -> Song:
    """Everything that the format has a word for."""
    song = await Song.new(server, name="Whole", bpm=93.5, timeSignature="6/8")
    await song.add("tempoEvent", beat=0, bpm=93.5, curve="linear")
    await song.add("tempoEvent", beat=8, bpm=120)
    await song.add("timeSignatureEvent", bar=2, timeSignature="7/4")
    await song.add("marker", name="Drop", beat=6, color="#112233")
    echo = (await song.add("track", name="Echo", trackType="AUX", volume=0.5))["id"]
    band = (await song.add("track", name="Band", trackType="GROUP", pan=0.25))["id"]
    keys = (await song.add("track", name="Keys", trackType="MIDI", instrument="organ", groupId=band))["id"]
    voice = (await song.add("track", name="Voice", isMuted=True, isSolo=True, pan=-1, color="#ff0000"))["id"]
    bus = (await song.add("track", name="Guitar", outputDestination=echo, channels="mono"))["id"]
    send = await song.call(
        "POST", f"/tracks/{voice}/sends", {"destinationTrackId": echo, "level": 0.3, "preFader": True}
    )
    bands = {"type1": "highpass", "frequency1": 90, "type3": "peaking", "gain3": -3.5, "q3": 2}
    equalizer = await song.add("device", trackId=voice, type="equalizer", parameters=bands)
    await song.add("device", trackId=voice, type="compressor", parameters={"ratio": 3, "attack": 25}, bypassed=True)
    await song.add("device", trackId=voice, type="gate", parameters={"range": -20})
    await song.add("device", trackId=voice, type="limiter", parameters={"ceiling": -3})
    notes = [{"pitch": 60 + n, "start": n / 3, "duration": 0.25, "velocity": 1 + 9 * n} for n in range(9)]
    midi = {
        "notes": notes,
        "channel": 3,
        "controllers": [{"beat": 0.5, "controller": 64, "value": 127}, {"beat": 1, "controller": 64, "value": 0}],
        "pitchBends": [{"beat": 1, "value": 4096}, {"beat": 2, "value": 0}],
        "bendRange": 12,
    }
    await song.add("clip", trackId=keys, startBeat=4, lengthBeats=4, offsetBeats=0.5, midiData=midi, color="#00ff00")
    take = await upload(song, packages.tone(2), "take.wav")
    await song.add("clip", trackId=voice, audioFileId=take, startTime=0.5, duration=1, offset=0.25, fadeIn=0.1)
    loop = await upload(song, packages.tone(1, "flac"), "loop.flac")
    stretched = {"stretch": True, "originalBpm": 100, "startBeat": 2, "lengthBeats": 1, "offset": 0.25}
    await song.add("clip", trackId=bus, audioFileId=loop, **stretched)
    points = [{"beat": 0, "value": 0.2, "curve": "linear"}, {"beat": 4, "value": 1, "curve": "hold"}]
    for fields in (
        {"trackId": keys, "target": "volume"},
        {"trackId": voice, "target": "pan"},
        {"trackId": voice, "target": "mute", "points": [{"beat": 0, "value": 0, "curve": "hold"}, points[1]]},
        {"trackId": voice, "target": "send", "sendId": send["send"]["id"]},
        {"trackId": voice, "target": "device", "deviceId": equalizer["id"], "parameter": "gain3"},
    ):
        await song.call("POST", "/automations", {"points": points, **fields}, expect=201)
    return song


def told(project: dict[str, Any]) -> dict[str, Any]:
    """A project without ids, as far as the format tells it."""
    names = {each["id"]: each["name"] for each in project["tracks"]} | {None: None, "master": "master"}
    files = {each["id"]: each["originalName"] for each in project["audioFiles"]} | {None: None}
    besides = {"id", "projectId", "createdAt", "updatedAt", "trackId", "order", "metadata", "preset"}

    def bare(thing: dict[str, Any], *more: str) -> dict[str, Any]:
        return {name: rounded(value) for name, value in thing.items() if name not in {*besides, *more}}

    def track(each: dict[str, Any]) -> dict[str, Any]:
        return {
            **bare(each, "clips", "lyrics", "isArmed"),
            "outputDestination": names[each["outputDestination"]],
            "groupId": names[each["groupId"]],
            "clips": [bare(clip) | {"audioFileId": files[clip["audioFileId"]]} for clip in each["clips"]],
            "devices": [{**bare(device), "parameters": _known(device)} for device in each["devices"]],
            "sends": [
                {**bare(send), "destinationTrackId": names[send["destinationTrackId"]]} for send in each["sends"]
            ],
            "automations": sorted(
                (bare(envelope, "sendId", "deviceId") for envelope in each["automations"]),
                key=lambda each: each["target"],
            ),
        }

    return {
        **{name: project[name] for name in ("name", "bpm", "timeSignature")},
        "tracks": [track(each) for each in sorted(project["tracks"], key=lambda each: each["name"])],
        **{name: [bare(each) for each in project[name]] for name in ("markers", "tempoEvents", "timeSignatureEvents")},
    }


def rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 5) if isinstance(value, float) else value


def _known(device: dict[str, Any]) -> dict[str, Any]:
    """Parameters that the format has a word for: of bands those that are heard, in their order."""
    values = device["parameters"]
    if device["type"] != "equalizer":
        return {level.parameter: rounded(values[level.parameter]) for level in LEVELS[device["type"]][1]}
    heard = [number for number in range(1, 9) if values[f"type{number}"] != "off"]
    return {
        f"{name}{place}": values[f"{name}{number}"]
        for place, number in enumerate(heard, 1)
        for name in ("type", "frequency", "gain", "q")
    }


async def test_what_an_export_says_an_import_makes_again(server: dawg.Dawg) -> None:
    song = await whole_song(server)
    data = await exported(song)
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert dawproject_schema.problems(ElementTree.fromstring(package.read("project.xml"))) == []
    status, copy = await imported(server, data)
    assert status == 201, copy
    assert (copy["missingRecordings"], copy["leftOut"]) == ([], [])
    assert told(copy["project"]) == told(await song.shown())
    # What was made of the copy says the same again.
    status, again = await imported(server, await exported(Song(server, copy["id"])))
    assert status == 201, again
    assert told(again["project"]) == told(copy["project"])


BITWIG = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Project version="1.0">
  <Application name="Bitwig Studio" version="5.0"/>
  <Transport>
    <Tempo max="666.000000" min="20.000000" unit="bpm" value="150.000000" id="id0" name="Tempo"/>
    <TimeSignature denominator="4" numerator="3" id="id1"/>
  </Transport>
  <Structure>
    <Track contentType="tracks" id="g" name="Band" color="#a2eabf">
      <Channel audioChannels="2" destination="m-c" role="master" solo="false" id="g-c">
        <Volume max="2.000000" min="0.000000" unit="decibel" value="-6.0206" id="g-v"/>
      </Channel>
      <Track contentType="notes" loaded="true" id="t-bass" name="Bass" color="#a2eabfff">
        <Channel audioChannels="2" destination="g-c" role="regular" solo="false" id="bass-c">
          <Devices>
            <ClapPlugin deviceID="x" deviceName="Surge XT" deviceRole="instrument" loaded="true" id="p" name="Surge XT">
              <Parameters/><Enabled value="true" id="p-on"/><State path="plugins/p.clap-preset"/>
            </ClapPlugin>
            <Equalizer deviceName="EQ+" deviceRole="audioFX" id="eq">
              <Band type="bell"><Freq unit="semitones" value="81" id="eq-f"/><Gain unit="decibel" value="40"/></Band>
            </Equalizer>
          </Devices>
          <Mute value="true" id="bass-m"/>
          <Pan max="1.000000" min="0.000000" unit="normalized" value="0.250000" id="bass-p"/>
          <Volume max="2.000000" min="0.000000" unit="linear" value="0.659140" id="bass-v"/>
        </Channel>
      </Track>
    </Track>
    <Track contentType="audio notes" loaded="true" id="t-loop" name="Loop">
      <Channel audioChannels="2" destination="m-c" role="regular" solo="true" id="loop-c">
        <Sends>
          <Send destination="fx-c" type="post" id="s"><Volume max="1" min="0" unit="linear" value="0.5" id="s-v"/></Send>
        </Sends>
        <Volume max="2.000000" min="0.000000" unit="linear" value="0.0" id="loop-v"/>
      </Channel>
    </Track>
    <Track contentType="audio" id="fx" name="Hall"><Channel role="effect" destination="m-c" id="fx-c"/></Track>
    <Track contentType="audio notes" id="m" name="Master"><Channel audioChannels="2" role="master" id="m-c"/></Track>
  </Structure>
  <Arrangement id="a">
    <Lanes timeUnit="beats" id="l">
      <Lanes track="t-bass" id="l1">
        <Clips id="c1">
          <Clip time="6" duration="9" playStart="1" loopStart="0" loopEnd="4" name="Riff">
            <Notes id="n1">
              <Note time="0" duration="1" channel="0" key="40" vel="0.787402" rel="0.787402"/>
              <Note time="2" duration="1.5" channel="0" key="43"/>
            </Notes>
          </Clip>
          <Clip time="30" duration="3" reference="n1"/>
          <Clip time="40" duration="3" enable="false"><Notes id="n2"/></Clip>
        </Clips>
        <Points unit="linear" id="pt"><Target parameter="bass-v"/>
          <RealPoint time="0" value="0" interpolation="linear"/><RealPoint time="6" value="5"/>
        </Points>
      </Lanes>
      <Lanes track="t-loop" id="l2">
        <Clips id="c2">
          <Clip time="3" duration="4" playStart="0.0" name="Break" fadeTimeUnit="beats" fadeInTime="0.5">
            <Clips id="c3">
              <Clip time="0" duration="5" contentTimeUnit="beats" playStart="1.0">
                <Warps contentTimeUnit="seconds" timeUnit="beats" id="w">
                  <Audio algorithm="stretch" channels="1" duration="2" sampleRate="44100" id="au">
                    <File path="audio/Break 120.wav"/>
                  </Audio>
                  <Warp time="0.0" contentTime="0.0"/><Warp time="2.0" contentTime="1.0"/>
                  <Warp time="5.0" contentTime="2.0"/>
                </Warps>
              </Clip>
            </Clips>
          </Clip>
          <Clip time="12" duration="2" name="Gone"><Audio channels="2" duration="3" sampleRate="48000" id="ax">
            <File path="/Users/me/gone.wav" external="true"/></Audio></Clip>
          <Clip time="20" duration="2" name="Played"><Notes id="n3"><Note time="0" duration="1" channel="0" key="50"/>
          </Notes></Clip>
        </Clips>
      </Lanes>
    </Lanes>
    <Markers id="mk"><Marker time="6" name="Verse" color="#123456"/></Markers>
  </Arrangement>
  <Scenes/>
</Project>"""


async def test_what_bitwig_writes_is_read(server: dawg.Dawg) -> None:
    """Groups whose channel is a master, loops, aliases, clips in clips, warps of several speeds, mixed tracks."""
    files = {"audio/Break 120.wav": packages.tone(2), "plugins/p.clap-preset": b"x", "metadata.xml": b"<MetaData/>"}
    status, copy = await imported(server, packed(BITWIG, files, "My Song/"))
    assert status == 201, copy
    project = copy["project"]
    assert (project["name"], project["bpm"], project["timeSignature"]) == ("Tune", 150, "3/4")
    assert copy["missingRecordings"] == ["gone.wav"]
    assert copy["leftOut"] == ["clips that are switched off", "the device “Surge XT” on “Bass”"]
    tracks = {(each["name"], each["trackType"]): each for each in project["tracks"]}
    assert list(tracks) == [("Band", "GROUP"), ("Bass", "MIDI"), ("Loop", "AUDIO"), ("Loop", "MIDI"), ("Hall", "AUX")]
    band, bass, loop = (tracks[each] for each in (("Band", "GROUP"), ("Bass", "MIDI"), ("Loop", "AUDIO")))
    assert (band["volumeDb"], bass["groupId"], bass["color"]) == (pytest.approx(-6.02, abs=0.01), band["id"], "#a2eabf")
    assert (bass["isMuted"], bass["pan"], bass["volume"]) == (True, -0.5, pytest.approx(0.65914))
    assert loop["sends"][0]["destinationTrackId"] == tracks["Hall", "AUX"]["id"]
    (equalizer,) = bass["devices"]
    assert (equalizer["parameters"]["frequency1"], equalizer["parameters"]["gain1"]) == (880, 24)
    (envelope,) = bass["automations"]
    assert [(each["value"], each["curve"]) for each in envelope["points"]] == [
        (0, "linear"),
        (pytest.approx(1.9953, abs=1e-4), "hold"),
    ]
    # Played from beat 1 of a loop of 4 beats: 3 + 4 + 2; the alias from its beginning.
    assert [(each["startBeat"], each["lengthBeats"], each["offsetBeats"]) for each in bass["clips"]] == [
        (6, 3, 1),
        (9, 4, 0),
        (13, 2, 0),
        (30, 3, 0),
    ]
    heard = [(each["pitch"], each["start"], each["velocity"]) for each in bass["clips"][1]["midiData"]["notes"]]
    assert heard == [(40, 0, 100), (43, 2, 102)]
    # Beat 1 of the recording's own on beat 3 of the song: 0.5 s at 120 bpm until its beat 2, then 180 bpm.
    pieces = [
        {name: each[name] for name in ("startBeat", "lengthBeats", "offset", "originalBpm", "fadeInBeats")}
        for each in loop["clips"]
    ]
    assert pieces == [
        {"startBeat": 3, "lengthBeats": 1, "offset": 0.5, "originalBpm": 120, "fadeInBeats": 0.5},
        {"startBeat": 4, "lengthBeats": 3, "offset": 1, "originalBpm": 180, "fadeInBeats": 0},
    ]
    assert [each["name"] for each in tracks["Loop", "MIDI"]["clips"]] == ["Played"]
    assert [(each["name"], each["beat"]) for each in project["markers"]] == [("Verse", 6)]


STUDIO_ONE = """<?xml version="1.0" encoding="UTF-8"?>
<Project version="1.0">
  <Application name="Studio One" version="6.5"/>
  <Transport><Tempo unit="bpm" value="120"/><TimeSignature numerator="4" denominator="4"/></Transport>
  <Structure>
    <Track contentType="audio" id="v" name="Vocal">
      <Channel id="vc" role="regular" destination="bc" audioChannels="1">
        <Devices><Compressor deviceName="Compressor" deviceRole="audioFX" id="cp"><Enabled value="false"/>
          <Attack unit="seconds" value="0.02"/><Ratio unit="linear" value="inf"/>
          <Threshold unit="decibel" value="-18" id="th"/></Compressor></Devices>
        <Pan unit="linear" value="-0.5"/><Volume unit="decibel" value="-inf" id="vv"/>
      </Channel>
    </Track>
    <Channel id="bc" role="submix" name="Bus 1" destination="mc"><Volume unit="linear" value="1"/></Channel>
    <Channel id="mc" role="master" name="Main"><Volume unit="linear" value="0.9"/></Channel>
  </Structure>
  <Arrangement>
    <Lanes timeUnit="seconds">
      <Lanes track="v">
        <Clips>
          <Clip time="2" duration="1.5" playStart="0.25" fadeTimeUnit="seconds" fadeInTime="0.1" fadeOutTime="0.2" name="A">
            <Audio channels="2" duration="2" sampleRate="44100"><File path="Media/take.wav"/></Audio>
          </Clip>
        </Clips>
        <Points unit="decibel"><Target parameter="th"/><RealPoint time="1" value="-30"/></Points>
      </Lanes>
    </Lanes>
    <TempoAutomation timeUnit="seconds" unit="bpm"><Target/>
      <RealPoint time="0" value="120"/><RealPoint time="2" value="60"/></TempoAutomation>
  </Arrangement>
</Project>"""


async def test_what_studio_one_writes_is_read(server: dawg.Dawg) -> None:
    """Seconds instead of beats, channels apart from tracks, infinite values."""
    status, copy = await imported(server, packed(STUDIO_ONE, {"Media/take.wav": packages.tone(2)}))
    assert status == 201, copy
    project = copy["project"]
    assert [(each["beat"], each["bpm"]) for each in project["tempoEvents"]] == [(0, 120), (4, 60)]
    vocal, bus, master = project["tracks"]
    assert [each["trackType"] for each in project["tracks"]] == ["AUDIO", "GROUP", "MASTER"]
    assert (vocal["groupId"], vocal["volume"], vocal["pan"], vocal["channels"]) == (bus["id"], 0, -0.5, "mono")
    assert (bus["name"], master["volume"]) == ("Bus 1", 0.9)
    (clip,) = vocal["clips"]
    times = {
        name: clip[name] for name in ("startTime", "startBeat", "duration", "offset", "fadeIn", "fadeOut", "timebase")
    }
    assert times == {
        "startTime": 2,
        "startBeat": 4,
        "duration": 1.5,
        "offset": 0.25,
        "fadeIn": pytest.approx(0.1),
        "fadeOut": pytest.approx(0.2),
        "timebase": "absolute",
    }
    (compressor,) = vocal["devices"]
    assert (compressor["bypassed"], compressor["parameters"]["ratio"], compressor["parameters"]["attack"]) == (
        True,
        20,
        20,
    )
    (envelope,) = vocal["automations"]
    assert (envelope["parameter"], envelope["points"][0]["beat"], envelope["points"][0]["value"]) == (
        "threshold",
        2,
        -30,
    )


EMPTY = '<Project version="1.0"><Application name="x" version="1"/>%s</Project>'
ODD = {
    "an entity bomb": "<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;'>]>" + EMPTY % "&c;",
    "a file of this machine": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + EMPTY % "&b;",
    "deep elements": "<a>" * 500 + "</a>" * 500,
    "no XML": "<Project",
    "another root": "<Song/>",
    "a metre that is none": EMPTY % '<Transport><TimeSignature numerator="99" denominator="7"/></Transport>',
    "endless loops": EMPTY
    % '<Arrangement><Lanes track="t"><Clips><Clip time="0" duration="99999" loopStart="0" loopEnd="0.001"><Notes>'
    '<Note time="0" duration="1" channel="0" key="1"/></Notes></Clip></Clips></Lanes></Arrangement>',
}


async def test_what_would_harm_is_refused_in_words_and_leaves_nothing(server: dawg.Dawg) -> None:
    for what, xml in ODD.items():
        status, reply = await imported(server, packed(xml))
        assert (status, reply["code"]) == (400, "invalid_archive"), (what, reply)
        assert "root:" not in reply["error"], what
    circle = '<Arrangement><Lanes track="t"><Clips id="c"><Clip time="0" duration="4" reference="c"/></Clips></Lanes></Arrangement>'
    outside = '<Arrangement><Lanes track="t"><Clips><Clip time="0" duration="4"><Audio channels="1" duration="1" sampleRate="1">'
    outside += '<File path="../../etc/passwd"/></Audio></Clip></Clips></Lanes></Arrangement>'
    status, copy = await imported(server, packed(EMPTY % circle))
    assert (status, copy["leftOut"]) == (201, ["clips without content"])
    status, copy = await imported(server, packed(EMPTY % outside))
    assert (status, copy["missingRecordings"], copy["tracks"]) == (201, ["passwd"], [])


VALUES = (
    "",
    "-1",
    "1e308",
    "-1e9",
    "nan",
    "inf",
    "x",
    "true",
    "beats",
    "seconds",
    "t-bass",
    "g-c",
    "n1",
    "\u2028" * 300,
    "0",
)


@pytest.mark.parametrize("count", [12, pytest.param(1500, marks=pytest.mark.long)])
async def test_odd_values_never_break_the_server(server: dawg.Dawg, count: int) -> None:
    dice = random.Random(1)
    files = {"audio/Break 120.wav": packages.tone(2), "Media/take.wav": packages.tone(1)}
    for _ in range(count):
        root = ElementTree.fromstring(dice.choice((BITWIG, STUDIO_ONE)).encode())
        elements = [each for each in root.iter() if each.attrib]
        for each in dice.sample(elements, dice.randrange(1, 5)):
            each.set(dice.choice(sorted(each.attrib)), dice.choice(VALUES))
        if dice.random() < 0.3:
            parent = dice.choice([each for each in root.iter() if len(each)])
            parent.remove(dice.choice(list(parent)))
        xml = ElementTree.tostring(root, encoding="unicode")
        status, reply = await imported(server, packed(xml, files))
        assert status in (201, 400, 409), (reply, xml)
