"""Functions of the catalogue that begin music, look at jobs and recordings, judge lyrics and keep versions."""

from __future__ import annotations

from typing import Any

from dawg_server import errors
from dawg_server.audiofiles.analyses import Analyses, Excerpt, Question
from dawg_server.claude.small import BillingContext
from dawg_server.database import analyses, audio_files
from dawg_server.database.pool import Database
from dawg_server.daw.access import Access
from dawg_server.daw.functions.service import Functions, Result, Task
from dawg_server.daw.versions import Versions
from dawg_server.generation import fitting, requests, songs
from dawg_server.generation.job import State
from dawg_server.generation.requests import Providers
from dawg_server.generation.service import GenerationService
from dawg_server.lyrics.service import Lyrics
from dawg_server.wire import is_uuid


class BrainFunctions:
    def __init__(
        self,
        database: Database,
        access: Access,
        generation: GenerationService,
        providers: Providers,
        lyrics: Lyrics,
        versions: Versions,
        analyses: Analyses,
    ) -> None:
        self._database, self._access = database, access
        self._generation, self._providers = generation, providers
        self._lyrics, self._versions, self._analyses = lyrics, versions, analyses

    def register(self, functions: Functions) -> None:
        for name, executor in {
            "generateBeat": self._beat,
            "generateMusic": self._music,
            "getJobStatus": self._job_status,
            "analyzeLyrics": self._analyze_lyrics,
            "analyzeAudio": self._analyze_audio,
            "saveVersion": self._save,
        }.items():
            functions.register(name, executor)

    async def _beat(self, task: Task) -> Result:
        """What is left open is decided by the prompt, and by the project, so that it fits."""
        arguments = task.arguments
        bar = arguments.get("startBar")
        project = await fitting.project_facts(task.document, task.project_id, task.by.user_id, start_bar=bar)
        said = {name: arguments.get(name) for name in ("genre", "bpm", "key", "mood", "bars")}
        request, provider = requests.beat(
            {
                **said,
                **_here(task),
                "start_bar": bar,
                "prompt": arguments.get("prompt") or "",
                "time_signature": arguments.get("timeSignature"),
                "duration": None if arguments.get("bars") else arguments.get("duration"),
                "ending": None,
                "as_": arguments.get("as") or "stems",
                "project": project,
            },
            self._providers,
        )
        return await self._begin(task, "beat", request, provider, "The beat is being made.")

    async def _music(self, task: Task) -> Result:
        arguments = task.arguments
        request, provider = songs.music(
            {
                **{name: arguments.get(name) for name in ("prompt", "genre", "bpm", "key", "duration", "lyrics")},
                "instrumental": arguments.get("instrumental"),
                "include_vocals": None,
                "mood": None,
                "title": None,
                "negative_tags": None,
                "vocal_gender": None,
                **_here(task),
            },
            self._providers,
        )
        return await self._begin(task, "music", request, provider, "The music is being made.")

    async def _begin(self, task: Task, type: str, request: dict[str, Any], provider: str, sentence: str) -> Result:
        await self._access.require(task.project_id, task.by.user_id, "editor")
        job, seconds = await self._generation.submit(
            task.by.user_id, type, request, provider=provider, base_url=task.base_url, project_id=task.project_id
        )
        data = {"jobId": job.id, "state": job.state.value, "estimatedSeconds": seconds}
        return Result(f"{sentence} It is not finished yet.", data, job_id=job.id)

    async def _job_status(self, task: Task) -> Result:
        job = await self._generation.get(task.arguments["jobId"], task.by.user_id)
        data: dict[str, Any] = {
            "jobId": job.id,
            "type": job.type,
            "state": job.state.value,
            "progress": job.progress,
            "stage": job.stage,
        }
        if job.state is State.COMPLETED and job.result is not None:
            names = ("audioFileId", "duration", "bpm", "key", "lufs", "truePeak", "provider", "placed", "warnings")
            data["result"] = {name: job.result[name] for name in names if name in job.result}
        if job.state is State.FAILED and job.error is not None:
            data["error"] = job.error.get("message")
        finished = "It is finished." if job.state.ended else "It is not finished yet."
        return Result(f"The {job.type} job is {job.state.value}. {finished}", data, job_id=job.id)

    async def _analyze_lyrics(self, task: Task) -> Result:
        arguments = task.arguments
        words = arguments.get("lyrics") or await self._written(task, arguments.get("trackId"))
        if not words.strip():
            raise errors.Conflict("There are no lyrics there. Give some as `lyrics`, or write them first.")
        found = await self._lyrics.analyze(
            words, arguments.get("genre"), by=BillingContext(task.by.user_id, task.project_id)
        )
        return Result("The lyrics were analysed.", found)

    async def _written(self, task: Task, track_id: str | None) -> str:
        project = await task.document.snapshot(task.project_id, task.by.user_id)
        if track_id is None:
            written = project["lyrics"] or next((each["lyrics"] for each in project["tracks"] if each["lyrics"]), "")
            return str(written)
        track = next((each for each in project["tracks"] if each["id"] == track_id), None)
        if track is None:
            raise errors.NotFound("There is no such track.", details={"kind": "track"})
        return str(track["lyrics"] or "")

    async def _analyze_audio(self, task: Task) -> Result:
        await self._access.require(task.project_id, task.by.user_id, "viewer")
        clip_id, file_id = task.arguments.get("clipId"), str(task.arguments.get("audioFileId") or "")
        excerpt = Excerpt()
        if clip_id is not None:
            row = (await analyses.clips(self._database, [clip_id])).get(clip_id) if is_uuid(clip_id) else None
            if row is None or row["project_id"] != task.project_id:
                raise errors.NotFound("There is no such clip.", details={"kind": "clip"})
            if row["id"] is None:
                raise errors.NoAudio("This clip plays no recording.")
            excerpt = Excerpt.of_clip(row)
        else:
            known = is_uuid(file_id)
            row = await audio_files.get_visible(self._database, file_id, task.by.user_id) if known else None
            if row is None:
                raise errors.NotFound("There is no such recording.", details={"kind": "audioFile"})
        measured = await self._analyses.of_stored(row, excerpt, Question())
        return Result("The recording was analysed.", measured)

    async def _save(self, task: Task) -> Result:
        made = await self._versions.make(
            task.project_id, task.by.user_id, name=task.arguments.get("name"), description=None
        )
        return Result(f"Version {made['number']} was kept.", {"number": made["number"], "name": made["name"]})


def _here(task: Task) -> dict[str, Any]:
    return {
        "provider": "auto",
        "seed": None,
        "project_id": task.project_id,
        "add_to_project": True,
        "start_time": 0.0,
    }
