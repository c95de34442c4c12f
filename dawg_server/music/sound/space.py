"""The room around the music: a synthesised impulse response with early reflections, a diffuse tail and timed echoes."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import filters
from dawg_server.music.sound.tone import Samples

LONGEST = 2.6  # seconds that are kept of any response
DECAY_BANDS = ((200.0, 1.1), (700.0, 1.0), (2200.0, 0.75), (6500.0, 0.42))  # Hz, share of the reverberation time


def impulse(
    rate: int,
    seed: int,
    seconds: float,
    level: float,
    echo_seconds: float = 0.0,
    echo_level: float = 0.0,
    feedback: float = 0.4,
) -> Samples:
    """`seconds`: reverberation time of the middle band (-60 dB); `level`: gain of the room's energy; echoes alternate
    between the sides. Returns float32 (frames, 2)."""
    rng = np.random.Generator(np.random.PCG64(seed))
    echoes = _echo_times(echo_seconds, echo_level, feedback)
    length = min(LONGEST, max(seconds * 0.8, *(when + 0.05 for when, _ in echoes), 0.1))
    frames = round(length * rate)
    tail = _diffuse(rng, frames, rate, seconds) + _early(rng, frames, rate, seconds)
    tail *= np.float32(level / np.sqrt((tail**2).sum() / 2))
    fade = max(1, frames // 5)
    tail[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None] ** 2
    for index, (when, gain) in enumerate(echoes):
        place = round(when * rate)
        if place + 8 < frames:
            tail[place : place + 8, index % 2] += np.hanning(10)[1:9].astype(np.float32) * np.float32(gain / 4.5)
            tail[place : place + 8, 1 - index % 2] += np.hanning(10)[1:9].astype(np.float32) * np.float32(
                gain * 0.3 / 4.5
            )
    return filters.shape(tail, rate, Band("high pass", 190), Band("high shelf", 7000, -3.0, 0.7))


def _diffuse(rng: np.random.Generator, frames: int, rate: int, seconds: float) -> Samples:
    time = np.arange(frames) / rate
    noise = rng.standard_normal((frames, 2), dtype=np.float32)
    out = np.zeros((frames, 2), np.float32)
    bands = filters.bank(noise, rate, *((Band("band pass", frequency, q=0.6),) for frequency, _ in DECAY_BANDS))
    for band, (_, share) in zip(bands, DECAY_BANDS, strict=True):
        out += band * np.exp(-6.9078 * time / (seconds * share)).astype(np.float32)[:, None]
    onset = 1 - np.exp(-np.maximum(time - 0.012, 0) / 0.018)
    return out * onset.astype(np.float32)[:, None]


def _early(rng: np.random.Generator, frames: int, rate: int, seconds: float) -> Samples:
    out = np.zeros((frames, 2), np.float32)
    for channel in range(2):
        times = np.sort(rng.uniform(0.006, 0.03 + 0.02 * seconds, 9))
        for when in times:
            place = round(when * rate)
            if place < frames - 1:
                out[place, channel] += rng.choice([-1.0, 1.0]) * 6.0 * np.exp(-when / 0.03)
    return out


def _echo_times(seconds: float, level: float, feedback: float) -> list[tuple[float, float]]:
    if seconds <= 0 or level <= 0:
        return [(0.0, 0.0)]
    return [(seconds * (n + 1), level * feedback**n) for n in range(6) if level * feedback**n > 0.003]
