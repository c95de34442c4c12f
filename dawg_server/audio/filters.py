"""Recursive filters for long material: exact, in blocks of any size, without a loop over samples.

A cascade of biquads is one linear system `s' = A s + B x`, `y = C s + D x`. Unrolled over 32 samples it becomes two
matrix products per stretch, and the states at the borders of the stretches follow from a parallel prefix scan
(Hillis and Steele, 1986). Nothing is truncated: the result equals the sample-by-sample recursion to about -200 dB.

Designs: Robert Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C note, 2021).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dawg_server.audio import arrays

_STRETCH = 32  # samples unrolled into one matrix product
_PORTION = 2048 * _STRETCH  # samples at a time: what is worked on stays in the processor's cache
_NEGLIGIBLE = 1e-150  # smaller states are set to zero: denormal numbers would make silence slow
_HIGHEST = 0.47  # of the rate
BUTTERWORTH_Q = math.sqrt(0.5)


class Biquad(NamedTuple):
    """One second-order section with `a0 = 1`: `y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y''`.

    Where a design was given arrays (frequencies, gains, Qs at so many moments), these are arrays.
    """

    b0: Any
    b1: Any
    b2: Any
    a1: Any
    a2: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Band:
    """One stage of an equaliser, at any sample rate: one of `KINDS`; Hz, dB (of bell and shelves) and Q."""

    kind: str
    frequency: float
    gain_db: float = 0.0
    q: float = BUTTERWORTH_Q

    def section(self, rate: int) -> Biquad:
        """Frequencies of no use at this rate are held a little below half of it."""
        return design(self.kind, rate, self.frequency, self.gain_db, self.q)


Value = float | arrays.Doubles
"""A number, or one for each of several moments."""


def design(kind: str, rate: int, frequency: Value, gain_db: Value, q: Value) -> Biquad:
    """One of `KINDS`; frequencies of no use at this rate are held a little below half of it."""
    frequency = np.minimum(frequency, _HIGHEST * rate)
    if kind in _WITH_GAIN:
        return _WITH_GAIN[kind](rate, frequency, gain_db, q)
    return _WITHOUT_GAIN[kind](rate, frequency, q)


def peaking(rate: int, frequency: Value, gain_db: Value, q: Value) -> Biquad:
    """A bell of `gain_db` around `frequency` Hz."""
    cosine, alpha = _angles(rate, frequency, q)
    a = 10 ** (gain_db / 40)
    return _normal(1 + alpha * a, -2 * cosine, 1 - alpha * a, 1 + alpha / a, -2 * cosine, 1 - alpha / a)


def low_shelf(rate: int, frequency: Value, gain_db: Value, q: Value = BUTTERWORTH_Q) -> Biquad:
    """`gain_db` below `frequency` Hz, half of it (in dB) at `frequency`."""
    cosine, alpha = _angles(rate, frequency, q)
    a = 10 ** (gain_db / 40)
    slope = 2 * np.sqrt(a) * alpha
    return _normal(
        a * ((a + 1) - (a - 1) * cosine + slope),
        2 * a * ((a - 1) - (a + 1) * cosine),
        a * ((a + 1) - (a - 1) * cosine - slope),
        (a + 1) + (a - 1) * cosine + slope,
        -2 * ((a - 1) + (a + 1) * cosine),
        (a + 1) + (a - 1) * cosine - slope,
    )


def high_shelf(rate: int, frequency: Value, gain_db: Value, q: Value = BUTTERWORTH_Q) -> Biquad:
    """`gain_db` above `frequency` Hz, half of it (in dB) at `frequency`."""
    cosine, alpha = _angles(rate, frequency, q)
    a = 10 ** (gain_db / 40)
    slope = 2 * np.sqrt(a) * alpha
    return _normal(
        a * ((a + 1) + (a - 1) * cosine + slope),
        -2 * a * ((a - 1) + (a + 1) * cosine),
        a * ((a + 1) + (a - 1) * cosine - slope),
        (a + 1) - (a - 1) * cosine + slope,
        2 * ((a - 1) - (a + 1) * cosine),
        (a + 1) - (a - 1) * cosine - slope,
    )


def low_pass(rate: int, frequency: Value, q: Value = BUTTERWORTH_Q) -> Biquad:
    """12 dB per octave above `frequency` Hz."""
    cosine, alpha = _angles(rate, frequency, q)
    return _normal((1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2, 1 + alpha, -2 * cosine, 1 - alpha)


def high_pass(rate: int, frequency: Value, q: Value = BUTTERWORTH_Q) -> Biquad:
    """12 dB per octave below `frequency` Hz."""
    cosine, alpha = _angles(rate, frequency, q)
    return _normal((1 + cosine) / 2, -1 - cosine, (1 + cosine) / 2, 1 + alpha, -2 * cosine, 1 - alpha)


def band_pass(rate: int, frequency: Value, q: Value) -> Biquad:
    """0 dB at `frequency` Hz, 6 dB per octave to both sides."""
    cosine, alpha = _angles(rate, frequency, q)
    return _normal(alpha, 0.0, -alpha, 1 + alpha, -2 * cosine, 1 - alpha)


def notch(rate: int, frequency: Value, q: Value) -> Biquad:
    """Nothing at `frequency` Hz, 0 dB far from it."""
    cosine, alpha = _angles(rate, frequency, q)
    return _normal(1.0, -2 * cosine, 1.0, 1 + alpha, -2 * cosine, 1 - alpha)


def all_pass(rate: int, frequency: Value, q: Value) -> Biquad:
    """0 dB everywhere; the phase is turned by 180 degrees at `frequency` Hz."""
    cosine, alpha = _angles(rate, frequency, q)
    return _normal(1 - alpha, -2 * cosine, 1 + alpha, 1 + alpha, -2 * cosine, 1 - alpha)


_WITH_GAIN = {"bell": peaking, "low shelf": low_shelf, "high shelf": high_shelf}
_WITHOUT_GAIN = {
    "low pass": low_pass,
    "high pass": high_pass,
    "band pass": band_pass,
    "notch": notch,
    "all pass": all_pass,
}
KINDS = (*_WITH_GAIN, *_WITHOUT_GAIN)


class Cascade:
    """Biquads in series over a stream; the state is kept from block to block.

    The output has the type of the input (float32 or float64); inside, everything is float64.
    """

    def __init__(self, sections: Sequence[Biquad], channels: int) -> None:
        """Raises ValueError when there is no section or one is unstable."""
        if not sections:
            raise ValueError("a cascade needs at least one section")
        for section in sections:
            if not (abs(section.a2) < 1 and abs(section.a1) < 1 + section.a2):
                raise ValueError(f"{section} is unstable")
        self._channels = channels
        order = 2 * len(sections)
        step = _system(sections)
        transition, entry, output, through = step[:-1, :-1], step[:-1, -1], step[-1, :-1], step[-1, -1]
        self._powers = np.empty((_STRETCH + 1, order, order))  # transition ** n
        self._powers[0] = np.eye(order)
        for n in range(_STRETCH):
            self._powers[n + 1] = transition @ self._powers[n]
        impulse = np.concatenate(([through], self._powers[: _STRETCH - 1] @ entry @ output))
        lag = np.arange(_STRETCH)[np.newaxis, :] - np.arange(_STRETCH)[:, np.newaxis]
        self._response = np.where(lag >= 0, impulse[np.abs(lag)], 0.0)  # rows: input sample, columns: output sample
        self._ringing = np.ascontiguousarray((output @ self._powers[:_STRETCH]).T)  # (order, _STRETCH)
        self._intake = np.ascontiguousarray((self._powers[:_STRETCH] @ entry)[::-1])  # (_STRETCH, order)
        self._state = np.zeros((channels, order))

    def process(self, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """`block`: `(frames, channels)`, any number of frames; returns the same shape and type."""
        block = arrays.as_frames(block, self._channels)
        filtered = np.empty(block.shape, dtype=block.dtype)
        for start in range(0, len(block), _PORTION):
            part = slice(start, start + _PORTION)
            filtered[part] = self._portion(np.ascontiguousarray(block[part].T, dtype=np.float64)).T
        return filtered

    def _portion(self, lanes: arrays.Doubles) -> arrays.Doubles:
        result = np.empty_like(lanes)
        whole = lanes.shape[1] // _STRETCH * _STRETCH
        if whole:
            self._stretches(lanes[:, :whole], result[:, :whole])
        rest = lanes.shape[1] - whole
        if rest:
            tail = lanes[:, whole:]
            result[:, whole:] = tail @ self._response[:rest, :rest] + self._state @ self._ringing[:, :rest]
            self._state = self._state @ self._powers[rest].T + tail @ self._intake[_STRETCH - rest :]
        self._state[np.abs(self._state) < _NEGLIGIBLE] = 0.0
        return result

    def _stretches(self, lanes: arrays.Doubles, result: arrays.Doubles) -> None:
        shaped = lanes.reshape(self._channels, -1, _STRETCH)
        count = shaped.shape[1]
        states = np.empty((self._channels, count + 1, self._state.shape[1]))
        states[:, 0] = self._state
        states[:, 1:] = shaped @ self._intake
        power, shift = self._powers[_STRETCH], 1
        while shift <= count:
            states[:, shift:] += states[:, :-shift] @ power.T
            power = power @ power
            power[np.abs(power) < _NEGLIGIBLE] = 0.0
            shift *= 2
        states[np.abs(states) < _NEGLIGIBLE] = 0.0
        result[:] = (shaped @ self._response + states[:, :-1] @ self._ringing).reshape(self._channels, -1)
        self._state = states[:, -1].copy()


def _angles(rate: int, frequency: Value, q: Value) -> tuple[Any, Any]:
    if np.min(frequency) <= 0 or np.max(frequency) >= rate / 2 or np.min(q) <= 0:
        raise ValueError(f"frequency has to lie between 0 and {rate / 2} Hz and q above 0, got {frequency} and {q}")
    omega = 2 * math.pi * frequency / rate
    return np.cos(omega), np.sin(omega) / (2 * q)


def _normal(b0: Any, b1: Any, b2: Any, a0: Any, a1: Any, a2: Any) -> Biquad:
    return Biquad(b0 / a0, b1 / a0, b2 / a0, a1 / a0, a2 / a0)


def _system(sections: Sequence[Biquad]) -> arrays.Doubles:
    """One step of the transposed direct form II: maps `(state, input)` to `(next state, output)`."""
    order = 2 * len(sections)
    signal = np.zeros(order + 1)  # the running signal as a combination of (state, input)
    signal[-1] = 1.0
    step = np.zeros((order + 1, order + 1))
    for index, (b0, b1, b2, a1, a2) in enumerate(sections):
        first, second = 2 * index, 2 * index + 1
        output = b0 * signal
        output[first] += 1.0
        step[first] = b1 * signal - a1 * output
        step[first, second] += 1.0
        step[second] = b2 * signal - a2 * output
        signal = output
    step[-1] = signal
    return step
