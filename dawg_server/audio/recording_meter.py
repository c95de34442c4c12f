"""What is said about a recording, measured on its own samples. Runs in a worker process."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dawg_server.audio import arrays, codecs, loudness, truepeak, waveform


class RecordingMeter:
    """Loudness, range, true peak and crest of a stream in one pass."""

    def __init__(self, rate: int, channels: int, *, with_true_peak: bool = True) -> None:
        """Without the true peak it takes two thirds of the time."""
        self.rate, self.channels = rate, channels
        self._loudness = loudness.LoudnessMeter(rate, channels)
        self._peak = truepeak.TruePeakMeter(rate, channels) if with_true_peak else None
        self._highest = 0.0
        self._energy = 0.0
        self._frames = 0

    def add(self, block: arrays.Samples) -> None:
        self._loudness.add(block)
        if self._peak is not None:
            self._peak.add(block)
        self._highest = max(self._highest, float(np.abs(block).max(initial=0.0)))
        self._energy += float(np.square(block, dtype=np.float64).sum())
        self._frames += len(block)

    @property
    def lufs(self) -> float:
        """Integrated; -inf for silence."""
        return self._loudness.integrated

    @property
    def true_peak(self) -> float:
        """dBTP; -inf for silence."""
        assert self._peak is not None
        return self._peak.peak

    @property
    def crest(self) -> float:
        """Sample peak over root mean square in dB; 0 for silence."""
        if not self._energy:
            return 0.0
        return 20 * math.log10(self._highest / math.sqrt(self._energy / self._frames / self.channels))

    def numbers(self) -> dict[str, float | None]:
        """Rounded for people; None where silence has no number."""
        return {
            "integratedLUFS": _finite(self.lufs),
            "loudnessRange": round(self._loudness.range, 2),
            "truePeak": _finite(self.true_peak),
            "crestFactor": round(self.crest, 2),
        }

    def facts(self, bit_depth: int | None) -> dict[str, Any]:
        """Columns of `audio_files`."""
        return {
            "duration": self._frames / self.rate,
            "sample_rate": self.rate,
            "channels": self.channels,
            "bit_depth": bit_depth,
            "lufs": _finite(self.lufs),
            "true_peak_db": _finite(self.true_peak),
        }


@dataclass(frozen=True)
class Measured:
    """`pyramid` is what `waveform.part` reads; `duration` in seconds is exact; loudness is None for silence."""

    pyramid: bytes
    duration: float
    lufs: float | None
    true_peak: float | None  # dBTP


def measure(path: str) -> Measured:
    """Loudness and waveform in one pass. Raises what `codecs.read_blocks` raises for files that cannot be read."""
    info = codecs.probe(path, max_seconds=None)
    meter = RecordingMeter(info.rate, info.channels)
    builder = waveform.WaveformBuilder()
    for block in codecs.read_blocks(path, max_seconds=None):
        meter.add(block)
        builder.add(block)
    facts = meter.facts(None)
    return Measured(builder.to_bytes(), facts["duration"], facts["lufs"], facts["true_peak_db"])


def of_file(path: str) -> RecordingMeter:
    """Decodes the whole file through a meter."""
    info = codecs.probe(path, max_seconds=None)
    meter = RecordingMeter(info.rate, info.channels)
    for block in codecs.read_blocks(path, max_seconds=None):
        meter.add(block)
    return meter


def _finite(value: float) -> float | None:
    return round(value, 2) if math.isfinite(value) else None
