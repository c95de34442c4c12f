"""What is asked of work on recordings and projects, resolved to a job's input: for REST and for the assistants alike.

Whatever cannot work is refused here, before there is a job.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dawg_server import errors
from dawg_server.audiofiles.analyses import Excerpt
from dawg_server.database import analyses, audio_files, table, tracks
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.document import Document
from dawg_server.generation.finishing import clip_edits
from dawg_server.wire import is_uuid

LOUDNESS = {"streaming": -14.0, "cd": -9.0, "club": -8.0}  # LUFS
MAX_SECONDS = 3600.0  # of a rendered project
MELODY_SECONDS = (1.0, 300.0)  # of a hummed melody
NEEDS_A_MODEL = ("guitar", "piano")


@dataclass(frozen=True, slots=True)
class Request:
    """A job to be: `role` is what its owner has to be in the project of `input["projectId"]`."""

    type: str
    input: dict[str, Any]
    role: str = "editor"


class Requests:
    """All of these raise `NotFound` for what the user may not see, and `NoAudio` where there is nothing to hear."""

    def __init__(self, database: Database, access: Access, document: Document) -> None:
        self._database, self._access, self._document = database, access, document

    async def stems(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`audio_file_id` or `clip_id`, `stem_types`, `quality`, `output_format`, and where the stems go."""
        row = await self._recording(user_id, parameters.get("audio_file_id"), parameters.get("clip_id"))
        types = list(dict.fromkeys(parameters["stem_types"]))
        if {"melody", "other"} <= set(types):
            types.remove("melody")  # another word for the same
        return Request(
            "stems",
            {
                "audioFileId": row["id"],
                "title": _title(row),
                "duration": row["duration"],
                "stemTypes": types,
                "quality": parameters["quality"],
                "outputFormat": parameters["output_format"],
                **_place(parameters),
            },
        )

    async def master(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """One of `audio_file_id`, `track_id`, `project_id`; `quality`, `target_loudness`, `genre`, `format`."""
        asked = parameters["target_loudness"]
        place = _place(parameters)
        row: Mapping[str, Any] | None = None
        project_id = parameters.get("project_id")
        if parameters.get("audio_file_id"):
            row = await self._recording(user_id, parameters["audio_file_id"], None)
            title, length = _title(row), row["duration"]
        else:
            if parameters.get("track_id"):
                project_id = await self._home_of(user_id, [parameters["track_id"]])
            project = await self._heard(
                user_id, project_id, [parameters["track_id"]] if parameters.get("track_id") else None
            )
            title, length = project["title"], project["length"]
            # What was made of everything in the project would sound on top of everything in the project.
            place |= {"projectId": project_id, "addToProject": parameters.get("add_to_project") is True}
        return Request(
            "master",
            {
                "audioFileId": row["id"] if row else None,
                "trackId": None if row else parameters.get("track_id"),
                "sourceProjectId": None if row else project_id,
                "title": title,
                "duration": length,
                "quality": parameters["quality"],
                "targetLoudness": LOUDNESS[parameters["quality"]] if asked is None else float(asked),
                "genre": parameters["genre"],
                "format": parameters["format"],
                **place,
            },
        )

    async def mix(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`track_ids` of one project, `mix_profile`, `target_loudness`, `genre`."""
        chosen = list(dict.fromkeys(parameters["track_ids"]))
        project_id = await self._home_of(user_id, chosen)
        project = await self._heard(user_id, project_id, chosen)
        return Request(
            "mix",
            {
                "trackIds": chosen,
                "mixProfile": parameters["mix_profile"],
                "targetLoudness": float(parameters["target_loudness"]),
                "genre": parameters["genre"],
                "duration": project["length"],
                "apply": bool(parameters.get("apply")),
                "projectId": project_id,
                "addToProject": parameters.get("add_to_project") is True,
                "startTime": float(parameters.get("start_time") or 0),
            },
        )

    async def render(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`project_id`, `format`, `bit_depth`, `sample_rate`, `quality`, `from_`, `to`, `tail`, `stems`;
        viewers may."""
        project = await self._document.snapshot(parameters["project_id"], user_id)
        end = _end(project)
        last = end + parameters["tail"] if parameters["to"] is None else parameters["to"]
        if last <= parameters["from_"]:
            raise errors.ValidationError("There is nothing to render.", details={"to": "has to lie after `from`"})
        if last - parameters["from_"] > MAX_SECONDS:
            raise errors.ValidationError(
                "A render may be an hour long at most.", details={"to": f"has to be at most {MAX_SECONDS:g} s later"}
            )
        depth = parameters["bit_depth"]
        if parameters["format"] == "flac" and depth == 32:
            raise errors.ValidationError("FLAC has 16 or 24 bits.", details={"bitDepth": "has to be 16 or 24 for flac"})
        return Request(
            "render",
            {
                "projectId": project["id"],
                "format": parameters["format"],
                "bitDepth": depth,
                "sampleRate": parameters["sample_rate"] or project["sampleRate"],
                "quality": "high" if parameters["quality"] == "lossless" else parameters["quality"],
                "from": float(parameters["from_"]),
                "to": parameters["to"],
                "tail": float(parameters["tail"]),
                "stems": bool(parameters.get("stems")),
                "duration": last - parameters["from_"],
            },
            role="viewer",
        )

    async def edit(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`clip_ids` of one project that play recordings, and `semitones`, or `key` and `strength`, or what to `do`."""
        found = await analyses.clips(self._database, filter(is_uuid, parameters["clip_ids"]))
        missing = [clip_id for clip_id in parameters["clip_ids"] if clip_id not in found]
        projects = {clip["project_id"] for clip in found.values()}
        for project_id in projects:
            await self._access.require(project_id, user_id, "viewer")
        if missing:
            raise errors.NotFound("There is no such clip.", details={"kind": "clip", "missing": missing})
        if len(projects) != 1:
            raise errors.ValidationError("The clips have to be of one project.", details={"clipIds": "of one project"})
        silent = [clip_id for clip_id, clip in found.items() if clip["id"] is None]
        if silent:
            raise errors.NoAudio("These clips play notes, not a recording.", details={"clipIds": silent})
        (project_id,), chosen = projects, list(dict.fromkeys(parameters["clip_ids"]))
        if "do" in parameters:
            project = await self._document.snapshot(project_id, user_id)
            how = {name: parameters[name] for name in ("do", "peakDb", "lufs") if name in parameters}
            (clip_edits.glued if how["do"] == "glue" else clip_edits.single)(project, chosen)
        elif parameters.get("semitones") is not None:
            how = {"semitones": float(parameters["semitones"])}
        else:
            how = {"key": parameters["key"], "strength": float(parameters["strength"])}
        return Request(
            "edit",
            {
                "clipIds": chosen,
                **how,
                "projectId": project_id,
                "addToProject": False,
            },
        )

    async def bounce(self, user_id: str, parameters: Mapping[str, Any], *, freeze: bool = False) -> Request:
        """`track_id`, and `from_` and `to` in seconds, which may be None. `freeze`: what is on it stays."""
        project_id = await self._home_of(user_id, [parameters["track_id"]])
        project = await self._document.snapshot(project_id, user_id)
        begin, end = parameters["from_"], parameters["to"]
        if freeze:
            clip_edits.check_not_frozen(project, parameters["track_id"])
        track, clips = clip_edits.bounced(project, parameters["track_id"], begin, end)
        if (length := _end({"tracks": [{"clips": clips}]}) - min(clip["startTime"] for clip in clips)) > MAX_SECONDS:
            raise errors.ValidationError("This is longer than an hour.", details={"duration": "is over an hour"})
        return Request(
            "edit",
            {
                "do": "freeze" if freeze else "bounce",
                "trackId": track["id"],
                "clipIds": [clip["id"] for clip in clips],
                "from": begin,
                "to": end,
                "duration": length,
                "projectId": project_id,
                "addToProject": False,
            },
        )

    async def retouch(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`audio_file_ids` of recordings, `steps` that are done with them one after another, and where it goes.

        A step is `{"do": "comp", "seconds"}`, `{"do": "align", "bpm", "division", "strength", "keepFeel"}`,
        `{"do": "tune", "key", "strength"}` or `{"do": "master", "loudness", "genre"}`; only the first may take several
        recordings, and it has to when there are several.
        """
        chosen = list(dict.fromkeys(parameters["audio_file_ids"]))
        rows = [await self.recording(user_id, audio_id) for audio_id in chosen]
        return Request(
            "edit",
            {
                "audioFileIds": list(dict.fromkeys(row["id"] for row in rows)),
                "title": _title(rows[0]),
                "duration": max(row["duration"] for row in rows),
                "steps": list(parameters["steps"]),
                **_place(parameters),
            },
        )

    async def recording(self, user_id: str, audio_id: str) -> Mapping[str, Any]:
        """A recording that the user may hear: its row of `audio_files`."""
        return await self._recording(user_id, audio_id, None)

    async def vocals(self, user_id: str, parameters: Mapping[str, Any]) -> Request:
        """`audio_file_id`, or `clip_id` for what that clip plays; `prompt`, `genre`, `mood`, `theme`, `lyrics`."""
        clip = None if parameters.get("audio_file_id") else await self._clip(user_id, parameters["clip_id"])
        row = await self._recording(user_id, clip["id"] if clip else parameters["audio_file_id"], None)
        part = Excerpt.of_clip(clip) if clip else Excerpt()
        length = part.seconds if part.seconds is not None else row["duration"] - part.offset
        check_melody(length)
        named = {name: parameters.get(name) or None for name in ("mood", "theme", "lyrics")}
        return Request(
            "vocals",
            {
                "audioFileId": row["id"],
                "offset": part.offset,
                "seconds": part.seconds,
                "duration": length,
                "prompt": parameters["prompt"],
                "genre": parameters["genre"],
                **named,
                "instrumental": False,
                **_place(parameters),
            },
        )

    async def _clip(self, user_id: str, clip_id: str) -> dict[str, Any]:
        """A clip that plays a recording, whose id is `id`."""
        clip = (await analyses.clips(self._database, [clip_id])).get(clip_id) if is_uuid(clip_id) else None
        if clip is None:
            raise errors.NotFound("There is no such clip.", details={"kind": "clip", "id": clip_id})
        await self._access.require(clip["project_id"], user_id, "viewer")
        if clip["id"] is None:
            raise errors.NoAudio("This clip plays notes, not a recording.")
        return clip

    async def _recording(self, user_id: str, audio_id: str | None, clip_id: str | None) -> Mapping[str, Any]:
        if audio_id is None and clip_id is not None:
            audio_id = (await self._clip(user_id, clip_id))["id"]
        if not is_uuid(audio_id or ""):
            raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        visible = await audio_files.get_visible(self._database, audio_id or "", user_id)
        if visible is None and clip_id is None:  # published clients send the id of a clip for that of its recording
            with contextlib.suppress(errors.NotFound):
                return await self._recording(user_id, None, audio_id)
        if visible is None:
            raise errors.NotFound("There is no such recording.", details={"kind": "audio"})
        return visible

    async def _home_of(self, user_id: str, track_ids: Sequence[str]) -> str:
        homes = await table.projects_of(self._database, tracks.TRACKS, [*filter(is_uuid, track_ids)])
        for project_id in set(homes.values()):
            await self._access.require(project_id, user_id, "viewer")
        missing = [track_id for track_id in track_ids if track_id not in homes]
        if missing:
            raise errors.NotFound("There is no such track.", details={"kind": "track", "missing": missing})
        if len(set(homes.values())) != 1:
            raise errors.ValidationError(
                "The tracks have to be of one project.", details={"trackIds": "have to be of one project"}
            )
        return homes[track_ids[0]]

    async def _heard(self, user_id: str, project_id: str | None, only: Sequence[str] | None) -> dict[str, Any]:
        """Title and length of what plays; raises `NoAudio` when there are no clips."""
        project = await self._document.snapshot(project_id or "", user_id)
        chosen = [track for track in project["tracks"] if only is None or track["id"] in only]
        length = _end({"tracks": chosen})
        if not length:
            raise errors.NoAudio("There are no clips to play.")
        if length > MAX_SECONDS:
            raise errors.ValidationError("This is longer than an hour.", details={"duration": "is over an hour"})
        return {"title": chosen[0]["name"] if only and len(only) == 1 else project["name"], "length": length}


def check_melody(seconds: float) -> None:
    """Raises `ValidationError` for a recording that no melody is looked for in."""
    shortest, longest = MELODY_SECONDS
    if not shortest <= seconds <= longest:
        sentence = f"has to be {shortest:g} to {longest:g} s long"
        raise errors.ValidationError(f"The melody {sentence}; this is {seconds:.1f} s.", details={"audio": sentence})


def _end(project: Mapping[str, Any]) -> float:
    return max((c["startTime"] + c["duration"] for track in project["tracks"] for c in track["clips"]), default=0.0)


def _title(row: Mapping[str, Any]) -> str:
    name = str(row["original_name"] or row["filename"])
    stem, _, end = name.rpartition(".")
    return stem if stem and 1 <= len(end) <= 5 else name


def _place(parameters: Mapping[str, Any]) -> dict[str, Any]:
    project_id = parameters.get("project_id")
    return {
        "projectId": project_id,
        "addToProject": bool(project_id) and parameters.get("add_to_project") is not False,
        "startTime": float(parameters.get("start_time") or 0),
    }
