"""What is measured of every recording, in one pass over its samples. Runs in a worker process."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dawg_server.audio import codecs, loudness, truepeak, waveform
from dawg_server.audio.analysis import track


@dataclass(frozen=True)
class Measured:
    """`pyramid` is what `waveform.peaks` reads; `duration` in seconds is exact; loudness is None for silence."""

    pyramid: bytes
    duration: float
    lufs: float | None
    true_peak: float | None  # dBTP


def measure(path: str) -> Measured:
    """Raises what `codecs.read_blocks` raises for files that cannot be read."""
    info = codecs.probe(path)
    volume = loudness.LoudnessMeter(info.rate, info.channels)
    peak = truepeak.TruePeakMeter(info.rate, info.channels)
    builder = waveform.WaveformBuilder()
    frames = 0
    for block in codecs.read_blocks(path):
        volume.add(block)
        peak.add(block)
        builder.add(block)
        frames += len(block)
    return Measured(builder.to_bytes(), frames / info.rate, _finite(volume.integrated), _finite(peak.peak))


def analyzer_version() -> str:
    return track.VERSION


def _finite(level: float) -> float | None:
    return round(level, 2) if math.isfinite(level) else None
