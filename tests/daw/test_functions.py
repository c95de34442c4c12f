"""The catalogue of functions, and the ones that work on the document."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dawg_server import errors
from dawg_server.daw.access import Actor
from dawg_server.daw.document import Document
from dawg_server.daw.functions import executors
from dawg_server.daw.functions.catalogue import Catalogue
from dawg_server.daw.functions.page import PAGE, SPOKEN
from dawg_server.daw.functions.service import Functions, Result, Task
from tests.daw import editors

BRAIN = Actor("ada", "ai-brain")
ORDER = [
    "getProject",
    "getTracks",
    "analyzeAudio",
    "analyzeLyrics",
    "getJobStatus",
    "playProject",
    "stopPlayback",
    "startRecording",
    "stopRecording",
    "applyEffect",
    "setTempo",
    "setKey",
    "writeLyrics",
    "saveVersion",
    "undo",
    "redo",
    "createTrack",
    "deleteTrack",
    "setTrackVolume",
    "setTrackPan",
    "muteTrack",
    "soloTrack",
    "setTrackOutput",
    "createSend",
    "removeSend",
    "setSendLevel",
    "moveClip",
    "deleteClip",
    "quantize",
    "splitClip",
    "duplicateClips",
    "moveClips",
    "deleteClips",
    "glueClips",
    "crossfadeClips",
    "transposeNotes",
    "humanizeNotes",
    "rampVelocities",
    "legatoNotes",
    "reverseNotes",
    "editNotes",
    "createMarker",
    "createSection",
    "moveSection",
    "arrangeSections",
    "createChord",
    "compTakes",
    "createDevice",
    "updateDevice",
    "deleteDevice",
    "createAutomation",
    "groupTracks",
    "ungroupTracks",
    "pitchShift",
    "autotune",
    "reverseClips",
    "normalizeClips",
    "glueAudio",
    "bounceTrack",
    "autoComp",
    "smartMix",
    "master",
    "generateMusic",
    "generateBeat",
    "generateMidi",
    "separateStems",
    "melodyToVocals",
    "exportProject",
]
READS = ORDER[:5]
OF_THE_BROWSER = ORDER[5:10]
JOBS = {
    "pitchShift",
    "autotune",
    "reverseClips",
    "normalizeClips",
    "glueAudio",
    "bounceTrack",
    "master",
    "generateMusic",
    "generateBeat",
    "separateStems",
    "melodyToVocals",
    "exportProject",
}
NOT_UNDOABLE = {*READS, *OF_THE_BROWSER, "saveVersion", "undo", "redo", "master", "exportProject", "changeVoice"}
KNOWN = {"2.12.0": "5851248d5c0b943c060de136e5379e881e08fc46edeb65651e6c4dbcec910708"}  # a new hash needs a new version


@pytest.fixture
def functions(document: Document) -> Functions:
    found = Functions(document)
    executors.register(found)
    return found


def test_the_catalogue_is_the_table_of_the_contract() -> None:
    catalogue = Catalogue()
    assert [each["name"] for each in catalogue.functions()] == ORDER
    assert [each["name"] for each in catalogue.functions(voice=True)] == [*ORDER, "changeVoice"]
    by_name = {each.name: each for each in catalogue.all}
    assert {name for name, each in by_name.items() if each.kind == "read"} == set(READS)
    assert {name for name, each in by_name.items() if each.run == "client"} == set(OF_THE_BROWSER)
    assert {name for name, each in by_name.items() if each.run == "job"} == JOBS
    assert {name for name, each in by_name.items() if not each.undo} == NOT_UNDOABLE


def test_a_changed_catalogue_has_a_new_version() -> None:
    assert KNOWN[Catalogue.version] == Catalogue().hash


def test_every_schema_is_closed_and_every_field_is_explained_by_its_type() -> None:
    for tool in Catalogue().tools(voice=True):
        schema = tool["input_schema"]
        assert schema["type"] == "object"
        assert schema["additionalProperties"] is False
        assert set(schema.get("required", ())) <= set(schema["properties"])
        assert all("type" in field for field in schema["properties"].values())
        assert tool["description"].endswith(".")


def test_aliases_are_understood_with_what_they_stand_for_and_are_never_offered() -> None:
    catalogue = Catalogue()
    offered = {each["name"] for each in catalogue.functions(voice=True)}
    for function in catalogue.all:
        assert not offered & set(function.aliases)
    assert catalogue.resolve("createAuxTrack", {"name": "Echo"}).arguments["trackType"] == "AUX"
    assert catalogue.resolve("generate_beat", {"genre": "Lo-Fi", "tempo": 80}).arguments == {
        "genre": "lo-fi",
        "bpm": 80,
        "bars": 16,
    }
    assert catalogue.resolve("generateDrums", {}).arguments["part"] == "drums"
    with pytest.raises(errors.ValidationError):
        catalogue.resolve("constructor", {})


@pytest.mark.parametrize(
    ("name", "arguments", "legacy"),
    [
        ("playProject", {}, "play"),
        ("stopPlayback", {}, "stop"),
        ("startRecording", {}, "start_recording"),
        ("applyEffect", {"effect": "reverb"}, "add_reverb"),
        ("adjust_warmth", {"amount": 10}, "adjust_warmth"),
        ("apply_compression", {}, "adjust_compression"),
        ("applyEffect", {"effect": "reset"}, "reset_effects"),
    ],
)
def test_earlier_browsers_get_the_name_that_they_know(name: str, arguments: dict[str, Any], legacy: str) -> None:
    assert Catalogue().resolve(name, arguments).legacy_name == legacy


def test_the_words_of_a_page_are_the_catalogues_and_ids_are_its_own() -> None:
    catalogue, page = Catalogue(), Catalogue(PAGE)
    for function in page.all:
        known = catalogue.find(function.name)
        assert page.find(known.name).run == "client"
        for name in function.parameters.fields:
            assert {"tempo": "bpm"}.get(name, name) in known.parameters.fields
    moved = page.resolve("setTrackPan", {"trackId": "track-1732", "pan": 1})
    assert moved.arguments == {"trackId": "track-1732", "pan": 1}
    with pytest.raises(errors.ValidationError):
        page.resolve("setTrackPan", {"trackId": "x" * 201, "pan": 1})


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [
        ("setTempo", {"bpm": 19}, "bpm"),
        ("setTempo", {"bpm": "120"}, "bpm"),
        ("setTempo", {}, "bpm"),
        ("setTempo", {"bpm": 120, "swing": 1}, "swing"),
        ("setKey", {"key": "H"}, "key"),
        ("getProject", {"x": 1}, "x"),
        ("analyzeAudio", {}, "clipId"),
        ("muteTrack", {"trackId": "x", "mute": 1}, "mute"),
        ("generateBeat", {"genre": "constructor"}, "genre"),
        ("undo", {"steps": 21}, "steps"),
        ("undo", [], "body"),
    ],
)
def test_made_up_arguments_are_refused_by_name(name: str, arguments: Any, field: str) -> None:
    with pytest.raises(errors.ValidationError) as caught:
        Catalogue().resolve(name, arguments)
    assert field in (caught.value.details or {})


async def test_a_turn_of_calls_does_to_the_project_what_they_say(
    functions: Functions, document: Document, project_id: str
) -> None:
    turn = str(uuid.uuid4())

    async def run(name: str, /, **arguments: Any) -> Result:
        return await functions.run(name, arguments, project_id=project_id, by=BRAIN, group=turn)

    await run("setTempo", bpm=93.456)
    await run("setKey", key="e♭ minor")
    await run("writeLyrics", text="one")
    await run("update_lyrics", text="two")
    voice = (await run("createTrack", name="Voice")).data["track"]["id"]
    echo = (await run("createAuxTrack", name="Echo")).data["track"]["id"]
    await run("setTrackVolume", trackId=voice, volume=0)
    await run("setTrackPan", trackId=voice, pan=-1)
    await run("muteTrack", trackId=voice, mute=True)
    await run("soloTrack", trackId=voice, solo=True)
    await run("setTrackOutput", trackId=voice, outputDestination=echo)
    send = (await run("createSend", sourceTrackId=voice, destinationTrackId=echo)).data["send"]
    await run("setSendLevel", sourceTrackId=voice, sendId=send["id"], level=0.1)
    melody = await run("generateMelody", bars=4)
    clip = melody.data["clip"]
    moved = await run("moveClip", clipId=clip["id"], newPosition=2, unit="bars")
    await run("quantize", clipIds=[clip["id"]], division="16th")
    project = await document.snapshot(project_id, "ada")
    assert (project["bpm"], project["key"], project["lyrics"]) == (93.46, "Ebm", "one\ntwo")
    (track, _, midi) = project["tracks"]
    assert (track["volume"], track["pan"], track["isMuted"], track["isSolo"]) == (0, -1, True, True)
    assert track["outputDestination"] == echo
    assert track["sends"][0]["level"] == 0.1
    assert midi["clips"][0]["startTime"] == pytest.approx(8 * 60 / 93.46)
    assert moved.json()["data"]["clip"]["id"] == clip["id"]
    assert clip["noteCount"] == len(midi["clips"][0]["midiData"]["notes"]) > 4
    assert {note["pitch"] % 12 for note in midi["clips"][0]["midiData"]["notes"]} <= {3, 5, 6, 8, 10, 11, 1, 2}
    told = await run("getTracks", includeClips=True)
    assert [each["name"] for each in told.data["tracks"]] == ["Voice", "Echo", "Melody"]
    assert (await run("getProject")).data["trackCount"] == 3
    await run("undo")
    assert len((await document.snapshot(project_id, "ada"))["tracks"]) == 3  # its last step only
    await run("undo", steps=20)
    empty = await document.snapshot(project_id, "ada")
    assert (empty["bpm"], empty["lyrics"], empty["tracks"]) == (120, None, [])
    await run("redo", steps=20)
    assert len((await document.snapshot(project_id, "ada"))["tracks"]) == 3


async def test_the_same_call_on_the_same_project_writes_the_same_notes(
    functions: Functions, document: Document, project_id: str
) -> None:
    notes = []
    for _ in range(2):
        await functions.run("generateChords", {"bars": 2}, project_id=project_id, by=BRAIN)
        notes.append((await document.snapshot(project_id, "ada"))["tracks"][0]["clips"][0]["midiData"]["notes"])
        await editors.undo(document, project_id, BRAIN)
        await document.delete(project_id, "ada")
        project_id = (await document.create("ada", {"name": "Song", "id": project_id}))["id"]
    assert notes[0] == notes[1]


async def test_a_wrong_target_is_answered_with_the_valid_ones(
    functions: Functions, document: Document, project_id: str
) -> None:
    track = (await functions.run("createTrack", {"name": "Voice"}, project_id=project_id, by=BRAIN)).data["track"]
    for wrong in ("Voice", str(uuid.uuid4())):
        with pytest.raises(errors.DawgError) as caught:
            await functions.run("muteTrack", {"trackId": wrong, "mute": True}, project_id=project_id, by=BRAIN)
        assert (caught.value.details or {})["valid"] == [{"id": track["id"], "name": "Voice", "trackType": "AUDIO"}]
    with pytest.raises(errors.NotFound) as missing:
        await functions.run(
            "muteTrack", {"trackId": wrong, "mute": True}, project_id=project_id, by=Actor("x", "voice")
        )
    assert "valid" not in (missing.value.details or {})


async def test_removing_what_is_gone_is_no_failure(functions: Functions, project_id: str) -> None:
    track = (await functions.run("createTrack", {"name": "Voice"}, project_id=project_id, by=BRAIN)).data["track"]
    for name, arguments in (
        ("deleteTrack", {"trackId": str(uuid.uuid4())}),
        ("deleteClip", {"clipId": str(uuid.uuid4())}),
        ("removeSend", {"sourceTrackId": track["id"], "sendId": str(uuid.uuid4())}),
    ):
        result = await functions.run(name, arguments, project_id=project_id, by=BRAIN)
        assert result.data["deleted"] is False
        assert result.data["reason"]
    assert (await functions.run("deleteTrack", {"trackId": track["id"]}, project_id=project_id, by=BRAIN)).data[
        "deleted"
    ]
    with pytest.raises(errors.NotFound):
        await functions.run("deleteTrack", {"trackId": track["id"]}, project_id=project_id, by=Actor("x", "voice"))


async def test_what_nobody_does_here_is_said_and_not_pretended(functions: Functions, project_id: str) -> None:
    with pytest.raises(errors.Conflict, match="smartMix is not available"):
        await functions.run("smartMix", {"trackIds": [str(uuid.uuid4())]}, project_id=project_id, by=BRAIN)
    with pytest.raises(errors.ValidationError, match="browser"):
        await functions.run("play", {}, project_id=project_id, by=BRAIN)

    async def status(task: Task) -> Result:
        return Result("Done.", {"jobId": task.arguments["jobId"]})

    functions.register("getJobStatus", status)
    job = str(uuid.uuid4())
    assert (await functions.run("get_job_status", {"jobId": job}, project_id=project_id, by=BRAIN)).data == {
        "jobId": job
    }


def test_a_page_is_asked_aloud_in_words_that_the_catalogue_knows() -> None:
    for function in SPOKEN:
        assert {Catalogue().find(word).name for word in function.legacy_names.values()} <= {function.name}


async def test_generated_parts_go_by_the_chords_of_the_project(
    functions: Functions, document: Document, project_id: str
) -> None:
    async def run(name: str, **arguments: Any) -> Result:
        return await functions.run(name, arguments, project_id=project_id, by=BRAIN)

    async def read() -> tuple[list[str], list[int]]:
        """(symbols of the chords, pitches of the newest track)."""
        project = await document.snapshot(project_id, "ada")
        clip = project["tracks"][-1]["clips"][0]
        return [each["symbol"] for each in project["chords"]], [note["pitch"] for note in clip["midiData"]["notes"]]

    await run("createChord", symbol="Ab", beat=32)
    await run("createChord", symbol="Db", beat=36, length=4)
    await run("generateMidi", part="bass", genre="pop", bars=2, complexity="simple", startBeat=32)
    symbols, pitches = await read()
    assert symbols == ["Ab", "Db"]
    assert {8, 1} <= {pitch % 12 for pitch in pitches}
    assert sum(pitch % 12 in (8, 0, 3, 1, 5) for pitch in pitches) > len(pitches) * 0.7  # but for approaches
    await run("generateMidi", part="chords", genre="pop", bars=2)  # nothing is there yet
    symbols, _ = await read()
    assert len(symbols) > 2
    assert symbols[-2:] == ["Ab", "Db"]
    assert (await run("undo")).data["steps"] == 1
    assert (await read())[0] == ["Ab", "Db"]


async def test_an_assistant_builds_a_chain_and_draws_an_envelope(
    functions: Functions, document: Document, project_id: str
) -> None:
    async def run(function: str, **arguments: Any) -> Result:
        return await functions.run(function, arguments, project_id=project_id, by=BRAIN)

    await run("createTrack", name="Voice")
    track = (await document.snapshot(project_id, "ada"))["tracks"][-1]
    await run("createDevice", trackId=track["id"], type="compressor", preset="vocal")
    device = (await document.snapshot(project_id, "ada"))["tracks"][-1]["devices"][0]
    assert device["parameters"]["ratio"] == 3
    await run("updateDevice", deviceId=device["id"], changes={"parameters": {"ratio": 6}})
    points = [{"beat": 0, "value": -20}, {"beat": 8, "value": -40}]
    what = {"target": "device", "deviceId": device["id"], "parameter": "threshold"}
    await run("createAutomation", trackId=track["id"], points=points, **what)
    found = (await document.snapshot(project_id, "ada"))["tracks"][-1]
    assert (found["devices"][0]["parameters"]["ratio"], len(found["automations"])) == (6, 1)
    await run("deleteDevice", deviceId=device["id"])
    found = (await document.snapshot(project_id, "ada"))["tracks"][-1]
    assert not found["devices"] and not found["automations"]
