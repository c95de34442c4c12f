"""The stages of mastering on a stream: low cut, equaliser, stereo, compressor. Loudness and limiter come after."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.mastering.plan import Plan
from dawg_server.audio.mixing import dynamics

HIGH_CUT_HZ = 19_800.0
_HIGHEST = 0.449  # of the rate
_SIXTH_ORDER = (0.5176, 0.7071, 1.9319)  # the sections' q of a Butterworth filter


class Chain:
    """Stereo in, stereo out, as many frames in total; `flush` gives the last ones."""

    def __init__(self, rate: int, plan: Plan) -> None:
        sections = [filters.high_pass(rate, plan.low_cut_hz), *(band.section(rate) for band in plan.equaliser)]
        # What lies next to half the rate is inaudible, and there the height of a waveform depends on who plays it.
        sections += [filters.low_pass(rate, min(HIGH_CUT_HZ, _HIGHEST * rate), q) for q in _SIXTH_ORDER]
        self._tone = filters.Cascade(sections, 2)
        self._width = np.float32(plan.width)
        bass = plan.mono_bass_hz
        self._side_cut = filters.Cascade([filters.high_pass(rate, bass)], 1) if bass else None
        self.compressor = dynamics.Compressor(rate, 2, plan.compressor)

    def process(self, block: arrays.Samples) -> arrays.Samples:
        block = self._tone.process(block)
        if self._side_cut is not None or self._width != 1:
            middle = (block[:, 0] + block[:, 1]) / 2
            side = (block[:, 0] - block[:, 1]) / 2 * self._width
            if self._side_cut is not None:
                side = self._side_cut.process(side[:, None])[:, 0]
            block = np.stack((middle + side, middle - side), axis=1)
        return self.compressor.process(block)

    def flush(self) -> arrays.Samples:
        return self.compressor.flush()
