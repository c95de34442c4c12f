"""The stages of mastering on a stream: low cut, equaliser, stereo, compressor, and a clipper where loudness needs it.

The limiter comes after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dawg_server.audio import arrays, filters
from dawg_server.audio.mastering.plan import Plan
from dawg_server.audio.mixing import dynamics

HIGH_CUT_HZ = 19_800.0
_KNEE = 0.6  # of the clipper's height, below which nothing is bent
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


def rounded(blocks: Iterable[arrays.Samples], rate: int, height: float) -> Iterator[arrays.Samples]:
    """Peaks rounded off, at twice the sample rate so that the harmonics it makes do not fold back.

    Stereo blocks, none of whose samples gets far above `height`; as many frames come out as go in.
    """
    import soxr  # type: ignore[import-untyped]

    up = soxr.ResampleStream(rate, 2 * rate, 2, dtype="float32", quality="HQ")
    down = soxr.ResampleStream(2 * rate, rate, 2, dtype="float32", quality="HQ")
    given = made = 0
    for block in blocks:
        given += len(block)
        out = down.resample_chunk(bend(up.resample_chunk(np.ascontiguousarray(block)), height))
        made += len(out)
        yield out
    rest = up.resample_chunk(np.zeros((0, 2), np.float32), last=True)
    out = down.resample_chunk(bend(rest, height), last=True)[: given - made]
    yield np.concatenate((out, np.zeros((given - made - len(out), 2), np.float32)))


def bend(block: arrays.Samples, height: float) -> arrays.Samples:
    """Straight up to the knee, then ever flatter towards `height`, smooth in between."""
    knee = np.float32(_KNEE * height)
    room = np.float32(height) - knee
    size = np.abs(block)
    over = size > knee
    if over.any():
        block[over] = np.sign(block[over]) * (knee + room * np.tanh((size[over] - knee) / room))
    return block
