"""Drum pieces built from their physics: a falling sine for a kick, shell and wires for a snare, metal for cymbals.

Every function takes a `Tone` (for rate, velocity and chance) and the piece's character, and returns float32 samples
with a peak near one.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators
from dawg_server.music.sound.tone import Samples, Tone

SQUARES_808 = (205.3, 304.4, 369.6, 522.7, 540.0, 800.0)  # Hz: the six oscillators of the classic analogue cymbal

FARTHEST_DOWN, FARTHEST_UP = 4.0, 6.5  # semitones by which a kick may move to the tonic


@dataclass(frozen=True, slots=True)
class Kick:
    """`start`..`end`: Hz of the falling body; `fall` and `decay` in seconds; `click`, `drive`, `knock`: amounts."""

    start: float
    end: float
    fall: float
    decay: float
    click: float = 0.3
    drive: float = 1.5
    knock: float = 0.0


@dataclass(frozen=True, slots=True)
class Snare:
    """`tone`: Hz of the shell; `decay`: seconds of the wires; `band`: Hz of their centre; `shell`, `snap`: amounts."""

    tone: float
    decay: float
    band: float
    shell: float = 0.6
    snap: float = 0.5
    drive: float = 1.2
    low: float = 900.0


@dataclass(frozen=True, slots=True)
class Metal:
    """`decay` seconds; `low`: Hz below which nothing sounds; `analogue`: 0 = struck metal, 1 = square oscillators."""

    decay: float
    low: float
    analogue: float = 0.0
    noise: float = 0.5
    scale: float = 1.0


def tuned(character: Kick, tonic: int | None) -> Kick:
    """The kick on the tonic or, where that is too far, on the fifth: its body is a note, and a wrong one is heard in
    every bar."""
    if tonic is None:
        return character
    pitch = 69 + 12 * math.log2(character.end / 440.0)
    to_tonic = (tonic - pitch + FARTHEST_DOWN) % 12 - FARTHEST_DOWN
    shift = to_tonic if to_tonic <= FARTHEST_UP else to_tonic - 5  # the fifth below the tonic
    ratio = 2 ** (shift / 12)
    return dataclasses.replace(character, start=character.start * ratio, end=character.end * ratio)


def kick(tone: Tone, character: Kick) -> Samples:
    rate = tone.rate
    frames = round((character.decay * 1.05 + 0.05) * rate)
    time = tone.time(frames)
    fast = np.exp(-time / (character.fall * 0.22))
    slow = np.exp(-time / character.fall)
    frequency = character.end + (character.start - character.end) * (0.75 * fast + 0.25 * slow)
    phase = np.cumsum(frequency) * (2 * np.pi / rate)
    hold = np.minimum(1.0, np.exp(-(time - 0.03) * 6.9 / character.decay))
    body = np.sin(phase) * hold
    body = np.tanh(body * character.drive) / np.tanh(character.drive)
    if character.knock:
        knock = oscillators.modes(
            [character.end * 1.59, character.end * 2.3, 410.0], [0.5, 0.3, 0.2], [0.16, 0.1, 0.05], frames, rate
        )
        body = body + character.knock * knock
    hard = character.click * (0.4 + 0.6 * tone.velocity)
    beater = np.zeros(frames, np.float32)
    length = round(0.012 * rate)
    beater[:length] = _noise(tone, length) * envelopes.decay(length, rate, 0.011)
    beater = filters.shape(beater, rate, Band("high pass", 1500), Band("low pass", 7000))
    return _peak(envelopes.soften((body + hard * 1.4 * beater).astype(np.float32), rate, 0.0004, 0.02))


def snare(tone: Tone, character: Snare) -> Samples:
    rate = tone.rate
    frames = round((character.decay * 1.1 + 0.06) * rate)
    time = tone.time(frames)
    drop = 1.0 + 0.35 * np.exp(-time / 0.012)
    phase = np.cumsum(character.tone * drop) * (2 * np.pi / rate)
    shell = np.sin(phase) * np.exp(-time / 0.034) + 0.5 * np.sin(phase * 1.83) * np.exp(-time / 0.023)
    wires = _noise(tone, frames) * (0.55 * np.exp(-time * 6.9 / character.decay) + 0.45 * np.exp(-time / 0.022))
    wires = filters.shape(
        wires.astype(np.float32),
        rate,
        Band("high pass", character.low),
        Band("bell", character.band, 7.0, 0.9),
        Band("low pass", min(15_000.0, character.band * 4)),
    )
    crack = filters.shape(
        (_noise(tone, frames) * np.exp(-time / 0.004)).astype(np.float32),
        rate,
        Band("high pass", 2200),
        Band("low pass", 9000),
    )
    mixed = character.shell * shell + wires * (0.55 + 0.25 * tone.velocity) + character.snap * tone.velocity * crack
    driven = np.tanh(mixed * character.drive) / np.tanh(character.drive)
    return _peak(envelopes.soften(driven.astype(np.float32), rate, 0.0003, 0.02))


def clap(tone: Tone, decay: float, band: float) -> Samples:
    """A few hands that do not quite meet, and the room after them."""
    rate = tone.rate
    frames = round((decay + 0.08) * rate)
    time = tone.time(frames)
    envelope = 0.75 * np.exp(-np.maximum(time - 0.031, 0) * 6.9 / decay) * (time >= 0.031)
    for start in (0.0, 0.0105, 0.0205):
        start += float(tone.rng.uniform(0, 0.0015))
        envelope = np.maximum(envelope, np.exp(-np.maximum(time - start, 0) / 0.0032) * (time >= start))
    left, right = (_noise(tone, frames) for _ in range(2))
    both = np.stack([0.8 * left + 0.35 * right, 0.8 * right + 0.35 * left], axis=1) * envelope[:, None]
    both = filters.shape(
        both.astype(np.float32),
        rate,
        Band("high pass", band * 0.6),
        Band("bell", band, 9.0, 1.4),
        Band("low pass", band * 7),
    )
    return _peak(envelopes.soften(both, rate, 0.0005, 0.03))


def rim(tone: Tone, frequency: float = 1650.0) -> Samples:
    rate = tone.rate
    frames = round(0.12 * rate)
    body = oscillators.modes(
        [frequency * 0.28, frequency, frequency * 1.52, frequency * 2.6],
        [0.5, 1, 0.5, 0.25],
        [0.06, 0.07, 0.045, 0.03],
        frames,
        rate,
    )
    click = (_noise(tone, frames) * envelopes.decay(frames, rate, 0.012)).astype(np.float32)
    return _peak(envelopes.soften(body + 0.5 * filters.shape(click, rate, Band("high pass", 1800)), rate))


def metal(tone: Tone, character: Metal, decay_factor: float = 1.0) -> Samples:
    """Hi-hats and cymbals: slightly different left and right, as two microphones would hear them."""
    rate = tone.rate
    decay = character.decay * decay_factor
    frames = round((decay * 0.85 + 0.03) * rate)
    channels = []
    rng = np.random.Generator(np.random.PCG64(round(character.low * character.scale)))  # the same cymbal at every hit
    freqs = np.sort(rng.uniform(character.low * 0.5, 15_500.0, 128))
    for _ in range(2):
        noise = (_noise(tone, frames) * envelopes.decay(frames, rate, decay)).astype(np.float32)
        if character.analogue > 0.5:
            ringing: Samples = _squares(tone, frames, character.scale) * envelopes.decay(frames, rate, decay)
        else:
            gains = tone.rng.uniform(0.3, 1.0, freqs.size) * (freqs / 6000.0) ** 0.15
            spans = decay * tone.rng.uniform(0.6, 1.2, freqs.size) * (5000.0 / freqs) ** 0.3
            ringing = oscillators.modes(
                freqs * character.scale, gains * 0.13, spans, frames, rate, tone.rng.random(freqs.size)
            )
        channels.append(ringing * (1 - character.noise) + 0.8 * noise * character.noise)
    mid = (channels[0] + channels[1]) * 0.5
    both: Samples = np.stack([mid + 0.3 * (channels[0] - mid), mid + 0.3 * (channels[1] - mid)], axis=1)
    strike = (1.0 + 0.9 * tone.velocity * np.exp(-tone.time(frames) / 0.006))[:, None]
    top = Band("low pass", 9_000 + 6_500 * tone.velocity)
    both = filters.shape(
        (both * strike).astype(np.float32),
        rate,
        Band("high pass", character.low),
        Band("high pass", character.low * 0.7),
        top,
    )
    return _peak(envelopes.soften(both, rate, 0.0004, 0.02))


def ride(tone: Tone, character: Metal, bell: float = 0.0) -> Samples:
    """A cymbal with a clear ping of the stick over a quiet wash."""
    wash = metal(tone, character)
    frames = len(wash)
    rng = np.random.Generator(np.random.PCG64(round(character.low)))
    freqs = np.sort(rng.uniform(2300.0, 9500.0, 44)) * character.scale
    spans = rng.uniform(0.12, 0.45, freqs.size) * (4000.0 / freqs) ** 0.5
    ping = oscillators.modes(
        freqs, 0.2 * (3000.0 / freqs) ** 0.4, spans, frames, tone.rate, tone.rng.random(freqs.size)
    )
    if bell:
        chime = np.array([820.0, 1410.0, 2150.0, 3370.0]) * character.scale
        ping = ping + bell * oscillators.modes(chime, [1, 0.9, 0.7, 0.5], [1.1, 0.9, 0.7, 0.5], frames, tone.rate)
    return _peak(envelopes.soften(0.5 * wash + 0.5 * ping[:, None], tone.rate, 0.0004, 0.05))


def tom(tone: Tone, frequency: float, decay: float, electronic: bool = False) -> Samples:
    rate = tone.rate
    frames = round((decay + 0.05) * rate)
    time = tone.time(frames)
    sweep = 1.0 + (0.9 if electronic else 0.3) * np.exp(-time / (0.06 if electronic else 0.03))
    phase = np.cumsum(frequency * sweep) * (2 * np.pi / rate)
    body = np.sin(phase) * np.exp(-time * 6.9 / decay)
    if not electronic:
        body = (
            body
            + 0.35 * np.sin(phase * 1.59) * np.exp(-time * 12 / decay)
            + 0.2 * np.sin(phase * 2.14) * np.exp(-time * 16 / decay)
        )
    stick = filters.shape(
        (_noise(tone, frames) * np.exp(-time / 0.006)).astype(np.float32), rate, Band("band pass", 2600, q=0.7)
    )
    return _peak(envelopes.soften((body + 0.5 * stick * tone.velocity).astype(np.float32), rate, 0.0005, 0.03))


def shaker(tone: Tone, decay: float = 0.09, band: float = 6500.0) -> Samples:
    frames = round((decay + 0.05) * tone.rate)
    time = tone.time(frames)
    envelope = (1 - np.exp(-time / 0.012)) * np.exp(-time * 6.9 / (decay + 0.04))
    grains = _noise(tone, frames) * envelope
    return _peak(
        envelopes.soften(
            filters.shape(
                grains.astype(np.float32), tone.rate, Band("high pass", band * 0.6), Band("bell", band, 6, 1.0)
            ),
            tone.rate,
        )
    )


def brush(tone: Tone, decay: float) -> Samples:
    """Wire brushes on a snare: a soft slap into a sweep."""
    frames = round((decay + 0.05) * tone.rate)
    time = tone.time(frames)
    envelope = 0.7 * np.exp(-time / 0.018) + 0.3 * (1 - np.exp(-time / 0.02)) * np.exp(-time * 5.0 / decay)
    wires = filters.shape(
        (_noise(tone, frames) * envelope).astype(np.float32),
        tone.rate,
        Band("high pass", 700),
        Band("bell", 3200, 5, 0.8),
        Band("low pass", 10_000),
    )
    shell = oscillators.modes([196.0, 334.0], [0.16, 0.08], [0.18, 0.12], frames, tone.rate)
    return _peak(envelopes.soften(wires + shell, tone.rate, 0.0008, 0.03))


def block(tone: Tone, frequency: float, decay: float, partials: tuple[float, ...] = (1.0, 2.57, 4.1)) -> Samples:
    """Wood blocks, claves, cowbells, congas and triangles: a few modes of a small struck body."""
    frames = round((decay + 0.04) * tone.rate)
    count = np.arange(1, len(partials) + 1)
    body = oscillators.modes(frequency * np.asarray(partials), 1.0 / count, decay / count**0.5, frames, tone.rate)
    tick = (_noise(tone, frames) * envelopes.decay(frames, tone.rate, 0.01)).astype(np.float32)
    return _peak(envelopes.soften(body + 0.15 * filters.shape(tick, tone.rate, Band("high pass", 1500)), tone.rate))


def _squares(tone: Tone, frames: int, scale: float) -> Samples:
    freqs, gains = [], []
    for base in SQUARES_808:
        for n in range(1, 60, 2):
            freqs.append(base * n * scale * 1.6)
            gains.append(0.5 / n)
    return oscillators.modes(freqs, gains, np.inf, frames, tone.rate, tone.rng.random(len(freqs)))


def _noise(tone: Tone, frames: int) -> Samples:
    return tone.rng.standard_normal(frames, dtype=np.float32) * np.float32(0.35)


def _peak(samples: Samples) -> Samples:
    return (samples / max(float(np.abs(samples).max(initial=0.0)), 1e-9)).astype(np.float32)
