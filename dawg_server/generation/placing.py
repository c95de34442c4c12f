"""What a finished job does in its project, as commands: tracks with clips of recordings or of notes."""

from __future__ import annotations

import uuid
from typing import Any

from dawg_server.daw.commands import Command
from dawg_server.generation.job import Job

MAX_NAME = 120  # characters of a track
COLOURS = {"drums": "#ef4444", "bass": "#f59e0b", "chords": "#3b82f6", "melody": "#22c55e"}
UNITY, NOTES_LEVEL = 1.0, 0.8  # volumes: parts of a mix add up to it; notes are played louder than they were mixed


def commands(job: Job, result: dict[str, Any]) -> list[Command]:
    """A track with a clip for each of the recordings, or of the parts that have notes.

    Parts come with tempo, key, metre, chords and sections, for a project without clips, and chords and sections for
    where others have none.
    """
    if parts := result.get("parts"):
        return [_score(job, result), *_tracks(job, [_of_notes(job, part) for part in parts])]
    if job.input.get("as") == "stems" and result.get("stems"):
        level = {"volume": UNITY}
        made = [
            ({"name": name.capitalize(), "color": COLOURS.get(name), **level}, _of_audio(job, audio_id))
            for name, audio_id in _stems(result)
        ]
        return [_score(job, result), *_tracks(job, made)]
    return _tracks(job, [({"name": name}, _of_audio(job, audio_id)) for name, audio_id in _recordings(job, result)])


Made = tuple[dict[str, Any], dict[str, Any]]
"""The fields of a track, and of its clip."""


def _tracks(job: Job, made: list[Made]) -> list[Command]:
    found = []
    for number, (track, clip) in enumerate(made):
        track_id = str(uuid.uuid5(uuid.UUID(job.id), f"track{number}"))
        found.append(Command("createTrack", {"id": track_id, **track}))
        found.append(Command("createClip", {"trackId": track_id, "name": track["name"], **clip}))
    return found


def _of_audio(job: Job, audio_file_id: str) -> dict[str, Any]:
    project = _fitting(job)
    place: dict[str, Any] = {"startBeat": _start(job)} if job.input.get("bpm") else {}
    if not project.get("steady", True):
        return {"audioFileId": audio_file_id, **place, "stretch": True, "originalBpm": job.input["bpm"]}
    # Beats are known of a project whose tempo it has, or that takes over its tempo.
    if not ("startBeat" in project or job.input.get("startBar") or job.input.get("as") == "stems"):
        place = {"startTime": _seconds(job)}
    return {"audioFileId": audio_file_id, **place}


def _of_notes(job: Job, part: dict[str, Any]) -> Made:
    name = "Drums" if part["instrument"].startswith("kit") else part["instrument"]
    track = {
        "name": name[:1].upper() + name[1:],
        "trackType": "MIDI",
        "instrument": part["instrument"],
        "color": COLOURS[part["stem"]],
        "volume": round(min(UNITY, NOTES_LEVEL * 10 ** (part["gainDb"] / 20)), 4),
        "pan": round(max(-1.0, min(1.0, part["pan"])), 3),
    }
    beats = job.input["duration"] * job.input["bpm"] / 60
    return track, {"startBeat": _start(job), "lengthBeats": round(beats, 6), "midiData": {"notes": part["notes"]}}


def _fitting(job: Job) -> dict[str, Any]:
    """Of the project that the music was made for, as it was then (see `fitting.of_project`)."""
    return (job.input.get("asked") or {}).get("project") or {}


def _seconds(job: Job) -> float:
    return float(job.input.get("startTime") or 0)


def _start(job: Job) -> float:
    """The beat where it begins."""
    if (beat := _fitting(job).get("startBeat")) is not None:
        return float(beat)
    if bar := job.input.get("startBar"):
        return float((bar - 1) * job.input["beatsPerBar"])
    return round(_seconds(job) * float(job.input["bpm"]) / 60, 6)


def _score(job: Job, result: dict[str, Any]) -> Command:
    """What a project without clips takes over."""
    bpm, start = job.input["bpm"], _start(job)

    def placed(each: dict[str, Any]) -> dict[str, Any]:
        return {"beat": round(start + each["start"] * bpm / 60, 6), "length": round(each["duration"] * bpm / 60, 6)}

    return Command(
        "adoptMusic",
        {
            "bpm": bpm,
            "key": job.input["key"],
            "timeSignature": job.input["timeSignature"],
            "sections": [{"name": each["name"].capitalize(), **placed(each)} for each in result.get("sections", [])],
            "chords": [{"symbol": each["symbol"], **placed(each)} for each in result.get("chords", [])],
        },
    )


def _stems(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(str(stem["type"]), stem["audioFileId"]) for stem in result.get("stems", [])]


def _recordings(job: Job, result: dict[str, Any]) -> list[tuple[str, str]]:
    """(name, id) of what becomes a track: each stem of a separation, of everything else the first take."""
    if job.type == "stems":
        return [(name.capitalize(), audio_id) for name, audio_id in _stems(result)]
    takes = result.get("takes", [])[:1]
    return [((take.get("title") or job.type)[:MAX_NAME].strip() or job.type, take["audioFileId"]) for take in takes]
