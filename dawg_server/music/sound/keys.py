"""Keys and mallets: pianos, organ, vibraphone, bells, music box."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators
from dawg_server.music.sound.tone import Samples, Tone


def grand_piano(tone: Tone) -> Samples:
    """Two slightly unequal strings a note, stiff, with a fast first and a slow second decay, and the hammer's knock."""
    rate, f0 = tone.rate, tone.frequency
    n = np.arange(1, int(np.clip(9000 // f0, 1, 44)) + 1)
    stiffness = 0.00011 * (f0 / 220.0) ** 1.1
    freqs = f0 * n * np.sqrt((1 + stiffness * n**2) / (1 + stiffness))
    hammer = np.exp(-freqs / (900 + 2600 * tone.velocity**1.5)) * np.abs(np.sin(np.pi * n * 0.12) + 0.08)
    ring = np.clip(9.0 * (130.0 / f0) ** 0.55, 0.9, 14.0) / (1 + 0.16 * (n - 1))
    frames = min(tone.held + round(0.25 * rate), round(1.1 * ring[0] * rate))
    cents = np.array([[-0.6], [0.7]])
    phases = 0.4 * tone.rng.random((1, n.size))  # a hammer is softer than an impulse
    hammer = hammer / np.sqrt((hammer**2).sum())
    channels = []
    for side in (0.88, 1.12):
        spread = freqs * 2 ** (cents * side / 1200)
        brighter = hammer * side ** np.linspace(-1, 1, n.size)
        fast = oscillators.modes(spread, 0.62 * brighter, ring * 0.28, frames, rate, phases)
        slow = oscillators.modes(spread, 0.3 * brighter, ring, frames, rate, phases)
        channels.append(fast + slow)
    knock = _click(tone, frames, 0.02) * 0.1 * tone.velocity
    both = (
        np.stack(channels, axis=1) * np.float32(0.6)
        + filters.shape(knock, rate, Band("band pass", 1100, q=0.6))[:, None]
    )
    return envelopes.soften(envelopes.release(both, min(tone.held, frames), rate, 0.25), rate, 0.0015, 0.02)


def electric_piano(tone: Tone) -> Samples:
    """A tine and its tonebar by frequency modulation, with a slow tremolo from side to side."""
    rate, f0 = tone.rate, tone.frequency
    frames = min(tone.held + round(0.18 * rate), round(5.5 * rate))
    time = tone.time(frames)
    cycles = tone.cycles(frames)
    index = (0.35 + 1.15 * tone.velocity**1.6) * min(1.0, (400.0 / f0) ** 0.5)
    body = np.sin(2 * np.pi * cycles + index * np.exp(-time / 0.9) * np.sin(2 * np.pi * cycles))
    tine = 0.28 * tone.velocity * np.exp(-time / 0.07) * np.sin(2 * np.pi * cycles * (7.0 if f0 * 7 < 9000 else 3.0))
    warm = 0.25 * np.sin(4 * np.pi * cycles) * np.exp(-time / 0.5)
    sound = (body + tine + warm) * np.exp(-time * (0.55 + f0 / 900.0))
    sway = 0.16 * np.sin(2 * np.pi * 4.6 * time)
    both = np.stack([sound * (1 + sway), sound * (1 - sway)], axis=1).astype(np.float32)
    return envelopes.soften(envelopes.release(both, min(tone.held, frames), rate, 0.18), rate, 0.002, 0.02)


def organ(tone: Tone) -> Samples:
    """Drawbars with a key click, through a slow rotating speaker."""
    rate, f0 = tone.rate, tone.frequency
    ratios = np.array([0.5, 1.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
    bars = np.array([0.35, 0.22, 1.0, 0.62, 0.34, 0.22, 0.1, 0.08]) * np.array(
        [1, 1, 1, 1, 1, 1, *(2 * [0.4 + tone.velocity])]
    )
    frames = tone.held + round(0.06 * rate)
    time = tone.time(frames)
    steady = oscillators.modes(f0 * ratios, bars * 0.4, np.inf, frames, rate)
    spin = np.sin(2 * np.pi * 0.9 * time + tone.rng.uniform(0, 6.28))
    both = np.stack([steady * (1 + 0.18 * spin), steady * (1 - 0.18 * spin)], axis=1)
    click = filters.shape(_click(tone, frames, 0.006), rate, Band("band pass", 2400, q=0.8)) * 0.12
    envelope = envelopes.adsr(tone.held, rate, 0.004, 0.1, 0.96, 0.06)[:frames]
    sound: Samples = ((both + click[:, None]) * envelope[:, None]).astype(np.float32)
    return sound


def vibraphone(tone: Tone) -> Samples:
    rate, f0 = tone.rate, tone.frequency
    frames = min(tone.held + round(0.7 * rate), round(4.0 * rate))
    bar = oscillators.modes(
        [f0, 4 * f0, 9.9 * f0], [0.8, 0.22 * tone.velocity, 0.1 * tone.velocity], [4.2, 1.1, 0.25], frames, rate
    )
    time = tone.time(frames)
    fan = np.sin(2 * np.pi * 5.2 * time)
    both = np.stack([bar * (1 + 0.22 * fan), bar * (1 + 0.14 * fan)], axis=1).astype(np.float32)
    return envelopes.soften(envelopes.release(both, min(tone.held, frames), rate, 0.7), rate, 0.0015, 0.03)


def bell(tone: Tone) -> Samples:
    """A clear synthetic bell: its strongest partials are harmonic, so that a melody on it stays readable."""
    rate, f0 = tone.rate, tone.frequency
    frames = min(tone.held + round(1.1 * rate), round(3.2 * rate))
    ratios = np.array([1.0, 2.0, 3.0, 4.16, 5.43, 6.79, 8.21])
    amps = np.array([0.9, 0.42, 0.2, 0.22, 0.16, 0.1, 0.07]) * np.array([1, 1, 1, *(4 * [0.4 + 0.8 * tone.velocity])])
    spans = np.array([2.6, 2.0, 1.3, 0.8, 0.5, 0.35, 0.25])
    channels = [
        oscillators.modes(f0 * ratios * 2 ** (c / 1200), amps, spans, frames, rate, 0.02 * tone.rng.random(7))
        for c in (-2.5, 2.5)
    ]
    both = np.stack(channels, axis=1)
    return envelopes.soften(envelopes.release(both, min(tone.held, frames), rate, 1.1), rate, 0.0012, 0.05)


def music_box(tone: Tone) -> Samples:
    rate, f0 = tone.rate, tone.frequency
    frames = min(tone.held + round(0.9 * rate), round(2.2 * rate))
    ratios = np.array([1.0, 2.0, 3.01, 6.24, 10.1])
    tooth = oscillators.modes(f0 * ratios, [0.9, 0.14, 0.3, 0.16, 0.06], [1.7, 1.1, 0.7, 0.16, 0.07], frames, rate)
    pluck = filters.shape(_click(tone, frames, 0.008), rate, Band("band pass", 4200, q=1.2)) * 0.18
    return envelopes.soften(envelopes.release(tooth + pluck, min(tone.held, frames), rate, 0.9), rate, 0.001, 0.04)


def _click(tone: Tone, frames: int, seconds: float) -> Samples:
    out = np.zeros(frames, np.float32)
    length = min(frames, round(seconds * tone.rate))
    out[:length] = tone.rng.standard_normal(length) * np.linspace(1, 0, length) ** 2
    return out
