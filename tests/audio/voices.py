"""A synthetic singer: harmonics through formants, with glides, vibrato, breath and consonants. Everything known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FORMANTS = ((1.0, 700.0, 120.0), (0.5, 1200.0, 150.0), (0.25, 2600.0, 250.0), (0.1, 3500.0, 400.0))

STRENGTHS_PER_HERTZ = 4  # of a partial, by its frequency


def sing(
    rate: int,
    notes: Sequence[tuple[float, float, float]],
    *,
    vibrato_cents: float = 0.0,
    glide_ms: float = 0.0,
    noise: float = 0.0,
    breath: float = 0.0,
    seed: int = 0,
    tail: float = 0.2,
) -> np.ndarray:
    """Mono, peaking near 0.5. `notes`: (start s, duration s, MIDI pitch, may be fractional), in order and apart or
    touching; `noise` is steady, `breath` sounds along with the notes, both as RMS."""
    count = round(rate * (notes[-1][0] + notes[-1][1] + tail))
    random = np.random.default_rng(seed)
    pitch, loud = np.zeros(count), np.zeros(count)
    previous: float | None = None
    for start, duration, midi in notes:
        first, last = round(start * rate), min(count, round((start + duration) * rate))
        time = np.arange(last - first) / rate
        wanted = np.full(last - first, float(midi))
        if glide_ms and previous is not None:
            wanted += (previous - midi) * np.exp(-time / (glide_ms / 1000))
        fade_in = np.clip((time - 0.1) / 0.1, 0, 1)
        wanted += vibrato_cents / 100 * np.sin(2 * np.pi * 5.5 * time) * fade_in
        pitch[first:last] = wanted
        loud[first:last] = np.minimum(1, np.minimum((time + 1e-4) / 0.03, (time[::-1] + 1e-4) / 0.04))
        previous = midi
    hertz = np.where(pitch > 0, 440 * 2 ** ((pitch - 69) / 12), 0)
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    sound = np.zeros(count)
    highest = min(9000, rate * 0.45)
    axis = np.arange(0, highest, 1 / STRENGTHS_PER_HERTZ)
    table = 0.05 + sum(gain / (1 + ((axis - centre) / width) ** 2) for gain, centre, width in FORMANTS)
    table = np.append(table, 0.0)
    turn = np.exp(1j * phase)
    turned = np.ones(count, complex)
    for harmonic in range(1, 30):
        turned *= turn
        place = np.minimum((harmonic * STRENGTHS_PER_HERTZ * hertz).astype(int), len(axis))
        sound += table[place] / harmonic**0.5 * turned.imag
    sound *= loud * 0.5 / max(1e-9, np.abs(sound).max())
    return sound + breath * loud * random.standard_normal(count) + noise * random.standard_normal(count)
