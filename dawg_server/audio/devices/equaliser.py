"""The equaliser."""

from __future__ import annotations

from dawg_server.audio import arrays, filters
from dawg_server.audio.devices.base import Device, Setup, Values
from dawg_server.audio.devices.catalogue import BANDS
from dawg_server.audio.devices.recursion import VaryingBiquad

KINDS = {
    "lowpass": "low pass",
    "highpass": "high pass",
    "bandpass": "band pass",
    "lowshelf": "low shelf",
    "highshelf": "high shelf",
    "peaking": "bell",
    "notch": "notch",
    "allpass": "all pass",
}
_FLAT_AT_ZERO = ("lowshelf", "highshelf", "peaking")


class Equaliser(Device):
    """Biquads in series, band 1 first; those of the type `off` are not there.

    Each is Web Audio's BiquadFilterNode with the same `type`, `frequency` (Hz) and `gain` (dB), by the formulas of
    R. Bristow-Johnson's cookbook (W3C note "Audio EQ Cookbook", 2021; Web Audio API 1.1, section 1.13.5). `q` is the
    cookbook's Q, linear, for every type: BiquadFilterNode takes it as it is for peaking, bandpass, notch and allpass,
    and in decibels for lowpass and highpass, so there `Q = 20 log10(q)`. Shelves have the slope S = 1 and no `q`.
    Moved parameters count at every sample, with the last two samples in and out kept over changes of the
    coefficients (direct form I).
    """

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._stages: list[filters.Cascade | tuple[int, VaryingBiquad]] = []
        still: list[filters.Biquad] = []
        values = setup.parameters
        for band in range(1, BANDS + 1):
            kind = values[f"type{band}"]
            if kind == "off":
                continue
            if any(f"{name}{band}" in setup.moved for name in ("frequency", "gain", "q")):
                if still:
                    self._stages.append(filters.Cascade(still, 2))
                    still = []
                self._stages.append((band, VaryingBiquad(KINDS[kind], setup.rate)))
            elif kind not in _FLAT_AT_ZERO or values[f"gain{band}"]:
                q = filters.BUTTERWORTH_Q if kind.endswith("shelf") else values[f"q{band}"]
                still.append(
                    filters.design(KINDS[kind], setup.rate, values[f"frequency{band}"], values[f"gain{band}"], q)
                )
        if still:
            self._stages.append(filters.Cascade(still, 2))

    def process(self, block: arrays.Samples, values: Values, side: arrays.Samples | None = None) -> arrays.Samples:
        for stage in self._stages:
            if isinstance(stage, filters.Cascade):
                block = stage.process(block)
            else:
                band, biquad = stage
                shelf = values[f"type{band}"].endswith("shelf")
                q = filters.BUTTERWORTH_Q if shelf else values[f"q{band}"]
                block = biquad.process(block, values[f"frequency{band}"], values[f"gain{band}"], q)
        return block
