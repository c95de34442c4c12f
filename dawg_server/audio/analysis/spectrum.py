"""One pass over the audio: everything later steps need, as small tables of features per frame.

Two views of the mono mix are enough for all of them:
- 46 ms frames every 10 ms at 44.1 kHz (rhythm, timbre, noise): mel bands and shape of the spectrum;
- 0.74 s frames every 0.19 s at 11.025 kHz (harmony): spectral peaks, exact to a few cents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dawg_server.audio.analysis import framing, peaks, pitch
from dawg_server.audio.analysis.framing import Floats

RATE = 44_100  # Hz, of the short frames
FRAME_RATE = 100  # short frames per second
WINDOW = 2_048  # samples
HOP = RATE // FRAME_RATE
TONAL_RATE = 11_025  # Hz, of the long frames and of the pitch track
MEL_BANDS = 48
LOW_HZ, HIGH_HZ = 30.0, 16_000.0
SIBILANT_HZ = (5_000.0, 11_000.0)
SILENCE = 1e-5  # root mean square of a frame that counts as silent: -100 dBFS


@dataclass(frozen=True)
class Spectra:
    """`mel`: (frames, MEL_BANDS) magnitudes. Per short frame: `rms`, `centroid` (of the amplitudes) and `rolloff` (85 %
    of the energy) in Hz, `sibilance` (share of the energy between 5 and 11 kHz). `power`: mean power of each bin of
    RATE / WINDOW Hz. `tonal`: the peaks of the long frames. `voice`: pitch per 20 ms."""

    seconds: float
    mel: Floats
    rms: Floats
    centroid: Floats
    rolloff: Floats
    sibilance: Floats
    power: Floats
    tonal: peaks.Peaks
    voice: pitch.PitchFrames

    @property
    def audible(self) -> np.ndarray:
        """Which short frames hold sound: neither digital silence nor 60 dB below the loudest."""
        return np.asarray(self.rms > max(SILENCE, float(self.rms.max(initial=0)) * 1e-3))


def measure(blocks: Iterable[Floats], rate: int) -> Spectra:
    """`blocks`: float32 mono, one dimension each, at `rate` Hz."""
    short, tonal = _Short(), peaks.Collector(TONAL_RATE)
    track = pitch.Tracker(TONAL_RATE)
    to_short, to_tonal = framing.Resampler(rate, RATE), framing.Resampler(rate, TONAL_RATE)
    samples = 0
    centre: np.float32 | None = None  # a constant offset is no sound; the first block shows it

    def feed(mono: Floats, last: bool) -> None:
        short.push(to_short.push(mono, last))
        low = to_tonal.push(mono, last)
        tonal.push(low)
        track.push(low)

    for mono in blocks:
        if centre is None:
            centre = mono.mean(dtype=np.float32)
        samples += len(mono)
        feed(mono - centre, False)
    feed(np.zeros(0, np.float32), True)
    short.finish()
    columns = np.concatenate(short.columns) if short.columns else np.zeros((0, 4), np.float32)
    return Spectra(
        seconds=samples / rate,
        mel=np.concatenate(short.mel) if short.mel else np.zeros((0, MEL_BANDS), np.float32),
        rms=columns[:, 0],
        centroid=columns[:, 1],
        rolloff=columns[:, 2],
        sibilance=columns[:, 3],
        power=(short.power / max(short.frames, 1)).astype(np.float32),
        tonal=tonal.finish(),
        voice=track.finish(),
    )


def mel_filters(bands: int = MEL_BANDS, low: float = LOW_HZ, high: float = HIGH_HZ) -> Floats:
    """Triangles evenly spaced on the mel scale (O'Shaughnessy 1987), each of unit sum; (bins, bands)."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / RATE)
    edges = 700 * (np.expm1(np.linspace(np.log1p(low / 700), np.log1p(high / 700), bands + 2)))
    # Low bands are narrower than a bin: without a minimum width they would hear nothing.
    centres, width = edges[1:-1], np.maximum(np.diff(edges), RATE / WINDOW)
    rising = (frequencies[:, None] - (centres - width[:-1])) / width[:-1]
    falling = ((centres + width[1:]) - frequencies[:, None]) / width[1:]
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(weights / weights.sum(axis=0), dtype=np.float32)


class _Short:
    def __init__(self) -> None:
        self.mel: list[Floats] = []
        self.columns: list[Floats] = []
        self.power = np.zeros(WINDOW // 2 + 1)
        self.frames = 0
        self._framer = framing.Framer(WINDOW, HOP)
        self._window = (np.hanning(WINDOW + 1)[:-1] / (WINDOW / 4)).astype(np.float32)  # a full-scale sine peaks at 1
        self._filters = mel_filters()
        self._hertz = np.fft.rfftfreq(WINDOW, 1 / RATE).astype(np.float32)
        self._sibilant = (self._hertz >= SIBILANT_HZ[0]) & (self._hertz <= SIBILANT_HZ[1])

    def push(self, mono: Floats) -> None:
        self._take(self._framer.push(mono))

    def finish(self) -> None:
        self._take(self._framer.finish())

    def _take(self, frames: Floats) -> None:
        if not len(frames):
            return
        magnitudes = np.abs(np.fft.rfft(frames * self._window, axis=1)).astype(np.float32, copy=False)
        magnitudes[:, :2] = 0  # below 40 Hz there is only drift
        self.mel.append(magnitudes @ self._filters)
        power = magnitudes * magnitudes
        self.power += power.sum(axis=0)
        self.frames += len(frames)
        total = power.sum(axis=1) + np.float32(1e-20)
        cumulative = np.cumsum(power, axis=1)
        rolloff = self._hertz[(cumulative < 0.85 * total[:, None]).sum(axis=1).clip(max=len(self._hertz) - 1)]
        rms = np.sqrt(total / 3)  # the bins of a Hann window hold 1.5 times the power of a sine, which is half its peak
        self.columns.append(
            np.stack(
                (
                    rms,
                    magnitudes @ self._hertz / (magnitudes.sum(axis=1) + np.float32(1e-12)),
                    rolloff,
                    power[:, self._sibilant].sum(axis=1) / total,
                ),
                axis=1,
            ).astype(np.float32)
        )
