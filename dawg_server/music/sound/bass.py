"""Bass voices. All are mono where it matters: what moves is the timbre, never the phase of the lows."""

from __future__ import annotations

import numpy as np

from dawg_server.audio.filters import Band
from dawg_server.music.sound import envelopes, filters, oscillators, strings
from dawg_server.music.sound.tone import Samples, Tone


def bass_808(tone: Tone) -> Samples:
    """A long sine with a punch of pitch at its start and enough drive to be heard on small speakers."""
    frames = tone.held + round(0.09 * tone.rate)
    time = tone.time(frames)
    cycles = tone.cycles(frames, 1200.0 * 0.9 * np.exp(-time / 0.011))
    body = np.sin(2 * np.pi * (cycles % 1.0)) * np.exp(-time / 1.9)
    drive = 1.5 + 1.1 * tone.velocity
    driven = 0.75 * np.tanh(drive * body) + 0.25 * np.tanh(2.2 * drive * body + 0.35) * np.exp(-time / 0.5)
    sound = filters.shape(driven.astype(np.float32), tone.rate, Band("low pass", 2600), Band("high pass", 24))
    envelope = envelopes.adsr(tone.held, tone.rate, 0.002, 0.5, 0.85, 0.09)
    return _fit(sound, envelope)


def sub_bass(tone: Tone) -> Samples:
    frames = tone.held + round(0.08 * tone.rate)
    cycles = tone.cycles(frames)
    wave = oscillators.table(np.array([[1.0, 0.16 + 0.1 * tone.velocity, 0.1, 0.03, 0.02]]))
    return _fit(oscillators.scan(wave, cycles), envelopes.adsr(tone.held, tone.rate, 0.008, 0.8, 0.8, 0.08))


def log_drum(tone: Tone) -> Samples:
    """A struck log: a hollow knock with odd partials on a sine that falls into its pitch and rings on."""
    frames = tone.held + round(0.12 * tone.rate)
    time = tone.time(frames)
    cycles = tone.cycles(frames, 700.0 * np.exp(-time / 0.016))
    body = np.sin(2 * np.pi * (cycles % 1.0)) * np.exp(-time / 0.75)
    knock = np.sin(2 * np.pi * ((3.0 * cycles) % 1.0)) * np.exp(-time / 0.07)
    hollow = np.sin(2 * np.pi * ((5.02 * cycles) % 1.0)) * np.exp(-time / 0.035)
    driven = np.tanh((1.3 + 0.9 * tone.velocity) * (body + (0.25 + 0.4 * tone.velocity) * knock + 0.22 * hollow))
    sound = filters.shape(driven.astype(np.float32), tone.rate, Band("low pass", 3800), Band("high pass", 28))
    return _fit(sound, envelopes.adsr(tone.held, tone.rate, 0.002, 0.6, 0.8, 0.12))


def finger_bass(tone: Tone) -> Samples:
    return strings.plucked(
        tone,
        strings.String(0.21, 1.1, 5.5, 0.55, 0.00004, 0.09),
        (Band("bell", 90, 3, 0.8), Band("bell", 750, 2.5, 1.0), Band("low pass", 3200)),
    )


def picked_bass(tone: Tone) -> Samples:
    sound = strings.plucked(
        tone, strings.String(0.13, 0.85, 5.0, 0.5, 0.00005, 0.07), (Band("bell", 1400, 5, 0.9), Band("low pass", 5200))
    )
    return filters.shape(np.tanh(1.6 * sound) * np.float32(0.8), tone.rate, Band("high pass", 28))


def upright_bass(tone: Tone) -> Samples:
    """Gut on wood: the highs go at once, the body answers, and the finger is heard."""
    string = strings.String(0.28, 1.35, 2.6, 0.85, 0.00006, 0.12)
    body = (Band("bell", 105, 4, 1.6), Band("bell", 220, 3, 1.4), Band("bell", 620, 2, 1.2), Band("low pass", 2300))
    sound = strings.plucked(tone, string, body)
    length = min(len(sound), round(0.035 * tone.rate))
    thump = (tone.rng.standard_normal(length) * np.linspace(1, 0, length) ** 3 * 0.22 * tone.velocity).astype(
        np.float32
    )
    sound[:length] += filters.shape(thump, tone.rate, Band("band pass", 320, q=0.8))
    return sound


def reese_bass(tone: Tone) -> Samples:
    """Detuned saws that beat against each other over a steady sub."""
    rate = tone.rate
    frames = tone.held + round(0.1 * rate)
    f = tone.frequency
    waves = oscillators.sweep_table(oscillators.harmonics("saw", f, rate), f)
    time = tone.time(frames)
    row = oscillators.sweep_row(
        (260 + 900 * tone.velocity) * (1.0 + 0.5 * np.sin(2 * np.pi * time / (tone.beat * 8) + 1.0)) + f
    )
    channels = []
    for cents in ((-13.0, 4.0, 11.0), (-10.0, -3.0, 14.0)):
        voices = [oscillators.scan(waves, tone.cycles(frames, c) + tone.rng.random(), row) for c in cents]
        channels.append(sum(voices[1:], voices[0]))
    upper = filters.shape(np.tanh(0.9 * np.stack(channels, axis=1)), rate, Band("high pass", 110))
    sub = oscillators.scan(oscillators.table(np.array([[1.0, 0.2]])), tone.cycles(frames))
    return _fit(
        (0.5 * upper + 0.8 * sub[:, None]).astype(np.float32), envelopes.adsr(tone.held, rate, 0.006, 1.0, 0.9, 0.1)
    )


def synth_bass(tone: Tone) -> Samples:
    rate = tone.rate
    frames = tone.held + round(0.08 * rate)
    time = tone.time(frames)
    f = tone.frequency
    waves = oscillators.sweep_table(
        oscillators.harmonics("saw", f, rate) + 0.5 * oscillators.harmonics("square", f, rate), f, 1.3
    )
    row = oscillators.sweep_row(f * 1.6 + (700 + 2600 * tone.velocity) * np.exp(-time / 0.11))
    sound = oscillators.scan(waves, tone.cycles(frames), row)
    sub = oscillators.scan(oscillators.table(np.ones((1, 1))), tone.cycles(frames))
    return _fit(np.tanh(0.8 * sound + 0.55 * sub), envelopes.adsr(tone.held, rate, 0.003, 0.4, 0.75, 0.08))


def house_bass(tone: Tone) -> Samples:
    """A short, round, slightly hollow bass with an organ's second and third harmonic."""
    rate = tone.rate
    frames = tone.held + round(0.06 * rate)
    time = tone.time(frames)
    f = tone.frequency
    partials = np.array([1.0, 0.55, 0.34, 0.1, 0.16, 0.05, 0.09, 0.03, 0.05])
    waves = oscillators.sweep_table(partials, f, 1.0)
    row = oscillators.sweep_row(f * 1.9 + (500 + 1500 * tone.velocity) * np.exp(-time / 0.07))
    sound = np.tanh(1.25 * oscillators.scan(waves, tone.cycles(frames), row))
    return _fit(sound, envelopes.adsr(tone.held, rate, 0.003, 0.35, 0.55, 0.06))


def wobble_bass(tone: Tone) -> Samples:
    """A filter that opens and closes in time with the music: triplets for hard hits, eighths otherwise."""
    rate = tone.rate
    frames = tone.held + round(0.06 * rate)
    f = tone.frequency
    time = tone.time(frames)
    speed = (3.0 if tone.velocity > 0.85 else 2.0) / tone.beat
    lfo = (0.5 - 0.5 * np.cos(2 * np.pi * time * speed)) ** 1.4
    amplitudes = oscillators.harmonics("saw", f, rate) + 0.7 * oscillators.harmonics("square", f, rate)
    waves = oscillators.sweep_table(amplitudes, f, 2.4)
    row = oscillators.sweep_row(110.0 * 2.0 ** (lfo * (3.4 + 1.6 * tone.velocity)))
    channels = [
        sum(oscillators.scan(waves, tone.cycles(frames, c) + p, row) for c, p in pairs)
        for pairs in (((-6.0, 0.0), (5.0, 0.37)), ((-6.0, 0.61), (5.0, 0.37)))
    ]
    growl = np.tanh(1.7 * np.stack(channels, axis=1)) * (0.55 + 0.45 * lfo)[:, None]
    growl = filters.shape(
        growl.astype(np.float32), rate, Band("high pass", 95), Band("bell", 900, 3.5, 0.9), Band("low pass", 7500)
    )
    sub = oscillators.scan(oscillators.table(np.array([[1.0, 0.12]])), tone.cycles(frames))
    return _fit(
        (0.5 * growl + 0.75 * sub[:, None]).astype(np.float32), envelopes.adsr(tone.held, rate, 0.005, 1.0, 0.95, 0.06)
    )


def _fit(sound: Samples, envelope: Samples) -> Samples:
    frames = min(len(sound), len(envelope))
    shaped = sound[:frames] * (envelope[:frames] if sound.ndim == 1 else envelope[:frames, None])
    return shaped.astype(np.float32)
