"""What a provider's file really is; runs in a worker process."""

from __future__ import annotations

from typing import Any

from dawg_server.audio import codecs, recording_meter
from dawg_server.audio.analysis import key, track

SAME_TEMPO = 0.03  # a tempo this close to half or double of the one asked for is that one, counted in another unit


def measure(path: str, asked_bpm: float | None) -> dict[str, Any]:
    """`{format, facts, measured}` of a file, decoded from end to end.

    Raises errors.UnsupportedMediaType when it is no audio.
    """
    info = codecs.probe(path)
    found = track.measure_tempo_and_key(path)
    return {
        "format": info.format,
        "facts": recording_meter.of_file(path).facts(info.bit_depth),
        "measured": {
            "bpm": _in_the_unit_asked_for(found["bpm"], asked_bpm),
            "bpmConfidence": found["bpmConfidence"],
            "key": key.spelt(found["key"], found["scale"]),
            "keyConfidence": found["keyConfidence"],
        },
    }


def _in_the_unit_asked_for(found: float | None, asked: float | None) -> float | None:
    """A listener may count half or double time, so the request settles which of them is meant, not how fast it is."""
    if found is None or asked is None:
        return found
    for factor in (1.0, 2.0, 0.5):
        if abs(found * factor / asked - 1) <= SAME_TEMPO:
            return round(found * factor, 1)
    return found
