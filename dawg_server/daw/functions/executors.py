"""The functions that read and change the document itself: each is one command, or a look at the project."""

from __future__ import annotations

import dataclasses
from typing import Any

from dawg_server import errors
from dawg_server.daw.functions import midi
from dawg_server.daw.functions.service import Executor, Functions, Result, Task


def register(functions: Functions) -> None:
    for name, executor in {
        "getProject": get_project,
        "getTracks": get_tracks,
        "setTempo": set_tempo,
        "setKey": set_key,
        "writeLyrics": write_lyrics,
        "undo": undo,
        "redo": redo,
        "createTrack": create_track,
        "deleteTrack": delete_track,
        "setTrackVolume": set_volume,
        "setTrackPan": set_pan,
        "muteTrack": mute,
        "soloTrack": solo,
        "setTrackOutput": set_output,
        "createSend": create_send,
        "removeSend": remove_send,
        "setSendLevel": set_send_level,
        "moveClip": move_clip,
        "deleteClip": delete_clip,
        "quantize": quantize,
        "createMarker": _command("createMarker", "The marker was set."),
        "createSection": _command("createSection", "The section was added."),
        "moveSection": _command("moveSection", "The section was moved with everything in it."),
        "arrangeSections": _command("arrangeSections", "The sections are in that order now."),
        "createChord": _command("createChord", "The chord was written."),
        "splitClip": _command("splitClip", "The clip was cut in two."),
        "duplicateClips": _command("duplicateClips", "The clips were copied."),
        "moveClips": _command("moveClips", "The clips were moved."),
        "deleteClips": _command("deleteClips", "The clips were removed."),
        "glueClips": _command("glueClips", "The clips were joined."),
        "crossfadeClips": _command("crossfadeClips", "The clips fade into each other now."),
        "transposeNotes": _command("transposeNotes", "The notes were transposed."),
        "humanizeNotes": _command("humanizeNotes", "The notes were humanised."),
        "rampVelocities": _command("rampVelocities", "The velocities were ramped."),
        "legatoNotes": _command("legatoNotes", "The notes are tied together now."),
        "reverseNotes": _command("reverseNotes", "The notes were reversed."),
        "editNotes": _command("editNotes", "The notes were changed."),
        "compTakes": _command("compTakes", "The takes are chosen."),
        "createDevice": _command("createDevice", "The device was added."),
        "updateDevice": _command("updateDevice", "The device was changed."),
        "deleteDevice": _command("deleteDevice", "The device was removed."),
        "createAutomation": _command("createAutomation", "The envelope was drawn."),
        "groupTracks": _command("groupTracks", "The tracks are in a group now."),
        "ungroupTracks": _command("ungroupTracks", "The group was removed; its tracks stay."),
        "generateMidi": midi.generate,
    }.items():
        functions.register(name, executor)


def _command(name: str, message: str) -> Executor:
    """What runs a command with the arguments as they are."""

    async def execute(task: Task) -> Result:
        return await task.change(message, name, **task.arguments)

    return execute


async def get_project(task: Task) -> Result:
    project = await task.document.snapshot(task.project_id, task.by.user_id)
    tracks = project.pop("tracks")
    clips = [clip for track in tracks for clip in track["clips"]]
    data = {
        **{name: value for name, value in project.items() if name not in ("audioFiles", "collaborators")},
        "trackCount": len(tracks),
        "clipCount": len(clips),
        "duration": max((clip["startTime"] + clip["duration"] for clip in clips), default=0),
        "tracks": [{"id": track["id"], "name": track["name"], "trackType": track["trackType"]} for track in tracks],
    }
    return Result(
        f"{project['name']}: {len(tracks)} tracks, {project['bpm']:g} bpm, {project['key']}.", data, project["revision"]
    )


async def get_tracks(task: Task) -> Result:
    project = await task.document.snapshot(task.project_id, task.by.user_id)
    tracks = [{name: value for name, value in track.items() if name != "metadata"} for track in project["tracks"]]
    for track in tracks:
        track["clips"] = [_without_notes(clip) for clip in track["clips"]]
        if not task.arguments["includeClips"]:
            del track["clips"]
    return Result(f"{len(tracks)} tracks.", {"tracks": tracks}, project["revision"])


async def set_tempo(task: Task) -> Result:
    bpm = task.arguments["bpm"]
    return await task.change(f"The tempo is {bpm:g} bpm now.", "updateProject", changes={"bpm": bpm})


async def set_key(task: Task) -> Result:
    key = task.arguments["key"]
    return await task.change(f"The key is {key} now.", "updateProject", changes={"key": key})


async def write_lyrics(task: Task) -> Result:
    arguments = task.arguments
    return await task.change(
        "The lyrics were written.",
        "setLyrics",
        lyrics=arguments["text"],
        append=arguments["append"],
        trackId=arguments.get("trackId"),
    )


async def undo(task: Task) -> Result:
    """The last step of this very turn first."""
    return _travelled(await task.change("", "undo", **task.arguments), "taken back")


async def redo(task: Task) -> Result:
    return _travelled(await task.change("", "redo", **task.arguments), "repeated")


async def create_track(task: Task) -> Result:
    name = task.arguments["name"]
    return await task.change(f"The track “{name}” was added.", "createTrack", **task.arguments)


async def delete_track(task: Task) -> Result:
    return await _gone(task, "track", "deleteTrack", trackId=task.arguments["trackId"])


async def set_volume(task: Task) -> Result:
    given = {name: task.arguments[name] for name in ("volume", "volumeDb") if name in task.arguments}
    (name, value), *_ = given.items()
    return await _change_track(task, f"The volume is {value:g}{' dB' if name == 'volumeDb' else ''} now.", **given)


async def set_pan(task: Task) -> Result:
    pan = task.arguments["pan"]
    return await _change_track(task, f"The pan is {pan:g} now.", pan=pan)


async def mute(task: Task) -> Result:
    muted = task.arguments["mute"]
    return await _change_track(task, "The track is muted." if muted else "The track is not muted.", isMuted=muted)


async def solo(task: Task) -> Result:
    alone = task.arguments["solo"]
    return await _change_track(task, "The track plays solo." if alone else "The track is not solo.", isSolo=alone)


async def set_output(task: Task) -> Result:
    output = task.arguments["outputDestination"]
    return await _change_track(task, "The track's output was changed.", outputDestination=output)


async def create_send(task: Task) -> Result:
    arguments = dict(task.arguments)
    return await task.change("The send was added.", "createSend", trackId=arguments.pop("sourceTrackId"), **arguments)


async def remove_send(task: Task) -> Result:
    arguments = task.arguments
    return await _gone(task, "send", "deleteSend", trackId=arguments["sourceTrackId"], sendId=arguments["sendId"])


async def set_send_level(task: Task) -> Result:
    arguments = task.arguments
    return await task.change(
        f"The level is {arguments['level']:g} now.",
        "updateSend",
        trackId=arguments["sourceTrackId"],
        sendId=arguments["sendId"],
        changes={"level": arguments["level"]},
    )


async def move_clip(task: Task) -> Result:
    return await task.change("The clip was moved.", "moveClip", **task.arguments)


async def delete_clip(task: Task) -> Result:
    return await _gone(task, "clip", "deleteClip", clipId=task.arguments["clipId"])


async def quantize(task: Task) -> Result:
    count = len(task.arguments["clipIds"])
    return await task.change(f"{count} clips were moved to the grid.", "quantize", **task.arguments)


def _travelled(result: Result, what: str) -> Result:
    steps, skipped = result.data["steps"], result.data["skipped"]
    message = "1 step was" if steps == 1 else f"{steps} steps were"
    message = f"{message} {what}."
    if skipped:
        message += f" {len(skipped)} changes stay, because they were changed again since: see skipped."
    return dataclasses.replace(result, message=message)


async def _change_track(task: Task, message: str, **changes: Any) -> Result:
    return await task.change(message, "updateTrack", trackId=task.arguments["trackId"], changes=changes)


async def _gone(task: Task, kind: str, command: str, **parameters: Any) -> Result:
    """Removing what is not there any more is no failure: it is how things are to be."""
    try:
        return await task.change(f"The {kind} was removed.", command, **parameters)
    except errors.NotFound as error:
        if (error.details or {}).get("kind") == "project":
            raise
        reason = f"There is no such {kind} (any more)."
        return Result(reason, {"deleted": False, "reason": reason})


def _without_notes(clip: dict[str, Any]) -> dict[str, Any]:
    """A model need not read twenty thousand notes."""
    notes = clip.pop("midiData")
    return {**clip, "noteCount": len(notes["notes"])} if notes is not None else clip
