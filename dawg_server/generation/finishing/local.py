"""This server itself as a provider: everything that finishes a song, computed in worker processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.audio.mixing.arrangement import Arrangement
from dawg_server.audio.workers import Workers
from dawg_server.generation.finishing.clip_edits import ClipEdits
from dawg_server.generation.finishing.material import Material, stem_names
from dawg_server.generation.providers.base import LocalFile, LocalTake, Outcome, Work

RENDER = "dawg_server.audio.mixing.render:render"
SHIFT = "dawg_server.audio.pitch.shift:shift"
AUTOTUNE = "dawg_server.audio.pitch.autotune:autotune"
COMP = "dawg_server.audio.mixing.comp:comp"
ALIGN = "dawg_server.audio.alignment:align"
MIX = "dawg_server.audio.mixing.mixdown:mix"
MASTER = "dawg_server.audio.mastering.master:master"
SEPARATE = "dawg_server.audio.separation.separate:separate"
HEAR = "dawg_server.audio.analysis.track:measure_tempo_and_key"
BITRATES = {"low": 128, "medium": 192, "high": 320}  # kbit/s
LOSSLESS = ("wav", "flac")
LONGEST_HEARD = 1800.0  # seconds of which tempo and key are looked for
MASTER_TAIL = 2.0  # seconds after the last clip
ACCURACY = 0.5  # LU


class LocalProvider:
    """Jobs of the types render, mix, master, stems and edit. Nothing is bought, so an attempt simply begins anew."""

    name = "local"

    def __init__(self, workers: Workers, material: Material) -> None:
        self._workers, self._material = workers, material
        self._clip_edits = ClipEdits(workers, material)
        self._makers: dict[str, Callable[[Work], Awaitable[Outcome]]] = {
            "render": self._render,
            "master": self._master,
            "stems": self._stems,
            "mix": self._mix,
            "edit": self._edit,
        }

    async def generate(self, work: Work) -> Outcome:
        await work.remember(None, {})
        return await self._makers[work.type](work)

    async def cancel(self, work: Work) -> None:
        """Nothing outside knows of the work: ending the task has ended the worker process."""

    async def _render(self, work: Work) -> Outcome:
        parameters = work.input
        project = await self._material.snapshot(parameters["projectId"], work.owner_id)
        arrangement = await self._material.arrangement(project, work.folder, rate=parameters["sampleRate"])
        format = parameters["format"]
        target = work.folder / f"render.{format}"
        named = stem_names(project) if parameters.get("stems") else {}
        share = 92 / (len(named) + 1)
        how = {
            "start": parameters["from"],
            "end": arrangement.end + parameters["tail"] if parameters["to"] is None else parameters["to"],
            "bit_depth": parameters["bitDepth"] if format in LOSSLESS else None,
            "bitrate": None if format in LOSSLESS else BITRATES[parameters["quality"]],
        }
        made = await self._rendered(work, arrangement, target, format, (0, share), **how)
        stems = {}
        for number, (track_id, name) in enumerate(named.items(), 1):
            alone = await self._material.arrangement(project, work.folder, rate=arrangement.rate, only={track_id})
            path = work.folder / f"stem{number}.{format}"
            part = await self._rendered(work, alone, path, format, (number * share, (number + 1) * share), **how)
            stems[name] = LocalFile(path, format, part["facts"])
        warnings = []
        if made["clippedSamples"] and not (format == "wav" and parameters["bitDepth"] == 32):
            warnings.append(f"{made['clippedSamples']} samples were beyond full scale and are clipped. Turn it down.")
        if arrangement.rate != made["facts"]["sample_rate"]:
            warnings.append(f"{format} cannot hold {arrangement.rate} Hz; this has {made['facts']['sample_rate']} Hz.")
        take = await self._take(work, project["name"], target, format, made["facts"])
        return Outcome((replace(take, stems=stems),), {"revision": project["revision"], "warnings": warnings})

    async def _master(self, work: Work) -> Outcome:
        parameters = work.input
        title, source = await self._source(work)
        target = work.folder / f"master.{parameters['format']}"
        made: dict[str, Any] = await self._workers.run(
            MASTER,
            str(source),
            str(target),
            parameters["format"],
            quality=parameters["quality"],
            loudness_target=parameters["targetLoudness"],
            genre=parameters["genre"],
            report=_reporter(work, 30, 92, "processing", "Mastering."),
        )
        after, wanted = made["after"], parameters["targetLoudness"]
        missed = abs(after["integratedLUFS"] - wanted) > ACCURACY
        loudness = f"{after['integratedLUFS']:g} LUFS is as close to {wanted:g} as this recording gets."
        take = await self._take(work, f"{title} (master)", target, parameters["format"], made["facts"])
        return Outcome(
            (take,),
            {
                "targetLoudness": wanted,
                "actualLoudness": after["integratedLUFS"],
                "truePeak": after["truePeak"],
                "quality": parameters["quality"],
                "genre": parameters["genre"],
                "before": made["before"],
                "after": after,
                "masteringChain": made["chain"],
                "analysis": made["analysis"],
                "warnings": [loudness] if missed else [],
            },
        )

    async def _source(self, work: Work) -> tuple[str, Path]:
        """What is to be mastered: a recording as it is, a track or a project rendered first."""
        parameters = work.input
        if parameters["audioFileId"]:
            work.report(5, "preparing", "Fetching the recording.")
            return parameters["title"], await self._material.recording(parameters["audioFileId"], work.folder)
        project = await self._material.snapshot(parameters["sourceProjectId"], work.owner_id)
        only = {parameters["trackId"]} if parameters["trackId"] else None
        arrangement = await self._material.arrangement(project, work.folder, only=only)
        target = work.folder / "mix.wav"
        await self._rendered(work, arrangement, target, "wav", (0, 30), tail=MASTER_TAIL, bit_depth=32)
        return parameters["title"], target

    async def _mix(self, work: Work) -> Outcome:
        parameters = work.input
        project = await self._material.snapshot(parameters["projectId"], work.owner_id)
        arrangement = await self._material.arrangement(project, work.folder, only=set(parameters["trackIds"]))
        target = work.folder / "mix.wav"
        made: dict[str, Any] = await self._workers.run(
            MIX,
            arrangement,
            str(target),
            profile=parameters["mixProfile"],
            target=parameters["targetLoudness"],
            report=_reporter(work, 5, 92, "processing", "Mixing the tracks."),
        )
        take = await self._take(work, f"{project['name']} (mix)", target, "wav", made["facts"])
        chosen = made["settings"]["tracks"]
        extra = {
            "mixProfile": parameters["mixProfile"],
            "trackCount": len(parameters["trackIds"]),
            "settings": made["settings"],
            "targetLoudness": parameters["targetLoudness"],
            "genre": parameters["genre"],
            "revision": project["revision"],
        }
        if parameters["apply"]:
            extra["faders"] = [{name: each[name] for name in ("trackId", "volume", "pan")} for each in chosen]
        return Outcome((take,), extra)

    async def _stems(self, work: Work) -> Outcome:
        parameters = work.input
        work.report(2, "preparing", "Fetching the recording.")
        source = await self._material.recording(parameters["audioFileId"], work.folder)
        named = {type: "other" if type == "melody" else type for type in parameters["stemTypes"]}
        made: dict[str, Any] = await self._workers.run(
            SEPARATE,
            str(source),
            str(work.folder),
            sorted(set(named.values())),
            quality=parameters["quality"],
            format=parameters["outputFormat"],
            report=_reporter(work, 5, 95, "processing", "Taking the recording apart."),
        )
        takes = tuple(
            LocalTake(type, (LocalFile(Path(stem["path"]), parameters["outputFormat"], stem["facts"]),), {})
            for type, name in named.items()
            for stem in [made["stems"][name]]
        )
        return Outcome(
            takes,
            {
                "provider": self.name,
                "method": made["method"],
                "quality": parameters["quality"],
                "warnings": [made["note"]],
            },
        )

    async def _edit(self, work: Work) -> Outcome:
        """Each recording once, however many of the clips play it; the clips then point to the new ones."""
        parameters = work.input
        if "steps" in parameters:
            return await self._retouch(work)
        if "do" in parameters:
            return await self._clip_edits.make(work)
        project = await self._material.snapshot(parameters["projectId"], work.owner_id)
        played = {
            clip["id"]: clip["audioFileId"]
            for track in project["tracks"]
            for clip in track["clips"]
            if clip["id"] in parameters["clipIds"] and clip["audioFileId"]
        }
        missing = [clip_id for clip_id in parameters["clipIds"] if clip_id not in played]
        if missing:
            raise errors.NotFound("A clip is not there any more.", details={"kind": "clip", "missing": missing})
        recordings = list(dict.fromkeys(played.values()))
        names = {file["id"]: file["originalName"] for file in project["audioFiles"]}
        takes, corrected = [], []
        for number, audio_id in enumerate(recordings):
            source = await self._material.recording(audio_id, work.folder)
            target = work.folder / f"edited-{number}.wav"
            first, last = (95 * each / len(recordings) for each in (number, number + 1))
            made = await self._edited(work, source, target, _reporter(work, first, last, "processing", "Editing."))
            corrected.append(made.get("corrected"))
            title = f"{(names.get(audio_id) or 'Recording').rpartition('.')[0] or 'Recording'} ({_manner(parameters)})"
            takes.append(LocalTake(title, (LocalFile(target, "wav", made["facts"]),), {}))
        edited = [{"clipId": clip_id, "take": recordings.index(audio_id)} for clip_id, audio_id in played.items()]
        return Outcome(tuple(takes), {"edited": edited, "corrected": [each for each in corrected if each]})

    async def _retouch(self, work: Work) -> Outcome:
        """Recordings become one, step by step; each step's own file is gone with the job's folder."""
        parameters = work.input
        work.report(2, "preparing", "Fetching the recordings.")
        sources = [
            str(await self._material.recording(audio_id, work.folder)) for audio_id in parameters["audioFileIds"]
        ]
        steps, told, made = parameters["steps"], [], {}
        for number, step in enumerate(steps):
            first, last = (5 + 88 * each / len(steps) for each in (number, number + 1))
            target = work.folder / f"step{number}.wav"
            report = _reporter(work, first, last, "processing", _SENTENCES[step["do"]])
            made = await self._step(step, sources, str(target), report)
            told.append({"do": step["do"], **{name: made[name] for name in _TOLD if name in made}})
            sources = [str(target)]
        manner = " and ".join(_MANNERS[step["do"]] for step in steps)
        take = await self._take(work, f"{parameters['title']} ({manner})", Path(sources[0]), "wav", made["facts"])
        return Outcome((take,), {"steps": told})

    async def _step(
        self, step: dict[str, Any], sources: list[str], target: str, report: Callable[[float], None]
    ) -> dict[str, Any]:
        made: dict[str, Any]
        if step["do"] == "comp":
            made = await self._workers.run(COMP, sources, target, step["seconds"], report=report)
        elif step["do"] == "align":
            made = await self._workers.run(
                ALIGN,
                *sources,
                target,
                bpm=step["bpm"],
                division=step["division"],
                strength=step["strength"],
                keep_feel=step["keepFeel"],
                report=report,
            )
        elif step["do"] == "tune":
            made = await self._workers.run(AUTOTUNE, *sources, target, step["key"], step["strength"], report=report)
        else:
            made = await self._workers.run(
                MASTER,
                *sources,
                target,
                "wav",
                quality="streaming",
                loudness_target=step["loudness"],
                genre=step["genre"],
                report=report,
            )
        return made

    async def _edited(self, work: Work, source: Path, target: Path, report: Callable[[float], None]) -> dict[str, Any]:
        parameters = work.input
        if "semitones" in parameters:
            made: dict[str, Any] = await self._workers.run(
                SHIFT, str(source), str(target), parameters["semitones"], report=report
            )
        else:
            made = await self._workers.run(
                AUTOTUNE, str(source), str(target), parameters["key"], parameters["strength"], report=report
            )
        return made

    async def _rendered(
        self,
        work: Work,
        arrangement: Arrangement,
        target: Path,
        format: str,
        share: tuple[float, float],
        **options: Any,
    ) -> dict[str, Any]:
        report = _reporter(work, *share, "processing", "Playing the project.")
        made: dict[str, Any] = await self._workers.run(
            RENDER, arrangement, str(target), format, report=report, **options
        )
        return made

    async def _take(self, work: Work, title: str, path: Path, format: str, facts: dict[str, Any]) -> LocalTake:
        work.report(95, "analyzing", "Measuring the result.")
        judged = facts["lufs"] is not None and facts["duration"] <= LONGEST_HEARD
        heard = await self._workers.run(HEAR, str(path)) if judged else dict.fromkeys(_HEARD)
        key = f"{heard['key']}m" if heard["key"] and heard["scale"] == "minor" else heard["key"]
        measured = {
            "bpm": heard["bpm"],
            "bpmConfidence": heard["bpmConfidence"],
            "key": key,
            "keyConfidence": heard["keyConfidence"],
        }
        return LocalTake(title, (LocalFile(path, format, facts),), measured)


_SENTENCES = {
    "comp": "Choosing the best takes.",
    "align": "Moving notes to the grid.",
    "tune": "Tuning the voice.",
    "master": "Mastering.",
}
_MANNERS = {"comp": "comp", "align": "aligned", "tune": "tuned", "master": "master"}
_TOLD = ("segments", "aligned", "corrected", "before", "after", "chain")  # of what a step has measured
_HEARD = ("bpm", "bpmConfidence", "key", "scale", "keyConfidence")


def _manner(parameters: dict[str, Any]) -> str:
    return f"{parameters['semitones']:+g} semitones" if "semitones" in parameters else f"tuned to {parameters['key']}"


def _reporter(work: Work, first: float, last: float, stage: str, sentence: str) -> Callable[[float], None]:
    return lambda done: work.report(first + (last - first) * done, stage, sentence)
