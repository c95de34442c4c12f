"""How somebody sings: intonation, steadiness and the recording itself, measured, and what would help."""

from __future__ import annotations

from typing import Any

import numpy as np

from dawg_server.audio.analysis import track
from dawg_server.audio.pitch import melody, tracker

IN_TUNE = 25.0  # cents that most listeners do not hear
_ALMOST = 12.0  # cents
_MOST = 0.85  # of the time
_TUNING = 20.0  # cents by which a whole performance is off
_WAVERING = 35.0  # cents within one note
_NOISE_DB = -45.0


def coach(path: str, *, analyzed_at: str | None = None) -> dict[str, Any]:
    """`metadata` as `analysis.track.analyze` measures it; `pitch` `{numNotes, range, key, tuningCents, meanCentsOff,
    inTuneShare, waveringCents, notes}`, or None below three notes; `feedback` `[{category, severity low/medium/high,
    description, suggestion, timestamp}]`, timestamp in seconds or None for the whole."""
    metadata = track.analyze(path, track_type="vocal", analyzed_at=analyzed_at)
    curve = tracker.of_file(path)
    sung = melody.notes(curve)
    pitch = _pitch(curve, sung) if len(sung) >= melody.FEWEST_NOTES else None
    return {"metadata": metadata, "pitch": pitch, "feedback": [*_about_pitch(pitch), *_about_sound(metadata)]}


def _pitch(curve: tracker.PitchCurve, sung: list[melody.SungNote]) -> dict[str, Any]:
    lengths = np.array([note.duration for note in sung])
    off = np.abs([note.cents for note in sung])
    wavering = [
        100
        * float(
            np.nanstd(curve.pitch[round(note.start / melody.STEP) : round((note.start + note.duration) / melody.STEP)])
        )
        for note in sung
    ]
    return {
        "numNotes": len(sung),
        "range": {"lowest": min(note.pitch for note in sung), "highest": max(note.pitch for note in sung)},
        "key": melody.key_of(sung),
        "tuningCents": round(100 * melody.tuning(curve), 1),
        "meanCentsOff": round(float(np.average(off, weights=lengths)), 1),
        "inTuneShare": round(float(lengths[off <= IN_TUNE].sum() / lengths.sum()), 3),
        "waveringCents": round(float(np.median(wavering)), 1),
        "notes": [note.describe() for note in sung],
    }


def _about_pitch(pitch: dict[str, Any] | None) -> list[dict[str, Any]]:
    if pitch is None:
        return [
            _said(
                "pitch",
                "high",
                "Fewer than three sung notes could be followed.",
                "Record the voice alone and closer, without music in the room.",
            )
        ]
    said = []
    worst = max(pitch["notes"], key=lambda note: abs(note["cents"]))
    off, tuning = pitch["meanCentsOff"], pitch["tuningCents"]
    if off > _ALMOST or pitch["inTuneShare"] < _MOST:
        where = "sharp" if worst["cents"] > 0 else "flat"
        said.append(
            _said(
                "intonation",
                "high" if off > IN_TUNE else "low",
                f"Notes are {off:g} cents off in the mean; {pitch['inTuneShare']:.0%} of the time is in tune.",
                f"Begin with the note that is farthest off: {abs(worst['cents']):g} cents {where}.",
                worst["start"],
            )
        )
    if abs(tuning) > _TUNING:
        said.append(
            _said(
                "tuning",
                "medium",
                f"Everything is sung {abs(tuning):g} cents too {'high' if tuning > 0 else 'low'}.",
                "Listen to a tuned instrument before you begin, and keep it in your headphones.",
            )
        )
    if pitch["waveringCents"] > _WAVERING:
        said.append(
            _said(
                "steadiness",
                "medium",
                f"Within a note the pitch moves by {pitch['waveringCents']:g} cents.",
                "If that is no vibrato, practise long notes on one breath.",
            )
        )
    return said


def _about_sound(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    voice = metadata["vocalCharacteristics"] or {}
    noise = voice.get("noiseFloor")
    heard = (
        (
            voice.get("hasClipping"),
            ("level", "high", "The recording is clipped.", "Turn the input down by 6 dB."),
        ),
        (
            noise is not None and noise > _NOISE_DB,
            (
                "noise",
                "medium",
                f"The noise between the phrases is at {noise or 0:g} dB.",
                "Go closer to the microphone, and switch off what hums.",
            ),
        ),
        (
            voice.get("hasSibilance"),
            (
                "sibilance",
                "low",
                "Each “s” is sharp.",
                "Turn the microphone a little aside, or use a de-esser around 7 kHz.",
            ),
        ),
        (
            voice.get("breathNoise") == "high",
            (
                "breath",
                "low",
                "Breaths are loud beside the voice.",
                "Breathe earlier and away from the microphone.",
            ),
        ),
        (
            voice.get("hasRoomTone"),
            (
                "room",
                "low",
                "The room can be heard in the pauses.",
                "Hang something soft behind you, and go closer to the microphone.",
            ),
        ),
    )
    return [_said(*about) for true, about in heard if true]


def _said(
    category: str, severity: str, description: str, suggestion: str, timestamp: float | None = None
) -> dict[str, Any]:
    return {
        "category": category,
        "severity": severity,
        "description": description,
        "suggestion": suggestion,
        "timestamp": timestamp,
    }
