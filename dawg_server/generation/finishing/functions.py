"""The assistants' functions that finish a song.

Most begin a job; smart mix and comping listen in a worker process and then change the document like a hand would.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.daw import timing
from dawg_server.daw.access import Access
from dawg_server.daw.commands import Command
from dawg_server.daw.functions.service import Functions, Result, Task
from dawg_server.daw.tempo_map import TempoMap
from dawg_server.generation.finishing.material import Material
from dawg_server.generation.finishing.requests import NEEDS_A_MODEL, Request, Requests
from dawg_server.generation.requests import DEFAULT_GENRE, Providers
from dawg_server.generation.service import GenerationService
from dawg_server.music import genres
from dawg_server.storage.work import WorkFolder

SUGGEST = "dawg_server.audio.mixing.mixdown:suggest"
COMPARE = "dawg_server.audio.mixing.takes:compare"
BASIC_STEMS = ("drums", "bass", "vocals", "other")
LISTENING_SECONDS = 240.0  # a person waits for the answer
_SHORTEST = 1e-3  # seconds; a shorter piece of a clip is left out


class FinishingFunctions:
    def __init__(
        self,
        requests: Requests,
        generation: GenerationService,
        providers: Providers,
        workers: Workers,
        material: Material,
        access: Access,
        work: WorkFolder,
    ) -> None:
        self._requests, self._generation, self._providers = requests, generation, providers
        self._workers, self._material, self._access, self._work = workers, material, access, work

    def register(self, functions: Functions) -> None:
        for name, executor in {
            "pitchShift": self._pitch_shift,
            "autotune": self._autotune,
            "reverseClips": self._reverse,
            "normalizeClips": self._normalize,
            "glueAudio": self._glue,
            "bounceTrack": self._bounce,
            "separateStems": self._separate,
            "master": self._master,
            "exportProject": self._export,
            "smartMix": self._smart_mix,
            "autoComp": self._auto_comp,
            "melodyToVocals": self._vocals,
        }.items():
            functions.register(name, executor)

    async def _pitch_shift(self, task: Task) -> Result:
        parameters = {"clip_ids": task.arguments["clipIds"], "semitones": task.arguments["semitones"]}
        return await self._begun(
            task, await self._requests.edit(task.by.user_id, parameters), "The pitch is being shifted."
        )

    async def _autotune(self, task: Task) -> Result:
        parameters = {
            "clip_ids": task.arguments["clipIds"],
            "key": task.arguments["key"],
            "strength": task.arguments["strength"],
        }
        return await self._begun(
            task, await self._requests.edit(task.by.user_id, parameters), "The voice is being tuned."
        )

    async def _reverse(self, task: Task) -> Result:
        return await self._edited(task, "reverse", "The recordings are being turned round.")

    async def _normalize(self, task: Task) -> Result:
        levels = {name: task.arguments[name] for name in ("peakDb", "lufs")}
        return await self._edited(task, "normalize", "The levels are being measured.", **levels)

    async def _glue(self, task: Task) -> Result:
        return await self._edited(task, "glue", "The clips are being joined.")

    async def _edited(self, task: Task, do: str, sentence: str, **how: Any) -> Result:
        parameters = {"clip_ids": task.arguments["clipIds"], "do": do, **how}
        return await self._begun(task, await self._requests.edit(task.by.user_id, parameters), sentence)

    async def _bounce(self, task: Task) -> Result:
        arguments = task.arguments
        parameters = {"track_id": arguments["trackId"], "from_": arguments["from"], "to": arguments["to"]}
        return await self._begun(
            task, await self._requests.bounce(task.by.user_id, parameters), "The track is being bounced."
        )

    async def _separate(self, task: Task) -> Result:
        parameters = {
            "audio_file_id": task.arguments.get("audioFileId"),
            "clip_id": task.arguments.get("clipId"),
            "stem_types": task.arguments.get("stemTypes") or list(BASIC_STEMS),
            "quality": "balanced",
            "output_format": "wav",
            "project_id": task.project_id,
            "add_to_project": True,
        }
        request = await self._requests.stems(task.by.user_id, parameters)
        named = [name for name in NEEDS_A_MODEL if name in request.input["stemTypes"]]
        if named and "replicate" not in self._providers.by_name:
            raise errors.ProviderUnconfigured(f"A stem of {' and '.join(named)}", "REPLICATE_API_KEY")
        provider = self._providers.choose("stems", "auto", request.input)
        return await self._begun(task, request, "The recording is being taken apart.", provider)

    async def _master(self, task: Task) -> Result:
        genre = genres.find(task.arguments.get("genre") or "")
        parameters = {
            "project_id": task.project_id,
            "quality": "streaming",
            "genre": genre.name if genre else None,
            "target_loudness": task.arguments["targetLoudness"],
            "format": "wav",
        }
        return await self._begun(
            task, await self._requests.master(task.by.user_id, parameters), "The master is being made."
        )

    async def _vocals(self, task: Task) -> Result:
        parameters = {
            **task.arguments,
            "audio_file_id": task.arguments.get("audioFileId"),
            "clip_id": task.arguments.get("clipId"),
            "genre": _genre(task.arguments.get("genre")),
            "project_id": task.project_id,
            "add_to_project": True,
        }
        provider = self._providers.choose("vocals", "auto", {"instrumental": False})
        request = await self._requests.vocals(task.by.user_id, parameters)
        return await self._begun(task, request, "The melody is being sung.", provider)

    async def _export(self, task: Task) -> Result:
        format = task.arguments["format"]
        parameters = {
            "project_id": task.project_id,
            "format": format,
            "bit_depth": task.arguments.get("bitDepth") or 24,
            "sample_rate": task.arguments.get("sampleRate"),
            "quality": "high",
            "from_": 0,
            "to": None,
            "tail": 2,
        }
        return await self._begun(
            task, await self._requests.render(task.by.user_id, parameters), "The project is rendered."
        )

    async def _begun(self, task: Task, request: Request, sentence: str, provider: str = "local") -> Result:
        await self._access.require(request.input["projectId"], task.by.user_id, request.role)
        job, seconds = await self._generation.submit(
            task.by.user_id,
            request.type,
            request.input,
            provider=provider,
            base_url=task.base_url,
            project_id=request.input["projectId"],
        )
        data = {"jobId": job.id, "state": job.state.value, "estimatedSeconds": seconds}
        return Result(f"{sentence} It is not finished yet.", data, job_id=job.id)

    async def _smart_mix(self, task: Task) -> Result:
        await self._access.require(task.project_id, task.by.user_id, "editor")
        async with self._heard(task) as (_, arrangement):
            found = await self._workers.run(SUGGEST, arrangement, task.arguments["style"], timeout=LISTENING_SECONDS)
        if not found:
            raise errors.NoAudio("These tracks have no clips.")
        commands = [
            Command("updateTrack", {"trackId": each["trackId"], "changes": {name: each[name] for name in _FADER}})
            for each in found
        ]
        executed = await task.document.execute(task.project_id, commands, task.by, group=task.group)
        return Result(f"{len(found)} tracks were balanced.", {"tracks": found}, executed.revision)

    async def _auto_comp(self, task: Task) -> Result:
        await self._access.require(task.project_id, task.by.user_id, "editor")
        if (clip_id := task.arguments.get("clipId")) is not None:
            return await self._comp(task, clip_id)
        async with self._heard(task) as (project, arrangement):
            parts = await self._workers.run(
                COMPARE,
                arrangement,
                task.arguments["trackIds"],
                float(task.arguments["segmentSeconds"]),
                timeout=LISTENING_SECONDS,
            )
        if not parts:
            raise errors.NoAudio("None of these tracks can be heard.")
        tracks = {track["id"]: track for track in project["tracks"]}
        first = tracks[parts[0]["trackId"]]
        new = {"id": str(uuid.uuid4()), "name": "Comp", **{name: first[name] for name in ("channels", *_FADER)}}
        tempo = timing.of_project(project)
        clips = [clip for part in parts for clip in _pieces(part, tracks[part["trackId"]], new["id"], tempo)]
        commands = [Command("createTrack", new), *(Command("createClip", clip) for clip in clips)]
        executed = await task.document.execute(task.project_id, commands, task.by, group=task.group)
        track, *made = executed.results
        data = {"track": track["track"], "clips": [each["clip"] for each in made], "segments": parts}
        return Result(
            "The best takes are on a new track; the takes themselves are as they were.", data, executed.revision
        )

    async def _comp(self, task: Task, clip_id: str) -> Result:
        """The best stretches of a clip's recording and its takes, as what is heard of them."""
        project = await self._material.snapshot(task.project_id, task.by.user_id)
        async with self._folder() as folder:
            lanes = await self._material.lanes(project, clip_id, folder)
            parts = await self._workers.run(
                COMPARE,
                lanes,
                [track.id for track in lanes.tracks],
                float(task.arguments["segmentSeconds"]),
                timeout=LISTENING_SECONDS,
            )
        if not parts:
            raise errors.NoAudio("None of these takes can be heard.")
        begin = lanes.tracks[0].clips[0].offset
        ranges = [
            {
                "takeId": part["trackId"],
                "start": begin + part["start"] + part["fadeIn"] / 2,
                "end": begin + part["start"] + part["duration"] - part["fadeOut"] / 2,
            }
            for part in parts
            if part["trackId"] != clip_id
        ]
        made = await task.change("The best takes are chosen.", "compTakes", clipId=clip_id, ranges=ranges)
        return dataclasses.replace(made, data={**made.data, "segments": parts})

    @contextlib.asynccontextmanager
    async def _folder(self) -> AsyncIterator[Path]:
        folder: Path = self._work.new()
        try:
            yield folder
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    @contextlib.asynccontextmanager
    async def _heard(self, task: Task) -> AsyncIterator[tuple[Mapping[str, Any], Any]]:
        """The project, and an arrangement of the tracks in question whose files exist until the block ends."""
        project = await self._material.snapshot(task.project_id, task.by.user_id)
        wanted = task.arguments["trackIds"]
        known = {track["id"]: track["name"] for track in project["tracks"]}
        missing = [track_id for track_id in wanted if track_id not in known]
        if missing:
            valid = [{"id": track_id, "name": name} for track_id, name in known.items()]
            raise errors.NotFound(
                "There is no such track.", details={"kind": "track", "missing": missing, "valid": valid}
            )
        async with self._folder() as folder:
            yield project, await self._material.arrangement(project, folder, only=set(wanted))


_FADER = ("volume", "pan")


def _genre(named: str | None) -> str:
    """The genre's own name; a melody without one becomes a pop song."""
    found = genres.find(named or DEFAULT_GENRE)
    if found is None:
        sentence = f"has to be one of {', '.join(genres.names())}"
        raise errors.ValidationError(f"The genre {sentence}.", details={"genre": sentence})
    return found.name


def _pieces(part: Mapping[str, Any], take: Mapping[str, Any], track_id: str, tempo: TempoMap) -> list[dict[str, Any]]:
    """The clips of a take within one part, as clips of the new track, faded where the part begins and ends."""
    first, last = part["start"], part["start"] + part["duration"]
    found = []
    for clip in take["clips"]:
        begin, end = max(first, clip["startTime"]), min(last, clip["startTime"] + clip["duration"])
        if end - begin < _SHORTEST or clip["audioFileId"] is None:
            continue
        length, ahead = end - begin, begin - clip["startTime"]
        if clip["stretch"]:
            ahead = (tempo.beat(begin) - clip["startBeat"]) * 60 / clip["originalBpm"]
        fade_in = part["fadeIn"] if begin == first else clip["fadeIn"]
        fade_out = part["fadeOut"] if end == last else clip["fadeOut"]
        fade_in = min(fade_in, length)
        found.append(
            {
                "trackId": track_id,
                "audioFileId": clip["audioFileId"],
                "name": clip["name"],
                "startTime": begin,
                "duration": length,
                "offset": clip["offset"] + max(0.0, ahead),
                **{name: clip[name] for name in ("timebase", "stretch", "originalBpm")},
                "gain": clip["gain"],
                "fadeIn": fade_in,
                "fadeOut": min(fade_out, length - fade_in),
            }
        )
    return found
