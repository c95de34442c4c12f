"""The whole analysis of one recording: what `track metadata` says."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

from dawg_server.audio import codecs
from dawg_server.audio.analysis import (
    chroma,
    dynamics,
    key,
    meter,
    onsets,
    spectrum,
    style,
    swing,
    tempo,
    timbre,
    voice,
)
from dawg_server.audio.analysis.framing import Floats

VERSION = "1.0"
TRACK_TYPES = ("vocal", "instrument", "unknown")


def version() -> str:
    return VERSION


def analyze(
    path: str | pathlib.Path,
    *,
    track_type: str = "unknown",
    suggested_genre: str | None = None,
    suggested_mood: str | None = None,
    offset: float = 0.0,
    seconds: float | None = None,
    analyzed_at: str | None = None,
) -> dict[str, Any]:
    """Everything measured about a recording, or about `seconds` of it from `offset` seconds on, ready for JSON.

    `track_type`: vocal, instrument or unknown; a voice is described when it is vocal, or unknown and judged vocal.
    What cannot be judged is None. Raises what `codecs.read_blocks` raises for files that cannot be read.
    """
    level = dynamics.PeakMeter()
    rate = codecs.probe(path).rate
    spectra = spectrum.measure(_mono(path, rate, offset, seconds, level), rate)
    found = onsets.detect(spectra)
    pulse = tempo.estimate(found)
    pitch_classes = chroma.measure(spectra.tonal)
    heard_key = key.estimate(pitch_classes)
    swung = swing.amount(found, pulse.beats) if pulse else None
    silent = not spectra.audible.any()
    colour = timbre.describe(spectra, pitch_classes)
    vocal = track_type == "vocal" or (
        track_type == "unknown" and not silent and voice.likelihood(spectra) >= voice.VOCAL
    )
    brightness, roughness = colour["brightness"], colour["roughness"]
    return {
        "rhythmCharacteristics": _rhythm(spectra, found, pulse, swung, heard_key),
        "vocalCharacteristics": _vocal(spectra, colour, level, silent) if vocal else None,
        "style": _no_style(suggested_genre, suggested_mood)
        if brightness is None or roughness is None
        else style.describe(
            style.traits(spectra, found, pulse, swung, pitch_classes, brightness, roughness),
            heard_key,
            pulse,
            suggested_genre,
            suggested_mood,
        ),
        "analyzedAt": analyzed_at,
        "analyzerVersion": VERSION,
    }


def measure_tempo_and_key(
    path: str | pathlib.Path, *, offset: float = 0.0, seconds: float | None = None
) -> dict[str, Any]:
    """`{bpm, bpmConfidence, key, scale, keyConfidence}` of an excerpt, None where it cannot be judged."""
    rate = codecs.probe(path).rate
    spectra = spectrum.measure(_mono(path, rate, offset, seconds, dynamics.PeakMeter()), rate)
    pulse = tempo.estimate(onsets.detect(spectra))
    heard_key = key.estimate(chroma.measure(spectra.tonal))
    return {
        "bpm": pulse.bpm if pulse else None,
        "bpmConfidence": pulse.confidence if pulse else None,
        "key": heard_key.name if heard_key else None,
        "scale": heard_key.scale if heard_key else None,
        "keyConfidence": heard_key.confidence if heard_key else None,
    }


def _mono(
    path: str | pathlib.Path, rate: int, offset: float, seconds: float | None, level: dynamics.PeakMeter
) -> Iterator[Floats]:
    """The excerpt as mono blocks; every channel passes by the level meter on its way."""
    for block in codecs.excerpt(codecs.read_blocks(path), rate, offset, seconds):
        level.add(block)
        yield block.mean(axis=1)


def _rhythm(
    spectra: spectrum.Spectra,
    found: onsets.Onsets,
    pulse: tempo.Tempo | None,
    swung: float | None,
    heard_key: key.KeyEstimate | None,
) -> dict[str, Any]:
    signature = meter.signature(spectra, found, pulse.beats) if pulse else None
    return {
        "bpm": pulse.bpm if pulse else None,
        "confidence": pulse.confidence if pulse else None,
        "timeSignature": {"numerator": signature[0], "denominator": signature[1]} if signature else None,
        "key": heard_key.name if heard_key else None,
        "scale": heard_key.scale if heard_key else None,
        "keyConfidence": heard_key.confidence if heard_key else None,
        "tempoStability": pulse.stability if pulse else None,
        "swingAmount": swung,
    }


def _vocal(
    spectra: spectrum.Spectra, colour: dict[str, float | None], level: dynamics.PeakMeter, silent: bool
) -> dict[str, Any]:
    marks = voice.traces(spectra)
    return {
        "timbre": colour,
        "dynamicRange": dynamics.dynamic_range(spectra),
        "peakLevel": None if silent else round(min(level.peak, 1.0), 6),
        "spectralBalance": timbre.balance(colour["brightness"]),
        "hasClipping": None if silent else level.clipping,
        "noiseFloor": dynamics.noise_floor(spectra),
        "hasSibilance": marks.sibilance,
        "hasRoomTone": marks.room_tone,
        "breathNoise": marks.breath,
    }


def _no_style(genre: str | None, mood: str | None) -> dict[str, Any]:
    named = style.named_genre(genre)
    return {
        "genre": named[0] if named else None,
        "subgenre": named[1] if named else None,
        "mood": mood.strip() if mood and mood.strip() else None,
        "energy": None,
        "danceability": None,
        "valence": None,
        "source": "suggested" if named else "measured",
    }
