"""Flute and saxophone: a blown column, the breath in it, and formants that do not move with the pitch."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators
from dawg_server.music.sound.tone import Samples, Tone


def flute(tone: Tone) -> Samples:
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.12 * rate)
    time = tone.time(frames)
    partials = np.array([1.0, 0.32 + 0.3 * tone.velocity, 0.14 + 0.14 * tone.velocity, 0.05, 0.03, 0.015])
    waves = oscillators.sweep_table(partials, f, 0.72)
    grown = np.clip((time - 0.2) / 0.4, 0, 1)
    sway = 7.0 * grown * tone.swaying(frames, 5.0) - 25.0 * np.exp(-time / 0.02)
    row = oscillators.sweep_row(f * (1.6 + 2.4 * tone.velocity * (1 - np.exp(-time / 0.06))))
    air = filters.shape(
        tone.rng.standard_normal(frames, dtype=np.float32),
        rate,
        Band("band pass", min(2.2 * f, 9000), q=1.2),
        Band("high pass", 500),
    )
    chiff = 0.05 + 0.22 * np.exp(-time / 0.03)
    sound = oscillators.scan(waves, tone.cycles(frames, sway), row) * (
        1 + 0.07 * grown * tone.swaying(frames, 5.0, 0.1)
    )
    envelope = envelopes.adsr(tone.held, rate, min(0.05, 0.3 * tone.seconds), 0.5, 0.9, 0.12)[:frames]
    out: Samples = ((0.8 * sound + air * chiff * 0.35) * envelope).astype(np.float32)
    return out


def saxophone(tone: Tone) -> Samples:
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.11 * rate)
    time = tone.time(frames)
    n = np.arange(1, int(np.clip(9000 // f, 1, 48)) + 1)
    x = f * n
    partials = (
        0.2
        + 1.0 / (1 + ((x - 620) / 330) ** 2)
        + 0.6 / (1 + ((x - 1450) / 420) ** 2)
        + 0.25 / (1 + ((x - 2700) / 700) ** 2)
    ) / n**0.55
    waves = oscillators.sweep_table(partials, f, 0.72)
    sway = 9.0 * np.clip((time - 0.28) / 0.4, 0, 1) * tone.swaying(frames, 5.1) - 55.0 * np.exp(-time / 0.025)
    row = oscillators.sweep_row(f * 1.5 + (900 + 3600 * tone.velocity) * (1 - 0.75 * np.exp(-time / 0.07)))
    reed = oscillators.scan(waves, tone.cycles(frames, sway), row)
    breath = filters.shape(tone.rng.standard_normal(frames, dtype=np.float32), rate, Band("band pass", 3000, q=0.6)) * (
        0.03 + 0.1 * np.exp(-time / 0.03)
    )
    envelope = envelopes.adsr(tone.held, rate, min(0.035, 0.3 * tone.seconds), 0.6, 0.85, 0.11)[:frames]
    out: Samples = (np.tanh(0.9 * reed + breath) * envelope * 0.7).astype(np.float32)
    return out
