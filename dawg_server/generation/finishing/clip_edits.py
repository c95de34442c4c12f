"""Edits of clips that need their samples: reversed, normalised, glued, bounced in place.

What is asked for is checked twice by the same rules: before there is a job, and on the project as it is when the job
begins. What was edited meanwhile is not overwritten: the job's changes are based on the revision that it has read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dawg_server import errors
from dawg_server.audio.workers import Workers
from dawg_server.daw import freezing, timing
from dawg_server.daw.entity import missing, wrong
from dawg_server.generation.finishing.material import Material
from dawg_server.generation.providers.base import LocalFile, LocalTake, Outcome, Work

REVERSE = "dawg_server.audio.mixing.clip_sound:reverse"
LEVELS = "dawg_server.audio.mixing.clip_sound:levels"
BOUNCE = "dawg_server.audio.mixing.clip_sound:bounce"
GAINS = (-60.0, 24.0)  # dB, of clips
PEAK = -1.0  # dBTP, where nothing else is asked for

Clip = Mapping[str, Any]
Track = Mapping[str, Any]
Report = Callable[[float], None]


def single(project: Mapping[str, Any], clip_ids: Sequence[str]) -> list[tuple[Track, Clip]]:
    """Clips that play a recording as it is, each with its track; raises `NotFound`, `NoAudio`, `ValidationError`."""
    found = _found(project, clip_ids)
    _require_recordings([clip for _, clip in found])
    comped = {take["clipId"] for take in project["takes"] if take["ranges"]}
    if any(clip["id"] in comped for _, clip in found):
        raise wrong("clipIds", "names a clip that is made of several takes: bounce its track first")
    return found


def glued(project: Mapping[str, Any], clip_ids: Sequence[str]) -> tuple[Track, list[Clip]]:
    """Clips of recordings on one track, and that track; raises as `single` does."""
    found = _found(project, clip_ids)
    clips = [clip for _, clip in found]
    _require_recordings(clips)
    if len({track["id"] for track, _ in found}) > 1:
        raise wrong("clipIds", "has to name clips of one track")
    return found[0][0], clips


def bounced(
    project: Mapping[str, Any], track_id: str, begin: float | None, end: float | None
) -> tuple[Track, list[Clip]]:
    """A track and those of its clips that sound between two times in seconds; raises as `single` does.

    Of a track with notes or with devices it has to be all of them: what stays would have lost its sound.
    """
    track = next((each for each in project["tracks"] if each["id"] == track_id), None)
    if track is None:
        raise missing("track", track_id)
    first, last = begin or 0.0, float("inf") if end is None else end
    if last <= first:
        raise wrong("to", "has to lie after `from`")
    clips = [
        each for each in track["clips"] if each["startTime"] < last and each["startTime"] + each["duration"] > first
    ]
    if not clips:
        raise errors.NoAudio("There are no clips to bounce.")
    if len(clips) < len(track["clips"]):
        if active(track):
            raise wrong(
                "from", "and to have to leave no clip of a track with devices out: they are heard in the recording"
            )
        if any(clip["midiData"] is not None for clip in track["clips"]):
            raise wrong("from", "and to have to leave no clip of notes out: a track holds notes or recordings")
    return track, clips


def check_not_frozen(project: Mapping[str, Any], track_id: str) -> None:
    if any(each["trackId"] == track_id for each in project["freezes"]):
        raise errors.Conflict("This track is frozen already. Delete its freeze first.")


def active(track: Track) -> list[str]:
    """The ids of its devices that are not bypassed."""
    return [device["id"] for device in track["devices"] if not device["bypassed"]]


class ClipEdits:
    """The jobs of the type `edit` whose input says what to `do` with clips."""

    def __init__(self, workers: Workers, material: Material) -> None:
        self._workers, self._material = workers, material

    async def make(self, work: Work) -> Outcome:
        project = await self._material.snapshot(work.input["projectId"], work.owner_id)
        do = {
            "reverse": self._reverse,
            "normalize": self._normalize,
            "glue": self._glue,
            "bounce": self._bounce,
            "freeze": self._freeze,
        }
        outcome = await do[work.input["do"]](work, project)
        return Outcome(outcome.takes, {**outcome.extra, "baseRevision": project["revision"]})

    async def _reverse(self, work: Work, project: Mapping[str, Any]) -> Outcome:
        """Whole recordings, each once, so that clips can still be made longer; they play the same part of it."""
        clips = [clip for _, clip in single(project, work.input["clipIds"])]
        recordings = list(dict.fromkeys(clip["audioFileId"] for clip in clips))
        takes, lengths = [], []
        for number, audio_id in enumerate(recordings):
            source = await self._material.recording(audio_id, work.folder)
            target = work.folder / f"reversed-{number}.wav"
            made = await self._workers.run(
                REVERSE, str(source), str(target), report=_share(work, number, len(recordings), "Turning it round.")
            )
            lengths.append(made["facts"]["duration"])
            title = f"{_name(project, audio_id)} (reversed)"
            takes.append(LocalTake(title, (LocalFile(target, "wav", made["facts"]),), {}))
        edited = []
        for clip in clips:
            take = recordings.index(clip["audioFileId"])
            offset = max(0.0, lengths[take] - clip["offset"] - timing.material(clip))
            edited.append({"clipId": clip["id"], "take": take, "changes": {"offset": offset}})
        return Outcome(tuple(takes), {"edited": edited})

    async def _normalize(self, work: Work, project: Mapping[str, Any]) -> Outcome:
        """Sets the gain of each clip; its recording stays as it is."""
        wanted, loudness = work.input["peakDb"], work.input["lufs"]
        found = single(project, work.input["clipIds"])
        edited, warnings = [], []
        for number, (track, clip) in enumerate(found):
            report = _share(work, number, len(found), "Measuring.")
            arrangement = await self._dry(project, track, [{**clip, "gain": 0.0, "fadeIn": 0.0, "fadeOut": 0.0}], work)
            measured = await self._workers.run(LEVELS, arrangement, track["id"], report=report)
            level = measured["truePeak"] if loudness is None else measured["integratedLUFS"]
            if level is None:
                warnings.append(f"“{clip['name']}” is silent and stays as it is.")
                continue
            gain = (wanted if loudness is None else loudness) - level
            held = round(min(max(gain, GAINS[0]), GAINS[1]), 3)
            if abs(held - gain) > 0.01:
                warnings.append(f"“{clip['name']}” would need {gain:+.1f} dB and has {held:+g} dB, the most there is.")
            edited.append({"clipId": clip["id"], "changes": {"gain": held}, "measured": measured})
        if not edited:
            raise errors.NoAudio("These clips are silent.")
        return Outcome((), {"edited": edited, "warnings": warnings})

    async def _glue(self, work: Work, project: Mapping[str, Any]) -> Outcome:
        """As the clips sound before the devices of their track, which stay."""
        track, clips = glued(project, work.input["clipIds"])
        arrangement = await self._dry(project, track, clips, work)
        return await self._replaced(work, arrangement, track, clips, "glued", ringing=False)

    async def _bounce(self, work: Work, project: Mapping[str, Any]) -> Outcome:
        """As the clips sound behind the devices of their track, which are bypassed from then on."""
        track, clips = bounced(project, work.input["trackId"], work.input["from"], work.input["to"])
        if {clip["id"] for clip in clips} != set(work.input["clipIds"]):
            raise errors.Conflict("The track has other clips by now. Ask again.")
        heard = _only(project, track, clips)
        arrangement = await self._material.arrangement(heard, work.folder, only={track["id"]})
        devices, notes = active(track), any(clip["midiData"] is not None for clip in clips)
        outcome = await self._replaced(work, arrangement, track, clips, "bounced", ringing=notes or bool(devices))
        return Outcome(
            outcome.takes, {"replaced": {**outcome.extra["replaced"], "bypassed": devices, "becomesAudio": notes}}
        )

    async def _freeze(self, work: Work, project: Mapping[str, Any]) -> Outcome:
        """As the track sounds before its fader; everything on it stays."""
        check_not_frozen(project, work.input["trackId"])
        track, clips = bounced(project, work.input["trackId"], None, None)
        digest = await asyncio.to_thread(freezing.of_snapshot, project, track)
        arrangement = await self._material.arrangement(project, work.folder, only={track["id"]})
        outcome = await self._replaced(work, arrangement, track, clips, "frozen", ringing=True)
        start = outcome.extra["replaced"]["clip"]["startTime"]
        return Outcome(outcome.takes, {"frozen": {"trackId": track["id"], "startTime": start, "soundDigest": digest}})

    async def _dry(self, project: Mapping[str, Any], track: Track, clips: Sequence[Clip], work: Work) -> Any:
        without = _only(project, {**track, "devices": []}, clips)
        return await self._material.arrangement(without, work.folder, only={track["id"]})

    async def _replaced(
        self, work: Work, arrangement: Any, track: Track, clips: Sequence[Clip], manner: str, *, ringing: bool
    ) -> Outcome:
        target = work.folder / f"{manner}.wav"
        made = await self._workers.run(
            BOUNCE,
            arrangement,
            track["id"],
            str(target),
            ringing=ringing,
            report=_share(work, 0, 1, "Playing the clips."),
        )
        first = min(clips, key=lambda clip: float(clip["startTime"]))
        clip = {
            "trackId": track["id"],
            "name": first["name"],
            "startTime": first["startTime"] - made["early"],
            "color": first["color"],
        }
        take = LocalTake(f"{track['name']} ({manner})", (LocalFile(target, "wav", made["facts"]),), {})
        ids = [each["id"] for each in clips]
        return Outcome((take,), {"replaced": {"clipIds": ids, "clip": clip, "bypassed": [], "becomesAudio": False}})


def _found(project: Mapping[str, Any], clip_ids: Collection[str]) -> list[tuple[Track, Clip]]:
    found = [(track, clip) for track in project["tracks"] for clip in track["clips"] if clip["id"] in set(clip_ids)]
    gone = set(clip_ids) - {clip["id"] for _, clip in found}
    if gone:
        raise errors.NotFound("A clip is not there any more.", details={"kind": "clip", "missing": sorted(gone)})
    return found


def _require_recordings(clips: Sequence[Clip]) -> None:
    if silent := [clip["id"] for clip in clips if clip["audioFileId"] is None]:
        raise errors.NoAudio("These clips play notes, not a recording.", details={"clipIds": silent})


def _only(project: Mapping[str, Any], track: Track, clips: Sequence[Clip]) -> dict[str, Any]:
    """The project with these clips alone on that track, and not frozen; others stay for the side chains that listen to
    them."""
    changed = {**track, "clips": list(clips)}
    freezes = [each for each in project["freezes"] if each["trackId"] != track["id"]]
    return {
        **project,
        "freezes": freezes,
        "tracks": [changed if each["id"] == track["id"] else each for each in project["tracks"]],
    }


def _name(project: Mapping[str, Any], audio_id: str) -> str:
    name = next((file["originalName"] for file in project["audioFiles"] if file["id"] == audio_id), None) or "Recording"
    return name.rpartition(".")[0] or name


def _share(work: Work, number: int, count: int, sentence: str) -> Report:
    return lambda done: work.report(95 * (number + done) / count, "processing", sentence)
