"""What works on the two sides: width, gain, polarity."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.devices.base import Device, Setup, Values, gain, scaled


class StereoWidth(Device):
    """`m = (l + r) / 2`, `s = width (l - r) / 2`, out `l = m + s`, `r = m - s` (A. Blumlein, GB 394325, 1931)."""

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        middle = (block[:, 0] + block[:, 1]) * np.float32(0.5)
        width = values["width"]
        half = np.float32(0.5) * (width.astype(np.float32) if isinstance(width, np.ndarray) else np.float32(width))
        sides = (block[:, 0] - block[:, 1]) * half
        return np.stack((middle + sides, middle - sides), axis=1)


class Utility(Device):
    """Polarity first, then `mono` (both sides get `(l + r) / 2`), then `monoBelow`, then `gain`.

    `monoBelow`: of `m = (l + r) / 2` and `s = (l - r) / 2`, s goes through a highpass with q 0.7071 at that frequency
    (BiquadFilterNode with Q -3.01 dB); out `l = m + s`, `r = m - s`.
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        below = setup.parameters["monoBelow"]
        self._low = filters.Cascade([filters.high_pass(setup.rate, below)], 1) if below >= 1 else None

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        signs = [-1.0 if values[name] else 1.0 for name in ("invertLeft", "invertRight")]
        if signs != [1.0, 1.0]:
            block = np.stack([lane * np.float32(sign) for lane, sign in zip(block.T, signs, strict=True)], axis=1)
        if values["mono"]:
            block = np.repeat(block.mean(axis=1, keepdims=True), 2, axis=1)
        elif self._low is not None:
            middle = (block[:, 0] + block[:, 1]) * np.float32(0.5)
            sides = self._low.process((block[:, :1] - block[:, 1:]) * np.float32(0.5))[:, 0]
            block = np.stack((middle + sides, middle - sides), axis=1)
        return scaled(block, gain(values["gain"]))
