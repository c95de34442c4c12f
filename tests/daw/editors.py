"""People who change a project at random, in every way there is, by the names that are valid at the moment."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from typing import Any

from dawg_server.database.pool import Connection, Database
from dawg_server.daw import recordings
from dawg_server.daw.access import Actor
from dawg_server.daw.commands import Command
from dawg_server.daw.document import Document, Executed

Project = dict[str, Any]
NAMES = ("Kick", "Vocals", "Bass", "Strings", "Echo")


def any_change(project: Project, dice: random.Random) -> Command | None:
    """A change that fits the project, although it may still be refused; None when that kind has nothing to work on."""
    return dice.choice(KINDS)(project, dice)


async def undo(
    document: Document,
    project_id: str,
    by: Actor,
    steps: int = 1,
    *,
    client_operation_id: str | None = None,
    within: str | None = None,
) -> Executed:
    command = Command("undo", {"steps": steps})
    return await document.execute(project_id, [command], by, group=within, client_operation_id=client_operation_id)


async def redo(document: Document, project_id: str, by: Actor, steps: int = 1) -> Executed:
    return await document.execute(project_id, [Command("redo", {"steps": steps})], by)


def create_track(project: Project, dice: random.Random) -> Command:
    parameters: dict[str, Any] = {
        "name": dice.choice(NAMES),
        "trackType": dice.choice(("AUDIO", "MIDI", "MIDI", "AUX", "AUX", "MASTER")),
    }
    if dice.random() < 0.4:
        parameters["order"] = dice.randrange(4)
    return Command("createTrack", parameters)


def update_track(project: Project, dice: random.Random) -> Command | None:
    if not project["tracks"]:
        return None
    fields = {
        "name": dice.choice(NAMES),
        "volume": dice.choice((0, 0.25, 1)),
        "pan": dice.choice((-1, 0, 0.5)),
        "isMuted": dice.random() < 0.5,
        "color": dice.choice((None, "#aabbcc")),
        "order": dice.randrange(5),
        "trackType": dice.choice(("AUDIO", "MIDI", "AUX")),
        "lyrics": dice.choice((None, "la la")),
        "outputDestination": dice.choice(("master", _track(project, dice)["id"])),
    }
    chosen = dice.sample(sorted(fields), dice.randrange(1, 4))
    parameters = {"trackId": _track(project, dice)["id"], "changes": {name: fields[name] for name in chosen}}
    return Command("updateTrack", parameters)


def delete_track(project: Project, dice: random.Random) -> Command | None:
    return Command("deleteTrack", {"trackId": _track(project, dice)["id"]}) if project["tracks"] else None


def reorder(project: Project, dice: random.Random) -> Command | None:
    if not project["tracks"]:
        return None
    moved = dice.sample(project["tracks"], dice.randrange(1, len(project["tracks"]) + 1))
    orders = [{"id": track["id"], "order": dice.randrange(6)} for track in moved]
    return Command("reorderTracks", {"trackOrders": orders})


def bulk(project: Project, dice: random.Random) -> Command | None:
    if not project["tracks"]:
        return None
    ids = [track["id"] for track in project["tracks"]][:3]
    return Command("updateTracks", {"trackIds": ids, "changes": {"volume": dice.choice((0, 0.5)), "isSolo": True}})


def create_send(project: Project, dice: random.Random) -> Command | None:
    buses = [track for track in project["tracks"] if track["trackType"] == "AUX"]
    if not buses:
        return None
    parameters = {"trackId": _track(project, dice)["id"], "destinationTrackId": dice.choice(buses)["id"]}
    return Command("createSend", {**parameters, "level": dice.choice((0, 0.3))})


def change_send(project: Project, dice: random.Random) -> Command | None:
    sends = [(track["id"], send["id"]) for track in project["tracks"] for send in track["sends"]]
    if not sends:
        return None
    track_id, send_id = dice.choice(sends)
    if dice.random() < 0.5:
        return Command("deleteSend", {"trackId": track_id, "sendId": send_id})
    changes = {"level": dice.choice((0.1, 0.9)), "preFader": dice.random() < 0.5}
    return Command("updateSend", {"trackId": track_id, "sendId": send_id, "changes": changes})


def create_clip(project: Project, dice: random.Random) -> Command | None:
    if not project["tracks"]:
        return None
    note = {"pitch": dice.randrange(128), "start": dice.random() * 4, "duration": 0.5, "velocity": 100}
    track_id = _track(project, dice, "MIDI")["id"]
    parameters = {"trackId": track_id, "startTime": dice.randrange(8), "midiData": {"notes": [note]}}
    return Command("createClip", parameters)


def change_clip(project: Project, dice: random.Random) -> Command | None:
    clips = [clip for track in project["tracks"] for clip in track["clips"]]
    if not clips:
        return None
    clip_id = dice.choice(clips)["id"]
    return dice.choice(
        (
            Command("updateClip", {"clipId": clip_id, "changes": {"startTime": dice.randrange(9), "gain": -3}}),
            Command(
                "updateClip", {"clipId": clip_id, "changes": {"lengthBeats": dice.choice((1 / 3, 7)), "fadeIn": 0}}
            ),
            Command("updateClip", {"clipId": clip_id, "changes": {"timebase": dice.choice(("musical", "absolute"))}}),
            Command("updateClip", {"clipId": clip_id, "changes": {"trackId": _track(project, dice, "MIDI")["id"]}}),
            Command("moveClip", {"clipId": clip_id, "newPosition": dice.randrange(9), "unit": "bars"}),
            Command("quantize", {"clipIds": [clip_id], "division": "quarter", "strength": 50}),
            Command("deleteClip", {"clipId": clip_id}),
        )
    )


def edit_clips(project: Project, dice: random.Random) -> Command | None:
    """What is one step for a person, and many for the document."""
    clips = [clip for track in project["tracks"] for clip in track["clips"]]
    if not clips:
        return None
    clip, ids = dice.choice(clips), [each["id"] for each in dice.sample(clips, min(2, len(clips)))]
    note = {"pitch": dice.randrange(128), "start": 0.5, "duration": 1, "velocity": 9}
    return dice.choice(
        (
            Command("splitClip", {"clipId": clip["id"], "beat": clip["startBeat"] + clip["lengthBeats"] / 4}),
            Command("duplicateClips", {"clipIds": ids}),
            Command("moveClips", {"clipIds": ids, "beats": dice.choice((-2, 3))}),
            Command("glueClips", {"clipIds": ids if len(ids) > 1 else [clip["id"]] * 2}),
            Command("transposeNotes", {"clipIds": [clip["id"]], "semitones": dice.choice((-1, 5))}),
            Command("editNotes", {"clipId": clip["id"], "add": [note], "remove": ["n0"]}),
        )
    )


def change_project(project: Project, dice: random.Random) -> Command:
    return dice.choice(
        (
            Command("updateProject", {"changes": {"bpm": dice.choice((90, 120.5)), "key": dice.choice(("C", "Am"))}}),
            Command("updateProject", {"changes": {"name": dice.choice(NAMES), "description": None}}),
            Command("setLyrics", {"lyrics": dice.choice(("one", "two")), "append": dice.random() < 0.5}),
        )
    )


KINDS: tuple[Callable[[Project, random.Random], Command | None], ...] = (
    create_track,
    create_track,
    update_track,
    update_track,
    delete_track,
    reorder,
    bulk,
    create_send,
    create_send,
    change_send,
    create_clip,
    create_clip,
    change_clip,
    change_clip,
    change_project,
    edit_clips,
    edit_clips,
)


def _track(project: Project, dice: random.Random, fitting: str = "") -> dict[str, Any]:
    """Any track, mostly one of the `fitting` type."""
    found = [track for track in project["tracks"] if track["trackType"] == fitting]
    return dict(dice.choice(found if found and dice.random() < 0.9 else project["tracks"]))


class Recordings:
    """Recordings that are played, measured again and removed, while people edit."""

    def __init__(self, database: Database, document: Document, dice: random.Random) -> None:
        self._database, self._document, self._dice = database, document, dice
        self._ids: list[str] = []

    async def change(self, project_id: str, project: Project, actor: Actor) -> None:
        dice = self._dice
        clips = [clip for track in project["tracks"] for clip in track["clips"] if clip["audioFileId"]]
        if project["tracks"] and (not self._ids or dice.random() < 0.4):
            if len(self._ids) < 3:
                self._ids.append(await self._new(actor.user_id))
            track_id = _track(project, dice, "AUDIO")["id"]
            parameters = {"trackId": track_id, "audioFileId": dice.choice(self._ids), "startTime": 1}
            await self._document.execute(project_id, [Command("createClip", parameters)], actor)
        elif clips and dice.random() < 0.4:
            fields = {"duration": dice.choice((0.5, 3, 9)), "offset": dice.choice((0, 1.5)), "fadeIn": 0.25}
            fields |= {"stretch": dice.random() < 0.6, "originalBpm": dice.choice((75, 100.5))}
            changes = {name: fields[name] for name in dice.sample(sorted(fields), 2)}
            parameters = {"clipId": dice.choice(clips)["id"], "changes": changes}
            await self._document.execute(project_id, [Command("updateClip", parameters)], actor)
        elif self._ids and dice.random() < 0.7:
            await self._measure(dice.choice(self._ids), dice.choice((2.5, 3.25, 4)))
        elif self._ids and not clips:
            await self._database.execute("DELETE FROM audio_files WHERE id = %s", (self._ids.pop(),))

    async def _new(self, owner: str) -> str:
        id = str(uuid.uuid4())
        await self._database.execute(
            """INSERT INTO audio_files (id, owner_id, filename, mime_type, size_bytes, duration, storage_key, source)
               VALUES (%s, %s, 'f.wav', 'audio/wav', 1, 4, %s, 'upload')""",
            (id, owner, id),
        )
        return id

    async def _measure(self, audio_file_id: str, seconds: float) -> None:
        async def store(connection: Connection) -> None:
            await connection.execute("UPDATE audio_files SET duration = %s WHERE id = %s", (seconds, audio_file_id))

        await recordings.measured(self._database, self._document, audio_file_id, seconds, store)
