"""From a project's document and the storage to an arrangement with files on this machine's disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.audio.mixing import take_ranges
from dawg_server.audio.mixing.arrangement import (
    AUX,
    MASTER,
    Arrangement,
    Clip,
    Envelope,
    Insert,
    MidiControls,
    SampledSound,
    Track,
    TrackSend,
    grouped,
)
from dawg_server.database import audio_files
from dawg_server.database.pool import Database
from dawg_server.daw import timing
from dawg_server.daw.document import Document
from dawg_server.daw.entities.clip import CLIP
from dawg_server.daw.entity import missing, wrong
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.music import instruments
from dawg_server.music.score import Note
from dawg_server.storage import Storage

BEND_RANGE = 2.0  # semitones, of a clip that names none

LOOK_AHEAD = 0.1  # seconds


class Material:
    """What jobs work on. Everything is read when the job begins, as its owner may read it then."""

    def __init__(self, database: Database, document: Document, storage: Storage) -> None:
        self._database, self._document, self._storage = database, document, storage

    async def recording(self, audio_id: str, folder: Path) -> Path:
        """A copy of the recording; raises `NotFound` when it was deleted meanwhile."""
        row = await audio_files.get(self._database, audio_id)
        if row is None:
            raise errors.NotFound("The recording is not there any more.", details={"kind": "audio", "id": audio_id})
        target = folder / f"source-{audio_id}"
        if not target.exists():
            await self._storage.fetch(row["storage_key"], target)
        return target

    async def snapshot(self, project_id: str, user_id: str) -> dict[str, Any]:
        return await self._document.snapshot(project_id, user_id)

    async def arrangement(
        self, project: Mapping[str, Any], folder: Path, *, rate: int | None = None, only: Collection[str] | None = None
    ) -> Arrangement:
        """`project` is a snapshot; `rate` in Hz, by default the project's. With `only`, the clips of other tracks than
        these are left out, and their buses stay; what their side chains listen to is there, but not heard."""
        heard = {track["id"] for track in project["tracks"] if only is None or track["id"] in only}
        project = _frozen(project)
        played = heard | _listened(project, heard)
        wanted = [track for track in project["tracks"] if track["id"] in played]
        takes = _takes(project)
        used = {
            each["audioFileId"]
            for track in wanted
            for each in (*track["clips"], *track["devices"])
            if each["audioFileId"]
        }
        used |= {take["audioFileId"] for track in wanted for clip in track["clips"] for take in takes[clip["id"]]}
        times = timing.of_project(project)
        paths = {audio_id: str(await self.recording(audio_id, folder)) for audio_id in sorted(used)}
        return Arrangement(
            rate=rate or project["sampleRate"],
            bpm=project["bpm"],
            tempo=times,
            tracks=grouped(
                [
                    _track(
                        _with_takes(track, takes),
                        paths,
                        times,
                        with_clips=track["id"] in played,
                        unheard=track["id"] in played - heard,
                    )
                    for track in project["tracks"]
                ]
            ),
        )

    async def lanes(self, project: Mapping[str, Any], clip_id: str, folder: Path) -> Arrangement:
        """What the recording of a clip and each of its takes have in its place, as tracks by the ids of clip and takes.

        Raises `NotFound` and `ValidationError`.
        """
        clips = (clip for track in project["tracks"] for clip in track["clips"])
        clip = next((each for each in clips if each["id"] == clip_id), None)
        if clip is None:
            raise missing("clip", clip_id)
        takes = [take for take in project["takes"] if take["clipId"] == clip_id]
        if not takes:
            raise wrong("clipId", "is of a clip without takes; add some first")
        length = clip["lengthBeats"] * 60 / clip["originalBpm"] if clip["stretch"] else clip["duration"]
        rows = [
            (clip_id, clip["audioFileId"], 0.0),
            *((each["id"], each["audioFileId"], each["shift"]) for each in takes),
        ]
        tracks = [
            _lane(id, str(await self.recording(audio_id, folder)), clip["offset"] + shift, length)
            for id, audio_id, shift in rows
        ]
        return Arrangement(project["sampleRate"], project["bpm"], tuple(tracks))


def stem_names(project: Mapping[str, Any]) -> dict[str, str]:
    """By id of the tracks that have clips and are not muted: their names, each different from those before it."""
    found: dict[str, str] = {}
    for track in project["tracks"]:
        if track["clips"] and not track["isMuted"]:
            name, number = track["name"], 1
            while name in found.values():
                number += 1
                name = f"{track['name']} {number}"
            found[track["id"]] = name
    return found


def _frozen(project: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the recordings of frozen tracks instead of their clips, devices and what moves these."""
    freezes = {each["trackId"]: each for each in project["freezes"]}
    if not freezes:
        return project
    lengths = {each["id"]: each["duration"] for each in project["audioFiles"]}

    def played(track: Mapping[str, Any]) -> Mapping[str, Any]:
        if (freeze := freezes.get(track["id"])) is None:
            return track
        clip = {**CLIP.create.defaults, **freeze, "name": track["name"], "duration": lengths[freeze["audioFileId"]]}
        mixing = [each for each in track["automations"] if each["target"] != "device"]
        clip |= {"offset": 0.0, "fadeIn": 0.0, "fadeOut": 0.0}
        return {**track, "clips": [clip], "devices": [], "automations": mixing}

    return {**project, "tracks": [played(track) for track in project["tracks"]]}


def _lane(id: str, path: str, offset: float, length: float) -> Track:
    """A recording from `offset` on, which may lie before its beginning."""
    late = max(0.0, -offset)
    return Track(id, clips=(Clip(late, max(length - late, 0.001), max(offset, 0.0), path=path),))


def _takes(project: Mapping[str, Any]) -> defaultdict[str, list[Mapping[str, Any]]]:
    """Those that are heard somewhere, by the id of their clip."""
    found = defaultdict(list)
    for take in project["takes"]:
        if take["ranges"]:
            found[take["clipId"]].append(take)
    return found


def _with_takes(track: Mapping[str, Any], takes: Mapping[str, Sequence[Mapping[str, Any]]]) -> Mapping[str, Any]:
    return {**track, "clips": [{**clip, "takes": takes.get(clip["id"], ())} for clip in track["clips"]]}


def _parts(row: Mapping[str, Any], paths: Mapping[str, str]) -> tuple[Clip, ...]:
    ranges = [
        take_ranges.TakeRanges(
            paths[take["audioFileId"]],
            tuple((each["start"], each["end"]) for each in take["ranges"]),
            take["shift"],
            take["gain"],
            take["crossfade"],
        )
        for take in row["takes"]
    ]
    path = paths.get(row["audioFileId"])
    # In the time of the recordings, and a little more, because stretching looks ahead.
    length = row["lengthBeats"] * 60 / row["originalBpm"] + LOOK_AHEAD if row["stretch"] else row["duration"]
    return take_ranges.parts(path, row["offset"], length, ranges) if path and ranges else ()


def _listened(project: Mapping[str, Any], heard: Collection[str]) -> set[str]:
    """The tracks whose sound moves devices on those that are heard, or on buses."""
    return {
        device["sidechainTrackId"]
        for track in project["tracks"]
        if track["id"] in heard or track["trackType"] in (AUX, "GROUP", MASTER)
        for device in track["devices"]
        if device["sidechainTrackId"] is not None and not device["bypassed"]
    }


def _track(
    row: Mapping[str, Any], paths: Mapping[str, str], times: TempoMap, *, with_clips: bool, unheard: bool
) -> Track:
    output = row["outputDestination"]
    return Track(
        id=row["id"],
        name=row["name"],
        kind=row["trackType"],
        volume=row["volume"],
        pan=row["pan"],
        muted=row["isMuted"],
        solo=row["isSolo"],
        mono=row["channels"] == "mono",
        output=None if output in (None, "master") else output,
        group=row["groupId"],
        clips=tuple(_clip(clip, row, paths) for clip in row["clips"]) if with_clips else (),
        sends=tuple(
            TrackSend(
                send["destinationTrackId"], send["level"], send["pan"], send["preFader"], send["enabled"], send["id"]
            )
            for send in row["sends"]
        ),
        devices=tuple(
            Insert(device["id"], device["type"], device["parameters"], device["sidechainTrackId"])
            for device in row["devices"]
            if not device["bypassed"]
        ),
        envelopes=tuple(_envelope(each, times) for each in row["automations"] if each["enabled"]),
        unheard=unheard,
    )


def _envelope(row: Mapping[str, Any], times: TempoMap) -> Envelope:
    points = tuple((times.seconds(each["beat"]), each["value"], each["curve"]) for each in row["points"])
    return Envelope(row["target"], points, row["sendId"] or row["deviceId"] or "", row["parameter"] or "")


def _clip(row: Mapping[str, Any], track: Mapping[str, Any], paths: Mapping[str, str]) -> Clip:
    sampler = next(
        (
            SampledSound(paths[device["audioFileId"]], device["parameters"])
            for device in track["devices"]
            if device["audioFileId"] in paths and not device["bypassed"]
        ),
        None,
    )
    midi = row["midiData"] or {}
    notes = midi.get("notes", ())
    return Clip(
        start=row["startTime"],
        duration=row["duration"],
        offset=row["offset"],
        fade_in=row["fadeIn"],
        fade_out=row["fadeOut"],
        equal_power=row["fadeCurve"] == "equalPower",
        gain_db=row["gain"],
        path=paths.get(row["audioFileId"]),
        parts=_parts(row, paths),
        notes=tuple(Note(n["start"], n["duration"], int(n["pitch"]), int(n["velocity"])) for n in notes),
        instrument=_instrument(track, row),
        sampler=sampler,
        controls=_controls(midi) if midi.keys() & {"controllers", "pitchBends"} else None,
        original_bpm=row["originalBpm"] if row["stretch"] else None,
    )


def _controls(midi: Mapping[str, Any]) -> MidiControls:
    semitones = midi.get("bendRange", BEND_RANGE) / 8192
    return MidiControls(
        tuple((each["beat"], each["controller"], each["value"]) for each in midi.get("controllers", ())),
        tuple((each["beat"], each["value"] * semitones) for each in midi.get("pitchBends", ())),
    )


def _instrument(track: Mapping[str, Any], clip: Mapping[str, Any]) -> str:
    """The track's own, or the one that is named by its metadata, the name of the clip or of the track."""
    known = (track.get("metadata") or {}).get("instrument")
    if track["instrument"] is None and isinstance(known, str) and known.lower() in instruments.NAMES:
        return known.lower()
    names = (str(each.get("name") or "") for each in (clip, track))
    spoken = (found for name in names if (found := instruments.spoken_of(name)) is not None)
    return track["instrument"] or next(spoken, instruments.DEFAULT)
