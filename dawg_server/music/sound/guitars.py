"""Guitars: acoustic, clean, steel, and the strings that go to an amplifier."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, strings
from dawg_server.music.sound.strings import String
from dawg_server.music.sound.tone import Bend, Samples, Tone

WOOD = (
    Band("bell", 102, 4.0, 2.2),
    Band("bell", 205, 3.5, 2.0),
    Band("bell", 410, 2.0, 1.6),
    Band("high shelf", 4500, 2.0, 0.7),
    Band("high pass", 70),
)

PICKED = 0.12  # level of the strings that go to an amplifier: that of recorded ones


def acoustic_guitar(tone: Tone) -> Samples:
    """Six steel strings in a wooden box; two microphones hear slightly different brightness."""
    sound = strings.plucked(tone, String(0.17, 0.95, 5.2, 0.34, 0.00003, 0.16), WOOD)
    nail = _scrape(tone, len(sound), 0.009, 3600) * 0.16
    close = filters.shape(sound, tone.rate, Band("high shelf", 2600, 3.0, 0.7))
    return np.stack([close + nail, 0.92 * sound + 0.6 * nail], axis=1).astype(np.float32)


def clean_guitar(tone: Tone) -> Samples:
    """A bright single coil through a slow chorus."""
    sides = []
    pickup = (Band("high pass", 90), Band("bell", 2700, 5.0, 1.1), Band("low pass", 6000))
    for phase in (0.0, 0.5):
        sound = strings.plucked(tone, String(0.14, 0.8, 4.6, 0.3, 0.00002, 0.12), pickup)
        sides.append(chorus(sound, tone.rate, 0.7, phase))
    return np.stack(sides, axis=1)


def electric_strings(tone: Tone) -> Samples:
    """What the pickup of a solid guitar hears."""
    raw = strings.plucked(tone, String(0.12, 0.75, 9.0, 0.16, 0.00001, 0.1))
    return envelopes.soften(((raw + _scrape(tone, len(raw), 0.006, 2800) * 0.1) * PICKED).astype(np.float32), tone.rate)


def lead_strings(tone: Tone) -> Samples:
    """As `electric_strings`, with a finger's vibrato."""
    still = electric_strings(tone)
    time = tone.time(len(still))
    depth = 0.00045 * np.clip((time - 0.25) / 0.3, 0.0, 1.0)
    return _delayed(still, (0.0006 + depth * 0.4 * np.sin(2 * np.pi * 5.3 * time)) * tone.rate)


def steel_guitar(tone: Tone) -> Samples:
    """A slide guitar: every note is reached from a little below and swells in."""
    scooped = _slid(tone)
    frames = len(scooped)
    time = tone.time(frames)
    swell = 0.45 + 0.55 * np.clip(time / 0.09, 0.0, 1.0)
    out: Samples = (scooped * swell).astype(np.float32)
    return out


def chorus(sound: Samples, rate: int, hertz: float, phase: float) -> Samples:
    """A copy whose delay sways by a millisecond or so, beside the dry sound."""
    turns = np.arange(len(sound)) * (hertz / rate) + phase
    return (0.72 * sound + 0.5 * _delayed(sound, (0.011 + 0.0014 * np.sin(2 * np.pi * turns)) * rate)).astype(
        np.float32
    )


def _slid(tone: Tone) -> Samples:
    from dawg_server.music.sound import oscillators

    frames = tone.held + round(0.22 * tone.rate)
    f0 = tone.frequency
    time = tone.time(frames)
    reached = Tone(
        tone.pitch - 0.7,
        tone.seconds,
        tone.velocity,
        tone.rate,
        tone.beat,
        tone.rng,
        (Bend(0.0, 0.085, -0.7, 0.0), *tone.bends),
    )
    vibrato = 9.0 * np.clip((time - 0.3) / 0.4, 0, 1) * tone.swaying(frames, 5.6)
    n = np.arange(1, int(np.clip(9000 // f0, 1, 40)) + 1)
    waves = oscillators.sweep_table(np.abs(np.sin(np.pi * n * 0.14)) / n**0.85, f0, 0.75)
    row = oscillators.sweep_row(f0 * 2.2 + (1800 + 2600 * tone.velocity) * np.exp(-time / 0.9))
    sound = oscillators.scan(waves, reached.cycles(frames, vibrato), row) * np.exp(-time / 2.4)
    envelope = envelopes.adsr(tone.held, tone.rate, 0.004, 2.0, 0.8, 0.22)
    out: Samples = (sound[: len(envelope)] * envelope[:frames]).astype(np.float32)
    return out


def _delayed(sound: Samples, delay: np.ndarray) -> Samples:
    place = np.clip(np.arange(len(sound)) - delay, 0.0, len(sound) - 1.001)
    whole = place.astype(np.int64)
    blend = (place - whole).astype(np.float32)
    out: Samples = sound[whole] + (sound[np.minimum(whole + 1, len(sound) - 1)] - sound[whole]) * blend
    return out


def _scrape(tone: Tone, frames: int, seconds: float, frequency: float) -> Samples:
    out = np.zeros(frames, np.float32)
    length = min(frames, round(seconds * tone.rate))
    out[:length] = tone.rng.standard_normal(length) * np.linspace(1, 0, length) ** 2 * tone.velocity
    return filters.shape(out, tone.rate, Band("band pass", frequency, q=0.8))
