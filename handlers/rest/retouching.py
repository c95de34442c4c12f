"""Work on single recordings: of clips in place, and under `/ai/…` as published clients ask for it. The jobs are those
of `/generate`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from dawg_server import errors
from dawg_server.generation import songs
from dawg_server.generation.finishing.requests import LOUDNESS
from dawg_server.settings import MEBIBYTE
from handlers.rest.endpoint import Answer, RestCall
from handlers.rest.event_stream import while_connected
from handlers.rest.jobs import JOB, LOCAL, submit
from handlers.rest.multipart import Multipart
from handlers.rest.routes import Routes
from handlers.schemas import retouching as schemas

ALIGN_STRENGTH, TUNE_STRENGTH = 80.0, 80.0  # percent, where nobody asks for another
SEGMENT_SECONDS = 5.0
PERCENT = 100.0
COACHING = (404, 409, 415, 504)  # statuses of errors
NOT_COACHED = {
    "generate-harmony": "No harmonies are made of a recorded voice here. POST /api/generate/melody writes melodies.",
    "assess-health": "How healthy a voice is cannot be heard by this server, and no measurement here says it. Ask a "
    "doctor; POST /api/ai/vocal-coach/analyze says how it sings.",
    "generate-exercise": "No exercises are made here. POST /api/ai/vocal-coach/performance-feedback says what would "
    "help a recorded voice.",
}

routes = Routes("finishing")


@routes.post("/clips/{clip_id}/reverse", "Play the recording of a clip backwards", **JOB)
async def reverse_clip(call: RestCall) -> Answer:
    """The clip plays the same part of a new recording, which is the whole one backwards. One step to undo."""
    return await _edit(call, [call.path["clip_id"]], do="reverse")


@routes.post("/clips/{clip_id}/normalize", "Set the gain of a clip by its level", body=schemas.NormalizeRequest, **JOB)
async def normalize_clip(call: RestCall) -> Answer:
    """What the clip plays is measured, and its gain set; the recording stays as it is. `edited` of the result holds the
    gain and what was measured."""
    body = call.body
    return await _edit(call, [call.path["clip_id"]], do="normalize", peakDb=body["peak_db"], lufs=body["lufs"])


@routes.post("/clips/glue-audio", "Make one recording of clips of one track", body=schemas.GlueAudioRequest, **JOB)
async def glue_audio(call: RestCall) -> Answer:
    """Clips of any recordings, with their gains, fades and takes, become one clip in their place; the devices of the
    track are heard on it as before. One step to undo."""
    return await _edit(call, call.body["clip_ids"], do="glue")


@routes.post("/tracks/{track_id}/bounce", "Bounce a track in place", body=schemas.BounceRequest, **JOB)
async def bounce_track(call: RestCall) -> Answer:
    """What clips and devices sound like becomes a recording in their place, and the devices are bypassed; fader, pan,
    sends and their envelopes stay. A track of notes becomes an audio track. One step to undo."""
    request = await call.services.jobs.finishing.bounce(
        call.caller.user_id, {**call.body, "track_id": call.path["track_id"]}
    )
    return await submit(call, request.type, request.input, LOCAL)


@routes.post("/tracks/{track_id}/freeze", "Freeze a track", **JOB)
async def freeze_track(call: RestCall) -> Answer:
    """What the track sounds like before its fader becomes a recording, which renders, mixes and stems play instead of
    its clips and devices; all of these stay. Whatever changes the sound of the track (also its tempo) ends the freeze
    in the same step, and `DELETE /api/freezes/:id` does. One step to undo."""
    whole = {"track_id": call.path["track_id"], "from_": None, "to": None}
    request = await call.services.jobs.finishing.bounce(call.caller.user_id, whole, freeze=True)
    return await submit(call, request.type, request.input, LOCAL)


@routes.post("/ai/autocomp", "Make one recording of the best of several takes", body=schemas.AutocompRequest, **JOB)
async def comp_recordings(call: RestCall) -> Answer:
    """Chosen by what is measured, stretch by stretch, and crossfaded; `steps` of the result says what was taken."""
    return await _retouch(call, call.body["audio_file_ids"], [_comp(call.body["segment_duration"])])


@routes.post("/ai/timealign", "Move what is played to a grid", body=schemas.TimealignRequest, **JOB)
async def align_recording(call: RestCall) -> Answer:
    """The time between the onsets is stretched; pitch stays. How far off they were and are is in `steps`, measured."""
    body = call.body
    step = _align(
        body["tempo"], schemas.DIVISIONS[body["grid_division"]], PERCENT * body["strength"], body["preserve_feel"]
    )
    return await _retouch(call, [body["audio_file_id"]], [step])


@routes.post("/ai/pitchcorrect", "Tune a voice to a key", body=schemas.PitchcorrectRequest, **JOB)
async def tune_recording(call: RestCall) -> Answer:
    body = call.body
    minor = body["target_scale"] == "minor" and not body["target_key"].endswith("m")
    step = _tune(body["target_key"] + "m" * minor, PERCENT * body["strength"])
    return await _retouch(call, [body["audio_file_id"]], [step])


@routes.post(
    "/ai/dawg",
    "Make music, or finish recordings",
    aliases=("/ai/producer/generate",),
    body=schemas.DawgRequest,
    **JOB,
)
async def produce(call: RestCall) -> Answer:
    """With `prompt` or `genre` as `/generate/music`; with `audioFileIds` the best takes, tuned, aligned and mastered,
    as one recording."""
    body = call.body
    if not body["audio_file_ids"]:
        return await submit(call, "music", *songs.music(_music(body), call.services.jobs.providers))
    steps = [_comp(SEGMENT_SECONDS)] if len(body["audio_file_ids"]) > 1 else []
    if body["key"]:
        steps.append(_tune(body["key"], TUNE_STRENGTH))
    if body["bpm"]:
        steps.append(_align(body["bpm"], 16, ALIGN_STRENGTH, True))
    steps.append({"do": "master", "loudness": LOUDNESS["streaming"], "genre": body["genre"]})
    return await _retouch(call, body["audio_file_ids"], steps)


@routes.post(
    "/ai/vocal-coach/analyze",
    "How a voice sings, and what would help",
    body=schemas.CoachRequest,
    reply=schemas.Coached,
    errors=COACHING,
)
async def coach_voice(call: RestCall) -> Answer:
    """Everything is measured: pitch note by note, and the recording itself."""
    found = await _coached(call)
    voice = found["metadata"]["vocalCharacteristics"]
    analysis = {"vocalCharacteristics": voice, "pitch": found["pitch"], "analyzedAt": found["metadata"]["analyzedAt"]}
    return {"success": True, "analysis": analysis, "feedback": found["feedback"]}


@routes.post(
    "/ai/vocal-coach/analyze-pitch",
    "The pitch of a voice, note by note",
    body=schemas.CoachRequest,
    reply=schemas.PitchHeard,
    errors=COACHING,
)
async def analyze_pitch(call: RestCall) -> Answer:
    """A part of what `/ai/vocal-coach/analyze` measures."""
    found = await _coached(call)
    return {"success": True, "pitch": found["pitch"], "analyzedAt": found["metadata"]["analyzedAt"]}


@routes.post(
    "/ai/vocal-coach/performance-feedback",
    "What would help a voice",
    body=schemas.CoachRequest,
    reply=schemas.VoiceFeedback,
    errors=COACHING,
)
async def performance_feedback(call: RestCall) -> Answer:
    """A part of what `/ai/vocal-coach/analyze` says."""
    return {"success": True, "feedback": (await _coached(call))["feedback"]}


@routes.post(
    "/ai/vocal-coach/generate-harmony",
    "Harmonies, exercises and the health of a voice: not here",
    aliases=tuple(f"/ai/vocal-coach/{name}" for name in NOT_COACHED if name != "generate-harmony"),
    errors=(501,),
)
async def refuse_coaching(call: RestCall) -> Answer:
    """Always refused: nothing here does that."""
    raise errors.NotImplementedHere(NOT_COACHED[call.request.path.rpartition("/")[2]])


@routes.post(
    "/ai/beatbox-to-drums",
    "Write beatboxing down as drums",
    reply=schemas.BeatboxDrums,
    multipart=Multipart(schemas.BeatboxForm(), ("audio", "file"), lambda settings: settings.max_upload_mb * MEBIBYTE),
    errors=(409, 415, 504),
)
async def beatbox_to_drums(call: RestCall) -> Answer:
    """Kick, snare and hi-hats by where the energy of each hit lies. The recording is not kept; its tempo is null where
    none was heard."""
    clock = time.monotonic()
    (file,) = call.files
    found = await while_connected(
        call.request, call.services.documents.analyses.drums(file.path, quantize=call.body["quantize"])
    )
    return {
        "success": True,
        "analysis": {
            "tempo": found["tempo"],
            "tempoConfidence": found["tempoConfidence"],
            "duration": found["duration"],
            "confidence": found["confidence"],
            "detectedPatterns": found["hits"],
        },
        "notes": found["notes"],
        "midiData": found["midi"],
        "drumKit": call.body["drum_kit"],
        "drumSamples": sorted({hit["type"] for hit in found["hits"]}),
        "processingTime": round(1000 * (time.monotonic() - clock)),
    }


async def _coached(call: RestCall) -> dict[str, Any]:
    row = await call.services.jobs.finishing.recording(call.caller.user_id, call.body["audio_file_id"])
    return await while_connected(call.request, call.services.documents.analyses.coach(row))


async def _edit(call: RestCall, clip_ids: Sequence[str], **how: Any) -> Answer:
    request = await call.services.jobs.finishing.edit(call.caller.user_id, {"clip_ids": clip_ids, **how})
    return await submit(call, request.type, request.input, LOCAL)


async def _retouch(call: RestCall, audio_file_ids: Sequence[str], steps: list[dict[str, Any]]) -> Answer:
    parameters = {**call.body, "audio_file_ids": audio_file_ids, "steps": steps}
    request = await call.services.jobs.finishing.retouch(call.caller.user_id, parameters)
    return await submit(call, request.type, request.input, LOCAL)


def _comp(seconds: float) -> dict[str, Any]:
    return {"do": "comp", "seconds": float(seconds)}


def _tune(key: str, strength: float) -> dict[str, Any]:
    return {"do": "tune", "key": key, "strength": strength}


def _align(bpm: float | None, division: int, strength: float, keep_feel: bool) -> dict[str, Any]:
    return {"do": "align", "bpm": bpm, "division": division, "strength": strength, "keepFeel": keep_feel}


def _music(body: dict[str, Any]) -> dict[str, Any]:
    """The request for music within one of `/ai/dawg`."""
    played = f", with {', '.join(body['instruments'])}" if body["instruments"] else ""
    instrumental = True if (body["style"] or "").lower() == "instrumental" else body["instrumental"]
    prompt = body["prompt"] or " ".join(body[name] for name in ("mood", "genre") if body[name])
    return {**body, "prompt": f"{prompt}{played}"[:2000], "instrumental": instrumental}
