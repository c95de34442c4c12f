"""A soft clipper that rounds peaks off, at twice the sample rate so that the harmonics it makes do not fold back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from dawg_server.audio import arrays

_KNEE = 0.6  # of the height, below which nothing is bent


def rounded(blocks: Iterable[arrays.Samples], rate: int, height: float) -> Iterator[arrays.Samples]:
    """Stereo blocks, none of whose samples gets far above `height`; as many frames come out as go in."""
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
