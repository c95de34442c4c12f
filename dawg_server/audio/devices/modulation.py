"""Chorus, flanger and phaser: copies of the sound that are moved by an oscillator."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.devices.base import Device, Line, Setup, Values, between, mixed, pairs, sides
from dawg_server.audio.devices.recursion import Poles, VaryingBiquad
from dawg_server.audio.filters import Value


class _Oscillator:
    """A phase in turns, which begins at 0 with the stream."""

    def __init__(self, rate: int) -> None:
        self._rate, self._phase = rate, 0.0

    def turns(self, frames: int, frequency: Value) -> arrays.Doubles:
        steps = np.broadcast_to(np.asarray(frequency) / self._rate, frames)
        passed = np.cumsum(steps) - steps + self._phase
        self._phase = float((passed[-1] + steps[-1]) % 1.0) if frames else self._phase
        return passed


class Chorus(Device):
    """Each side and a copy of it that comes d seconds later; p is the phase of the oscillator, `rate` turns a second.

        left   d = (delay + depth sin(2 pi p)) / 1000
        right  d = (delay + depth cos(2 pi p)) / 1000

    Read in straight lines between samples, as a DelayNode is. `mix` blends: `in (1 - mix) + copy mix`.
    J. Dattorro, "Effect design, part 2", JAES 45 (1997).
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._line, self._oscillator = Line(round(0.05 * setup.rate)), _Oscillator(setup.rate)

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        line, begin = self._line.open(len(block)), self._line.begin
        line[begin:] = block
        turns = 2 * np.pi * self._oscillator.turns(len(block), values["rate"])
        here, wet = np.arange(begin, begin + len(block)), np.empty_like(block)
        for lane, wave in enumerate((np.sin(turns), np.cos(turns))):
            late = (values["delay"] + values["depth"] * wave) * (self.rate / 1000)
            wet[:, lane] = between(line[:, lane], here - late)
        return mixed(block, wet, values["mix"])


class Flanger(Device):
    """A short delay line with feedback, both sides alike; p is the phase of the oscillator, `rate` turns a second.

        d = (delay + depth (1 - cos(2 pi p)) / 2) / 1000
        wet[t] = line[t - d],  line[t] = in[t] + feedback wet[t]

    Read in straight lines between samples. `mix` blends: `in (1 - mix) + wet mix`. A DelayNode within a loop cannot be
    shorter than 128 frames, so in a page this takes an AudioWorklet. J. Dattorro, "Effect design, part 2", JAES 45
    (1997).
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._line, self._oscillator = Line(round(0.025 * setup.rate)), _Oscillator(setup.rate)

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        frames = len(block)
        line, begin = self._line.open(frames), self._line.begin
        turns = 2 * np.pi * self._oscillator.turns(frames, values["rate"])
        late = (values["delay"] + values["depth"] * (0.5 - 0.5 * np.cos(turns))) * (self.rate / 1000)
        positions = np.arange(begin, begin + frames) - late
        whole = positions.astype(np.intp)
        upper = (positions - whole).astype(np.float32)
        lower = 1 - upper
        following = whole + 1
        feedback = np.broadcast_to(np.asarray(values["feedback"], np.float32), frames)
        kept, fresh, wet = pairs(line), pairs(block), np.empty(frames, np.complex64)
        count = max(1, int(late.min()) - 1) if frames else 1
        for first in range(0, frames, count):
            part = slice(first, first + count)
            heard = kept.take(whole[part])
            heard *= lower[part]
            other = kept.take(following[part])
            other *= upper[part]
            heard += other
            wet[part] = heard
            heard *= feedback[part]
            heard += fresh[part]
            kept[begin + first : begin + first + len(heard)] = heard
        return mixed(block, sides(wet), values["mix"])


class Phaser(Device):
    """All-pass filters in series, both sides alike, whose sum with the input has a notch for each of them.

    Each is a BiquadFilterNode of the type allpass with `q` as Q, at `frequency 2^(depth sin(2 pi p))` Hz (its `detune`
    is `1200 depth sin(2 pi p)` cents), held below 0.47 of the sample rate; p is the phase of the oscillator,
    `rate` turns a second. It moves at every sample. `mix` blends: `in (1 - mix) + wet mix`.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._oscillator = _Oscillator(setup.rate)
        self._filters = [VaryingBiquad("all pass", setup.rate) for _ in range(int(setup.parameters["stages"]))]

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        turns = 2 * np.pi * self._oscillator.turns(len(block), values["rate"])
        if not len(block):
            return block
        now = filters.design(
            "all pass", self.rate, values["frequency"] * np.exp2(values["depth"] * np.sin(turns)), 0.0, values["q"]
        )
        wet, poles = block, Poles(now.a1, now.a2, len(block))
        for each in self._filters:
            wet = each.through(wet, now, poles)
        return mixed(block, wet, values["mix"])
