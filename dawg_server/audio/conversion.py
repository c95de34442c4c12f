"""A recording in another format."""

from __future__ import annotations

import numpy as np

from dawg_server.audio import codecs, encoder


def convert(source: str, target: str, format: encoder.WriteFormat) -> None:
    """Writes `source` to `target`: lossless formats at its own depth (24 bits if it has none).

    Of more channels than the format holds, the first ones. The same file gives the same bytes.
    """
    info = codecs.probe(source, max_seconds=None)
    rate = encoder.writable_rate(format, info.rate)
    channels = min(info.channels, encoder.MAX_CHANNELS[format])
    depth = info.bit_depth if info.bit_depth in encoder.BIT_DEPTHS.get(format, ()) else None
    with codecs.Writer(target, format, rate, channels, bit_depth=depth) as writer:
        for block in codecs.read_blocks(source, rate=rate, max_seconds=None):
            writer.write(np.ascontiguousarray(block[:, :channels]))
