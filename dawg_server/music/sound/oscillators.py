"""Where sound begins: sums of decaying partials, and band-limited wavetables that can be swept.

Both are free of aliasing by construction, because no partial above the Nyquist frequency is ever made.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dawg_server.music.sound.tone import Samples, Signal

TABLE = 4096  # points a turn
MAX_HARMONICS = 256  # 16 points for the shortest cycle, so that linear interpolation stays clean
SWEEP_ROWS = 20
SWEEP_LOW, SWEEP_HIGH = 50.0, 18_000.0  # Hz
MODES_AT_ONCE = 64
UNTHREADED = (
    262_144  # multiplications up to which OpenBLAS keeps to one thread; more would spin on all cores for nothing
)
TOP = 0.45  # of the sample rate: the highest partial


def modes(
    frequencies: ArrayLike, amplitudes: ArrayLike, decays: ArrayLike, frames: int, rate: int, phases: ArrayLike = 0.0
) -> Samples:
    """Sum of exponentially decaying sines.

    `frequencies` in Hz, `decays` in seconds to -60 dB (inf = steady), `phases` in turns. Time is split into coarse and
    fine steps, which turns the whole sum into one small matrix product: exp(a(s+t)) = exp(as)·exp(at).
    """
    freqs, amps, t60, turns = np.broadcast_arrays(
        *(np.asarray(x, float) for x in (frequencies, amplitudes, decays, phases))
    )
    heard = (freqs > 0) & (freqs < TOP * rate) & (amps != 0)
    freqs, amps, t60, turns = freqs[heard], amps[heard], t60[heard], turns[heard]
    if frames <= 0 or not freqs.size:
        return np.zeros(max(frames, 0), np.float32)
    fine = max(1, math.isqrt(frames))
    rows = max(1, UNTHREADED // (2 * MODES_AT_ONCE * fine))
    stacks = -(-frames // (fine * rows))
    out = np.zeros((stacks, rows, fine), np.float32)
    left_time = np.arange(stacks * rows)[:, None] * (fine / rate)
    right_time = np.arange(fine)[None, :] / rate
    for first in range(0, freqs.size, MODES_AT_ONCE):
        some = slice(first, first + MODES_AT_ONCE)
        rates = np.log(1000.0) / t60[some]
        left = _turn(left_time * freqs[some] + turns[some])
        right = _turn(freqs[some, None] * right_time)
        left_size = (amps[some] * np.exp(-left_time * rates)).astype(np.float32)
        right_size = np.exp(-rates[:, None] * right_time).astype(np.float32)
        spread = np.concatenate([left_size * np.sin(left), left_size * np.cos(left)], axis=1)
        carry = np.concatenate([right_size * np.cos(right), right_size * np.sin(right)], axis=0)
        out += spread.reshape(stacks, rows, -1) @ carry
    return out.reshape(-1)[:frames]


def _turn(cycles: Signal) -> Samples:
    return ((cycles - np.floor(cycles)) * (2 * np.pi)).astype(np.float32)


def harmonics(shape: str, frequency: float, rate: int) -> Signal:
    """Amplitudes of the partials 1, 2, … of a saw, square, triangle or sine, as far as they fit below Nyquist."""
    count = int(np.clip(TOP * rate // frequency, 1, MAX_HARMONICS))
    n = np.arange(1, count + 1)
    if shape == "saw":
        return 0.6 / n
    if shape == "square":
        return np.where(n % 2 == 1, 1.0 / n, 0.0)
    if shape == "triangle":
        return np.where(n % 2 == 1, 1.0 / n**2, 0.0)
    return np.where(n == 1, 1.0, 0.0)


def table(rows: Signal) -> Samples:
    """One turn of every row of harmonic amplitudes (rows, harmonics), with a guard point at the end."""
    spectrum = np.zeros((rows.shape[0], TABLE // 2 + 1), np.complex64)
    spectrum[:, 1 : rows.shape[1] + 1] = rows * (-0.5j * TABLE)
    turns = np.fft.irfft(spectrum, TABLE, axis=1)
    return np.concatenate([turns, turns[:, :1]], axis=1).astype(np.float32)


def sweep_table(amplitudes: Signal, frequency: float, resonance: float = 0.9) -> Samples:
    """The wave behind a four-pole low-pass at `SWEEP_ROWS` cutoffs: a filter that may move freely in `scan`."""
    cutoffs = SWEEP_LOW * (SWEEP_HIGH / SWEEP_LOW) ** (np.arange(SWEEP_ROWS) / (SWEEP_ROWS - 1))
    x = frequency * np.arange(1, amplitudes.size + 1)[None, :] / cutoffs[:, None]
    response = 1.0 / np.sqrt((1 - x**2) ** 2 + (x / resonance) ** 2) / np.sqrt(1 + x**4)
    return table(amplitudes * response)


def sweep_row(cutoff: Signal | float) -> Signal:
    """The row of a sweep table at a cutoff in Hz."""
    position = np.log(np.maximum(cutoff, 1.0) / SWEEP_LOW) / np.log(SWEEP_HIGH / SWEEP_LOW) * (SWEEP_ROWS - 1)
    out: Signal = np.clip(position, 0.0, SWEEP_ROWS - 1.001)
    return out


def scan(tables: Samples, cycles: Signal, row: Signal | None = None) -> Samples:
    """Reads a wavetable at a phase in turns and, when it has rows, at a moving row."""
    place = cycles * TABLE
    column = np.floor(place).astype(np.int32)
    between = (place - column).astype(np.float32)
    column &= TABLE - 1
    flat = tables.ravel()
    if row is None:
        return _interpolated(flat, column, between)
    row = row.astype(np.float32)
    whole = row.astype(np.int32)
    blend = row - whole.astype(np.float32)
    index = whole * np.int32(tables.shape[1]) + column
    low = _interpolated(flat, index, between)
    index += tables.shape[1]
    high = _interpolated(flat, index, between)
    sound: Samples = low + (high - low) * blend
    return sound


def _interpolated(flat: Samples, index: NDArray[np.int32], between: Samples) -> Samples:
    low: Samples = flat.take(index, mode="clip")
    high = flat.take(index + 1, mode="clip")
    high -= low
    high *= between
    low += high
    return low
