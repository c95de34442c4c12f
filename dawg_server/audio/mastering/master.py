"""Masters a recording: measures it, applies the chain, and finds the gain whose limited result has the loudness asked.

The loudness after a limiter cannot be computed, so it is measured and the gain corrected until it fits.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from dawg_server import errors
from dawg_server.audio import arrays, codecs, encoder, recording_meter
from dawg_server.audio.mastering import balance, levelling, plan
from dawg_server.audio.mastering.chain import Chain

Report = Callable[[float], None]

_REGIONS = {"low": (0, 3), "mid": (3, 6), "high": (6, 9)}  # bands of `balance.BANDS`: below 220 Hz, above 1.8 kHz
QUIETEST = -60.0  # LUFS; below it there is nothing but noise to bring forward
_LOSSY_ATTEMPTS = 3  # of lowering the ceiling for what a lossy format adds to the peaks
_SHARES = {"listening": 0.15, "shaping": 0.4, "levelling": 0.9}  # progress at the end of each stage


def master(
    source: str,
    target: str,
    format: encoder.WriteFormat,
    *,
    quality: str = "streaming",
    loudness_target: float | None = None,
    genre: str | None = None,
    report: Report = lambda fraction: None,
) -> dict[str, Any]:
    """Writes the master of `source` to `target` (24 bits, or 320 kbit/s), beside which temporary files may lie.

    `loudness_target` in LUFS, by default that of the `quality` (streaming, cd or club). Returns `facts` (columns of
    `audio_files`), `before` and `after` (measured), `chain` (what was done) and `analysis`.
    Raises AudioTooQuiet.
    """
    wanted = plan.LOUDNESS[quality] if loudness_target is None else loudness_target
    rate = encoder.writable_rate(format, codecs.probe(source, max_seconds=None).rate)
    before, heard = _listen(source, rate)
    report(_SHARES["listening"])
    if before.lufs < QUIETEST:
        raise errors.AudioTooQuiet
    chosen = plan.make(heard, quality, genre)
    shaped = str(pathlib.Path(target).with_suffix(".shaped.wav"))
    compression = _shape(source, shaped, rate, chosen)
    report(_SHARES["shaping"])
    level = levelling.Level(lambda: stereo(shaped, rate), rate, wanted)
    level.search(lambda done: report(_SHARES["shaping"] + (_SHARES["levelling"] - _SHARES["shaping"]) * done))
    for _ in range(_LOSSY_ATTEMPTS):
        level.write(target, format)
        after, final = _listen(target, rate)
        if after.true_peak <= levelling.CEILING:
            break
        level.lower(after.true_peak)
    pathlib.Path(shaped).unlink()
    report(1.0)
    return {
        "facts": after.facts(24 if format in ("wav", "flac") else None),
        "before": before.numbers(),
        "after": after.numbers(),
        "chain": {
            **chosen.describe(),
            "compression": compression,
            **level.describe(),
        },
        "analysis": _judged(after, final, plan.deviation(final, quality, genre), wanted),
    }


def _listen(path: str, rate: int) -> tuple[recording_meter.RecordingMeter, balance.Balance]:
    meter, listener = recording_meter.RecordingMeter(rate, 2), balance.BalanceMeter(rate)
    for block in stereo(path, rate):
        meter.add(block)
        listener.add(block)
    return meter, listener.result()


def _shape(source: str, target: str, rate: int, chosen: plan.Plan) -> dict[str, float]:
    chain = Chain(rate, chosen)
    with codecs.Writer(target, "wav", rate, 2, bit_depth=32) as writer:
        for block in stereo(source, rate):
            writer.write(chain.process(block))
        writer.write(chain.flush())
    compressor = chain.compressor
    return {"meanReduction": round(compressor.mean_reduction, 2), "maxReduction": round(compressor.deepest, 2)}


def stereo(path: str, rate: int) -> Iterator[arrays.Samples]:
    """The file in blocks of two channels: mono twice, of more the front pair."""
    for block in codecs.read_blocks(path, rate=rate, max_seconds=None):
        yield np.repeat(block, 2, axis=1) if block.shape[1] == 1 else np.ascontiguousarray(block[:, :2])


def _judged(
    after: recording_meter.RecordingMeter, heard: balance.Balance, deviation: tuple[float, ...], wanted: float
) -> dict[str, Any]:
    """`analysis` of a result.

    `spectralBalance`: dB of three regions (below 220 Hz, up to 1.8 kHz, above) relative to the usual spectrum.
    `overallQuality` 0..100 is the mean of five marks, each measured: loudness met (0 at 2 LU off), true peak below
    -1 dBTP (0 at 1 dB above), spectrum (0 at 12 dB off), crest factor (1 from 8 dB up), sides below the middle.
    """
    numbers = after.numbers()
    marks = (
        1 - abs(after.lufs - wanted) / 2,
        1 - (after.true_peak + 1.0),
        1 - float(np.sqrt(np.mean(np.square(deviation)))) / 12,
        after.crest / 8,
        1 - heard.side_db / 6,
    )
    return {
        **numbers,
        "spectralBalance": {
            name: round(float(np.mean(deviation[first:last])), 1) for name, (first, last) in _REGIONS.items()
        },
        "bands": {f"{hertz:g}": round(level, 1) for hertz, level in zip(balance.BANDS, heard.bands, strict=True)},
        "overallQuality": round(100 * float(np.mean(np.clip(marks, 0, 1)))),
    }
