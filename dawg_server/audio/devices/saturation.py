"""Saturation."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays
from dawg_server.audio.devices.base import Device, Held, Setup, Values, gain, mixed, scaled

_TAPS = 63
_KAISER_BETA = 8.0


def _half_band() -> arrays.Samples:
    """Every second tap of a half-band low pass of 63 taps; of the others only the one in the middle, 0.5, is not 0."""
    distance = np.arange(_TAPS) - _TAPS // 2
    taps = 0.5 * np.sinc(distance / 2) * np.kaiser(_TAPS, _KAISER_BETA)
    even = taps[::2]
    halved: arrays.Samples = (even * (0.5 / even.sum())).astype(np.float32)
    return halved


class Saturation(Device):
    """A waveshaper at twice the sample rate: `u = in 10^(drive / 20)`, bent by the curve

        soft   tanh(u)
        hard   min(1, max(-1, u))
        fold   sin(u)

    and turned down or up by `output`. `mix` blends with the input: `in (1 - mix) + out mix`.

    The rate is doubled and halved by the same half-band low pass of 63 taps: a sinc with its cut at a quarter of the
    doubled rate in a Kaiser window with beta 8, whose taps beside the middle one (0.5) add up to 0.5. Latency: 31
    frames. (In Web Audio a WaveShaperNode with `oversample: "2x"` and the same curve comes close; its filters are the
    browser's own.) Source of the half-band pair: R. Crochiere, L. Rabiner, "Multirate digital signal processing", 1983.
    """

    latency = (_TAPS - 1) // 2

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._taps = _half_band()
        reach = len(self._taps)  # 32
        self._before = np.zeros((reach - 1, 2), np.float32)
        self._between = np.zeros((reach - 1, 2), np.float32)
        self._middle = np.zeros((reach // 2, 2), np.float32)
        self._dry = Held(self.latency)

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        if not len(block):
            return block
        loud = np.concatenate((self._before, scaled(block, gain(values["drive"]))))
        reach, count = len(self._taps), len(block)
        self._before = loud[count:]
        middle = loud[reach // 2 : reach // 2 + count]  # 15 frames late: the odd samples of the doubled rate
        even = np.stack([np.convolve(lane, self._taps * np.float32(2), "valid") for lane in loud.T], axis=1)
        even, odd = (_bent(each, values["curve"]) for each in (even, middle))
        known = np.concatenate((self._between, even))
        self._between = known[count:]
        late = np.concatenate((self._middle, odd))
        self._middle = late[count:]
        wet = np.stack([np.convolve(lane, self._taps, "valid") for lane in known.T], axis=1)
        wet += late[:count] * np.float32(0.5)
        return mixed(self._dry.process(block), scaled(wet, gain(values["output"])), values["mix"])


def _bent(samples: arrays.Samples, curve: str) -> arrays.Samples:
    if curve == "soft":
        return np.tanh(samples)
    if curve == "hard":
        return np.clip(samples, -1.0, 1.0)
    return np.sin(samples)
