"""Plucked strings as sums of decaying partials: in tune by construction, with stiffness and pluck position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators
from dawg_server.music.sound.tone import Samples, Tone


@dataclass(frozen=True, slots=True)
class String:
    """`place`: where it is plucked, 0..0.5 of its length; `slope`: how much darker higher partials are; `ring`:
    seconds to -60 dB of a low partial; `damping`: how much faster high partials die; `stiffness`: inharmonicity;
    `release`: seconds after the key is let go."""

    place: float
    slope: float
    ring: float
    damping: float
    stiffness: float
    release: float


def plucked(tone: Tone, string: String, body: tuple[Band, ...] = (), cents: float = 0.0) -> Samples:
    """One string, (frames,), through the resonances of its body."""
    f0 = tone.frequency * 2 ** (cents / 1200)
    ring = string.ring * (110.0 / max(f0, 30.0)) ** 0.35
    frames = min(tone.held + round(string.release * tone.rate), round(ring * tone.rate))
    partials = partial_series(tone, string, f0, ring)
    sound = oscillators.modes(*partials, frames, tone.rate)
    if body:
        sound = filters.shape(sound, tone.rate, *body)
    sound = envelopes.release(sound, min(tone.held, frames), tone.rate, string.release)
    return envelopes.soften(sound, tone.rate, 0.0012, 0.01)


def partial_series(tone: Tone, string: String, f0: float, ring: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequencies in Hz, amplitudes and decay times of a string's partials, up to 80 of them."""
    n = np.arange(1, int(np.clip(14_000 // f0, 1, 80)) + 1)
    freqs = f0 * n * np.sqrt((1 + string.stiffness * n**2) / (1 + string.stiffness))
    slope = string.slope * (1.35 - 0.5 * tone.velocity)
    place = string.place * tone.rng.uniform(0.94, 1.06)
    amps = np.abs(np.sin(np.pi * n * place)) / np.sin(np.pi * place) / n**slope
    decays = ring / (1 + string.damping * (n - 1) * (0.5 + f0 / 700.0))
    return freqs, 0.5 * amps * np.where(n % 2, 1.0, -1.0), decays
