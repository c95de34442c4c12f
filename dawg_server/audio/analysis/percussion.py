"""Beatboxing, or any beat on its own, as hits of a drum kit: where each begins, how loud it is, and which it is like.

Judged by where the energy of a hit lies: a kick is low, a hi-hat is high, a snare is both or neither.
"""

from __future__ import annotations

import base64
import pathlib
import tempfile
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import alignment, arrays, codecs, filters
from dawg_server.audio.analysis import tempo
from dawg_server.music import midi, score

RATE = 44_100  # Hz at which hits are looked at
MAX_SECONDS = 120.0
_HIT = 0.07  # seconds of a hit that are judged
_LOW_HZ, _HIGH_HZ = 180.0, 4_500.0
_KICK, _HAT = 0.35, 0.55  # shares of the energy below and above which decide
_OPEN = 0.07  # of a hi-hat's level that is left after 0.12 s when it is open; of a closed one nothing is
_QUIET = 0.03  # of the loudest hit; what is quieter is breath
PITCHES = {"kick": 36, "snare": 38, "hi-hat": 42, "open hi-hat": 46}  # General MIDI
_GRID = 0.25  # beats
_BPM = 120.0  # of the MIDI file where no tempo was heard: its notes are where they were all the same


def transcribe(path: str, *, quantize: bool = True) -> dict[str, Any]:
    """`{tempo, tempoConfidence, duration, confidence, hits, notes, midi}`.

    `hits`: `{type, time, velocity 0..1, confidence 0..1}`, time in seconds as played. `notes`: `{pitch, start,
    duration, velocity}` in beats from the first hit on, on 16th notes with `quantize`. `midi`: a Standard MIDI File in
    base64. Raises NoAudio where nothing is hit, ValidationError over 120 s.
    """
    info = codecs.probe(path)
    seconds = info.frames / info.rate
    if seconds > MAX_SECONDS:
        sentence = f"has to be {MAX_SECONDS:g} s long at most"
        raise errors.ValidationError(f"The recording {sentence}.", details={"audio": sentence})
    found = alignment.hear(path)
    hits = _hits(codecs.read(path, rate=RATE, mono=True)[:, 0], alignment.times(found))
    if not hits:
        raise errors.NoAudio("Nothing in this recording sounds like a drum. Record it closer, and each hit apart.")
    pulse = tempo.estimate(found)
    notes = _notes(hits, pulse.bpm if pulse else _BPM, quantize=quantize and pulse is not None)
    return {
        "tempo": pulse.bpm if pulse else None,
        "tempoConfidence": pulse.confidence if pulse else None,
        "duration": round(seconds, 3),
        "confidence": round(float(np.mean([hit["confidence"] for hit in hits])), 2),
        "hits": hits,
        "notes": notes,
        "midi": _midi(notes, pulse.bpm if pulse else _BPM),
    }


def _hits(mono: arrays.Samples, begins: arrays.Doubles) -> list[dict[str, Any]]:
    low = filters.Cascade([filters.low_pass(RATE, _LOW_HZ, 0.7)] * 2, 1).process(mono[:, None])[:, 0]
    high = filters.Cascade([filters.high_pass(RATE, _HIGH_HZ, 0.7)] * 2, 1).process(mono[:, None])[:, 0]
    judged = []
    for number, begin in enumerate(begins):
        first = max(0, round((begin - 0.005) * RATE))
        until = begins[number + 1] if number + 1 < len(begins) else len(mono) / RATE
        last = min(len(mono), first + round(min(_HIT, max(until - begin, 0.02)) * RATE))
        power = float(np.square(mono[first:last]).sum()) + 1e-12
        shares = [float(np.square(band[first:last]).sum()) / power for band in (low, high)]
        level = float(np.sqrt(power / max(last - first, 1)))
        later = mono[first + round(0.12 * RATE) : first + round(0.16 * RATE)]
        rings = until - begin > 0.16 and len(later) > 0 and float(np.sqrt(np.square(later).mean())) > _OPEN * level
        judged.append((float(begin), level, *_kind(*shares, rings=rings)))
    loudest = max((level for _, level, _, _ in judged), default=0.0)
    return [
        {"type": kind, "time": round(begin, 3), "velocity": round(level / loudest, 3), "confidence": sure}
        for begin, level, kind, sure in judged
        if level > max(_QUIET * loudest, 1e-4)
    ]


def _kind(low: float, high: float, *, rings: bool) -> tuple[str, float]:
    """(which drum, how sure 0.5..1): the farther from the border to the next, the surer."""
    kick, hat = low - _KICK, high - _HAT
    if kick <= 0 and hat <= 0:
        return "snare", round(0.5 + 0.5 * min(1.0, min(-kick / _KICK, -hat / _HAT)), 2)
    if kick > hat:
        return "kick", round(0.5 + 0.5 * min(1.0, kick / (1 - _KICK)), 2)
    return "open hi-hat" if rings else "hi-hat", round(0.5 + 0.5 * min(1.0, hat / (1 - _HAT)), 2)


def _notes(hits: list[dict[str, Any]], bpm: float, *, quantize: bool) -> list[dict[str, Any]]:
    first = hits[0]["time"]
    notes: dict[tuple[int, float], dict[str, Any]] = {}
    for hit in hits:
        start = (hit["time"] - first) * bpm / 60
        start = round(start / _GRID) * _GRID if quantize else round(start, 4)
        pitch, velocity = PITCHES[hit["type"]], max(1, min(127, round(127 * hit["velocity"] ** 0.5)))
        note = {"pitch": pitch, "start": start, "duration": _GRID, "velocity": velocity}
        known = notes.setdefault((pitch, start), note)
        known["velocity"] = max(known["velocity"], velocity)
    return list(notes.values())


def _midi(notes: list[dict[str, Any]], bpm: float) -> str:
    played = tuple(score.Note(n["start"], n["duration"], n["pitch"], n["velocity"]) for n in notes)
    length = max(note.start + note.duration for note in played)
    bars = -(-length // 4) * 4
    piece = score.Score(
        genre="Drums",
        mood="",
        bpm=bpm,
        key="C",
        beats_per_bar=4.0,
        duration=bars * 60 / bpm,
        seed=0,
        sections=(),
        parts=(score.Part("drums", "kit", played),),
        brightness=0.5,
        space=0.0,
        grit=0.0,
    )
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "drums.mid"
        midi.write_midi(piece, file)
        return base64.b64encode(file.read_bytes()).decode()
