"""Effects without a pitch: risers into a section, impacts on its first beat, the noise of a worn record."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters
from dawg_server.music.sound.tone import Samples, Tone


def riser(tone: Tone) -> Samples:
    """Noise whose band climbs and swells over the note's whole length and stops with it."""
    rate, frames = tone.rate, tone.held + round(0.03 * tone.rate)
    noise = tone.rng.standard_normal((frames, 2), dtype=np.float32)
    x = np.linspace(0.0, 1.0, frames)
    bands = [(Band("band pass", 300.0 * 2.2**k, q=0.9),) for k in range(6)]
    place = x * (len(bands) - 1)
    out = np.zeros((frames, 2), np.float32)
    for k, stage in enumerate(filters.bank(noise, rate, *bands)):
        first, last = np.searchsorted(place, (k - 1, k + 1))
        share = (1 - np.abs(place[first:last] - k)) * 1.25**-k
        out[first:last] += stage[first:last] * share.astype(np.float32)[:, None]
    return envelopes.soften(out * (x**2.2)[:, None].astype(np.float32), rate, 0.01, 0.03)


def impact(tone: Tone) -> Samples:
    """A low boom with a burst of bright noise that dies away."""
    rate = tone.rate
    frames = round(2.2 * rate)
    time = tone.time(frames)
    phase = 2 * np.pi * np.cumsum(38 + 70 * np.exp(-time / 0.07)) / rate
    boom = np.sin(phase) * np.exp(-time / 0.45)
    burst = tone.rng.standard_normal((frames, 2), dtype=np.float32) * np.exp(-time / 0.3)[:, None].astype(np.float32)
    burst = filters.shape(burst, rate, Band("high pass", 250), Band("low pass", 6500))
    return envelopes.soften((0.8 * boom[:, None] + 0.3 * burst).astype(np.float32), rate, 0.001, 0.2)


def vinyl_noise(tone: Tone) -> Samples:
    """Surface hiss, rumble and scattered clicks."""
    rate, frames = tone.rate, tone.held + round(0.1 * tone.rate)
    hiss = filters.shape(
        tone.rng.standard_normal((frames, 2), dtype=np.float32), rate, Band("high pass", 700), Band("low pass", 5200)
    ) * np.float32(0.05)
    clicks = np.zeros((frames, 2), np.float32)
    count = tone.rng.poisson(9.0 * frames / rate)
    where = tone.rng.integers(0, frames, count)
    size = (tone.rng.pareto(2.2, count) * 0.5).clip(0, 3.0) * tone.rng.choice([-1.0, 1.0], count)
    tilt = tone.rng.uniform(0.3, 1.0, (count, 2))
    np.add.at(clicks, where, (size[:, None] * tilt).astype(np.float32))
    clicks = filters.shape(clicks, rate, Band("band pass", 2300, q=0.5), Band("low pass", 6500))
    return envelopes.soften(hiss + clicks * np.float32(1.2), rate, 0.05, 0.1)
