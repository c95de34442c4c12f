"""Compressor, gate and limiter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dawg_server.audio import arrays, filters, limiter
from dawg_server.audio.devices.base import Device, Held, Setup, Values, gain, mixed, pairs, scaled
from dawg_server.audio.filters import Value
from dawg_server.audio.mixing import dynamics

STEP = 32  # frames per value of level and gain
_FLOOR = 1e-12  # of the mean square: -120 dBFS


class _Steps:
    """Gains that are decided once per `STEP` frames, counted from the first frame of the stream.

    The mean square of a step, both sides together, decides the gain that is reached, in a straight line, at the end of
    the next one. So nothing has to wait for what comes, whatever the blocks are.
    """

    def __init__(self) -> None:
        self._pending: arrays.Samples = np.zeros(0, np.float32)  # squares of the step that is not complete
        self._from = self._to = 1.0
        self._ramp = np.arange(1, STEP + 1) / STEP

    def gains(
        self, heard: arrays.Samples, decide: Callable[[arrays.Doubles, Callable[[Value], Value]], arrays.Doubles]
    ) -> arrays.Doubles:
        """`decide` gets the levels of steps in dBFS, and what tells a parameter's values at these."""
        begun = len(self._pending)
        frames = pairs(heard)
        squares = np.concatenate((self._pending, (frames.real**2 + frames.imag**2) * np.float32(0.5)))
        count = len(squares) // STEP
        powers = squares[: count * STEP].reshape(count, STEP).mean(axis=1, dtype=np.float64)
        self._pending = squares[count * STEP :]
        ends = np.arange(count) * STEP + (STEP - 1 - begun)

        def then(value: Value) -> Value:
            return value[ends] if isinstance(value, np.ndarray) else value

        decided = decide(10 * np.log10(powers + _FLOOR), then) if count else np.zeros(0)
        targets = np.concatenate(((self._from, self._to), decided))
        self._from, self._to = targets[-2:].tolist()
        ramps = targets[:-1, None] + np.diff(targets)[:, None] * self._ramp
        found: arrays.Doubles = ramps.reshape(-1)[begun : begun + len(heard)]
        return found


def _remains(milliseconds: Value, rate: int) -> Value:
    """The share of a distance that is left after a step."""
    left: Value = np.exp(-STEP * 1000 / (np.asarray(milliseconds) * rate))
    return left if isinstance(milliseconds, np.ndarray) else float(left)


class CompressorDevice(Device):
    """Feed-forward, in decibels, with a soft knee and a branching detector (D. Giannoulis, M. Massberg, J. Reiss,
    "Digital dynamic range compressor design", JAES 60, 2012, sections 2 and 3).

    Frames are counted in steps of 32 from the first one. At the end of each step, with p the mean of the squares of its
    32 frames of both sides (of the side chain if there is one, else of the input; above `earHighpass`, a highpass with
    q 0.7071, if that is not 0):

        level = 10 log10(p + 1e-12), over = level - threshold, s = 1 - 1 / ratio
        wanted = 0                                  where over <= -knee / 2
               = s (over + knee / 2)^2 / (2 knee)   in between
               = s over                             where over >= knee / 2
        r = wanted + (r - wanted) exp(-32 / (t rate)), t = attack if wanted > r, else release (in seconds)

    The gain 10^(-r / 20) is reached at the end of the following step, in a straight line. Then `makeup`; `mix` blends
    with the input: `in (1 - mix) + out mix`. Moved parameters count at the last frame of each step.
    """

    listens = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._steps, self._reduction = _Steps(), 0.0
        ear = setup.parameters["earHighpass"]
        self._ear = filters.Cascade([filters.high_pass(setup.rate, ear)], 2) if ear >= 1 else None

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        heard = block if side is None else side
        if self._ear is not None:
            heard = self._ear.process(heard)

        def decide(level: arrays.Doubles, then: Callable[[Value], Value]) -> arrays.Doubles:
            threshold, ratio, knee = (then(values[name]) for name in ("threshold", "ratio", "knee"))
            wanted = dynamics.curve(level, threshold, ratio, knee)
            attack, release = (_remains(then(values[name]), self.rate) for name in ("attack", "release"))
            reduction = dynamics.smoothed(wanted, attack, release, self._reduction)
            self._reduction = float(reduction[-1])
            return np.power(10.0, reduction / -20)

        gains = self._steps.gains(heard, decide) * gain(values["makeup"])
        return mixed(block, scaled(block, gains), values["mix"])


class Gate(Device):
    """Levels in steps of 32 frames, as the compressor hears them (of the side chain, if there is one).

    A step whose level is at least `threshold` opens it; it closes when `hold` has passed since the last step whose
    level was at least `threshold - hysteresis` while it was open. At the end of each step the gain goes towards 1
    (open) or 10^(range / 20): `g = target + (g - target) exp(-32 / (t rate))`, t = attack if it rises, else release.
    It is reached at the end of the following step, in a straight line. It begins open. Moved parameters count at the
    last frame of each step.
    """

    listens = True

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._steps, self._gain, self._open, self._since = _Steps(), 1.0, True, 0

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        gains = self._steps.gains(
            block if side is None else side, lambda level, then: self._decided(level, values, then)
        )
        return scaled(block, gains)

    def _decided(self, level: arrays.Doubles, values: Values, then: Callable[[Value], Value]) -> arrays.Doubles:
        threshold = then(values["threshold"])
        rising, falling = (_remains(then(values[name]), self.rate) for name in ("attack", "release"))
        each: list[Any] = [
            np.broadcast_to(array, len(level)).tolist()
            for array in (
                level >= threshold,
                level >= np.asarray(threshold) - then(values["hysteresis"]),
                np.asarray(then(values["hold"])) * self.rate / 1000 / STEP,
                gain(then(values["range"])),
                rising,
                falling,
            )
        ]
        now, is_open, since, found = self._gain, self._open, self._since, []
        for opens, stays, hold, closed, rise, fall in zip(*each, strict=True):
            is_open = opens or (is_open and (stays or since < hold))
            since = 0 if opens or stays else since + 1
            target = 1.0 if is_open else closed
            now = target + (now - target) * (rise if target > now else fall)
            found.append(now)
        self._gain, self._open, self._since = now, is_open, since
        return np.array(found)


class LimiterDevice(Device):
    """A look-ahead limiter on the true peak (`audio.limiter`; ITU-R BS.1770-5, Annex 2, with eight-fold oversampling).

    After `gain`, in steps of 4 frames: the decibels by which the highest true peak in and around a step exceeds the
    ceiling are held over the look-ahead of 4 ms (a sliding maximum), fall exponentially with `release`, and are
    smoothed by two moving averages of 2 ms in a row; between steps the gain goes in a straight line. Latency: 4 ms and
    some frames. `ceiling` moves by dividing what comes in and multiplying what goes out, at every sample.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._limiter = limiter.Limiter(setup.rate, 2, 0.0, release_ms=setup.parameters["release"], chunk=limiter.STEP)
        self.latency = self._limiter.latency + limiter.STEP - 1
        self._ready = np.zeros((self.latency, 2), np.float32)
        self._ceilings = Held(self.latency) if "ceiling" in setup.moved else None

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        ceiling = gain(values["ceiling"])
        loud = gain(values["gain"]) / ceiling
        self._ready = np.concatenate((self._ready, self._limiter.process(scaled(block, loud))))
        out, self._ready = self._ready[: len(block)], self._ready[len(block) :]
        if self._ceilings is None:
            return scaled(out, ceiling)
        each = np.broadcast_to(ceiling, len(block)).astype(np.float32)
        limited: arrays.Samples = out * self._ceilings.process(np.stack((each, each), axis=1))
        return limited
