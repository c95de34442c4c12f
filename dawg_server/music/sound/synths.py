"""Synthesizers and ensembles: pads, plucks, supersaws, leads, strings, choir."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators
from dawg_server.music.sound.tone import Samples, Signal, Tone

WIDE = (-1.0, -0.62, -0.27, 0.0, 0.24, 0.66, 1.0)  # where seven saws stand between narrowest and widest detuning


def pad(tone: Tone) -> Samples:
    """Slow, wide and soft; the filter breathes once in four bars."""
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.9 * rate)
    time = tone.time(frames)
    waves = oscillators.sweep_table(oscillators.harmonics("saw", f, rate), f, 0.75)
    cutoff = 420 + f * 1.4 + (500 + 900 * tone.velocity) * (0.55 - 0.45 * np.cos(2 * np.pi * time / (16 * tone.beat)))
    both = _ensemble(tone, waves, oscillators.sweep_row(cutoff), frames, (-7.5, 0.5, 8.0))
    return _shaped(both, envelopes.adsr(tone.held, rate, min(0.28, 0.3 * tone.seconds), 1.0, 0.9, 0.9)) * np.float32(
        0.5
    )


def pluck(tone: Tone) -> Samples:
    rate, f = tone.rate, tone.frequency
    frames = round((min(tone.seconds, 0.9) + 0.4) * rate)
    time = tone.time(frames)
    waves = oscillators.sweep_table(
        oscillators.harmonics("saw", f, rate) + 0.4 * oscillators.harmonics("square", f, rate), f, 1.1
    )
    row = oscillators.sweep_row(f * 1.2 + (1600 + 5200 * tone.velocity) * np.exp(-time / 0.075))
    both = _ensemble(tone, waves, row, frames, (-7.0, 0.0, 7.0))
    fall = np.exp(-time / 0.26)[:, None].astype(np.float32)
    return envelopes.soften(both * fall, rate, 0.0015, 0.05) * np.float32(0.6)


def supersaw(tone: Tone) -> Samples:
    """Seven detuned saws, spread over the whole width, with an edge that softens while they last."""
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.28 * rate)
    time = tone.time(frames)
    waves = oscillators.sweep_table(oscillators.harmonics("saw", f, rate), f, 0.72)
    row = oscillators.sweep_row(1500 + f * 2 + (2500 + 5500 * tone.velocity) * (0.4 + 0.6 * np.exp(-time / 0.6)))
    both = _ensemble(tone, waves, row, frames, tuple(14.0 * place for place in WIDE))
    both = filters.shape(both, rate, Band("high pass", max(90.0, 0.6 * f)))
    return _shaped(both, envelopes.adsr(tone.held, rate, 0.006, 0.7, 0.78, 0.28)) * np.float32(0.42)


def house_stab(tone: Tone) -> Samples:
    """The short minor-chord stab of a sampled organ and saws, closing fast."""
    rate, f = tone.rate, tone.frequency
    frames = round((min(tone.seconds, 0.35) + 0.3) * rate)
    time = tone.time(frames)
    waves = oscillators.sweep_table(
        oscillators.harmonics("saw", f, rate) + 0.8 * oscillators.harmonics("square", f, rate), f, 1.3
    )
    row = oscillators.sweep_row(f * 1.5 + (900 + 3200 * tone.velocity) * np.exp(-time / 0.12))
    both = _ensemble(tone, waves, row, frames, (-4.0, 0.0, 4.0))
    fall = np.exp(-time / 0.16)[:, None].astype(np.float32)
    return envelopes.soften(both * fall, rate, 0.001, 0.04) * np.float32(0.55)


def strings(tone: Tone) -> Samples:
    """A small string section: slow bows, everyone with a vibrato of their own."""
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.4 * rate)
    time = tone.time(frames)
    n = np.arange(1, int(np.clip(11_000 // f, 1, 90)) + 1)
    partials = (
        _formants(f * n, ((300, 180, 0.5), (700, 350, 0.7), (1600, 900, 0.5), (3100, 1300, 0.35)), 0.25) / n**0.85
    )
    waves = oscillators.sweep_table(partials, f, 0.71)
    row = oscillators.sweep_row(f * 2 + (1500 + 3200 * tone.velocity) * (1 - 0.6 * np.exp(-time / 0.25)))
    sides = []
    for _ in range(2):
        players = []
        for cents in (-5.0, 0.5, 5.5):
            speed, start = tone.rng.uniform(4.6, 5.9), tone.rng.random()
            sway = cents + 4.0 * np.clip(time / 0.5, 0, 1) * tone.swaying(frames, speed, start)
            players.append(oscillators.scan(waves, tone.cycles(frames, sway) + tone.rng.random(), row))
        sides.append(players[0] + players[1] + players[2])
    attack = min(0.14 - 0.08 * tone.velocity, 0.4 * tone.seconds)
    return _shaped(np.stack(sides, axis=1), envelopes.adsr(tone.held, rate, attack, 1.0, 0.92, 0.4)) * np.float32(0.5)


def choir(tone: Tone) -> Samples:
    """Voices on "ah": the vowel's formants stay where they are, whatever is sung."""
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.5 * rate)
    time = tone.time(frames)
    n = np.arange(1, int(np.clip(7000 // f, 1, 70)) + 1)
    partials = (
        _formants(f * n, ((720, 130, 1.0), (1180, 170, 0.65), (2650, 260, 0.22), (3400, 400, 0.12)), 0.05) / n**0.35
    )
    waves = oscillators.table(partials[None, :] / np.sqrt((partials**2).sum()))
    sides = []
    for _ in range(2):
        singers = []
        for cents in (-7.0, 1.0, 6.0):
            speed, start = tone.rng.uniform(4.8, 5.8), tone.rng.random()
            sway = cents + 8.0 * np.clip(time / 0.6, 0, 1) * tone.swaying(frames, speed, start)
            singers.append(oscillators.scan(waves, tone.cycles(frames, sway) + tone.rng.random()))
        sides.append(singers[0] + singers[1] + singers[2])
    breath = filters.shape(
        tone.rng.standard_normal((frames, 2), dtype=np.float32) * np.float32(0.012),
        rate,
        Band("band pass", 2600, q=0.7),
    )
    attack = min(0.16, 0.35 * tone.seconds)
    return _shaped(
        np.stack(sides, axis=1) * np.float32(0.45) + breath, envelopes.adsr(tone.held, rate, attack, 1.0, 0.92, 0.5)
    )


def lead_synth(tone: Tone) -> Samples:
    """A saw lead with a late vibrato and a little glide up into every note."""
    return _lead(tone, "saw", (-5.0, 5.0), 2600.0, 7.0)


def square_lead(tone: Tone) -> Samples:
    return _lead(tone, "square", (-3.0, 3.0), 3400.0, 5.0)


def _lead(tone: Tone, wave: str, cents: tuple[float, ...], bright: float, vibrato: float) -> Samples:
    rate, f = tone.rate, tone.frequency
    frames = tone.held + round(0.16 * rate)
    time = tone.time(frames)
    sway = vibrato * np.clip((time - 0.22) / 0.25, 0, 1) * tone.swaying(frames, 5.4) - 40.0 * np.exp(-time / 0.012)
    waves = oscillators.sweep_table(oscillators.harmonics(wave, f, rate), f, 1.0)
    row = oscillators.sweep_row(f * 1.8 + bright * (0.35 + 0.9 * tone.velocity) * (0.5 + 0.5 * np.exp(-time / 0.35)))
    both = _ensemble(tone, waves, row, frames, cents, sway)
    return _shaped(both, envelopes.adsr(tone.held, rate, 0.005, 0.5, 0.8, 0.16)) * np.float32(0.6)


def _ensemble(
    tone: Tone, waves: Samples, row: Signal, frames: int, cents: tuple[float, ...], sway: Signal | float = 0.0
) -> Samples:
    """Detuned copies, each at its own place between left and right, at the power of one copy."""
    left = np.zeros(frames, np.float32)
    right = np.zeros(frames, np.float32)
    places = np.linspace(-0.85, 0.85, len(cents))[tone.rng.permutation(len(cents))]
    for detune, place in zip(cents, places, strict=True):
        copy = oscillators.scan(waves, tone.cycles(frames, detune + sway) + tone.rng.random(), row)
        left += copy * np.float32(np.cos((place + 1) * np.pi / 4))
        right += copy * np.float32(np.sin((place + 1) * np.pi / 4))
    return np.stack([left, right], axis=1) * np.float32((2.0 / len(cents)) ** 0.5)


def _formants(freqs: Signal, peaks: tuple[tuple[float, float, float], ...], floor: float) -> Signal:
    return floor + sum(
        (gain / (1 + ((freqs - centre) / width) ** 2) for centre, width, gain in peaks), np.zeros_like(freqs)
    )


def _shaped(both: Samples, envelope: Samples) -> Samples:
    frames = min(len(both), len(envelope))
    return both[:frames] * envelope[:frames, None]
